use std::fmt;
use std::io;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{AnalysisId, InvalidValue, RawJson, StatId};

/// The type of a stat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatsType {
    /// Numbers of risks by level.
    Risk,
    /// Threats, with the number and level of their risks.
    Threat,
    /// Vulnerabilities, with the number and level of their risks.
    Vulnerability,
    /// Risk matrices.
    Cartography,
    /// Maturity of controls, by referential.
    Compliance,
}

impl StatsType {
    /// All types.
    pub const ALL: [Self; 5] = [
        Self::Risk,
        Self::Threat,
        Self::Vulnerability,
        Self::Cartography,
        Self::Compliance,
    ];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Threat => "threat",
            Self::Vulnerability => "vulnerability",
            Self::Cartography => "cartography",
            Self::Compliance => "compliance",
        }
    }
}

impl fmt::Display for StatsType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for StatsType {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
                InvalidValue::new(text, format_args!("one of {}", known.join(", ")))
            })
    }
}

/// A JSON document about one analysis on one day.
///
/// Serialises as `{uuid, anr, type, date, data}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// The id of the stat.
    pub uuid: StatId,
    /// The analysis.
    #[serde(rename = "anr")]
    pub analysis: AnalysisId,
    /// The type of the document.
    #[serde(rename = "type")]
    pub stats_type: StatsType,
    /// The day on which the front office collected it.
    pub date: NaiveDate,
    /// The document, as sent.
    pub data: RawJson,
}

impl Stat {
    /// Writes the serialised stat without parsing its document again.
    pub fn write_json(&self, out: &mut impl io::Write) -> io::Result<()> {
        let Self {
            uuid,
            analysis,
            stats_type,
            date,
            data,
        } = self;
        write!(
            out,
            r#"{{"uuid":"{uuid}","anr":"{analysis}","type":"{stats_type}","date":"{date}","data":"#
        )?;
        out.write_all(data.as_str().as_bytes())?;
        out.write_all(b"}")
    }
}

/// A stat as received.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStat {
    /// The id of the stat, if it comes from another instance.
    pub uuid: Option<StatId>,
    /// The analysis.
    pub analysis: AnalysisId,
    /// The type of the document.
    pub stats_type: StatsType,
    /// The day on which the front office collected it.
    pub date: NaiveDate,
    /// The document, as sent.
    pub data: RawJson,
}

impl From<NewStat> for Stat {
    /// Generates an id if the stat has none.
    fn from(new: NewStat) -> Self {
        Self {
            uuid: new.uuid.unwrap_or_else(StatId::random),
            analysis: new.analysis,
            stats_type: new.stats_type,
            date: new.date,
            data: new.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_parse_from_their_names() {
        for known in StatsType::ALL {
            assert_eq!(known.as_str().parse(), Ok(known));
            assert_eq!(serde_json::to_value(known).unwrap(), known.as_str());
        }
        let error = "bogus".parse::<StatsType>().unwrap_err().to_string();
        assert_eq!(
            error,
            "'bogus' is not one of risk, threat, vulnerability, cartography, compliance"
        );
    }

    #[test]
    fn write_json_equals_serde_json() {
        let stat = Stat {
            uuid: StatId::random(),
            analysis: AnalysisId::random(),
            stats_type: StatsType::Threat,
            date: crate::MIN_DATE,
            data: RawJson::parse(r#"[{"a": 1.50, "b": "é\u00e9"}]"#).unwrap(),
        };
        let mut written = Vec::new();
        stat.write_json(&mut written).unwrap();
        assert_eq!(written, serde_json::to_vec(&stat).unwrap());
    }
}
