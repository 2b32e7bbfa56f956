use std::collections::BTreeMap;

use chrono::NaiveDate;
use stats_core::{AnalysisId, NewStat, RawJson, StatsType};

use crate::catalogue::{CATEGORIES, Kind, Labels, REFERENTIAL, THREATS, uuid};
use crate::dice::Dice;
use crate::json::{labels, list, php_array, two_decimals};

/// Analyses that are made up from a seed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    seed: u64,
}

impl Sample {
    /// The sample of a seed. The same seed gives the same analyses, byte for byte, on every platform.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The analysis number `index`, which was begun on the day `start`.
    pub fn analysis(self, index: u32, start: NaiveDate) -> Analysis {
        Analysis::new(&mut Dice::new(self.seed, index.into()), start)
    }

    /// The first `count` analyses, all begun on the day `start`.
    pub fn analyses(self, count: u32, start: NaiveDate) -> impl Iterator<Item = Analysis> {
        (0..count).map(move |index| self.analysis(index, start))
    }
}

/// A made-up risk analysis, which gives the stats of any day.
///
/// Most of what is going to happen in it happens in the [`Analysis::BUSY_DAYS`] after its start; before the first day it
/// is as it was on that day.
#[derive(Debug, Clone)]
pub struct Analysis {
    id: AnalysisId,
    start: NaiveDate,
    informational: Vec<InformationalRisk>,
    operational: Vec<OperationalRisk>,
    /// How far each control of the referential is put into practice, from 0 to [`FULL`], by chapter.
    controls: Vec<Vec<Plan>>,
}

/// A level that goes, one by one on certain days, from where it was at the start to where it is meant to be.
#[derive(Debug, Clone)]
struct Plan {
    from: u32,
    to: u32,
    /// The days, counted from the start, on which it makes a step.
    days: Vec<u32>,
}

/// A threat to something of value by way of a vulnerability.
#[derive(Debug, Clone)]
struct InformationalRisk {
    threat: usize,
    vulnerability: usize,
    /// The worst consequence for confidentiality, integrity or availability, 1 to 4.
    impact: u32,
    /// The likelihood of the threat, 1 to 4, around which it varies.
    likelihood: u32,
    /// How easily the vulnerability is used, 5 to 1.
    ease: Plan,
    /// The day, counted from the start, on which it was assessed, if ever: until then its likelihood counts as 0.
    assessed: Option<u32>,
    /// The day, counted from the start, on which it was found.
    found: u32,
    /// What decides on how its likelihood varies.
    seed: u64,
}

/// A risk to a process.
#[derive(Debug, Clone)]
struct OperationalRisk {
    /// 1 to 4.
    impact: u32,
    /// 4 to 0.
    probability: Plan,
}

/// An informational risk as it stood on one day.
struct Assessment {
    threat: usize,
    vulnerability: usize,
    impact: u32,
    likelihood: u32,
    current_ease: u32,
    residual_ease: u32,
}

/// Where a risk is in a matrix: its impact, and its likelihood (of a threat that meets a vulnerability) or probability.
type Cell = (u32, u32);

/// The risks of one day by their place in the matrices.
struct Matrices {
    informational: Vec<Cell>,
    operational: Vec<Cell>,
}

/// The largest impact times likelihood that is a low risk, and that is a medium one.
const INFORMATIONAL_THRESHOLDS: [u32; 2] = [8, 27];
/// The same for impact times probability.
const OPERATIONAL_THRESHOLDS: [u32; 2] = [4, 8];
/// The level of a control that is put into practice in full.
const FULL: u32 = 5;

impl Plan {
    fn new(dice: &mut Dice, from: u32, to: u32) -> Self {
        let days = (0..from.abs_diff(to)).map(|_| dice.below(Analysis::BUSY_DAYS));
        Self {
            from,
            to,
            days: days.collect(),
        }
    }

    fn on(&self, day: u32) -> u32 {
        let steps = self.days.iter().filter(|step| **step <= day).count() as u32;
        if self.to < self.from {
            self.from - steps
        } else {
            self.from + steps
        }
    }
}

