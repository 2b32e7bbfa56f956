use std::fmt;
use std::str::FromStr;

use rand::RngExt;
use serde::{Serialize, Serializer};

use crate::InvalidValue;

/// The secret by which a client is known, sent in the header `X-API-KEY`.
///
/// `Debug` shows nothing of it and there is no `Display`; [`Token::reveal`] stands out where it is meant to be seen.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// The longest token, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// A new token from the operating system's random numbers: 86 characters (516 bits) that need no escaping in
    /// headers, URLs or shells.
    pub fn generate() -> Self {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut rng = rand::rng();
        Self(
            (0..86)
                .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
                .collect(),
        )
    }

    /// A token as it stands in the storage, where an older service may have left anything.
    pub fn from_storage(text: Option<String>) -> Self {
        Self(text.unwrap_or_default())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Reads a token that can travel in a header: 1 to 100 visible ASCII characters.
impl FromStr for Token {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::message(
                "a token has 1 to 100 visible ASCII characters, without spaces",
            ))
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_tokens_differ_and_are_valid() {
        let (a, b) = (Token::generate(), Token::generate());
        assert_ne!(a, b);
        assert_eq!(a.reveal().len(), 86);
        assert_eq!(a.reveal().parse::<Token>().unwrap(), a);
    }

    #[test]
    fn what_a_header_cannot_carry_is_refused_and_not_quoted() {
        for bad in ["", "two words", "né", "nul\0", "line\n", &"x".repeat(101)] {
            let error = bad.parse::<Token>().unwrap_err().to_string();
            assert!(error.starts_with("a token has"), "{error}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(
            format!("{:?}", "sesame".parse::<Token>().unwrap()),
            "Token(…)"
        );
    }
}
