//! Text of users, which is escaped and isolated from the text around it.

use maud::{Markup, html};

/// A text in any language and direction, such as the name of a threat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The text.
    pub text: String,
    /// Its language as an attribute `lang` names it, if it is not that of the page.
    pub language: Option<&'static str>,
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            language: None,
        }
    }
}

impl From<String> for Label {
    fn from(text: String) -> Self {
        Self {
            text,
            language: None,
        }
    }
}

impl Label {
    /// Returns HTML that does not change the direction of the text around it.
    pub(crate) fn html(&self) -> Markup {
        html! { bdi lang=[self.language] { (self.text) } }
    }
}

/// What is said about a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// What the chart shows, in a few words.
    pub title: String,
    /// A sentence or two: what can be seen, the period, how many analyses.
    pub description: String,
    /// Where the data is from. Only images show it, because pages have a place of their own for it.
    pub source: String,
    /// What is written in the place of a chart without data.
    pub empty: String,
}

impl Caption {
    /// Returns the content of an element `caption` or `figcaption`.
    pub(crate) fn lines(&self) -> Markup {
        html! {
            h2.ch-title { (self.title) }
            @if !self.description.is_empty() { span.ch-description { (self.description) } }
        }
    }

    pub(crate) fn figcaption(&self) -> Markup {
        html! { figcaption { (self.lines()) } }
    }

    /// Returns what is said in the place of a chart without data.
    pub(crate) fn empty_html(&self) -> Markup {
        html! { p.ch-empty { (self.empty) } }
    }
}

/// Returns the width of a text in Noto Sans, in units of the font size. It is an estimate, mostly too large by some percent.
pub(crate) fn width(text: &str) -> f64 {
    text.chars().map(char_width).sum()
}

fn char_width(char: char) -> f64 {
    match char {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | '\u{a0}'
        | '\u{202f}' => 0.3,
        'f' | 't' | 'r' | '(' | ')' | '-' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | 'æ' | 'œ' | '—' => 0.95,
        'A'..='Z' | 'À'..='Þ' => 0.7,
        '\u{300}'..='\u{36f}' => 0.0,
        '\0'..='\u{10ff}' | '\u{1e00}'..='\u{2bff}' => 0.6,
        // Scripts with wide letters, and emoji.
        _ => 1.05,
    }
}

/// Whether a line may end in the place of the character.
fn breaks(char: char) -> bool {
    char.is_whitespace() && !matches!(char, '\u{a0}' | '\u{202f}')
}

/// Breaks a text into lines of at most `max` units of the font size: between words, and within words that are longer than
/// a line.
pub(crate) fn wrap(text: &str, max: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(breaks).filter(|word| !word.is_empty()) {
        if !line.is_empty() && width(&line) + width(" ") + width(word) > max {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for char in word.chars() {
            if !line.is_empty() && width(&line) + char_width(char) > max {
                lines.push(std::mem::take(&mut line));
            }
            line.push(char);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let text = "Unauthorised access to the premises";
        assert_eq!(wrap(text, 12.0), ["Unauthorised access to", "the premises"]);
        let french = "Menaces\u{a0}: 1\u{202f}234 analyses";
        assert_eq!(
            wrap(french, 6.0),
            ["Menaces\u{a0}:", "1\u{202f}234", "analyses"]
        );
        assert_eq!(wrap("", 12.0), [""; 0]);
        assert_eq!(wrap(" \n ", 12.0), [""; 0]);
    }

    #[test]
    fn lines_break_within_words_that_are_too_long() {
        let word = "x".repeat(100);
        let lines = wrap(&format!("a {word} b"), 12.0);
        assert!(lines.iter().all(|line| width(line) <= 12.0), "{lines:?}");
        assert_eq!(lines.concat().matches('x').count(), 100);
        // Even a line that is too short for one letter ends.
        assert_eq!(wrap("mmm", 0.1), ["m", "m", "m"]);
    }

    #[test]
    fn labels_are_escaped_and_isolated() {
        let label = Label {
            text: "<b>\"بريد & x".to_owned(),
            language: Some("ar"),
        };
        assert_eq!(
            label.html().into_string(),
            "<bdi lang=\"ar\">&lt;b&gt;&quot;بريد &amp; x</bdi>"
        );
    }
}
