use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use stats_core::{InvalidValue, StatsType};
use uuid::Uuid;

use crate::json::{fields, list, number, text};
use crate::processor::{finish_empty, parameters};
use crate::{Mean, Partial, Processor, Shape};

/// Means of the numbers of the objects (threats or vulnerabilities) that stats list, per date, and the labels.
///
/// A stat is a list of `{"uuid", "label1" to "label4", "count", "maxRisk", "averageRate"}`, of which an element is read
/// as a whole or skipped: its `uuid` must be a UUID, the three numbers numbers. What is no list at all is skipped as
/// one; an empty list holds nothing and skips nothing. An object that is listed twice is two elements.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ObjectPartial {
    skipped: u64,
    objects: BTreeMap<Uuid, Object>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Object {
    labels: [Label; 4],
    days: BTreeMap<NaiveDate, Means>,
}

/// A text and the date of the stat that has it. The greatest one counts: the newest, and of two of one date the greater
/// text, so that it does not matter which comes first.
type Label = Option<(NaiveDate, String)>;

/// Means of `count`, `maxRisk` and `averageRate`.
type Means = [Mean; 3];

impl ObjectPartial {
    /// The object with the highest mean `count` over all stats that hold it, and that mean; of several the one whose id
    /// comes first.
    pub fn most_frequent(&self) -> Option<(f64, Uuid)> {
        let counts = self.objects.iter().filter_map(|(uuid, object)| {
            let [count, ..] = object.overall();
            Some((count.value()?, *uuid))
        });
        counts.reduce(|most, next| if next.0 > most.0 { next } else { most })
    }

    /// The `number` objects with the highest mean `count` over all stats that hold them, the highest first; of several
    /// with the same the one whose id comes first.
    pub fn top(&self, number: usize) -> Vec<ObjectSummary<'_>> {
        let summaries = self.objects.iter().map(|(uuid, object)| {
            let [count, max_risk, average_rate] = object.overall().map(|mean| mean.value());
            Some(ObjectSummary {
                object: *uuid,
                labels: object.labels(),
                count: count?,
                max_risk: max_risk?,
                average_rate: average_rate?,
            })
        });
        let mut summaries: Vec<_> = summaries.flatten().collect();
        // The sort is stable, and the objects come ordered by id.
        summaries.sort_by(|a, b| b.count.total_cmp(&a.count));
        summaries.truncate(number);
        summaries
    }

    fn skip(&mut self, parts: u64) {
        self.skipped = self.skipped.saturating_add(parts);
    }
}

/// An object with its means over all stats that hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectSummary<'a> {
    /// The threat or the vulnerability.
    pub object: Uuid,
    /// `label1` (French), `label2` (English), `label3` (German) and `label4` (Dutch); an empty one is not known.
    pub labels: [&'a str; 4],
    /// The mean number of risks in which it has a part.
    pub count: f64,
    /// The mean of the highest risk.
    pub max_risk: f64,
    /// The mean of the average rate.
    pub average_rate: f64,
}

impl Partial for ObjectPartial {
    const FORMAT: u32 = 1;

