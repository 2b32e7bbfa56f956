use std::future::pending;
use std::io::{self, Write};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::rt::task::spawn_blocking;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::future::select;
use futures_util::stream::{self, Stream};
use stats_db::Db;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use super::blocking::CancelOnDrop;
use crate::errors::ApiError;
use crate::function_name::function_name;
use crate::state::App;
use crate::turns::Turn;

/// Minimum size of a chunk, in bytes. A shorter answer is sent whole, with `Content-Length`.
const CHUNK: usize = 64 * 1024;
/// Maximum number of chunks that wait for the network.
const QUEUE: usize = 4;

/// Responds with the JSON that `produce` writes on a blocking thread. A long answer is sent while it is written, which
/// bounds the memory that it uses. When the client hangs up, the work is cancelled.
///
/// An error before the first chunk becomes the answer. A later error aborts the connection, so that the client detects
/// the truncated answer.
pub(crate) async fn stream_json(
    app: &App,
    status: StatusCode,
    produce: impl FnOnce(&Db, &mut AnswerWriter) -> Result<(), ApiError> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let limits = &app.config.limits;
    let (head, first) = oneshot::channel();
    let mut writer = AnswerWriter {
        status,
        headers: Vec::new(),
        buffer: Vec::new(),
        state: State::Unsent(head),
        runtime: Handle::current(),
        stall_timeout: limits.stall_timeout,
        yield_timeout: limits.yield_timeout,
        deadline: Instant::now() + limits.list_timeout,
        turn: None,
    };
    let guard = CancelOnDrop::default();
    let db = app.db.cancelled_by(&guard.0);
    // A statement lasts until the client has read its rows.
    let db = db.with_statement_timeout(Some(limits.list_timeout));
    spawn_blocking(move || {
        let result = produce(&db, &mut writer);
        writer.finish(result);
    });
    let aborted = |_| ApiError::internal("the answer was aborted");
    let answer = first.await.map_err(aborted)??;
    let mut response = HttpResponse::build(answer.status);
    response.content_type(header::ContentType::json());
    for header in answer.headers {
        response.insert_header(header);
    }
    Ok(answer.body.into_response(response, guard))
}

/// An answer whose body may follow in pieces.
struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

enum Body {
    Whole(Vec<u8>),
    Pieces(mpsc::Receiver<Piece>),
}

/// A part of a long answer. An answer without [`Piece::End`] is truncated.
enum Piece {
    Chunk(Bytes),
    End,
}

impl Body {
    fn into_response(self, mut response: HttpResponseBuilder, guard: CancelOnDrop) -> HttpResponse {
        match self {
            Self::Whole(body) => response.body(body),
            Self::Pieces(pieces) => response.streaming(chunks(pieces, guard)),
        }
    }
}

/// Streams the chunks of an answer. If they stop before [`Piece::End`], an error aborts the connection.
fn chunks(
    mut pieces: mpsc::Receiver<Piece>,
    guard: CancelOnDrop,
) -> impl Stream<Item = io::Result<Bytes>> {
    let mut is_finished = false;
    stream::poll_fn(move |context| {
        // The stream owns the guard: dropping it early cancels the work.
        let _ = &guard;
        if is_finished {
            return Poll::Ready(None);
        }
        pieces.poll_recv(context).map(|piece| {
            is_finished = !matches!(piece, Some(Piece::Chunk(_)));
            match piece {
                Some(Piece::Chunk(chunk)) => Some(Ok(chunk)),
                Some(Piece::End) => None,
                None => Some(Err(io::Error::other("the answer was aborted"))),
            }
        })
    })
}

/// Buffers an answer and sends it in chunks.
pub(crate) struct AnswerWriter {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    buffer: Vec<u8>,
    state: State,
    runtime: Handle,
    /// Maximum time for which the client reads nothing.
    stall_timeout: Duration,
    /// Maximum time for which the client reads nothing while another request waits for the turn.
    yield_timeout: Duration,
    /// Time by which the client has to have read everything.
    deadline: Instant,
    turn: Option<Turn>,
}

enum State {
    Unsent(oneshot::Sender<Result<Answer, ApiError>>),
    Sending(mpsc::Sender<Piece>),
    Gone,
}

impl AnswerWriter {
    /// Discards what was written. Fails if a part of it was sent already.
    pub(crate) fn restart(&mut self) -> Result<(), ApiError> {
        match self.state {
            State::Unsent(_) => {
                self.headers.clear();
                self.buffer.clear();
                Ok(())
            }
            State::Gone => Err(ApiError::ClientGone),
            State::Sending(_) => Err(ApiError::internal(
                "the database failed in the middle of the answer",
            )),
        }
    }

    /// Sets the status. Has no effect after the first chunk.
    pub(crate) fn status(&mut self, status: StatusCode) {
        self.status = status;
    }

    /// Adds a header. Has no effect after the first chunk.
    pub(crate) fn header(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.headers.push((name, value.into()));
    }

    /// Holds `turn` until the answer is written, or aborts the answer if the client does not read it while another
    /// request waits for the turn.
    pub(crate) fn hold(&mut self, turn: Turn) {
        self.turn = Some(turn);
    }

    fn answer(&mut self, body: Body) -> Answer {
        Answer {
            status: self.status,
            headers: std::mem::take(&mut self.headers),
            body,
        }
    }

    fn send_chunk(&mut self) -> io::Result<()> {
        let chunk = std::mem::take(&mut self.buffer).into();
        self.send(Piece::Chunk(chunk))
    }

    fn send(&mut self, piece: Piece) -> io::Result<()> {
        let pieces = match std::mem::replace(&mut self.state, State::Gone) {
            State::Unsent(head) => {
                let (sender, receiver) = mpsc::channel(QUEUE);
                let answer = self.answer(Body::Pieces(receiver));
                head.send(Ok(answer))
                    .map_err(|_| io::ErrorKind::BrokenPipe)?;
                sender
            }
            State::Sending(pieces) => pieces,
            State::Gone => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        let deadline = self.deadline.min(Instant::now() + self.stall_timeout);
        let (yield_timeout, turn) = (self.yield_timeout, &mut self.turn);
        let sent = async { timeout_at(deadline, pieces.send(piece)).await.ok() };
        let wanted = async {
            sleep(yield_timeout).await;
            match turn {
                Some(turn) => turn.is_wanted().await,
                None => pending().await,
            }
            None
        };
        self.runtime
            .block_on(async { select(pin!(sent), pin!(wanted)).await.factor_first().0 })
            .ok_or(io::ErrorKind::TimedOut)?
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.state = State::Sending(pieces);
        Ok(())
    }

    /// Completes the answer. Dropping the writer instead aborts it.
    fn finish(mut self, result: Result<(), ApiError>) {
        self.turn = None;
        match (std::mem::replace(&mut self.state, State::Gone), result) {
            (State::Unsent(head), result) => {
                let body = Body::Whole(std::mem::take(&mut self.buffer));
                // This fails only if the client is gone.
                let _ = head.send(result.map(|()| self.answer(body)));
            }
            (state @ State::Sending(_), Ok(())) => {
                self.state = state;
                let _ = self.send_chunk().and_then(|()| self.send(Piece::End));
            }
            (_, Err(error @ ApiError::ClientGone)) => {
                log::debug!(function = function_name!(); "An answer was aborted: {error}");
            }
            (_, Err(error)) => {
                log::error!(function = function_name!(); "An answer was aborted: {error}");
            }
            (_, Ok(())) => {}
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
