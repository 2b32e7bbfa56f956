use std::collections::BTreeMap;
use std::fmt::Display;

use stats_core::NewStat;

use crate::catalogue::Labels;

/// The JSON body by which a front office would post `stats`.
pub fn payload(stats: &[NewStat]) -> String {
    list(stats.iter().map(|stat| {
        let uuid = match stat.uuid {
            Some(uuid) => format!(r#","uuid":"{uuid}""#),
            None => String::new(),
        };
        format!(
            r#"{{"anr":"{}","type":"{}","date":"{}","data":{}{uuid}}}"#,
            stat.analysis,
            stat.stats_type,
            stat.date,
            stat.data.as_str()
        )
    }))
}

/// `[…,…]`
pub(crate) fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(","))
}

/// A map as PHP writes it: one whose keys are 0, 1, 2, … in this order is a list, and so is an empty one.
pub(crate) fn php_array(map: &BTreeMap<u32, impl Display>) -> String {
    if map.keys().copied().eq(0..map.len() as u32) {
        return list(map.values());
    }
    let entries = map.iter().map(|(key, value)| format!(r#""{key}":{value}"#));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
}

/// The four fields `label1` to `label4`. The catalogue has no label that needs escaping.
pub(crate) fn labels([fr, en, de, nl]: &Labels) -> String {
    format!(r#""label1":"{fr}","label2":"{en}","label3":"{de}","label4":"{nl}""#)
}

/// `sum / count`, to two decimals as MONARC rounds and writes it.
pub(crate) fn two_decimals(sum: u32, count: u32) -> String {
    let hundredths = (200 * sum + count) / (2 * count).max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use stats_core::{AnalysisId, RawJson, StatId, StatsType, parse_batch};

    use super::*;

    #[test]
    fn php_makes_lists_of_maps_with_keys_from_0() {
        let php = |keys: &[u32]| php_array(&keys.iter().map(|key| (*key, key + 10)).collect());
        assert_eq!(php(&[]), "[]");
        assert_eq!(php(&[0]), "[10]");
        assert_eq!(php(&[0, 1, 2]), "[10,11,12]");
        assert_eq!(php(&[1]), r#"{"1":11}"#);
        assert_eq!(php(&[0, 2, 10]), r#"{"0":10,"2":12,"10":20}"#);
    }

    #[test]
    fn decimals_are_rounded_to_the_nearest() {
        assert_eq!(two_decimals(4, 2), "2.00");
        assert_eq!(two_decimals(2, 3), "0.67");
        assert_eq!(two_decimals(1, 3), "0.33");
        assert_eq!(two_decimals(1, 8), "0.13", "halves go up");
        assert_eq!(two_decimals(31, 11), "2.82");
        assert_eq!(two_decimals(0, 0), "0.00");
    }

    #[test]
    fn a_payload_carries_every_field() {
        let stat = |uuid| NewStat {
            uuid,
            analysis: AnalysisId::random(),
            stats_type: StatsType::Risk,
            date: "2024-02-29".parse().unwrap(),
            data: RawJson::parse(r#"{"é": [1.50]}"#).unwrap(),
        };
        let stats = [stat(None), stat(Some(StatId::random()))];
        assert_eq!(parse_batch(payload(&stats).as_bytes()).unwrap(), stats);
        assert_eq!(payload(&[]), "[]");
    }
}
