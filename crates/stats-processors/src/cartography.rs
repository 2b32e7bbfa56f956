use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use stats_core::StatsType;

use crate::table;
use crate::{
    Average, Cell, Disclosure, Format, Kind, MAX_VALUE, Partial, Processor, RiskParameters, State,
    StoredPartial, View, json,
};

/// The greatest impact after rescaling.
pub const MAX_IMPACT: usize = 4;
/// The greatest likelihood after rescaling, that is, threat × vulnerability.
pub const MAX_LIKELIHOOD: usize = 20;
/// The greatest probability after rescaling.
pub const MAX_PROBABILITY: usize = 4;

const IMPACTS: usize = MAX_IMPACT + 1;
const LIKELIHOODS: usize = MAX_LIKELIHOOD + 1;
const PROBABILITIES: usize = MAX_PROBABILITY + 1;

/// Means of the numbers of risks by date, state, kind and cell of the risk matrix.
///
/// A stat is `{"risks": {state: {kind: {impact: {column: number}}}}, "scales": {"impact", "likelihood",
/// "probability"}}`. The column is the likelihood of informational and the probability of operational risks. A scale is
/// the list of the values that an analysis uses.
///
/// Scales differ between analyses. As MONARC's global dashboard does, each axis is rescaled linearly, from the least and
/// greatest value of the analysis' own scale to 0 and [`MAX_IMPACT`], [`MAX_LIKELIHOOD`] or [`MAX_PROBABILITY`]:
///
/// ```text
/// rescaled = round(maximum × (value - least) / (greatest - least))
/// ```
///
/// Halves are rounded up. The value of a scale of one value becomes 0. Risks that fall into one cell are added. Risks
/// at a negative impact or column are not rated and are left out.
///
/// **An analysis counts in all cells of a matrix, or in none.** If it reports a state and kind, even as an empty matrix,
/// it has 0 risks in each cell that it does not mention. Otherwise it counts in no cell of that state and kind. The
/// number of analyses is therefore the same in all cells of a [`RiskMatrix`].
///
/// Unknown states and kinds, unreadable numbers and those outside the scale are skipped one by one. A matrix is skipped
/// if none of its parts is readable or if one of its scales is not a list of whole numbers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CartographyPartial {
    skipped: u64,
    /// Only dates with a matrix.
    days: BTreeMap<NaiveDate, Table<Cell>>,
}

/// A value for each state, impact and column. The columns of the kinds are side by side, see [`columns`].
type Table<T> = table::Table<T, { State::ALL.len() }, IMPACTS, { LIKELIHOODS + PROBABILITIES }>;

/// The columns of a kind in a table.
const fn columns(kind: Kind) -> Range<usize> {
    match kind {
        Kind::Informational => 0..LIKELIHOODS,
        Kind::Operational => LIKELIHOODS..LIKELIHOODS + PROBABILITIES,
    }
}

impl CartographyPartial {
    /// The history of each selected state and kind.
    pub fn histories(&self, params: &RiskParameters, view: View) -> Vec<CartographyHistory> {
        let overall = table::overall(&self.days, view);
        let mut histories = Vec::new();
        for state in State::ALL {
            for kind in Kind::ALL {
                if !params.risks_state.contains(&state) || !params.risks_type.contains(&kind) {
                    continue;
                }
                let average = |cell: &Cell| view.average(*cell);
                let by_date = self.days.iter().filter_map(|(date, day)| {
                    Some((*date, RiskMatrix::new(day, state, kind, average)?))
                });
                histories.push(CartographyHistory {
                    state,
                    kind,
                    overall: RiskMatrix::new(&overall, state, kind, |average| *average),
                    by_date: by_date.collect(),
                });
            }
        }
        histories
    }
}

impl Partial for CartographyPartial {
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

impl StoredPartial for CartographyPartial {
    const FORMAT: Format = Format {
        name: "cartography",
        version: 1,
    };

