//! The texts of pages in each language, from the files in `translations`.

use std::sync::LazyLock;

use chrono::{Locale as CalendarLocale, NaiveDate};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use stats_charts::{DateForm, Locale, NumberForm, Value};
use stats_processors::Language;

use crate::function_name::function_name;

/// The texts, and the forms of numbers and dates, of one language.
pub(super) struct Texts {
    pub(super) language: Language,
    bundle: FluentBundle<FluentResource>,
}

/// Returns a text of [`Texts`]: `text!(texts, "id", name = value, …)`.
macro_rules! text {
    ($texts:expr, $id:expr) => {
        $texts.format($id, &fluent_bundle::FluentArgs::new())
    };
    ($texts:expr, $id:expr, $($name:ident = $value:expr),+ $(,)?) => {{
        let mut arguments = fluent_bundle::FluentArgs::new();
        $(arguments.set(stringify!($name), $value);)+
        $texts.format($id, &arguments)
    }};
}

pub(super) use text;

static TEXTS: LazyLock<[Texts; Language::ALL.len()]> =
    LazyLock::new(|| Language::ALL.map(Texts::new));

/// The file of a language.
fn source(language: Language) -> &'static str {
    match language {
        Language::French => include_str!("translations/fr.ftl"),
        Language::German => include_str!("translations/de.ftl"),
        Language::Dutch => include_str!("translations/nl.ftl"),
        _ => include_str!("translations/en.ftl"),
    }
}

impl Texts {
    pub(super) fn of(language: Language) -> &'static Self {
        let [french, english, german, dutch] = &*TEXTS;
        match language {
            Language::French => french,
            Language::German => german,
            Language::Dutch => dutch,
            _ => english,
        }
    }

    /// Reads the file of a language. A test checks that it has no errors.
    fn new(language: Language) -> Self {
        let locales = language.code().parse().into_iter().collect();
        let mut bundle = FluentBundle::new_concurrent(locales);
        // Labels are isolated where they are written.
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(match language {
            Language::French => |value, _| whole_number(value, Language::French),
            Language::German => |value, _| whole_number(value, Language::German),
            Language::Dutch => |value, _| whole_number(value, Language::Dutch),
            _ => |value, _| whole_number(value, Language::English),
        }));
        let resource = FluentResource::try_new(source(language).to_owned());
        let (Ok(resource) | Err((resource, _))) = resource;
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// Returns the text `id`, or `id` itself if there is none. Use the macro `text!`.
    pub(super) fn format(&self, id: &str, arguments: &FluentArgs<'_>) -> String {
        let message = self.bundle.get_message(id);
        let Some(pattern) = message.and_then(|message| message.value()) else {
            log::error!(function = function_name!(); "There is no text '{id}' in {}", self.language.code());
            return id.to_owned();
        };
        let mut errors = Vec::new();
        let text = self
            .bundle
            .format_pattern(pattern, Some(arguments), &mut errors);
        for error in errors {
            log::error!(function = function_name!(); "Text '{id}' in {}: {error}", self.language.code());
        }
        text.into_owned()
    }

    /// Writes a number with `decimals` decimals.
    pub(super) fn decimal(&self, number: f64, decimals: u8) -> String {
        let decimals = usize::from(decimals);
        decimal(&format!("{number:.decimals$}"), self.language)
    }
}

/// Formats whole numbers in texts. Other numbers are formatted before.
fn whole_number(value: &FluentValue<'_>, language: Language) -> Option<String> {
    match value {
        FluentValue::Number(number) => Some(decimal(&format!("{:.0}", number.value), language)),
        _ => None,
    }
}

/// Groups the digits of a number, such as `1234.5`, and writes its decimal separator.
fn decimal(number: &str, language: Language) -> String {
    let (group, point) = match language {
        Language::French => ('\u{202f}', ','),
        Language::German | Language::Dutch => ('.', ','),
        _ => (',', '.'),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut text = String::with_capacity(number.len() + whole.len() / 3);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(point);
        text.push_str(fraction);
    }
    text
}

impl Locale for Texts {
    fn number(&self, value: Value, form: NumberForm) -> String {
        match form {
            NumberForm::Decimals(decimals) => self.decimal(value.get(), decimals),
            NumberForm::Percent => {
                let number = self.decimal(value.get() * 100.0, 0);
                match self.language {
                    Language::French => format!("{number}\u{202f}%"),
                    Language::German => format!("{number}\u{a0}%"),
                    _ => format!("{number}%"),
                }
            }
        }
    }

