//! The documents of the five types of stats, with the field order and number formats of MONARC.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Serialize, Serializer};
use stats_core::RawJson;
use uuid::Uuid;

use crate::catalogue::{Kind, Labels, Referential, uuid};

/// The maximum of a low risk and of a medium risk, as impact × likelihood.
const INFORMATIONAL_THRESHOLDS: [u32; 2] = [8, 27];
/// The same, as impact × probability.
const OPERATIONAL_THRESHOLDS: [u32; 2] = [4, 8];
/// The maturity of a control that is fully implemented.
pub(crate) const MAX_MATURITY: u32 = 5;

/// The maturity of each control by category, from 0 to [`MAX_MATURITY`], or `None` if the control is excluded.
pub(crate) type Controls<T> = Vec<Vec<Option<T>>>;

/// The position of a risk in a risk matrix: impact, and likelihood (informational) or probability (operational).
pub(crate) type Cell = (u32, u32);

#[derive(Serialize)]
pub(crate) struct ByState<T> {
    pub(crate) current: T,
    pub(crate) residual: T,
}

#[derive(Serialize)]
pub(crate) struct ByKind<T> {
    pub(crate) informational: T,
    pub(crate) operational: T,
}

/// The risks of a day, each as its cell.
pub(crate) type Risks = ByState<ByKind<Vec<Cell>>>;

impl Risks {
    /// Applies `f` to the cells of each state and kind, with the thresholds of that kind.
    fn map<T>(&self, f: impl Fn(&[Cell], [u32; 2]) -> T) -> ByState<ByKind<T>> {
        let by_kind = |risks: &ByKind<Vec<Cell>>| ByKind {
            informational: f(&risks.informational, INFORMATIONAL_THRESHOLDS),
            operational: f(&risks.operational, OPERATIONAL_THRESHOLDS),
        };
        ByState {
            current: by_kind(&self.current),
            residual: by_kind(&self.residual),
        }
    }
}

pub(crate) fn risk(risks: &Risks) -> RawJson {
    #[derive(Serialize)]
    struct Document {
        risks: ByState<ByKind<[Level; 3]>>,
        total: ByState<ByKind<usize>>,
    }
    #[derive(Serialize)]
    struct Level {
        level: &'static str,
        value: usize,
    }

    raw_json(&Document {
        risks: risks.map(|cells, [low, medium]| {
            let level = |level, range: RangeInclusive<u32>| Level {
                level,
                value: cells
                    .iter()
                    .filter(|(x, y)| range.contains(&(x * y)))
                    .count(),
            };
            [
                level("Low risks", 0..=low),
                level("Medium risks", low + 1..=medium),
                level("High risks", medium + 1..=u32::MAX),
            ]
        }),
        total: risks.map(|cells, _| cells.len()),
    })
}

pub(crate) fn cartography(risks: &Risks) -> RawJson {
    #[derive(Serialize)]
    struct Document {
        risks: ByState<ByKind<PhpArray<PhpArray<u32>>>>,
        scales: Scales,
    }
    #[derive(Serialize)]
    struct Scales {
        impact: [u32; 5],
        likelihood: [u32; 14],
        probability: [u32; 5],
    }

    raw_json(&Document {
        risks: risks.map(|cells, _| {
            let mut matrix = PhpArray::<PhpArray<u32>>::default();
            for (impact, column) in cells {
                let row = matrix.0.entry(*impact).or_default();
                *row.0.entry(*column).or_default() += 1;
            }
            matrix
        }),
        scales: Scales {
            impact: [0, 1, 2, 3, 4],
            // The products of a threat's 0 to 4 and a vulnerability's 0 to 5.
            likelihood: [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20],
            probability: [0, 1, 2, 3, 4],
        },
    })
}

/// The contribution of a risk to its threat or its vulnerability.
pub(crate) struct Rating {
    /// The number of the threat or vulnerability.
    pub(crate) object: usize,
    pub(crate) labels: &'static Labels,
    pub(crate) rate: u32,
    pub(crate) risk: u32,
}

