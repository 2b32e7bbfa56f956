use std::mem;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize, Serializer};
use stats_core::is_invisible;

use crate::Disclosure;
use crate::names::named_enum;

/// Maximum length of a label in characters, the limit of MONARC's column. Longer labels are truncated.
pub const MAX_LABEL_LENGTH: usize = 255;
/// Number of texts that an object keeps per language after it has more than twice as many.
pub const MAX_LABELS: usize = 4;

named_enum! {
    /// The language of a label.
    Language {
        /// French.
        French = "label1",
        /// English.
        English = "label2",
        /// German.
        German = "label3",
        /// Dutch.
        Dutch = "label4",
    }
}

impl Language {
    /// The code of ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
            Self::German => "de",
            Self::Dutch => "nl",
        }
    }
}

/// The label of an object in each language. Serialises as `{"label1", "label2", "label3", "label4"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels([String; Language::ALL.len()]);

impl Labels {
    /// The label in a language, or an empty text.
    pub fn get(&self, language: Language) -> &str {
        &self.0[language as usize]
    }
}

/// The labels are cleaned as those of stats are. The first text of a language that is not empty counts.
impl<'a> FromIterator<(Language, &'a str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (Language, &'a str)>>(texts: I) -> Self {
        let mut labels = Self::default();
        for (language, text) in texts {
            let label = &mut labels.0[language as usize];
            if label.is_empty() {
                *label = clean(text);
            }
        }
        labels
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Language::NAMES.iter().zip(&self.0))
    }
}

/// The texts used as labels of an object, with their votes (one per client-day) and the newest date of use. Ordered by
/// language and text.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Candidates(Vec<Candidate>);

type Candidate = ((Language, String), (u64, NaiveDate));

impl Candidates {
    /// Adds votes for a text.
    ///
    /// Up to twice [`MAX_LABELS`] texts of one language are counted exactly. Beyond that only the best [`MAX_LABELS`]
    /// are kept, which bounds memory for any input.
    pub(crate) fn vote(&mut self, language: Language, text: &str, votes: u64, date: NaiveDate) {
        match self.position(language, text) {
            Ok(position) => {
                let (_, (count, newest)) = &mut self.0[position];
                *count = count.saturating_add(votes);
                *newest = date.max(*newest);
            }
            Err(position) => {
                let candidate = ((language, text.to_owned()), (votes, date));
                self.0.insert(position, candidate);
                self.prune(language);
            }
        }
    }

    /// The position of a text, or its insertion point.
    pub(crate) fn position(&self, language: Language, text: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|((known_language, known), _)| {
            (*known_language, known.as_str()).cmp(&(language, text))
        })
    }

    /// Adds one vote for each text that a client-day uses.
    pub(crate) fn add(&mut self, used: LabelsUsed, date: NaiveDate) {
        for (position, (_, (votes, newest))) in self.0.iter_mut().enumerate() {
            if used.known & LabelsUsed::bit(position) != 0 {
                *votes = votes.saturating_add(1);
                *newest = date.max(*newest);
            }
        }
        for ((language, text), _) in used.new.0 {
            self.vote(language, &text, 1, date);
        }
    }

    /// Adds the votes of other client-days.
    pub(crate) fn merge(&mut self, other: &Self) {
        for ((language, text), (votes, date)) in &other.0 {
            self.vote(*language, text, *votes, *date);
        }
    }

    /// Removes the texts that too few clients use, if the votes are of one day.
    pub(crate) fn withhold(&mut self, disclosure: &Disclosure) {
        self.0
            .retain(|(_, (votes, _))| disclosure.allows_label(*votes));
    }

    /// The text with the most votes in each language. Ties go to the newest text, then to the greater one.
    pub(crate) fn winners(&self) -> Labels {
        Labels(Language::ALL.map(|language| {
            let winner = self.of(language).max_by_key(|candidate| rank(candidate));
            winner.map_or_else(String::new, |((_, text), _)| text.clone())
        }))
    }

    fn of(&self, language: Language) -> impl Iterator<Item = &Candidate> {
        self.0
            .iter()
            .filter(move |((known, _), _)| *known == language)
    }

    fn prune(&mut self, language: Language) {
        if self.of(language).count() <= 2 * MAX_LABELS {
            return;
        }
        let (mut pruned, mut kept): (Vec<_>, Vec<_>) = mem::take(&mut self.0)
            .into_iter()
            .partition(|((known, _), _)| *known == language);
        pruned.sort_by(|a, b| rank(b).cmp(&rank(a)));
        pruned.truncate(MAX_LABELS);
        kept.append(&mut pruned);
        kept.sort();
        self.0 = kept;
    }
}

/// The texts that one client-day uses as labels of an object.
#[derive(Default)]
pub(crate) struct LabelsUsed {
    /// The texts that are already candidates, as a bit for each position. Nearly all texts need no copying and
    /// cleaning.
    known: u64,
    new: Candidates,
}

impl LabelsUsed {
    pub(crate) fn add(
        &mut self,
        candidates: Option<&Candidates>,
        language: Language,
        text: &str,
        date: NaiveDate,
    ) {
        let position = |text| candidates.and_then(|known| known.position(language, text).ok());
        if let Some(position) = position(text) {
            self.known |= Self::bit(position);
            return;
        }
        let text = clean(text);
        if let Some(position) = position(&text) {
            self.known |= Self::bit(position);
        } else if !text.is_empty() {
            self.new.vote(language, &text, 1, date);
        }
    }

