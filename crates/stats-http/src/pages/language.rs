//! The names of languages.

use stats_processors::Language;

/// Returns the name of a language in that language.
pub(super) fn name(language: Language) -> &'static str {
    match language {
        Language::French => "Français",
        Language::English => "English",
        Language::German => "Deutsch",
        Language::Dutch => "Nederlands",
        other => other.code(),
    }
}
