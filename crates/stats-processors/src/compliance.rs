use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::de::IgnoredAny;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use stats_core::{MAX_OBJECTS, StatsType};
use uuid::Uuid;

use crate::label::{Candidates, Labels, LabelsUsed, Language};
use crate::{
    Average, Cell, Disclosure, Format, MAX_KEPT_OBJECTS, Mean, Partial, Processor, StoredPartial,
    View, json,
};

/// Means of the compliance with the categories of referentials by date, and the labels of both.
///
/// A stat is a list of `{"referential", "label1" to "label4", "current", "target"}`. `current` and `target` are lists of
/// categories, `{"label1" to "label4", "controls": [{"measure"}], "value"}`. A value is the mean over the controls of
/// the category, from 0 to 1: the current one of their maturity (0 to 5, divided by 5), the target one of 1 for a
/// control that applies. A control that is excluded is 0 in both.
///
/// A category has no id on the wire, and its labels depend on the language of the analysis. Its id is the smallest UUID
/// of the measures of its controls, which analyses share if they use the same referential.
///
/// A category without `value` is left out: MONARC writes none for a category without controls. A category is skipped if
/// its value or all its controls are unreadable, or if it is not in both lists: `current` and `target` are means over
/// the same analyses. If a list has several categories with one id, the last readable one counts, and so it does if
/// several elements have the same referential; the others are skipped.
///
/// Memory is bounded for any input, as in [`ObjectPartial`](crate::ObjectPartial). The most frequent categories are
/// those in most client-days; ties go to the smallest id of the referential, then of the category.
///
/// - A client-day keeps the [`MAX_OBJECTS`] categories with the smallest ids. The other ones count as skipped.
/// - A partial is exact for up to twice [`MAX_KEPT_OBJECTS`] categories. Beyond that it keeps the [`MAX_KEPT_OBJECTS`]
///   most frequent categories. The stats of the others count as skipped.
/// - A result has the [`MAX_OBJECTS`] most frequent categories.
/// - A referential is kept as long as one of its categories.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CompliancePartial {
    skipped: u64,
    /// Only referentials with categories.
    referentials: BTreeMap<Uuid, Referential>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Referential {
    labels: Candidates,
    categories: BTreeMap<Uuid, Category>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Category {
    labels: Candidates,
    days: BTreeMap<NaiveDate, Values<Cell>>,
}

/// The ids of a referential and a category.
type Key = (Uuid, Uuid);

/// The values for `current` and `target`.
type Values<T> = [T; 2];

impl CompliancePartial {
    /// The averages of the referentials and their categories, both ordered by id.
    pub fn averages(&self, view: View) -> Vec<ReferentialAverages> {
        let mut referentials: Vec<ReferentialAverages> = Vec::new();
        for ((referential, category), categories) in self.most_reported(MAX_OBJECTS) {
            let averages = categories.averages(category, view);
            match referentials.last_mut() {
                Some(last) if last.referential == referential => last.categories.push(averages),
                _ => referentials.push(ReferentialAverages {
                    referential,
                    labels: self.labels(referential),
                    categories: vec![averages],
                }),
            }
        }
        referentials
    }

    fn labels(&self, referential: Uuid) -> Labels {
        let referential = self.referentials.get(&referential);
        referential.map_or_else(Labels::default, |known| known.labels.winners())
    }

    fn cells(&self, (referential, category): Key, date: NaiveDate) -> Option<Values<Cell>> {
        let known = self.referentials.get(&referential)?;
        known.categories.get(&category)?.days.get(&date).copied()
    }

    /// The `number` most frequent categories, ordered by id. Ties go to the smallest id.
    fn most_reported(&self, number: usize) -> Vec<(Key, &Category)> {
        let referentials = self.referentials.iter();
        let categories = referentials.flat_map(|(referential, Referential { categories, .. })| {
            let categories = categories.iter();
            categories.map(|(category, values)| ((*referential, *category), values))
        });
        let mut categories: Vec<_> = categories.collect();
        if categories.len() > number {
            categories.sort_by_cached_key(|(key, category)| {
                (Reverse(category.reported().clients.count()), *key)
            });
            categories.truncate(number);
            categories.sort_by_key(|(key, _)| *key);
        }
        categories
    }

    fn prune(&mut self) {
        let referentials = self.referentials.values();
        let categories: usize = referentials.map(|known| known.categories.len()).sum();
        if categories > 2 * MAX_KEPT_OBJECTS {
            let kept = self.most_reported(MAX_KEPT_OBJECTS).into_iter();
            let kept: BTreeSet<_> = kept.map(|(key, _)| key).collect();
            let skipped = &mut self.skipped;
            self.referentials.retain(|referential, known| {
                known.categories.retain(|category, values| {
                    let is_kept = kept.contains(&(*referential, *category));
                    if !is_kept {
                        *skipped = skipped.saturating_add(values.reported().analyses.count());
                    }
                    is_kept
                });
                !known.categories.is_empty()
            });
        }
    }
}

impl Partial for CompliancePartial {
    fn fold<'a>(
        &mut self,
        date: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    ) {
        let mut client_day = ClientDay::default();
        for document in documents {
            client_day.fold(&self.referentials, date, &document.into());
        }
        self.skipped = self.skipped.saturating_add(client_day.skipped);
        for ((referential, category), day) in client_day.categories {
            let known = self.referentials.entry(referential).or_default();
            if let Some(labels) = client_day.referentials.remove(&referential) {
                known.labels.add(labels, date);
            }
            let category = known.categories.entry(category).or_default();
            category.labels.add(day.labels, date);
            let cells = category.days.entry(date).or_default();
            for (cell, mean) in cells.iter_mut().zip(day.values) {
                cell.add(mean);
            }
        }
        self.prune();
    }

    fn merge(&mut self, other: &Self) {
        self.skipped = self.skipped.saturating_add(other.skipped);
        for (referential, other) in &other.referentials {
            let known = self.referentials.entry(*referential).or_default();
            known.labels.merge(&other.labels);
            for (category, other) in &other.categories {
                let category = known.categories.entry(*category).or_default();
                category.labels.merge(&other.labels);
                for (date, cells) in &other.days {
                    merge_values(category.days.entry(*date).or_default(), cells);
                }
            }
        }
        self.prune();
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn is_empty(&self) -> bool {
        self.referentials.is_empty()
    }
}

impl StoredPartial for CompliancePartial {
    const FORMAT: Format = Format {
        name: "compliance",
        version: 1,
    };

    fn withhold(&mut self, disclosure: &mut Disclosure, all: Option<&Self>) {
        self.skipped = 0;
        let none = Values::default();
        self.referentials.retain(|referential, known| {
            known.categories.retain(|category, values| {
                let of_all = |date| {
                    let cells = |all: &Self| all.cells((*referential, *category), date);
                    all.map(|all| cells(all).unwrap_or(none))
                };
                values
                    .days
                    .retain(|date, cells| disclosure.decide(cells, of_all(*date).as_ref()));
                values.labels.withhold(disclosure);
                !values.days.is_empty()
            });
            known.labels.withhold(disclosure);
            !known.categories.is_empty()
        });
    }
}

impl Category {
    /// The `current` of all dates, which counts the stats and client-days with the category.
    fn reported(&self) -> Cell {
        let mut reported = Cell::default();
        for [current, _] in self.days.values() {
            reported.merge(*current);
        }
        reported
    }

    fn averages(&self, category: Uuid, view: View) -> CategoryAverages {
        let by_date = self.days.iter().map(|(date, cells)| CategoryMeansOnDate {
            date: *date,
            means: CategoryMeans::new(*cells, view),
        });
        let by_date: Vec<_> = by_date.collect();
        let mut overall = CategoryMeans::default();
        for on in &by_date {
            overall.current.merge(on.means.current);
            overall.target.merge(on.means.target);
        }
        CategoryAverages {
            category,
            labels: self.labels.winners(),
            by_date,
            overall,
        }
    }
}

fn merge_values(cells: &mut Values<Cell>, other: &Values<Cell>) {
    for (cell, other) in cells.iter_mut().zip(other) {
        cell.merge(*other);
    }
}

/// The stats of one client on one day.
#[derive(Default)]
struct ClientDay {
    skipped: u64,
    stats: u64,
    /// At least the referentials of the kept categories. Among the referentials with readable categories, these are the
    /// [`MAX_OBJECTS`] with the smallest ids.
    referentials: BTreeMap<Uuid, LabelsUsed>,
    categories: BTreeMap<Key, CategoryDay>,
}

#[derive(Default)]
struct CategoryDay {
    labels: LabelsUsed,
    values: Values<Mean>,
    /// The number of the last stat with the category.
    stat: u64,
}

impl ClientDay {
    fn fold(&mut self, known: &BTreeMap<Uuid, Referential>, date: NaiveDate, document: &str) {
        let Some(elements) = json::objects(document, &ReferentialElement::NAMES) else {
            self.skipped += 1;
            return;
        };
        self.stats += 1;
        // In reverse, because the last category with an id counts.
        for element in elements.into_iter().rev() {
            let element =
                element.and_then(|fields| ReferentialElement::read(fields, &mut self.skipped));
            match element {
                Some(element) => self.add(known.get(&element.uuid), date, element),
                None => self.skipped += 1,
            }
        }
    }

    fn add(
        &mut self,
        known: Option<&Referential>,
        date: NaiveDate,
        mut element: ReferentialElement<'_>,
    ) {
        let mut has_categories = false;
        for (category, current) in element.current {
            let Some(target) = element.target.remove(&category) else {
                self.skipped += 1;
                continue;
            };
            has_categories = true;
            let Some(day) = self.category((element.uuid, category)) else {
                self.skipped += 1;
                continue;
            };
            for (mean, value) in day.values.iter_mut().zip([current.value, target.value]) {
                mean.add(value);
            }
            let known = known.and_then(|known| known.categories.get(&category));
            add_labels(
                &mut day.labels,
                known.map(|known| &known.labels),
                current.labels,
                date,
            );
        }
        self.skipped += element.target.len() as u64;
        if has_categories && let Some(labels) = self.referential(element.uuid) {
            add_labels(
                labels,
                known.map(|known| &known.labels),
                element.labels,
                date,
            );
        }
    }

    /// The category to which the current stat adds its values, or `None` to skip them.
    fn category(&mut self, key: Key) -> Option<&mut CategoryDay> {
        if self.categories.len() >= MAX_OBJECTS && !self.categories.contains_key(&key) {
            let last = self.categories.last_entry();
            let last = last.filter(|last| key < *last.key())?;
            let [current, _] = last.remove().values;
            self.skipped += current.count();
        }
        let category = self.categories.entry(key).or_default();
        if category.stat == self.stats {
            return None;
        }
        category.stat = self.stats;
        Some(category)
    }

    /// The labels of a referential, or `None` if none of its categories can be among the kept ones.
    fn referential(&mut self, uuid: Uuid) -> Option<&mut LabelsUsed> {
        if self.referentials.len() >= MAX_OBJECTS && !self.referentials.contains_key(&uuid) {
            let last = self.referentials.last_entry();
            last.filter(|last| uuid < *last.key())?.remove();
        }
        Some(self.referentials.entry(uuid).or_default())
    }
}

fn add_labels(
    labels: &mut LabelsUsed,
    known: Option<&Candidates>,
    texts: Texts<'_>,
    date: NaiveDate,
) {
    for (language, text) in Language::ALL.into_iter().zip(texts) {
        if let Some(text) = text {
            labels.add(known, language, &text, date);
        }
    }
}

/// The labels of an element by language.
type Texts<'de> = [Option<Cow<'de, str>>; Language::ALL.len()];

