//! The namespace `client`: the authenticated client and the creation of clients.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use stats_core::{Client, NewClient, Token};
use stats_db::{ClientChange, ClientConflict, DbError};
use utoipa::ToSchema;

use crate::audit::{audit, named};
use crate::config::HttpConfig;
use crate::errors::ApiError;
use crate::extract::lenient::{ClientNameText, Flag, Ignored, Text, TokenText};
use crate::extract::{Authenticated, Input, from_json_body};
use crate::mask::Mask;
use crate::respond::{blocking, json};
use crate::state::App;

/// A client.
#[derive(Serialize, ToSchema)]
#[schema(as = Client)]
pub(super) struct ClientAnswer<'a> {
    name: &'a str,
    #[schema(value_type = String)]
    token: &'a Token,
    /// `1` for a user, `2` for an admin.
    role: String,
    is_sharing_enabled: bool,
}

/// Answers with the client and the token that was sent: the database may have only its hash.
fn answer(
    status: StatusCode,
    mask: &Mask,
    client: &Client,
    token: &Token,
) -> Result<HttpResponse, ApiError> {
    let answer = ClientAnswer {
        name: &client.name,
        token,
        role: client.role.number().to_string(),
        is_sharing_enabled: client.is_sharing_enabled,
    };
    json(status, mask, &answer)
}

/// Get the authenticated client
#[utoipa::path(get, path = "/api/v1/client/me", operation_id = "client_get", tag = "client", responses(
    (status = 200, description = "The client", body = ClientAnswer),
))]
pub(super) async fn me(request: Authenticated) -> Result<HttpResponse, ApiError> {
    let (mask, client, token) = (&request.mask, &request.client, &request.token);
    answer(StatusCode::OK, mask, client, token)
}

/// The client to create.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewClient)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// The name, unique among the clients.
    name: ClientNameText,
    /// Whether its stats may be pushed to another instance.
    is_sharing_enabled: Flag,
    /// The token, unique among the clients.
    token: TokenText,
}

impl Input for Create {
    fn authorize(client: &Client, config: &HttpConfig) -> Result<(), ApiError> {
        if !client.is_admin() {
            return Err(ApiError::NotAllowed("Only an admin can create clients."));
        }
        if !config.is_registration_open {
            return Err(ApiError::NotAllowed(
                "The registration of clients is closed on this instance.",
            ));
        }
        Ok(())
    }

    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        client: &Client,
        app: &App,
    ) -> Result<Self, ApiError> {
        from_json_body(request, payload, client.id, app).await
    }
}

/// Create a client
///
/// Only for admins.
#[utoipa::path(post, path = "/api/v1/client/", operation_id = "client_create", tag = "client",
    request_body = Create, responses(
    (status = 201, description = "The new client", body = ClientAnswer),
    (status = 304, description = "A client of this name exists"),
))]
pub(super) async fn create(request: Authenticated<Create>) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        app,
        client: admin,
        mask,
        input:
            Create {
                name: Text(name),
                is_sharing_enabled: Flag(is_sharing_enabled),
                token: Text(token),
            },
        ..
    } = request;
    let new = NewClient {
        token: token.clone(),
        is_sharing_enabled,
        ..NewClient::user(name)
    };
    let created = blocking(&app, move |db| match db.create_client(&new) {
        Ok(client) => {
            audit(&admin, format_args!("created {}", named(&client)));
            Ok(Some(client))
        }
        Err(DbError::ClientExists(ClientConflict::Token)) => {
            Err(ApiError::field("token", "is the token of another client"))
        }
        Err(DbError::ClientExists(_)) => Ok(None),
        Err(error) => Err(error.into()),
    });
    match created.await? {
        Some(client) => answer(StatusCode::CREATED, &mask, &client, &token),
        None => Ok(HttpResponse::NotModified().finish()),
    }
}

/// The properties to change. All others are read-only.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ClientChange)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// Whether the stats of the client may be pushed to another instance.
    is_sharing_enabled: Flag,
    /// Ignored.
    #[serde(default)]
    #[expect(dead_code, reason = "accepted and ignored")]
    name: Ignored,
    /// Ignored.
    #[serde(default)]
    #[expect(dead_code, reason = "accepted and ignored")]
    token: Ignored,
    /// Ignored.
    #[serde(default)]
    #[expect(dead_code, reason = "accepted and ignored")]
    role: Ignored,
}

impl Input for Change {
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        client: &Client,
        app: &App,
    ) -> Result<Self, ApiError> {
        from_json_body(request, payload, client.id, app).await
    }
}

/// Change the authenticated client
#[utoipa::path(patch, path = "/api/v1/client/me", operation_id = "client_patch", tag = "client",
    request_body = Change, responses(
    (status = 201, description = "The client after the change", body = ClientAnswer),
))]
pub(super) async fn change(request: Authenticated<Change>) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        app,
        client,
        token,
        input,
        mask,
    } = request;
    let Flag(is_sharing_enabled) = input.is_sharing_enabled;
    let change = ClientChange::Sharing(is_sharing_enabled);
    let changed = blocking(&app, move |db| Ok(db.change_client(client.uuid, &change)?)).await?;
    answer(StatusCode::CREATED, &mask, &changed, &token)
}
