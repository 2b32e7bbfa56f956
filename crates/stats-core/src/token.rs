use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::InvalidValue;

/// The secret of a client, sent in the header `X-API-KEY`.
///
/// `Debug` hides it and there is no `Display`. [`Token::reveal`] returns the text. It never has the form in which the
/// hash of a token is stored, so that nobody can authenticate with a hash from a stolen backup.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// The maximum length of a token, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// Shorter tokens are accepted, but may be guessed.
    pub const RECOMMENDED_LENGTH: usize = 32;

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

    /// The text of the token.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it has fewer than [`Token::RECOMMENDED_LENGTH`] characters.
    pub fn is_short(&self) -> bool {
        self.0.len() < Self::RECOMMENDED_LENGTH
    }
}

/// Accepts up to [`Token::MAX_LENGTH`] visible ASCII characters, because the token is sent in a header.
impl FromStr for Token {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidValue::message(format!(
                "a token has 1 to {} visible ASCII characters, without spaces",
                Self::MAX_LENGTH
            )));
        }
        if text.starts_with(TokenHash::PREFIX) {
            return Err(InvalidValue::message(format!(
                "a token does not begin with '{}', which marks the hash of a token",
                TokenHash::PREFIX
            )));
        }
        Ok(Self(text.to_owned()))
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

/// The SHA-256 hash of a token. `Display` writes the form in which it is stored: `sha256:` and 64 hexadecimal digits.
///
/// It has no salt: a generated token cannot be found by trying, and the hash of a token has to be found in an index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// What the stored form begins with.
    pub const PREFIX: &str = "sha256:";

    /// The hash of a token.
    pub fn of(token: &Token) -> Self {
        Self(Sha256::digest(token.reveal()).into())
    }

    /// The first digits, to tell tokens apart: `sha256:1a2b3c4d…`.
    pub fn fingerprint(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        format!("{}{a:02x}{b:02x}{c:02x}{d:02x}…", Self::PREFIX)
    }

    /// Parses the stored form.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(Self::PREFIX)?.as_bytes();
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, []) = digits.as_chunks::<2>() else {
            return None;
        };
        let bytes = pairs
            .iter()
            .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?));
        let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({})", self.fingerprint())
    }
}

/// The token of a client as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredToken {
    /// The token itself, of which the Python service may have stored any text.
    Plain(Token),
    /// Only its hash.
    Hashed(TokenHash),
}

impl StoredToken {
    /// Reads a token from the database. An empty text is none.
    pub fn from_storage(text: String) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let hash = TokenHash::parse(&text).map(Self::Hashed);
        Some(hash.unwrap_or(Self::Plain(Token(text))))
    }

    /// The text for the database.
    pub fn to_storage(&self) -> String {
        match self {
            Self::Plain(token) => token.reveal().to_owned(),
            Self::Hashed(hash) => hash.to_string(),
        }
    }

    /// The hash of the token.
    pub fn hash(&self) -> TokenHash {
        match self {
            Self::Plain(token) => TokenHash::of(token),
            Self::Hashed(hash) => *hash,
        }
    }
}

/// How the tokens of clients are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenStorage {
    /// As they are. The Python service needs them so.
    #[default]
    Plain,
    /// As hashes, so that a copy of the database does not reveal them.
    Hashed,
}

impl TokenStorage {
    /// The name in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Hashed => "hashed",
        }
    }

    /// The stored form of a token. A hash stays one.
    pub fn store(self, token: StoredToken) -> StoredToken {
        match self {
            Self::Plain => token,
            Self::Hashed => StoredToken::Hashed(token.hash()),
        }
    }
}

impl FromStr for TokenStorage {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let mut known = [Self::Plain, Self::Hashed].into_iter();
        let found = known.find(|known| known.as_str() == text);
        found.ok_or_else(|| InvalidValue::new(text, "plain or hashed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of `sesame`, from `printf sesame | sha256sum`.
    const SESAME: &str = "sha256:d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272";

    fn stored(text: &str) -> Option<StoredToken> {
        StoredToken::from_storage(text.to_owned())
    }

    #[test]
    fn generated_tokens_differ_and_are_valid() {
        let (a, b) = (Token::generate(), Token::generate());
        assert_ne!(a, b);
        assert_eq!(a.reveal().len(), 86);
        assert_eq!(a.reveal().parse::<Token>().unwrap(), a);
        assert!(!a.is_short());
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
    fn a_token_does_not_look_like_a_hash() {
        for bad in [SESAME, "sha256:", "sha256:x"] {
            let error = bad.parse::<Token>().unwrap_err().to_string();
            assert!(error.contains("does not begin with 'sha256:'"), "{error}");
        }
        for good in ["sha256", "SHA256:x", "xsha256:x"] {
            good.parse::<Token>().unwrap();
        }
    }

    #[test]
    fn debug_hides_the_token() {
        let token: Token = "sesame".parse().unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
        let hash = TokenHash::of(&token);
        assert_eq!(format!("{hash:?}"), "TokenHash(sha256:d0c04f4b…)");
    }

    #[test]
    fn a_token_under_32_characters_is_short() {
        for (length, is_short) in [(1, true), (31, true), (32, false), (100, false)] {
            let token: Token = "x".repeat(length).parse().unwrap();
            assert_eq!(token.is_short(), is_short, "{length}");
        }
    }

    #[test]
    fn stored_tokens_are_plain_or_a_hash() {
        let token: Token = "sesame".parse().unwrap();
        assert_eq!(TokenHash::of(&token).to_string(), SESAME);
        assert_eq!(TokenHash::of(&token).fingerprint(), "sha256:d0c04f4b…");
        let hashed = StoredToken::Hashed(TokenHash::of(&token));
        assert_eq!(stored(SESAME), Some(hashed.clone()));
        assert_eq!(hashed.to_storage(), SESAME);
        assert_eq!(stored(""), None);
        for plain in [
            "sesame",
            "two\nlines",
            "sha256:",
            &SESAME[..70],
            &SESAME.to_uppercase(),
            &SESAME.replace("d0c0", "D0C0"),
            &format!("{SESAME}00"),
        ] {
            let stored = stored(plain).unwrap();
            assert!(matches!(stored, StoredToken::Plain(_)), "{plain}");
            assert_eq!(stored.to_storage(), plain);
        }
    }

    #[test]
    fn token_storage_hashes_what_is_plain() {
        let plain = stored("sesame").unwrap();
        let hashed = stored(SESAME).unwrap();
        assert_eq!(TokenStorage::Plain.store(plain.clone()), plain);
        assert_eq!(TokenStorage::Plain.store(hashed.clone()), hashed);
        assert_eq!(TokenStorage::Hashed.store(plain), hashed);
        assert_eq!(TokenStorage::Hashed.store(hashed.clone()), hashed);
        for storage in [TokenStorage::Plain, TokenStorage::Hashed] {
            assert_eq!(storage.as_str().parse(), Ok(storage));
        }
        let error = "Hashed".parse::<TokenStorage>().unwrap_err();
        assert_eq!(error.to_string(), "'Hashed' is not plain or hashed");
    }
}