    fn withhold(&mut self, disclosure: &mut Disclosure, all: Option<&Self>) {
        self.skipped = 0;
        table::withhold(&mut self.days, disclosure, all.map(|all| &all.days));
    }
}

/// The values of a stat and the number of skipped parts, or `None` if there are no `risks`. The cells of a matrix that
/// the stat does not report are `None`.
fn read(document: &str) -> Option<(Table<Option<f64>>, u64)> {
    let [risks, scales] = json::fields(document, &["risks", "scales"])?.values;
    let states = json::fields(risks?, &State::NAMES)?;
    let scales =
        scales.and_then(|json| json::fields(json, &["impact", "likelihood", "probability"]));
    let [impact, likelihood, probability] = scales.unwrap_or_default().values;
    let impact = Scale::read(impact, MAX_IMPACT);
    let likelihood = Scale::read(likelihood, MAX_LIKELIHOOD);
    let probability = Scale::read(probability, MAX_PROBABILITY);
    let mut table = Table::default();
    let mut skipped = states.others;
    for (kinds, rows) in states.values.into_iter().zip(&mut table) {
        let Some(kinds) = kinds else {
            continue;
        };
        let Some(kinds) = json::fields(kinds, &Kind::NAMES) else {
            skipped += 1;
            continue;
        };
        skipped += kinds.others;
        for (kind, matrix) in Kind::ALL.into_iter().zip(kinds.values) {
            let Some(matrix) = matrix else {
                continue;
            };
            let column = match kind {
                Kind::Informational => likelihood,
                Kind::Operational => probability,
            };
            let mut rows = rows.each_mut().map(|row| &mut row[columns(kind)]);
            skipped += match impact.zip(column) {
                Some(scales) => read_matrix(matrix, scales, &mut rows),
                None => 1,
            };
        }
    }
    Some((table, skipped))
}

/// Reads a matrix into rows of cells, and returns the number of skipped parts.
fn read_matrix(
    json: &str,
    (impact_scale, column_scale): (Scale, Scale),
    rows: &mut [&mut [Option<f64>]; IMPACTS],
) -> u64 {
    let Some(matrix) = json::numbered(json) else {
        return 1;
    };
    let mut skipped = matrix.others;
    let mut is_readable = false;
    let mut found: [Vec<f64>; IMPACTS] = rows.each_ref().map(|row| vec![0.0; row.len()]);
    for (impact, row) in matrix.values {
        let Some(row) = json::numbered(row) else {
            skipped += 1;
            continue;
        };
        skipped += row.others;
        for (column, number) in row.values {
            if impact < 0 || column < 0 {
                is_readable = true;
                continue;
            }
            let position = impact_scale
                .rescale(impact)
                .zip(column_scale.rescale(column));
            let cell = position.and_then(|(impact, column)| found.get_mut(impact)?.get_mut(column));
            let number = json::number(number);
            match cell.zip(number) {
                // No single analysis dominates a cell through a sum.
                Some((cell, number)) if *cell + number <= MAX_VALUE => {
                    *cell += number;
                    is_readable = true;
                }
                _ => skipped += 1,
            }
        }
    }
    if is_readable || skipped == 0 {
        for (row, found) in rows.iter_mut().zip(found) {
            for (cell, number) in row.iter_mut().zip(found) {
                *cell = Some(number);
            }
        }
    }
    skipped
}

/// The scale of an analysis.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// From 0 to [`MAX_VALUE`].
    least: i64,
    /// From `least` to [`MAX_VALUE`].
    greatest: i64,
    /// What the greatest value becomes.
    maximum: i64,
}

impl Scale {
    /// Reads a list of whole numbers. Negative ones mean "not rated" and are left out.
    fn read(json: Option<&str>, maximum: usize) -> Option<Self> {
        let values = json::list(json?)?.map(|value| {
            let text = json::text(value).unwrap_or(Cow::Borrowed(value));
            let value: i64 = text.parse().ok()?;
            (value <= MAX_VALUE as i64).then_some(value)
        });
        let mut values = values.collect::<Option<Vec<_>>>()?;
        values.retain(|value| *value >= 0);
        Some(Self {
            least: *values.iter().min()?,
            greatest: *values.iter().max()?,
            maximum: maximum.try_into().ok()?,
        })
    }