    fn date(&self, date: NaiveDate, form: DateForm) -> String {
        let (locale, [full, day]) = match self.language {
            Language::French => (CalendarLocale::fr_FR, ["%-d %B %Y", "%-d %b"]),
            Language::German => (CalendarLocale::de_DE, ["%-d. %B %Y", "%-d. %b"]),
            Language::Dutch => (CalendarLocale::nl_NL, ["%-d %B %Y", "%-d %b"]),
            _ => (CalendarLocale::en_GB, ["%-d %B %Y", "%-d %b"]),
        };
        let format = match form {
            DateForm::Full => full,
            DateForm::Day => day,
            DateForm::Month => "%b",
            DateForm::MonthOfYear => "%b %Y",
            DateForm::Year => "%Y",
        };
        let text = date.format_localized(format, locale).to_string();
        match (self.language, text.strip_prefix("1 ")) {
            (Language::French, Some(month)) => format!("1er {month}"),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
    use fluent_syntax::parser::parse;

    use super::*;

    /// What the patterns of a text contain.
    #[derive(Default)]
    struct Content {
        variables: BTreeSet<&'static str>,
        words: String,
    }

    impl Content {
        fn add(&mut self, pattern: &Pattern<&'static str>) {
            for element in &pattern.elements {
                match element {
                    PatternElement::TextElement { value } => self.words.push_str(value),
                    PatternElement::Placeable { expression } => self.add_expression(expression),
                }
            }
        }

        fn add_expression(&mut self, expression: &Expression<&'static str>) {
            match expression {
                Expression::Inline(inline) => self.add_inline(inline),
                Expression::Select { selector, variants } => {
                    self.add_inline(selector);
                    for variant in variants {
                        self.add(&variant.value);
                    }
                }
            }
        }

        fn add_inline(&mut self, inline: &InlineExpression<&'static str>) {
            match inline {
                InlineExpression::VariableReference { id } => {
                    self.variables.insert(id.name);
                }
                InlineExpression::Placeable { expression } => self.add_expression(expression),
                other => panic!("texts use variables and selectors only: {other:?}"),
            }
        }
    }

    fn contents(language: Language) -> BTreeMap<&'static str, Content> {
        let resource = parse(source(language));
        let resource = resource.unwrap_or_else(|(_, errors)| panic!("{language:?}: {errors:?}"));
        let messages = resource.body.into_iter().filter_map(|entry| match entry {
            Entry::Message(message) => {
                let mut content = Content::default();
                content.add(&message.value.expect("a text"));
                Some((message.id.name, content))
            }
            _ => None,
        });
        messages.collect()
    }

    #[test]
    fn every_text_is_translated_with_the_same_variables() {
        let english = contents(Language::English);
        for language in Language::ALL {
            let translated = contents(language);
            assert!(translated.keys().eq(english.keys()), "{language:?}");
            for (id, content) in &translated {
                let original = &english[id];
                assert_eq!(content.variables, original.variables, "{language:?}: {id}");
                let words = original.words.split_whitespace();
                let is_word = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() > 1;
                let is_sentence = words.filter(is_word).count() > 1;
                if language != Language::English && is_sentence {
                    assert_ne!(content.words, original.words, "{language:?}: {id}");
                }
            }
        }
    }

    fn sources(folder: &Path) -> String {
        let mut sources = String::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources += &self::sources(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &fs::read_to_string(path).unwrap();
            }
        }
        sources
    }

    #[test]
    fn the_texts_are_those_that_pages_use() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages");
        let sources = sources(&pages);
        let texts = contents(Language::English);
        let used = sources.split("text!(").skip(1);
        let used = used.filter_map(|rest| rest.split('"').nth(1));
        // The definition of the macro and this test have other literals.
        let is_id = |id: &&str| {
            id.len() > 2
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        };
        for id in used.filter(is_id) {
            assert!(texts.contains_key(id), "{id}");
        }
        for id in texts.keys() {
            assert!(sources.contains(&format!("\"{id}\"")), "{id} is not used");
        }
    }

    #[test]
    fn numbers_and_dates_have_the_form_of_the_language() {
        let date = NaiveDate::from_ymd_opt(2026, 3, 5).unwrap();
        for (language, number, percent, full, day) in [
            (
                Language::English,
                "1,234,567.8",
                "62%",
                "5 March 2026",
                "5 Mar",
            ),
            (
                Language::French,
                "1\u{202f}234\u{202f}567,8",
                "62\u{202f}%",
                "5 mars 2026",
                "5 mars",
            ),
            (
                Language::German,
                "1.234.567,8",
                "62\u{a0}%",
                "5. März 2026",
                "5. Mär",
            ),
            (
                Language::Dutch,
                "1.234.567,8",
                "62%",
                "5 maart 2026",
                "5 mrt",
            ),
        ] {
            let texts = Texts::of(language);
            let value = |value: f64| Value::new(value).unwrap();
            assert_eq!(
                texts.number(value(1_234_567.84), NumberForm::Decimals(1)),
                number
            );
            assert_eq!(texts.number(value(0.621), NumberForm::Percent), percent);
            assert_eq!(texts.number(value(999.0), NumberForm::Decimals(0)), "999");
            assert_eq!(texts.date(date, DateForm::Full), full);
            assert_eq!(texts.date(date, DateForm::Day), day);
        }
    }

    #[test]
    fn the_first_of_a_month_is_an_ordinal_in_french() {
        let french = Texts::of(Language::French);
        let date = |day: u32| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        assert_eq!(french.date(date(1), DateForm::Full), "1er novembre 2026");
        assert_eq!(french.date(date(11), DateForm::Full), "11 novembre 2026");
    }

    #[test]
    fn a_number_chooses_the_plural() {
        let texts = Texts::of(Language::English);
        for (analyses, clients, expected) in [
            (1, 1, "one analysis of one client"),
            (1200, 0, "1,200 analyses of 0 clients"),
        ] {
            assert_eq!(
                text!(texts, "reports-of", analyses = analyses, clients = clients),
                expected
            );
        }
    }
}
