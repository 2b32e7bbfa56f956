//! The risks of an analysis, and their changes from day to day.

use crate::analysis::Analysis;
use crate::catalogue::{Catalogue, Threat};
use crate::documents::{Cell, Rating};
use crate::random::Random;

/// A value that moves from one level to another in steps of one. Days count from the start.
#[derive(Debug, Clone)]
pub(crate) struct Transition {
    from: u32,
    pub(crate) to: u32,
    step_days: Vec<u32>,
}

/// A threat to an asset that exploits a vulnerability.
#[derive(Debug, Clone)]
pub(crate) struct InformationalRisk {
    /// The index of the threat in the catalogue.
    pub(crate) threat: usize,
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
    pub(crate) seed: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct OperationalRisk {
    /// 1 to 4.
    pub(crate) impact: u32,
    /// 4 to 0.
    pub(crate) probability: Transition,
}

/// An informational risk on one day.
pub(crate) struct Assessment<'a> {
    risk: &'a InformationalRisk,
    /// 0 before the assessment.
    likelihood: u32,
    current_ease: u32,
}

impl Transition {
    /// A transition whose steps are spread over `days`.
    pub(crate) fn new(random: &mut Random, from: u32, to: u32, days: u32) -> Self {
        let steps = 0..from.abs_diff(to);
        Self {
            from,
            to,
            step_days: steps.map(|_| random.below(days)).collect(),
        }
    }

    pub(crate) fn on(&self, day: u32) -> u32 {
        let steps = self.step_days.iter().filter(|step| **step <= day).count() as u32;
        if self.to < self.from {
            self.from - steps
        } else {
            self.from + steps
        }
    }
}

impl InformationalRisk {
    /// A risk that is treated within `treatment_days`.
    pub(crate) fn new(
        random: &mut Random,
        threat: usize,
        vulnerability: usize,
        likelihood: u32,
        treatment_days: u32,
    ) -> Self {
        let ease = random.one_of([1, 2, 2, 3, 3, 4, 5]);
        let improvement = random.one_of([0, 1, 1, 2, 3]);
        let target = ease.saturating_sub(improvement).max(1);
        Self {
            threat,
            vulnerability,
            impact: random.one_of([1, 1, 2, 2, 3, 3, 3, 4]),
            likelihood,
            ease: Transition::new(random, ease, target, treatment_days),
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

    /// A serious risk to one more asset, which an incident with this threat reveals. Days count from the incident.
    pub(crate) fn revealed(random: &mut Random, threat: usize, treatment_days: u32) -> Self {
        Self {
            threat,
            vulnerability: random.below(Threat::VULNERABILITIES as u32) as usize,
            impact: random.between(3, 4),
            likelihood: InformationalRisk::MAX_LIKELIHOOD,
            ease: Transition::new(random, 5, 2, treatment_days),
            assessed: Some(0),
            found: 0,
            seed: random.number(),
        }
    }

    const MAX_LIKELIHOOD: u32 = 4;

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
        likelihood.clamp(1, Self::MAX_LIKELIHOOD)
    }

    pub(crate) fn on(&self, day: u32) -> Option<Assessment<'_>> {
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
    pub(crate) fn risk(&self) -> &InformationalRisk {
        self.risk
    }

    /// Raises the likelihood to the maximum, if the risk is assessed.
    pub(crate) fn alarm(&mut self) {
        if self.is_assessed() {
            self.likelihood = InformationalRisk::MAX_LIKELIHOOD;
        }
    }

    pub(crate) fn is_assessed(&self) -> bool {
        self.likelihood > 0
    }

    pub(crate) fn current(&self) -> Cell {
        (self.risk.impact, self.likelihood * self.current_ease)
    }

    pub(crate) fn residual(&self) -> Cell {
        (self.risk.impact, self.likelihood * self.risk.ease.to)
    }

    pub(crate) fn threat(&self, catalogue: &'static Catalogue) -> Rating {
        let (impact, likelihood) = self.current();
        Rating {
            object: self.risk.threat,
            labels: &catalogue.threats[self.risk.threat].labels,
            rate: self.likelihood,
            risk: impact * likelihood,
        }
    }

    pub(crate) fn vulnerability(&self, catalogue: &'static Catalogue) -> Rating {
        let InformationalRisk {
            threat,
            vulnerability,
            ..
        } = *self.risk;
        Rating {
            object: threat * Threat::VULNERABILITIES + vulnerability,
            labels: &catalogue.threats[threat].vulnerabilities[vulnerability],
            rate: self.current_ease,
            ..self.threat(catalogue)
        }
    }
}
