//! Results of the built-in processors with names: as JSON and as CSV.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::iter::once;

use actix_web::web::Bytes;
use chrono::NaiveDate;
use serde::Serialize;
use stats_db::BoxedError;
use stats_processors::{
    Accumulator, CartographyAverages, CartographyAveragesOnDate, CartographyPartial,
    CategoryAverages, CategoryMeans, ComplianceAverages, ComplianceAveragesOnDate, ComplianceMeans,
    CompliancePartial, Labels, Language, Level, ObjectMeans, ObjectPartial, Processor, Registered,
    RiskAverages, RiskAveragesOnDate, RiskParameters, RiskPartial, Shape, ThreatAverageOnDate,
    View, VulnerabilityAverageOnDate,
};

use crate::csv::{Field, csv};
use crate::names::{self, Names};

/// What the result of a built-in processor is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known {
    Risks(Period),
    Matrices(Period),
    Labelled(Labelled),
}

/// What has labels.
#[derive(Debug, Clone, Copy)]
pub(super) enum Labelled {
    /// Threats or vulnerabilities.
    Objects,
    /// Referentials and their categories.
    Compliance(Period),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Period {
    AllDates,
    EachDate,
}

impl Known {
    /// Returns what the result of `processor` is about, or `None` if it is not a built-in one.
    pub(super) fn of(processor: &Registered) -> Option<Self> {
        use Period::{AllDates, EachDate};

        fn is<P: Processor>(processor: &Registered) -> bool {
            (processor.name, processor.partial_type) == (P::NAME, TypeId::of::<P::Partial>())
        }

        let objects = Self::Labelled(Labelled::Objects);
        let compliance = |period| Self::Labelled(Labelled::Compliance(period));
        let known = [
            (is::<RiskAverages>(processor), Self::Risks(AllDates)),
            (is::<RiskAveragesOnDate>(processor), Self::Risks(EachDate)),
            (is::<ThreatAverageOnDate>(processor), objects),
            (is::<VulnerabilityAverageOnDate>(processor), objects),
            (
                is::<CartographyAverages>(processor),
                Self::Matrices(AllDates),
            ),
            (
                is::<CartographyAveragesOnDate>(processor),
                Self::Matrices(EachDate),
            ),
            (is::<ComplianceAverages>(processor), compliance(AllDates)),
            (
                is::<ComplianceAveragesOnDate>(processor),
                compliance(EachDate),
            ),
        ];
        let mut known = known.into_iter();
        known.find_map(|(is_this, known)| is_this.then_some(known))
    }

    /// Returns the result as a table, with names in `language`.
    pub(super) fn csv(
        self,
        accumulator: Accumulator,
        names: &Names,
        language: Language,
        view: View,
    ) -> Result<Bytes, BoxedError> {
        match self {
            Self::Risks(period) => risks(period, &accumulator.into_partial()?, view),
            Self::Matrices(period) => matrices(period, &accumulator.into_partial()?, view),
            Self::Labelled(Labelled::Objects) => {
                objects(&accumulator.into_partial()?, names, language, view)
            }
            Self::Labelled(Labelled::Compliance(period)) => {
                compliance(period, &accumulator.into_partial()?, names, language, view)
            }
        }
    }
}

impl Labelled {
    /// Returns the result as JSON with all labels.
    pub(super) fn json(
        self,
        accumulator: Accumulator,
        names: &Names,
        shape: Shape,
        view: View,
    ) -> Result<Bytes, BoxedError> {
        /// The value of an object in a map.
        #[derive(Serialize)]
        struct WithLabels<'a, T> {
            labels: &'a Labels,
            values: T,
        }

        let json = match self {
            Self::Objects => {
                let partial: ObjectPartial = accumulator.into_partial()?;
                let mut objects = partial.averages(view);
                for object in &mut objects {
                    object.labels = names.complete(object.object, &object.labels);
                }
                match shape {
                    Shape::Series => serde_json::to_vec(&objects)?,
                    _ => {
                        let objects = objects.iter().map(|object| {
                            let by_date = object.by_date.iter();
                            let by_date = by_date.map(|on| (on.date, on.means.without_counts()));
                            let values: BTreeMap<NaiveDate, ObjectMeans> = by_date.collect();
                            let labels = &object.labels;
                            (object.object, WithLabels { labels, values })
                        });
                        serde_json::to_vec(&objects.collect::<BTreeMap<_, _>>())?
                    }
                }
            }
            Self::Compliance(period) => {
                #[derive(Serialize)]
                #[serde(untagged)]
                enum Values {
                    Overall(CategoryMeans),
                    ByDate(BTreeMap<NaiveDate, CategoryMeans>),
                }

                let partial: CompliancePartial = accumulator.into_partial()?;
                let mut referentials = partial.averages(view);
                for referential in &mut referentials {
                    referential.labels =
                        names.complete(referential.referential, &referential.labels);
                }
                let values = |category: &CategoryAverages| match period {
                    Period::AllDates => Values::Overall(category.overall.without_counts()),
                    Period::EachDate => {
                        let by_date = category.by_date.iter();
                        let by_date = by_date.map(|on| (on.date, on.means.without_counts()));
                        Values::ByDate(by_date.collect())
                    }
                };
                match (shape, period) {
                    (Shape::Series, Period::EachDate) => serde_json::to_vec(&referentials)?,
                    (Shape::Series, Period::AllDates) => {
                        serde_json::to_vec(&ComplianceMeans(referentials))?
                    }
                    _ => {
                        let referentials = referentials.iter().map(|referential| {
                            let categories = referential.categories.iter().map(|category| {
                                let labels = &category.labels;
                                let values = values(category);
                                (category.category, WithLabels { labels, values })
                            });
                            let labels = &referential.labels;
                            let values: BTreeMap<_, _> = categories.collect();
                            (referential.referential, WithLabels { labels, values })
                        });
                        serde_json::to_vec(&referentials.collect::<BTreeMap<_, _>>())?
                    }
                }
            }
        };
        Ok(json.into())
    }
}

