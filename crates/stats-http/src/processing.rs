//! Runs processors on stored stats, for the API and for the public statistics.

use std::time::Instant;

use serde_json::Value;
use stats_core::{InvalidValue, StatsFilter, StatsType};
use stats_db::Db;
use stats_processors::{Finisher, Registered, Shape};

use crate::errors::ApiError;
use crate::function_name::function_name;
use crate::state::App;

/// A processor with its parameters, and a selection of stats.
pub(crate) struct Processing {
    processor: Registered,
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

    /// Returns the result as JSON. Blocks.
    pub(crate) fn run(&self, app: &App, db: &Db) -> Result<String, ApiError> {
        let started = Instant::now();
        let mut accumulator = self.processor.start();
        db.read::<_, ApiError>(|snapshot| {
            Ok(snapshot.for_each_client_day(
                &self.filter,
                self.newest,
                &mut |date, documents| {
                    accumulator.fold(date, documents);
                },
            )?)
        })?;
        let (name, skipped) = (self.processor.name, accumulator.skipped());
        if skipped > 0 {
            log::warn!(function = function_name!(); "{name} could not read {skipped} part(s) of the stats");
        }
        let result = self.finisher.finish(&accumulator, self.shape);
        app.metrics
            .count_processing(name, started.elapsed(), skipped);
        result.map_err(ApiError::internal)
    }
}
