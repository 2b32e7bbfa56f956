use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use stats_core::{FieldErrors, InvalidValue, StatsType};

use crate::json::{fields, list, number, text};
use crate::processor::{finish_empty, parameters};
use crate::{Mean, Partial, Processor, Shape};

/// The risks as they are, and as they will be after treatment.
const STATES: [&str; 2] = ["current", "residual"];
/// The risks of information assets, and those of operations.
const KINDS: [&str; 2] = ["informational", "operational"];
const LEVELS: [&str; 3] = ["Low risks", "Medium risks", "High risks"];

/// Something for each of [`STATES`], [`KINDS`] and [`LEVELS`].
type Table<T> = [[[T; LEVELS.len()]; KINDS.len()]; STATES.len()];

/// Means of the numbers of risks per date, state, kind and level.
///
/// What is read of a stat is `{"risks": {state: {kind: [{"level": level, "value": number}]}}}`. An unknown state, kind
/// or level and an unreadable value are skipped alone, each counting as one; a stat without a readable `risks` counts
/// as one. Other fields of the stat, such as `total`, are ignored. Where an object is expected an empty list holds
/// nothing and skips nothing, since that is how PHP writes an empty map. A level that is listed twice is two values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RiskPartial {
    skipped: u64,
    /// Only dates for which there is a value.
    days: BTreeMap<NaiveDate, Table<Mean>>,
}

impl RiskPartial {
    /// The means of each state and kind, overall and per date, in the order in which results name them.
    pub fn history(&self) -> Vec<RiskHistory> {
        let mut overall = Table::default();
        for day in self.days.values() {
            merge_table(&mut overall, day);
        }
        let mut histories = Vec::new();
        for (state, state_name) in STATES.iter().enumerate() {
            for (kind, kind_name) in KINDS.iter().enumerate() {
                let values = |table: &Table<Mean>| table[state][kind].each_ref().map(Mean::value);
                let by_date = self.days.iter().map(|(date, table)| (*date, values(table)));
                histories.push(RiskHistory {
                    state: state_name,
                    kind: kind_name,
                    overall: values(&overall),
                    by_date: by_date
                        .filter(|(_, levels)| levels.iter().any(Option::is_some))
                        .collect(),
                });
            }
        }
        histories
    }

    fn skip(&mut self, parts: u64) {
        self.skipped = self.skipped.saturating_add(parts);
    }

    fn fold_level(&mut self, date: NaiveDate, state: usize, kind: usize, reading: &RawValue) {
        match read_level(reading) {
            Some((level, value)) => {
                self.days.entry(date).or_default()[state][kind][level].add(value);
            }
            None => self.skip(1),
        }
    }
}

/// The mean numbers of low, medium and high risks, in this order; `None` where no stat has any.
pub type RiskLevels = [Option<f64>; 3];

/// The mean numbers of risks of one state and kind.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskHistory {
    /// `current` or `residual`.
    pub state: &'static str,
    /// `informational` or `operational`.
    pub kind: &'static str,
    /// The means over all stats.
    pub overall: RiskLevels,
    /// The means over the stats of each date that has any, the oldest first.
    pub by_date: Vec<(NaiveDate, RiskLevels)>,
}

/// The number of a level and its value.
fn read_level(reading: &RawValue) -> Option<(usize, f64)> {
    let [level, value] = fields(reading.get(), &["level", "value"])?.values;
    let level = text(level?)?;
    let level = LEVELS.iter().position(|known| *known == level)?;
    Some((level, number(value?)?))
}

impl Partial for RiskPartial {
    const FORMAT: u32 = 1;

    fn fold(&mut self, date: NaiveDate, data: &str) {
        let risks = fields(data, &["risks"]).and_then(|data| data.values[0]);
        let Some(states) = risks.and_then(|risks| fields(risks.get(), &STATES)) else {
            self.skip(1);
            return;
        };
        self.skip(states.others);
        for (state, kinds) in present(&states.values) {
            let Some(kinds) = fields(kinds, &KINDS) else {
                self.skip(1);
                continue;
            };
            self.skip(kinds.others);
            for (kind, levels) in present(&kinds.values) {
                let Some(levels) = list(levels) else {
                    self.skip(1);
                    continue;
                };
                for reading in levels {
                    self.fold_level(date, state, kind, reading);
                }
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.skip(other.skipped);
        for (date, means) in other.days {
            merge_table(self.days.entry(date).or_default(), &means);
        }
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn is_empty(&self) -> bool {
        self.days.is_empty()
    }
}

/// The fields that are there, with their numbers.
fn present<'de>(values: &[Option<&'de RawValue>]) -> impl Iterator<Item = (usize, &'de str)> {
    values
        .iter()
        .enumerate()
        .filter_map(|(i, value)| value.map(|value| (i, value.get())))
}

fn merge_table(table: &mut Table<Mean>, other: &Table<Mean>) {
    let means = table.iter_mut().flatten().flatten();
    for (mean, other) in means.zip(other.iter().flatten().flatten()) {
        mean.merge(other);
    }
}

/// Which states and kinds somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Selection {
    states: [bool; STATES.len()],
    kinds: [bool; KINDS.len()],
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            states: [true; STATES.len()],
            kinds: [true; KINDS.len()],
        }
    }
}

