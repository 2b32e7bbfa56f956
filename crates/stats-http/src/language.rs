//! The language of the reader.

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptLanguage, Header, Preference};
use stats_processors::Language;

/// Parses a language tag such as `fr` or `de-LU`.
pub(crate) fn parse_tag(tag: &str) -> Option<Language> {
    let code = tag.split('-').next().unwrap_or_default();
    Language::ALL
        .into_iter()
        .find(|known| known.code().eq_ignore_ascii_case(code))
}

/// Returns the language that the browser prefers, or English.
pub(crate) fn accepted(request: &HttpRequest) -> Language {
    let accepted = AcceptLanguage::parse(request).map(|accepted| accepted.ranked());
    let mut accepted = accepted.into_iter().flatten();
    let accepted = accepted.find_map(|preference| match preference {
        Preference::Specific(tag) => parse_tag(tag.as_str()),
        Preference::Any => Some(Language::English),
    });
    accepted.unwrap_or(Language::English)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

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
}
