use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::de::IgnoredAny;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use stats_core::{AnalysisId, MAX_OBJECTS, StatsType};
use uuid::Uuid;

use crate::label::{Candidates, Labels, LabelsUsed, Language, clean};
use crate::mean::units;
use crate::processor::AnalysisDocuments;
use crate::{
    Average, Cell, Disclosure, ExtractedPartial, Format, Mean, Partial, Processor, StoredPartial,
    UnreadableExtract, View, json,
};

/// Number of objects that a partial keeps after it has more than twice as many.
pub const MAX_KEPT_OBJECTS: usize = 2 * MAX_OBJECTS;

/// Means of the numbers of objects (threats or vulnerabilities) by date, and their labels.
///
/// A stat is a list of `{"uuid", "label1" to "label4", "count", "maxRisk", "averageRate"}`. An element without a UUID
/// or without one of the three numbers is skipped. If several elements have the same object, the last readable one
/// counts and the others are skipped.
///
/// Memory is bounded for any input. The most frequent objects are those in most client-days; ties go to the smallest
/// id.
///
/// - Only the first [`MAX_OBJECTS`] elements of a stat are read.
/// - A client-day keeps the [`MAX_OBJECTS`] objects with the smallest ids. The other elements count as skipped.
/// - A partial is exact for up to twice [`MAX_KEPT_OBJECTS`] objects. Beyond that it keeps the [`MAX_KEPT_OBJECTS`]
///   most frequent objects. The stats of the others count as skipped.
/// - A result lists the [`MAX_OBJECTS`] most frequent objects.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ObjectPartial {
    skipped: u64,
    objects: BTreeMap<Uuid, Object>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Object {
    labels: Candidates,
    days: BTreeMap<NaiveDate, Numbers<Cell>>,
}

/// Values for `count`, `maxRisk` and `averageRate`.
type Numbers<T> = [T; 3];

impl ObjectPartial {
    /// The averages of the objects, ordered by id.
    pub fn averages(&self, view: View) -> Vec<ObjectAverages> {
        let objects = self.most_reported(MAX_OBJECTS).into_iter();
        objects
            .map(|(uuid, object)| object.averages(uuid, view))
            .collect()
    }

    /// The averages of the `number` objects with the highest mean `count`, highest first. Ties are ordered by id.
    pub fn top(&self, number: usize, view: View) -> Vec<ObjectAverages> {
        let objects = self.most_reported(MAX_OBJECTS).into_iter();
        let mut counts: Vec<_> = objects
            .filter_map(|(uuid, object)| {
                let count = object.overall(view).count.value()?;
                Some((count, uuid, object))
            })
            .collect();
        // The sort is stable, and the objects are ordered by id.
        counts.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
        counts.truncate(number);
        let top = counts.into_iter();
        top.map(|(_, uuid, object)| object.averages(uuid, view))
            .collect()
    }

    fn cells(&self, uuid: Uuid, date: NaiveDate) -> Option<&Numbers<Cell>> {
        self.objects.get(&uuid)?.days.get(&date)
    }

    /// The `number` most frequent objects, ordered by id. Ties go to the smallest id.
    fn most_reported(&self, number: usize) -> Vec<(Uuid, &Object)> {
        let objects = self.objects.iter();
        let mut objects: Vec<_> = objects.map(|(uuid, object)| (*uuid, object)).collect();
        if objects.len() > number {
            objects.sort_by_cached_key(|(uuid, object)| {
                (Reverse(object.reported().clients.count()), *uuid)
            });
            objects.truncate(number);
            objects.sort_by_key(|(uuid, _)| *uuid);
        }
        objects
    }

    fn add(&mut self, date: NaiveDate, client_day: ClientDay) {
        self.skipped = self.skipped.saturating_add(client_day.skipped);
        for (uuid, day) in client_day.objects {
            let object = self.objects.entry(uuid).or_default();
            object.labels.add(day.labels, date);
            let cells = object.days.entry(date).or_default();
            for (cell, mean) in cells.iter_mut().zip(day.numbers) {
                cell.add(mean);
            }
        }
        self.prune();
    }

