use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::Serialize;
use stats_core::{ClientId, DateRange, StatsFilter, StatsType, last_acceptable_date};
use stats_db::{DbError, Snapshot};
use stats_processors::{ObjectPartial, Partial};
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder};
use utoipa::openapi::{KnownFormat, Object, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::errors::ApiError;
use crate::respond::{process, shared_json};
use crate::state::App;
use crate::turns::Party;

/// A client on the map, without its name.
#[derive(Serialize, ToSchema)]
pub(super) struct Place {
    latitude: f64,
    longitude: f64,
    /// The threat with the highest mean count: `[mean count, object]`.
    max_threat: MostFrequent,
    /// The vulnerability with the highest mean count: `[mean count, object]`.
    max_vulnerability: MostFrequent,
}

/// The object with the highest mean count: this count, and the id of the object.
#[derive(Serialize)]
struct MostFrequent(f64, Uuid);

impl PartialSchema for MostFrequent {
    /// The derived schema has `items: false`, which some client generators do not support.
    fn schema() -> RefOr<Schema> {
        let mut id = Object::with_type(Type::String);
        id.format = Some(SchemaFormat::KnownFormat(KnownFormat::Uuid));
        let item = AnyOfBuilder::new()
            .item(Object::with_type(Type::Number))
            .item(id);
        let pair = ArrayBuilder::new()
            .items(item)
            .min_items(Some(2))
            .max_items(Some(2));
        Schema::from(pair.build()).into()
    }
}

impl ToSchema for MostFrequent {}

/// Number of the newest stats of a client that count.
const NEWEST: u32 = 40;

/// List the clients with coordinates and stats
#[utoipa::path(get, path = "/map/clients.json", tag = "public", security(()), responses(
    (status = 200, description = "Their coordinates, most frequent threats and vulnerabilities", body = [Place]),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn clients(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let json = process(&app, Party::Visitors, |db| {
        let places = db.read::<_, DbError>(places)?;
        serde_json::to_string(&places).map_err(ApiError::internal)
    })
    .await?;
    Ok(shared_json(&request, json.into()))
}

fn places(snapshot: &mut Snapshot<'_>) -> Result<Vec<Place>, DbError> {
    let mut places = Vec::new();
    for client in snapshot.clients()? {
        let Some(place) = client.coordinates else {
            continue;
        };
        let max_threat = most_frequent(snapshot, client.id, StatsType::Threat)?;
        let max_vulnerability = most_frequent(snapshot, client.id, StatsType::Vulnerability)?;
        if let Some((max_threat, max_vulnerability)) = max_threat.zip(max_vulnerability) {
            places.push(Place {
                latitude: place.latitude(),
                longitude: place.longitude(),
                max_threat,
                max_vulnerability,
            });
        }
    }
    Ok(places)
}

fn most_frequent(
    snapshot: &mut Snapshot<'_>,
    owner: ClientId,
    stats_type: StatsType,
) -> Result<Option<MostFrequent>, DbError> {
    let filter = StatsFilter {
        owner: Some(owner),
        stats_type: Some(stats_type),
        dates: DateRange::until(last_acceptable_date(Utc::now())),
        ..StatsFilter::default()
    };
    let mut partial = ObjectPartial::default();
    snapshot.for_each_client_day(&filter, Some(NEWEST), &mut |date, documents| {
        partial.fold(date, documents.map(|(_, document)| document));
    })?;
    let most_frequent = partial.top(1).into_iter().next();
    Ok(most_frequent.and_then(|threat| {
        let count = threat.overall.count.analyses.value()?;
        Some(MostFrequent(count, threat.object))
    }))
}