/// An element of a stat.
struct ReferentialElement<'de> {
    uuid: Uuid,
    labels: Texts<'de>,
    current: BTreeMap<Uuid, CategoryElement<'de>>,
    target: BTreeMap<Uuid, CategoryElement<'de>>,
}

impl<'de> ReferentialElement<'de> {
    const NAMES: [&'static str; 7] = [
        "referential",
        "current",
        "target",
        Language::French.as_str(),
        Language::English.as_str(),
        Language::German.as_str(),
        Language::Dutch.as_str(),
    ];

    /// Counts skipped categories. `None` is to be counted by the caller.
    fn read(fields: json::Fields<'de, 7>, skipped: &mut u64) -> Option<Self> {
        let [uuid, current, target, labels @ ..] = fields.values;
        let uuid = json::text(uuid?)?.parse().ok()?;
        let current = json::objects(current?, &CategoryElement::NAMES)?;
        let target = json::objects(target?, &CategoryElement::NAMES)?;
        Some(Self {
            uuid,
            labels: labels.map(|label| label.and_then(json::text)),
            current: CategoryElement::read_list(current, skipped),
            target: CategoryElement::read_list(target, skipped),
        })
    }
}

/// An element of `current` or `target`.
struct CategoryElement<'de> {
    value: f64,
    labels: Texts<'de>,
}