    fn fold(&mut self, date: NaiveDate, data: &str) {
        let Some(elements) = list(data) else {
            self.skip(1);
            return;
        };
        for element in elements {
            match Element::read(element) {
                Some(element) => self
                    .objects
                    .entry(element.uuid)
                    .or_default()
                    .fold(date, &element),
                None => self.skip(1),
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.skip(other.skipped);
        for (uuid, object) in other.objects {
            self.objects.entry(uuid).or_default().merge(object);
        }
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

impl Object {
    fn fold(&mut self, date: NaiveDate, element: &Element) {
        for (label, text) in self.labels.iter_mut().zip(&element.labels) {
            if let Some(text) = text {
                fold_label(label, date, text);
            }
        }
        let means = self.days.entry(date).or_default();
        for (mean, number) in means.iter_mut().zip(element.numbers) {
            mean.add(number);
        }
    }

    fn merge(&mut self, other: Self) {
        for (label, other) in self.labels.iter_mut().zip(other.labels) {
            if *label < other {
                *label = other;
            }
        }
        for (date, means) in other.days {
            merge_means(self.days.entry(date).or_default(), &means);
        }
    }
}

fn merge_means(means: &mut Means, other: &Means) {
    for (mean, other) in means.iter_mut().zip(other) {
        mean.merge(other);
    }
}

/// As merging a label with this date and text, but without memory for a text that is there already.
fn fold_label(label: &mut Label, date: NaiveDate, text: &str) {
    match label {
        Some((newest, kept)) if kept == text => *newest = date.max(*newest),
        Some((newest, kept)) if (*newest, kept.as_str()) > (date, text) => {}
        _ => *label = Some((date, text.to_owned())),
    }
}

/// What a stat says about one object.
struct Element<'de> {
    uuid: Uuid,
    labels: [Option<Cow<'de, str>>; 4],
    numbers: [f64; 3],
}

impl<'de> Element<'de> {
    fn read(element: &'de RawValue) -> Option<Self> {
        const NAMES: [&str; 8] = [
            "uuid",
            "count",
            "maxRisk",
            "averageRate",
            "label1",
            "label2",
            "label3",
            "label4",
        ];
        let [uuid, count, max_risk, average_rate, labels @ ..] =
            fields(element.get(), &NAMES)?.values;
        Some(Self {
            uuid: text(uuid?)?.parse().ok()?,
            labels: labels.map(|label| label.and_then(text).filter(|text| !text.is_empty())),
            numbers: [number(count?)?, number(max_risk?)?, number(average_rate?)?],
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Averages {
    count: Option<f64>,
    max_risk: Option<f64>,
    average_rate: Option<f64>,
}

impl From<&Means> for Averages {
    fn from([count, max_risk, average_rate]: &Means) -> Self {
        Self {
            count: count.value(),
            max_risk: max_risk.value(),
            average_rate: average_rate.value(),
        }
    }
}

/// An object as an element of a series.
#[derive(Serialize)]
struct ObjectSeries<'a> {
    object: &'a Uuid,
    labels: Labels<'a>,
    values: Vec<DateAverages<'a>>,
    averages: Averages,
}

#[derive(Serialize)]
struct Labels<'a> {
    label1: &'a str,
    label2: &'a str,
    label3: &'a str,
    label4: &'a str,
}

#[derive(Serialize)]
struct DateAverages<'a> {
    date: &'a NaiveDate,
    #[serde(flatten)]
    averages: Averages,
}

impl Object {
    fn series<'a>(&'a self, uuid: &'a Uuid) -> ObjectSeries<'a> {
        let [label1, label2, label3, label4] = self.labels();
        ObjectSeries {
            object: uuid,
            labels: Labels {
                label1,
                label2,
                label3,
                label4,
            },
            values: self
                .days
                .iter()
                .map(|(date, means)| DateAverages {
                    date,
                    averages: means.into(),
                })
                .collect(),
            averages: (&self.overall()).into(),
        }
    }

    /// The texts of the labels, empty where there is none.
    fn labels(&self) -> [&str; 4] {
        self.labels
            .each_ref()
            .map(|label| label.as_ref().map_or("", |(_, text)| text.as_str()))
    }

    /// The means over all stats that hold the object.
    fn overall(&self) -> Means {
        let mut overall = Means::default();
        for means in self.days.values() {
            merge_means(&mut overall, means);
        }
        overall
    }

    fn by_date(&self) -> BTreeMap<&NaiveDate, Averages> {
        self.days
            .iter()
            .map(|(date, means)| (date, means.into()))
            .collect()
    }
}

fn finish<S: Serializer>(
    partial: &ObjectPartial,
    shape: Shape,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let objects = partial.objects.iter();
    match shape {
        _ if partial.is_empty() => finish_empty(shape, serializer),
        Shape::Series => serializer.collect_seq(objects.map(|(uuid, object)| object.series(uuid))),
        Shape::Map => {
            serializer.collect_map(objects.map(|(uuid, object)| (uuid, object.by_date())))
        }
    }
}

/// For each threat its labels and the means of `count`, `maxRisk` and `averageRate`, per date and overall. No
/// parameters.
///
/// The means are taken over all stats that hold the threat, whichever analysis they are about; the overall one too,
/// which is therefore not the mean of those per date. `label1` is French, `label2` English, `label3` German, `label4`
/// Dutch: the newest text that is not empty, and of two of the same date the greater.
///
/// Series: `[{"object": uuid, "labels": {"label1", …}, "values": [{"date", "count", "maxRisk", "averageRate"}],
/// "averages": {"count", "maxRisk", "averageRate"}}]`, ordered by `object`.
/// Map: `{object: {date: {"count", "maxRisk", "averageRate"}}}`.
#[derive(Debug, Clone, Default)]
pub struct ThreatAverageOnDate;

impl Processor for ThreatAverageOnDate {
    type Partial = ObjectPartial;

    const NAME: &'static str = "threat_average_on_date";
    const DESCRIPTION: &'static str = "For each threat its labels and, on each date and overall, the means of count, \
        maxRisk and averageRate over all analyses that have it.";
    const STATS_TYPE: StatsType = StatsType::Threat;

    fn new(value: &Value) -> Result<Self, InvalidValue> {
        parameters(value).map(|_| Self)
    }

    fn finish<S: Serializer>(
        &self,
        partial: &ObjectPartial,
        shape: Shape,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        finish(partial, shape, serializer)
    }
}

/// For each vulnerability its labels and the means of `count`, `maxRisk` and `averageRate`, per date and overall, in
/// the shapes of [`ThreatAverageOnDate`]. No parameters.
#[derive(Debug, Clone, Default)]
pub struct VulnerabilityAverageOnDate;

impl Processor for VulnerabilityAverageOnDate {
    type Partial = ObjectPartial;

    const NAME: &'static str = "vulnerability_average_on_date";
    const DESCRIPTION: &'static str = "For each vulnerability its labels and, on each date and overall, the means of \
        count, maxRisk and averageRate over all analyses that have it.";
    const STATS_TYPE: StatsType = StatsType::Vulnerability;

    fn new(value: &Value) -> Result<Self, InvalidValue> {
        parameters(value).map(|_| Self)
    }

    fn finish<S: Serializer>(
        &self,
        partial: &ObjectPartial,
        shape: Shape,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        finish(partial, shape, serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "0a02d4e0-4576-11e9-9173-0800277f0571";
    const B: &str = "b402d4e0-4576-11e9-9173-0800277f0571";

    fn element(uuid: &str, count: Value, max_risk: Value, average_rate: Value) -> Value {
        json!({"uuid": uuid, "count": count, "maxRisk": max_risk, "averageRate": average_rate})
    }

    fn labelled(label1: Value, label2: Value) -> Value {
        let mut element = element(A, json!(1), json!(1), json!(1));
        element["label1"] = label1;
        element["label2"] = label2;
        element
    }

    fn of(stats: &[(&str, Value)]) -> ObjectPartial {
        let mut partial = ObjectPartial::default();
        for (date, data) in stats {
            partial.fold(date.parse().unwrap(), &data.to_string());
        }
        partial
    }

    fn finish(partial: &ObjectPartial, shape: Shape) -> Value {
        super::finish(partial, shape, serde_json::value::Serializer).unwrap()
    }

    fn averages(count: f64, max_risk: f64, average_rate: f64) -> Value {
        json!({"count": count, "maxRisk": max_risk, "averageRate": average_rate})
    }

    fn on_date(date: &str, count: f64, max_risk: f64, average_rate: f64) -> Value {
        let mut value = averages(count, max_risk, average_rate);
        value["date"] = date.into();
        value
    }

    /// Two stats of one day, and one of the day before.
    fn partial() -> ObjectPartial {
        let mut first = element(B, json!(10), json!(35.5), json!("2.32"));
        first["label1"] = "Menace".into();
        first["label2"] = "Threat".into();
        let partial = of(&[
            (
                "2026-11-20",
                json!([first, element(A, json!(8), json!("45"), json!("2.87"))]),
            ),
            (
                "2026-11-20",
                json!([element(
                    &B.to_uppercase(),
                    json!(20),
                    json!(40),
                    json!("3.00")
                )]),
            ),
            (
                "2026-11-19",
                json!([element(B, json!(30), json!(41), json!("3.68"))]),
            ),
        ]);
        assert_eq!(partial.skipped(), 0);
        partial
    }

    #[test]
    fn the_most_frequent_object_has_the_highest_mean_count() {
        let element = |uuid: &str, count: u32| serde_json::json!({"uuid": uuid, "count": count, "maxRisk": 1, "averageRate": "1"});
        let [a, b, c] = [1, 2, 3].map(|n| format!("00000000-0000-4000-8000-00000000000{n}"));
        let mut partial = ObjectPartial::default();
        assert_eq!(partial.most_frequent(), None);
        let date = "2026-11-20".parse().unwrap();
        let data = serde_json::json!([
            element(&a, 9),
            element(&a, 1),
            element(&c, 6),
            element(&b, 6)
        ]);
        partial.fold(date, &data.to_string());
        assert_eq!(partial.most_frequent(), Some((6.0, b.parse().unwrap())));
    }

    #[test]
    fn a_series_has_the_means_per_date_and_over_all_stats() {
        let unlabelled = json!({"label1": "", "label2": "", "label3": "", "label4": ""});
        assert_eq!(
            finish(&partial(), Shape::Series),
            json!([
                {
                    "object": A,
                    "labels": unlabelled,
                    "values": [on_date("2026-11-20", 8.0, 45.0, 2.87)],
                    "averages": averages(8.0, 45.0, 2.87),
                },
                {
                    "object": B,
                    "labels": {"label1": "Menace", "label2": "Threat", "label3": "", "label4": ""},
                    "values": [on_date("2026-11-19", 30.0, 41.0, 3.68), on_date("2026-11-20", 15.0, 37.75, 2.66)],
                    "averages": averages(20.0, 116.5 / 3.0, 3.0),
                },
            ])
        );
    }

    #[test]
    fn a_map_has_the_means_per_date() {
        assert_eq!(
            finish(&partial(), Shape::Map),
            json!({
                A: {"2026-11-20": averages(8.0, 45.0, 2.87)},
                B: {"2026-11-19": averages(30.0, 41.0, 3.68), "2026-11-20": averages(15.0, 37.75, 2.66)},
            })
        );
    }

    #[test]
    fn the_top_is_by_mean_count() {
        let partial = partial();
        let top = partial.top(5);
        assert_eq!(
            top[0],
            ObjectSummary {
                object: B.parse().unwrap(),
                labels: ["Menace", "Threat", "", ""],
                count: 20.0,
                max_risk: 116.5 / 3.0,
                average_rate: 3.0,
            }
        );
        let ids: Vec<_> = top.iter().map(|one| one.object.to_string()).collect();
        assert_eq!(ids, [B, A]);
        assert_eq!(partial.top(1), top[..1]);
        assert_eq!(partial.top(0), []);
        assert_eq!(partial.most_frequent(), Some((top[0].count, top[0].object)));
    }

    #[test]
    fn nothing_gives_an_empty_list_or_object() {
        for partial in [ObjectPartial::default(), of(&[("2026-11-20", json!([]))])] {
            assert!(partial.is_empty());
            assert_eq!(partial.skipped(), 0);
            assert_eq!(finish(&partial, Shape::Series), json!([]));
            assert_eq!(finish(&partial, Shape::Map), json!({}));
        }
    }

    #[test]
    fn the_newest_label_that_is_not_empty_wins() {
        let labels = |stats: &[(&str, Value)]| {
            let result = finish(&of(stats), Shape::Series);
            let labels = &result[0]["labels"];
            [labels["label1"].clone(), labels["label2"].clone()]
        };
        let old = (
            "2026-11-18",
            json!([labelled(json!("vieux"), json!("old"))]),
        );
        let new = ("2026-11-19", json!([labelled(json!("neuf"), json!(""))]));
        let other = (
            "2026-11-19",
            json!([labelled(json!("nouveau"), json!(null))]),
        );
        let unlabelled = ("2026-11-20", json!([labelled(json!(5), json!(["x"]))]));
        let stats = [old, new, other, unlabelled];
        for first in 0..stats.len() {
            let mut stats = stats.clone();
            stats.rotate_left(first);
            assert_eq!(labels(&stats), ["nouveau", "old"]);
            stats.reverse();
            assert_eq!(labels(&stats), ["nouveau", "old"]);
            let mut merged = ObjectPartial::default();
            for stat in stats {
                merged.merge(of(&[stat]));
            }
            assert_eq!(
                finish(&merged, Shape::Series)[0]["labels"]["label1"],
                "nouveau"
            );
        }
    }

    #[test]
    fn a_label_that_comes_again_is_as_new_as_its_newest_stat() {
        let label = |date, text: &str| (date, json!([labelled(json!(text), json!(null))]));
        let stats = [
            label("2026-11-18", "a"),
            label("2026-11-20", "a"),
            label("2026-11-19", "b"),
        ];
        assert_eq!(
            finish(&of(&stats), Shape::Series)[0]["labels"]["label1"],
            "a"
        );
    }

    #[test]
    fn an_element_is_read_as_a_whole_or_skipped() {
        let good = element(A, json!(4), json!(4), json!("4"));
        let mut bad = vec![
            json!(5),
            json!(null),
            json!([]),
            json!({}),
            json!([good]),
            json!({"uuid": A}),
        ];
        for (field, values) in [
            ("uuid", [json!("zz"), json!(5), json!(null), json!([A])]),
            ("count", [json!("x"), json!(null), json!(true), json!([1])]),
            (
                "maxRisk",
                [json!(""), json!("inf"), json!({}), json!(1e289)],
            ),
            (
                "averageRate",
                [json!("NaN"), json!("-inf"), json!("1e400"), json!("2,8")],
            ),
        ] {
            for value in values {
                let mut element = good.clone();
                element[field] = value;
                bad.push(element);
            }
            let mut element = good.clone();
            element.as_object_mut().unwrap().remove(field);
            bad.push(element);
        }
        for element in &bad {
            let partial = of(&[("2026-11-20", json!([element]))]);
            assert_eq!(
                (partial.skipped(), partial.is_empty()),
                (1, true),
                "{element}"
            );
        }
        let skipped = bad.len() as u64;
        bad.insert(3, good);
        let mut partial = of(&[("2026-11-20", json!(bad))]);
        assert_eq!(partial.skipped(), skipped);
        assert_eq!(
            finish(&partial, Shape::Map),
            json!({A: {"2026-11-20": averages(4.0, 4.0, 4.0)}})
        );
        partial.merge(of(&[("2026-11-20", json!({"0": 1}))]));
        assert_eq!(partial.skipped(), skipped + 1);
    }

    #[test]
    fn what_is_no_list_counts_as_one_stat_and_leaves_nothing_behind() {
        let whole = json!([element(A, json!(4), json!(4), json!(4))]).to_string();
        let cut = &whole[..whole.len() - 1];
        for data in [
            "",
            "{}",
            r#"{"a": 1}"#,
            "null",
            "5",
            "[",
            cut,
            &format!("{whole},"),
        ] {
            let mut partial = ObjectPartial::default();
            partial.fold("2026-11-20".parse().unwrap(), data);
            assert_eq!((partial.skipped(), partial.is_empty()), (1, true), "{data}");
        }
    }

    #[test]
    fn the_last_of_two_fields_counts() {
        let mut partial = ObjectPartial::default();
        partial.fold(
            "2026-11-20".parse().unwrap(),
            &format!(
                r#"[{{"uuid": "{A}", "count": "x", "count": 2, "maxRisk": 3, "averageRate": 1,
                      "label1": "a", "label1": "b"}},
                    {{"uuid": "{B}", "count": 2, "count": "x", "maxRisk": 3, "averageRate": 1}}]"#
            ),
        );
        assert_eq!(partial.skipped(), 1);
        let result = finish(&partial, Shape::Series);
        assert_eq!(result[0]["averages"], averages(2.0, 3.0, 1.0));
        assert_eq!(result[0]["labels"]["label1"], "b");
    }
}
