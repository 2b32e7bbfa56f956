use serde_json::{Value, json};
use stats_core::{DateRange, MAX_DEPTH, Page, Stat, StatsType, WithCauses};
use stats_remote::{RemoteError, StatsClient, StatsList};
use stats_testing::{day, days, ids};

use crate::support::{Remote, Service, answer, client, stat};

fn november() -> DateRange {
    days("2026-11-01", "2026-11-30")
}

fn threats(client: &StatsClient) -> Result<StatsList, RemoteError> {
    client.list_stats(StatsType::Threat, november(), Page::default())
}

/// The result of a list with these elements.
fn list_of(elements: &Value) -> Result<StatsList, RemoteError> {
    let body = json!({"metadata": {"count": "1", "offset": "0", "limit": "0"}, "data": elements});
    let remote = Remote::answering(answer("200 OK", &body.to_string()));
    threats(&client(&remote))
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
fn service_lists_by_type_dates_and_page() {
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
    service.db.insert_stats(service.account.id, &stats).unwrap();
    let client = service.client();
    let list = threats(&client).unwrap();
    assert_eq!(list.stats, [stats[1].clone(), stats[3].clone()]);
    assert_eq!(list.unusable, []);
    let all = DateRange::default();
    for (stats_type, dates, offset, limit, expected) in [
        (StatsType::Risk, november(), 0, None, &[2][..]),
        (StatsType::Cartography, november(), 0, None, &[]),
        (StatsType::Threat, all, 0, None, &[0, 1, 3, 4]),
        (StatsType::Threat, all, 1, Some(1), &[1]),
        (StatsType::Threat, all, 3, None, &[4]),
        (StatsType::Threat, all, 0, Some(0), &[]),
        (StatsType::Threat, all, 9, Some(5), &[]),
    ] {
        let list = client.list_stats(stats_type, dates, Page { offset, limit });
        let expected: Vec<&Stat> = expected.iter().map(|i: &usize| &stats[*i]).collect();
        assert_eq!(ids(&list.unwrap().stats), ids(expected));
    }
}

#[test]
fn query_is_a_json_body() {
    let remote = Remote::answering(answer("200 OK", r#"{"data": []}"#));
    let client = client(&remote);
    assert_eq!(threats(&client).unwrap(), StatsList::default());
    let page = Page {
        offset: 20,
        limit: Some(10),
    };
    let paged = client.list_stats(StatsType::Risk, november(), page);
    assert_eq!(paged.unwrap(), StatsList::default());
    let dates = json!({"date_from": "2026-11-01", "date_to": "2026-11-30"});
    let mut all = dates.clone();
    all["type"] = json!("threat");
    let mut paged = dates;
    paged["type"] = json!("risk");
    paged["offset"] = json!(20);
    paged["limit"] = json!(10);
    let requests = remote.requests();
    assert_eq!(requests.len(), 2);
    for (request, expected) in requests.iter().zip([all, paged]) {
        let line = "GET /api/v1/stats/ HTTP/1.1\r\n";
        assert!(request.head.starts_with(line), "{request:?}");
        assert_eq!(request.header("content-type"), Some("application/json"));
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body, expected);
    }
}

#[test]
fn timestamps_and_unknown_fields_are_read() {
    let list = list_of(&json!([
        with("date", json!("2026-11-20T00:00:00Z")),
        with("date", json!("2026-11-20T00:00:00")),
        with("created_at", json!("2026-11-20T10:00:00")),
        with("data", json!({})),
    ]));
    let dates: Vec<_> = list.unwrap().stats.iter().map(|stat| stat.date).collect();
    assert_eq!(dates, [day("2026-11-20"); 4]);
}

#[test]
fn one_malformed_stat_makes_the_list_invalid() {
    for (bad, what) in [
        (with("uuid", json!("b")), "UUID"),
        (
            with("uuid", Value::Null),
            "expected a formatted UUID string",
        ),
        (with("anr", json!(5)), "expected a formatted UUID string"),
        (with("type", json!("bogus")), "unknown variant `bogus`"),
        (with("type", json!("risk")), "has the type risk, not threat"),
        (
            with("date", json!("2026-13-45")),
            "'2026-13-45' is not a date",
        ),
        (
            with("date", json!("2026-12-01")),
            "has the date 2026-12-01, not one from 2026-11-01 to 2026-11-30",
        ),
        (with("date", json!("2026-10-31")), "has the date 2026-10-31"),
        (with("date", Value::Null), "expected a string"),
        (json!({"uuid": "x"}), "cannot be read"),
        (json!({}), "missing field"),
        (json!([]), "cannot be read"),
        (Value::Null, "cannot be read"),
    ] {
        let error = list_of(&json!([element(), bad])).unwrap_err();
        let report = WithCauses(&error).to_string();
        assert!(
            report.starts_with("invalid response from the remote: stat 1 of the list "),
            "{report}"
        );
        assert!(report.contains(what), "{report}");
        assert!(!error.is_temporary());
    }
}

#[test]
fn stat_whose_document_cannot_be_stored_is_unusable() {
    let deep: Value = (0..=MAX_DEPTH).fold(json!([]), |inner, _| json!([inner]));
    for (data, what) in [
        (json!("text"), "must be an object or a list, not a string"),
        (Value::Null, "must be an object or a list, not null"),
        (json!(["\0"]), "U+0000"),
        (deep, "nested deeper"),
    ] {
        let bad = with("data", data);
        let list = list_of(&json!([element(), bad])).unwrap();
        assert_eq!((list.stats.len(), list.unusable.len()), (1, 1));
        let unusable = &list.unusable[0];
        assert_eq!(json!(unusable.uuid), bad["uuid"]);
        assert_eq!(unusable.date, day("2026-11-20"));
        assert!(unusable.reason.to_string().contains(what), "{unusable:?}");
    }
}

#[test]
fn more_stats_than_the_limit_are_invalid() {
    let body = json!({"data": [element(), element(), element()]}).to_string();
    let remote = Remote::answering(answer("200 OK", &body));
    let list = |limit| {
        let page = Page {
            offset: 0,
            limit: Some(limit),
        };
        client(&remote).list_stats(StatsType::Threat, november(), page)
    };
    assert_eq!(list(3).unwrap().total(), 3);
    let error = list(2).unwrap_err().to_string();
    assert!(error.contains("3 stats, although the limit"), "{error}");
}

#[test]
fn other_json_is_invalid() {
    let mut responses: Vec<_> = [
        "",
        "[]",
        "null",
        "{}",
        r#"{"data": null}"#,
        r#"{"data": {}}"#,
        r#"{"message": "é"}"#,
        "\u{feff}{}",
    ]
    .map(|body| answer("200 OK", body).into_bytes())
    .to_vec();
    let not_utf8 = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"data\":[\xff]}";
    responses.push(not_utf8.to_vec());
    for response in responses {
        let error = threats(&client(&Remote::answering(response))).unwrap_err();
        assert!(
            matches!(error, RemoteError::InvalidResponse { .. }),
            "{error:?}"
        );
    }
}
