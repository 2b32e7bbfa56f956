use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use stats_core::StatsType;

use crate::names::named_enum;
use crate::table;
use crate::{
    Average, Cell, Disclosure, Format, Partial, Processor, Selection, StoredPartial, View, json,
};

named_enum! {
    /// Whether risks are counted before or after treatment.
    State {
        /// Before treatment.
        Current = "current",
        /// After the planned treatment.
        Residual = "residual",
    }
}

named_enum! {
    /// The kind of a risk.
    Kind {
        /// Risks of information assets.
        Informational = "informational",
        /// Operational risks.
        Operational = "operational",
    }
}

named_enum! {
    /// The level of a risk, by the thresholds of its analysis.
    Level {
        /// Up to the first threshold.
        Low = "Low risks",
        /// Up to the second threshold.
        Medium = "Medium risks",
        /// Above the second threshold.
        High = "High risks",
    }
}

/// Means of the numbers of risks by date, state, kind and level.
///
/// A stat is `{"risks": {state: {kind: [{"level": level, "value": number}]}}}`. Unknown states, kinds and levels and
/// unreadable values are skipped one by one. If a level is repeated, the last readable value counts and the others are
/// skipped.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RiskPartial {
    skipped: u64,
    /// Only dates with a value.
    days: BTreeMap<NaiveDate, Table<Cell>>,
}

/// A value for each of [`State::ALL`], [`Kind::ALL`] and [`Level::ALL`].
type Table<T> = table::Table<T, { State::ALL.len() }, { Kind::ALL.len() }, { Level::ALL.len() }>;

impl RiskPartial {
    /// The history of each selected state and kind.
    pub fn histories(&self, params: &RiskParameters, view: View) -> Vec<RiskHistory> {
        let overall = table::overall(&self.days, view);
        let mut histories = Vec::new();
        for state in State::ALL {
            for kind in Kind::ALL {
                if !params.risks_state.contains(&state) || !params.risks_type.contains(&kind) {
                    continue;
                }
                let levels = |[low, medium, high]: [Average; 3]| Levels { low, medium, high };
                let by_date = self.days.iter().map(|(date, table)| {
                    let cells = table[state as usize][kind as usize];
                    (*date, levels(cells.map(|cell| view.average(cell))))
                });
                histories.push(RiskHistory {
                    state,
                    kind,
                    overall: levels(overall[state as usize][kind as usize]),
                    by_date: by_date.filter(|(_, levels)| !levels.is_empty()).collect(),
                });
            }
        }
        histories
    }
}

impl Partial for RiskPartial {
    fn fold<'a>(
        &mut self,
        date: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    ) {
        let skipped = table::fold(&mut self.days, date, documents, read);
        self.skipped = self.skipped.saturating_add(skipped);
    }

    fn merge(&mut self, other: &Self) {
        self.skipped = self.skipped.saturating_add(other.skipped);
        table::merge(&mut self.days, &other.days);
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn is_empty(&self) -> bool {
        self.days.is_empty()
    }
}

impl StoredPartial for RiskPartial {
    const FORMAT: Format = Format {
        name: "risk",
        version: 2,
    };

    fn withhold(&mut self, disclosure: &mut Disclosure, all: Option<&Self>) {
        self.skipped = 0;
        table::withhold(&mut self.days, disclosure, all.map(|all| &all.days));
    }
}

/// The values of a stat and the number of skipped parts, or `None` if there are no `risks`.
fn read(document: &str) -> Option<(Table<Option<f64>>, u64)> {
    let [risks] = json::fields(document, &["risks"])?.values;
    let states = json::fields(risks?, &State::NAMES)?;
    let mut values = Table::<Option<f64>>::default();
    let mut skipped = states.others;
    for (kinds, values) in present(states.values, &mut values) {
        let Some(kinds) = json::fields(kinds, &Kind::NAMES) else {
            skipped += 1;
            continue;
        };
        skipped += kinds.others;
        for (levels, values) in present(kinds.values, values) {
            let Some(levels) = json::objects(levels, &["level", "value"]) else {
                skipped += 1;
                continue;
            };
            for element in levels {
                let Some((level, value)) = element.and_then(read_level) else {
                    skipped += 1;
                    continue;
                };
                let earlier = values[level as usize].replace(value);
                skipped += u64::from(earlier.is_some());
            }
        }
    }
    Some((values, skipped))
}

fn read_level(fields: json::Fields<'_, 2>) -> Option<(Level, f64)> {
    let [level, value] = fields.values;
    Some((json::text(level?)?.parse().ok()?, json::number(value?)?))
}