    /// The value on a scale from 0 to `maximum`, or `None` if it is outside this scale. See [`CartographyPartial`].
    fn rescale(self, value: i64) -> Option<usize> {
        if !(self.least..=self.greatest).contains(&value) {
            return None;
        }
        let length = self.greatest - self.least;
        // Adding half of the length before the division rounds, without an inexact float.
        let doubled = 2 * self.maximum * (value - self.least) + length;
        usize::try_from(doubled.checked_div(2 * length).unwrap_or(0)).ok()
    }
}

/// The numbers of risks of one state and kind.
#[derive(Debug, Clone, PartialEq)]
pub struct CartographyHistory {
    /// The state.
    pub state: State,
    /// The kind.
    pub kind: Kind,
    /// The means over all stats, or `None` if no stat has this state and kind.
    pub overall: Option<RiskMatrix>,
    /// The means over the stats of each date with stats, ordered by date.
    pub by_date: Vec<(NaiveDate, RiskMatrix)>,
}

/// The mean number of risks in each cell of a risk matrix, after rescaling.
///
/// Each cell counts the same analyses and clients, at least one.
///
/// Serialises as a list of rows by impact, each a list of means by column.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskMatrix([Vec<Average>; IMPACTS]);

impl RiskMatrix {
    /// The matrix of a state and kind, or `None` without values.
    fn new<T>(
        table: &Table<T>,
        state: State,
        kind: Kind,
        average: impl Fn(&T) -> Average,
    ) -> Option<Self> {
        let rows = table[state as usize].each_ref();
        let rows = rows.map(|row| row[columns(kind)].iter().map(&average).collect());
        let matrix = Self(rows);
        (!matrix.reported().is_empty()).then_some(matrix)
    }

    /// The rows, from impact 0 to [`MAX_IMPACT`]. The cells of a row go from likelihood 0 to [`MAX_LIKELIHOOD`]
    /// (informational) or from probability 0 to [`MAX_PROBABILITY`] (operational).
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[Average]> + DoubleEndedIterator {
        self.0.iter().map(Vec::as_slice)
    }

    /// The cell of an impact and a likelihood or probability, or `None` outside the matrix.
    pub fn get(&self, impact: usize, column: usize) -> Option<Average> {
        self.0.get(impact)?.get(column).copied()
    }

    /// Any mean, which has the numbers of analyses and clients of all.
    pub fn reported(&self) -> Average {
        self.get(0, 0).unwrap_or_default()
    }
}

impl Serialize for RiskMatrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let means = |row: &[Average]| {
            let means = row.iter().map(|mean| mean.value());
            means.collect::<Vec<_>>()
        };
        serializer.collect_seq(self.rows().map(means))
    }
}

/// The mean number of risks in each cell of the risk matrix by state and kind, over all stats.
///
/// The result is `{state: {kind: [[mean]]}}` in both shapes, see [`RiskMatrix`]; with counts, a matrix of the series is
/// `{"value": [[mean]], "clients", "analyses"}`. Kinds without stats are omitted.
#[derive(Debug)]
pub struct CartographyAverages;

impl Processor for CartographyAverages {
    type Partial = CartographyPartial;
    type Params = RiskParameters;
    type Output = CartographyMeans;

    const NAME: &'static str = "cartography_averages";
    const DESCRIPTION: &'static str = "Mean number of risks over all stats in each cell of the risk matrix, by state \
        (current, residual) and kind (informational, operational). A matrix is a list of rows by impact 0 to 4, each a \
        list by likelihood 0 to 20 (informational) or probability 0 to 4 (operational), to which the scales of each \
        analysis are rescaled. Parameters, each optional: risks_type, informational or operational; risks_state, \
        current or residual.";
    const STATS_TYPE: StatsType = StatsType::Cartography;

    fn finish(
        partial: &CartographyPartial,
        params: &RiskParameters,
        view: View,
    ) -> CartographyMeans {
        CartographyMeans(partial.histories(params, view))
    }

    fn map(output: &CartographyMeans) -> impl Serialize {
        by_kind(&output.0, |history| history.overall.as_ref())
    }
}

