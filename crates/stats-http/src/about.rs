//! What this instance is, and whether it works.

use actix_web::web::{Data, Json, ServiceConfig};
use serde::Serialize;

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

#[derive(Serialize)]
struct About {
    version: &'static str,
    version_url: String,
    api_v1_root: String,
    contact: Option<String>,
}

async fn about(app: Data<App>, base: Base) -> Json<About> {
    let version = env!("CARGO_PKG_VERSION");
    Json(About {
        version,
        version_url: format!("{}/releases/tag/v{version}", env!("CARGO_PKG_REPOSITORY")),
        api_v1_root: base.link("/api/v1/"),
        contact: app.config.contact.clone(),
    })
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

async fn health(app: Data<App>) -> Result<Json<Health>, ApiError> {
    blocking(move || Ok(app.db.ping()?)).await?;
    Ok(Json(Health { status: "ok" }))
}
