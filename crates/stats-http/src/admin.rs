//! What an admin can do outside of the API.

use actix_web::http::StatusCode;
use actix_web::web::{ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use stats_core::{Client, ClientUuid};
use stats_db::{ClientChange, DbError};
use utoipa::OpenApi;

use crate::answer::blocking;
use crate::api::resource;
use crate::app::HttpConfig;
use crate::errors::ApiError;
use crate::openapi::schemas::AdminResult;
use crate::request::{Call, Input};

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

/// The routes above, described.
#[derive(OpenApi)]
#[openapi(paths(activate_sharing, deactivate_sharing))]
pub(crate) struct Documented;

/// The client in the path, as it is written there.
struct OfClient(String);

impl Input for OfClient {
    fn permit(caller: &Client, _: &HttpConfig) -> Result<(), ApiError> {
        if caller.is_admin() {
            Ok(())
        } else {
            Err(ApiError::NotAllowed("Only an admin can do this."))
        }
    }

    async fn read(
        request: &HttpRequest,
        _: &mut actix_web::dev::Payload,
        _: &HttpConfig,
    ) -> Result<Self, ApiError> {
        Ok(Self(request.match_info().query("uuid").to_owned()))
    }
}

/// Lets the stats of a client be pushed to another instance
#[utoipa::path(
    method(get, post),
    path = "/admin/client_sharing_activate.json/{uuid}",
    tag = "admin",
    params(("uuid" = Uuid, Path, description = "The client")),
    responses(
        (status = 200, description = "Done", body = AdminResult),
        (status = 400, description = "There is no such client", body = AdminResult),
    ),
)]
async fn activate_sharing(call: Call<OfClient>) -> Result<HttpResponse, ApiError> {
    set_sharing(call, true).await
}

/// Keeps the stats of a client on this instance
#[utoipa::path(
    method(get, post),
    path = "/admin/client_sharing_deactivate.json/{uuid}",
    tag = "admin",
    params(("uuid" = Uuid, Path, description = "The client")),
    responses(
        (status = 200, description = "Done", body = AdminResult),
        (status = 400, description = "There is no such client", body = AdminResult),
    ),
)]
async fn deactivate_sharing(call: Call<OfClient>) -> Result<HttpResponse, ApiError> {
    set_sharing(call, false).await
}

/// `{"result": "OK"}`, or `{"result": "KO", "stderr": why}` with 400.
async fn set_sharing(call: Call<OfClient>, is_enabled: bool) -> Result<HttpResponse, ApiError> {
    let Call {
        app,
        input: OfClient(uuid),
        ..
    } = call;
    let refusal = blocking(move || {
        let uuid: ClientUuid = match uuid.parse() {
            Ok(uuid) => uuid,
            Err(error) => return Ok(Some(format!("uuid: {error}"))),
        };
        let change = ClientChange {
            is_sharing_enabled: Some(is_enabled),
            ..ClientChange::default()
        };
        match app.db.change_client(uuid, &change) {
            Ok(_) => Ok(None),
            Err(DbError::NoSuchClient) => Ok(Some(format!("there is no client {uuid}"))),
            Err(error) => Err(error.into()),
        }
    })
    .await?;
    Ok(match refusal {
        None => HttpResponse::Ok().json(json!({"result": "OK"})),
        Some(why) => HttpResponse::build(StatusCode::BAD_REQUEST)
            .json(json!({"result": "KO", "stderr": why})),
    })
}
