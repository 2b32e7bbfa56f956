//! What travels without a type of its own in the code: arguments, which are read one by one, and answers that are
//! written while the database is read. Nothing here is ever made; it is only described.
#![expect(dead_code, reason = "these types are only described")]

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;
use stats_core::{ClientName, StatsType, Token};
use stats_processors::Registered;
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType,
};
use utoipa::openapi::{Object, RefOr, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use uuid::Uuid;

/// Why a request is not answered as asked.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    /// What is wrong.
    message: Option<String>,
    /// What is wrong with each field.
    errors: Option<BTreeMap<String, String>>,
    /// What is wrong, for refusals that older clients know by this name.
    #[schema(rename = "Error")]
    error: Option<String>,
}

/// One document about one analysis on one day.
#[derive(ToSchema)]
pub(crate) struct Stat {
    /// The stat's own id.
    uuid: Uuid,
    /// The analysis that the stat is about.
    anr: Uuid,
    /// What the stat is about.
    #[schema(rename = "type", schema_with = stats_type)]
    stats_type: Value,
    /// The day on which the front office took it.
    date: NaiveDate,
    /// The document, as sent.
    #[schema(schema_with = document)]
    data: Value,
}

/// A stat as a front office sends it.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewStat {
    /// The stat's own id; one is made up where there is none.
    uuid: Option<Uuid>,
    /// The analysis that the stat is about.
    anr: Uuid,
    /// What the stat is about.
    #[schema(rename = "type", schema_with = stats_type)]
    stats_type: Value,
    /// The day on which the front office took it.
    date: NaiveDate,
    /// The document: up to 128 levels deep, no U+0000, numbers within the range of a 64-bit float.
    #[schema(schema_with = document)]
    data: Value,
}

/// Stats, and which part of the list they are.
#[derive(ToSchema)]
pub(crate) struct StatsList {
    metadata: Metadata,
    data: Vec<Stat>,
}

/// Which part of a list an answer is. All of it is text.
#[derive(ToSchema)]
pub(crate) struct Metadata {
    /// How many stats the answer holds.
    #[schema(pattern = "^[0-9]+$")]
    count: String,
    /// How many come before them.
    #[schema(pattern = "^[0-9]+$")]
    offset: String,
    /// How many were asked for at most; 0 for all.
    #[schema(pattern = "^[0-9]+$")]
    limit: String,
}

/// Which stats to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only stats of this analysis.
    anr: Option<Uuid>,
    /// Only stats of these analyses.
    #[param(style = Form, explode = false, schema_with = analyses, required = false)]
    anrs: Value,
    /// Only stats of this type.
    #[param(rename = "type", schema_with = stats_type, required = false)]
    stats_type: Value,
    /// The first day; without it three months ago.
    date_from: Option<NaiveDate>,
    /// The last day; without it today.
    date_to: Option<NaiveDate>,
    /// Only the newest of each analysis and type, whatever the dates.
    #[param(schema_with = text_flag, required = false)]
    get_last: Value,
    /// Understood, and without effect: the list is flat.
    #[param(schema_with = text_flag, required = false)]
    group_by_anr: Value,
    /// How many stats to leave out at the beginning.
    offset: Option<u32>,
    /// How many stats to give at most; 0 for all.
    limit: Option<u32>,
}

/// Which processor to run, and on what.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProcessQuery {
    /// What the stats are about; a processor works on stats of one type.
    #[param(rename = "type", schema_with = stats_type, required = true)]
    stats_type: Value,
    /// The processor to run.
    #[param(schema_with = processor, required = true)]
    processor: Value,
    /// The parameters of the processor: an object, as JSON.
    #[param(example = r#"{"risks_type": "informational", "risks_state": "current"}"#)]
    processor_params: Option<String>,
    /// Only stats of these analyses.
    #[param(style = Form, explode = false, schema_with = analyses, required = false)]
    anrs: Value,
    /// The first day.
    date_from: Option<NaiveDate>,
    /// The last day.
    date_to: Option<NaiveDate>,
    /// Leaves out stats that were pulled from elsewhere.
    #[param(schema_with = text_flag, required = false)]
    local_stats_only: Value,
}

