use std::collections::BTreeMap;

/// The number of stats that were not accepted, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejections(BTreeMap<String, u64>);

/// The maximum number of reasons. Further reasons share an entry, because a reason may contain the id of its stat.
const MAX_REASONS: usize = 20;
const OTHER_REASONS: &str = "for other reasons";

impl Rejections {
    pub(crate) fn add(&mut self, reason: &str) {
        let is_listed = self.0.contains_key(reason) || self.0.len() < MAX_REASONS;
        let reason = if is_listed { reason } else { OTHER_REASONS };
        *self.0.entry(reason.to_owned()).or_default() += 1;
    }

    /// The number of all stats.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The reasons with their numbers of stats.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0
            .iter()
            .map(|(reason, count)| (reason.as_str(), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_beyond_the_limit_are_counted_together() {
        let mut rejections = Rejections::default();
        for number in 0..30 {
            rejections.add(&format!("reason {number:02}"));
            rejections.add("reason 00");
        }
        assert_eq!(rejections.total(), 60);
        let reasons: Vec<_> = rejections.iter().collect();
        assert_eq!(reasons.len(), 21);
        assert!(reasons.contains(&("reason 00", 31)) && reasons.contains(&(OTHER_REASONS, 10)));
    }
}