impl InformationalRisk {
    fn new(dice: &mut Dice, threat: usize, vulnerability: usize, usual_likelihood: u32) -> Self {
        let ease = dice.one_of([1, 2, 2, 3, 3, 4, 5]);
        let improvement = dice.one_of([0, 1, 1, 2, 3]);
        Self {
            threat,
            vulnerability,
            impact: dice.one_of([1, 1, 2, 2, 3, 3, 3, 4]),
            likelihood: usual_likelihood,
            ease: Plan::new(dice, ease, ease.saturating_sub(improvement).max(1)),
            assessed: match dice.below(12) {
                0 => None,
                1 => Some(dice.below(Analysis::BUSY_DAYS / 2)),
                _ => Some(0),
            },
            found: if dice.once_in(12) {
                dice.below(Analysis::BUSY_DAYS)
            } else {
                0
            },
            seed: dice.number(),
        }
    }

    /// The likelihood of the threat on a day: the usual one, or for some weeks one more or one less.
    fn likelihood_on(&self, day: u32) -> u32 {
        let mut dice = Dice::new(self.seed, 0);
        let length = 7 * dice.between(4, 9);
        let season = 1 + u64::from(day.saturating_add(dice.below(length)) / length);
        let likelihood = match Dice::new(self.seed, season).below(8) {
            0 => self.likelihood + 1,
            1 => self.likelihood - 1,
            _ => self.likelihood,
        };
        likelihood.clamp(1, 4)
    }

    fn on(&self, day: u32) -> Option<Assessment> {
        (self.found <= day).then(|| Assessment {
            threat: self.threat,
            vulnerability: self.vulnerability,
            impact: self.impact,
            likelihood: if self.assessed.is_some_and(|assessed| assessed <= day) {
                self.likelihood_on(day)
            } else {
                0
            },
            current_ease: self.ease.on(day),
            residual_ease: self.ease.to,
        })
    }
}

impl Analysis {
    /// How long after its start an analysis is worked on, in days.
    pub const BUSY_DAYS: u32 = 400;

    fn new(dice: &mut Dice, start: NaiveDate) -> Self {
        let id = AnalysisId(dice.uuid());
        let mut informational = Vec::new();
        for threat in choose(dice, THREATS.len() as u32, 23, 27) {
            let likelihood = dice.one_of([1, 1, 2, 2, 3]);
            for vulnerability in 0..THREATS[threat].vulnerabilities.len() {
                for _ in 0..dice.one_of([1, 2, 2, 3]) {
                    let risk = InformationalRisk::new(dice, threat, vulnerability, likelihood);
                    informational.push(risk);
                }
            }
        }
        // Not everybody looks at operational risks.
        let operational = if dice.once_in(12) {
            0
        } else {
            dice.between(15, 35)
        };
        let operational = (0..operational).map(|_| {
            let probability = dice.below(5);
            let improvement = dice.below(3);
            OperationalRisk {
                impact: dice.between(1, 4),
                probability: Plan::new(dice, probability, probability.saturating_sub(improvement)),
            }
        });
        let operational = operational.collect();
        let controls = CATEGORIES.iter().map(|category| {
            let plans = (0..category.controls).map(|_| {
                let from = dice.below(FULL);
                let to = dice.between(from.max(2), FULL);
                Plan::new(dice, from, to)
            });
            plans.collect()
        });
        let controls = controls.collect();
        Self {
            id,
            start,
            informational,
            operational,
            controls,
        }
    }

    /// The id of the analysis.
    pub fn id(&self) -> AnalysisId {
        self.id
    }

    /// The five stats of a day, one of each type. They have no id yet.
    pub fn stats_on(&self, date: NaiveDate) -> Vec<NewStat> {
        let day = (date - self.start).num_days().max(0);
        let day = u32::try_from(day).unwrap_or(u32::MAX);
        let risks: Vec<_> = self
            .informational
            .iter()
            .filter_map(|risk| risk.on(day))
            .collect();
        let current = Matrices {
            informational: risks.iter().map(Assessment::current_cell).collect(),
            operational: self.operational_cells(|probability| probability.on(day)),
        };
        let residual = Matrices {
            informational: risks.iter().map(Assessment::residual_cell).collect(),
            operational: self.operational_cells(|probability| probability.to),
        };
        let data = [
            risk_data(&current, &residual),
            threat_data(&risks),
            vulnerability_data(&risks),
            cartography_data(&current, &residual),
            self.compliance_data(day),
        ];
        let stats = StatsType::ALL.into_iter().zip(data);
        stats
            .map(|(stats_type, data)| NewStat {
                uuid: None,
                analysis: self.id,
                stats_type,
                date,
                data: RawJson::from_storage(data),
            })
            .collect()
    }

