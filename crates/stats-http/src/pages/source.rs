//! What pictures are drawn from.

use chrono::{Local, NaiveDate};
use stats_core::StatsFilter;
use stats_db::Snapshot;
use stats_partials::PartialsError;
use stats_processors::{
    ObjectPartial, Processor, Registered, StoredPartial, ThreatAverageOnDate,
    VulnerabilityAverageOnDate,
};

use crate::period::{Days, last_days};
use crate::state::App;

/// The stats of all clients, as one snapshot of the database has them.
pub(super) struct Source<'a, 's> {
    pub(super) app: &'a App,
    pub(super) snapshot: &'a mut Snapshot<'s>,
    pub(super) today: NaiveDate,
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

impl<'a, 's> Source<'a, 's> {
    pub(super) fn new(app: &'a App, snapshot: &'a mut Snapshot<'s>) -> Self {
        let today = Local::now().date_naive();
        Self {
            app,
            snapshot,
            today,
        }
    }

    /// Folds the stats of the last `days` days.
    pub(super) fn partial<P>(&mut self, days: Days) -> Result<P::Partial, PartialsError>
    where
        P: Processor<Partial: StoredPartial>,
    {
        let filter = StatsFilter {
            dates: last_days(days),
            ..StatsFilter::default()
        };
        let processor = Registered::stored::<P>();
        let accumulator = self
            .app
            .partials
            .accumulate(self.snapshot, &processor, &filter)?;
        Ok(accumulator.into_partial()?)
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
