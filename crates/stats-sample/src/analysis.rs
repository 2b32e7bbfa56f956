use chrono::NaiveDate;
use stats_core::{AnalysisId, NewStat, StatsType};

use crate::catalogue::{CATALOGUE, Kind, Threat};
use crate::documents::{self, ByKind, Cell, MAX_MATURITY, Rating, Risks};
use crate::random::Random;

/// An endless series of analyses, generated from a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    seed: u64,
}

impl Sample {
    /// The sample of a seed: the same analyses, byte for byte, on every platform.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Analysis number `index`, started on the day `start`.
    pub fn analysis(self, index: u32, start: NaiveDate) -> Analysis {
        Analysis::new(&mut Random::new(self.seed, index.into()), start)
    }

    /// The first `count` analyses, all started on the day `start`.
    pub fn analyses(self, count: u32, start: NaiveDate) -> impl Iterator<Item = Analysis> {
        (0..count).map(move |index| self.analysis(index, start))
    }
}

/// A generated risk analysis, which returns the stats of any day.
///
/// Most changes happen in the [`Analysis::BUSY_DAYS`] after the start. Days before the start have the data of the first
/// day.
#[derive(Debug, Clone)]
pub struct Analysis {
    id: AnalysisId,
    start: NaiveDate,
    informational: Vec<InformationalRisk>,
    operational: Vec<OperationalRisk>,
    /// The maturity of each control by category, from 0 to [`MAX_MATURITY`], or `None` if the control is excluded.
    controls: Vec<Vec<Option<Transition>>>,
}

/// A value that moves from one level to another in steps of one. Days count from the start.
#[derive(Debug, Clone)]
struct Transition {
    from: u32,
    to: u32,
    step_days: Vec<u32>,
}

/// A threat to an asset that exploits a vulnerability.
#[derive(Debug, Clone)]
struct InformationalRisk {
    /// The index of the threat in the catalogue.
    threat: usize,
    /// The index of the vulnerability among those of the threat.
    vulnerability: usize,
    /// The highest consequence for confidentiality, integrity or availability, 1 to 4.
    impact: u32,
    /// The usual likelihood of the threat, 1 to 4.
    likelihood: u32,
    /// How easy the vulnerability is to exploit, 5 to 1.
    ease: Transition,
    /// The day of its assessment, if any. Its likelihood is 0 before.
    assessed: Option<u32>,
    /// The day from which it is part of the analysis.
    found: u32,
    /// The seed for the variation of its likelihood.
    seed: u64,
}

#[derive(Debug, Clone)]
struct OperationalRisk {
    /// 1 to 4.
    impact: u32,
    /// 4 to 0.
    probability: Transition,
}

/// An informational risk on one day.
struct Assessment<'a> {
    risk: &'a InformationalRisk,
    /// 0 before the assessment.
    likelihood: u32,
    current_ease: u32,
}

impl Transition {
    fn new(random: &mut Random, from: u32, to: u32) -> Self {
        let steps = 0..from.abs_diff(to);
        Self {
            from,
            to,
            step_days: steps.map(|_| random.below(Analysis::BUSY_DAYS)).collect(),
        }
    }

    fn on(&self, day: u32) -> u32 {
        let steps = self.step_days.iter().filter(|step| **step <= day).count() as u32;
        if self.to < self.from {
            self.from - steps
        } else {
            self.from + steps
        }
    }
}

impl InformationalRisk {
    fn new(random: &mut Random, threat: usize, vulnerability: usize, likelihood: u32) -> Self {
        let ease = random.one_of([1, 2, 2, 3, 3, 4, 5]);
        let improvement = random.one_of([0, 1, 1, 2, 3]);
        Self {
            threat,
            vulnerability,
            impact: random.one_of([1, 1, 2, 2, 3, 3, 3, 4]),
            likelihood,
            ease: Transition::new(random, ease, ease.saturating_sub(improvement).max(1)),
            assessed: match random.below(12) {
                0 => None,
                1 => Some(random.below(Analysis::BUSY_DAYS / 2)),
                _ => Some(0),
            },
            found: match random.one_in(12) {
                true => random.below(Analysis::BUSY_DAYS),
                false => 0,
            },
            seed: random.number(),
        }
    }

    /// The usual likelihood, or one more or less for some weeks.
    fn likelihood_on(&self, day: u32) -> u32 {
        let mut random = Random::new(self.seed, 0);
        let length = 7 * random.between(4, 9);
        let season = 1 + u64::from(day.saturating_add(random.below(length)) / length);
        let likelihood = match Random::new(self.seed, season).below(8) {
            0 => self.likelihood + 1,
            1 => self.likelihood - 1,
            _ => self.likelihood,
        };
        likelihood.clamp(1, 4)
    }

    fn on(&self, day: u32) -> Option<Assessment<'_>> {
        let is_assessed = self.assessed.is_some_and(|assessed| assessed <= day);
        (self.found <= day).then(|| Assessment {
            risk: self,
            likelihood: if is_assessed {
                self.likelihood_on(day)
            } else {
                0
            },
            current_ease: self.ease.on(day),
        })
    }
}