/// What a processor made of the stats.
#[derive(ToSchema)]
pub(crate) struct ProcessorResult {
    /// What the stats are about.
    #[schema(rename = "type", schema_with = stats_type)]
    stats_type: Value,
    /// The processor that was run.
    #[schema(schema_with = processor)]
    processor: Value,
    /// The result; an empty list where there is nothing to process.
    #[schema(schema_with = document)]
    data: Value,
}

/// How to make public statistics.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PublicQuery {
    /// Another processor for the same type of stats.
    #[param(schema_with = processor, required = false)]
    processor: Value,
    /// How far back they go, in days. 365 unless said otherwise.
    #[param(minimum = 0, maximum = 36525)]
    days: Option<u32>,
    /// Only the newest 40 stats, whatever their dates.
    #[param(schema_with = text_flag, required = false)]
    last_stats: Value,
    /// Leaves out stats that were pulled from elsewhere.
    #[param(schema_with = text_flag, required = false)]
    local_stats_only: Value,
    /// `map` for objects by name and date, `series` for lists sorted by date.
    #[param(schema_with = shape, required = false)]
    format: Value,
}

/// The result of a processor.
pub(crate) struct PublicResult;

impl PartialSchema for PublicResult {
    fn schema() -> RefOr<Schema> {
        document().into()
    }
}

impl ToSchema for PublicResult {}

/// A client to be.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClient {
    /// What it is called, which nobody else is.
    #[schema(schema_with = client_name)]
    name: String,
    /// Whether its stats may be pushed to another instance.
    #[schema(schema_with = flag)]
    is_sharing_enabled: bool,
    /// Its secret, which nobody else has: visible ASCII characters.
    #[schema(schema_with = token)]
    token: String,
}

/// What a client can change about itself.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientChange {
    /// Whether its stats may be pushed to another instance.
    #[schema(schema_with = flag)]
    is_sharing_enabled: bool,
    /// Ignored.
    name: Option<Value>,
    /// Ignored.
    token: Option<Value>,
    /// Ignored.
    role: Option<Value>,
}

/// What became of an admin's request.
#[derive(ToSchema)]
pub(crate) struct AdminResult {
    /// `OK` or `KO`.
    #[schema(pattern = "^(OK|KO)$")]
    result: String,
    /// Why it could not be done.
    stderr: Option<String>,
}

/// A text that is one of these.
fn one_of(known: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(known))
        .build()
}

fn stats_type() -> Object {
    one_of(StatsType::ALL.map(StatsType::as_str))
}

fn processor() -> Object {
    one_of(stats_processors::all().iter().map(Registered::name))
}

fn shape() -> Object {
    one_of(["map", "series"])
}

/// An object or a list.
fn document() -> Object {
    Object::with_type(SchemaType::from_iter([Type::Object, Type::Array]))
}

fn text_flag() -> Object {
    one_of(["true", "false", "1", "0"])
}

/// A boolean in JSON, in all the ways in which MONARC writes it.
fn flag() -> Schema {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .enum_values(Some([0, 1]))
        .build();
    AnyOfBuilder::new()
        .item(Object::with_type(Type::Boolean))
        .item(number)
        .item(text_flag())
        .build()
        .into()
}

fn analyses() -> RefOr<Schema> {
    let uuid = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .build();
    ArrayBuilder::new().items(uuid).build().into()
}

fn client_name() -> Object {
    // No control characters, and no space at either end.
    let (visible, inner) = (
        r"[^\s\u0000-\u001f\u007f-\u009f]",
        r"[^\u0000-\u001f\u007f-\u009f]",
    );
    text(
        ClientName::MAX_LENGTH,
        &format!("^{visible}({inner}*{visible})?$"),
    )
}

fn token() -> Object {
    text(Token::MAX_LENGTH, "^[!-~]+$")
}

fn text(max_length: usize, pattern: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(max_length))
        .pattern(Some(pattern))
        .build()
}
