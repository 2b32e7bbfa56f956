use std::fmt;

use thiserror::Error;

use super::{Fields, Mask};

/// Maximum length of a mask, in bytes.
const MAX_LENGTH: usize = 4096;
/// Maximum depth of nested braces.
const MAX_DEPTH: usize = 32;

impl Mask {
    /// Parses `{a,b{c,d}}`: names separated by commas, each optionally followed by its own fields in braces.
    ///
    /// The outer braces are optional, and a list may end with a comma. `*` stands for all fields that are not named
    /// beside it. A name is any text between delimiters, trimmed; the last of duplicate names counts. The empty mask
    /// keeps everything.
    pub(crate) fn parse(text: &str) -> Result<Self, MaskError> {
        if text.len() > MAX_LENGTH {
            return Err(MaskError::TooLong);
        }
        if text.trim().is_empty() {
            return Ok(Self::All);
        }
        let mut parser = Parser::default();
        let mut at = Position(0);
        for part in text.split_inclusive(['{', '}', ',']) {
            at.0 += part.chars().count();
            let name = part.trim_end_matches(['{', '}', ',']);
            let delimiter = part.get(name.len()..).unwrap_or_default();
            parser.read(name.trim(), delimiter, at)?;
        }
        parser.finish()
    }
}

/// Why a mask is malformed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum MaskError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is longer than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("the braces are nested deeper than {MAX_DEPTH} levels at {0}")]
    TooDeep(Position),
    #[error("there is no field before the comma at {0}")]
    Comma(Position),
    #[error("there is no field before the opening brace at {0}")]
    Opening(Position),
    #[error("the closing brace at {0} has no opening brace")]
    Closing(Position),
    #[error("the opening brace at {0} is not closed")]
    Unclosed(Position),
    #[error("a comma is missing after the closing brace at {0}")]
    NoComma(Position),
    #[error("nothing may follow the closing brace at {0}, where the mask ends")]
    Trailing(Position),
}

/// A position in a mask, counted in characters from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position(usize);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}", self.0)
    }
}

/// Reads a mask from delimiter to delimiter. Open braces are kept on a stack: the parser does not recurse.
#[derive(Default)]
struct Parser {
    /// The fields of the innermost braces.
    fields: Fields,
    outer: Vec<Open>,
    before: Before,
}

/// An opening brace that is not closed yet.
struct Open {
    at: Position,
    /// The field before the brace; `None` for the outer braces.
    name: Option<String>,
    /// The fields before the brace.
    fields: Fields,
}

/// The delimiter before the current position.
#[derive(Clone, Copy, PartialEq, Default)]
enum Before {
    #[default]
    Nothing,
    OpeningOrComma,
    Closing(Position),
    /// The closing one of the outer braces.
    End(Position),
}

impl Parser {
    /// Reads a name and the delimiter after it. Either may be empty.
    fn read(&mut self, name: &str, delimiter: &str, at: Position) -> Result<(), MaskError> {
        match self.before {
            Before::End(last) if !(name.is_empty() && delimiter.is_empty()) => {
                return Err(MaskError::Trailing(last));
            }
            Before::Closing(last) if !name.is_empty() || delimiter == "{" => {
                return Err(MaskError::NoComma(last));
            }
            _ => {}
        }
        match delimiter {
            "{" => self.open(name, at),
            "}" => self.close(name, at),
            "," => self.separate(name, at),
            _ => {
                self.set(name);
                Ok(())
            }
        }
    }

    fn open(&mut self, name: &str, at: Position) -> Result<(), MaskError> {
        let is_outermost = name.is_empty() && self.before == Before::Nothing;
        if name.is_empty() && !is_outermost {
            return Err(MaskError::Opening(at));
        }
        if self.outer.len() >= MAX_DEPTH {
            return Err(MaskError::TooDeep(at));
        }
        self.outer.push(Open {
            at,
            name: (!is_outermost).then(|| name.to_owned()),
            fields: std::mem::take(&mut self.fields),
        });
        self.before = Before::OpeningOrComma;
        Ok(())
    }

    fn close(&mut self, name: &str, at: Position) -> Result<(), MaskError> {
        let Open {
            name: owner,
            fields,
            ..
        } = self.outer.pop().ok_or(MaskError::Closing(at))?;
        self.set(name);
        self.before = match owner {
            None => Before::End(at),
            Some(owner) => {
                let inner = std::mem::replace(&mut self.fields, fields);
                self.fields.set(&owner, inner.into_mask());
                Before::Closing(at)
            }
        };
        Ok(())
    }