/// The mean number of risks in each cell of the risk matrix by state, kind and date.
///
/// The result is `{state: {kind: matrices}}`, where the matrices are `[{"date", "value": [[mean]]}]` in the series, with
/// counts also `clients` and `analyses`, and `{date: [[mean]]}` in the map, see [`RiskMatrix`]. A kind without stats has an empty list or object.
#[derive(Debug)]
pub struct CartographyAveragesOnDate;

impl Processor for CartographyAveragesOnDate {
    type Partial = CartographyPartial;
    type Params = RiskParameters;
    type Output = CartographySeries;

    const NAME: &'static str = "cartography_averages_on_date";
    const DESCRIPTION: &'static str = "Mean number of risks on each date in each cell of the risk matrix, by state \
        (current, residual) and kind (informational, operational). A matrix is a list of rows by impact 0 to 4, each a \
        list by likelihood 0 to 20 (informational) or probability 0 to 4 (operational), to which the scales of each \
        analysis are rescaled. Parameters, each optional: risks_type, informational or operational; risks_state, \
        current or residual.";
    const STATS_TYPE: StatsType = StatsType::Cartography;

    fn finish(
        partial: &CartographyPartial,
        params: &RiskParameters,
        view: View,
    ) -> CartographySeries {
        CartographySeries(partial.histories(params, view))
    }

    fn map(output: &CartographySeries) -> impl Serialize {
        by_kind(&output.0, |history| {
            let by_date = history.by_date.iter();
            let by_date = by_date.map(|(date, matrix)| (*date, matrix));
            Some(by_date.collect::<BTreeMap<_, _>>())
        })
    }
}

/// The result of [`CartographyAverages`]. Serialises as the overall means.
#[derive(Debug, Clone, PartialEq)]
pub struct CartographyMeans(pub Vec<CartographyHistory>);

impl Serialize for CartographyMeans {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        by_kind(&self.0, |history| {
            history.overall.as_ref().map(|matrix| Shown(None, matrix))
        })
        .serialize(serializer)
    }
}

/// The result of [`CartographyAveragesOnDate`]. Serialises as the means by date.
#[derive(Debug, Clone, PartialEq)]
pub struct CartographySeries(pub Vec<CartographyHistory>);

impl Serialize for CartographySeries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        by_kind(&self.0, |history| {
            let by_date = history.by_date.iter();
            let by_date = by_date.map(|(date, matrix)| Shown(Some(*date), matrix));
            Some(by_date.collect::<Vec<_>>())
        })
        .serialize(serializer)
    }
}

/// A matrix of a series. Serialises as the matrix alone unless there is a date or the view has counts.
struct Shown<'a>(Option<NaiveDate>, &'a RiskMatrix);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(date, matrix) = self;
        let reported = matrix.reported();
        if date.is_none() && !reported.has_counts() {
            return matrix.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        if let Some(date) = date {
            map.serialize_entry("date", date)?;
        }
        map.serialize_entry("value", matrix)?;
        reported.serialize_counts(&mut map)?;
        map.end()
    }
}

type ByKind<T> = BTreeMap<&'static str, BTreeMap<&'static str, T>>;

