use std::sync::Arc;

use actix_web::web::Bytes;
use chrono::NaiveDate;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use stats_db::Summary;

/// Results of processors as JSON.
pub(crate) type Answers = Cache<AnswerKey, Bytes, Size>;

/// The totals of the stats by the number of changes and the last date.
pub(crate) type Summaries = Cache<(i64, NaiveDate), Arc<Summary>>;

/// A question, and the number of changes of stats when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AnswerKey {
    pub(crate) question: String,
    pub(crate) changes: i64,
}

/// The size of an answer in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Size;

impl Weighter<AnswerKey, Bytes> for Size {
    fn weight(&self, key: &AnswerKey, answer: &Bytes) -> u64 {
        (key.question.len() + answer.len()) as u64
    }
}