    fn bit(position: usize) -> u64 {
        // Positions are below 2 * MAX_LABELS * Language::ALL.len() = 32.
        1_u64.checked_shl(position as u32).unwrap_or(0)
    }
}

fn rank(((_, text), (votes, newest)): &Candidate) -> (u64, NaiveDate, &str) {
    (*votes, *newest, text)
}

/// Removes invisible characters, characters that change the direction of the text, and white space at the ends.
/// Truncates to [`MAX_LABEL_LENGTH`]. Line breaks and tabs become spaces.
pub(crate) fn clean(text: &str) -> String {
    let visible = text
        .replace(|c: char| c.is_whitespace() && is_invisible(c), " ")
        .replace(is_invisible, "");
    let cut: String = visible.trim().chars().take(MAX_LABEL_LENGTH).collect();
    cut.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_removes_invisible_characters() {
        let long = "é".repeat(MAX_LABEL_LENGTH);
        for (text, expected) in [
            ("", ""),
            (" \u{200B}\t\u{A0}", ""),
            ("Écoute (passive) – l'été", "Écoute (passive) – l'été"),
            ("日本\u{3000}語 🛡", "日本\u{3000}語 🛡"),
            ("\u{202E}evil\u{202C}", "evil"),
            ("\u{2066}a\u{2069}\u{200E}\u{200F}\u{61C}b", "ab"),
            (
                "a\u{200B}b\u{200D}c\u{FEFF}d\u{AD}e\u{E0041}f\u{FE0F}",
                "abcdef",
            ),
            ("a\nb\0c\u{2028}d\u{2029}e\u{85}f\n\t", "a bc d e f"),
            (" \u{2060} inner  space \u{2060} ", "inner  space"),
            (&format!("{long}x"), &long),
            (&format!("{} x", &long[2..]), &long[2..]),
        ] {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn labels_are_collected_clean_and_the_first_counts() {
        let long = "é".repeat(MAX_LABEL_LENGTH + 1);
        let labels: Labels = [
            (Language::Dutch, " \u{202E}"),
            (Language::Dutch, "\u{202E}Dreiging "),
            (Language::Dutch, "x"),
            (Language::French, long.as_str()),
        ]
        .into_iter()
        .collect();
        assert_eq!(labels.get(Language::Dutch), "Dreiging");
        assert_eq!(labels.get(Language::French), &long[2..]);
        assert_eq!(labels.get(Language::English), "");
    }

    /// The German labels of client-days, each with the day of the month.
    fn candidates(client_days: &[(u32, &[&str])]) -> Candidates {
        let mut candidates = Candidates::default();
        for (day, texts) in client_days {
            let date = NaiveDate::from_ymd_opt(2026, 11, *day).unwrap();
            let mut used = LabelsUsed::default();
            for text in *texts {
                used.add(Some(&candidates), Language::German, text, date);
            }
            candidates.add(used, date);
        }
        candidates
    }

    #[test]
    fn winners_have_most_votes_then_newest_date_then_greater_text() {
        for (client_days, winner) in [
            (&[][..], ""),
            (&[(1, &["", " ", "\u{200B}"][..])], ""),
            (&[(1, &["a"]), (2, &[""]), (2, &["\u{200B}"])], "a"),
            (&[(1, &["a"]), (2, &["a"]), (3, &["b"])], "a"),
            (&[(1, &["a"]), (2, &["b", "b", "b"]), (2, &["a"])], "a"),
            (&[(1, &["a"]), (3, &["b"]), (2, &["c"])], "b"),
            (&[(1, &["b"]), (3, &["a"]), (2, &["b"]), (1, &["a"])], "a"),
            (&[(1, &["b"]), (1, &["c", "a"])], "c"),
            (&[(1, &["1", "2", "3", "4", "5", "6", "7", "8", "9"])], "9"),
            (
                &[(1, &["a"]), (2, &["b"]), (1, &["\u{202E}a", "a ", "a"])],
                "a",
            ),
        ] {
            let labels = candidates(client_days).winners();
            assert_eq!(labels.get(Language::German), winner, "{client_days:?}");
            assert_eq!(labels.get(Language::French), "");
        }
    }

    #[test]
    fn pruning_keeps_the_candidates_with_most_votes() {
        let texts: Vec<_> = (0..1000).map(|number| format!("{number}")).collect();
        let mut days: Vec<(u32, &[&str])> = vec![(1, &["majority"]), (2, &["majority"])];
        let singles: Vec<_> = texts.iter().map(|text| [text.as_str()]).collect();
        days.extend(singles.iter().map(|text| (3, &text[..])));
        let candidates = candidates(&days);
        assert!(candidates.0.len() <= 2 * MAX_LABELS);
        assert_eq!(candidates.winners().get(Language::German), "majority");

        let mut used = LabelsUsed::default();
        for text in &texts {
            used.add(None, Language::Dutch, text, NaiveDate::MIN);
        }
        assert!(used.new.0.len() <= 2 * MAX_LABELS);
    }
}