fn by_kind<'a, T>(
    histories: &'a [CartographyHistory],
    value: impl Fn(&'a CartographyHistory) -> Option<T>,
) -> ByKind<T> {
    let mut states = ByKind::new();
    for history in histories {
        let kinds = states.entry(history.state.as_str()).or_default();
        if let Some(value) = value(history) {
            kinds.insert(history.kind.as_str(), value);
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Selection;
    use crate::Weight;

    const SCALES: &str = r#"{"impact": [0, 1, 2, 3, 4], "probability": [0, 1, 2, 3, 4],
        "likelihood": [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20]}"#;

    fn document(risks: &str, scales: &str) -> String {
        format!(r#"{{"scales": {scales}, "risks": {risks}}}"#)
    }

    fn fold(partial: &mut CartographyPartial, date: &str, risks: &[&str]) {
        let documents = risks.iter().map(|risks| document(risks, SCALES));
        partial.fold(date.parse().unwrap(), documents);
    }

    fn of(document: &str) -> CartographyPartial {
        let mut partial = CartographyPartial::default();
        partial.fold("2026-11-20".parse().unwrap(), [document]);
        partial
    }

    fn of_risks(risks: &str) -> CartographyPartial {
        of(&document(risks, SCALES))
    }

    fn matrix(partial: &CartographyPartial, state: State, kind: Kind) -> Option<RiskMatrix> {
        let params = RiskParameters {
            risks_state: Selection(vec![state]),
            risks_type: Selection(vec![kind]),
        };
        partial
            .histories(&params, View::default())
            .remove(0)
            .overall
    }

    /// The cells that are not 0: impact, column and mean.
    fn risks_of(matrix: &RiskMatrix) -> Vec<(usize, usize, f64)> {
        let cells = matrix.rows().enumerate().flat_map(|(impact, row)| {
            let row = row.iter().enumerate();
            row.map(move |(column, cell)| (impact, column, cell.value().unwrap()))
        });
        cells.filter(|(.., mean)| *mean != 0.0).collect()
    }

    fn current(partial: &CartographyPartial, kind: Kind) -> Vec<(usize, usize, f64)> {
        risks_of(&matrix(partial, State::Current, kind).unwrap())
    }

    /// Two client-days, one with two stats. Only the first stat has operational risks.
    fn partial() -> CartographyPartial {
        let mut partial = CartographyPartial::default();
        let first = r#"{"current": {"informational": {"1": {"0": 12, "6": 1}, "3": [5]},
            "operational": {"1": [8, 6], "4": {"4": "2"}}}}"#;
        let second = r#"{"current": {"informational": {"1": {"0": 3}}}}"#;
        let third = r#"{"current": {"informational": {"1": {"0": 6, "20": 4}}}}"#;
        fold(&mut partial, "2026-11-20", &[first, second]);
        fold(&mut partial, "2026-11-19", &[third]);
        assert_eq!(partial.skipped(), 0);
        partial
    }

    /// A row of a matrix as JSON, with the values of some columns.
    fn row<const N: usize>(columns: usize, values: [(usize, f64); N]) -> Value {
        let mut row = vec![0.0; columns];
        for (column, value) in values {
            row[column] = value;
        }
        json!(row)
    }

    #[test]
    fn averages_are_over_all_stats_that_report_the_matrix() {
        let params = RiskParameters {
            risks_state: Selection(vec![State::Current]),
            ..RiskParameters::default()
        };
        let output = CartographyAverages::finish(&partial(), &params, View::default());
        let empty = || row(21, []);
        let informational = json!([
            empty(),
            row(21, [(0, 7.0), (6, 1.0 / 3.0), (20, 4.0 / 3.0)]),
            empty(),
            row(21, [(0, 5.0 / 3.0)]),
            empty(),
        ]);
        let empty = || row(5, []);
        let operational = json!([
            empty(),
            row(5, [(0, 8.0), (1, 6.0)]),
            empty(),
            empty(),
            row(5, [(4, 2.0)]),
        ]);
        let expected =
            json!({"current": {"informational": informational, "operational": operational}});
        assert_eq!(json!(output), expected);
        assert_eq!(json!(CartographyAverages::map(&output)), expected);

        let counts = |matrix: &RiskMatrix| {
            let cells = matrix.rows().flatten();
            let mut counts: Vec<_> = cells
                .map(|cell| (cell.analyses(), cell.clients()))
                .collect();
            counts.dedup();
            counts
        };
        let [informational, operational] =
            [&output.0[0], &output.0[1]].map(|history| history.overall.clone().unwrap());
        // The date with the most has two analyses of one client.
        assert_eq!(counts(&informational), [(2, 1)]);
        assert_eq!(counts(&operational), [(1, 1)]);
        let by_client = View {
            weight: Weight::Client,
            ..View::default()
        };
        let [first, ..] = &CartographyAverages::finish(&partial(), &params, by_client).0[..] else {
            panic!("no history");
        };
        let cell = first.overall.as_ref().unwrap().get(1, 0).unwrap();
        assert_eq!(cell.value(), Some((7.5 + 6.0) / 2.0));
        assert_eq!(informational.get(4, 20).unwrap().value(), Some(0.0));
        assert_eq!(
            (informational.get(5, 0), operational.get(0, 5)),
            (None, None)
        );
    }

    #[test]
    fn averages_on_date_are_ordered_by_date() {
        let params = RiskParameters {
            risks_state: Selection(vec![State::Current]),
            risks_type: Selection(vec![Kind::Informational]),
        };
        let output = CartographyAveragesOnDate::finish(&partial(), &params, View::default());
        let empty = || row(21, []);
        let first = json!([
            empty(),
            row(21, [(0, 6.0), (20, 4.0)]),
            empty(),
            empty(),
            empty()
        ]);
        let second = json!([
            empty(),
            row(21, [(0, 7.5), (6, 0.5)]),
            empty(),
            row(21, [(0, 2.5)]),
            empty()
        ]);
        let series = json!([{"date": "2026-11-19", "value": first}, {"date": "2026-11-20", "value": second}]);
        assert_eq!(json!(output), json!({"current": {"informational": series}}));
        let map = json!({"2026-11-19": first, "2026-11-20": second});
        assert_eq!(
            json!(CartographyAveragesOnDate::map(&output)),
            json!({"current": {"informational": map}})
        );
    }

    #[test]
    fn an_analysis_counts_where_it_reports_a_state_and_kind() {
        let mut partial = CartographyPartial::default();
        let risks = r#"{"current": {"operational": {"1": {"2": 3}}}}"#;
        let empty = r#"{"current": {"operational": []}, "residual": {"operational": {}}}"#;
        fold(
            &mut partial,
            "2026-11-20",
            &[risks, empty, r#"{"current": []}"#, "[]"],
        );
        assert_eq!(partial.skipped(), 0);
        assert_eq!(current(&partial, Kind::Operational), [(1, 2, 1.5)]);
        let residual = matrix(&partial, State::Residual, Kind::Operational).unwrap();
        assert_eq!(risks_of(&residual), []);
        assert_eq!(matrix(&partial, State::Current, Kind::Informational), None);

        let all = RiskParameters::default();
        let zeros = json!(vec![vec![0.0; 5]; 5]);
        let averages = json!(CartographyAverages::finish(&partial, &all, View::default()));
        assert_eq!(averages["residual"], json!({"operational": zeros}));
        let output = CartographyAveragesOnDate::finish(&partial, &all, View::default());
        assert_eq!(json!(output)["current"]["informational"], json!([]));
        let map = json!(CartographyAveragesOnDate::map(&output));
        assert_eq!(map["current"]["informational"], json!({}));
        assert_eq!(map["residual"]["operational"], json!({"2026-11-20": zeros}));
    }

    /// The formula is maximum × (value - least) / (greatest - least).
    #[test]
    fn scales_are_rescaled_linearly_from_their_least_and_greatest_value() {
        for (scale, value, maximum, expected) in [
            // The scales of MONARC stay as they are.
            ("[0, 1, 2, 3, 4]", 3, 4, 3),
            ("[0, 1, 2, 20]", 2, 20, 2),
            // 4 × 1/5 = 0.8, 4 × 2/5 = 1.6, 4 × 3/5 = 2.4, 4 × 4/5 = 3.2
            ("[0, 1, 2, 3, 4, 5]", 0, 4, 0),
            ("[0, 1, 2, 3, 4, 5]", 1, 4, 1),
            ("[0, 1, 2, 3, 4, 5]", 2, 4, 2),
            ("[0, 1, 2, 3, 4, 5]", 3, 4, 2),
            ("[0, 1, 2, 3, 4, 5]", 4, 4, 3),
            ("[0, 1, 2, 3, 4, 5]", 5, 4, 4),
            // 4 × 1/3 = 1.33…, 4 × 2/3 = 2.67…
            ("[1, 2, 3, 4]", 1, 4, 0),
            ("[1, 2, 3, 4]", 2, 4, 1),
            ("[1, 2, 3, 4]", 3, 4, 3),
            ("[1, 2, 3, 4]", 4, 4, 4),
            // 4 × 1/8 = 0.5, 4 × 3/8 = 1.5, 4 × 5/8 = 2.5
            ("[0, 8]", 1, 4, 1),
            ("[0, 8]", 3, 4, 2),
            ("[0, 8]", 5, 4, 3),
            // 4 × 1/2 = 2
            ("[2, 4]", 3, 4, 2),
            // 20 × 7/30 = 4.67…, 20 × 3/40 = 1.5, 20 × 39/40 = 19.5, 20 × 1/41 = 0.49
            ("[0, 30]", 7, 20, 5),
            ("[0, 40]", 3, 20, 2),
            ("[0, 40]", 39, 20, 20),
            ("[0, 41]", 1, 20, 0),
            // One value.
            ("[3]", 3, 4, 0),
            ("[20]", 20, 20, 0),
            // Not in order, as text, and with "not rated".
            (r#"["4", -1, "0", 1]"#, 1, 4, 1),
            ("[0, 1000000000]", 500_000_000, 20, 10),
        ] {
            let (kind, scales, risks) = match maximum {
                20 => (
                    Kind::Informational,
                    format!(r#"{{"impact": [0, 4], "likelihood": {scale}}}"#),
                    format!(r#"{{"4": {{"{value}": 1}}}}"#),
                ),
                _ => (
                    Kind::Operational,
                    format!(r#"{{"impact": {scale}, "probability": {scale}}}"#),
                    format!(r#"{{"{value}": {{"{value}": 1}}}}"#),
                ),
            };
            let risks = format!(r#"{{"current": {{"{}": {risks}}}}}"#, kind.as_str());
            let partial = of(&document(&risks, &scales));
            assert_eq!(partial.skipped(), 0, "{scale} {value}");
            let impact = if maximum == 20 { 4 } else { expected };
            let found = current(&partial, kind);
            assert_eq!(found, [(impact, expected, 1.0)], "{scale} {value}");
        }
    }

    #[test]
    fn risks_in_one_cell_are_added() {
        let scales = r#"{"impact": [0, 1, 2, 3, 4, 5], "probability": [0, 10]}"#;
        let risks = r#"{"current": {"operational": {"2": {"0": 1, "1": 2, "9": 4}, "3": [8]}}}"#;
        let partial = of(&document(risks, scales));
        assert_eq!(
            current(&partial, Kind::Operational),
            [(2, 0, 11.0), (2, 4, 4.0)]
        );
        let risks =
            r#"{"current": {"operational": {"2": {"0": 1e9, "1": 1}, "3": [1e9], "5": [3]}}}"#;
        let partial = of(&document(risks, scales));
        assert_eq!(
            current(&partial, Kind::Operational),
            [(2, 0, 1e9), (4, 0, 3.0)]
        );
        assert_eq!(partial.skipped(), 2);
    }

    #[test]
    fn php_writes_maps_as_lists() {
        let lists = of_risks(r#"{"current": {"operational": [[], [0, 2], {"4": 3}]}}"#);
        let maps = of_risks(
            r#"{"current": {"operational": {"2": {"4": 3}, "0": {}, "1": {"1": 2, "0": 0}}}}"#,
        );
        for partial in [lists, maps] {
            assert_eq!(partial.skipped(), 0);
            assert_eq!(
                current(&partial, Kind::Operational),
                [(1, 1, 2.0), (2, 4, 3.0)]
            );
        }
    }

    #[test]
    fn risks_that_are_not_rated_are_left_out() {
        for (risks, expected) in [
            (
                r#"{"-1": {"-1": 5, "2": 1}, "2": {"-1": 7, "3": 1}}"#,
                &[(2, 3, 1.0)][..],
            ),
            (r#"{"-1": {"-1": 5}}"#, &[]),
            (r#"{"-1": [], "1": {"-1": "x"}}"#, &[]),
        ] {
            let partial = of_risks(&format!(r#"{{"current": {{"operational": {risks}}}}}"#));
            assert_eq!(partial.skipped(), 0, "{risks}");
            assert_eq!(current(&partial, Kind::Operational), expected, "{risks}");
        }
    }

    #[test]
    fn unreadable_parts_are_skipped_and_counted() {
        for (risks, skipped) in [
            ("5", 1),
            ("null", 1),
            ("[{}]", 1),
            ("{}", 0),
            (r#"{"other": 1, "current": 5}"#, 2),
            (r#"{"current": {"other": 1, "operational": "x"}}"#, 2),
            (
                r#"{"current": {"operational": {"x": {"1": 5}, "1": 5, "2": {"y": 1}}}}"#,
                3,
            ),
            (
                r#"{"current": {"operational": {"1": ["x", null, -1, [], 1e10]}}}"#,
                5,
            ),
            (
                r#"{"current": {"operational": {"5": {"1": 1}, "1": {"5": 1}}}}"#,
                2,
            ),
            (r#"{"residual": {"informational": {"1": {"21": 1}}}}"#, 1),
        ] {
            let partial = of_risks(risks);
            assert_eq!(
                (partial.skipped(), partial.is_empty()),
                (skipped, true),
                "{risks}"
            );
        }
        let risks = r#"{"current": {"operational": {"1": {"2": 3}}, "informational": {}}}"#;
        let whole = document(risks, SCALES);
        let (cut, twice) = (&whole[..whole.len() - 1], whole.repeat(2));
        for document in [
            "",
            "{",
            "{}",
            "[]",
            "[1]",
            "5",
            r#"{"scales": {}}"#,
            "\0",
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
        let mut partial = of_risks(
            r#"{"other": 1, "current": {"operational": {"1": {"1": 2, "2": "x"}, "9": [1]}}}"#,
        );
        partial.merge(&of("7"));
        assert_eq!(partial.skipped(), 4);
        assert_eq!(current(&partial, Kind::Operational), [(1, 1, 2.0)]);
    }

    #[test]
    fn a_matrix_without_scales_is_skipped() {
        let risks = r#"{"current": {"operational": {"1": {"2": 3}}, "informational": {}}}"#;
        for (scales, skipped) in [
            ("null", 2),
            ("{}", 2),
            ("[]", 2),
            (r#"{"impact": [0, 4]}"#, 2),
            (r#"{"probability": [0, 4], "likelihood": [0, 20]}"#, 2),
            (r#"{"impact": [0, 4], "probability": [0, 4]}"#, 1),
            (
                r#"{"impact": [0, 4], "probability": [], "likelihood": [0, 20]}"#,
                1,
            ),
            (
                r#"{"impact": [0, 4], "probability": [-1], "likelihood": [0, 20]}"#,
                1,
            ),
            (
                r#"{"impact": [0, 4], "probability": [0, "x", 4], "likelihood": [0]}"#,
                1,
            ),
            (
                r#"{"impact": [0, 4], "probability": [0, 1.5], "likelihood": [0]}"#,
                1,
            ),
            (
                r#"{"impact": [0, 4], "probability": [0, 1000000001], "likelihood": [0]}"#,
                1,
            ),
            (
                r#"{"impact": [0, 9223372036854775808], "probability": [0, 4]}"#,
                2,
            ),
        ] {
            let partial = of(&document(risks, scales));
            let matrices = [Kind::Informational, Kind::Operational]
                .map(|kind| u64::from(matrix(&partial, State::Current, kind).is_none()));
            assert_eq!(partial.skipped(), skipped, "{scales}");
            assert_eq!(matrices.iter().sum::<u64>(), skipped, "{scales}");
        }
        let without = of(&format!(r#"{{"risks": {risks}}}"#));
        assert_eq!((without.skipped(), without.is_empty()), (2, true));
    }

    #[test]
    fn the_last_duplicate_counts() {
        let partial = of_risks(
            r#"{"current": 5, "current": {"operational": [[1]],
                "operational": {"1": {"1": 1}, "1": {"2": 1, "3": 1, "2": 7}}}}"#,
        );
        assert_eq!(partial.skipped(), 0);
        assert_eq!(
            current(&partial, Kind::Operational),
            [(1, 2, 7.0), (1, 3, 1.0)]
        );
    }
}
