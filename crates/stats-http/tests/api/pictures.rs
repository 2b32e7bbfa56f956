//! The pictures and their files.

use chrono::{Days, Local};
use serde_json::{Value, json};
use stats_core::{Coordinates, Stat};
use stats_db::ClientChange;
use stats_sample::Sample;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{Response, Service, days_ago, new_stat, stat, uuid};

const PICTURES: [&str; 10] = [
    "risks",
    "risks-over-time",
    "threats",
    "threats-over-time",
    "vulnerabilities",
    "vulnerabilities-over-time",
    "cartography",
    "compliance",
    "map",
    "activity",
];

/// Stores three weeks of stats of two analyses of a client on the map, which end today.
fn fill(service: &Service) {
    let start = Local::now().date_naive() - Days::new(20);
    let owner = service.front_office().stored();
    let change = ClientChange::Coordinates(Some(Coordinates::new(49.61, -6.13).unwrap()));
    service.db.change_client(owner.uuid, &change).unwrap();
    for analysis in Sample::new(20).analyses(2, start) {
        let stats = analysis.stats(start.iter_days().take(21)).map(Stat::from);
        let stats: Vec<_> = stats.collect();
        service.db.insert_stats(owner.id, &stats).unwrap();
    }
}

fn get(service: &Service, path: &str) -> Response {
    let response = service.get(path);
    assert_eq!(response.status, 200, "{path}: {response:?}");
    response
}

/// The rows of a table, without its header.
fn rows(service: &Service, path: &str) -> Vec<Vec<String>> {
    let csv = get(service, path).body;
    let rows = csv.split("\r\n").skip(1).filter(|row| !row.is_empty());
    rows.map(|row| {
        row.split(',')
            .map(|cell| cell.trim_matches('"').to_owned())
            .collect()
    })
    .collect()
}

fn json(service: &Service, path: &str) -> Value {
    get(service, path).json()
}

#[track_caller]
fn assert_same(cell: &str, value: &Value) {
    let numbers = cell.parse::<f64>().ok().zip(value.as_f64());
    // serde_json does not read the nearest float.
    assert!(
        numbers.is_some_and(|(a, b)| (a - b).abs() < 1e-9),
        "{cell} {value}"
    );
}

on_each_database!(risks_are_those_of_the_json_file);
fn risks_are_those_of_the_json_file(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    let levels = ["High risks", "Medium risks", "Low risks"];
    for kind in ["informational", "operational"] {
        for days in [365, 7] {
            let query = format!("days={days}&kind={kind}");
            let overall = json(
                &service,
                &format!("/stats/risks.json?days={days}&processor=risk_averages"),
            );
            let table = rows(&service, &format!("/chart/risks.csv?{query}"));
            assert_eq!(table.len(), 3);
            for (row, level) in table.iter().zip(levels) {
                assert_same(&row[1], &overall["current"][kind][level]);
                assert_same(&row[2], &overall["residual"][kind][level]);
            }
            let by_date = json(&service, &format!("/stats/risks.json?days={days}"));
            let table = rows(&service, &format!("/chart/risks-over-time.csv?{query}"));
            let dates = by_date["current"][kind]["Low risks"].as_object().unwrap();
            assert!(table.iter().map(|row| &row[0]).eq(dates.keys()));
            for row in &table {
                for (position, level) in levels.into_iter().enumerate() {
                    for (offset, state) in [(1, "current"), (2, "residual")] {
                        assert_same(
                            &row[2 * position + offset],
                            &by_date[state][kind][level][&row[0]],
                        );
                    }
                }
                assert_eq!(row[7..], ["2", "1"], "analyses and clients");
            }
        }
    }
}

on_each_database!(objects_are_ordered_by_the_measure);
fn objects_are_ordered_by_the_measure(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    for file in ["threats", "vulnerabilities"] {
        let objects = json(
            &service,
            &format!("/stats/{file}.json?format=series&days=30"),
        );
        for (measure, name, column) in [
            ("count", "count", 1),
            ("rate", "averageRate", 2),
            ("max_risk", "maxRisk", 3),
        ] {
            for (order, top) in [("highest", 5), ("lowest", 15)] {
                let mut objects = objects.as_array().unwrap().clone();
                let value = |object: &Value| object["averages"][name].as_f64().unwrap();
                objects.sort_by(|a, b| value(b).total_cmp(&value(a)));
                if order == "lowest" {
                    objects.reverse();
                }
                let table = rows(
                    &service,
                    &format!("/chart/{file}.csv?by={measure}&order={order}&top={top}"),
                );
                assert_eq!(table.len(), top);
                for (row, object) in table.iter().zip(&objects) {
                    assert_same(&row[column], &json!(value(object)));
                }
            }
            let table = get(
                &service,
                &format!("/chart/{file}-over-time.csv?by={measure}&top=1"),
            )
            .body;
            let (header, first) = table.split_once("\r\n").unwrap();
            let label = header.split(',').nth(1).unwrap().trim_matches('"');
            let object = objects
                .as_array()
                .unwrap()
                .iter()
                .find(|object| object["labels"]["label2"] == label);
            let values = object.unwrap()["values"].as_array().unwrap();
            let date = first.split(',').next().unwrap();
            let on = values.iter().find(|on| on["date"] == date).unwrap();
            assert_same(first.split(',').nth(1).unwrap(), &on[name]);
        }
    }
}

