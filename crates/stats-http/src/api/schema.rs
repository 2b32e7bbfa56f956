//! Schemas of stats for the specification. The types that parse and write stats do not implement `ToSchema`.
#![expect(dead_code, reason = "these types exist only for the specification")]

use chrono::NaiveDate;
use serde::Deserialize;
use stats_core::{MAX_DATA_BYTES, MAX_DEPTH, MAX_OBJECTS, RawJson, StatsType};
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, SchemaType};
use utoipa::openapi::{Object, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::documents;
use super::stats_json::Metadata;
use crate::extract::lenient::StatsTypeText;

/// A document about one analysis on one day.
#[derive(ToSchema)]
#[schema(examples(json!(documents::stat())))]
pub(super) struct Stat {
    /// The id of the stat, the same on all instances.
    uuid: Uuid,
    /// The analysis.
    anr: Uuid,
    #[schema(rename = "type")]
    stats_type: StatsTypeText,
    /// The day on which the front office collected it.
    date: NaiveDate,
    data: Document,
}

/// A stat to store.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!(documents::new_stat(StatsType::Threat))))]
pub(super) struct NewStat {
    /// The id of the stat. By default the service generates one, and a repeated request is stored twice. A stat whose id
    /// is stored already is skipped.
    uuid: Option<Uuid>,
    /// The analysis.
    anr: Uuid,
    #[serde(rename = "type")]
    stats_type: StatsTypeText,
    /// The day on which the front office collected it, tomorrow at the latest.
    date: NaiveDate,
    #[schema(value_type = Document)]
    data: RawJson,
}

/// A page of a list of stats.
#[derive(ToSchema)]
pub(super) struct StatsList {
    metadata: Metadata,
    data: Vec<Stat>,
}

/// The `data` of a stat, or the result of a processor.
pub(super) struct Document;

impl PartialSchema for Document {
    fn schema() -> RefOr<Schema> {
        let description = format!(
            "A document. `StatData` describes the documents of stats, which the service does not enforce. The document of a stat has at most {MAX_DEPTH} levels, {} MiB and, if it is a list, \
             {MAX_OBJECTS} elements. It contains no U+0000, and its numbers are within the range of a 64-bit float. The \
             service keeps its JSON value but not its text: the order of keys, white space and the notation of numbers \
             such as 1e2 may change, and the last of duplicate keys counts.",
            MAX_DATA_BYTES >> 20
        );
        let document = AnyOfBuilder::new()
            .item(Object::with_type(Type::Object))
            .item(ArrayBuilder::new().items(Object::with_type(SchemaType::AnyValue)))
            .description(Some(description));
        Schema::from(document.build()).into()
    }
}

impl ToSchema for Document {}
