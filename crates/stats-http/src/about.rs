//! What this instance is, and whether it works.

use actix_web::web::{Data, Json, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::answer::blocking;
use crate::api::{read, resource};
use crate::app::App;
use crate::base::Base;
use crate::errors::ApiError;

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/about.json", "GET, HEAD").route(read().to(about)))
        .service(resource("/health", "GET, HEAD").route(read().to(health)));
}

/// The routes above, described.
#[derive(OpenApi)]
#[openapi(paths(about, health))]
pub(crate) struct Documented;

/// What this instance is.
#[derive(Serialize, ToSchema)]
struct About {
    version: &'static str,
    version_url: String,
    /// Where the API is, within this site.
    api_v1_root: String,
    /// Whom to write to.
    contact: Option<String>,
}

/// What this instance is
#[utoipa::path(get, path = "/about.json", tag = "service", security(()), responses(
    (status = 200, description = "What it is", body = About),
))]
async fn about(app: Data<App>, base: Base) -> Json<About> {
    let version = env!("CARGO_PKG_VERSION");
    Json(About {
        version,
        version_url: format!("{}/releases/tag/v{version}", env!("CARGO_PKG_REPOSITORY")),
        api_v1_root: base.link("/api/v1/"),
        contact: app.config.contact.clone(),
    })
}

/// That the service works.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`
    status: &'static str,
}

/// Whether the database answers
#[utoipa::path(get, path = "/health", tag = "service", security(()), responses(
    (status = 200, description = "It does", body = Health),
))]
async fn health(app: Data<App>) -> Result<Json<Health>, ApiError> {
    blocking(move || Ok(app.db.ping()?)).await?;
    Ok(Json(Health { status: "ok" }))
}