on_each_database!(the_start_page_has_the_first_objects_of_the_picture);
fn the_start_page_has_the_first_objects_of_the_picture(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    let office = service.front_office();
    // Before the period of the picture, so that it counts in the small line only.
    let old = |id: &str| json!([{"uuid": id, "label2": "Flood", "count": 999, "maxRisk": 1, "averageRate": 1}]);
    office.store([new_stat("threat", 60, old(&uuid()))]);
    let page = get(&service, "/").body;
    for file in ["threats", "vulnerabilities"] {
        let table = rows(&service, &format!("/chart/{file}.csv?top=5"));
        let mut rest = page.as_str();
        for row in table {
            let mean: f64 = row[1].parse().unwrap();
            let name = format!("<bdi>{}</bdi>", row[0]);
            rest = rest
                .split_once(&name)
                .unwrap_or_else(|| panic!("{name} in order: {rest}"))
                .1;
            let number = format!("<td class=\"number\">{mean:.1}</td>");
            assert!(
                rest.split("</tr>").next().unwrap().contains(&number),
                "{row:?}"
            );
        }
    }
    assert!(!page.contains("Flood"));
}

on_each_database!(matrices_and_compliance_are_those_of_the_json_files);
fn matrices_and_compliance_are_those_of_the_json_files(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    let matrices = json(
        &service,
        "/stats/cartography.json?processor=cartography_averages",
    );
    for (kind, columns) in [("informational", 21), ("operational", 5)] {
        for state in ["current", "residual"] {
            let table = rows(
                &service,
                &format!("/chart/cartography.csv?days=365&kind={kind}&state={state}"),
            );
            assert_eq!(table.len(), 5 * columns);
            for row in table {
                let place = |column: usize| row[column].parse::<usize>().unwrap();
                assert_same(&row[2], &matrices[state][kind][place(0)][place(1)]);
            }
        }
    }
    let compliance = json(&service, "/stats/compliance.json?format=series");
    for referential in compliance.as_array().unwrap() {
        let id = referential["referential"].as_str().unwrap();
        let table = rows(
            &service,
            &format!("/chart/compliance.csv?days=365&referential={id}"),
        );
        let categories = referential["categories"].as_array().unwrap();
        assert_eq!(table.len(), categories.len());
        let gap =
            |row: &Vec<String>| row[2].parse::<f64>().unwrap() - row[1].parse::<f64>().unwrap();
        assert!(table.is_sorted_by(|a, b| gap(a) >= gap(b)), "{table:?}");
        for row in &table {
            let category = categories
                .iter()
                .find(|category| category["labels"]["label2"] == row[0])
                .unwrap();
            assert_same(&row[1], &category["averages"]["current"]);
            assert_same(&row[2], &category["averages"]["target"]);
        }
    }
}

on_each_database!(a_heading_says_what_the_picture_shows);
fn a_heading_says_what_the_picture_shows(database: &TestDatabase) {
    let service = Service::start(database);
    let office = service.front_office();
    let analysis = uuid();
    let risks = |high: u32, days: u64| {
        let levels =
            |value: u32| json!({"informational": [{"level": "High risks", "value": value}]});
        let data = json!({"risks": {"current": levels(high), "residual": levels(high / 2)}});
        stat(&analysis, "risk", &days_ago(days), data)
    };
    let heading = |path: &str| {
        let page = get(&service, path).body;
        let heading = page.split("<h1>").nth(1).unwrap();
        heading.split_once('<').unwrap().0.to_owned()
    };
    office.store([risks(8, 3)]);
    let today = "An analysis has 8.0 high information risks; treatment is to leave 4.0";
    assert_eq!(heading("/chart/risks.html"), today);
    assert_eq!(
        heading("/chart/risks-over-time.html"),
        "Risks over time",
        "one date has no trend"
    );
    office.store([risks(6, 2)]);
    let date = (Local::now().date_naive() - Days::new(3)).format("%-d %B %Y");
    let fell = format!("High information risks fell from 8.0 to 6.0 an analysis since {date}");
    assert_eq!(heading("/chart/risks-over-time.html"), fell);
    assert_eq!(
        heading("/chart/risks-over-time.html?kind=operational"),
        "Risks over time"
    );
}

