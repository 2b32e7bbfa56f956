use serde_json::{Value, json};
use stats_core::{DateRange, MAX_DEPTH, Page, Stat, StatsType};
use stats_remote::{RemoteError, StatsClient};
use stats_testing::{day, ids};

use crate::support::{Remote, RemoteExt, Service, answer, stat};

fn november() -> DateRange {
    DateRange {
        from: day("2026-11-01"),
        to: day("2026-11-30"),
    }
}

fn pull(remote: &StatsClient) -> Result<Vec<Stat>, RemoteError> {
    let listed = remote.stats(StatsType::Threat, november(), Page::default())?;
    assert_eq!(listed.unusable, []);
    Ok(listed.stats)
}

/// What comes of a list of these elements.
fn listed(elements: &Value) -> Result<Vec<Stat>, RemoteError> {
    let body = json!({"metadata": {"count": "1", "offset": "0", "limit": "0"}, "data": elements});
    pull(&Remote::answering(answer("200 OK", &body.to_string())).client())
}

fn element() -> Value {
    serde_json::to_value(stat("2026-11-20")).unwrap()
}

fn with(field: &str, value: Value) -> Value {
    let mut element = element();
    element[field] = value;
    element
}

#[test]
fn the_service_gives_what_was_asked_for() {
    let service = Service::start();
    let mut stats = [
        "2026-10-31",
        "2026-11-01",
        "2026-11-15",
        "2026-11-30",
        "2026-12-01",
    ]
    .map(stat);
    stats[2].stats_type = StatsType::Risk;
    service.db.insert_stats(service.client.id, &stats).unwrap();
    let remote = service.remote();
    assert_eq!(
        pull(&remote).unwrap(),
        [stats[1].clone(), stats[3].clone()],
        "to the letter"
    );
    let ask = |stats_type, dates, offset, limit| {
        let stats = remote.stats(stats_type, dates, Page { offset, limit });
        ids(&stats.unwrap().stats)
    };
    assert_eq!(ask(StatsType::Risk, november(), 0, None), ids(&stats[2..3]));
    assert_eq!(ask(StatsType::Cartography, november(), 0, None), []);
    let all = DateRange::default();
    assert_eq!(ask(StatsType::Threat, all, 0, None).len(), 4);
    assert_eq!(ask(StatsType::Threat, all, 1, Some(1)), ids(&stats[1..2]));
    assert_eq!(ask(StatsType::Threat, all, 3, None), ids(&stats[4..]));
    assert_eq!(ask(StatsType::Threat, all, 0, Some(0)), []);
    assert_eq!(ask(StatsType::Threat, all, 9, Some(5)), []);
}

