use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;

/// The environment variable that makes [`assert_generated`] rewrite pages.
const UPDATE: &str = "UPDATE_DOCS";

/// Asserts that a generated section of a page of the documentation is up to date, or rewrites it if the environment
/// variable `UPDATE_DOCS` is 1. `page` is a path in the repository.
///
/// A section is what stands between the lines `<!-- generated: name -->` and `<!-- end -->`.
#[track_caller]
pub fn assert_generated(page: &str, name: &str, section: &str) {
    // Tests of one page may run at the same time.
    static WRITING: Mutex<()> = Mutex::new(());
    let _guard = WRITING.lock();
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(page);
    let old = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
    let new = replace(&old, name, section).unwrap_or_else(|| {
        panic!("{page} has no lines '<!-- generated: {name} -->' and '<!-- end -->'")
    });
    if std::env::var_os(UPDATE).is_some_and(|value| value == "1") {
        fs::write(&path, &new).unwrap_or_else(|error| panic!("{page}: {error}"));
    } else {
        assert!(
            old == new,
            "{page} is stale: run this test with {UPDATE}=1 in the environment and review the difference"
        );
    }
}

/// Replaces a section of a page, or returns `None` if it has none of this name.
fn replace(page: &str, name: &str, section: &str) -> Option<String> {
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once("<!-- end -->\n")?;
    let section = section.trim_end();
    Some(format!(
        "{before}{begin}\n{section}\n\n<!-- end -->\n{after}"
    ))
}

/// A fenced block of JSON, for a section of a page. Lists and objects that fit in a line are not broken.
pub fn json_block(json: &Value) -> String {
    let mut block = "```json\n".to_owned();
    write_json(json, 0, 0, &mut block);
    block + "\n```\n"
}

/// Maximum length of a line of JSON.
const LINE: usize = 110;

/// Writes a value at an indentation, before which the line has `column` characters more.
fn write_json(json: &Value, indentation: usize, column: usize, out: &mut String) {
    let line = one_line(json);
    let values: Vec<(String, &Value)> = match json {
        _ if indentation + column + line.chars().count() < LINE => Vec::new(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (format!("{}: ", Value::from(name.as_str())), value))
                .collect()
        }
        Value::Array(elements) => elements
            .iter()
            .map(|value| (String::new(), value))
            .collect(),
        _ => Vec::new(),
    };
    if values.is_empty() {
        *out += &line;
        return;
    }
    let (open, close) = if json.is_array() {
        ("[", "]")
    } else {
        ("{", "}")
    };
    *out += open;
    let last = values.len() - 1;
    let inner = indentation + 2;
    for (position, (name, value)) in values.into_iter().enumerate() {
        *out += &format!("\n{:inner$}{name}", "");
        write_json(value, inner, name.chars().count(), out);
        *out += if position == last { "" } else { "," };
    }
    *out += &format!("\n{:indentation$}{close}", "");
}

/// JSON with a space after each comma and colon.
fn one_line(json: &Value) -> String {
    match json {
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<_> = fields
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), one_line(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(one_line).collect();
            format!("[{}]", elements.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_broken_where_a_line_would_be_long() {
        let short = json!({"a": [1, 2.5], "b": "x"});
        assert_eq!(
            json_block(&short),
            "```json\n{\"a\": [1, 2.5], \"b\": \"x\"}\n```\n"
        );
        let long = json!([{"a": "x".repeat(LINE), "b": []}, short]);
        let expected = format!(
            "```json\n[\n  {{\n    \"a\": \"{}\",\n    \"b\": []\n  }},\n  {}\n]\n```\n",
            "x".repeat(LINE),
            one_line(&short)
        );
        assert_eq!(json_block(&long), expected);
    }

    #[test]
    fn the_section_of_a_name_is_replaced() {
        let page = "# A\n<!-- generated: a -->\nold\n<!-- end -->\n\n<!-- generated: b -->\n<!-- end -->\nB\n";
        let new = replace(page, "a", "new\n\n").unwrap();
        assert_eq!(new, page.replace("old\n", "\nnew\n\n"));
        assert_eq!(replace(&new, "a", "new"), Some(new.clone()));
        assert_eq!(
            replace(page, "b", "new"),
            Some(page.replace("b -->\n", "b -->\n\nnew\n\n"))
        );
        assert_eq!(replace(page, "c", "new"), None);
        assert_eq!(replace("<!-- generated: a -->\n", "a", "new"), None);
    }
}
