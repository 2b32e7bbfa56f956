//! Answers whose making blocks: worked out away from the asynchronous threads, and sent while they are made.

use std::io::{self, Write};
use std::task::Poll;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::rt::task::spawn_blocking;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use stats_core::function_name;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::errors::ApiError;
use crate::limits::Limits;
use crate::mask::Mask;

/// Runs `work` on a thread where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    web::block(work)
        .await
        .map_err(|error| ApiError::Internal(error.to_string()))?
}

/// Answers with what `mask` keeps of `value`.
pub(crate) fn json(status: StatusCode, mask: &Mask, value: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).json(mask.apply(value))
}

/// Bytes that are sent at once. An answer that is no longer is sent whole, with its length.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for the network.
const QUEUE: usize = 4;

/// Answers with the JSON that `produce` writes on a thread where it may block. A long answer is sent while it is made,
/// so that memory does not grow with it. `produce` is given `mask`, and writes what that keeps.
///
/// An error before the first chunk is the answer instead; a later one breaks the connection off, so that nobody takes
/// half an answer for a whole one.
pub(crate) async fn stream_json(
    limits: &Limits,
    mask: Mask,
    produce: impl FnOnce(&mut AnswerWriter, &Mask) -> Result<(), ApiError> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let (head, first) = oneshot::channel();
    let runtime = Handle::current();
    let stall_timeout = limits.stall_timeout;
    let deadline = Instant::now() + limits.list_timeout;
    spawn_blocking(move || {
        let mut writer = AnswerWriter {
            headers: Vec::new(),
            buffer: Vec::new(),
            state: State::Unsent(head),
            runtime,
            stall_timeout,
            deadline,
        };
        let result = produce(&mut writer, &mask);
        writer.finish(result);
    });
    let answer = first
        .await
        .map_err(|_| ApiError::Internal("the answer was given up".to_owned()))??;
    let mut response = HttpResponse::Ok();
    response.content_type(header::ContentType::json());
    for header in answer.headers {
        response.insert_header(header);
    }
    Ok(answer.body.into_response(response))
}

/// The beginning of an answer.
struct Answer {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

enum Body {
    Whole(Vec<u8>),
    Pieces(mpsc::Receiver<Piece>),
}

/// What a long answer is sent in. Only one that has come to its [`Piece::End`] is whole.
enum Piece {
    Chunk(Bytes),
    End,
}

impl Body {
    fn into_response(self, mut response: HttpResponseBuilder) -> HttpResponse {
        match self {
            Self::Whole(body) => response.body(body),
            Self::Pieces(pieces) => response.streaming(chunks(pieces)),
        }
    }
}

/// The chunks of an answer, and an error where they stop before its end, whatever the reason: that breaks the
/// connection off.
fn chunks(mut pieces: mpsc::Receiver<Piece>) -> impl Stream<Item = io::Result<Bytes>> {
    let mut is_over = false;
    stream::poll_fn(move |context| {
        if is_over {
            return Poll::Ready(None);
        }
        pieces.poll_recv(context).map(|piece| {
            is_over = !matches!(piece, Some(Piece::Chunk(_)));
            match piece {
                Some(Piece::Chunk(chunk)) => Some(Ok(chunk)),
                Some(Piece::End) => None,
                None => Some(Err(io::Error::other("the answer was broken off"))),
            }
        })
    })
}

/// Where a long answer is written to: it passes on what fills a chunk.
pub(crate) struct AnswerWriter {
    headers: Vec<(HeaderName, HeaderValue)>,
    buffer: Vec<u8>,
    state: State,
    runtime: Handle,
    /// A client that takes nothing for so long has gone away.
    stall_timeout: Duration,
    /// And one that has not taken everything by then.
    deadline: Instant,
}

enum State {
    Unsent(oneshot::Sender<Result<Answer, ApiError>>),
    Sending(mpsc::Sender<Piece>),
    Gone,
}

impl AnswerWriter {
    /// Adds a header. It has no effect once the first chunk is on its way.
    pub(crate) fn header(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.headers.push((name, value.into()));
    }

    fn send_chunk(&mut self) -> io::Result<()> {
        let chunk = std::mem::take(&mut self.buffer).into();
        self.send(Piece::Chunk(chunk))
    }