    /// The stats of several days, day by day.
    pub fn stats(
        &self,
        dates: impl IntoIterator<Item = NaiveDate>,
    ) -> impl Iterator<Item = NewStat> {
        dates.into_iter().flat_map(|date| self.stats_on(date))
    }

    fn operational_cells(&self, probability: impl Fn(&Plan) -> u32) -> Vec<Cell> {
        let cells = self.operational.iter();
        cells
            .map(|risk| (risk.impact, probability(&risk.probability)))
            .collect()
    }

    fn compliance_data(&self, day: u32) -> String {
        let current = self.categories(|level| level.on(day));
        let target = self.categories(|level| level.to);
        format!(
            r#"[{{"current":{current},{},"referential":"{}","target":{target}}}]"#,
            labels(&REFERENTIAL),
            uuid(Kind::Referential, 0)
        )
    }

    /// The chapters of the referential, with the controls at the level that `level` reads from their plan.
    fn categories(&self, level: impl Fn(&Plan) -> u32) -> String {
        let mut measures = 0..;
        let chapters = (1..).zip(CATEGORIES.iter().zip(&self.controls));
        list(chapters.map(|(chapter, (category, plans))| {
            let levels: Vec<_> = plans.iter().map(&level).collect();
            let controls = (1..).zip(&levels).zip(&mut measures);
            let controls = list(controls.map(|((number, level), measure)| {
                let (measure, value) = (uuid(Kind::Measure, measure), two_decimals(*level, FULL));
                format!(
                    r#"{{"code":"{chapter}.{number}","measure":"{measure}","value":"{value}"}}"#
                )
            }));
            let value = two_decimals(levels.iter().sum(), FULL * levels.len() as u32);
            let labels = labels(&category.labels);
            format!(r#"{{"controls":{controls},{labels},"value":"{value}"}}"#)
        }))
    }
}

impl Assessment {
    fn current_cell(&self) -> Cell {
        (self.impact, self.likelihood * self.current_ease)
    }

