use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::InvalidValue;

/// The primary key of a client in the database. It never leaves the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub i32);

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new random id (UUID version 4).
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        /// Parses a UUID in any of its usual forms.
        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                let uuid = Uuid::parse_str(text).map_err(|_| InvalidValue::new(text, "a UUID"))?;
                Ok(Self(uuid))
            }
        }
    };
}

uuid_newtype! {
    /// The public id of a client.
    ClientUuid
}

uuid_newtype! {
    /// The id of a risk analysis in MONARC (`anr` on the wire).
    AnalysisId
}

uuid_newtype! {
    /// The id of a stat. Pushing and pulling keep it.
    StatId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_uuids_only() {
        let text = "b402d4e0-4576-11e9-9173-0800277f0571";
        assert_eq!(text.parse::<AnalysisId>().unwrap().to_string(), text);
        assert_eq!(
            text.to_uppercase()
                .parse::<AnalysisId>()
                .unwrap()
                .to_string(),
            text
        );
        assert_eq!(
            "junk".parse::<StatId>().unwrap_err().to_string(),
            "'junk' is not a UUID"
        );
        assert!("".parse::<StatId>().is_err());
    }
}
