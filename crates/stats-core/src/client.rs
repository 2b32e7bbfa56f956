use std::fmt;
use std::str::FromStr;

use chrono::NaiveDateTime;

use crate::{ClientId, ClientUuid, InvalidValue, StoredToken, Token, is_invisible};

/// The permissions of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sends stats, and reads its own.
    User,
    /// Reads the stats of all clients, and creates clients.
    Admin,
}

impl Role {
    /// The number of the role in the database and on the wire.
    pub fn number(self) -> i32 {
        match self {
            Self::User => 1,
            Self::Admin => 2,
        }
    }

    /// The role with this number. An unknown number and `None` mean a user, the role with the fewest permissions.
    pub fn from_number(number: Option<i32>) -> Self {
        if number == Some(Self::Admin.number()) {
            Self::Admin
        } else {
            Self::User
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "user",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "user" => Ok(Self::User),
            "admin" => Ok(Self::Admin),
            _ => Err(InvalidValue::new(text, "a role (user or admin)")),
        }
    }
}

/// The name of a client: at most [`ClientName::MAX_LENGTH`] characters, not empty, no control characters, no white
/// space at either end. Parsing removes other invisible characters, see [`is_invisible`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// The maximum length of a name, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let is_valid = |text: &str| {
            let fits = (1..=Self::MAX_LENGTH).contains(&text.chars().count());
            fits && text.trim() == text && !text.chars().any(char::is_control)
        };
        // Two names that look the same would be the same.
        let visible = text.replace(|c: char| !c.is_control() && is_invisible(c), "");
        if is_valid(&visible) {
            Ok(Self(visible))
        } else {
            Err(InvalidValue::new(
                text,
                format_args!(
                    "a name: 1 to {} characters, no control characters, no space at either end",
                    Self::MAX_LENGTH
                ),
            ))
        }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A location in degrees (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

impl Coordinates {
    /// Checks that the latitude is from -90 (south) to 90 and the longitude from -180 (west) to 180.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidValue> {
        for (degrees, limit, name) in [
            (latitude, 90.0, "latitude"),
            (longitude, 180.0, "longitude"),
        ] {
            if !(-limit..=limit).contains(&degrees) {
                return Err(InvalidValue::new(
                    &degrees.to_string(),
                    format_args!("a {name} (-{limit} to {limit} degrees)"),
                ));
            }
        }
        Ok(Self {
            latitude,
            longitude,
        })
    }

    /// Degrees north.
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    pub fn longitude(self) -> f64 {
        self.longitude
    }
}

/// An account: usually one MONARC front office.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// Its primary key in the database.
    pub id: ClientId,
    /// Its public id.
    pub uuid: ClientUuid,
    /// Its name, unique among the clients.
    pub name: String,
    /// Its token, unique among the clients. A client for which the Python service stored none cannot authenticate.
    pub token: Option<StoredToken>,
    /// Its role.
    pub role: Role,
    /// Its location on the map, if it has one.
    pub coordinates: Option<Coordinates>,
    /// Whether its MONARC reports to this instance. If not, its stats were pulled from another instance.
    pub is_local: bool,
    /// Whether its stats may be pushed to another instance.
    pub is_sharing_enabled: bool,
    /// Whether its stats are withdrawn from other instances while sharing is off.
    pub withdraws: bool,
    /// Whether it may authenticate.
    pub is_active: bool,
    /// Whether no figure counts its stats. It sees them itself.
    pub is_excluded: bool,
    /// When it last authenticated (UTC, accurate to a few minutes).
    pub last_seen: Option<NaiveDateTime>,
    /// When it was created (UTC).
    pub created_at: Option<NaiveDateTime>,
}

impl Client {
    /// Whether its role is [`Role::Admin`].
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Its token, unless only the hash is stored.
    pub fn plain_token(&self) -> Option<&Token> {
        match &self.token {
            Some(StoredToken::Plain(token)) => Some(token),
            Some(StoredToken::Hashed(_)) | None => None,
        }
    }
}

/// A client to be created. It is active.
#[derive(Debug, Clone, PartialEq)]
pub struct NewClient {
    /// Its public id.
    pub uuid: ClientUuid,
    /// Its name.
    pub name: ClientName,
    /// Its token.
    pub token: Token,
    /// Its role.
    pub role: Role,
    /// See [`Client::is_local`].
    pub is_local: bool,
    /// Whether its stats may be pushed to another instance.
    pub is_sharing_enabled: bool,
}

impl NewClient {
    /// A local user with a random id and token. Sharing is enabled, MONARC's default.
    pub fn user(name: ClientName) -> Self {
        Self {
            uuid: ClientUuid::random(),
            name,
            token: Token::generate(),
            role: Role::User,
            is_local: true,
            is_sharing_enabled: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_names_are_short_and_printable() {
        for good in [
            "CASES",
            "Économie & co",
            "日本",
            &"é".repeat(ClientName::MAX_LENGTH),
        ] {
            assert_eq!(good.parse::<ClientName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            " ",
            " a",
            "a ",
            "a\nb",
            "a\0b",
            &"x".repeat(ClientName::MAX_LENGTH + 1),
            "\u{200B}",
            "a\u{2066} \u{2069}",
        ] {
            assert!(bad.parse::<ClientName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn client_names_lose_invisible_characters() {
        let name: ClientName = "CA\u{200B}SES\u{202E}\u{AD}".parse().unwrap();
        assert_eq!(name.as_str(), "CASES");
    }

    #[test]
    fn an_unknown_role_number_is_a_user() {
        assert_eq!(Role::from_number(Some(2)), Role::Admin);
        for number in [None, Some(0), Some(1), Some(3), Some(-2)] {
            assert_eq!(Role::from_number(number), Role::User);
        }
    }

    #[test]
    fn coordinates_are_within_range() {
        let luxembourg = Coordinates::new(49.61, 6.13).unwrap();
        assert_eq!(
            (luxembourg.latitude(), luxembourg.longitude()),
            (49.61, 6.13)
        );
        for (latitude, longitude) in [
            (90.1, 0.0),
            (0.0, -180.1),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
        ] {
            assert!(Coordinates::new(latitude, longitude).is_err());
        }
    }
}
