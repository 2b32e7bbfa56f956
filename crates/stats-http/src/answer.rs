//! Answers whose making blocks: worked out away from the asynchronous threads, and sent while they are made.

use std::io::{self, Write};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::rt::task::spawn_blocking;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use futures_util::stream;
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
/// so that memory does not grow with it. `produce` is given
/// `mask`, and writes what that keeps.
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
    Chunks(mpsc::Receiver<io::Result<Bytes>>),
}

impl Body {
    fn into_response(self, mut response: HttpResponseBuilder) -> HttpResponse {
        match self {
            Self::Whole(body) => response.body(body),
            Self::Chunks(mut chunks) => {
                response.streaming(stream::poll_fn(move |context| chunks.poll_recv(context)))
            }
        }
    }
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
    Sending(mpsc::Sender<io::Result<Bytes>>),
    Gone,
}

impl AnswerWriter {
    /// Adds a header. It has no effect once the first chunk is on its way.
    pub(crate) fn header(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.headers.push((name, value.into()));
    }

    fn send_chunk(&mut self) -> io::Result<()> {
        let chunk = Ok(std::mem::take(&mut self.buffer).into());
        let chunks = match std::mem::replace(&mut self.state, State::Gone) {
            State::Unsent(head) => {
                let (sender, receiver) = mpsc::channel(QUEUE);
                let headers = std::mem::take(&mut self.headers);
                let answer = Answer {
                    headers,
                    body: Body::Chunks(receiver),
                };
                head.send(Ok(answer))
                    .map_err(|_| io::ErrorKind::BrokenPipe)?;
                sender
            }
            State::Sending(chunks) => chunks,
            State::Gone => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        let until = self.deadline.min(Instant::now() + self.stall_timeout);
        self.runtime
            .block_on(async { timeout_at(until, chunks.send(chunk)).await })
            .map_err(|_| io::ErrorKind::TimedOut)?
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.state = State::Sending(chunks);
        Ok(())
    }

    fn finish(mut self, result: Result<(), ApiError>) {
        let result = match (result, &self.state) {
            (Ok(()), State::Sending(_)) => {
                let _ = self.send_chunk();
                return;
            }
            (result, _) => result,
        };
        match (self.state, result) {
            (State::Unsent(head), result) => {
                let answer = result.map(|()| Answer {
                    headers: self.headers,
                    body: Body::Whole(self.buffer),
                });
                // If nobody waits for it any more, nobody misses it.
                let _ = head.send(answer);
            }
            (State::Sending(chunks), Err(error)) => {
                log::error!(function = function_name!(); "An answer was broken off: {error}");
                let end = chunks.send(Err(io::Error::other("broken off")));
                let until = Instant::now() + self.stall_timeout;
                let _ = self
                    .runtime
                    .block_on(async { timeout_at(until, end).await });
            }
            (State::Sending(_) | State::Gone, _) => {}
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
