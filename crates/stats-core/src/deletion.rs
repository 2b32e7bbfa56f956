use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use serde::{Serialize, Serializer};

use crate::{InvalidValue, MIN_DATE, StatId};

/// The deletion of a stat by its client, as other instances are told.
///
/// Serialises as `{uuid, deleted_at}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Deletion {
    /// The id of the stat.
    pub uuid: StatId,
    /// When it was deleted (UTC).
    #[serde(serialize_with = "write_time")]
    pub deleted_at: NaiveDateTime,
}

fn write_time<S: Serializer>(time: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let time = time.and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true);
    serializer.serialize_str(&time)
}

/// Parses an ISO 8601 timestamp, in UTC if it has no offset.
pub(crate) fn parse_time(text: &str) -> Result<NaiveDateTime, InvalidValue> {
    let time = DateTime::parse_from_rfc3339(text)
        .map(|time| time.naive_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f"));
    time.ok()
        .filter(|time| (MIN_DATE..=crate::MAX_DATE).contains(&time.date()))
        .ok_or_else(|| InvalidValue::new(text, "a time (YYYY-MM-DDTHH:MM:SSZ)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_and_of_valid_years() {
        for (text, expected) in [
            ("2026-11-20T10:00:00Z", Some("2026-11-20 10:00:00")),
            (
                "2026-11-20T10:00:00.5-02:00",
                Some("2026-11-20 12:00:00.500"),
            ),
            ("2026-11-20T10:00:00", Some("2026-11-20 10:00:00")),
            ("0001-01-01T00:00:00Z", Some("0001-01-01 00:00:00")),
            ("0001-01-01T00:00:00+01:00", None),
            ("9999-12-31T23:00:00-02:00", None),
            ("+12026-11-20T10:00:00", None),
            ("-0001-11-20T10:00:00", None),
            ("2026-11-20", None),
            ("2026-02-30T10:00:00Z", None),
            ("", None),
        ] {
            let found = parse_time(text).ok().map(|time| time.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
