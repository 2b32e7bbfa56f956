use stats_core::NewStat;

/// The JSON body with which a front office posts `stats`.
pub fn payload(stats: &[NewStat]) -> String {
    let stats: Vec<_> = stats.iter().map(stat_json).collect();
    format!("[{}]", stats.join(","))
}

fn stat_json(stat: &NewStat) -> String {
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
}

#[cfg(test)]
mod tests {
    use stats_core::{AnalysisId, MAX_DATE, RawJson, StatId, StatsType, parse_batch};

    use super::*;

    #[test]
    fn payload_has_every_field() {
        let stats = [None, Some(StatId::random())].map(|uuid| NewStat {
            uuid,
            analysis: AnalysisId::random(),
            stats_type: StatsType::Risk,
            date: "2024-02-29".parse().unwrap(),
            data: RawJson::parse(r#"{"é": [1.50]}"#).unwrap(),
        });
        assert_eq!(
            parse_batch(payload(&stats).as_bytes(), MAX_DATE).unwrap(),
            stats
        );
        assert_eq!(payload(&[]), "[]");
    }
}
