use chrono::NaiveDate;
use uuid::Uuid;

use crate::catalogue::{Kind, uuid};
use crate::random::Random;
use crate::risks::{Assessment, InformationalRisk};

/// A threat that strikes many analyses at once.
///
/// Where it strikes, the threat becomes as likely as can be, and risks to more assets are found. Risk by risk, this ends
/// within some weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident {
    /// The index of the threat in the catalogue.
    pub(crate) threat: usize,
    /// The first day, counted from the first day of the story.
    pub first_day: u32,
    /// The number of days until it has passed.
    pub days: u32,
}

impl Incident {
    /// The UUID of the threat, by which the stats name it.
    pub fn threat(&self) -> Uuid {
        uuid(Kind::Threat, self.threat)
    }
}

/// An incident in one analysis.
#[derive(Debug, Clone)]
pub(crate) struct Strike {
    threat: usize,
    start: NaiveDate,
    days: u32,
    revealed: Vec<InformationalRisk>,
}

impl Strike {
    /// Decides how an incident that begins on the day `start` strikes an analysis. It spares one in four.
    pub(crate) fn new(random: &mut Random, incident: Incident, start: NaiveDate) -> Option<Self> {
        if random.one_in(4) {
            return None;
        }
        let Incident { threat, days, .. } = incident;
        let revealed = 0..random.between(3, 6);
        Some(Self {
            threat,
            start,
            days,
            revealed: revealed
                .map(|_| InformationalRisk::revealed(random, threat, days))
                .collect(),
        })
    }

    /// Adds the effects of the incident to the risks of a day.
    pub(crate) fn add_to<'a>(&'a self, risks: &mut Vec<Assessment<'a>>, date: NaiveDate) {
        let Ok(day) = u32::try_from((date - self.start).num_days()) else {
            return;
        };
        let revealed = self.revealed.iter().filter(|risk| self.lasts(risk, day));
        risks.extend(revealed.filter_map(|risk| risk.on(day)));
        for assessment in risks {
            let risk = assessment.risk();
            if risk.threat == self.threat && self.lasts(risk, day) {
                assessment.alarm();
            }
        }
    }

    /// Whether the incident still concerns a risk. It ends in the second or the last third.
    fn lasts(&self, risk: &InformationalRisk, day: u32) -> bool {
        let third = self.days / 3;
        let end = third + Random::new(risk.seed, u64::MAX).below(self.days - third);
        day < end
    }
}
