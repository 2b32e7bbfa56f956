//! The documents of the five types of stats, for the specification: schemas, and the examples of docs/data.md.
#![expect(dead_code, reason = "the types exist only for the specification")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use stats_core::StatsType;
use stats_processors::{Partial, Processor, RiskAverages, RiskParameters, RiskPartial, View};
use utoipa::ToSchema;
use uuid::Uuid;

/// The analysis and the day of the examples.
const ANALYSIS: &str = "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1";
const DATE: &str = "2026-11-20";

/// The document of the example of a type.
fn document(stats_type: StatsType) -> &'static str {
    match stats_type {
        StatsType::Risk => include_str!("examples/risk.json"),
        StatsType::Threat => include_str!("examples/threat.json"),
        StatsType::Vulnerability => include_str!("examples/vulnerability.json"),
        StatsType::Cartography => include_str!("examples/cartography.json"),
        StatsType::Compliance => include_str!("examples/compliance.json"),
    }
}

/// A stat to store.
pub(super) fn new_stat(stats_type: StatsType) -> Value {
    let data: Value = serde_json::from_str(document(stats_type)).unwrap_or_default();
    json!({"anr": ANALYSIS, "type": stats_type, "date": DATE, "data": data})
}

/// What a front office sends about an analysis on one day.
pub(super) fn batch() -> Value {
    StatsType::ALL.map(new_stat).into_iter().collect()
}

/// A stored stat.
pub(super) fn stat() -> Value {
    let mut stat = new_stat(StatsType::Risk);
    stat["uuid"] = "765eed12-10a4-462d-ae7a-54586c97de93".into();
    stat
}

/// A list with one stat.
pub(super) fn list() -> Value {
    json!({"metadata": {"count": "1", "offset": "0", "limit": "0"}, "data": [stat()]})
}

/// The result of a processor for the stat.
pub(super) fn processed() -> Value {
    let mut partial = RiskPartial::default();
    partial.fold(
        DATE.parse().unwrap_or_default(),
        [document(StatsType::Risk)],
    );
    let result = RiskAverages::finish(&partial, &RiskParameters::default(), View::default());
    json!({"type": StatsType::Risk, "processor": RiskAverages::NAME, "data": result})
}

/// The `data` of a stat as MONARC sends it: `RiskData` for the type `risk`, a list of `ObjectData` for `threat` and
/// `vulnerability`, `CartographyData` for `cartography`, a list of `ReferentialData` for `compliance`. The service accepts
/// other documents too, because versions of MONARC differ. PHP writes empty objects as `[]`.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum StatData {
    Risk(RiskData),
    Objects(Vec<ObjectData>),
    Cartography(CartographyData),
    Compliance(Vec<ReferentialData>),
}

/// Numbers of risks by level.
#[derive(Deserialize, ToSchema)]
pub(super) struct RiskData {
    /// Numbers of risks, the sums of the levels.
    #[schema(inline)]
    total: Option<ByState<ByKind<u32>>>,
    #[schema(inline)]
    risks: ByState<ByKind<Vec<RiskLevel>>>,
}

#[derive(Deserialize, ToSchema)]
struct ByState<T> {
    /// Before treatment.
    #[schema(inline)]
    current: T,
    /// After the planned treatment.
    #[schema(inline)]
    residual: T,
}

#[derive(Deserialize, ToSchema)]
struct ByKind<T> {
    /// Risks of information assets.
    #[schema(inline)]
    informational: T,
    #[schema(inline)]
    operational: T,
}

/// The number of risks of a level.
#[derive(Deserialize, ToSchema)]
pub(super) struct RiskLevel {
    #[schema(inline)]
    level: RiskLevelName,
    /// Number of risks.
    value: u32,
}

/// A level of risk, by the thresholds of the analysis.
#[derive(Deserialize, ToSchema)]
enum RiskLevelName {
    #[serde(rename = "Low risks")]
    Low,
    #[serde(rename = "Medium risks")]
    Medium,
    #[serde(rename = "High risks")]
    High,
}