impl<'de> CategoryElement<'de> {
    const NAMES: [&'static str; 6] = [
        "controls",
        "value",
        Language::French.as_str(),
        Language::English.as_str(),
        Language::German.as_str(),
        Language::Dutch.as_str(),
    ];

    /// The categories of a list by id.
    fn read_list(
        elements: Vec<Option<json::Fields<'de, 6>>>,
        skipped: &mut u64,
    ) -> BTreeMap<Uuid, Self> {
        let mut categories = BTreeMap::new();
        // In reverse, because the last category with an id counts.
        for fields in elements.into_iter().rev() {
            if matches!(&fields, Some(fields) if fields.values[1].is_none()) {
                continue;
            }
            match fields.and_then(Self::read) {
                Some((id, category)) if !categories.contains_key(&id) => {
                    categories.insert(id, category);
                }
                _ => *skipped += 1,
            }
        }
        categories
    }

    fn read(fields: json::Fields<'de, 6>) -> Option<(Uuid, Self)> {
        let [controls, value, labels @ ..] = fields.values;
        let controls = json::objects(controls?, &["measure"])?.into_iter();
        let measures = controls.filter_map(|control| {
            let [measure] = control?.values;
            json::text(measure?)?.parse().ok()
        });
        let value = json::number(value?).filter(|value| *value <= 1.0)?;
        let labels = labels.map(|label| label.and_then(json::text));
        Some((measures.min()?, Self { value, labels }))
    }
}

