//! Runs processors on stored stats, for the API and for the public statistics.

use std::time::Instant;

use actix_web::web::{Bytes, Data};
use serde_json::Value;
use stats_core::{InvalidValue, StatsFilter, StatsType};
use stats_db::Db;
use stats_partials::PartialsError;
use stats_processors::{Accumulator, Finisher, Registered, Shape, View};

use crate::errors::ApiError;
use crate::function_name::function_name;
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
    newest: Option<u32>,
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
        Ok(Self {
            selection: Selection {
                processor,
                filter,
                newest: None,
            },
            parameters: parameters.to_string(),
            finisher,
        })
    }

    /// Limits the selection to the newest `newest` stats.
    pub(crate) fn with_newest(mut self, newest: Option<u32>) -> Self {
        self.selection.newest = newest;
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
        finish: impl FnOnce(&App, Accumulator) -> Result<Bytes, ApiError> + Send + 'static,
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
        finish: impl FnOnce(&App, Accumulator) -> Result<Bytes, ApiError> + Send + 'static,
    ) -> Result<Bytes, ApiError> {
        let Self {
            processor,
            filter,
            newest,
        } = &self;
        let question = format!("{} {filter:?} {newest:?} {form}", processor.name);
        cached(app, party, question, move |app, db| {
            let started = Instant::now();
            let accumulator = self.accumulate(app, db)?;
            let (name, skipped) = (self.processor.name, accumulator.skipped());
            if skipped > 0 {
                log::warn!(function = function_name!(); "{name} could not read {skipped} part(s) of the stats");
            }
            let result = finish(app, accumulator);
            app.metrics
                .count_processing(name, started.elapsed(), skipped);
            result
        })
        .await
    }

    fn accumulate(&self, app: &App, db: &Db) -> Result<Accumulator, PartialsError> {
        let Self {
            processor, filter, ..
        } = self;
        db.read(|snapshot| match self.newest {
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
