use actix_web::HttpRequest;
use actix_web::http::header::{AcceptLanguage, Header, Preference};

/// A language that labels come in. The text of the pages is English so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    French,
    English,
    German,
    Dutch,
}

impl Language {
    /// All of them, in the order of `label1` to `label4`.
    pub(super) const ALL: [Self; 4] = [Self::French, Self::English, Self::German, Self::Dutch];

    /// The code of ISO 639-1.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
            Self::German => "de",
            Self::Dutch => "nl",
        }
    }

    /// What those who speak it call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::French => "Français",
            Self::English => "English",
            Self::German => "Deutsch",
            Self::Dutch => "Nederlands",
        }
    }

    /// The language of a tag such as `fr` or `de-LU`.
    fn of_tag(tag: &str) -> Option<Self> {
        let code = tag.split('-').next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|known| known.code().eq_ignore_ascii_case(code))
    }

    /// The language that `lang` in the query string chooses. One that is not spoken here chooses nothing.
    pub(super) fn chosen(value: &str) -> Option<Self> {
        Self::of_tag(value)
    }

    /// The one that the browser likes best, English if it likes none of them.
    pub(super) fn accepted(request: &HttpRequest) -> Self {
        let accepted = AcceptLanguage::parse(request).map(|accepted| accepted.ranked());
        let mut accepted = accepted.into_iter().flatten();
        accepted
            .find_map(|preference| match preference {
                Preference::Specific(tag) => Self::of_tag(tag.as_str()),
                Preference::Any => Some(Self::English),
            })
            .unwrap_or(Self::English)
    }

    /// The label in this language, or else in English, or else in any, and the language that it is in.
    pub(super) fn label<'a>(self, labels: &[&'a str; 4]) -> Option<(&'a str, Self)> {
        let in_language = |language: Self| {
            let position = Self::ALL.iter().position(|known| *known == language)?;
            Some((*labels.get(position)?, language)).filter(|(label, _)| !label.is_empty())
        };
        in_language(self)
            .or_else(|| in_language(Self::English))
            .or_else(|| Self::ALL.into_iter().find_map(in_language))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_browser_says_what_it_likes() {
        let accepted = |header: &str| {
            let request = TestRequest::get().insert_header(("Accept-Language", header));
            Language::accepted(&request.to_http_request())
        };
        assert_eq!(accepted("fr"), Language::French);
        assert_eq!(accepted("de-LU,de;q=0.9,en;q=0.5"), Language::German);
        assert_eq!(accepted("en;q=0.5, NL;q=0.8"), Language::Dutch);
        assert_eq!(accepted("ja, fr;q=0.2"), Language::French);
        assert_eq!(accepted("ja, *"), Language::English);
        for none in ["", "ja", ";;;", "french", "*"] {
            assert_eq!(accepted(none), Language::English, "{none}");
        }
        let silent = TestRequest::get().to_http_request();
        assert_eq!(Language::accepted(&silent), Language::English);
    }

    #[test]
    fn a_label_is_in_the_nearest_language() {
        let all = ["Menace", "Threat", "Bedrohung", "Dreiging"];
        for (language, label) in Language::ALL.into_iter().zip(all) {
            assert_eq!(language.label(&all), Some((label, language)));
        }
        assert_eq!(
            Language::Dutch.label(&["Menace", "Threat", "", ""]),
            Some(("Threat", Language::English))
        );
        assert_eq!(
            Language::Dutch.label(&["", "", "Bedrohung", ""]),
            Some(("Bedrohung", Language::German))
        );
        assert_eq!(Language::French.label(&[""; 4]), None);
    }
}
