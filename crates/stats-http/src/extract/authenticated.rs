use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::{FutureExt, LocalBoxFuture};
use stats_core::{Client, Token};
use stats_db::Db;

use super::body::{Body, read_json_body};
use super::mask::read_mask;
use crate::address::address;
use crate::config::HttpConfig;
use crate::errors::ApiError;
use crate::function_name::function_name;
use crate::mask::Mask;
use crate::respond::blocking;
use crate::state::App;

/// A request with the token of an active client in `X-API-KEY`.
///
/// The token is checked first, then the permission of the client. The body is read last, so that a request without
/// permission cannot make the service read a large one.
pub(crate) struct Authenticated<T = ()> {
    pub(crate) client: Client,
    /// The token that the client sent.
    pub(crate) token: Token,
    pub(crate) input: T,
    /// The fields of the answer to keep.
    pub(crate) mask: Mask,
    pub(crate) app: Data<App>,
}

/// The part of a request that a route reads.
pub(crate) trait Input: Sized {
    /// Fails if the client may not use this route.
    fn authorize(_client: &Client, _config: &HttpConfig) -> Result<(), ApiError> {
        Ok(())
    }

    /// Reads and validates the input.
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        client: &Client,
        app: &App,
    ) -> Result<Self, ApiError>;
}

impl Input for () {
    async fn read(_: &HttpRequest, _: &mut Payload, _: &Client, _: &App) -> Result<Self, ApiError> {
        Ok(())
    }
}

/// An unparsed JSON body. Parsing a large one takes long, so it is left to a blocking thread.
impl Input for Body {
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        client: &Client,
        app: &App,
    ) -> Result<Self, ApiError> {
        read_json_body(request, payload, client.id, app).await
    }
}

/// The name of the authenticated client, attached to its request for the log.
#[derive(Clone)]
pub(crate) struct ClientName(pub(crate) String);

impl<T: Input> FromRequest for Authenticated<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move {
            let app = request.app_data::<Data<App>>().cloned();
            let app = app.ok_or_else(|| ApiError::internal("the application has no state"))?;
            let (token, client) = match identify(&request, &app).await {
                Err(ApiError::BadToken) => {
                    let address = address(&request, &app.config);
                    return Err(app.wrong_tokens.refuse(address).await);
                }
                identified => identified?,
            };
            let name = ClientName(client.name.clone());
            request.extensions_mut().insert(name);
            T::authorize(&client, &app.config)?;
            let mask = read_mask(&request)?;
            let input = T::read(&request, &mut payload, &client, &app).await?;
            Ok(Self {
                client,
                token,
                input,
                mask,
                app,
            })
        }
        .boxed_local()
    }
}

fn read_token(request: &HttpRequest) -> Result<Token, ApiError> {
    let value = request.headers().get("X-API-KEY");
    match value.map(|value| value.as_bytes()) {
        None | Some(b"") => Err(ApiError::NoToken),
        Some(value) => std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(ApiError::BadToken),
    }
}

/// Whether the request has the token of an active client.
pub(crate) async fn has_valid_token(request: &HttpRequest, app: &Data<App>) -> bool {
    identify(request, app).await.is_ok()
}

async fn identify(request: &HttpRequest, app: &Data<App>) -> Result<(Token, Client), ApiError> {
    let token = read_token(request)?;
    let client = authenticate(app, token.clone()).await?;
    Ok((token, client))
}

/// Whether the request comes from an admin, with a token in `X-API-KEY` or, as Prometheus sends it, `Authorization: Bearer`.
/// Fails if it has another token.
pub(crate) async fn is_from_admin(
    request: &HttpRequest,
    app: &Data<App>,
) -> Result<bool, ApiError> {
    let token = match read_token(request) {
        Err(ApiError::NoToken) => match request.headers().get(header::AUTHORIZATION) {
            None => return Ok(false),
            Some(value) => bearer(value).ok_or(ApiError::BadToken),
        },
        token => token,
    };
    let client = match token {
        Ok(token) => authenticate(app, token).await,
        Err(error) => Err(error),
    };
    match client {
        Ok(client) if client.is_admin() => Ok(true),
        Ok(_) => Err(ApiError::NotAllowed("Only an admin can do this.")),
        Err(ApiError::BadToken) => {
            let address = address(request, &app.config);
            Err(app.wrong_tokens.refuse(address).await)
        }
        Err(error) => Err(error),
    }
}

fn bearer(value: &HeaderValue) -> Option<Token> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    token.trim().parse().ok().filter(|_| is_bearer)
}

async fn authenticate(app: &Data<App>, token: Token) -> Result<Client, ApiError> {
    let found = blocking(app, move |db| Ok(db.client_by_token(&token)?)).await?;
    let client = found
        .filter(|client| client.is_active)
        .ok_or(ApiError::BadToken)?;
    if Db::is_note_due(&client) {
        note_seen(app, client.clone());
    }
    Ok(client)
}

/// Records when the client was seen, without delaying the answer. Does nothing while another client is recorded.
fn note_seen(app: &Data<App>, client: Client) {
    let Ok(permit) = app.notes.clone().try_acquire_owned() else {
        return;
    };
    let app = app.clone();
    // Detach the task.
    drop(actix_web::rt::task::spawn_blocking(move || {
        if let Err(error) = app.db.note_seen(&client) {
            log::debug!(function = function_name!(); "Cannot record when client {} was seen: {error}", client.uuid);
        }
        drop(permit);
    }));
}