impl Period {
    /// Returns the values of each date, or those of all dates.
    fn select<T>(
        self,
        by_date: impl IntoIterator<Item = (NaiveDate, T)>,
        overall: Option<T>,
    ) -> Vec<(Option<NaiveDate>, T)> {
        match self {
            Self::AllDates => overall.map(|value| (None, value)).into_iter().collect(),
            Self::EachDate => {
                let by_date = by_date.into_iter();
                by_date.map(|(date, value)| (Some(date), value)).collect()
            }
        }
    }

    /// Writes a table, with a first column for dates if it is by date.
    fn table<const N: usize>(
        self,
        header: [&str; N],
        rows: impl Iterator<Item = (Option<NaiveDate>, [Field; N])>,
    ) -> Result<Bytes, BoxedError> {
        let date = match self {
            Self::AllDates => None,
            Self::EachDate => Some("date"),
        };
        let header = (date.map(Field::from), header.map(Field::from));
        let rows = rows.map(|(date, row)| (date.map(Field::from), row));
        let rows = once(header).chain(rows);
        Ok(csv(rows.map(|(date, row)| date.into_iter().chain(row)))?.into())
    }
}

fn risks(period: Period, partial: &RiskPartial, view: View) -> Result<Bytes, BoxedError> {
    let histories = partial.histories(&RiskParameters::default(), view);
    let rows = histories.iter().flat_map(|history| {
        let (state, kind) = (history.state.as_str(), history.kind.as_str());
        let by_date = history.by_date.iter().copied();
        let dates = period.select(by_date, Some(history.overall)).into_iter();
        dates.flat_map(move |(date, levels)| {
            Level::ALL.into_iter().filter_map(move |level| {
                let mean = levels.get(level);
                let row = [
                    state.into(),
                    kind.into(),
                    level.as_str().into(),
                    mean.value()?.into(),
                    mean.analyses().into(),
                    mean.clients().into(),
                ];
                Some((date, row))
            })
        })
    });
    let header = ["state", "kind", "level", "value", "analyses", "clients"];
    period.table(header, rows)
}

fn matrices(period: Period, partial: &CartographyPartial, view: View) -> Result<Bytes, BoxedError> {
    let histories = partial.histories(&RiskParameters::default(), view);
    let rows = histories.iter().flat_map(|history| {
        let (state, kind) = (history.state.as_str(), history.kind.as_str());
        let by_date = history.by_date.iter().map(|(date, matrix)| (*date, matrix));
        let dates = period.select(by_date, history.overall.as_ref()).into_iter();
        dates.flat_map(move |(date, matrix)| {
            matrix.rows().enumerate().flat_map(move |(impact, cells)| {
                cells.iter().enumerate().map(move |(likelihood, mean)| {
                    let row = [
                        state.into(),
                        kind.into(),
                        impact.into(),
                        likelihood.into(),
                        mean.value().into(),
                        mean.analyses().into(),
                        mean.clients().into(),
                    ];
                    (date, row)
                })
            })
        })
    });
    let header = [
        "state",
        "kind",
        "impact",
        "likelihood",
        "value",
        "analyses",
        "clients",
    ];
    period.table(header, rows)
}

fn objects(
    partial: &ObjectPartial,
    names: &Names,
    language: Language,
    view: View,
) -> Result<Bytes, BoxedError> {
    let objects = partial.averages(view);
    let rows = objects.iter().flat_map(|object| {
        let name = names.get(object.object, &object.labels, language);
        let name = Field::from(name.as_ref().map(|(name, _)| name.as_str()));
        object.by_date.iter().map(move |on| {
            let means = &on.means;
            let row = [
                object.object.into(),
                name.clone(),
                means.count.value().into(),
                means.max_risk.value().into(),
                means.average_rate.value().into(),
                means.count.analyses().into(),
                means.count.clients().into(),
            ];
            (Some(on.date), row)
        })
    });
    let header = [
        "object",
        "label",
        "count",
        "max_risk",
        "average_rate",
        "analyses",
        "clients",
    ];
    Period::EachDate.table(header, rows)
}

fn compliance(
    period: Period,
    partial: &CompliancePartial,
    names: &Names,
    language: Language,
    view: View,
) -> Result<Bytes, BoxedError> {
    let referentials = partial.averages(view);
    let rows = referentials.iter().flat_map(|referential| {
        let id = referential.referential;
        let name = names.get(id, &referential.labels, language);
        let name = Field::from(name.as_ref().map(|(name, _)| name.as_str()));
        referential.categories.iter().flat_map(move |category| {
            let name = name.clone();
            let category_name = names::label(&category.labels, language);
            let category_name = Field::from(category_name.map(|(name, _)| name));
            let by_date = category.by_date.iter().map(|on| (on.date, on.means));
            let dates = period.select(by_date, Some(category.overall)).into_iter();
            dates.map(move |(date, CategoryMeans { current, target })| {
                let row = [
                    id.into(),
                    name.clone(),
                    category.category.into(),
                    category_name.clone(),
                    current.value().into(),
                    target.value().into(),
                    current.analyses().into(),
                    current.clients().into(),
                ];
                (date, row)
            })
        })
    });
    let header = [
        "referential",
        "referential_label",
        "category",
        "category_label",
        "current",
        "target",
        "analyses",
        "clients",
    ];
    period.table(header, rows)
}
