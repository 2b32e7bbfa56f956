use std::fmt;
use std::str::FromStr;

use chrono::NaiveDateTime;

use crate::{ClientId, ClientUuid, InvalidValue, Token};

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sends its own stats, and reads them.
    User,
    /// Reads the stats of all clients, and creates clients.
    Admin,
}

impl Role {
    /// The number that stands for the role in the storage and on the wire.
    pub fn number(self) -> i32 {
        match self {
            Self::User => 1,
            Self::Admin => 2,
        }
    }

    /// The role for a number in the storage. A missing or unknown one gives the fewest rights.
    pub fn from_number(number: Option<i32>) -> Self {
        if number == Some(Self::Admin.number()) {
            Self::Admin
        } else {
            Self::User
        }
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

/// The name of a client: 1 to 100 characters, no control characters, no space at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.chars().count());
        if fits && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::new(
                text,
                "a name: 1 to 100 characters, no control characters, no space at either end",
            ))
        }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A place on the map, in degrees (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

impl Coordinates {
    /// A place, with a latitude from -90 (south) to 90 and a longitude from -180 (west) to 180.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidValue> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(InvalidValue::new(
                &latitude.to_string(),
                "a latitude (-90 to 90 degrees)",
            ));
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(InvalidValue::new(
                &longitude.to_string(),
                "a longitude (-180 to 180 degrees)",
            ));
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
    /// The number by which the storage knows it.
    pub id: ClientId,
    /// Its public id.
    pub uuid: ClientUuid,
    /// Its name, unique among the clients.
    pub name: String,
    /// Its secret, unique among the clients. Empty where an older service left none; such a client cannot
    /// authenticate.
    pub token: Token,
    /// What it may do.
    pub role: Role,
    /// Where it is shown on the map, if at all.
    pub coordinates: Option<Coordinates>,
    /// Whether its MONARC reports here, as opposed to stats pulled from elsewhere.
    pub is_local: bool,
    /// Whether its stats may be pushed to another instance.
    pub is_sharing_enabled: bool,
    /// Whether it may authenticate.
    pub is_active: bool,
    /// When it last authenticated (UTC, to within some minutes).
    pub last_seen: Option<NaiveDateTime>,
    /// When it was created (UTC).
    pub created_at: Option<NaiveDateTime>,
}

impl Client {
    /// Whether it sees the stats of all clients and may create clients.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

/// A client to be created: a local, active one.
#[derive(Debug, Clone, PartialEq)]
pub struct NewClient {
    /// Its public id.
    pub uuid: ClientUuid,
    /// Its name.
    pub name: ClientName,
    /// Its secret.
    pub token: Token,
    /// What it may do.
    pub role: Role,
    /// Whether its stats may be pushed to another instance.
    pub is_sharing_enabled: bool,
}

impl NewClient {
    /// A user with a random id and token whose stats are shared, which is what MONARC expects of a new client.
    pub fn user(name: ClientName) -> Self {
        Self {
            uuid: ClientUuid::random(),
            name,
            token: Token::generate(),
            role: Role::User,
            is_sharing_enabled: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_printable() {
        for good in ["CASES", "Économie & co", "日本", &"é".repeat(100)] {
            assert_eq!(good.parse::<ClientName>().unwrap().as_str(), good);
        }
        for bad in ["", " ", " a", "a ", "a\nb", "a\0b", &"x".repeat(101)] {
            assert!(bad.parse::<ClientName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_unknown_role_gives_the_fewest_rights() {
        assert_eq!(Role::from_number(Some(2)), Role::Admin);
        for number in [None, Some(0), Some(1), Some(3), Some(-2)] {
            assert_eq!(Role::from_number(number), Role::User);
        }
    }

    #[test]
    fn coordinates_are_on_the_globe() {
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