/// The document of the types `threat` and `vulnerability`.
pub(crate) fn objects(kind: Kind, ratings: impl Iterator<Item = Rating>) -> RawJson {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Object {
        average_rate: String,
        count: u32,
        #[serde(flatten)]
        labels: &'static Labels,
        max_risk: u32,
        uuid: Uuid,
    }

    let mut objects = BTreeMap::<usize, Vec<Rating>>::new();
    for rating in ratings {
        objects.entry(rating.object).or_default().push(rating);
    }
    let objects = objects.into_iter().filter_map(|(number, ratings)| {
        let count = ratings.len() as u32;
        let sum = ratings.iter().map(|rating| rating.rate).sum();
        Some(Object {
            average_rate: match count {
                // MONARC does not divide by 1.
                1 => format!("{sum}"),
                _ => two_decimals(sum, count),
            },
            count,
            labels: ratings.first()?.labels,
            max_risk: ratings.iter().map(|rating| rating.risk).max()?,
            uuid: uuid(kind, number),
        })
    });
    raw_json(&objects.collect::<Vec<_>>())
}

/// The document of the type `compliance`, from the controls by referential.
pub(crate) fn compliance(
    referentials: &'static [Referential],
    maturities: &[Controls<u32>],
) -> RawJson {
    #[derive(Serialize)]
    struct Document {
        current: Vec<Category>,
        #[serde(flatten)]
        labels: &'static Labels,
        referential: Uuid,
        target: Vec<Category>,
    }
    #[derive(Serialize)]
    struct Category {
        controls: Vec<Control>,
        #[serde(flatten)]
        labels: &'static Labels,
        value: String,
    }
    #[derive(Serialize)]
    struct Control {
        code: String,
        measure: Uuid,
        value: String,
    }

    let mut next_measure = 0;
    let documents = referentials.iter().zip(maturities).enumerate();
    let documents = documents.map(|(number, (referential, maturities))| {
        let first_measure = next_measure;
        next_measure += maturities.iter().map(Vec::len).sum::<usize>();
        // A control has up to `most` points.
        let categories = |most: u32, points: fn(u32) -> u32| {
            let mut measures = first_measure..;
            let categories = (1..).zip(referential.categories.iter().zip(maturities));
            let categories = categories.map(|(category, (described, maturities))| {
                let points = maturities.iter().map(|maturity| maturity.map_or(0, points));
                let controls = (1..).zip(points.clone()).zip(&mut measures);
                Category {
                    controls: controls
                        .map(|((control, points), measure)| Control {
                            code: format!("{category}.{control}"),
                            measure: uuid(Kind::Measure, measure),
                            value: match most {
                                // MONARC does not divide by 1.
                                1 => format!("{points}"),
                                _ => two_decimals(points, most),
                            },
                        })
                        .collect(),
                    labels: &described.labels,
                    value: two_decimals(points.sum(), most * maturities.len() as u32),
                }
            });
            categories.collect()
        };
        Document {
            current: categories(MAX_MATURITY, |maturity| maturity),
            labels: &referential.labels,
            referential: uuid(Kind::Referential, number),
            target: categories(1, |_| 1),
        }
    });
    raw_json(&documents.collect::<Vec<_>>())
}

/// A map in PHP's encoding: an empty map, or one with the keys 0, 1, 2, …, is a list.
#[derive(Default)]
struct PhpArray<T>(BTreeMap<u32, T>);

impl<T: Serialize> Serialize for PhpArray<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.keys().copied().eq(0..self.0.len() as u32) {
            serializer.collect_seq(self.0.values())
        } else {
            serializer.collect_map(&self.0)
        }
    }
}

/// `sum / count` with two decimals, rounded down, as MONARC writes it.
fn two_decimals(sum: u32, count: u32) -> String {
    let hundredths = 100 * sum / count.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn raw_json(document: &impl Serialize) -> RawJson {
    // Writing these types to memory cannot fail.
    RawJson::from_storage(serde_json::to_string(document).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn php_array_with_keys_from_0_is_a_list() {
        for (keys, json) in [
            (&[][..], "[]"),
            (&[0], "[10]"),
            (&[0, 1, 2], "[10,11,12]"),
            (&[1], r#"{"1":11}"#),
            (&[0, 2, 10], r#"{"0":10,"2":12,"10":20}"#),
        ] {
            let map = PhpArray(keys.iter().map(|key| (*key, key + 10)).collect());
            assert_eq!(serde_json::to_string(&map).unwrap(), json);
        }
    }

    #[test]
    fn quotients_are_rounded_down_to_two_decimals() {
        for (sum, count, text) in [
            (4, 2, "2.00"),
            (2, 3, "0.66"),
            (1, 3, "0.33"),
            (1, 8, "0.12"),
            (31, 11, "2.81"),
            (0, 0, "0.00"),
        ] {
            assert_eq!(two_decimals(sum, count), text);
        }
    }
}