    fn residual_cell(&self) -> Cell {
        (self.impact, self.likelihood * self.residual_ease)
    }
}

/// From `least` to `most` of the numbers below `end`, in order.
fn choose(dice: &mut Dice, end: u32, least: u32, most: u32) -> Vec<usize> {
    let mut wanted = dice.between(least, most);
    let mut chosen = Vec::new();
    for number in 0..end {
        if dice.below(end - number) < wanted {
            wanted -= 1;
            chosen.push(number as usize);
        }
    }
    chosen
}

fn risk_data(current: &Matrices, residual: &Matrices) -> String {
    let levels = |cells: &[Cell], [low, medium]: [u32; 2]| {
        let risks = || cells.iter().map(|(impact, likelihood)| impact * likelihood);
        let values = [
            ("Low risks", risks().filter(|risk| *risk <= low).count()),
            (
                "Medium risks",
                risks()
                    .filter(|risk| (low + 1..=medium).contains(risk))
                    .count(),
            ),
            ("High risks", risks().filter(|risk| *risk > medium).count()),
        ];
        list(values.map(|(level, value)| format!(r#"{{"level":"{level}","value":{value}}}"#)))
    };
    let by_kind = |matrices: &Matrices| {
        format!(
            r#"{{"informational":{},"operational":{}}}"#,
            levels(&matrices.informational, INFORMATIONAL_THRESHOLDS),
            levels(&matrices.operational, OPERATIONAL_THRESHOLDS)
        )
    };
    let total = |matrices: &Matrices| {
        format!(
            r#"{{"informational":{},"operational":{}}}"#,
            matrices.informational.len(),
            matrices.operational.len()
        )
    };
    format!(
        r#"{{"risks":{{"current":{},"residual":{}}},"total":{{"current":{},"residual":{}}}}}"#,
        by_kind(current),
        by_kind(residual),
        total(current),
        total(residual)
    )
}

fn cartography_data(current: &Matrices, residual: &Matrices) -> String {
    let matrix = |cells: &[Cell]| {
        let mut rows = BTreeMap::<u32, BTreeMap<u32, u32>>::new();
        for (impact, likelihood) in cells {
            *rows
                .entry(*impact)
                .or_default()
                .entry(*likelihood)
                .or_default() += 1;
        }
        let rows = rows.into_iter();
        php_array(
            &rows
                .map(|(impact, row)| (impact, php_array(&row)))
                .collect(),
        )
    };
    let matrices = |matrices: &Matrices| {
        format!(
            r#"{{"informational":{},"operational":{}}}"#,
            matrix(&matrices.informational),
            matrix(&matrices.operational)
        )
    };
    format!(
        r#"{{"risks":{{"current":{},"residual":{}}},"scales":{{"impact":{},"likelihood":{},"probability":{}}}}}"#,
        matrices(current),
        matrices(residual),
        list(0..=4),
        // The products of a threat's 0 to 4 and a vulnerability's 0 to 5.
        list([0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20]),
        list(0..=4)
    )
}

/// Threats or vulnerabilities with what the assessed risks say about them. `object` gives the number of the one that a
/// risk is about, its labels, and how the risk rates it.
fn objects_data(
    kind: Kind,
    risks: &[Assessment],
    object: impl Fn(&Assessment) -> (usize, &'static Labels, u32),
) -> String {
    struct Tally {
        labels: &'static Labels,
        count: u32,
        rates: u32,
        max_risk: u32,
    }

    let mut tallies = BTreeMap::new();
    for risk in risks.iter().filter(|risk| risk.likelihood > 0) {
        let (number, labels, rate) = object(risk);
        let tally = tallies.entry(number).or_insert(Tally {
            labels,
            count: 0,
            rates: 0,
            max_risk: 0,
        });
        let (impact, likelihood) = risk.current_cell();
        tally.count += 1;
        tally.rates += rate;
        tally.max_risk = tally.max_risk.max(impact * likelihood);
    }
    list(tallies.into_iter().map(|(number, tally)| {
        let average = match tally.count {
            // MONARC does not divide by 1.
            1 => tally.rates.to_string(),
            count => two_decimals(tally.rates, count),
        };
        format!(
            r#"{{"averageRate":"{average}","count":{},{},"maxRisk":{},"uuid":"{}"}}"#,
            tally.count,
            labels(tally.labels),
            tally.max_risk,
            uuid(kind, number)
        )
    }))
}

fn threat_data(risks: &[Assessment]) -> String {
    objects_data(Kind::Threat, risks, |risk| {
        (risk.threat, &THREATS[risk.threat].labels, risk.likelihood)
    })
}

fn vulnerability_data(risks: &[Assessment]) -> String {
    objects_data(Kind::Vulnerability, risks, |risk| {
        let vulnerabilities = &THREATS[risk.threat].vulnerabilities;
        (
            risk.threat * vulnerabilities.len() + risk.vulnerability,
            &vulnerabilities[risk.vulnerability],
            risk.current_ease,
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use stats_core::parse_batch;

    use super::*;
    use crate::payload;

    const DAYS: usize = 500;

    fn start() -> NaiveDate {
        "2026-01-31".parse().unwrap()
    }

    fn analyses(seed: u64) -> impl Iterator<Item = Analysis> {
        Sample::new(seed).analyses(8, start())
    }

    /// The data of one day, by type.
    fn data(analysis: &Analysis, day: usize) -> BTreeMap<StatsType, Value> {
        let date = start().iter_days().nth(day).unwrap();
        let stats = analysis.stats_on(date).into_iter();
        stats
            .map(|stat| {
                (
                    stat.stats_type,
                    serde_json::from_str(stat.data.as_str()).unwrap(),
                )
            })
            .collect()
    }

    fn number(value: &Value) -> u64 {
        value.as_u64().unwrap_or_else(|| panic!("{value}"))
    }

    fn list(value: &Value) -> &Vec<Value> {
        value.as_array().unwrap_or_else(|| panic!("{value}"))
    }

    /// The numbers of low, medium and high risks.
    fn levels(risk: &Value, state: &str, kind: &str) -> [u64; 3] {
        let levels = list(&risk["risks"][state][kind]).iter();
        levels
            .map(|level| number(&level["value"]))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }

    /// The cells of a matrix of either form: impact, likelihood, number.
    fn cells(matrix: &Value) -> Vec<(u64, u64, u64)> {
        fn entries(map: &Value) -> Vec<(u64, &Value)> {
            match map {
                Value::Array(list) => (0..).zip(list).collect(),
                Value::Object(map) => map
                    .iter()
                    .map(|(key, value)| (key.parse().unwrap(), value))
                    .collect(),
                other => panic!("{other}"),
            }
        }
        let rows = entries(matrix).into_iter();
        rows.flat_map(|(impact, row)| {
            entries(row)
                .into_iter()
                .map(move |(likelihood, count)| (impact, likelihood, number(count)))
        })
        .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let body = |seed| {
            let dates = || start().iter_days().step_by(60).take(5);
            let stats: Vec<_> = analyses(seed)
                .flat_map(|analysis| analysis.stats(dates()).collect::<Vec<_>>())
                .collect();
            payload(&stats)
        };
        assert_eq!(body(1), body(1));
        assert_ne!(body(1), body(2));
        // FNV-1a, so that a change of platform, compiler or generator is noticed.
        let hash = body(1)
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
            });
        assert_eq!(hash, 9_189_426_550_047_150_871);
    }

    #[test]
    fn analyses_differ_and_do_not_depend_on_each_other() {
        let ids: Vec<_> = analyses(1).map(|analysis| analysis.id()).collect();
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(Sample::new(1).analysis(5, start()).id(), ids[5]);
        assert_ne!(Sample::new(2).analysis(0, start()).id(), ids[0]);
    }

    #[test]
    fn every_stat_is_accepted_unchanged() {
        for analysis in analyses(3) {
            let days = start().iter_days().take(3);
            let stats: Vec<_> = analysis.stats(days).collect();
            assert_eq!(stats.len(), 3 * StatsType::ALL.len());
            assert!(
                stats
                    .iter()
                    .all(|stat| stat.uuid.is_none() && stat.analysis == analysis.id())
            );
            assert_eq!(parse_batch(payload(&stats).as_bytes()).unwrap(), stats);
        }
    }

    #[test]
    fn the_types_of_one_day_agree_with_each_other() {
        for analysis in analyses(4) {
            for day in (0..DAYS).step_by(50) {
                let data = data(&analysis, day);
                let (risk, cartography) = (&data[&StatsType::Risk], &data[&StatsType::Cartography]);
                for state in ["current", "residual"] {
                    for (kind, [low, medium]) in [
                        ("informational", INFORMATIONAL_THRESHOLDS),
                        ("operational", OPERATIONAL_THRESHOLDS),
                    ] {
                        let mut expected = [0; 3];
                        for (impact, likelihood, count) in cells(&cartography["risks"][state][kind])
                        {
                            let risk = impact * likelihood;
                            expected[usize::from(risk > low.into())
                                + usize::from(risk > medium.into())] += count;
                        }
                        assert_eq!(levels(risk, state, kind), expected, "{state} {kind}");
                        assert_eq!(
                            number(&risk["total"][state][kind]),
                            expected.iter().sum::<u64>()
                        );
                    }
                }
                let informational = cells(&cartography["risks"]["current"]["informational"]);
                let assessed: u64 = informational
                    .iter()
                    .filter(|cell| cell.1 > 0)
                    .map(|cell| cell.2)
                    .sum();
                let highest = informational
                    .iter()
                    .map(|cell| cell.0 * cell.1)
                    .max()
                    .unwrap();
                for stats_type in [StatsType::Threat, StatsType::Vulnerability] {
                    let objects = list(&data[&stats_type]);
                    let counts: u64 = objects.iter().map(|object| number(&object["count"])).sum();
                    assert_eq!(counts, assessed, "{stats_type}");
                    assert_eq!(
                        objects
                            .iter()
                            .map(|object| number(&object["maxRisk"]))
                            .max(),
                        Some(highest)
                    );
                }
            }
        }
    }

    #[test]
    fn the_matrices_are_on_their_scales() {
        for analysis in analyses(5) {
            let cartography = &data(&analysis, 100)[&StatsType::Cartography];
            let scale = |name: &str| {
                list(&cartography["scales"][name])
                    .iter()
                    .map(number)
                    .collect::<Vec<_>>()
            };
            for state in ["current", "residual"] {
                for (kind, likelihoods) in [
                    ("informational", scale("likelihood")),
                    ("operational", scale("probability")),
                ] {
                    for (impact, likelihood, count) in cells(&cartography["risks"][state][kind]) {
                        assert!(
                            scale("impact").contains(&impact)
                                && likelihoods.contains(&likelihood)
                                && count > 0
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn php_lists_and_empty_maps_occur() {
        let bodies: String = Sample::new(6)
            .analyses(40, start())
            .map(|analysis| payload(&analysis.stats_on(start())))
            .collect();
        assert!(
            bodies.contains(r#""operational":[]"#),
            "an analysis without operational risks"
        );
        assert!(bodies.contains(r#":{"1":["#), "a row of 0, 1, 2, …");
        assert!(bodies.contains(r#":{"1":{"#), "a row with gaps");
    }

    #[test]
    fn shapes_and_sizes_are_those_of_monarc() {
        for analysis in analyses(7) {
            for stat in analysis.stats_on(start()) {
                let (elements, bytes) = match stat.stats_type {
                    StatsType::Risk => (2..=2, 1000),
                    StatsType::Threat => (20..=27, 10_000),
                    StatsType::Vulnerability => (38..=54, 20_000),
                    StatsType::Cartography => (2..=2, 2000),
                    StatsType::Compliance => (1..=1, 20_000),
                };
                let text = stat.data.as_str();
                let length = match serde_json::from_str(text).unwrap() {
                    Value::Array(list) => list.len(),
                    Value::Object(map) => map.len(),
                    other => panic!("{other}"),
                };
                assert!(elements.contains(&length), "{}: {length}", stat.stats_type);
                assert!(
                    text.len() < bytes,
                    "{}: {} bytes",
                    stat.stats_type,
                    text.len()
                );
            }
        }
    }

    #[test]
    fn objects_have_labels_and_rates_within_their_scale() {
        for analysis in analyses(8) {
            let data = data(&analysis, 30);
            for (stats_type, highest) in [(StatsType::Threat, 4.0), (StatsType::Vulnerability, 5.0)]
            {
                for object in list(&data[&stats_type]) {
                    let rate = object["averageRate"].as_str().unwrap();
                    assert_eq!(rate.contains('.'), object["count"] != 1, "{object}");
                    assert!(
                        (1.0..=highest).contains(&rate.parse::<f64>().unwrap()),
                        "{object}"
                    );
                    assert!(
                        (1..=4).all(|n| object[format!("label{n}")].is_string()),
                        "{object}"
                    );
                    assert!(
                        object["uuid"]
                            .as_str()
                            .unwrap()
                            .parse::<uuid::Uuid>()
                            .is_ok()
                    );
                }
            }
        }
    }

    #[test]
    fn controls_get_better_and_stay_within_their_target() {
        for analysis in analyses(9) {
            let mut last = 0.0;
            for day in (0..DAYS).step_by(20) {
                let compliance = data(&analysis, day).remove(&StatsType::Compliance).unwrap();
                let values = |state: &str| {
                    let categories = list(&compliance[0][state]).iter();
                    let controls = categories.flat_map(|category| list(&category["controls"]));
                    controls
                        .map(|control| control["value"].as_str().unwrap().parse::<f64>().unwrap())
                        .collect::<Vec<_>>()
                };
                let (current, target) = (values("current"), values("target"));
                assert!(
                    current
                        .iter()
                        .zip(&target)
                        .all(|(current, target)| (0.0..=*target).contains(current))
                );
                let sum: f64 = current.iter().sum();
                assert!(sum >= last);
                last = sum;
            }
        }
    }

    /// A chart of such stats shows lines that go down, slowly, with some ups.
    #[test]
    fn risks_move_slowly_and_go_down() {
        let (mut first, mut last) = (0, 0);
        for analysis in analyses(10) {
            let mut before: Option<[u64; 3]> = None;
            for day in 0..DAYS {
                let risk = data(&analysis, day).remove(&StatsType::Risk).unwrap();
                let [current, residual] =
                    ["current", "residual"].map(|state| levels(&risk, state, "informational"));
                assert!(residual[2] <= current[2], "{residual:?} {current:?}");
                assert!(
                    residual[1] + residual[2] <= current[1] + current[2],
                    "{residual:?} {current:?}"
                );
                for (now, before) in current.iter().zip(before.unwrap_or(current)) {
                    assert!(now.abs_diff(before) <= 8, "{current:?} after {before:?}");
                }
                before = Some(current);
                if day == 0 {
                    first += current[2];
                }
            }
            last += before.unwrap()[2];
        }
        assert!(last * 4 < first * 3, "{first} high risks became {last}");
    }

    #[test]
    fn every_date_has_stats() {
        let analysis = Sample::new(11).analysis(0, start());
        for date in [stats_core::MIN_DATE, start(), stats_core::MAX_DATE] {
            assert_eq!(
                parse_batch(payload(&analysis.stats_on(date)).as_bytes())
                    .unwrap()
                    .len(),
                5
            );
        }
        let before = analysis.stats_on(start() - chrono::Days::new(200));
        for (before, first) in before.iter().zip(analysis.stats_on(start())) {
            assert_eq!(before.data, first.data);
        }
    }
}