    fn separate(&mut self, name: &str, at: Position) -> Result<(), MaskError> {
        if name.is_empty() && !matches!(self.before, Before::Closing(_)) {
            return Err(MaskError::Comma(at));
        }
        self.set(name);
        self.before = Before::OpeningOrComma;
        Ok(())
    }

    fn set(&mut self, name: &str) {
        if !name.is_empty() {
            self.fields.set(name, Mask::All);
        }
    }

    fn finish(mut self) -> Result<Mask, MaskError> {
        match self.outer.pop() {
            Some(open) => Err(MaskError::Unclosed(open.at)),
            None => Ok(self.fields.into_mask()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::REST;
    use super::*;

    #[test]
    fn errors_name_the_position() {
        let at = Position;
        for (text, error) in [
            ("{", MaskError::Unclosed(at(1))),
            ("{data{uuid", MaskError::Unclosed(at(6))),
            ("{data{uuid}", MaskError::Unclosed(at(1))),
            ("data}", MaskError::Closing(at(5))),
            ("}", MaskError::Closing(at(1))),
            ("data{uuid,,}}", MaskError::Comma(at(11))),
            (",a", MaskError::Comma(at(1))),
            ("{,}", MaskError::Comma(at(2))),
            ("é,日{x, ,", MaskError::Comma(at(8))),
            ("{{a}}", MaskError::Opening(at(2))),
            ("a,{b}", MaskError::Opening(at(3))),
            ("a{b}c", MaskError::NoComma(at(4))),
            ("a{b}{c}", MaskError::NoComma(at(4))),
            ("a{b}c}", MaskError::NoComma(at(4))),
            ("{a}b", MaskError::Trailing(at(3))),
            ("{a},", MaskError::Trailing(at(3))),
            ("{a},b{c}", MaskError::Trailing(at(3))),
            ("{a}}", MaskError::Trailing(at(3))),
        ] {
            assert_eq!(Mask::parse(text), Err(error), "{text}");
        }
        assert_eq!(
            MaskError::Comma(at(11)).to_string(),
            "there is no field before the comma at character 11"
        );
    }

    #[test]
    fn length_and_depth_are_limited() {
        let long = "a".repeat(MAX_LENGTH);
        assert!(Mask::parse(&long).is_ok());
        assert_eq!(Mask::parse(&(long + "a")), Err(MaskError::TooLong));
        let deep = |depth| "a{".repeat(depth) + &"}".repeat(depth);
        assert!(Mask::parse(&deep(MAX_DEPTH)).is_ok());
        let too_deep = MaskError::TooDeep(Position(2 * (MAX_DEPTH + 1)));
        assert_eq!(Mask::parse(&deep(MAX_DEPTH + 1)), Err(too_deep));
    }

    fn masks() -> impl Strategy<Value = Mask> {
        Just(Mask::All).prop_recursive(4, 24, 4, |inner| {
            let named = proptest::collection::btree_map("[a-dé\\\\\"]{1,2}", inner.clone(), 0..4);
            let rest = proptest::option::of(inner.prop_map(Box::new));
            (named, rest).prop_map(|(named, rest)| Fields { named, rest }.into_mask())
        })
    }

    fn write(mask: &Mask) -> String {
        let Mask::Fields(Fields { named, rest }) = mask else {
            return "*".to_owned();
        };
        let field = |(name, mask): (&str, &Mask)| match mask {
            Mask::All => name.to_owned(),
            fields => format!("{name} {}", write(fields)),
        };
        let rest = rest.as_deref().map(|mask| (REST, mask));
        let fields = named.iter().map(|(name, mask)| (name.as_str(), mask));
        format!(
            "{{{}}}",
            fields.chain(rest).map(field).collect::<Vec<_>>().join(" ,")
        )
    }

    proptest! {
        #[test]
        fn parse_reverses_write(mask in masks()) {
            prop_assert_eq!(Mask::parse(&write(&mask)), Ok(mask));
        }

        #[test]
        fn parse_never_panics(text in "[a*{}, é]{0,20}") {
            let _ = Mask::parse(&text);
        }
    }
}
