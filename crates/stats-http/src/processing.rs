//! Runs processors on stored stats, for the API and for the public statistics.

use std::time::Instant;

use actix_web::web::{Bytes, Data};
use serde_json::Value;
use stats_core::{InvalidValue, StatsFilter, StatsType};
use stats_db::Db;
use stats_partials::PartialsError;
use stats_processors::{Accumulator, Finisher, Registered, Shape};

use crate::answers::AnswerKey;
use crate::errors::ApiError;
use crate::function_name::function_name;
use crate::respond::{blocking, process};
use crate::state::App;
use crate::turns::Party;

/// A processor with its parameters, and a selection of stats.
pub(crate) struct Processing {
    processor: Registered,
    parameters: String,
    finisher: Finisher,
    filter: StatsFilter,
    newest: Option<u32>,
    shape: Shape,
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
        shape: Shape,
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
            processor,
            parameters: parameters.to_string(),
            finisher,
            filter,
            newest: None,
            shape,
        })
    }

    /// Limits the selection to the newest `newest` stats.
    pub(crate) fn with_newest(self, newest: Option<u32>) -> Self {
        Self { newest, ..self }
    }

    pub(crate) fn processor_name(&self) -> &'static str {
        self.processor.name
    }

    pub(crate) fn stats_type(&self) -> StatsType {
        self.processor.stats_type
    }

    /// Returns the result as JSON. Only a result that is not cached needs a turn of `party`.
    pub(crate) async fn run(self, app: Data<App>, party: Party) -> Result<Bytes, ApiError> {
        // The counter is read before the stats, so the result is at least as new as it says.
        let key = AnswerKey {
            question: self.question(),
            changes: blocking(&app, |db| Ok(db.changes()?)).await?,
        };
        if let Some(answer) = app.answers.get(&key) {
            return Ok(answer);
        }
        let state = app.clone();
        process(&app, party, move |db| {
            let compute = || self.compute(&state, db);
            state.answers.get_or_insert_with(&key, compute)
        })
        .await
    }

    /// Identifies the result for given stats.
    fn question(&self) -> String {
        let Self {
            processor,
            parameters,
            finisher: _,
            filter,
            newest,
            shape,
        } = self;
        format!(
            "{} {parameters} {filter:?} {newest:?} {shape:?}",
            processor.name
        )
    }

    fn compute(&self, app: &App, db: &Db) -> Result<Bytes, ApiError> {
        let started = Instant::now();
        let accumulator = self.accumulate(app, db)?;
        let (name, skipped) = (self.processor.name, accumulator.skipped());
        if skipped > 0 {
            log::warn!(function = function_name!(); "{name} could not read {skipped} part(s) of the stats");
        }
        let result = self.finisher.finish(&accumulator, self.shape);
        app.metrics
            .count_processing(name, started.elapsed(), skipped);
        Ok(result.map_err(ApiError::internal)?.into())
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