on_each_database!(files_have_their_types);
fn files_have_their_types(database: &TestDatabase) {
    let service = Service::start(database);
    // Without stats, too.
    for is_filled in [false, true] {
        if is_filled {
            fill(&service);
        }
        for picture in PICTURES {
            for (extension, content_type, start) in [
                ("html", "text/html; charset=utf-8", "<!DOCTYPE html>"),
                ("csv", "text/csv; charset=utf-8", ""),
                ("svg", "image/svg+xml", "<svg xmlns"),
                ("png", "image/png", "\u{fffd}PNG"),
            ] {
                let path = format!("/chart/{picture}.{extension}");
                let response = get(&service, &path);
                assert_eq!(
                    response.header("content-type"),
                    Some(content_type),
                    "{path}"
                );
                assert!(response.body.starts_with(start), "{path}: {response:?}");
                let is_file = extension == "csv";
                let disposition = format!("attachment; filename=\"{picture}.csv\"");
                let expected = is_file.then_some(disposition.as_str());
                assert_eq!(response.header("content-disposition"), expected);
                if extension != "html" {
                    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
                    assert_eq!(
                        response.header("cache-control"),
                        Some("public, max-age=300")
                    );
                }
            }
        }
    }
    for path in [
        "/chart/risks",
        "/chart/risks.gif",
        "/chart/.svg",
        "/chart/Risks.svg",
        "/chart/x.svg",
        "/chart/",
    ] {
        assert_eq!(service.get(path).status, 404, "{path}");
    }
}

on_each_database!(an_image_has_the_chosen_form);
fn an_image_has_the_chosen_form(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    let image = |query: &str| get(&service, &format!("/chart/risks.svg?{query}")).body;
    assert!(image("").contains("width=\"800\""));
    assert!(image("width=320").contains("width=\"320\""));
    assert_ne!(image("theme=dark"), image("theme=light"));
    assert_eq!(image("theme=light&utm_source=x"), image(""));
    assert_ne!(image("lang=fr"), image("lang=en"));
    for (query, field) in [
        ("width=319", "width"),
        ("width=2401", "width"),
        ("width=wide", "width"),
        ("theme=pink", "theme"),
        ("top=21", "top"),
        ("referential=x", "referential"),
    ] {
        let response = service.get(&format!("/chart/risks.png?{query}"));
        assert_eq!(response.status, 400, "{query}");
        assert!(
            response.json()["errors"][field].is_string(),
            "{query}: {response:?}"
        );
    }
    let unknown = get(
        &service,
        &format!("/chart/compliance.svg?referential={}", uuid()),
    );
    assert!(
        unknown.body.contains("No stats of the last 30 days."),
        "{unknown:?}"
    );
}

on_each_database!(pages_and_pictures_are_not_sent_again_until_something_changes);
fn pages_and_pictures_are_not_sent_again_until_something_changes(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    let owner = service.db.clients().unwrap().remove(0);
    let coordinates = |latitude: f64| {
        let change = ClientChange::Coordinates(Some(Coordinates::new(latitude, 6.0).unwrap()));
        service.db.change_client(owner.uuid, &change).unwrap();
    };
    let office = service.front_office();
    let element =
        json!({"uuid": uuid(), "label2": "Flood", "count": 90, "maxRisk": 1, "averageRate": 1});
    let threat = || new_stat("threat", 0, json!([element]));
    for (path, change) in [
        ("/stats", &(|| office.store([threat()])) as &dyn Fn()),
        ("/", &|| office.store([new_stat("risk", 0, json!([]))])),
        ("/map", &|| coordinates(48.0)),
        ("/chart/map.svg", &|| coordinates(47.0)),
    ] {
        let tag = get(&service, path).header("etag").unwrap().to_owned();
        let again = service.get_with_header(path, "If-None-Match", &tag);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        let other = service.get_with_header(&format!("{path}?lang=de"), "If-None-Match", &tag);
        assert_eq!(other.status, 200, "{path}");
        change();
        let changed = service.get_with_header(path, "If-None-Match", &tag);
        assert_eq!(changed.status, 200, "{path}");
    }
}

on_each_database!(the_map_shows_no_names_of_clients);
fn the_map_shows_no_names_of_clients(database: &TestDatabase) {
    let service = Service::start(database);
    fill(&service);
    let page = get(&service, "/map").body;
    assert!(page.contains("Client at 49.6° N, 6.1° W"), "{page}");
    assert!(page.contains("Threat: "), "{page}");
    let table = rows(&service, "/chart/map.csv");
    let analyses = match table[0].last().unwrap().as_str() {
        "1" => "one analysis".to_owned(),
        number => format!("{number} analyses"),
    };
    let reports = format!("newest report: {analyses} of one client.");
    assert!(page.contains(&reports), "{reports} {page}");
    let name = service.db.clients().unwrap().remove(0).name;
    assert!(!page.contains(&name));
}
