//! The public statistics as CSV.

use serde_json::{Value, json};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Response, Service, days_ago, new_stat, uuid};

/// Returns the CSV of a route in German.
#[track_caller]
fn csv(service: &Service, path: &str) -> Response {
    let response = service.get(&format!("/stats/{path}&format=csv&lang=de"));
    assert_eq!(response.status, 200, "{path}: {response:?}");
    assert_eq!(
        response.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    response
}

/// Rows of CSV.
fn rows<const N: usize>(rows: [String; N]) -> String {
    rows.map(|row| row + "\r\n").concat()
}

fn object(uuid: &str, count: u32, label: &str) -> Value {
    json!([{"uuid": uuid, "label3": label, "count": count, "maxRisk": 18, "averageRate": "2.50"}])
}

fn risks(high: f64) -> Value {
    let high = json!([{"level": "High risks", "value": high}]);
    json!({"risks": {"residual": {"operational": high}}})
}

on_each_database!(objects_are_rows_by_date);
fn objects_are_rows_by_date(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let header = "date,object,label,count,max_risk,average_rate,analyses,clients".to_owned();
    for (stats_type, route) in [("threat", "threats"), ("vulnerability", "vulnerabilities")] {
        let path = format!("{route}.json?days=100");
        assert_eq!(csv(&service, &path).body, rows([header.clone()]));
        let one = "0a02d4e0-4576-11e9-9173-0800277f0571";
        let two = "b402d4e0-4576-11e9-9173-0800277f0571";
        office.store([
            new_stat(stats_type, 1, object(one, 8, "Überlauf, \"groß\"")),
            new_stat(stats_type, 0, object(one, 9, "Überlauf, \"groß\"")),
            new_stat(stats_type, 0, object(one, 2, "Überlauf, \"groß\"")),
            new_stat(stats_type, 0, object(two, 1, "")),
        ]);
        let (today, yesterday) = (days_ago(0), days_ago(1));
        let response = csv(&service, &path);
        assert_eq!(
            response.body,
            rows([
                header.clone(),
                format!("{yesterday},{one},\"Überlauf, \"\"groß\"\"\",8,18,2.5,1,1"),
                format!("{today},{one},\"Überlauf, \"\"groß\"\"\",5.5,18,2.5,2,1"),
                format!("{today},{two},,1,18,2.5,1,1"),
            ])
        );
        let file = format!("attachment; filename=\"{route}.csv\"");
        assert_eq!(response.header("content-disposition"), Some(file.as_str()));
        assert_eq!(response.header("vary"), Some("accept-language"));
        assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    }
}

on_each_database!(risks_are_rows_by_level);
fn risks_are_rows_by_level(database: &TestDatabase) {
    let service = Service::start(database);
    service.front_office().store([
        new_stat("risk", 1, risks(3.0)),
        new_stat("risk", 0, risks(6.5)),
    ]);
    let row = |value: &str| format!("residual,operational,High risks,{value},1,1");
    assert_eq!(
        csv(&service, "risks.json?").body,
        rows([
            "date,state,kind,level,value,analyses,clients".to_owned(),
            format!("{},{}", days_ago(1), row("3")),
            format!("{},{}", days_ago(0), row("6.5")),
        ])
    );
    assert_eq!(
        csv(&service, "risks.json?processor=risk_averages").body,
        rows([
            "state,kind,level,value,analyses,clients".to_owned(),
            row("4.75")
        ])
    );
}

on_each_database!(risk_matrices_are_rows_by_cell);
fn risk_matrices_are_rows_by_cell(database: &TestDatabase) {
    let service = Service::start(database);
    let scale = json!([0, 1, 2, 3, 4]);
    let data = json!({
        "scales": {"impact": scale, "likelihood": [0, 20], "probability": scale},
        "risks": {"current": {"operational": {"4": {"2": 7}}, "informational": {"1": {"20": 5}}}},
    });
    service
        .front_office()
        .store([new_stat("cartography", 0, data)]);
    for (processor, header, date) in [
        (
            "cartography_averages_on_date",
            "date,state,kind,impact,likelihood,value,analyses,clients",
            days_ago(0) + ",",
        ),
        (
            "cartography_averages",
            "state,kind,impact,likelihood,value,analyses,clients",
            String::new(),
        ),
    ] {
        let body = csv(&service, &format!("cartography.json?processor={processor}")).body;
        let lines: Vec<_> = body.lines().collect();
        assert_eq!(lines[0], header);
        assert_eq!(lines.len(), 1 + 5 * 21 + 5 * 5);
        let mut cells: Vec<_> = lines[1..]
            .iter()
            .filter(|line| !line.ends_with(",0,1,1"))
            .collect();
        cells.sort();
        let informational = format!("{date}current,informational,1,20,5,1,1");
        assert_eq!(
            cells,
            [
                &informational,
                &format!("{date}current,operational,4,2,7,1,1")
            ]
        );
    }
}

on_each_database!(compliance_is_rows_by_category);
fn compliance_is_rows_by_category(database: &TestDatabase) {
    let service = Service::start(database);
    let (referential, category) = (uuid(), uuid());
    let element = |value: f64| json!([{"label3": "Zugang", "controls": [{"measure": category}], "value": value}]);
    let data = |current: f64| {
        json!([{
            "referential": referential, "label2": "ISO 27002", "current": element(current), "target": element(1.0),
        }])
    };
    service.front_office().store([
        new_stat("compliance", 1, data(0.25)),
        new_stat("compliance", 0, data(0.5)),
    ]);
    let header =
        "referential,referential_label,category,category_label,current,target,analyses,clients";
    let row = |values: &str| format!("{referential},ISO 27002,{category},Zugang,{values}");
    assert_eq!(
        csv(&service, "compliance.json?").body,
        rows([
            format!("date,{header}"),
            format!("{},{}", days_ago(1), row("0.25,1,1,1")),
            format!("{},{}", days_ago(0), row("0.5,1,1,1")),
        ])
    );
    assert_eq!(
        csv(&service, "compliance.json?processor=compliance_averages").body,
        rows([header.to_owned(), row("0.375,1,1,1")])
    );
}

on_each_database!(labels_are_in_the_language_of_the_reader_and_no_formulas);
fn labels_are_in_the_language_of_the_reader_and_no_formulas(database: &TestDatabase) {
    let service = Service::start(database);
    let object = json!([{
        "uuid": uuid(), "label1": "=cmd|'/c calc'!A0", "label2": "Theft;=1+1", "count": 1, "maxRisk": 1, "averageRate": 1,
    }]);
    service
        .front_office()
        .store([new_stat("threat", 0, object)]);
    for (query, accepted, label) in [
        ("", "fr", ",'=cmd|'/c calc'!A0,1,"),
        ("&lang=fr", "en", ",'=cmd|'/c calc'!A0,1,"),
        ("", "nl", ",Theft;'=1+1,1,"),
    ] {
        let path = format!("/stats/threats.json?format=csv{query}");
        let body = service
            .get_with_header(&path, "Accept-Language", accepted)
            .body;
        assert!(body.contains(label), "{query} {accepted}: {body}");
    }
}

on_each_database!(unchanged_csv_gets_304);
fn unchanged_csv_gets_304(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    office.store([new_stat("risk", 0, risks(2.0))]);
    let path = "/stats/risks.json?format=csv";
    let first = service.get(path);
    let tag = first.header("etag").unwrap();
    let get = || service.get_with_header(path, "If-None-Match", tag);
    get().assert_empty(304);
    office.store([new_stat("risk", 0, risks(3.0))]);
    assert_eq!(get().status, 200);
}