/// A referential with the averages of its categories.
///
/// Serialises as `{"referential", "labels", "categories"}`, see [`CategoryAverages`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReferentialAverages {
    /// The id of the referential.
    pub referential: Uuid,
    /// Its labels.
    pub labels: Labels,
    /// Its categories, ordered by id.
    pub categories: Vec<CategoryAverages>,
}

/// A category with its averages.
///
/// Serialises as `{"category", "labels", "values": [{"date", "current", "target", "analyses"}], "averages": {"current",
/// "target", "analyses"}}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CategoryAverages {
    /// The smallest UUID of the measures of its controls.
    pub category: Uuid,
    /// Its labels.
    pub labels: Labels,
    /// The means of each date, ordered by date.
    #[serde(rename = "values")]
    pub by_date: Vec<CategoryMeansOnDate>,
    /// The means over all stats with the category, not the means over dates.
    #[serde(rename = "averages")]
    pub overall: CategoryMeans,
}

/// The means of a category on one date.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CategoryMeansOnDate {
    /// The date.
    pub date: NaiveDate,
    /// The means over the stats of this date.
    #[serde(flatten)]
    pub means: CategoryMeans,
}

/// The means of the values of a category, from 0 to 1. Both are over the same analyses and clients.
///
/// Serialises as `{"current", "target", "analyses"}`, with counts also `clients` in a series.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CategoryMeans {
    /// The current compliance.
    pub current: Average,
    /// The compliance if all controls that apply were fully implemented.
    pub target: Average,
}

impl CategoryMeans {
    fn new(cells: Values<Cell>, view: View) -> Self {
        let [current, target] = cells.map(|cell| view.average(cell));
        Self { current, target }
    }

    /// The same in [`Shape::Map`](crate::Shape::Map), which has no number of clients.
    pub fn without_counts(mut self) -> Self {
        self.current = self.current.without_counts();
        self
    }
}

