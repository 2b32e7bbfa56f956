use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::InvalidValue;

/// The secret of a client, sent in the header `X-API-KEY`.
///
/// `Debug` hides it and there is no `Display`. [`Token::reveal`] returns the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// The maximum length of a token, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// Generates a token with the operating system's random number generator: 86 characters, 516 bits of entropy. The
    /// characters need no escaping in headers, URLs and shells.
    ///
    /// # Panics
    ///
    /// If the operating system provides no random numbers, like [`uuid::Uuid::new_v4`].
    pub fn generate() -> Self {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut random = [0_u8; 86];
        #[expect(
            clippy::expect_used,
            reason = "no fallback exists, and every new id needs random numbers too"
        )]
        getrandom::fill(&mut random).expect("the operating system has random numbers");
        let letter = |byte| char::from(ALPHABET[usize::from(byte % 64)]);
        Self(random.map(letter).iter().collect())
    }

    /// Wraps stored text without validation: the Python service stores any text or none.
    pub fn from_storage(text: Option<String>) -> Self {
        Self(text.unwrap_or_default())
    }

    /// The text of the token.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Accepts up to [`Token::MAX_LENGTH`] visible ASCII characters, because the token is sent in a header.
impl FromStr for Token {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::message(format!(
                "a token has 1 to {} visible ASCII characters, without spaces",
                Self::MAX_LENGTH
            )))
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
    fn from_str_rejects_other_characters_without_quoting() {
        let long = "x".repeat(Token::MAX_LENGTH + 1);
        for bad in ["", "two words", "né", "nul\0", "line\n", &long] {
            let error = bad.parse::<Token>().unwrap_err().to_string();
            assert_eq!(
                error,
                "a token has 1 to 100 visible ASCII characters, without spaces"
            );
        }
    }

    #[test]
    fn debug_hides_the_token() {
        let token: Token = "sesame".parse().unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