impl Assessment<'_> {
    fn current(&self) -> Cell {
        (self.risk.impact, self.likelihood * self.current_ease)
    }

    fn residual(&self) -> Cell {
        (self.risk.impact, self.likelihood * self.risk.ease.to)
    }

    fn threat(&self) -> Rating {
        let (impact, likelihood) = self.current();
        Rating {
            object: self.risk.threat,
            labels: &CATALOGUE.threats[self.risk.threat].labels,
            rate: self.likelihood,
            risk: impact * likelihood,
        }
    }

    fn vulnerability(&self) -> Rating {
        let InformationalRisk {
            threat,
            vulnerability,
            ..
        } = *self.risk;
        Rating {
            object: threat * Threat::VULNERABILITIES + vulnerability,
            labels: &CATALOGUE.threats[threat].vulnerabilities[vulnerability],
            rate: self.current_ease,
            ..self.threat()
        }
    }
}

impl Analysis {
    /// The number of days after the start in which most changes happen.
    pub const BUSY_DAYS: u32 = 400;

    fn new(random: &mut Random, start: NaiveDate) -> Self {
        let id = AnalysisId(random.uuid());
        let mut informational = Vec::new();
        for threat in choose(random, CATALOGUE.threats.len() as u32, 23, 27) {
            let likelihood = random.one_of([1, 1, 2, 2, 3]);
            for vulnerability in 0..Threat::VULNERABILITIES {
                for _ in 0..random.one_of([1, 2, 2, 3]) {
                    let risk = InformationalRisk::new(random, threat, vulnerability, likelihood);
                    informational.push(risk);
                }
            }
        }
        // Some analyses have no operational risks.
        let operational = match random.one_in(12) {
            true => 0,
            false => random.between(15, 35),
        };
        let operational = (0..operational).map(|_| {
            let probability = random.below(5);
            let improvement = random.below(3);
            OperationalRisk {
                impact: random.between(1, 4),
                probability: Transition::new(
                    random,
                    probability,
                    probability.saturating_sub(improvement),
                ),
            }
        });
        let operational = operational.collect();
        let controls = CATALOGUE.categories.iter().map(|category| {
            let controls = (0..category.controls).map(|_| {
                let from = random.below(MAX_MATURITY);
                let to = random.between(from.max(2), MAX_MATURITY);
                let maturity = Transition::new(random, from, to);
                (!random.one_in(20)).then_some(maturity)
            });
            controls.collect()
        });
        Self {
            id,
            start,
            informational,
            operational,
            controls: controls.collect(),
        }
    }

    /// The id of the analysis.
    pub fn id(&self) -> AnalysisId {
        self.id
    }

    /// The five stats of a day, one of each type, without ids.
    pub fn stats_on(&self, date: NaiveDate) -> Vec<NewStat> {
        let day = (date - self.start).num_days().max(0);
        let day = u32::try_from(day).unwrap_or(u32::MAX);
        let found: Vec<_> = self
            .informational
            .iter()
            .filter_map(|risk| risk.on(day))
            .collect();
        let risks = Risks {
            current: ByKind {
                informational: found.iter().map(Assessment::current).collect(),
                operational: self.operational_cells(|probability| probability.on(day)),
            },
            residual: ByKind {
                informational: found.iter().map(Assessment::residual).collect(),
                operational: self.operational_cells(|probability| probability.to),
            },
        };
        let assessed = || found.iter().filter(|risk| risk.likelihood > 0);
        let data = [
            (StatsType::Risk, documents::risk(&risks)),
            (
                StatsType::Threat,
                documents::objects(Kind::Threat, assessed().map(Assessment::threat)),
            ),
            (
                StatsType::Vulnerability,
                documents::objects(
                    Kind::Vulnerability,
                    assessed().map(Assessment::vulnerability),
                ),
            ),
            (StatsType::Cartography, documents::cartography(&risks)),
            (
                StatsType::Compliance,
                documents::compliance(&self.maturities(day)),
            ),
        ];
        data.map(|(stats_type, data)| NewStat {
            uuid: None,
            analysis: self.id,
            stats_type,
            date,
            data,
        })
        .into()
    }

    /// The stats of several days, day by day.
    pub fn stats(
        &self,
        dates: impl IntoIterator<Item = NaiveDate>,
    ) -> impl Iterator<Item = NewStat> {
        dates.into_iter().flat_map(|date| self.stats_on(date))
    }

    fn operational_cells(&self, probability: impl Fn(&Transition) -> u32) -> Vec<Cell> {
        let risks = self.operational.iter();
        risks
            .map(|risk| (risk.impact, probability(&risk.probability)))
            .collect()
    }

    fn maturities(&self, day: u32) -> Vec<Vec<Option<u32>>> {
        let on_day = |maturity: &Option<Transition>| Some(maturity.as_ref()?.on(day));
        let categories = self.controls.iter();
        categories
            .map(|controls| controls.iter().map(on_day).collect())
            .collect()
    }
}

/// Chooses from `least` to `most` of the numbers below `end`, in ascending order.
fn choose(random: &mut Random, end: u32, least: u32, most: u32) -> Vec<usize> {
    let mut wanted = random.between(least, most);
    let chosen = (0..end).filter(|number| {
        let is_chosen = random.below(end - number) < wanted;
        wanted -= u32::from(is_chosen);
        is_chosen
    });
    chosen.map(|number| number as usize).collect()
}