impl Serialize for CategoryMeans {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("current", &self.current.value())?;
        map.serialize_entry("target", &self.target.value())?;
        map.serialize_entry("analyses", &self.current.analyses())?;
        if self.current.has_counts() {
            map.serialize_entry("clients", &self.current.clients())?;
        }
        map.end()
    }
}

/// The labels of each referential and its categories, and the means of `current` and `target` over all stats.
///
/// The means are over all stats with the category, or over all client-days, by the weight. `analyses` is the number of
/// analyses on the date with the most. The label in each language is the text that most client-days use; ties go to the
/// newest text, then to the greater one.
///
/// The series is a list of `{"referential", "labels", "categories": [{"category", "labels", "current", "target",
/// "analyses"}]}`, ordered by ids. The map is `{referential: {category: {"current", "target", "analyses"}}}`.
#[derive(Debug)]
pub struct ComplianceAverages;

impl Processor for ComplianceAverages {
    type Partial = CompliancePartial;
    type Params = IgnoredAny;
    type Output = ComplianceMeans;

    const NAME: &'static str = "compliance_averages";
    const DESCRIPTION: &'static str = "For each referential and category its labels, the means of the current and the \
        target compliance, from 0 to 1, over all analyses that have it, and the number of these analyses.";
    const STATS_TYPE: StatsType = StatsType::Compliance;

    fn finish(partial: &CompliancePartial, _: &IgnoredAny, view: View) -> ComplianceMeans {
        ComplianceMeans(partial.averages(view))
    }

    fn map(output: &ComplianceMeans) -> impl Serialize {
        by_id(&output.0, |category| category.overall.without_counts())
    }
}

/// The labels of each referential and its categories, and the means of `current` and `target` by date and overall, like
/// [`ComplianceAverages`].
///
/// The series is a list of [`ReferentialAverages`], ordered by id. The map is
/// `{referential: {category: {date: {"current", "target", "analyses"}}}}`.
#[derive(Debug)]
pub struct ComplianceAveragesOnDate;

impl Processor for ComplianceAveragesOnDate {
    type Partial = CompliancePartial;
    type Params = IgnoredAny;
    type Output = Vec<ReferentialAverages>;

    const NAME: &'static str = "compliance_averages_on_date";
    const DESCRIPTION: &'static str = "For each referential and category its labels and, on each date and overall, the \
        means of the current and the target compliance, from 0 to 1, over all analyses that have it, and the number of \
        these analyses.";
    const STATS_TYPE: StatsType = StatsType::Compliance;

    fn finish(partial: &CompliancePartial, _: &IgnoredAny, view: View) -> Vec<ReferentialAverages> {
        partial.averages(view)
    }

    fn map(output: &Vec<ReferentialAverages>) -> impl Serialize {
        by_id(output, |category| {
            let by_date = category.by_date.iter();
            let by_date = by_date.map(|on| (on.date, on.means.without_counts()));
            by_date.collect::<BTreeMap<_, _>>()
        })
    }
}

/// The result of [`ComplianceAverages`]. Serialises as the overall means.
#[derive(Debug, Clone, PartialEq)]
pub struct ComplianceMeans(pub Vec<ReferentialAverages>);

impl Serialize for ComplianceMeans {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Referential<'a> {
            referential: Uuid,
            labels: &'a Labels,
            categories: Vec<Category<'a>>,
        }
        #[derive(Serialize)]
        struct Category<'a> {
            category: Uuid,
            labels: &'a Labels,
            #[serde(flatten)]
            overall: CategoryMeans,
        }

        serializer.collect_seq(self.0.iter().map(|referential| {
            let categories = referential.categories.iter().map(|category| Category {
                category: category.category,
                labels: &category.labels,
                overall: category.overall,
            });
            Referential {
                referential: referential.referential,
                labels: &referential.labels,
                categories: categories.collect(),
            }
        }))
    }
}

