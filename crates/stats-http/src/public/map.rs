use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use stats_core::{ClientId, StatsFilter, StatsType};
use stats_db::{DbError, Snapshot};
use stats_processors::{ObjectPartial, Partial};
use utoipa::ToSchema;
use uuid::Uuid;

use super::shared_json;
use crate::answer::blocking;
use crate::app::App;
use crate::errors::ApiError;

/// A client on the map. What it is called is nobody's business.
#[derive(Serialize, ToSchema)]
pub(super) struct Place {
    latitude: f64,
    longitude: f64,
    /// The threat that is met most often: its mean count, and which it is.
    max_threat: (f64, Uuid),
    max_vulnerability: (f64, Uuid),
}

/// So many of the newest stats of a client say what it is like now.
const NEWEST: u32 = 40;

/// The clients that have coordinates and stats
#[utoipa::path(get, path = "/map/clients.json", tag = "public", security(()), responses(
    (status = 200, description = "Where they are, and what they meet most often", body = [Place]),
    (status = 304, description = "What `If-None-Match` names is still so"),
))]
pub(super) async fn clients(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let json = blocking(move || {
        let places = app.db.read(|snapshot| {
            let mut places = Vec::new();
            for client in snapshot.clients()? {
                let Some(place) = client.coordinates else {
                    continue;
                };
                let max_threat = most_frequent(snapshot, client.id, StatsType::Threat)?;
                let max_vulnerability =
                    most_frequent(snapshot, client.id, StatsType::Vulnerability)?;
                if let Some((max_threat, max_vulnerability)) = max_threat.zip(max_vulnerability) {
                    let (latitude, longitude) = (place.latitude(), place.longitude());
                    places.push(Place {
                        latitude,
                        longitude,
                        max_threat,
                        max_vulnerability,
                    });
                }
            }
            Ok::<_, DbError>(places)
        })?;
        serde_json::to_string(&places).map_err(|error| ApiError::Internal(error.to_string()))
    })
    .await?;
    Ok(shared_json(&request, json))
}

fn most_frequent(
    snapshot: &mut Snapshot<'_>,
    owner: ClientId,
    stats_type: StatsType,
) -> Result<Option<(f64, Uuid)>, DbError> {
    let filter = StatsFilter {
        owner: Some(owner),
        stats_type: Some(stats_type),
        ..StatsFilter::default()
    };
    let mut partial = ObjectPartial::default();
    snapshot.for_each_newest_document(&filter, NEWEST, |date, data| partial.fold(date, data))?;
    Ok(partial.most_frequent())
}
