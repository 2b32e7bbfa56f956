use std::cell::RefCell;
use std::error::Error as StdError;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage};
use futures_util::StreamExt;
use futures_util::stream::poll_fn;

use crate::state::App;

/// Closes connections that clients could hold open: actix-web has no timeout for the headers of a second request, and
/// none for a chunked body that no route reads.
///
/// While more than half of the allowed connections are open, and before the server stops, each is closed after its answer.
/// The payload of a chunked request is kept until the answer is sent: actix-web reads a dropped payload to its end, but
/// closes the connection if the payload still exists.
pub(crate) async fn release_connection(
    app: Data<App>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let payload = is_chunked.then(|| share_payload(&mut request));
    let mut response = next.call(request).await?;
    let is_crowded = app.connections.count() > app.config.limits.connections / 2;
    if is_crowded || app.drain.has_begun() {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| WithPayload {
        body: body.boxed(),
        _payload: payload,
    }))
}

type SharedPayload = Rc<RefCell<Payload>>;

fn share_payload(request: &mut ServiceRequest) -> SharedPayload {
    let payload = Rc::new(RefCell::new(request.take_payload()));
    let shared = payload.clone();
    let stream = poll_fn(move |context| shared.borrow_mut().poll_next_unpin(context));
    request.set_payload(Payload::Stream {
        payload: stream.boxed_local(),
    });
    payload
}

/// The body of an answer, which keeps the payload of its request.
struct WithPayload {
    body: BoxBody,
    _payload: Option<SharedPayload>,
}

impl MessageBody for WithPayload {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