impl Selection {
    fn new(value: &Value) -> Result<Self, InvalidValue> {
        let given = parameters(value)?;
        let mut errors = FieldErrors::default();
        let selection = Self {
            states: select("risks_state", &STATES, &given, &mut errors),
            kinds: select("risks_type", &KINDS, &given, &mut errors),
        };
        if errors.is_empty() {
            Ok(selection)
        } else {
            Err(InvalidValue::message(errors.to_string()))
        }
    }

    /// Something for each level of the states and kinds that were asked for.
    fn by_level<T>(&self, value: impl Fn(usize, usize, usize) -> Option<T>) -> ByLevel<T> {
        let kinds = |state| {
            selected(&KINDS, &self.kinds)
                .map(|(kind, name)| {
                    let levels = LEVELS.iter().enumerate();
                    let levels = levels
                        .filter_map(|(level, name)| Some((*name, value(state, kind, level)?)));
                    (name, levels.collect())
                })
                .collect()
        };
        selected(&STATES, &self.states)
            .map(|(state, name)| (name, kinds(state)))
            .collect()
    }
}

type ByLevel<T> = BTreeMap<&'static str, BTreeMap<&'static str, BTreeMap<&'static str, T>>>;

/// The names that are selected, with their numbers.
fn selected(
    names: &'static [&'static str],
    selected: &[bool],
) -> impl Iterator<Item = (usize, &'static str)> {
    names
        .iter()
        .copied()
        .enumerate()
        .zip(selected)
        .filter_map(|(name, selected)| selected.then_some(name))
}

/// Which of `names` the parameter called `parameter` selects: a text with some of them, separated by commas. All if
/// there is none, or an empty one.
fn select<const N: usize>(
    parameter: &str,
    names: &[&str; N],
    given: &serde_json::Map<String, Value>,
    errors: &mut FieldErrors,
) -> [bool; N] {
    let asked = match given.get(parameter) {
        None | Some(Value::Null) => return [true; N],
        Some(Value::String(asked)) if asked.trim().is_empty() => return [true; N],
        Some(Value::String(asked)) => asked,
        Some(_) => {
            errors.add(
                parameter,
                format_args!("must be a string: {}", names.join(" or ")),
            );
            return [false; N];
        }
    };
    let mut selected = [false; N];
    for name in asked.split(',').map(str::trim) {
        match names.iter().position(|known| *known == name) {
            Some(position) => selected[position] = true,
            None => errors.add(parameter, InvalidValue::new(name, names.join(" or "))),
        }
    }
    selected
}

/// The mean number of risks by state, kind and level, over all stats. Both shapes are the same:
/// `{state: {kind: {level: mean}}}`.
///
/// A level of which there is no value is left out: the mean of nothing is no number, and 0 would say that there are no
/// such risks. [`RiskAveragesOnDate`] has the parameters, and they are the same here.
#[derive(Debug, Clone, Default)]
pub struct RiskAverages {
    selection: Selection,
}

impl Processor for RiskAverages {
    type Partial = RiskPartial;

    const NAME: &'static str = "risk_averages";
    const DESCRIPTION: &'static str = "Mean number of risks over all stats, by state (current, residual), kind \
        (informational, operational) and level (low, medium, high). Parameters, each optional: risks_type, \
        informational or operational; risks_state, current or residual.";
    const STATS_TYPE: StatsType = StatsType::Risk;

    fn new(parameters: &Value) -> Result<Self, InvalidValue> {
        let selection = Selection::new(parameters)?;
        Ok(Self { selection })
    }

    fn finish<S: Serializer>(
        &self,
        partial: &RiskPartial,
        shape: Shape,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if partial.is_empty() {
            return finish_empty(shape, serializer);
        }
        let mut means = Table::default();
        for day in partial.days.values() {
            merge_table(&mut means, day);
        }
        self.selection
            .by_level(|state, kind, level| means[state][kind][level].value())
            .serialize(serializer)
    }
}

