use chrono::NaiveDate;
use stats_core::{AnalysisId, NewStat, StatsType};

use crate::catalogue::{CATALOGUE, Catalogue, GAPPY_CATALOGUE, Kind, Referential, Threat};
use crate::documents::{self, ByKind, Cell, Controls, MAX_MATURITY, Risks};
use crate::incident::{Incident, Strike};
use crate::random::Random;
use crate::risks::{Assessment, InformationalRisk, OperationalRisk, Transition};

/// An endless series of analyses, generated from a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    seed: u64,
}

impl Sample {
    /// The sample of a seed: the same analyses, byte for byte, on every platform.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Analysis number `index`, started on the day `start`.
    pub fn analysis(self, index: u32, start: NaiveDate) -> Analysis {
        let random = &mut Random::new(self.seed, index.into());
        Analysis::new(random, start, Analysis::BUSY_DAYS)
    }

    /// The first `count` analyses, all started on the day `start`.
    pub fn analyses(self, count: u32, start: NaiveDate) -> impl Iterator<Item = Analysis> {
        (0..count).map(move |index| self.analysis(index, start))
    }

    /// Analysis number `index` of a story.
    pub(crate) fn analysis_in_story(self, index: u32, course: &Course) -> Analysis {
        let random = &mut Random::new(self.seed, index.into());
        let mut analysis = Analysis::new(random, course.start, course.treatment_days);
        // A stream of its own: the story adds to an analysis without changing the rest.
        let random = &mut Random::new(self.seed, (1 << 32) + u64::from(index));
        let (incident, incident_start) = course.incident;
        analysis.strike = Strike::new(random, incident, incident_start);
        analysis.catalogue = &GAPPY_CATALOGUE;
        if course.has_all_referentials {
            let further = CATALOGUE.referentials.iter().skip(1);
            let further =
                further.map(|referential| controls(random, referential, course.treatment_days));
            analysis.controls.extend(further);
        }
        analysis
    }
}

/// What a story decides about an analysis.
pub(crate) struct Course {
    pub(crate) start: NaiveDate,
    /// The number of days in which risks are treated and controls improve.
    pub(crate) treatment_days: u32,
    pub(crate) has_all_referentials: bool,
    /// The incident and its first day.
    pub(crate) incident: (Incident, NaiveDate),
}

/// A generated risk analysis, which returns the stats of any day.
///
/// Most changes happen in the [`Analysis::BUSY_DAYS`] after the start. Days before the start have the data of the first
/// day.
#[derive(Debug, Clone)]
pub struct Analysis {
    id: AnalysisId,
    start: NaiveDate,
    catalogue: &'static Catalogue,
    informational: Vec<InformationalRisk>,
    operational: Vec<OperationalRisk>,
    /// The maturity of the controls, by referential.
    controls: Vec<Controls<Transition>>,
    strike: Option<Strike>,
}

impl Analysis {
    /// The number of days after the start in which most changes happen.
    pub const BUSY_DAYS: u32 = 400;

    fn new(random: &mut Random, start: NaiveDate, treatment_days: u32) -> Self {
        let id = AnalysisId(random.uuid());
        let mut informational = Vec::new();
        for threat in choose(random, CATALOGUE.threats.len() as u32, 23, 27) {
            let likelihood = random.one_of([1, 1, 2, 2, 3]);
            for vulnerability in 0..Threat::VULNERABILITIES {
                for _ in 0..random.one_of([1, 2, 2, 3]) {
                    informational.push(InformationalRisk::new(
                        random,
                        threat,
                        vulnerability,
                        likelihood,
                        treatment_days,
                    ));
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
            let target = probability.saturating_sub(random.below(3));
            OperationalRisk {
                impact: random.between(1, 4),
                probability: Transition::new(random, probability, target, treatment_days),
            }
        });
        let operational = operational.collect();
        let referentials = CATALOGUE.referentials.iter().take(1);
        Self {
            id,
            start,
            catalogue: &CATALOGUE,
            informational,
            operational,
            controls: referentials
                .map(|referential| controls(random, referential, treatment_days))
                .collect(),
            strike: None,
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
        let mut found: Vec<_> = self
            .informational
            .iter()
            .filter_map(|risk| risk.on(day))
            .collect();
        if let Some(strike) = &self.strike {
            strike.add_to(&mut found, date);
        }
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
        let catalogue = self.catalogue;
        let assessed = || found.iter().filter(|risk| risk.is_assessed());
        let threats = assessed().map(|risk| risk.threat(catalogue));
        let vulnerabilities = assessed().map(|risk| risk.vulnerability(catalogue));
        let maturities = self.maturities(day);
        let data = [
            (StatsType::Risk, documents::risk(&risks)),
            (StatsType::Threat, documents::objects(Kind::Threat, threats)),
            (
                StatsType::Vulnerability,
                documents::objects(Kind::Vulnerability, vulnerabilities),
            ),
            (StatsType::Cartography, documents::cartography(&risks)),
            (
                StatsType::Compliance,
                documents::compliance(&catalogue.referentials, &maturities),
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

    /// The maturity of the controls on a day, by referential.
    fn maturities(&self, day: u32) -> Vec<Controls<u32>> {
        let on_day = |maturity: &Option<Transition>| Some(maturity.as_ref()?.on(day));
        let of_category = |controls: &Vec<_>| controls.iter().map(on_day).collect();
        let referentials = self.controls.iter();
        referentials
            .map(|categories| categories.iter().map(of_category).collect())
            .collect()
    }
}

/// Generates the controls of a referential, which improve within `treatment_days`.
fn controls(
    random: &mut Random,
    referential: &Referential,
    treatment_days: u32,
) -> Controls<Transition> {
    let categories = referential.categories.iter().map(|category| {
        let controls = (0..category.controls).map(|_| {
            let from = random.below(MAX_MATURITY);
            let to = random.between(from.max(2), MAX_MATURITY);
            let maturity = Transition::new(random, from, to, treatment_days);
            (!random.one_in(20)).then_some(maturity)
        });
        controls.collect()
    });
    categories.collect()
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
