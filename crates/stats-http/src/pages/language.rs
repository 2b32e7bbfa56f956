//! The language of labels. All other text of the pages is English.

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptLanguage, Header, Preference};
use stats_processors::{Labels, Language};

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

/// Parses a language tag such as `fr` or `de-LU`.
pub(super) fn parse_tag(tag: &str) -> Option<Language> {
    let code = tag.split('-').next().unwrap_or_default();
    Language::ALL
        .into_iter()
        .find(|known| known.code().eq_ignore_ascii_case(code))
}

/// Returns the language that the browser prefers, or English.
pub(super) fn accepted(request: &HttpRequest) -> Language {
    let accepted = AcceptLanguage::parse(request).map(|accepted| accepted.ranked());
    let mut accepted = accepted.into_iter().flatten();
    let accepted = accepted.find_map(|preference| match preference {
        Preference::Specific(tag) => parse_tag(tag.as_str()),
        Preference::Any => Some(Language::English),
    });
    accepted.unwrap_or(Language::English)
}

/// Returns the label in `language`, else in English, else in any language, and the language of that label.
pub(super) fn label(labels: &Labels, language: Language) -> Option<(&str, Language)> {
    let languages = [language, Language::English].into_iter();
    languages
        .chain(Language::ALL)
        .map(|language| (labels.get(language), language))
        .find(|(label, _)| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use chrono::NaiveDate;
    use serde_json::json;
    use stats_processors::{ObjectPartial, Partial};

    use super::*;

    #[test]
    fn the_browser_chooses_the_language() {
        for (header, expected) in [
            ("fr", Language::French),
            ("de-LU,de;q=0.9,en;q=0.5", Language::German),
            ("en;q=0.5, NL;q=0.8", Language::Dutch),
            ("ja, fr;q=0.2", Language::French),
            ("ja, *", Language::English),
            ("", Language::English),
            ("ja", Language::English),
            (";;;", Language::English),
            ("french", Language::English),
            ("*", Language::English),
        ] {
            let request = TestRequest::get().insert_header(("Accept-Language", header));
            assert_eq!(accepted(&request.to_http_request()), expected, "{header}");
        }
        let without_header = TestRequest::get().to_http_request();
        assert_eq!(accepted(&without_header), Language::English);
    }

    fn labels(labels: [&str; 4]) -> Labels {
        let [label1, label2, label3, label4] = labels;
        let stat = json!([{
            "uuid": "b402d4e0-4576-11e9-9173-0800277f0571", "count": 1, "maxRisk": 1, "averageRate": 1,
            "label1": label1, "label2": label2, "label3": label3, "label4": label4,
        }]);
        let mut partial = ObjectPartial::default();
        partial.fold(NaiveDate::MIN, [stat.to_string()]);
        partial.top(1).remove(0).labels
    }

    #[test]
    fn labels_fall_back_to_english_then_to_any_language() {
        let all = ["Menace", "Threat", "Bedrohung", "Dreiging"];
        for (language, text) in Language::ALL.into_iter().zip(all) {
            assert_eq!(label(&labels(all), language), Some((text, language)));
        }
        for (texts, expected) in [
            (
                ["Menace", "Threat", "", ""],
                Some(("Threat", Language::English)),
            ),
            (
                ["", "", "Bedrohung", ""],
                Some(("Bedrohung", Language::German)),
            ),
            ([""; 4], None),
        ] {
            assert_eq!(label(&labels(texts), Language::Dutch), expected);
        }
    }
}