/// The mean number of risks by state, kind, level and date: `{state: {kind: {level: values}}}`, where the values are
/// `[{"date", "value"}]` as a series and `{date: value}` as a map. All three levels are there; one of which there is no
/// value has none.
///
/// The parameters `risks_state` and `risks_type` leave states and kinds out. Each is a name or several separated by
/// commas; none, `null` and the empty text mean all.
#[derive(Debug, Clone, Default)]
pub struct RiskAveragesOnDate {
    selection: Selection,
}

impl Processor for RiskAveragesOnDate {
    type Partial = RiskPartial;

    const NAME: &'static str = "risk_averages_on_date";
    const DESCRIPTION: &'static str = "Mean number of risks on each date, by state (current, residual), kind \
        (informational, operational) and level (low, medium, high). Parameters, each optional: risks_type, \
        informational or operational; risks_state, current or residual.";
    const STATS_TYPE: StatsType = StatsType::Risk;

    fn new(parameters: &Value) -> Result<Self, InvalidValue> {
        let selection = Selection::new(parameters)?;
        Ok(Self { selection })
    }

    fn finish<S: Serializer>(
        &self,
        partial: &RiskPartial,
        shape: Shape,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct DateValue {
            date: NaiveDate,
            value: f64,
        }

        if partial.is_empty() {
            return finish_empty(shape, serializer);
        }
        let values = |state: usize, kind: usize, level: usize| {
            partial
                .days
                .iter()
                .filter_map(move |(date, means)| Some((*date, means[state][kind][level].value()?)))
        };
        match shape {
            Shape::Series => self
                .selection
                .by_level(|state, kind, level| {
                    let values = values(state, kind, level);
                    Some(
                        values
                            .map(|(date, value)| DateValue { date, value })
                            .collect::<Vec<_>>(),
                    )
                })
                .serialize(serializer),
            Shape::Map => self
                .selection
                .by_level(|state, kind, level| {
                    Some(values(state, kind, level).collect::<BTreeMap<_, _>>())
                })
                .serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The levels of current informational, current operational, residual informational and residual operational risks.
    fn stat(numbers: [[i32; 3]; 4]) -> Value {
        let [a, b, c, d] = numbers.map(|[low, medium, high]| {
            json!([
                {"level": "Low risks", "value": low},
                {"level": "Medium risks", "value": medium},
                {"level": "High risks", "value": high},
            ])
        });
        json!({
            "risks": {
                "current": {"informational": a, "operational": b},
                "residual": {"informational": c, "operational": d},
            },
            "total": {"current": {"informational": 101}},
        })
    }

    /// Three stats, two of them of one day.
    fn partial() -> RiskPartial {
        let mut partial = RiskPartial::default();
        for (date, numbers) in [
            (
                "2026-11-20",
                [[12, 27, 8], [18, 0, 10], [74, 26, 1], [28, 0, 0]],
            ),
            (
                "2026-11-19",
                [[66, 27, 8], [18, 0, 10], [74, 26, 1], [28, 0, 0]],
            ),
            (
                "2026-11-20",
                [[13, 30, 9], [20, 1, 10], [70, 20, 3], [26, 2, 4]],
            ),
        ] {
            partial.fold(day(date), &stat(numbers).to_string());
        }
        assert_eq!(partial.skipped(), 0);
        partial
    }

    fn of(stats: &[Value]) -> RiskPartial {
        let mut partial = RiskPartial::default();
        for data in stats {
            partial.fold(day("2026-11-20"), &data.to_string());
        }
        partial
    }

    fn finish<P: Processor>(partial: &P::Partial, parameters: Value, shape: Shape) -> Value {
        let processor = P::new(&parameters).unwrap();
        processor
            .finish(partial, shape, serde_json::value::Serializer)
            .unwrap()
    }

    #[test]
    fn averages_are_over_all_stats() {
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
        for shape in [Shape::Series, Shape::Map] {
            let result = finish::<RiskAverages>(&partial(), Value::Null, shape);
            assert_eq!(result, expected);
        }
    }

    #[test]
    fn averages_on_date_are_sorted_by_date() {
        let asked = json!({"risks_state": "current", "risks_type": "informational"});
        let series = finish::<RiskAveragesOnDate>(&partial(), asked.clone(), Shape::Series);
        assert_eq!(
            series,
            json!({"current": {"informational": {
                "Low risks": [
                    {"date": "2026-11-19", "value": 66.0},
                    {"date": "2026-11-20", "value": 12.5},
                ],
                "Medium risks": [
                    {"date": "2026-11-19", "value": 27.0},
                    {"date": "2026-11-20", "value": 28.5},
                ],
                "High risks": [
                    {"date": "2026-11-19", "value": 8.0},
                    {"date": "2026-11-20", "value": 8.5},
                ],
            }}})
        );
        let map = finish::<RiskAveragesOnDate>(&partial(), asked, Shape::Map);
        assert_eq!(
            map,
            json!({"current": {"informational": {
                "Low risks": {"2026-11-19": 66.0, "2026-11-20": 12.5},
                "Medium risks": {"2026-11-19": 27.0, "2026-11-20": 28.5},
                "High risks": {"2026-11-19": 8.0, "2026-11-20": 8.5},
            }}})
        );
    }

    #[test]
    fn a_history_has_what_the_processors_say() {
        let history = partial().history();
        let names: Vec<_> = history.iter().map(|one| (one.state, one.kind)).collect();
        assert_eq!(
            names,
            [
                ("current", "informational"),
                ("current", "operational"),
                ("residual", "informational"),
                ("residual", "operational"),
            ]
        );
        assert_eq!(history[0].overall, [91.0 / 3.0, 28.0, 25.0 / 3.0].map(Some));
        assert_eq!(
            history[0].by_date,
            [
                (day("2026-11-19"), [66.0, 27.0, 8.0].map(Some)),
                (day("2026-11-20"), [12.5, 28.5, 8.5].map(Some)),
            ]
        );
        let high_only = of(&[
            json!({"risks": {"residual": {"operational": [{"level": "High risks", "value": 0}]}}}),
        ]);
        let history = high_only.history();
        assert_eq!(history[3].overall, [None, None, Some(0.0)]);
        assert_eq!(
            history[3].by_date,
            [(day("2026-11-20"), [None, None, Some(0.0)])]
        );
        assert_eq!(
            (history[0].overall, &history[0].by_date),
            ([None; 3], &vec![])
        );
    }

    #[test]
    fn parameters_leave_states_and_kinds_out() {
        let both = ["informational", "operational"];
        for (parameters, states, kinds) in [
            (json!(null), &["current", "residual"][..], &both[..]),
            (json!({}), &["current", "residual"], &both),
            (json!([]), &["current", "residual"], &both),
            (
                json!({"risks_type": "", "risks_state": null}),
                &["current", "residual"],
                &both,
            ),
            (
                json!({"risks_type": "operational", "other": 5}),
                &["current", "residual"],
                &both[1..],
            ),
            (json!({"risks_state": "residual"}), &["residual"], &both),
            (
                json!({"risks_state": "residual, current"}),
                &["current", "residual"],
                &both,
            ),
        ] {
            for result in [
                finish::<RiskAverages>(&partial(), parameters.clone(), Shape::Series),
                finish::<RiskAveragesOnDate>(&partial(), parameters.clone(), Shape::Map),
            ] {
                let result = result.as_object().unwrap();
                assert!(result.keys().eq(states), "{parameters}: {result:?}");
                for state in result.values() {
                    assert!(
                        state.as_object().unwrap().keys().eq(kinds),
                        "{parameters}: {state}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_value_that_nobody_knows_is_an_error() {
        for (parameters, message) in [
            (json!(5), "'5' is not an object"),
            (json!(["current"]), r#"'[\"current\"]' is not an object"#),
            (
                json!({"risks_type": "junk", "risks_state": ["current"]}),
                "risks_state: must be a string: current or residual; \
                 risks_type: 'junk' is not informational or operational",
            ),
            (
                json!({"risks_state": "current,"}),
                "risks_state: '' is not current or residual",
            ),
            (
                json!({"risks_state": "Current"}),
                "risks_state: 'Current' is not current or residual",
            ),
        ] {
            let error = RiskAveragesOnDate::new(&parameters).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!(RiskAverages::new(&parameters).unwrap_err(), error);
        }
    }

    #[test]
    fn nothing_gives_an_empty_list_or_object() {
        for partial in [
            RiskPartial::default(),
            of(&[json!({}), json!({"risks": []})]),
        ] {
            assert!(partial.is_empty());
            for (shape, expected) in [(Shape::Series, json!([])), (Shape::Map, json!({}))] {
                assert_eq!(
                    finish::<RiskAverages>(&partial, Value::Null, shape),
                    expected
                );
                assert_eq!(
                    finish::<RiskAveragesOnDate>(&partial, Value::Null, shape),
                    expected
                );
            }
        }
    }

    #[test]
    fn a_level_without_values_has_no_mean() {
        let partial = of(&[
            json!({"risks": {"current": {"operational": [{"level": "High risks", "value": 0}]}}}),
        ]);
        let asked = json!({"risks_state": "current"});
        assert_eq!(
            finish::<RiskAverages>(&partial, asked.clone(), Shape::Series),
            json!({"current": {"informational": {}, "operational": {"High risks": 0.0}}})
        );
        assert_eq!(
            finish::<RiskAveragesOnDate>(&partial, asked.clone(), Shape::Series),
            json!({"current": {
                "informational": {"Low risks": [], "Medium risks": [], "High risks": []},
                "operational": {
                    "Low risks": [],
                    "Medium risks": [],
                    "High risks": [{"date": "2026-11-20", "value": 0.0}],
                },
            }})
        );
        assert_eq!(
            finish::<RiskAveragesOnDate>(&partial, asked, Shape::Map),
            json!({"current": {
                "informational": {"Low risks": {}, "Medium risks": {}, "High risks": {}},
                "operational": {"Low risks": {}, "Medium risks": {}, "High risks": {"2026-11-20": 0.0}},
            }})
        );
    }

    #[test]
    fn what_cannot_be_read_is_skipped_alone_and_counted() {
        let low = |value: Value| json!([{"level": "Low risks", "value": value}]);
        for (data, skipped) in [
            (json!({}), 1),
            (json!([]), 1),
            (json!([1]), 1),
            (json!({"risks": 5}), 1),
            (json!({"risks": null}), 1),
            (json!({"risks": [{}]}), 1),
            (json!({"total": 5}), 1),
            (json!({"risks": []}), 0),
            (json!({"risks": {}, "total": "x"}), 0),
            (
                json!({"risks": {"current": [], "residual": {"informational": []}}}),
                0,
            ),
            (json!({"risks": {"other": [], "current": 5}}), 2),
            (
                json!({"risks": {"current": {"other": low(json!(1)), "operational": {}, "informational": "x"}}}),
                3,
            ),
            (
                json!({"risks": {"current": {"operational": [5, null, {}, [], {"level": "Low risks"}]}}}),
                5,
            ),
            (
                json!({"risks": {"current": {"operational": [{"level": "Odd", "value": 3}]}}}),
                1,
            ),
            (
                json!({"risks": {"current": {"operational": [{"level": 5, "value": 3}]}}}),
                1,
            ),
            (
                json!({"risks": {"current": {"operational": low(json!("NaN"))}}}),
                1,
            ),
            (
                json!({"risks": {"current": {"operational": low(json!(null))}}}),
                1,
            ),
            (
                json!({"risks": {"current": {"operational": low(json!(1e289))}}}),
                1,
            ),
        ] {
            let partial = of(std::slice::from_ref(&data));
            assert_eq!(
                (partial.skipped(), partial.is_empty()),
                (skipped, true),
                "{data}"
            );
        }
        let mut partial = of(&[json!({"risks": {
            "other": 1,
            "current": {"informational": [5, {"level": "Low risks", "value": "2.5", "x": 1}], "operational": 7},
        }})]);
        assert_eq!(partial.skipped(), 3);
        partial.merge(of(&[json!(7)]));
        assert_eq!(partial.skipped(), 4);
        assert_eq!(
            finish::<RiskAverages>(&partial, json!({"risks_state": "current"}), Shape::Map),
            json!({"current": {"informational": {"Low risks": 2.5}, "operational": {}}})
        );
    }

    #[test]
    fn text_that_is_no_json_counts_as_one_stat_and_leaves_nothing_behind() {
        let whole = stat([[1, 2, 3]; 4]).to_string();
        for data in [
            "",
            "{",
            "\u{0}",
            &whole[..whole.len() - 1],
            &format!("{whole}{whole}"),
        ] {
            let mut partial = RiskPartial::default();
            partial.fold(day("2026-11-20"), data);
            assert_eq!((partial.skipped(), partial.is_empty()), (1, true), "{data}");
        }
    }

    #[test]
    fn the_last_of_two_fields_counts() {
        let mut partial = RiskPartial::default();
        partial.fold(
            day("2026-11-20"),
            r#"{"risks": 5, "risks": {
                "current": {"operational": [{"level": "Low risks", "value": 1}]},
                "current": {"informational": [{"level": "x", "level": "Low risks", "value": 1, "value": 2}]}
            }}"#,
        );
        assert_eq!(partial.skipped(), 0);
        assert_eq!(
            finish::<RiskAverages>(&partial, json!({"risks_state": "current"}), Shape::Map),
            json!({"current": {"informational": {"Low risks": 2.0}, "operational": {}}})
        );
    }
}