/// The present fields, each with its value in the table.
fn present<'a, 'de, T, const N: usize>(
    fields: [Option<&'de str>; N],
    values: &'a mut [T; N],
) -> impl Iterator<Item = (&'de str, &'a mut T)> {
    fields
        .into_iter()
        .zip(values)
        .filter_map(|(field, value)| Some((field?, value)))
}

/// The numbers of risks of one state and kind.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskHistory {
    /// The state.
    pub state: State,
    /// The kind.
    pub kind: Kind,
    /// The means over all stats.
    pub overall: Levels,
    /// The means over the stats of each date with stats, ordered by date.
    pub by_date: Vec<(NaiveDate, Levels)>,
}

/// The numbers of risks of each level. An average is empty if there is no value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Levels {
    /// Low risks.
    pub low: Average,
    /// Medium risks.
    pub medium: Average,
    /// High risks.
    pub high: Average,
}

impl Levels {
    /// The number of risks of one level.
    pub fn get(&self, level: Level) -> Average {
        match level {
            Level::Low => self.low,
            Level::Medium => self.medium,
            Level::High => self.high,
        }
    }

    fn is_empty(&self) -> bool {
        Level::ALL.iter().all(|level| self.get(*level).is_empty())
    }
}

/// Parameters of the risk and cartography processors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RiskParameters {
    /// The states in the result.
    pub risks_state: Selection<State>,
    /// The kinds in the result.
    pub risks_type: Selection<Kind>,
}

/// The mean number of risks by state, kind and level, over all stats.
///
/// The result is `{state: {kind: {level: mean}}}` in both shapes; with counts, a mean of the series is `{"value",
/// "clients", "analyses"}`. Levels without a value are omitted.
#[derive(Debug)]
pub struct RiskAverages;

impl Processor for RiskAverages {
    type Partial = RiskPartial;
    type Params = RiskParameters;
    type Output = RiskMeans;

    const NAME: &'static str = "risk_averages";
    const DESCRIPTION: &'static str = "Mean number of risks over all stats, by state (current, residual), kind \
        (informational, operational) and level (low, medium, high). Parameters, each optional: risks_type, \
        informational or operational; risks_state, current or residual.";
    const STATS_TYPE: StatsType = StatsType::Risk;

    fn finish(partial: &RiskPartial, params: &RiskParameters, view: View) -> RiskMeans {
        RiskMeans(partial.histories(params, view))
    }

    fn map(output: &RiskMeans) -> impl Serialize {
        by_level(&output.0, |history, level| {
            overall(history, level).map(Average::without_counts)
        })
    }
}

/// The mean number of risks by state, kind, level and date.
///
/// The result is `{state: {kind: {level: values}}}`, where the values are `[{"date", "value"}]` in the series, with
/// counts `[{"date", "value", "clients", "analyses"}]`, and `{date: value}` in the map. A level without a value has an empty list or object.
#[derive(Debug)]
pub struct RiskAveragesOnDate;

impl Processor for RiskAveragesOnDate {
    type Partial = RiskPartial;
    type Params = RiskParameters;
    type Output = RiskSeries;

    const NAME: &'static str = "risk_averages_on_date";
    const DESCRIPTION: &'static str = "Mean number of risks on each date, by state (current, residual), kind \
        (informational, operational) and level (low, medium, high). Parameters, each optional: risks_type, \
        informational or operational; risks_state, current or residual.";
    const STATS_TYPE: StatsType = StatsType::Risk;

    fn finish(partial: &RiskPartial, params: &RiskParameters, view: View) -> RiskSeries {
        RiskSeries(partial.histories(params, view))
    }

    fn map(output: &RiskSeries) -> impl Serialize {
        by_level(&output.0, |history, level| {
            let values = values(history, level).map(|(date, mean)| (date, mean.without_counts()));
            Some(values.collect::<BTreeMap<_, _>>())
        })
    }
}

/// The result of [`RiskAverages`]. Serialises as the overall means.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskMeans(pub Vec<RiskHistory>);

impl Serialize for RiskMeans {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        by_level(&self.0, overall).serialize(serializer)
    }
}

/// The result of [`RiskAveragesOnDate`]. Serialises as the means by date.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskSeries(pub Vec<RiskHistory>);

impl Serialize for RiskSeries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        by_level(&self.0, |history, level| {
            let values = values(history, level);
            Some(
                values
                    .map(|(date, mean)| OnDate(date, mean))
                    .collect::<Vec<_>>(),
            )
        })
        .serialize(serializer)
    }
}

/// Serialises as `{"date", "value"}`, with counts as `{"date", "value", "clients", "analyses"}`.
struct OnDate(NaiveDate, Average);

impl Serialize for OnDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(date, mean) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("date", date)?;
        map.serialize_entry("value", &mean.value())?;
        mean.serialize_counts(&mut map)?;
        map.end()
    }
}