    fn prune(&mut self) {
        if self.objects.len() > 2 * MAX_KEPT_OBJECTS {
            let kept = self.most_reported(MAX_KEPT_OBJECTS).into_iter();
            let kept: BTreeSet<_> = kept.map(|(uuid, _)| uuid).collect();
            let skipped = &mut self.skipped;
            self.objects.retain(|uuid, object| {
                let is_kept = kept.contains(uuid);
                if !is_kept {
                    *skipped = skipped.saturating_add(object.reported().analyses.count());
                }
                is_kept
            });
        }
    }
}

impl Partial for ObjectPartial {
    fn fold<'a>(
        &mut self,
        date: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    ) {
        let mut client_day = ClientDay::default();
        for document in documents {
            client_day.fold(&self.objects, date, &document.into());
        }
        self.add(date, client_day);
    }

    fn merge(&mut self, other: &Self) {
        self.skipped = self.skipped.saturating_add(other.skipped);
        for (uuid, other) in &other.objects {
            let object = self.objects.entry(*uuid).or_default();
            object.labels.merge(&other.labels);
            for (date, cells) in &other.days {
                merge_numbers(object.days.entry(*date).or_default(), cells);
            }
        }
        self.prune();
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

impl StoredPartial for ObjectPartial {
    const FORMAT: Format = Format {
        name: "object",
        version: 2,
    };

    fn withhold(&mut self, disclosure: &mut Disclosure, all: Option<&Self>) {
        self.skipped = 0;
        let none = Numbers::default();
        self.objects.retain(|uuid, object| {
            let of_all = |date| all.map(|all| all.cells(*uuid, date).unwrap_or(&none));
            object
                .days
                .retain(|date, cells| disclosure.decide(cells, of_all(*date)));
            object.labels.withhold(disclosure);
            !object.days.is_empty()
        });
    }
}

impl Object {
    /// The `count` of all dates, which counts the stats and client-days with the object.
    fn reported(&self) -> Cell {
        let mut reported = Cell::default();
        for [count, ..] in self.days.values() {
            reported.merge(*count);
        }
        reported
    }

    fn overall(&self, view: View) -> ObjectMeans {
        let mut overall = ObjectMeans::default();
        for cells in self.days.values() {
            overall.merge(ObjectMeans::new(cells, view));
        }
        overall
    }

    fn averages(&self, object: Uuid, view: View) -> ObjectAverages {
        let by_date = self.days.iter().map(|(date, cells)| ObjectMeansOnDate {
            date: *date,
            means: ObjectMeans::new(cells, view),
        });
        ObjectAverages {
            object,
            labels: self.labels.winners(),
            by_date: by_date.collect(),
            overall: self.overall(view),
        }
    }
}

fn merge_numbers(cells: &mut Numbers<Cell>, other: &Numbers<Cell>) {
    for (cell, other) in cells.iter_mut().zip(other) {
        cell.merge(*other);
    }
}

/// The stats of one client on one day.
#[derive(Default)]
struct ClientDay {
    skipped: u64,
    objects: BTreeMap<Uuid, ObjectDay>,
}

#[derive(Default)]
struct ObjectDay {
    labels: LabelsUsed,
    numbers: Numbers<Mean>,
}

impl ClientDay {
    fn fold(&mut self, known: &BTreeMap<Uuid, Object>, date: NaiveDate, document: &str) {
        let (elements, skipped) = Element::read_all(document);
        self.skip(skipped);
        for element in elements {
            let numbers = element.units.map(Mean::of_units);
            self.add(known, date, element.uuid, &element.labels, numbers);
        }
    }

    /// Adds the numbers of an object with given labels, or skips them.
    fn add(
        &mut self,
        known: &BTreeMap<Uuid, Object>,
        date: NaiveDate,
        uuid: Uuid,
        labels: &LabelTexts<impl AsRef<str>>,
        numbers: Numbers<Mean>,
    ) {
        let Some(object) = self.object(uuid) else {
            let [count, ..] = numbers;
            self.skip(count.count());
            return;
        };
        for (mean, more) in object.numbers.iter_mut().zip(numbers) {
            mean.merge(more);
        }
        let known = known.get(&uuid).map(|object| &object.labels);
        for (language, text) in Language::ALL.into_iter().zip(labels) {
            if let Some(text) = text {
                object.labels.add(known, language, text.as_ref(), date);
            }
        }
    }

    /// The object, unless there are too many objects with smaller ids.
    fn object(&mut self, uuid: Uuid) -> Option<&mut ObjectDay> {
        if self.objects.len() >= MAX_OBJECTS && !self.objects.contains_key(&uuid) {
            let last = self.objects.last_entry();
            let last = last.filter(|last| uuid < *last.key())?;
            let [count, ..] = last.remove().numbers;
            self.skip(count.count());
        }
        Some(self.objects.entry(uuid).or_default())
    }

    /// Counts skipped parts. A damaged extract may have any number of them.
    fn skip(&mut self, parts: u64) {
        self.skipped = self.skipped.saturating_add(parts);
    }
}

/// Text in each language.
type LabelTexts<T> = [Option<T>; Language::ALL.len()];

/// The extract of one client's stats of one day. Objects and their labels occur once, not in each stat.
#[derive(Default, Serialize, Deserialize)]
struct Extract {
    /// The analysis of each stat, and the number of its skipped parts.
    stats: Vec<(AnalysisId, u64)>,
    /// The positions of the stats with an object and labels, and its numbers in units of 10⁻⁹.
    objects: BTreeMap<LabelledObject, Vec<(u32, Numbers<u64>)>>,
}

type LabelledObject = (Uuid, LabelTexts<String>);

/// Maximum number of elements in an extract, about 5 MB.
const MAX_EXTRACT: usize = 1 << 18;

impl ExtractedPartial for ObjectPartial {
    const EXTRACT: Format = Format {
        name: "object-extract",
        version: 1,
    };

    fn extract(documents: &mut AnalysisDocuments<'_, '_>) -> Option<Vec<u8>> {
        let mut extract = Extract::default();
        let mut size = 0_usize;
        for (analysis, document) in documents {
            let stat = u32::try_from(extract.stats.len()).ok()?;
            let (elements, skipped) = Element::read_all(&document);
            extract.stats.push((analysis, skipped));
            size += elements.len() + 1;
            if size > MAX_EXTRACT {
                return None;
            }
            for Element {
                uuid,
                labels,
                units,
            } in elements
            {
                let labels = labels.map(|text| Some(clean(&text?)).filter(|text| !text.is_empty()));
                let stats = extract.objects.entry((uuid, labels)).or_default();
                stats.push((stat, units));
            }
        }
        postcard::to_allocvec(&extract).ok()
    }

    fn fold_extract(
        &mut self,
        date: NaiveDate,
        extract: &[u8],
        analyses: Option<&BTreeSet<AnalysisId>>,
    ) -> Result<(), UnreadableExtract> {
        let Extract { stats, objects } = postcard::from_bytes(extract)?;
        let mut client_day = ClientDay::default();
        let is_selected: Vec<_> = stats
            .iter()
            .map(|(analysis, skipped)| {
                let is_selected = analyses.is_none_or(|analyses| analyses.contains(analysis));
                client_day.skip(if is_selected { *skipped } else { 0 });
                is_selected
            })
            .collect();
        for ((uuid, labels), stats) in objects {
            let mut numbers = Numbers::<Mean>::default();
            for (stat, units) in stats {
                if is_selected.get(stat as usize) == Some(&true) {
                    for (mean, units) in numbers.iter_mut().zip(units) {
                        mean.add_units(units);
                    }
                }
            }
            let [count, ..] = numbers;
            if count.count() > 0 {
                client_day.add(&self.objects, date, uuid, &labels, numbers);
            }
        }
        self.add(date, client_day);
        Ok(())
    }
}

/// An element of a stat.
struct Element<'de> {
    uuid: Uuid,
    labels: LabelTexts<Cow<'de, str>>,
    units: Numbers<u64>,
}

