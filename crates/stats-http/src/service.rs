//! Information about this instance, its health and its metrics.

use std::time::{Duration, Instant};

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Json, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::{OpenApi, ToSchema};

use crate::base::Base;
use crate::errors::ApiError;
use crate::extract::is_from_admin;
use crate::metrics::{self, Readings, Stored};
use crate::resource::{read, resource};
use crate::respond::blocking;
use crate::state::App;

pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/about.json", "GET, HEAD").route(read().to(about)))
        .service(resource("/health", "GET, HEAD").route(read().to(health)))
        .service(resource("/health/live", "GET, HEAD").route(read().to(live)))
        .service(resource("/metrics", "GET, HEAD").route(read().to(prometheus)));
}

/// The specification of these routes, except for the metrics.
#[derive(OpenApi)]
#[openapi(paths(about, health, live))]
pub(crate) struct Documented;

/// This instance.
#[derive(Serialize, ToSchema)]
struct About {
    version: &'static str,
    version_url: String,
    /// Path of the API on this site.
    api_v1_root: String,
    /// E-mail address of the operator.
    contact: Option<String>,
}

/// Get the version and the contact of this instance
#[utoipa::path(get, path = "/about.json", tag = "service", security(()), responses(
    (status = 200, description = "This instance", body = About),
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

/// The state of the service.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`, `unavailable`, or `stopping`.
    status: &'static str,
    /// Why the database does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Health {
    fn new(status: &'static str) -> Self {
        Self {
            status,
            message: None,
        }
    }
}

/// Maximum time for the database to answer, below the usual timeouts of monitoring.
const HEALTH_TIMEOUT: Duration = Duration::from_millis(1500);

/// Check whether the service is ready for requests
///
/// It is while the database answers, until the server is about to stop.
#[utoipa::path(get, path = "/health", tag = "service", security(()), responses(
    (status = 200, description = "The database answers", body = Health),
    (status = 503, description = "The database does not answer, or the server is about to stop", body = Health),
))]
async fn health(app: Data<App>) -> Result<HttpResponse, ApiError> {
    if app.drain.has_begun() {
        return Ok(HttpResponse::ServiceUnavailable().json(Health::new("stopping")));
    }
    let check = blocking(&app, |db| Ok(db.check(HEALTH_TIMEOUT))).await?;
    Ok(match check {
        Ok(()) => HttpResponse::Ok().json(Health::new("ok")),
        Err(error) => HttpResponse::ServiceUnavailable().json(Health {
            message: Some(error.to_string()),
            ..Health::new("unavailable")
        }),
    })
}

/// Check whether the process answers
///
/// It does not ask the database: a restart does not bring that back.
#[utoipa::path(get, path = "/health/live", tag = "service", security(()), responses(
    (status = 200, description = "The process answers", body = Health),
))]
async fn live() -> Json<Health> {
    Json(Health::new("ok"))
}

/// `GET /metrics`
///
/// If the public statistics are a release, requests and caches tell what came in since. Then only admins get these metrics.
async fn prometheus(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    let text = match app.has_releases() && !is_from_admin(&request, &app).await? {
        true => app.metrics.encode_public(stored(&app).await.as_ref()),
        false => app.metrics.encode(&readings(&app).await),
    };
    let mut response = HttpResponse::Ok();
    if app.has_releases() {
        response.insert_header((CACHE_CONTROL, "no-store"));
    }
    Ok(response
        .content_type(metrics::CONTENT_TYPE)
        .body(text.map_err(ApiError::internal)?))
}

async fn readings(app: &App) -> Readings {
    let [small_bodies, large_bodies] = app.bodies.usage();
    Readings {
        connections: app.db.connections(),
        replica_use: app.db.replica_use(),
        capacities: vec![
            app.lists.usage(),
            app.processing.usage(),
            small_bodies,
            large_bodies,
        ],
        answers: app.answers.weight(),
        partials: app.partials.cache_use(),
        stored: stored(app).await,
    }
}

/// How long the database may take for the metrics; those that it does not give in time are left out.
const METRICS_TIMEOUT: Duration = Duration::from_secs(2);
const STATEMENT_TIMEOUT: Duration = Duration::from_millis(500);
/// How long its answer is used again: everybody may read the metrics.
const METRICS_AGE: Duration = Duration::from_secs(1);

/// What the database says, if it answers.
async fn stored(app: &App) -> Option<Stored> {
    // Other requests wait for the same answer.
    let mut last = app.stored.lock().await;
    if let Some((read_at, stored)) = &*last
        && read_at.elapsed() < METRICS_AGE
    {
        return stored.clone();
    }
    let read = blocking(app, |db| {
        Ok(Stored::read(
            &db.with_statement_timeout(Some(STATEMENT_TIMEOUT)),
        )?)
    });
    let read = timeout(METRICS_TIMEOUT, read).await;
    let stored = read.ok().and_then(Result::ok);
    *last = Some((Instant::now(), stored.clone()));
    stored
}
