use std::fmt::Write;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use stats_core::last_acceptable_date;
use stats_processors::Language;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder};
use utoipa::openapi::{KnownFormat, Object, RefOr, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use uuid::Uuid;

use super::reader;
use crate::errors::ApiError;
use crate::extract::from_query;
use crate::extract::lenient::Tag;
use crate::places::{self, MostFrequent, places, released_places};
use crate::releases::cached_release;
use crate::respond::{Shared, blocking, cached, shared};
use crate::state::App;
use crate::turns::Party;

/// The language of names. Unknown arguments are ignored: links may carry arguments for other programs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct MapQuery {
    /// The language of names; by default that of the header `Accept-Language`, else English.
    #[param(inline)]
    lang: Option<Tag>,
}

/// A client on the map, without its name.
#[derive(Serialize, ToSchema)]
pub(super) struct Place {
    latitude: f64,
    longitude: f64,
    /// The threat with the highest mean count: `[mean count, object]`. `null` if the public statistics are a release
    /// (`PUBLIC_MIN_CLIENTS` is above 1): it has no figures of single clients.
    #[schema(required)]
    max_threat: Option<Pair>,
    /// The name of this threat, in the language of the reader if possible. `null` if none is known.
    max_threat_label: Option<String>,
    /// The vulnerability with the highest mean count: `[mean count, object]`. `null` like `max_threat`.
    #[schema(required)]
    max_vulnerability: Option<Pair>,
    /// The name of this vulnerability, in the language of the reader if possible. `null` if none is known.
    max_vulnerability_label: Option<String>,
}

/// The object with the highest mean count: this count, and the id of the object.
#[derive(Serialize)]
struct Pair(f64, Uuid);

impl PartialSchema for Pair {
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

impl ToSchema for Pair {
    fn name() -> std::borrow::Cow<'static, str> {
        "MostFrequent".into()
    }
}

/// List the clients with coordinates
///
/// They have stats; the mean counts are those of the seven days that end with the newest stats of the client of this type.
/// If the public statistics are a release, the active clients are listed, whether or not they have stats.
#[utoipa::path(get, path = "/map/clients.json", tag = "public", security(()), params(MapQuery), responses(
    (status = 200, description = "Their coordinates, most frequent threats and vulnerabilities", body = [Place]),
    (status = 304, description = "`If-None-Match` names the current result"),
))]
pub(super) async fn clients(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let query: MapQuery = from_query(&request)?;
    let language = reader(&request, query.lang);
    let write = move |app: &App, places: Vec<places::Place>| {
        let places = places.iter().map(|place| Place::new(app, place, language));
        let json = serde_json::to_string(&places.collect::<Vec<_>>());
        Ok(json.map_err(ApiError::internal)?.into())
    };
    let json = if app.has_releases() {
        let question = "places".to_owned();
        cached_release(&app, Party::Visitors, question, move |app, _, release| {
            write(app, released_places(&release)?)
        })
        .await
    } else {
        let question = question(&app, language).await?;
        cached(&app, Party::Visitors, question, move |app, db| {
            write(app, db.read_replica(|snapshot| places(app, snapshot))?)
        })
        .await
    };
    Ok(shared(&request, Shared::JsonWithNames, json?))
}

/// Has all that the answer depends on besides the stats.
async fn question(app: &App, language: Language) -> Result<String, ApiError> {
    let (names, last) = (app.names.version(), last_acceptable_date(Utc::now()));
    let mut question = format!("places {language:?} {names} {last}");
    let clients = blocking(app, |db| Ok(db.clients()?)).await?;
    for client in clients {
        if let Some(place) = client.coordinates.filter(|_| !client.is_excluded) {
            let (id, latitude, longitude) = (client.id, place.latitude(), place.longitude());
            // Writing to a String never fails.
            let _ = write!(question, " {id:?} {latitude} {longitude}");
        }
    }
    Ok(question)
}

impl Place {
    fn new(app: &App, place: &places::Place, language: Language) -> Self {
        let pair = |top: &MostFrequent| Pair(top.count, top.object);
        let label = |top: &MostFrequent| {
            let name = app.names.get(top.object, &top.labels, language);
            name.map(|(label, _)| label)
        };
        let [threat, vulnerability] = place
            .most_frequent
            .as_ref()
            .map_or([None; 2], |tops| tops.each_ref().map(Some));
        Self {
            latitude: place.coordinates.latitude(),
            longitude: place.coordinates.longitude(),
            max_threat: threat.map(pair),
            max_threat_label: threat.and_then(label),
            max_vulnerability: vulnerability.map(pair),
            max_vulnerability_label: vulnerability.and_then(label),
        }
    }
}