impl<'de> Element<'de> {
    const NAMES: [&'static str; 8] = [
        "uuid",
        "count",
        "maxRisk",
        "averageRate",
        Language::French.as_str(),
        Language::English.as_str(),
        Language::German.as_str(),
        Language::Dutch.as_str(),
    ];

    /// The readable elements of a stat, one of each object, and the number of the others.
    fn read_all(document: &'de str) -> (Vec<Self>, u64) {
        let Some(elements) = json::objects(document, &Self::NAMES) else {
            return (Vec::new(), 1);
        };
        let total = elements.len();
        // In reverse, because the last element of an object counts: the sort is stable.
        let elements = elements.into_iter().take(MAX_OBJECTS).rev();
        let mut read: Vec<_> = elements.filter_map(|fields| Self::read(fields?)).collect();
        read.sort_by_key(|element| element.uuid);
        read.dedup_by_key(|element| element.uuid);
        let skipped = total - read.len();
        (read, skipped as u64)
    }

    fn read(fields: json::Fields<'de, 8>) -> Option<Self> {
        let [uuid, count, max_risk, average_rate, labels @ ..] = fields.values;
        Some(Self {
            uuid: json::text(uuid?)?.parse().ok()?,
            labels: labels.map(|label| label.and_then(json::text)),
            units: [
                units(json::number(count?)?),
                units(json::number(max_risk?)?),
                units(json::number(average_rate?)?),
            ],
        })
    }
}

