use std::io::{self, Write};

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use flate2::write::GzDecoder;
use futures_util::StreamExt;
use stats_core::ClientId;
use tokio::time::{Instant, timeout_at};

use crate::bodies::Room;
use crate::errors::ApiError;
use crate::state::App;

/// The body of a request. It takes room among all bodies until dropped.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    _room: Option<Room>,
}

/// Maximum number of bytes that are written at once.
const PIECE: usize = 64 << 10;
/// Maximum number of bytes that are decompressed at once.
const COMPRESSED_PIECE: usize = 512;
/// Maximum compression ratio of deflate.
const MAX_RATIO: usize = 1032;

/// Reads a body of any content type and of at most `limit` bytes after decompression. Fails if it arrives below the
/// minimum rate.
pub(crate) async fn read_body(
    request: &HttpRequest,
    payload: &mut Payload,
    client: ClientId,
    app: &App,
    limit: usize,
) -> Result<Body, ApiError> {
    let mut decoder = Decoder::new(request, limit)?;
    let content_length = content_length(request);
    if content_length.is_some_and(|length| length > limit) {
        return Err(ApiError::TooLarge(limit));
    }
    let length = content_length.filter(|_| matches!(decoder, Decoder::Identity(_)));
    let mut room = None;
    let limits = &app.config.limits;
    let started = Instant::now();
    let mut received = 0;
    loop {
        let deadline = started + limits.time_for(received);
        let chunk = timeout_at(deadline, payload.next()).await;
        let Some(chunk) = chunk.map_err(|_| ApiError::BodyTimeout)? else {
            break;
        };
        let chunk = chunk
            .map_err(|error| ApiError::Malformed(format!("The body cannot be read: {error}.")))?;
        received += chunk.len() as u64;
        for piece in chunk.chunks(decoder.max_piece()) {
            let room = match &mut room {
                None => room.insert(app.bodies.enter(client, length).await?),
                Some(room) => room,
            };
            let needed = decoder.len_after(piece).min(limit);
            app.bodies.grow(room, needed).await?;
            decoder.write(piece)?;
        }
    }
    Ok(Body {
        bytes: decoder.finish()?,
        _room: room,
    })
}

/// Reads a body whose content type must be JSON, up to the configured maximum size.
pub(crate) async fn read_json_body(
    request: &HttpRequest,
    payload: &mut Payload,
    client: ClientId,
    app: &App,
) -> Result<Body, ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next();
    let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
    if essence != "application/json" && !essence.ends_with("+json") {
        return Err(ApiError::NotJson);
    }
    read_body(request, payload, client, app, app.config.max_body_bytes).await
}

fn content_length(request: &HttpRequest) -> Option<usize> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    length.and_then(|length| length.to_str().ok()?.parse().ok())
}

/// Collects and decompresses a body.
enum Decoder {
    Identity(Bounded),
    Gzip(GzDecoder<Bounded>),
}

impl Decoder {
    fn new(request: &HttpRequest, limit: usize) -> Result<Self, ApiError> {
        let bytes = Bounded {
            bytes: Vec::new(),
            limit,
        };
        let encoding = request.headers().get(header::CONTENT_ENCODING);
        let encoding = encoding.map(|value| value.as_bytes().trim_ascii().to_ascii_lowercase());
        match encoding.as_deref() {
            None | Some(b"" | b"identity") => Ok(Self::Identity(bytes)),
            Some(b"gzip" | b"x-gzip") => Ok(Self::Gzip(GzDecoder::new(bytes))),
            Some(_) => Err(ApiError::UnknownEncoding),
        }
    }

    /// Maximum number of bytes to write at once.
    fn max_piece(&self) -> usize {
        match self {
            Self::Identity(_) => PIECE,
            Self::Gzip(_) => COMPRESSED_PIECE,
        }
    }

    /// Maximum length of the decompressed body after writing `piece`.
    fn len_after(&self, piece: &[u8]) -> usize {
        match self {
            Self::Identity(bounded) => bounded.bytes.len() + piece.len(),
            Self::Gzip(decoder) => decoder.get_ref().bytes.len() + piece.len() * MAX_RATIO,
        }
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), ApiError> {
        match self {
            Self::Identity(bounded) => bounded.write_all(piece),
            Self::Gzip(decoder) => decoder.write_all(piece),
        }
        .map_err(decoding_error)
    }

    fn finish(self) -> Result<Vec<u8>, ApiError> {
        match self {
            Self::Identity(bounded) => Ok(bounded.bytes),
            Self::Gzip(decoder) => Ok(decoder.finish().map_err(decoding_error)?.bytes),
        }
    }
}

fn decoding_error(error: io::Error) -> ApiError {
    match error.downcast::<TooLarge>() {
        Ok(TooLarge(limit)) => ApiError::TooLarge(limit),
        Err(error) => ApiError::Malformed(format!("The body is not gzip: {error}.")),
    }
}

/// A buffer with a maximum length.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("larger than {0} bytes")]
struct TooLarge(usize);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::Error::other(TooLarge(self.limit)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
