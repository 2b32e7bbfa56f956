use std::collections::BTreeMap;

/// How many stats were not taken, by the reason that was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals(BTreeMap<String, u64>);

/// So many reasons are told apart, for there may be another one for every stat.
const MAX_REASONS: usize = 20;
const OTHER_REASONS: &str = "for other reasons";

impl Refusals {
    pub(crate) fn add(&mut self, reason: &str) {
        let is_told_apart = self.0.contains_key(reason) || self.0.len() < MAX_REASONS;
        let reason = if is_told_apart { reason } else { OTHER_REASONS };
        *self.0.entry(reason.to_owned()).or_default() += 1;
    }

    /// How many they are in all.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The reasons, each with the number of stats; rare ones may be put together.
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
    fn reasons_without_number_are_not_all_told_apart() {
        let mut refusals = Refusals::default();
        for number in 0..30 {
            refusals.add(&format!("reason {number:02}"));
            refusals.add("reason 00");
        }
        assert_eq!(refusals.total(), 60);
        let told: Vec<_> = refusals.iter().collect();
        assert_eq!(told.len(), 21);
        assert!(told.contains(&("reason 00", 31)) && told.contains(&(OTHER_REASONS, 10)));
    }
}
