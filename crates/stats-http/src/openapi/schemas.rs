//! What travels without a type of its own in the code: arguments, which are read one by one, and answers that are
//! written while the database is read. Nothing here is ever made; it is only described.
#![expect(dead_code, reason = "these types are only described")]

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;
use stats_core::{ClientName, StatsType, Token};
use stats_processors::Registered;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, SchemaType};
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
    #[schema(rename = "type")]
    stats_type: TypeName,
    /// The day on which the front office took it.
    date: NaiveDate,
    /// The document, as sent.
    data: Document,
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
    #[schema(rename = "type")]
    stats_type: TypeName,
    /// The day on which the front office took it.
    date: NaiveDate,
    /// The document: up to 128 levels deep, no U+0000, numbers within the range of a 64-bit float.
    data: Document,
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
    #[param(style = Form, explode = false, inline)]
    anrs: Option<Vec<AnalysisText>>,
    /// Only stats of this type.
    #[param(rename = "type", inline)]
    stats_type: Option<TypeName>,
    /// The first day; without it three months ago.
    date_from: Option<NaiveDate>,
    /// The last day; without it today.
    date_to: Option<NaiveDate>,
    /// Only the newest of each analysis and type, whatever the dates.
    #[param(inline)]
    get_last: Option<TextFlag>,
    /// Understood, and without effect: the list is flat.
    #[param(inline)]
    group_by_anr: Option<TextFlag>,
    /// How many stats to leave out at the beginning.
    #[param(maximum = 4_294_967_295_u32, format = Int64)]
    offset: Option<u32>,
    /// How many stats to give at most; 0 for all.
    #[param(maximum = 4_294_967_295_u32, format = Int64)]
    limit: Option<u32>,
}

/// Which processor to run, and on what.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProcessQuery {
    /// What the stats are about; a processor works on stats of one type.
    #[param(rename = "type", inline)]
    stats_type: TypeName,
    /// The processor to run.
    #[param(inline)]
    processor: ProcessorName,
    /// The parameters of the processor: an object, as JSON.
    #[param(example = r#"{"risks_type": "informational", "risks_state": "current"}"#)]
    processor_params: Option<String>,
    /// Only stats of these analyses.
    #[param(style = Form, explode = false, inline)]
    anrs: Option<Vec<AnalysisText>>,
    /// The first day.
    date_from: Option<NaiveDate>,
    /// The last day.
    date_to: Option<NaiveDate>,
    /// Leaves out stats that were pulled from elsewhere.
    #[param(inline)]
    local_stats_only: Option<TextFlag>,
}

/// What a processor made of the stats.
#[derive(ToSchema)]
pub(crate) struct ProcessorResult {
    /// What the stats are about.
    #[schema(rename = "type")]
    stats_type: TypeName,
    /// The processor that was run.
    processor: ProcessorName,
    /// The result; an empty list where there is nothing to process.
    data: Document,
}

/// Which processor to run for `/stats/threats.json`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ThreatsQuery {
    /// `threat_average_on_date` unless said otherwise.
    #[param(inline)]
    processor: Option<ThreatProcessor>,
}

/// Which processor to run for `/stats/vulnerabilities.json`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VulnerabilitiesQuery {
    /// `vulnerability_average_on_date` unless said otherwise.
    #[param(inline)]
    processor: Option<VulnerabilityProcessor>,
}

/// Which processor to run for `/stats/risks.json`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RisksQuery {
    /// `risk_averages_on_date` unless said otherwise.
    #[param(inline)]
    processor: Option<RiskProcessor>,
}

/// How to make public statistics.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PublicQuery {
    /// How far back they go, in days. 365 unless said otherwise.
    #[param(minimum = 0, maximum = 36525)]
    days: Option<u32>,
    /// Only the newest 40 stats, whatever their dates.
    #[param(inline)]
    last_stats: Option<TextFlag>,
    /// Leaves out stats that were pulled from elsewhere.
    #[param(inline)]
    local_stats_only: Option<TextFlag>,
    /// `map` for objects by name and date, `series` for lists sorted by date.
    #[param(inline)]
    format: Option<ShapeName>,
}

/// A client to be.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewClient {
    /// What it is called, which nobody else is.
    name: NameText,
    /// Whether its stats may be pushed to another instance.
    is_sharing_enabled: Flag,
    /// Its secret, which nobody else has: visible ASCII characters.
    token: TokenText,
}

/// What a client can change about itself.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientChange {
    /// Whether its stats may be pushed to another instance.
    is_sharing_enabled: Flag,
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

/// Types whose schema is worked out from the code.
macro_rules! described {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Deserialize)]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let schema: Schema = $schema.into();
                schema.into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

described! {
    /// The name of a type of stats.
    TypeName = one_of(StatsType::ALL.map(StatsType::as_str));
    /// The name of a processor.
    ProcessorName = one_of(stats_processors::all().iter().map(Registered::name));
    /// The name of a processor for threats.
    ThreatProcessor = processors_of(StatsType::Threat);
    /// The name of a processor for vulnerabilities.
    VulnerabilityProcessor = processors_of(StatsType::Vulnerability);
    /// The name of a processor for risks.
    RiskProcessor = processors_of(StatsType::Risk);
    /// An analysis in a list; empty ones do not count.
    AnalysisText = text(36, "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$");
    /// The name of a form of results.
    ShapeName = one_of(["map", "series"]);
    /// An object or a list.
    Document = Object::with_type(SchemaType::from_iter([Type::Object, Type::Array]));
    /// The result of a processor.
    PublicResult = Object::with_type(SchemaType::from_iter([Type::Object, Type::Array]));
    /// A boolean in a query string.
    TextFlag = one_of(["true", "false", "1", "0"]);
    /// A boolean in JSON, in all the ways in which it is written.
    Flag = flag();
    /// The name of a client: no control characters, and no space at either end.
    NameText = text(
        ClientName::MAX_LENGTH,
        r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
    );
    /// A secret: visible ASCII characters.
    TokenText = text(Token::MAX_LENGTH, "^[!-~]+$");
}

/// A text that is one of these.
fn one_of(known: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(known))
        .build()
}

fn processors_of(stats_type: StatsType) -> Object {
    let all = stats_processors::all().iter();
    one_of(
        all.filter(|known| known.stats_type() == stats_type)
            .map(Registered::name),
    )
}

fn flag() -> Schema {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .enum_values(Some([0, 1]))
        .build();
    AnyOfBuilder::new()
        .item(Object::with_type(Type::Boolean))
        .item(number)
        .item(TextFlag::schema())
        .build()
        .into()
}

fn text(max_length: usize, pattern: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(max_length))
        .pattern(Some(pattern))
        .build()
}