/// An object with its averages.
///
/// Serialises as `{"object", "labels", "values": [{"date", "count", "maxRisk", "averageRate"}], "averages": {"count",
/// "maxRisk", "averageRate"}}`, with counts also `clients` and `analyses` beside the means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectAverages {
    /// The id of the threat or vulnerability.
    pub object: Uuid,
    /// Its labels.
    pub labels: Labels,
    /// The means of each date, ordered by date.
    #[serde(rename = "values")]
    pub by_date: Vec<ObjectMeansOnDate>,
    /// The means over all stats with the object, not the means over dates.
    #[serde(rename = "averages")]
    pub overall: ObjectMeans,
}

/// The means of an object on one date.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ObjectMeansOnDate {
    /// The date.
    pub date: NaiveDate,
    /// The means over the stats of this date.
    #[serde(flatten)]
    pub means: ObjectMeans,
}

/// The means of the numbers of an object. All three are over the same analyses and clients.
///
/// Serialises as `{"count", "maxRisk", "averageRate"}`, with counts also `clients` and `analyses`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ObjectMeans {
    /// The number of risks that the object is part of.
    pub count: Average,
    /// The highest of these risks.
    pub max_risk: Average,
    /// The average rate of the object in these risks.
    pub average_rate: Average,
}

impl ObjectMeans {
    fn new(cells: &Numbers<Cell>, view: View) -> Self {
        let [count, max_risk, average_rate] = cells.map(|cell| view.average(cell));
        Self {
            count,
            max_risk,
            average_rate,
        }
    }

    fn merge(&mut self, other: Self) {
        self.count.merge(other.count);
        self.max_risk.merge(other.max_risk);
        self.average_rate.merge(other.average_rate);
    }

    /// The same in [`Shape::Map`](crate::Shape::Map), which has no counts.
    pub fn without_counts(mut self) -> Self {
        self.count = self.count.without_counts();
        self
    }
}

impl Serialize for ObjectMeans {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("count", &self.count.value())?;
        map.serialize_entry("maxRisk", &self.max_risk.value())?;
        map.serialize_entry("averageRate", &self.average_rate.value())?;
        self.count.serialize_counts(&mut map)?;
        map.end()
    }
}

fn map(averages: &[ObjectAverages]) -> impl Serialize {
    let objects = averages.iter().map(|object| {
        let by_date = object.by_date.iter();
        let by_date = by_date.map(|on| (on.date, on.means.without_counts()));
        (object.object, by_date.collect::<BTreeMap<_, _>>())
    });
    objects.collect::<BTreeMap<_, _>>()
}

/// The labels of each threat, and the means of `count`, `maxRisk` and `averageRate` by date and overall.
///
/// The means are over all stats with the threat, or over all client-days, by the weight. The label in each language is the text that most client-days use; ties
/// go to the newest text, then to the greater one.
///
/// The series is a list of [`ObjectAverages`], ordered by id. The map is
/// `{object: {date: {"count", "maxRisk", "averageRate"}}}`.
#[derive(Debug)]
pub struct ThreatAverageOnDate;

impl Processor for ThreatAverageOnDate {
    type Partial = ObjectPartial;
    type Params = IgnoredAny;
    type Output = Vec<ObjectAverages>;

    const NAME: &'static str = "threat_average_on_date";
    const DESCRIPTION: &'static str = "For each threat its labels and, on each date and overall, the means of count, \
        maxRisk and averageRate over all analyses that have it.";
    const STATS_TYPE: StatsType = StatsType::Threat;