#[test]
fn the_question_is_a_body_as_monarc_sends_it() {
    let remote = Remote::answering(answer("200 OK", r#"{"data": []}"#));
    assert_eq!(pull(&remote.client()).unwrap(), []);
    let page = Page {
        offset: 20,
        limit: Some(10),
    };
    let paged = remote.client().stats(StatsType::Risk, november(), page);
    assert!(paged.unwrap().is_empty());
    let [all, paged] = remote.requests().try_into().unwrap();
    assert!(
        all.head.starts_with("GET /api/v1/stats/ HTTP/1.1\r\n"),
        "{all:?}"
    );
    assert_eq!(all.header("content-type"), Some("application/json"));
    let body = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(
        body(&all.body),
        json!({"type": "threat", "date_from": "2026-11-01", "date_to": "2026-11-30"})
    );
    assert_eq!(
        body(&paged.body),
        json!({"type": "risk", "date_from": "2026-11-01", "date_to": "2026-11-30", "offset": 20, "limit": 10})
    );
}

#[test]
fn what_is_written_otherwise_elsewhere_is_read() {
    let stats = listed(&json!([
        with("date", json!("2026-11-20T00:00:00Z")),
        with("date", json!("2026-11-20T00:00:00")),
        with("created_at", json!("2026-11-20T10:00:00")),
        with("data", json!({})),
    ]))
    .unwrap();
    assert!(stats.iter().all(|stat| stat.date == day("2026-11-20")));
    assert_eq!(stats.len(), 4);
}

#[test]
fn one_bad_stat_spoils_the_list() {
    for (bad, what) in [
        (with("uuid", json!("b")), "UUID"),
        (
            with("uuid", Value::Null),
            "expected a formatted UUID string",
        ),
        (with("anr", json!(5)), "expected a formatted UUID string"),
        (with("type", json!("bogus")), "unknown variant `bogus`"),
        (with("type", json!("risk")), "its type is risk, not threat"),
        (
            with("date", json!("2026-13-45")),
            "'2026-13-45' is not a date",
        ),
        (
            with("date", json!("2026-12-01")),
            "its date is 2026-12-01, not in 2026-11-01 to 2026-11-30",
        ),
        (with("date", json!("2026-10-31")), "its date is 2026-10-31"),
        (with("date", Value::Null), "expected a string"),
        (json!({"uuid": "x"}), "stat 1 of the list: "),
        (json!({}), "missing field"),
        (json!([]), "stat 1 of the list: "),
        (Value::Null, "stat 1 of the list: "),
    ] {
        let error = listed(&json!([element(), bad])).unwrap_err();
        assert!(matches!(error, RemoteError::Nonsense { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with("the remote answers nonsense: stat 1 of the list: "),
            "{text}"
        );
        assert!(text.contains(what), "{text}");
        assert!(!error.is_temporary());
    }
}

#[test]
fn a_document_that_cannot_be_stored_is_the_affair_of_its_stat() {
    let deep: Value = (0..=MAX_DEPTH).fold(json!([]), |inner, _| json!([inner]));
    for (data, what) in [
        (json!("text"), "must be an object or a list, not a string"),
        (Value::Null, "must be an object or a list, not null"),
        (json!(["\0"]), "U+0000"),
        (deep, "nested deeper"),
    ] {
        let (good, bad) = (element(), with("data", data));
        let body = json!({"data": [good, bad]}).to_string();
        let remote = Remote::answering(answer("200 OK", &body));
        let listed = remote
            .client()
            .stats(StatsType::Threat, november(), Page::default())
            .unwrap();
        assert_eq!(listed.stats.len(), 1);
        let [unusable] = &listed.unusable[..] else {
            unreachable!("{listed:?}")
        };
        assert_eq!(json!(unusable.uuid), bad["uuid"]);
        assert_eq!(unusable.date, day("2026-11-20"));
        assert!(unusable.reason.to_string().contains(what), "{unusable:?}");
    }
}

#[test]
fn more_than_a_page_is_nonsense() {
    let body = json!({"data": [element(), element(), element()]}).to_string();
    let remote = Remote::answering(answer("200 OK", &body));
    let ask = |limit| {
        let page = Page {
            offset: 0,
            limit: Some(limit),
        };
        remote.client().stats(StatsType::Threat, november(), page)
    };
    assert_eq!(ask(3).unwrap().len(), 3);
    let error = ask(2).unwrap_err().to_string();
    assert!(
        error.contains("3 stats where at most 2 were asked for"),
        "{error}"
    );
}

#[test]
fn what_is_no_list_of_stats_is_nonsense() {
    for body in [
        "",
        "[]",
        "null",
        "{}",
        r#"{"data": null}"#,
        r#"{"data": {}}"#,
        r#"{"message": "é"}"#,
        "\u{feff}{}",
    ] {
        let error = pull(&Remote::answering(answer("200 OK", body)).client()).unwrap_err();
        assert!(
            matches!(error, RemoteError::Nonsense { .. }),
            "{body}: {error:?}"
        );
    }
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"data\":[\xff]}";
    let error = pull(&Remote::answering(*bytes).client()).unwrap_err();
    assert!(matches!(error, RemoteError::Nonsense { .. }), "{error:?}");
}
