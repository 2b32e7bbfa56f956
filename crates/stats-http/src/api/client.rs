//! The namespace `client`: the account of who asks, and new accounts.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use stats_core::{Client, ClientName, ClientUuid, NewClient, Role, Token};
use stats_db::{ClientChange, ClientConflict, DbError};
use utoipa::ToSchema;

use crate::answer::{blocking, json};
use crate::app::HttpConfig;
use crate::errors::ApiError;
use crate::mask::Mask;
use crate::openapi::schemas;
use crate::request::{Arguments, Call, Input, values};

/// A client as the API shows it.
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

fn answer(status: StatusCode, mask: &Mask, client: &Client) -> HttpResponse {
    let answer = ClientAnswer {
        name: &client.name,
        token: &client.token,
        role: client.role.number().to_string(),
        is_sharing_enabled: client.is_sharing_enabled,
    };
    json(status, mask, &answer)
}

/// Who asks
#[utoipa::path(get, path = "/api/v1/client/me", operation_id = "client_get", tag = "client", responses(
    (status = 200, description = "The client", body = ClientAnswer),
))]
pub(super) async fn me(call: Call) -> HttpResponse {
    answer(StatusCode::OK, &call.mask, &call.caller)
}

/// `{name, is_sharing_enabled, token}`
pub(super) struct Create(NewClient);

impl Input for Create {
    fn permit(caller: &Client, config: &HttpConfig) -> Result<(), ApiError> {
        if !caller.is_admin() {
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
        _: &HttpConfig,
    ) -> Result<Self, ApiError> {
        let mut arguments = Arguments::read_json(request, payload).await?;
        let name = arguments.require("name", values::parsed::<ClientName>);
        let is_sharing_enabled = arguments.require("is_sharing_enabled", values::boolean);
        let token = arguments.require("token", values::parsed::<Token>);
        arguments.finish(|| {
            Some(Self(NewClient {
                uuid: ClientUuid::random(),
                name: name?,
                token: token?,
                role: Role::User,
                is_sharing_enabled: is_sharing_enabled?,
            }))
        })
    }
}

/// Creates a client
///
/// Only an admin can.
#[utoipa::path(post, path = "/api/v1/client/", operation_id = "client_create", tag = "client",
    request_body = schemas::NewClient, responses(
    (status = 201, description = "The new client", body = ClientAnswer),
    (status = 304, description = "There is a client of this name"),
))]
pub(super) async fn create(call: Call<Create>) -> Result<HttpResponse, ApiError> {
    let Call {
        app,
        mask,
        input: Create(new),
        ..
    } = call;
    let created = blocking(move || match app.db.create_client(&new) {
        Ok(client) => Ok(Some(client)),
        Err(DbError::ClientExists(ClientConflict::Token)) => {
            Err(ApiError::field("token", "is the token of another client"))
        }
        Err(DbError::ClientExists(_)) => Ok(None),
        Err(error) => Err(error.into()),
    })
    .await?;
    Ok(match created {
        Some(client) => answer(StatusCode::CREATED, &mask, &client),
        None => HttpResponse::NotModified().finish(),
    })
}

/// `{is_sharing_enabled}`; what else makes up a client is read-only and ignored.
pub(super) struct Change {
    is_sharing_enabled: bool,
}

impl Input for Change {
    async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        _: &HttpConfig,
    ) -> Result<Self, ApiError> {
        let mut arguments = Arguments::read_json(request, payload).await?;
        let is_sharing_enabled = arguments.require("is_sharing_enabled", values::boolean);
        for read_only in ["name", "token", "role"] {
            arguments.ignore(read_only);
        }
        arguments.finish(|| {
            Some(Self {
                is_sharing_enabled: is_sharing_enabled?,
            })
        })
    }
}

/// Changes who asks
#[utoipa::path(patch, path = "/api/v1/client/me", operation_id = "client_patch", tag = "client",
    request_body = schemas::ClientChange, responses(
    (status = 201, description = "The client after the change", body = ClientAnswer),
))]
pub(super) async fn change(call: Call<Change>) -> Result<HttpResponse, ApiError> {
    let Call {
        app,
        caller,
        input,
        mask,
    } = call;
    let change = ClientChange {
        is_sharing_enabled: Some(input.is_sharing_enabled),
        ..ClientChange::default()
    };
    let changed = blocking(move || Ok(app.db.change_client(caller.uuid, &change)?)).await?;
    Ok(answer(StatusCode::CREATED, &mask, &changed))
}
