//! What a reader chooses: the arguments of pages and pictures in the query string.

use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stats_core::InvalidValue;
use stats_processors::{Kind, State, Weight};
use uuid::Uuid;

use crate::errors::ApiError;
use crate::extract::from_query;
use crate::extract::lenient::Number;
use crate::period::Days;

/// The choices of a reader. Each picture uses some of them and has a default for those that are missing. Unknown arguments
/// are ignored: links may carry arguments for other programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Options {
    /// The period: a number of days before today.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) days: Option<Days>,
    /// The measure of threats and vulnerabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<Measure>,
    /// The number of threats or vulnerabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top: Option<Top>,
    /// Whether the highest or the lowest values come first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<Order>,
    /// The kind of risks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<Kind>,
    /// The state of risks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<State>,
    /// The referential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) referential: Option<Uuid>,
    /// The part of the world on the map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) view: Option<View>,
    /// What counts once in a mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<Weight>,
}

/// Defines an enum whose values have names in the query string and in texts. The first value is the default.
macro_rules! choices {
    (
        $(#[$doc:meta])*
        $name:ident {
            $(#[$first_doc:meta])* $first:ident = $first_text:literal,
            $($(#[$other_doc:meta])* $other:ident = $other_text:literal,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
        pub(super) enum $name {
            $(#[$first_doc])* #[default] #[serde(rename = $first_text)] $first,
            $($(#[$other_doc])* #[serde(rename = $other_text)] $other,)+
        }

        impl Choice for $name {
            const ALL: &[Self] = &[Self::$first, $(Self::$other),+];

            fn as_str(&self) -> &'static str {
                match self {
                    Self::$first => $first_text,
                    $(Self::$other => $other_text,)+
                }
            }
        }
    };
}

/// One of several named values.
pub(super) trait Choice: Sized + 'static {
    /// All values.
    const ALL: &[Self];

    /// Returns the name in the query string and in texts.
    fn as_str(&self) -> &'static str;
}

choices! {
    /// A measure of threats and vulnerabilities. Each is a mean over the stats that contain the object.
    Measure {
        /// Occurrence: the number of risks that the object is part of.
        Count = "count",
        /// Qualification: the average rate of the object in these risks.
        Rate = "rate",
        /// The highest of these risks.
        MaxRisk = "max_risk",
    }
}

choices! {
    /// The order of bars.
    Order {
        Highest = "highest",
        Lowest = "lowest",
    }
}

choices! {
    /// A part of the world.
    View {
        /// Where most places are.
        Near = "near",
        Europe = "europe",
        World = "world",
    }
}

impl Choice for Weight {
    const ALL: &[Self] = &Self::ALL;

    fn as_str(&self) -> &'static str {
        Self::as_str(*self)
    }
}

/// A number of threats or vulnerabilities, from 1 to 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Number")]
pub(super) struct Top(pub(super) u8);

impl Top {
    pub(super) const DEFAULT: Self = Self(10);
}

impl TryFrom<Number> for Top {
    type Error = InvalidValue;

    fn try_from(Number(number): Number) -> Result<Self, InvalidValue> {
        let top = u8::try_from(number)
            .ok()
            .filter(|top| (1..=20).contains(top));
        top.map(Self)
            .ok_or_else(|| InvalidValue::new(&number.to_string(), "a number from 1 to 20"))
    }
}

impl Options {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        from_query(request)
    }

    /// Returns what counts once in a mean.
    pub(super) fn weight(&self) -> Weight {
        self.weight.unwrap_or_default()
    }

    /// Returns the choices as pairs of a query string.
    pub(super) fn pairs(self) -> Vec<(String, String)> {
        let value = serde_json::to_value(self).unwrap_or_default();
        let Value::Object(pairs) = value else {
            return Vec::new();
        };
        let text = |value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        pairs
            .into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(query: &str) -> Result<Options, ApiError> {
        let request = TestRequest::with_uri(&format!("/stats?{query}"));
        Options::of(&request.to_http_request())
    }

    #[test]
    fn choices_survive_a_query_string() {
        let referential = "84b6b64d-0000-4000-8000-000000000001";
        let query = format!(
            "by=max_risk&days=30&kind=operational&order=lowest&referential={referential}&state=residual&top=20&view=europe&weight=client"
        );
        let pairs = read(&query).unwrap().pairs();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(pairs.join("&"), query);
        assert!(read("utm_source=x").unwrap().pairs().is_empty());
    }

    #[test]
    fn an_invalid_choice_is_named() {
        for query in [
            "days=x",
            "by=luck",
            "top=0",
            "top=21",
            "top=",
            "order=",
            "kind=x",
            "state=x",
            "referential=1",
            "view=moon",
            "weight=gold",
        ] {
            let name = query.split_once('=').unwrap().0;
            match read(query).unwrap_err() {
                ApiError::Invalid(errors) => {
                    assert!(errors.to_string().starts_with(name), "{errors}")
                }
                other => panic!("{query}: {other}"),
            }
        }
    }
}
