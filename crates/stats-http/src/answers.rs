use actix_web::web::Bytes;
use chrono::NaiveDateTime;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use stats_db::{Changes, Release};

/// Results of processors, pages and pictures.
pub(crate) type Answers = Cache<AnswerKey, Bytes, Size>;

/// A question, and what it was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AnswerKey {
    pub(crate) question: String,
    pub(crate) basis: Basis,
}

/// What an answer is computed from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Basis {
    /// The stats, in this state.
    Stats(Changes),
    /// The release with this number, made at this time.
    Release(i64, NaiveDateTime),
}

impl From<&Release> for Basis {
    fn from(release: &Release) -> Self {
        Self::Release(release.sequence, release.made_at)
    }
}

/// The expected number of answers. More than 32 would divide the memory into shards, none of which has room for a large
/// answer: a year of vulnerabilities takes several megabytes.
const ITEMS: usize = 32;

/// The size of an answer in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Size;

impl Weighter<AnswerKey, Bytes> for Size {
    fn weight(&self, key: &AnswerKey, answer: &Bytes) -> u64 {
        (key.question.len() + answer.len()) as u64
    }
}

/// An empty cache that takes about this many bytes of memory.
pub(crate) fn answers(bytes: u64) -> Answers {
    Answers::with_weighter(ITEMS, bytes, Size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_answer_is_cached() {
        let cache = answers(16 << 20);
        let key = AnswerKey {
            question: "threats".to_owned(),
            basis: Basis::Stats(Changes::default()),
        };
        cache.insert(key.clone(), vec![0; 8 << 20].into());
        assert!(cache.get(&key).is_some());
    }
}