    fn finish(partial: &ObjectPartial, _: &IgnoredAny, view: View) -> Vec<ObjectAverages> {
        partial.averages(view)
    }

    fn map(output: &Vec<ObjectAverages>) -> impl Serialize {
        map(output)
    }
}

/// The labels of each vulnerability, and the means of `count`, `maxRisk` and `averageRate` by date and overall, like
/// [`ThreatAverageOnDate`].
#[derive(Debug)]
pub struct VulnerabilityAverageOnDate;

impl Processor for VulnerabilityAverageOnDate {
    type Partial = ObjectPartial;
    type Params = IgnoredAny;
    type Output = Vec<ObjectAverages>;

    const NAME: &'static str = "vulnerability_average_on_date";
    const DESCRIPTION: &'static str = "For each vulnerability its labels and, on each date and overall, the means of \
        count, maxRisk and averageRate over all analyses that have it.";
    const STATS_TYPE: StatsType = StatsType::Vulnerability;

    fn finish(partial: &ObjectPartial, _: &IgnoredAny, view: View) -> Vec<ObjectAverages> {
        partial.averages(view)
    }

    fn map(output: &Vec<ObjectAverages>) -> impl Serialize {
        map(output)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Weight;

    const A: &str = "0a02d4e0-4576-11e9-9173-0800277f0571";
    const B: &str = "b402d4e0-4576-11e9-9173-0800277f0571";
    const C: &str = "c402d4e0-4576-11e9-9173-0800277f0571";

    fn element(uuid: &str, count: u32, rest: &str) -> String {
        format!(r#"{{"uuid": "{uuid}", "count": {count}, {rest}}}"#)
    }

    fn fold(partial: &mut ObjectPartial, date: &str, documents: &[String]) {
        partial.fold(date.parse().unwrap(), documents);
    }

    fn of(document: &str) -> ObjectPartial {
        let mut partial = ObjectPartial::default();
        fold(&mut partial, "2026-11-20", &[document.to_owned()]);
        partial
    }

    fn averages(count: f64, max_risk: f64, average_rate: f64) -> Value {
        json!({"count": count, "maxRisk": max_risk, "averageRate": average_rate})
    }

    /// Two client-days, one with two stats.
    fn partial() -> ObjectPartial {
        let labels = r#""label1": " Menace ", "label2": "Threat\u200b""#;
        let first = element(
            B,
            10,
            &format!(r#""maxRisk": 35.5, "averageRate": "2.32", {labels}"#),
        );
        let second = element(A, 8, r#""maxRisk": "45", "averageRate": "2.87""#);
        let third = element(
            &B.to_uppercase(),
            20,
            r#""maxRisk": 40, "averageRate": "3.00""#,
        );
        let fourth = element(B, 30, r#""maxRisk": 41, "averageRate": "3.68""#);
        let documents = [format!("[{first}, {second}]"), format!("[{third}]")];
        let mut partial = ObjectPartial::default();
        fold(&mut partial, "2026-11-20", &documents);
        fold(&mut partial, "2026-11-19", &[format!("[{fourth}]")]);
        assert_eq!(partial.skipped(), 0);
        partial
    }

    #[test]
    fn a_series_has_the_means_by_date_and_over_all_stats() {
        let series = ThreatAverageOnDate::finish(&partial(), &IgnoredAny, View::default());
        assert_eq!(
            serde_json::to_string(&series).unwrap(),
            [
                r#"[{"object":"0a02d4e0-4576-11e9-9173-0800277f0571","#,
                r#""labels":{"label1":"","label2":"","label3":"","label4":""},"#,
                r#""values":[{"date":"2026-11-20","count":8.0,"maxRisk":45.0,"averageRate":2.87}],"#,
                r#""averages":{"count":8.0,"maxRisk":45.0,"averageRate":2.87}},"#,
                r#"{"object":"b402d4e0-4576-11e9-9173-0800277f0571","#,
                r#""labels":{"label1":"Menace","label2":"Threat","label3":"","label4":""},"#,
                r#""values":[{"date":"2026-11-19","count":30.0,"maxRisk":41.0,"averageRate":3.68},"#,
                r#"{"date":"2026-11-20","count":15.0,"maxRisk":37.75,"averageRate":2.66}],"#,
                r#""averages":{"count":20.0,"maxRisk":38.833333333333336,"averageRate":3.0}}]"#,
            ]
            .concat()
        );
        let by_client = View {
            weight: Weight::Client,
            ..View::default()
        };
        let count = ThreatAverageOnDate::finish(&partial(), &IgnoredAny, by_client)[1]
            .overall
            .count;
        assert_eq!(count.value(), Some(22.5));
    }

    #[test]
    fn a_map_has_the_means_by_date() {
        let series = VulnerabilityAverageOnDate::finish(&partial(), &IgnoredAny, View::default());
        assert_eq!(
            json!(VulnerabilityAverageOnDate::map(&series)),
            json!({
                A: {"2026-11-20": averages(8.0, 45.0, 2.87)},
                B: {"2026-11-19": averages(30.0, 41.0, 3.68), "2026-11-20": averages(15.0, 37.75, 2.66)},
            })
        );
    }

    #[test]
    fn top_is_ordered_by_mean_count_then_id() {
        let mut partial = partial();
        let other = element(C, 8, r#""maxRisk": 1, "averageRate": 1"#);
        fold(&mut partial, "2026-11-01", &[format!("[{other}]")]);
        let top = partial.top(5, View::default());
        let ids: Vec<_> = top.iter().map(|one| one.object.to_string()).collect();
        assert_eq!(ids, [B, A, C]);
        assert_eq!(partial.top(1, View::default()), top[..1]);
        assert!(partial.averages(View::default()).contains(&top[0]));
    }

    #[test]
    fn unreadable_elements_are_skipped_and_counted() {
        let good = element(A, 4, r#""maxRisk": 4, "averageRate": "4""#);
        let mut bad: Vec<_> = ["5", "null", "[]", "{}"].map(str::to_owned).into();
        bad.push(format!("[{good}]"));
        for (field, values) in [
            (format!(r#""uuid": "{A}""#), r#""zz" 5 null ["x"]"#),
            (r#""count": 4"#.to_owned(), r#""x" null true [1]"#),
            (r#""maxRisk": 4"#.to_owned(), r#""" "inf" {} 1e10 1e999"#),
            (
                r#""averageRate": "4""#.to_owned(),
                r#""NaN" -1 "1e400" "2,8""#,
            ),
        ] {
            let (name, _) = field.split_once(':').unwrap();
            bad.push(good.replace(&field, r#""other": 1"#));
            for value in values.split(' ') {
                bad.push(good.replace(&field, &format!("{name}: {value}")));
            }
        }
        for element in &bad {
            let partial = of(&format!("[{element}]"));
            assert_eq!(
                (partial.skipped(), partial.is_empty()),
                (1, true),
                "{element}"
            );
        }
        let skipped = bad.len() as u64;
        bad.insert(3, good);
        let mut partial = of(&format!("[{}]", bad.join(",")));
        partial.merge(&of("{}"));
        assert_eq!(partial.skipped(), skipped + 1);
        let expected = json!({A: {"2026-11-20": averages(4.0, 4.0, 4.0)}});
        assert_eq!(json!(map(&partial.averages(View::default()))), expected);
    }

    #[test]
    fn a_document_that_is_not_a_list_is_skipped() {
        let element = element(A, 4, r#""maxRisk": 4, "averageRate": 4"#);
        let (cut, trailing) = (format!("[{element}"), format!("[{element}],"));
        for data in ["", "{}", r#"{"a": 1}"#, "null", "5", "[", &cut, &trailing] {
            let partial = of(data);
            assert_eq!((partial.skipped(), partial.is_empty()), (1, true), "{data}");
        }
    }

    #[test]
    fn the_last_duplicate_counts() {
        let rest = r#""maxRisk": 3, "averageRate": 1, "label1": "a""#;
        let partial = of(&format!(
            "[{}, {}, {}]",
            element(A, 9, rest),
            element(A, 8, &format!(r#""count": 2, {rest}, "label1": "b""#)),
            element(A, 9, &format!(r#""count": "x", {rest}"#)),
        ));
        assert_eq!(partial.skipped(), 2);
        let result = partial.averages(View::default()).remove(0);
        assert_eq!(json!(result.overall), averages(2.0, 3.0, 1.0));
        assert_eq!(result.labels.get(Language::French), "b");
    }
}
