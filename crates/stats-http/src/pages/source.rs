//! What pictures are drawn from.

use chrono::{Local, NaiveDate};
use stats_core::{DateRange, StatsFilter};
use stats_db::{Release, Snapshot};
use stats_partials::{PartialsError, ReleasedDates};
use stats_processors::{
    ObjectPartial, Processor, Registered, StoredPartial, ThreatAverageOnDate,
    VulnerabilityAverageOnDate,
};

use super::translation::{Texts, text};
use crate::period::{Days, days_before, last_days};
use crate::state::App;

/// The stats of all clients, as one snapshot of the database has them, or its release.
pub(super) struct Source<'a, 's> {
    pub(super) app: &'a App,
    pub(super) snapshot: &'a mut Snapshot<'s>,
    pub(super) release: Option<Release>,
    pub(super) edition: Edition,
}

/// What pictures say about the stats that they are drawn from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edition {
    /// The day from which days are counted back.
    pub(super) today: NaiveDate,
    /// How many clients are behind each figure of a release.
    pub(super) min_clients: Option<u64>,
}

/// Threats or vulnerabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objects {
    Threats,
    Vulnerabilities,
}

impl Objects {
    /// Returns the name in texts.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Threats => "threat",
            Self::Vulnerabilities => "vulnerability",
        }
    }
}

impl Edition {
    /// Says what a release leaves out.
    pub(super) fn few_clients(self, texts: &Texts) -> Option<String> {
        let clients = self.min_clients?;
        Some(text!(texts, "few-clients", clients = clients))
    }

    /// Writes a number, or that it is left out.
    pub(super) fn count(self, texts: &Texts, number: Option<u64>) -> String {
        match number {
            Some(number) => texts.decimal(number as f64, 0),
            None => text!(
                texts,
                "fewer-clients",
                clients = self.min_clients.unwrap_or(1)
            ),
        }
    }
}

impl<'a, 's> Source<'a, 's> {
    pub(super) fn new(
        app: &'a App,
        snapshot: &'a mut Snapshot<'s>,
        release: Option<Release>,
    ) -> Self {
        let edition = match &release {
            Some(release) => Edition {
                today: release.day,
                min_clients: Some(release.min_clients),
            },
            None => Edition {
                today: Local::now().date_naive(),
                min_clients: None,
            },
        };
        Self {
            app,
            snapshot,
            release,
            edition,
        }
    }

    /// Returns the dates of the last `days` days.
    pub(super) fn last_days(&self, days: Days) -> DateRange {
        match &self.release {
            Some(release) => days_before(release.day, days),
            None => last_days(days),
        }
    }

    /// Folds the stats of the last `days` days.
    pub(super) fn partial<P>(&mut self, days: Days) -> Result<P::Partial, PartialsError>
    where
        P: Processor<Partial: StoredPartial>,
    {
        let dates = self.last_days(days);
        let processor = Registered::stored::<P>();
        let partials = &self.app.partials;
        let accumulator = match &self.release {
            Some(release) => {
                let dates = ReleasedDates::Within(dates);
                partials.accumulate_released(self.snapshot, release, &processor, false, dates)
            }
            None => {
                let filter = StatsFilter {
                    dates,
                    ..StatsFilter::default()
                };
                partials.accumulate(self.snapshot, &processor, &filter)
            }
        };
        Ok(accumulator?.into_partial()?)
    }

    pub(super) fn objects(
        &mut self,
        objects: Objects,
        days: Days,
    ) -> Result<ObjectPartial, PartialsError> {
        match objects {
            Objects::Threats => self.partial::<ThreatAverageOnDate>(days),
            Objects::Vulnerabilities => self.partial::<VulnerabilityAverageOnDate>(days),
        }
    }
}
