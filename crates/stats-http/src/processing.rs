//! Processors at work on the stored stats, for the API and for the public statistics.

use std::time::Instant;

use serde_json::Value;
use stats_core::{InvalidValue, StatsFilter, StatsType, function_name};
use stats_processors::{Finish, Registered, Shape};

use crate::app::App;
use crate::errors::ApiError;
use crate::request::values;

/// A processor with its parameters, and the stats that it is to work on.
pub(crate) struct Processing {
    processor: &'static Registered,
    finish: Box<dyn Finish>,
    filter: StatsFilter,
    newest: Option<u32>,
    shape: Shape,
}

impl Processing {
    /// A processor that works on the stats of its type which `filter` lets through; the parameters are those of
    /// `processor_params`. Fails unless `stats_type` is what the processor works on.
    pub(crate) fn new(
        processor: &'static Registered,
        stats_type: StatsType,
        parameters: &Value,
        filter: StatsFilter,
        shape: Shape,
    ) -> Result<Self, ApiError> {
        if processor.stats_type() != stats_type {
            let (processor, stats_type) = (processor.name().to_owned(), stats_type.to_string());
            return Err(ApiError::WrongType {
                processor,
                stats_type,
            });
        }
        let finish = processor
            .prepare(parameters)
            .map_err(|error| ApiError::field("processor_params", error))?;
        let filter = StatsFilter {
            stats_type: Some(stats_type),
            ..filter
        };
        Ok(Self {
            processor,
            finish,
            filter,
            newest: None,
            shape,
        })
    }

    /// The same for so many of the newest stats alone.
    pub(crate) fn of_newest(self, newest: u32) -> Self {
        Self {
            newest: Some(newest),
            ..self
        }
    }

    /// The processor that is at work.
    pub(crate) fn processor(&self) -> &'static Registered {
        self.processor
    }

    /// The result as JSON. It blocks.
    pub(crate) fn run(&self, app: &App) -> Result<String, ApiError> {
        let started = Instant::now();
        let mut accumulator = self.processor.start();
        let fold = |date, data: &str| accumulator.fold(date, data);
        app.db.read(|snapshot| match self.newest {
            Some(newest) => snapshot.for_each_newest_document(&self.filter, newest, fold),
            None => snapshot.for_each_document(&self.filter, fold),
        })?;
        if accumulator.skipped() > 0 {
            log::warn!(
                function = function_name!();
                "{} could not read {} part(s) of the stats", self.processor.name(), accumulator.skipped()
            );
        }
        let result = self.finish.finish(accumulator.as_ref(), self.shape);
        app.metrics.count_processing(
            self.processor.name(),
            started.elapsed(),
            accumulator.skipped(),
        );
        result.map_err(|error| ApiError::Internal(error.to_string()))
    }
}

/// The processor that a value names.
pub(crate) fn known_processor(value: &Value) -> Result<&'static Registered, InvalidValue> {
    let name = values::text(value)?;
    stats_processors::find(&name).ok_or_else(|| {
        let known: Vec<_> = stats_processors::all()
            .iter()
            .map(Registered::name)
            .collect();
        InvalidValue::new(&name, format_args!("one of {}", known.join(", ")))
    })
}
