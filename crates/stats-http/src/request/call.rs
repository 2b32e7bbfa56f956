use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::{FutureExt, LocalBoxFuture};
use stats_core::{Client, Token, function_name};

use super::mask::read_mask;
use crate::answer::blocking;
use crate::app::{App, HttpConfig};
use crate::errors::ApiError;
use crate::mask::Mask;

/// A call of the API by a client that is known by the token in `X-API-KEY`.
///
/// It is read in this order: who asks, whether they may, and only then what they send, so that a stranger cannot make
/// the service read a large body.
pub(crate) struct Call<T = ()> {
    pub(crate) caller: Client,
    pub(crate) input: T,
    /// Which fields of the answer it wants.
    pub(crate) mask: Mask,
    pub(crate) app: Data<App>,
}

/// What a route reads from a request.
pub(crate) trait Input: Sized {
    /// Whether the caller may make this call at all.
    fn permit(_caller: &Client, _config: &HttpConfig) -> Result<(), ApiError> {
        Ok(())
    }

    /// Reads and validates it.
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        config: &HttpConfig,
    ) -> Result<Self, ApiError>;
}

impl Input for () {
    async fn read(_: &HttpRequest, _: &mut Payload, _: &HttpConfig) -> Result<Self, ApiError> {
        Ok(())
    }
}

impl<T: Input> FromRequest for Call<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move {
            let app = request.app_data::<Data<App>>().cloned();
            let app =
                app.ok_or_else(|| ApiError::Internal("the application has no state".to_owned()))?;
            let token = read_token(&request)?;
            let state = app.clone();
            let caller = blocking(move || authenticate(&state, &token)).await?;
            T::permit(&caller, &app.config)?;
            let mask = read_mask(&request)?;
            let input = T::read(&request, &mut payload, &app.config).await?;
            Ok(Self {
                caller,
                input,
                mask,
                app,
            })
        }
        .boxed_local()
    }
}

fn read_token(request: &HttpRequest) -> Result<Token, ApiError> {
    match request
        .headers()
        .get("X-API-KEY")
        .map(|value| value.as_bytes())
    {
        None | Some(b"") => Err(ApiError::NoToken),
        Some(value) => {
            let value = std::str::from_utf8(value).map_err(|_| ApiError::BadToken)?;
            value.parse().map_err(|_| ApiError::BadToken)
        }
    }
}

fn authenticate(app: &App, token: &Token) -> Result<Client, ApiError> {
    let known = app.db.client_by_token(token)?;
    let client = known
        .filter(|client| client.is_active)
        .ok_or(ApiError::BadToken)?;
    if let Err(error) = app.db.note_seen(&client) {
        log::warn!(function = function_name!(); "Not noted that client {} was seen: {error}", client.uuid);
    }
    Ok(client)
}