    fn send(&mut self, piece: Piece) -> io::Result<()> {
        let pieces = match std::mem::replace(&mut self.state, State::Gone) {
            State::Unsent(head) => {
                let (sender, receiver) = mpsc::channel(QUEUE);
                let headers = std::mem::take(&mut self.headers);
                let answer = Answer {
                    headers,
                    body: Body::Pieces(receiver),
                };
                head.send(Ok(answer))
                    .map_err(|_| io::ErrorKind::BrokenPipe)?;
                sender
            }
            State::Sending(pieces) => pieces,
            State::Gone => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        let until = self.deadline.min(Instant::now() + self.stall_timeout);
        self.runtime
            .block_on(async { timeout_at(until, pieces.send(piece)).await })
            .map_err(|_| io::ErrorKind::TimedOut)?
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.state = State::Sending(pieces);
        Ok(())
    }

    /// Without this an answer that has begun counts as broken off.
    fn finish(mut self, result: Result<(), ApiError>) {
        match (&self.state, result) {
            (State::Sending(_), Ok(())) => {
                // If it cannot be sent, nobody is there to be told.
                let _ = self.send_chunk().and_then(|()| self.send(Piece::End));
            }
            (State::Sending(_), Err(error)) => {
                log::error!(function = function_name!(); "An answer was broken off: {error}");
            }
            (_, result) => {
                if let State::Unsent(head) = self.state {
                    let answer = result.map(|()| Answer {
                        headers: self.headers,
                        body: Body::Whole(self.buffer),
                    });
                    // If nobody waits for it any more, nobody misses it.
                    let _ = head.send(answer);
                }
            }
        }
    }
}

impl Write for AnswerWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.send_chunk()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::mpsc::channel;

    use actix_web::body::to_bytes;

    use super::*;

    /// The bytes of the answer that `produce` makes, or nothing where it was broken off.
    async fn body(
        stall_timeout: Duration,
        produce: impl FnOnce(&mut AnswerWriter) -> Result<(), ApiError> + Send + 'static,
    ) -> Option<Bytes> {
        let limits = Limits {
            stall_timeout,
            min_rate: NonZeroU32::MAX,
            ..Limits::default()
        };
        let (send_end, end) = channel();
        let produce = move |answer: &mut AnswerWriter, _: &Mask| {
            let result = produce(answer);
            let _ = send_end.send(());
            result
        };
        let response = stream_json(&limits, Mask::All, produce).await.unwrap();
        if stall_timeout < Duration::from_secs(1) {
            // Nobody reads until the other side has given up.
            blocking(move || Ok(end.recv().is_ok())).await.unwrap();
        }
        to_bytes(response.into_body()).await.ok()
    }

    fn write_chunks(answer: &mut AnswerWriter, chunks: usize) -> Result<(), ApiError> {
        for _ in 0..chunks {
            answer.write_all(&[b' '; CHUNK])?;
        }
        Ok(())
    }

    #[actix_web::test]
    async fn a_whole_answer_arrives_whole() {
        let patient = Duration::from_secs(20);
        for chunks in [0, 1, 9] {
            let whole = body(patient, move |answer| write_chunks(answer, chunks)).await;
            assert_eq!(whole.unwrap().len(), chunks * CHUNK);
        }
        let odd = body(patient, |answer| {
            write_chunks(answer, 2)?;
            Ok(answer.write_all(b"end")?)
        });
        assert!(odd.await.unwrap().ends_with(b" end"));
    }

    #[actix_web::test]
    async fn half_an_answer_never_passes_for_a_whole_one() {
        let patient = Duration::from_secs(20);
        let fails = body(patient, |answer| {
            write_chunks(answer, 2)?;
            Err(ApiError::Internal("on purpose".to_owned()))
        });
        assert!(fails.await.is_none());
        let panics = body(patient, |answer| {
            write_chunks(answer, 2)?;
            panic!("on purpose");
        });
        assert!(panics.await.is_none());
        let stalls = body(Duration::from_millis(20), |answer| write_chunks(answer, 20));
        assert!(stalls.await.is_none());
    }
}
