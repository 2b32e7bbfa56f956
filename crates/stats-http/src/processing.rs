//! Runs processors on stored stats, for the API and for the public statistics.

use std::time::Instant;

use actix_web::web::{Bytes, Data};
use serde_json::Value;
use stats_core::{InvalidValue, StatsFilter, StatsType};
use stats_db::{Db, Release, Snapshot};
use stats_partials::{PartialsError, ReleasedDates};
use stats_processors::{Accumulator, Finisher, Registered, Shape, View};

use crate::errors::ApiError;
use crate::function_name::function_name;
use crate::period::{Days, days_before, last_days};
use crate::releases::cached_release;
use crate::respond::cached;
use crate::state::App;
use crate::turns::Party;

/// A processor with its parameters, and a selection of stats.
pub(crate) struct Processing {
    selection: Selection,
    parameters: String,
    finisher: Finisher,
}

/// The stats that a processor folds.
struct Selection {
    processor: Registered,
    filter: StatsFilter,
    /// The number of days of the filter, if they are counted back from today.
    days: Option<Days>,
    newest: Option<u32>,
    /// Whether to read the release instead: always if it is about all clients and there are releases.
    is_released: bool,
}

impl Processing {
    /// Finds the processor `name` and validates its parameters. Fails unless it processes stats of `stats_type`, which
    /// are then the stats that `filter` selects from.
    pub(crate) fn new(
        app: &App,
        name: &str,
        stats_type: StatsType,
        parameters: &Value,
        filter: StatsFilter,
    ) -> Result<Self, ApiError> {
        let processor = *app.processors.find(name).ok_or_else(|| {
            let names: Vec<_> = app.processors.iter().map(|known| known.name).collect();
            let expected = format!("one of {}", names.join(", "));
            ApiError::field("processor", InvalidValue::new(name, expected))
        })?;
        if processor.stats_type != stats_type {
            return Err(ApiError::WrongType {
                processor: name.to_owned(),
                stats_type: stats_type.to_string(),
            });
        }
        let finisher = processor
            .prepare(parameters)
            .map_err(|error| ApiError::field("processor_params", error))?;
        let filter = StatsFilter {
            stats_type: Some(stats_type),
            ..filter
        };
        let is_released = app.has_releases() && filter.owner.is_none() && filter.analyses.is_none();
        if is_released && processor.format.is_none() {
            let problem = format!("the results of '{name}' over all clients are not released");
            return Err(ApiError::field("processor", problem));
        }
        let finisher = match is_released {
            true => finisher.with_precision(app.public_precision()),
            false => finisher,
        };
        Ok(Self {
            selection: Selection {
                processor,
                filter,
                days: None,
                newest: None,
                is_released,
            },
            parameters: parameters.to_string(),
            finisher,
        })
    }

    /// Limits the selection to the last days. In a release they are counted back from its day.
    pub(crate) fn with_days(mut self, days: Days) -> Self {
        self.selection.filter.dates = last_days(days);
        self.selection.days = Some(days);
        self
    }

    /// Limits the selection to the newest `newest` stats. In a release it is the newest day.
    pub(crate) fn with_newest(mut self, newest: u32) -> Self {
        self.selection.newest = Some(newest);
        self
    }

    /// How the result shows means.
    pub(crate) fn view(&self) -> View {
        self.finisher.view()
    }

    pub(crate) fn processor(&self) -> &Registered {
        &self.selection.processor
    }

    /// Returns the result as JSON. Only a result that is not cached needs a turn of `party`.
    pub(crate) async fn run(
        self,
        app: &Data<App>,
        party: Party,
        shape: Shape,
    ) -> Result<Bytes, ApiError> {
        let form = format!("{shape:?} {}", self.parameters);
        let finish = move |_: &App, accumulator| {
            let result = self.finisher.finish(&accumulator, shape);
            Ok(result.map_err(ApiError::internal)?.into())
        };
        self.selection.run(app, party, &form, finish).await
    }

    /// Returns what `finish` makes of the stats, regardless of the parameters. `form` identifies it, with all that it
    /// depends on besides the stats. Only a result that is not cached needs a turn of `party`.
    pub(crate) async fn run_with(
        self,
        app: &Data<App>,
        party: Party,
        form: &str,
        finish: impl Fn(&App, Accumulator) -> Result<Bytes, ApiError> + Send + 'static,
    ) -> Result<Bytes, ApiError> {
        self.selection.run(app, party, form, finish).await
    }
}

impl Selection {
    async fn run(
        self,
        app: &Data<App>,
        party: Party,
        form: &str,
        finish: impl Fn(&App, Accumulator) -> Result<Bytes, ApiError> + Send + 'static,
    ) -> Result<Bytes, ApiError> {
        let Self {
            processor,
            filter,
            days,
            newest,
            is_released,
        } = &self;
        let name = processor.name;
        if *is_released {
            let local_only = filter.local_only;
            let dates = match days {
                // Today does not matter.
                Some(days) => format!("{days:?}"),
                None => format!("{:?}", filter.dates),
            };
            let question = format!("{name} {local_only} {dates} {newest:?} {form}");
            return cached_release(app, party, question, move |app, snapshot, release| {
                self.finish(app, &finish, || {
                    self.accumulate_released(app, snapshot, &release)
                })
            })
            .await;
        }
        let question = format!("{name} {filter:?} {newest:?} {form}");
        cached(app, party, question, move |app, db| {
            self.finish(app, &finish, || self.accumulate(app, db))
        })
        .await
    }

    /// Finishes what `accumulate` returns, and counts it.
    fn finish(
        &self,
        app: &App,
        finish: impl Fn(&App, Accumulator) -> Result<Bytes, ApiError>,
        accumulate: impl FnOnce() -> Result<Accumulator, PartialsError>,
    ) -> Result<Bytes, ApiError> {
        let started = Instant::now();
        let accumulator = accumulate()?;
        let (name, skipped) = (self.processor.name, accumulator.skipped());
        if skipped > 0 {
            log::warn!(function = function_name!(); "{name} could not read {skipped} part(s) of the stats");
        }
        let result = finish(app, accumulator);
        app.metrics
            .count_processing(name, started.elapsed(), skipped);
        result
    }

    fn accumulate_released(
        &self,
        app: &App,
        snapshot: &mut Snapshot<'_>,
        release: &Release,
    ) -> Result<Accumulator, PartialsError> {
        let dates = match (self.newest, self.days) {
            (Some(_), _) => ReleasedDates::Newest,
            (None, Some(days)) => ReleasedDates::Within(days_before(release.day, days)),
            (None, None) => ReleasedDates::Within(self.filter.dates),
        };
        let local_only = self.filter.local_only;
        app.partials
            .accumulate_released(snapshot, release, &self.processor, local_only, dates)
    }

    fn accumulate(&self, app: &App, db: &Db) -> Result<Accumulator, PartialsError> {
        let Self {
            processor, filter, ..
        } = self;
        db.read_replica(|snapshot| match self.newest {
            None => app.partials.accumulate(snapshot, processor, filter),
            newest => {
                let mut accumulator = processor.start();
                snapshot.for_each_client_day(filter, newest, &mut |date, documents| {
                    accumulator.fold(date, documents.map(|(_, document)| document));
                })?;
                Ok(accumulator)
            }
        })
    }
}