fn overall(history: &RiskHistory, level: Level) -> Option<Average> {
    Some(history.overall.get(level)).filter(|mean| !mean.is_empty())
}

/// The dates with a value, and their means.
fn values(history: &RiskHistory, level: Level) -> impl Iterator<Item = (NaiveDate, Average)> {
    let by_date = history.by_date.iter();
    let by_date = by_date.map(move |(date, levels)| (*date, levels.get(level)));
    by_date.filter(|(_, mean)| !mean.is_empty())
}

type ByLevel<T> = BTreeMap<&'static str, BTreeMap<&'static str, BTreeMap<&'static str, T>>>;

fn by_level<T>(
    histories: &[RiskHistory],
    value: impl Fn(&RiskHistory, Level) -> Option<T>,
) -> ByLevel<T> {
    let mut states = ByLevel::new();
    for history in histories {
        let levels = Level::ALL.into_iter();
        let levels = levels.filter_map(|level| Some((level.as_str(), value(history, level)?)));
        let kinds = states.entry(history.state.as_str()).or_default();
        kinds.insert(history.kind.as_str(), levels.collect());
    }
    states
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Weight;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The levels of current informational, current operational, residual informational and residual operational risks.
    fn stat(numbers: [[i32; 3]; 4]) -> String {
        let [a, b, c, d] = numbers.map(|[low, medium, high]| {
            format!(
                r#"[{{"level": "Low risks", "value": {low}}}, {{"level": "Medium risks", "value": {medium}}},
                    {{"level": "High risks", "value": "{high}"}}]"#
            )
        });
        format!(
            r#"{{"risks": {{"current": {{"informational": {a}, "operational": {b}}},
                            "residual": {{"informational": {c}, "operational": {d}}}}}, "total": 5}}"#
        )
    }

    /// Two client-days, one with two stats.
    fn partial() -> RiskPartial {
        let mut partial = RiskPartial::default();
        let first = stat([[12, 27, 8], [18, 0, 10], [74, 26, 1], [28, 0, 0]]);
        let second = stat([[13, 30, 9], [20, 1, 10], [70, 20, 3], [26, 2, 4]]);
        let third = stat([[66, 27, 8], [18, 0, 10], [74, 26, 1], [28, 0, 0]]);
        partial.fold(day("2026-11-20"), [first, second]);
        partial.fold(day("2026-11-19"), [third]);
        assert_eq!(partial.skipped(), 0);
        partial
    }

    fn of(document: &str) -> RiskPartial {
        let mut partial = RiskPartial::default();
        partial.fold(day("2026-11-20"), [document]);
        partial
    }

    fn current(kinds: &[Kind]) -> RiskParameters {
        RiskParameters {
            risks_state: Selection(vec![State::Current]),
            risks_type: Selection(kinds.to_vec()),
        }
    }

    fn averages(partial: &RiskPartial) -> Value {
        json!(RiskAverages::finish(
            partial,
            &current(&[]),
            View::default()
        ))
    }

    #[test]
    fn averages_are_over_all_stats() {
        let output = RiskAverages::finish(&partial(), &RiskParameters::default(), View::default());
        let expected = json!({
            "current": {
                "informational": {"Low risks": 91.0 / 3.0, "Medium risks": 28.0, "High risks": 25.0 / 3.0},
                "operational": {"Low risks": 56.0 / 3.0, "Medium risks": 1.0 / 3.0, "High risks": 10.0},
            },
            "residual": {
                "informational": {"Low risks": 218.0 / 3.0, "Medium risks": 24.0, "High risks": 5.0 / 3.0},
                "operational": {"Low risks": 82.0 / 3.0, "Medium risks": 2.0 / 3.0, "High risks": 4.0 / 3.0},
            },
        });
        assert_eq!(json!(RiskAverages::map(&output)), expected);
        assert_eq!(json!(output), expected);
        let by_client = View {
            weight: Weight::Client,
            ..View::default()
        };
        let output = RiskAverages::finish(&partial(), &RiskParameters::default(), by_client);
        let low = output.0[0].overall.get(Level::Low);
        assert_eq!(low.value(), Some(39.25));
    }

    #[test]
    fn averages_on_date_are_ordered_by_date() {
        let output = RiskAveragesOnDate::finish(
            &partial(),
            &current(&[Kind::Informational]),
            View::default(),
        );
        assert_eq!(
            serde_json::to_string(&output).unwrap(),
            concat!(
                r#"{"current":{"informational":{"#,
                r#""High risks":[{"date":"2026-11-19","value":8.0},{"date":"2026-11-20","value":8.5}],"#,
                r#""Low risks":[{"date":"2026-11-19","value":66.0},{"date":"2026-11-20","value":12.5}],"#,
                r#""Medium risks":[{"date":"2026-11-19","value":27.0},{"date":"2026-11-20","value":28.5}]}}}"#,
            )
        );
        assert_eq!(
            serde_json::to_string(&RiskAveragesOnDate::map(&output)).unwrap(),
            concat!(
                r#"{"current":{"informational":{"#,
                r#""High risks":{"2026-11-19":8.0,"2026-11-20":8.5},"#,
                r#""Low risks":{"2026-11-19":66.0,"2026-11-20":12.5},"#,
                r#""Medium risks":{"2026-11-19":27.0,"2026-11-20":28.5}}}}"#,
            )
        );
    }

    #[test]
    fn a_level_without_values_has_no_mean() {
        let partial =
            of(r#"{"risks": {"current": {"operational": [{"level": "High risks", "value": 0}]}}}"#);
        assert_eq!(
            averages(&partial),
            json!({"current": {"informational": {}, "operational": {"High risks": 0.0}}})
        );
        let output =
            RiskAveragesOnDate::finish(&partial, &current(&[Kind::Operational]), View::default());
        let series = json!({
            "Low risks": [],
            "Medium risks": [],
            "High risks": [{"date": "2026-11-20", "value": 0.0}],
        });
        assert_eq!(json!(output), json!({"current": {"operational": series}}));
        let map = json!({"Low risks": {}, "Medium risks": {}, "High risks": {"2026-11-20": 0.0}});
        assert_eq!(
            json!(RiskAveragesOnDate::map(&output)),
            json!({"current": {"operational": map}})
        );
        let all = partial.histories(&RiskParameters::default(), View::default());
        let dates: Vec<_> = all.iter().map(|history| history.by_date.len()).collect();
        assert_eq!(dates, [0, 1, 0, 0]);
    }

    #[test]
    fn unreadable_parts_are_skipped_and_counted() {
        let whole = stat([[1, 2, 3]; 4]);
        for (risks, skipped) in [
            ("5", 1),
            ("null", 1),
            ("[{}]", 1),
            ("[]", 0),
            ("{}", 0),
            (r#"{"current": [], "residual": {"informational": []}}"#, 0),
            (r#"{"other": [], "current": 5}"#, 2),
            (
                r#"{"current": {"other": 1, "operational": {}, "informational": "x"}}"#,
                3,
            ),
            (
                r#"{"current": {"operational": [5, null, {}, [], {"level": "Low risks"}]}}"#,
                5,
            ),
            (
                r#"{"current": {"operational": [{"level": "unknown", "value": 3}]}}"#,
                1,
            ),
            (
                r#"{"current": {"operational": [{"level": 5, "value": 3}]}}"#,
                1,
            ),
            (
                r#"{"current": {"operational": [{"level": "Low risks", "value": "NaN"}]}}"#,
                1,
            ),
            (
                r#"{"current": {"operational": [{"level": "Low risks", "value": -1}]}}"#,
                1,
            ),
            (
                r#"{"current": {"operational": [{"level": "Low risks", "value": 1e10}]}}"#,
                1,
            ),
        ] {
            let partial = of(&format!(r#"{{"risks": {risks}, "total": "x"}}"#));
            assert_eq!(
                (partial.skipped(), partial.is_empty()),
                (skipped, true),
                "{risks}"
            );
        }
        let (cut, twice) = (&whole[..whole.len() - 1], whole.repeat(2));
        for document in [
            "",
            "{",
            "{}",
            "[]",
            "[1]",
            r#"{"total": 5}"#,
            "\u{0}",
            cut,
            &twice,
        ] {
            let partial = of(document);
            assert_eq!(
                (partial.skipped(), partial.is_empty()),
                (1, true),
                "{document}"
            );
        }
        let mut partial = of(r#"{"risks": {"other": 1, "current": {
                "informational": [5, {"level": "Low risks", "value": "2.5", "x": 1}], "operational": 7}}}"#);
        partial.merge(&of("7"));
        assert_eq!(partial.skipped(), 4);
        assert_eq!(
            averages(&partial),
            json!({"current": {"informational": {"Low risks": 2.5}, "operational": {}}})
        );
    }

    #[test]
    fn the_last_duplicate_counts() {
        let partial = of(r#"{"risks": 5, "risks": {
                "current": {"operational": [{"level": "Low risks", "value": 1}]},
                "current": {"informational": [
                    {"level": "Low risks", "value": 1},
                    {"level": "x", "level": "Low risks", "value": 1, "value": 2},
                    {"level": "Low risks", "value": "x"}
                ]}
            }}"#);
        assert_eq!(partial.skipped(), 2);
        assert_eq!(
            averages(&partial),
            json!({"current": {"informational": {"Low risks": 2.0}, "operational": {}}})
        );
    }
}