/// A threat or a vulnerability that is part of a risk.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectData {
    uuid: Uuid,
    /// Name in French.
    label1: Option<String>,
    /// Name in English.
    label2: Option<String>,
    /// Name in German.
    label3: Option<String>,
    /// Name in Dutch.
    label4: Option<String>,
    /// Number of risks that it is part of.
    count: u32,
    /// The highest of these risks: 0 to 80 with MONARC's scales.
    max_risk: u32,
    /// Its mean rate in these risks, with up to two decimals. With MONARC's scales, 0 to 4 for a threat and 0 to 5 for a
    /// vulnerability.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$")]
    average_rate: String,
}

/// Risk matrices: numbers of risks by impact, then by likelihood (informational) or probability (operational).
#[derive(Deserialize, ToSchema)]
pub(super) struct CartographyData {
    scales: Scales,
    #[schema(inline)]
    risks: ByState<ByKind<PhpArray<PhpArray<u32>>>>,
}

/// The values that the scales of the analysis can give.
#[derive(Deserialize, ToSchema)]
pub(super) struct Scales {
    impact: Vec<i32>,
    /// Products of the rates of a threat and a vulnerability.
    likelihood: Vec<i32>,
    probability: Vec<i32>,
}

/// An array of PHP: a list if its keys are 0, 1, 2, …
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum PhpArray<T> {
    List(#[schema(inline)] Vec<T>),
    Object(#[schema(inline)] BTreeMap<String, T>),
}

/// The compliance with a referential.
#[derive(Deserialize, ToSchema)]
pub(super) struct ReferentialData {
    referential: Uuid,
    /// Name in French.
    label1: Option<String>,
    /// Name in English.
    label2: Option<String>,
    /// Name in German.
    label3: Option<String>,
    /// Name in Dutch.
    label4: Option<String>,
    /// The present state of the controls.
    current: Vec<CategoryData>,
    /// The state if all controls that apply were fully implemented.
    target: Vec<CategoryData>,
}

/// A category of a referential.
#[derive(Deserialize, ToSchema)]
pub(super) struct CategoryData {
    /// Name in French.
    label1: Option<String>,
    /// Name in English.
    label2: Option<String>,
    /// Name in German.
    label3: Option<String>,
    /// Name in Dutch.
    label4: Option<String>,
    controls: Vec<ControlData>,
    /// The mean over the controls, from 0 to 1. Absent without controls.
    #[schema(pattern = r"^[01](\.[0-9]+)?$")]
    value: Option<String>,
}

/// A control of a category.
#[derive(Deserialize, ToSchema)]
pub(super) struct ControlData {
    /// Its code in the referential.
    code: Option<String>,
    /// Its id.
    measure: Uuid,
    /// From 0 to 1: its maturity divided by the highest one, or in `target` 1. 0 if it is excluded.
    #[schema(pattern = r"^[01](\.[0-9]+)?$")]
    value: String,
}

#[cfg(test)]
mod tests {
    use stats_core::NewStat;
    use stats_sample::Sample;

    use super::*;

    fn check(stats_type: StatsType, data: &str) -> serde_json::Result<()> {
        match stats_type {
            StatsType::Risk => serde_json::from_str::<RiskData>(data).map(drop),
            StatsType::Threat | StatsType::Vulnerability => {
                serde_json::from_str::<Vec<ObjectData>>(data).map(drop)
            }
            StatsType::Cartography => serde_json::from_str::<CartographyData>(data).map(drop),
            StatsType::Compliance => serde_json::from_str::<Vec<ReferentialData>>(data).map(drop),
        }
    }

    #[test]
    fn the_examples_and_sample_stats_have_the_documented_form() {
        for stats_type in StatsType::ALL {
            check(stats_type, document(stats_type)).unwrap();
            for other in StatsType::ALL {
                let is_same = check(other, document(stats_type)).is_ok();
                let objects = [StatsType::Threat, StatsType::Vulnerability];
                let both_objects = objects.contains(&stats_type) && objects.contains(&other);
                assert_eq!(
                    is_same,
                    stats_type == other || both_objects,
                    "{stats_type} {other}"
                );
            }
        }
        let date = DATE.parse().unwrap();
        for analysis in Sample::new(1).analyses(20, date) {
            for NewStat {
                stats_type, data, ..
            } in analysis.stats_on(date)
            {
                check(stats_type, data.as_str()).unwrap();
            }
        }
    }
}