fn by_id<T>(
    referentials: &[ReferentialAverages],
    value: impl Fn(&CategoryAverages) -> T,
) -> BTreeMap<Uuid, BTreeMap<Uuid, T>> {
    let referentials = referentials.iter().map(|referential| {
        let categories = referential.categories.iter();
        let categories = categories.map(|category| (category.category, value(category)));
        (referential.referential, categories.collect())
    });
    referentials.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Weight;

    const R: &str = "0a0284fb-db87-11e8-ac77-0800279aaa2b";
    const S: &str = "b40284fb-db87-11e8-ac77-0800279aaa2b";
    const A: &str = "1a7fc596-f705-11e8-b555-0800279aaa2b";
    const B: &str = "267fc6a6-f705-11e8-b555-0800279aaa2b";
    const C: &str = "c67fc6a6-f705-11e8-b555-0800279aaa2b";

    /// A category with the controls of these measures.
    fn category(measures: &[&str], value: Value) -> Value {
        let controls = measures.iter();
        let controls =
            controls.map(|measure| json!({"code": "5.1", "measure": measure, "value": "0.20"}));
        json!({"controls": controls.collect::<Vec<_>>(), "value": value, "label2": "Access"})
    }

    fn referential(uuid: &str, current: &[Value], target: &[Value]) -> Value {
        json!({"referential": uuid, "current": current, "target": target, "label2": "Standard"})
    }

    /// A referential with one category.
    fn one(uuid: &str, measure: &str, current: &str, target: &str) -> Value {
        let [current, target] = [current, target].map(|value| category(&[measure], json!(value)));
        referential(uuid, &[current], &[target])
    }

    fn fold(partial: &mut CompliancePartial, date: &str, documents: &[Value]) {
        let documents = documents.iter().map(Value::to_string);
        partial.fold(date.parse().unwrap(), documents);
    }

    fn of(document: &Value) -> CompliancePartial {
        let mut partial = CompliancePartial::default();
        fold(&mut partial, "2026-11-20", std::slice::from_ref(document));
        partial
    }

    fn means(current: f64, target: f64, analyses: u64) -> Value {
        json!({"current": current, "target": target, "analyses": analyses})
    }

    fn overall(partial: &CompliancePartial) -> Value {
        let output = ComplianceAverages::finish(partial, &IgnoredAny, View::default());
        json!(ComplianceAverages::map(&output))
    }

    /// Two client-days, one with two stats. The categories of `R` are A (also known by C) and B, that of `S` is A.
    fn partial() -> CompliancePartial {
        let mut partial = CompliancePartial::default();
        let labels =
            json!({"label1": " Accès ", "label2": "Access\u{200b}", "label3": null, "label4": ""});
        let mut labelled = category(&[C, A], json!("0.20"));
        labelled
            .as_object_mut()
            .unwrap()
            .extend(labels.as_object().unwrap().clone());
        let first = referential(
            R,
            &[labelled, category(&[B], json!(0.5))],
            &[category(&[B], json!("0.50")), category(&[A, C], json!(1))],
        );
        let second = one(&R.to_uppercase(), &A.to_uppercase(), "0.40", "0.80");
        let third = one(R, A, "0.90", "0.90");
        fold(
            &mut partial,
            "2026-11-20",
            &[json!([first, one(S, A, "0", "1")]), json!([second])],
        );
        fold(&mut partial, "2026-11-19", &[json!([third])]);
        assert_eq!(partial.skipped(), 0);
        partial
    }

    #[test]
    fn averages_are_over_all_stats_with_the_category() {
        let output = ComplianceAverages::finish(&partial(), &IgnoredAny, View::default());
        let access = json!({"label1": "Accès", "label2": "Access", "label3": "", "label4": ""});
        let english = json!({"label1": "", "label2": "Access", "label3": "", "label4": ""});
        let standard = json!({"label1": "", "label2": "Standard", "label3": "", "label4": ""});
        assert_eq!(
            json!(output),
            json!([
                {"referential": R, "labels": standard, "categories": [
                    {"category": A, "labels": access, "current": 0.5, "target": 0.9, "analyses": 2},
                    {"category": B, "labels": english, "current": 0.5, "target": 0.5, "analyses": 1},
                ]},
                {"referential": S, "labels": standard, "categories": [
                    {"category": A, "labels": english, "current": 0.0, "target": 1.0, "analyses": 1},
                ]},
            ])
        );
        assert_eq!(
            json!(ComplianceAverages::map(&output)),
            json!({R: {A: means(0.5, 0.9, 2), B: means(0.5, 0.5, 1)}, S: {A: means(0.0, 1.0, 1)}})
        );
        let by_client = View {
            weight: Weight::Client,
            ..View::default()
        };
        let output = ComplianceAverages::finish(&partial(), &IgnoredAny, by_client);
        let current = output.0[0].categories[0].overall.current;
        assert_eq!(current.value(), Some(0.6));
    }

    #[test]
    fn a_series_has_the_means_by_date_and_over_all_stats() {
        let series = ComplianceAveragesOnDate::finish(&partial(), &IgnoredAny, View::default());
        assert_eq!(
            serde_json::to_string(&series[0].categories[0]).unwrap(),
            [
                r#"{"category":"1a7fc596-f705-11e8-b555-0800279aaa2b","#,
                r#""labels":{"label1":"Accès","label2":"Access","label3":"","label4":""},"#,
                r#""values":[{"date":"2026-11-19","current":0.9,"target":0.9,"analyses":1},"#,
                r#"{"date":"2026-11-20","current":0.3,"target":0.9,"analyses":2}],"#,
                r#""averages":{"current":0.5,"target":0.9,"analyses":2}}"#,
            ]
            .concat()
        );
        let ids = |name: &str| {
            json!(series)
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one[name].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids("referential"), [R, S]);
    }

    #[test]
    fn a_map_has_the_means_by_date() {
        let series = ComplianceAveragesOnDate::finish(&partial(), &IgnoredAny, View::default());
        assert_eq!(
            json!(ComplianceAveragesOnDate::map(&series)),
            json!({
                R: {
                    A: {"2026-11-19": means(0.9, 0.9, 1), "2026-11-20": means(0.3, 0.9, 2)},
                    B: {"2026-11-20": means(0.5, 0.5, 1)},
                },
                S: {A: {"2026-11-20": means(0.0, 1.0, 1)}},
            })
        );
    }

    #[test]
    fn a_client_day_has_one_vote_for_each_label_of_a_referential() {
        let mut partial = CompliancePartial::default();
        let labelled = |label: &str| {
            let mut element = one(R, A, "0", "1");
            element["label2"] = json!(label);
            element["current"][0]["label2"] = json!(label);
            json!([element])
        };
        let many = [labelled("many"), labelled("many"), labelled("many")];
        fold(&mut partial, "2026-11-21", &many);
        fold(&mut partial, "2026-11-19", &[labelled("few")]);
        fold(&mut partial, "2026-11-20", &[labelled("few")]);
        let mut merged = CompliancePartial::default();
        merged.merge(&partial);
        for partial in [partial, merged] {
            let averages = partial.averages(View::default()).remove(0);
            assert_eq!(averages.labels.get(Language::English), "few");
            let category = &averages.categories[0];
            assert_eq!(category.labels.get(Language::English), "few");
        }
    }

    #[test]
    fn an_element_without_categories_has_no_vote() {
        let mut with = one(R, A, "0", "1");
        with["label2"] = json!("a");
        let mut without = referential(R, &[category(&[B], json!("x"))], &[]);
        without["label2"] = json!("b");
        let mut partial = CompliancePartial::default();
        fold(
            &mut partial,
            "2026-11-20",
            &[json!([with]), json!([without])],
        );
        assert_eq!(
            partial.averages(View::default())[0]
                .labels
                .get(Language::English),
            "a"
        );
    }

    #[test]
    fn a_category_without_value_is_left_out() {
        let empty = json!({"controls": [], "label1": "x"});
        let mut element = one(R, A, "0.25", "1.00");
        for state in ["current", "target"] {
            element[state].as_array_mut().unwrap().push(empty.clone());
        }
        let partial = of(&json!([element, referential(S, &[], &[])]));
        assert_eq!(partial.skipped(), 0);
        assert_eq!(overall(&partial), json!({R: {A: means(0.25, 1.0, 1)}}));
    }

    #[test]
    fn a_category_must_be_current_and_target() {
        let [a, b, c] = [A, B, C].map(|measure| category(&[measure], json!("0.50")));
        let partial = of(&json!([referential(
            R,
            &[a.clone(), b.clone()],
            &[b, c.clone()]
        )]));
        assert_eq!(partial.skipped(), 2);
        assert_eq!(overall(&partial), json!({R: {B: means(0.5, 0.5, 1)}}));
        let partial = of(&json!([referential(R, &[a], &[c])]));
        assert_eq!((partial.skipped(), partial.is_empty()), (2, true));
    }

    #[test]
    fn unreadable_parts_are_skipped_and_counted() {
        let bad_categories = [
            json!(5),
            json!(null),
            json!({"value": "0.50"}),
            json!({"value": "0.50", "controls": 5}),
            category(&[], json!("0.50")),
            category(&["zz"], json!("0.50")),
            category(&[A], json!("NaN")),
            category(&[A], json!(null)),
            category(&[A], json!(-0.01)),
            category(&[A], json!("1.01")),
            category(&[A], json!([])),
        ];
        // The category of the other list is skipped too.
        let target = [category(&[A], json!("1.00"))];
        for bad in &bad_categories {
            let partial = of(&json!([referential(R, std::slice::from_ref(bad), &target)]));
            assert_eq!((partial.skipped(), partial.is_empty()), (2, true), "{bad}");
        }
        let good = one(R, A, "0.20", "1.00");
        let mut bad = vec![json!(5), json!([]), json!({}), json!([good])];
        for (field, value) in [
            ("referential", json!("zz")),
            ("referential", json!(5)),
            ("current", json!(5)),
            ("target", json!({"a": 1})),
        ] {
            let mut element = good.clone();
            element[field] = value;
            bad.push(element.clone());
            element.as_object_mut().unwrap().remove(field);
            bad.push(element);
        }
        for element in &bad {
            let partial = of(&json!([element]));
            assert_eq!(
                (partial.skipped(), partial.is_empty()),
                (1, true),
                "{element}"
            );
        }
        let skipped = bad.len() as u64;
        bad.insert(3, good);
        let mut partial = of(&json!(bad));
        partial.merge(&of(&json!({"a": 1})));
        assert_eq!(partial.skipped(), skipped + 1);
        assert_eq!(overall(&partial), json!({R: {A: means(0.2, 1.0, 1)}}));

        let whole = json!([one(R, A, "0.20", "1.00")]).to_string();
        let (cut, trailing) = (&whole[..whole.len() - 1], format!("{whole},"));
        for document in ["", "{}", "null", "5", "[", "\0", cut, &trailing] {
            let mut partial = CompliancePartial::default();
            partial.fold(NaiveDate::MIN, [document]);
            assert_eq!(
                (partial.skipped(), partial.is_empty()),
                (1, true),
                "{document}"
            );
        }
    }

    #[test]
    fn unreadable_controls_and_labels_do_not_matter() {
        let mut element = one(R, A, "0.20", "1.00");
        let controls = json!([5, {"measure": "zz"}, {"measure": B}, {"code": "1"}, {"measure": A, "value": "x"}]);
        element["current"][0]["controls"] = controls;
        element["label2"] = json!(["x"]);
        let partial = of(&json!([element]));
        assert_eq!(partial.skipped(), 0);
        assert_eq!(overall(&partial), json!({R: {A: means(0.2, 1.0, 1)}}));
        assert_eq!(
            partial.averages(View::default())[0].labels,
            Labels::default()
        );
    }

    #[test]
    fn the_last_duplicate_counts() {
        let value = |value: &str| category(&[A], json!(value));
        let twice = referential(
            R,
            &[value("0.10"), value("0.20"), value("x")],
            &[value("0.30"), value("0.40")],
        );
        let partial = of(&json!([twice]));
        assert_eq!(partial.skipped(), 3);
        assert_eq!(overall(&partial), json!({R: {A: means(0.2, 0.4, 1)}}));

        let partial = of(&json!([one(R, A, "0.10", "1"), twice, one(R, B, "0", "1")]));
        assert_eq!(partial.skipped(), 4);
        let expected = json!({R: {A: means(0.2, 0.4, 1), B: means(0.0, 1.0, 1)}});
        assert_eq!(overall(&partial), expected);
    }
}
