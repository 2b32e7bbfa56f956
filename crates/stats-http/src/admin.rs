//! The routes for admins outside the API.

use actix_web::dev::Payload;
use actix_web::web::{ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use stats_core::{Client, ClientUuid};
use stats_db::{ClientChange, DbError};
use utoipa::{OpenApi, ToSchema};

use crate::audit::{audit, named};
use crate::config::HttpConfig;
use crate::errors::ApiError;
use crate::extract::{Authenticated, Input};
use crate::resource::resource;
use crate::respond::blocking;
use crate::state::App;

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            resource("/admin/client_sharing_activate.json/{uuid}", "GET, POST")
                .route(get().to(activate_sharing))
                .route(post().to(activate_sharing)),
        )
        .service(
            resource("/admin/client_sharing_deactivate.json/{uuid}", "GET, POST")
                .route(get().to(deactivate_sharing))
                .route(post().to(deactivate_sharing)),
        );
}

/// The specification of these routes.
#[derive(OpenApi)]
#[openapi(paths(activate_sharing, deactivate_sharing))]
pub(crate) struct Documented;

/// The client in the path, unparsed: these routes have an error body of their own.
struct ClientPath(String);

impl Input for ClientPath {
    fn authorize(client: &Client, _: &HttpConfig) -> Result<(), ApiError> {
        if client.is_admin() {
            Ok(())
        } else {
            Err(ApiError::NotAllowed("Only an admin can do this."))
        }
    }

    async fn read(
        request: &HttpRequest,
        _: &mut Payload,
        _: &Client,
        _: &App,
    ) -> Result<Self, ApiError> {
        Ok(Self(request.match_info().query("uuid").to_owned()))
    }
}

/// The outcome of a request.
#[derive(Serialize, ToSchema)]
struct AdminResult {
    /// `OK` or `KO`.
    #[schema(pattern = "^(OK|KO)$")]
    result: &'static str,
    /// The error message.
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
}

/// Allow the stats of a client to be pushed to another instance
#[utoipa::path(
    method(get, post),
    path = "/admin/client_sharing_activate.json/{uuid}",
    tag = "admin",
    params(("uuid" = Uuid, Path, description = "The client")),
    responses(
        (status = 200, description = "Done", body = AdminResult),
        (status = 400, description = "The client does not exist", body = AdminResult),
    ),
)]
async fn activate_sharing(request: Authenticated<ClientPath>) -> Result<HttpResponse, ApiError> {
    set_sharing(request, true).await
}

/// Prevent the stats of a client from being pushed to another instance
#[utoipa::path(
    method(get, post),
    path = "/admin/client_sharing_deactivate.json/{uuid}",
    tag = "admin",
    params(("uuid" = Uuid, Path, description = "The client")),
    responses(
        (status = 200, description = "Done", body = AdminResult),
        (status = 400, description = "The client does not exist", body = AdminResult),
    ),
)]
async fn deactivate_sharing(request: Authenticated<ClientPath>) -> Result<HttpResponse, ApiError> {
    set_sharing(request, false).await
}

async fn set_sharing(
    request: Authenticated<ClientPath>,
    is_enabled: bool,
) -> Result<HttpResponse, ApiError> {
    let Authenticated {
        app,
        client: admin,
        input: ClientPath(uuid),
        ..
    } = request;
    let error = blocking(&app, move |db| {
        let uuid: ClientUuid = match uuid.parse() {
            Ok(uuid) => uuid,
            Err(error) => return Ok(Some(format!("uuid: {error}"))),
        };
        match db.change_client(uuid, &ClientChange::Sharing(is_enabled)) {
            Ok(client) => {
                let state = if is_enabled { "enabled" } else { "disabled" };
                audit(
                    &admin,
                    format_args!("sharing of {} {state}", named(&client)),
                );
                Ok(None)
            }
            Err(DbError::NoSuchClient) => Ok(Some(format!("there is no client {uuid}"))),
            Err(error) => Err(error.into()),
        }
    });
    Ok(match error.await? {
        None => HttpResponse::Ok().json(AdminResult {
            result: "OK",
            stderr: None,
        }),
        stderr => HttpResponse::BadRequest().json(AdminResult {
            result: "KO",
            stderr,
        }),
    })
}
