use std::hash::Hasher;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{Stat, StatsType};

/// The number of stats of a type and day and a digest of them, to compare two instances.
///
/// Serialises as `{type, date, count, digest}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayDigest {
    /// The type of the stats.
    #[serde(rename = "type")]
    pub stats_type: StatsType,
    /// Their day.
    pub date: NaiveDate,
    /// Their number.
    pub count: u64,
    /// The sum of their digests, modulo 2<sup>64</sup>, as 16 hexadecimal digits. It detects faults; it is no protection from
    /// somebody who looks for stats of an equal sum.
    #[serde(serialize_with = "write_hex", deserialize_with = "read_hex")]
    pub digest: u64,
}

impl DayDigest {
    /// The digest of no stats.
    pub fn empty(stats_type: StatsType, date: NaiveDate) -> Self {
        Self {
            stats_type,
            date,
            count: 0,
            digest: 0,
        }
    }

    /// Adds a stat of this type and day.
    pub fn add(&mut self, stat: &Stat) {
        self.count += 1;
        self.digest = self.digest.wrapping_add(stat.digest());
    }
}

fn write_hex<S: Serializer>(digest: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{digest:016x}"))
}

fn read_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
}

impl Stat {
    /// A digest of the id, the analysis, the type, the date and the JSON value of the document: the first eight bytes of a
    /// SHA-256. It is the same on all instances, whichever their database and version.
    pub fn digest(&self) -> u64 {
        let Self {
            uuid,
            analysis,
            stats_type,
            date,
            data,
        } = self;
        let mut state = Portable(Sha256::new());
        state.write(format!("{uuid} {analysis} {stats_type} {date} ").as_bytes());
        data.hash_value(&mut state);
        state.finish()
    }
}

/// Hashes the same bytes on all machines.
struct Portable(Sha256);

impl Hasher for Portable {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn write_usize(&mut self, number: usize) {
        self.write(&(number as u64).to_le_bytes());
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        let first = digest.iter().take(8).rev();
        first.fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AnalysisId, RawJson, StatId};

    fn stat(data: &str) -> Stat {
        let id = "f1b1a6f5-1a3e-4bb7-9ed8-3e6ba5a9f2c1";
        Stat {
            uuid: id.parse().unwrap(),
            analysis: id.parse().unwrap(),
            stats_type: StatsType::Risk,
            date: "2026-11-20".parse().unwrap(),
            data: RawJson::parse(data).unwrap(),
        }
    }

    /// Instances of other versions compare with this one.
    #[test]
    fn digests_stay_the_same() {
        let document = r#"{"b": [1.50, -0, 1e2, "é", null, true, {}], "a": "x"}"#;
        let digest = stat(document).digest();
        assert_eq!(format!("{digest:016x}"), "392577c25ab93319");
        let respelled = r#"{"a":"\u0078","b":[1.5,0,100,"\u00e9",null,true,{}]}"#;
        assert_eq!(stat(respelled).digest(), digest);
    }

    #[test]
    fn digests_depend_on_each_field() {
        let one = stat("[1]");
        let others = [
            Stat {
                uuid: StatId::random(),
                ..one.clone()
            },
            Stat {
                analysis: AnalysisId::random(),
                ..one.clone()
            },
            Stat {
                stats_type: StatsType::Threat,
                ..one.clone()
            },
            Stat {
                date: crate::MIN_DATE,
                ..one.clone()
            },
            stat("[2]"),
            stat("[\"1\"]"),
        ];
        assert!(others.iter().all(|other| other.digest() != one.digest()));
    }

    #[test]
    fn a_day_is_the_sum_of_its_stats() {
        let (one, two) = (stat("[1]"), stat("[2]"));
        let of = |stats: &[&Stat]| {
            let mut day = DayDigest::empty(StatsType::Risk, one.date);
            stats.iter().for_each(|stat| day.add(stat));
            day
        };
        assert_eq!(of(&[&one, &two]), of(&[&two, &one]));
        let json = serde_json::to_value(of(&[&one])).unwrap();
        assert_eq!(json["digest"], format!("{:016x}", one.digest()));
        assert_eq!(
            serde_json::from_value::<DayDigest>(json).unwrap(),
            of(&[&one])
        );
    }
}
