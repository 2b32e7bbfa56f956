//! The public statistics as a release: what few clients are behind is in no answer, and answers stay the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Local, NaiveDate};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use stats_core::{Coordinates, Stat, StatsType};
use stats_db::{ClientChange, Db};
use stats_http::{App, HttpConfig};
use stats_partials::{Partials, Publisher};
use stats_processors::{Partial, Processor, Registry, View};
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{
    FrontOffice, PROCESSED, STATS, Service, days_ago, new_stat, uuid, wait_until,
};

const REFERENTIAL: &str = "98ca84fb-db87-11e8-ac77-0800279aaa2b";
const KEYS: [&str; 2] = [
    "0a02d4e0-4576-11e9-9173-0800277f0571",
    "b402d4e0-4576-11e9-9173-0800277f0571",
];
const TYPES: [(&str, &str); 5] = [
    ("threat", "threats"),
    ("vulnerability", "vulnerabilities"),
    ("risk", "risks"),
    ("cartography", "cartography"),
    ("compliance", "compliance"),
];
/// The dates of stats, as days before today.
const DAYS: u64 = 5;

/// Starts a service whose public statistics are a release.
fn start(database: &TestDatabase, min_clients: u64) -> Service {
    Service::with_config(database, |config| config.public_min_clients = min_clients)
}

/// Makes a release as `stats-admin stats publish` does.
fn publish(db: &Db, min_clients: u64) {
    let publisher = Publisher {
        processors: &Registry::default(),
        min_clients,
    };
    let partials = Partials::new(db.clone(), 0);
    publisher
        .publish(db, &partials, Local::now().date_naive())
        .unwrap();
}

/// A stat with one figure, as the client sent it.
#[derive(Clone)]
struct Raw {
    client: usize,
    is_local: bool,
    date: NaiveDate,
    stats_type: &'static str,
    key: &'static str,
    label: &'static str,
    value: u32,
}

impl Raw {
    fn random(client: usize, is_local: bool, random: &mut StdRng) -> Self {
        let (stats_type, _) = TYPES[random.random_range(0..TYPES.len())];
        let keys = match stats_type {
            "risk" => ["Low risks", "High risks"],
            "cartography" => ["informational", "operational"],
            _ => KEYS,
        };
        Self {
            client,
            is_local,
            date: days_ago(random.random_range(0..DAYS)).parse().unwrap(),
            stats_type,
            key: keys[random.random_range(0..keys.len())],
            label: ["Phishing", "Theft", "Fire"][random.random_range(0..3)],
            value: random.random_range(0..=100),
        }
    }

    fn document(&self) -> Value {
        let Self {
            key, label, value, ..
        } = self;
        match self.stats_type {
            "risk" => {
                json!({"risks": {"current": {"informational": [{"level": key, "value": value}]}}})
            }
            "cartography" => json!({
                "risks": {"current": {*key: {"0": {"0": value}}}},
                "scales": {"impact": [0, 4], "likelihood": [0, 20], "probability": [0, 4]},
            }),
            "compliance" => {
                let value = f64::from(*value) / 100.0;
                let category =
                    json!([{"controls": [{"measure": key}], "value": value, "label2": label}]);
                json!([{
                    "referential": REFERENTIAL, "label2": label, "current": category, "target": category,
                }])
            }
            _ => json!([{
                "uuid": key, "label2": label, "count": value, "maxRisk": value, "averageRate": value,
            }]),
        }
    }

    fn stat(&self) -> Value {
        json!({
            "uuid": uuid(), "anr": uuid(), "type": self.stats_type, "date": self.date,
            "data": self.document(),
        })
    }

    /// The value in results.
    fn value(&self) -> f64 {
        match self.stats_type {
            "compliance" => f64::from(self.value) / 100.0,
            _ => self.value.into(),
        }
    }
}

/// The values and clients behind a figure.
#[derive(Default, Clone)]
struct Figure {
    values: Vec<f64>,
    clients: BTreeSet<usize>,
}

/// A mean as a release shows it.
fn rounded(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    format!("{mean:.1e}").parse().unwrap()
}

type Figures = BTreeMap<(String, NaiveDate), Figure>;

/// The figures that may be published, from the stats themselves.
fn published(raw: &[Raw], stats_type: &str, local_only: bool, min_clients: usize) -> Figures {
    let figures = |local_only: bool| {
        let mut figures = Figures::new();
        let today = Local::now().date_naive();
        let of_type = raw.iter().filter(|raw| {
            raw.stats_type == stats_type && raw.date < today && (raw.is_local || !local_only)
        });
        for raw in of_type {
            let figure = figures.entry((raw.key.to_owned(), raw.date)).or_default();
            figure.values.push(raw.value());
            figure.clients.insert(raw.client);
        }
        figures
    };
    let all = figures(false);
    let mut figures = figures(local_only);
    figures.retain(|key, figure| {
        let others = all[key].clients.difference(&figure.clients).count();
        figure.clients.len() >= min_clients && (others == 0 || others >= min_clients)
    });
    figures
}

/// The values by key and date in a result.
fn read(stats_type: &str, format: &str, body: &str) -> BTreeMap<(String, NaiveDate), f64> {
    let mut found = BTreeMap::new();
    let mut add = |key: &str, date: &str, value: &Value| {
        let value = match value {
            Value::String(text) => text.parse().unwrap(),
            other => other.as_f64().unwrap(),
        };
        let earlier = found.insert((key.to_owned(), date.parse().unwrap()), value);
        assert_eq!(earlier, None);
    };
    if format == "csv" {
        let mut rows = body.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let header = rows.next().unwrap();
        let column = |name: &str| header.iter().position(|found| *found == name).unwrap();
        let (key, value) = match stats_type {
            "risk" => ("level", "value"),
            "cartography" => ("kind", "value"),
            "compliance" => ("category", "current"),
            _ => ("object", "count"),
        };
        for row in rows {
            if stats_type == "cartography" && row[column("impact")..][..2] != ["0", "0"] {
                continue;
            }
            let value = json!(row[column(value)]);
            add(row[column(key)], row[column("date")], &value);
        }
        return found;
    }
    let json: Value = serde_json::from_str(body).unwrap();
    let entries = |value: &Value| -> Vec<(String, Value)> {
        let entries = value.as_object().into_iter().flatten();
        entries
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match (stats_type, format) {
        ("risk" | "cartography", _) => {
            let kinds = &json["current"];
            let keyed = match stats_type {
                "risk" => entries(&kinds["informational"]),
                _ => entries(kinds),
            };
            let value = |value: &Value| match value {
                Value::Array(rows) => rows[0][0].clone(),
                other => other.clone(),
            };
            for (key, dates) in keyed {
                for on in list(&dates) {
                    add(&key, &text(&on["date"]), &value(&on["value"]));
                }
                for (date, mean) in entries(&dates) {
                    add(&key, &date, &value(&mean));
                }
            }
        }
        ("compliance", "map") => {
            for (category, dates) in entries(&json[REFERENTIAL]) {
                for (date, means) in entries(&dates) {
                    add(&category, &date, &means["current"]);
                }
            }
        }
        ("compliance", _) => {
            for category in list(&json[0]["categories"]) {
                for on in list(&category["values"]) {
                    add(
                        &text(&category["category"]),
                        &text(&on["date"]),
                        &on["current"],
                    );
                }
            }
        }
        (_, "map") => {
            for (object, dates) in entries(&json) {
                for (date, means) in entries(&dates) {
                    add(&object, &date, &means["count"]);
                }
            }
        }
        _ => {
            for object in list(&json) {
                for on in list(&object["values"]) {
                    add(&text(&object["object"]), &text(&on["date"]), &on["count"]);
                }
            }
        }
    }
    found
}

fn within(figures: &Figures, from: NaiveDate) -> Figures {
    let figures = figures.iter().filter(|((_, date), _)| *date >= from);
    figures
        .map(|(key, figure)| (key.clone(), figure.clone()))
        .collect()
}

on_each_database!(each_public_figure_has_enough_clients_behind_it);
fn each_public_figure_has_enough_clients_behind_it(database: &TestDatabase) {
    let mut random = StdRng::seed_from_u64(22);
    let mut some = BTreeSet::new();
    for min_clients in [2, 3] {
        let service = start(database, min_clients);
        service.db.empty().unwrap();
        let offices: Vec<_> = (0..9).map(|_| service.front_office()).collect();
        let mut raw = Vec::new();
        for (client, office) in offices.iter().enumerate() {
            let is_local = client % 3 > 0;
            office.change(&ClientChange::Local(is_local));
            let sent: Vec<_> = (0..30)
                .map(|_| Raw::random(client, is_local, &mut random))
                .collect();
            office.store(sent.iter().map(Raw::stat).collect::<Vec<_>>());
            raw.extend(sent);
        }
        publish(&service.db, min_clients);
        for (stats_type, route) in TYPES {
            for local_only in [false, true] {
                let k = min_clients.try_into().unwrap();
                let all = published(&raw, stats_type, local_only, k);
                some.extend((!all.is_empty()).then_some((stats_type, local_only)));
                for days in [0, 1, 2, 4, 365] {
                    let from = days_ago(days).parse().unwrap();
                    let expected = within(&all, from);
                    let means: BTreeMap<_, _> = expected
                        .iter()
                        .map(|(key, figure)| (key.clone(), rounded(&figure.values)))
                        .collect();
                    for format in ["map", "series", "csv"] {
                        let path = format!(
                            "/stats/{route}.json?days={days}&format={format}&local_stats_only={local_only}"
                        );
                        let response = service.get(&path);
                        assert_eq!(response.status, 200, "{path}: {response:?}");
                        assert_eq!(read(stats_type, format, &response.body), means, "{path}");
                        let selected = (stats_type, local_only);
                        check_labels(&response.body, &expected, &raw, selected, min_clients);
                    }
                    check_averages(&service, (stats_type, route), &expected, days, local_only);
                }
                // The newest day with a figure.
                let newest = all.keys().map(|(_, date)| *date).max();
                let path =
                    format!("/stats/{route}.json?last_stats=1&local_stats_only={local_only}");
                let found = read(stats_type, "map", &service.get(&path).body);
                let expected = newest
                    .map(|newest| within(&all, newest))
                    .unwrap_or_default();
                assert!(found.keys().eq(expected.keys()), "{path}");
                // The same for clients.
                let path = format!(
                    "{PROCESSED}?type={stats_type}&processor={}&local_stats_only={local_only}",
                    on_each_date(stats_type)
                );
                let processed = offices[0].get(&path).json()["data"].to_string();
                let found = read(stats_type, "series", &processed);
                assert!(found.keys().eq(all.keys()), "{path}");
            }
        }
        check_pages(&service, min_clients);
    }
    assert_eq!(
        some.len(),
        2 * TYPES.len(),
        "something of each type is published"
    );
}

fn on_each_date(stats_type: &str) -> &'static str {
    match stats_type {
        "risk" => "risk_averages_on_date",
        "cartography" => "cartography_averages_on_date",
        "compliance" => "compliance_averages_on_date",
        "threat" => "threat_average_on_date",
        _ => "vulnerability_average_on_date",
    }
}

/// Each label that a result has is used by enough clients for one of its figures, or for the referential.
fn check_labels(
    body: &str,
    figures: &Figures,
    raw: &[Raw],
    (stats_type, local_only): (&str, bool),
    min_clients: u64,
) {
    for label in ["Phishing", "Theft", "Fire"] {
        if body.contains(label) {
            let is_shared = figures.keys().any(|(key, date)| {
                let users = raw.iter().filter(|raw| {
                    (raw.stats_type, raw.date, raw.label) == (stats_type, *date, label)
                        && (raw.key == key || stats_type == "compliance")
                        && (raw.is_local || !local_only)
                });
                let users: BTreeSet<_> = users.map(|raw| raw.client).collect();
                users.len() as u64 >= min_clients
            });
            assert!(is_shared, "{label}");
        }
    }
}

/// The means over a period are those over the published figures.
fn check_averages(
    service: &Service,
    (stats_type, route): (&str, &str),
    figures: &Figures,
    days: u64,
    local_only: bool,
) {
    let mut by_key = BTreeMap::<_, Vec<f64>>::new();
    for ((key, _), figure) in figures {
        let values = by_key.entry(key.clone()).or_default();
        values.extend(&figure.values);
    }
    let processor = match stats_type {
        "risk" => "risk_averages",
        "cartography" => "cartography_averages",
        "compliance" => "compliance_averages",
        _ => on_each_date(stats_type),
    };
    let path = format!(
        "/stats/{route}.json?days={days}&format=series&processor={processor}&local_stats_only={local_only}"
    );
    let json = service.get(&path).json();
    let mut found = BTreeMap::new();
    match stats_type {
        "risk" => {
            for (level, mean) in json["current"]["informational"]
                .as_object()
                .into_iter()
                .flatten()
            {
                found.insert(level.clone(), mean.as_f64().unwrap());
            }
        }
        "cartography" => {
            for (kind, matrix) in json["current"].as_object().into_iter().flatten() {
                found.insert(kind.clone(), matrix[0][0].as_f64().unwrap());
            }
        }
        "compliance" => {
            for category in json[0]["categories"].as_array().into_iter().flatten() {
                let key = category["category"].as_str().unwrap();
                found.insert(key.to_owned(), category["current"].as_f64().unwrap());
            }
        }
        _ => {
            for object in json.as_array().unwrap() {
                let key = object["object"].as_str().unwrap();
                let mean = object["averages"]["count"].as_f64().unwrap();
                found.insert(key.to_owned(), mean);
            }
        }
    }
    let expected: BTreeMap<_, _> = by_key
        .iter()
        .map(|(key, values)| (key.clone(), rounded(values)))
        .collect();
    assert_eq!(found, expected, "{path}");
}

/// The tables of pictures count enough clients in each row.
fn check_pages(service: &Service, min_clients: u64) {
    let mut rows_found = 0;
    for (picture, _) in PICTURES {
        let path = format!("/chart/{picture}.csv?days=365");
        let response = service.get(&path);
        assert_eq!(response.status, 200, "{path}: {response:?}");
        let mut table = csv::Reader::from_reader(response.body.as_bytes());
        let header = table.headers().unwrap().clone();
        let column = header.iter().position(|name| name == "Clients");
        for row in table.records().map(Result::unwrap) {
            if let Some(column) = column {
                assert!(
                    row[column].parse::<u64>().unwrap() >= min_clients,
                    "{path}: {row:?}"
                );
                rows_found += 1;
            }
        }
    }
    assert!(rows_found > 0);
    let said = format!("Figures of fewer than {min_clients} clients are left out.");
    for path in [
        "/",
        "/stats",
        "/evolution",
        "/cartography",
        "/compliance",
        "/chart/risks.html",
    ] {
        assert!(service.get(path).body.contains(&said), "{path}");
    }
    let about = service.get("/about/more").body;
    assert!(about.contains(&format!(
        "At least {min_clients} clients are behind each figure"
    )));
}

const PICTURES: [(&str, bool); 10] = [
    ("risks", true),
    ("risks-over-time", true),
    ("threats", true),
    ("threats-over-time", true),
    ("vulnerabilities", true),
    ("vulnerabilities-over-time", true),
    ("cartography", true),
    ("compliance", true),
    ("map", false),
    ("activity", true),
];

/// Everything that is public, with what may change without a release: nothing. The address of the server is that of the
/// proxy.
fn all_public(service: &Service) -> BTreeMap<String, (String, Option<String>)> {
    let mut paths: Vec<String> = [
        "/",
        "/about",
        "/about/more",
        "/help",
        "/stats",
        "/evolution",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend(
        [
            "/cartography",
            "/compliance",
            "/map",
            "/map/clients.json",
            "/about.json",
        ]
        .map(str::to_owned),
    );
    for (_, route) in TYPES {
        for arguments in [
            "",
            "&labels=1",
            "&days=2",
            "&last_stats=1",
            "&weight=client",
            "&local_stats_only=1",
        ] {
            for format in ["map", "series&counts=1", "csv"] {
                paths.push(format!("/stats/{route}.json?format={format}{arguments}"));
            }
        }
    }
    for (picture, _) in PICTURES {
        for extension in ["html", "csv", "svg", "png"] {
            paths.push(format!("/chart/{picture}.{extension}"));
        }
    }
    let get = |path: String| {
        let response = service.get_with_header(&path, "Host", "stats.example");
        assert_eq!(response.status, 200, "{path}: {response:?}");
        let tag = response.header("etag").map(str::to_owned);
        assert_eq!(response.header("last-modified"), None);
        (path, (response.body, tag))
    };
    paths.into_iter().map(get).collect()
}

on_each_database!(nothing_public_changes_until_the_next_release);
fn nothing_public_changes_until_the_next_release(database: &TestDatabase) {
    let service = start(database, 2);
    let mut random = StdRng::seed_from_u64(23);
    let offices: Vec<_> = (0..4).map(|_| service.front_office()).collect();
    let send = |office: &FrontOffice<'_>, random: &mut StdRng| {
        let stats: Vec<_> = (0..40)
            .map(|_| Raw::random(0, true, random).stat())
            .collect();
        office.store(&stats);
        stats
    };
    for (office, latitude) in offices.iter().zip([49.0, 50.0, 51.0]) {
        send(office, &mut random);
        let at = Coordinates::new(latitude, 6.0).unwrap();
        office.change(&ClientChange::Coordinates(Some(at)));
    }
    publish(&service.db, 2);
    let public = all_public(&service);
    let metrics = service.get("/metrics").body;
    assert!(public["/map/clients.json"].0.contains("51.0"));
    let change = |random: &mut StdRng| {
        let stats = send(&offices[3], random);
        let path = format!("{STATS}{}", stats[0]["anr"].as_str().unwrap());
        assert_eq!(offices[3].delete(&path).status, 204);
        let new = service.front_office();
        let at = Coordinates::new(52.0, 6.0).unwrap();
        new.change(&ClientChange::Coordinates(Some(at)));
        send(&new, random);
        new.change(&ClientChange::Active(false));
        offices[0].change(&ClientChange::Coordinates(None));
        new.get(STATS);
    };
    change(&mut random);
    let differs = |one: &BTreeMap<_, _>, other: &BTreeMap<String, (String, Option<String>)>| {
        let paths = one.iter().filter(|(path, answer)| other[*path] != **answer);
        paths
            .map(|(path, _): (&String, &(String, Option<String>))| path.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(differs(&public, &all_public(&service)), [""; 0]);
    wait_until(|| {
        // What the database says is read once a second.
        service.get("/metrics").body == metrics
    });
    // Another server says the same.
    let config = HttpConfig {
        public_min_clients: 2,
        ..HttpConfig::default()
    };
    let other = Service::with_app(service.db.clone(), App::new(service.db.clone(), config));
    assert_eq!(differs(&public, &all_public(&other)), [""; 0]);
    // Then both say what the next release has.
    publish(&service.db, 2);
    let next = all_public(&service);
    let changed = differs(&public, &next);
    for path in [
        "/",
        "/map",
        "/map/clients.json",
        "/stats/threats.json?format=csv",
        "/chart/risks.svg",
    ] {
        assert!(changed.contains(&path.to_owned()), "{path}: {changed:?}");
    }
    assert_eq!(differs(&next, &all_public(&other)), [""; 0]);
}

on_each_database!(a_server_makes_the_release_of_today_at_its_start);
fn a_server_makes_the_release_of_today_at_its_start(database: &TestDatabase) {
    let db = database.migrated();
    assert_eq!(db.release().unwrap(), None);
    let sequence = || db.release().unwrap().unwrap().sequence;
    // A public answer waits for it.
    assert_eq!(start(database, 3).get("/stats/risks.json").status, 200);
    assert_eq!(sequence(), 1);
    // One of today stays.
    assert_eq!(start(database, 3).get("/stats/risks.json").status, 200);
    assert_eq!(sequence(), 1);
    for (expected, make_due) in [
        (
            2,
            format!("UPDATE public_release SET day = '{}'", days_ago(1)),
        ),
        (3, "UPDATE public_release SET min_clients = 2".to_owned()),
        (4, "UPDATE public_release SET min_clients = 9".to_owned()),
        (5, "UPDATE public_release SET formats = ''".to_owned()),
        (1, "DELETE FROM public_release".to_owned()),
    ] {
        database.execute(&make_due);
        let service = start(database, 3);
        assert_eq!(service.get("/stats/risks.json").status, 200);
        assert_eq!(sequence(), expected, "{make_due}");
        assert_eq!(db.release().unwrap().unwrap().min_clients, 3);
    }
    // Without releases, none is made.
    database.execute("DELETE FROM public_release");
    assert_eq!(
        Service::start(database).get("/stats/risks.json").status,
        200
    );
    assert_eq!(db.release().unwrap(), None);
}

#[test]
fn one_of_several_servers_makes_the_release_for_all() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    drop(database.migrated());
    let holder =
        database.hold("BEGIN; SELECT pg_try_advisory_xact_lock(x'72656c65617365'::bigint)");
    let waiting = start(&database, 2);
    let response = waiting.get("/stats/risks.json");
    assert!(response.is_unavailable(), "{response:?}");
    assert_eq!(waiting.db.release().unwrap(), None);
    drop(holder);
    let other = start(&database, 2);
    assert_eq!(other.get("/stats/risks.json").status, 200);
    assert_eq!(waiting.get("/stats/risks.json").status, 200);
    assert_eq!(waiting.db.release().unwrap().unwrap().sequence, 1);
}

on_each_database!(a_release_that_withholds_too_little_is_not_shown);
fn a_release_that_withholds_too_little_is_not_shown(database: &TestDatabase) {
    let service = start(database, 3);
    assert_eq!(service.get("/stats/risks.json").status, 200);
    database.execute("UPDATE public_release SET min_clients = 2");
    for path in ["/stats/risks.json", "/map/clients.json"] {
        assert!(service.get(path).is_unavailable(), "{path}");
    }
    for path in ["/", "/chart/risks.svg"] {
        assert_eq!(service.get(path).status, 503, "{path}");
    }
    // The rest of the service works.
    let office = service.front_office();
    office.store([new_stat("risk", 1, json!({}))]);
    assert_eq!(service.get("/health").status, 200);
}

on_each_database!(clients_process_their_own_analyses_and_the_release);
fn clients_process_their_own_analyses_and_the_release(database: &TestDatabase) {
    let service = start(database, 2);
    let offices = [service.front_office(), service.front_office()];
    let risks = |value: f64| json!({"risks": {"current": {"informational": [{"level": "Low risks", "value": value}]}}});
    let own = new_stat("risk", 0, risks(1.23456));
    offices[0].store([&own, &new_stat("risk", 1, risks(1.25))]);
    offices[1].store([&new_stat("risk", 1, risks(3.333))]);
    publish(&service.db, 2);
    let process = |arguments: &Value| {
        let mut arguments = arguments.clone();
        arguments["type"] = json!("risk");
        arguments["processor"] = json!("risk_averages");
        offices[0].get_with(PROCESSED, &arguments).json()["data"]["current"]["informational"]["Low risks"].clone()
    };
    // Its own stats of today, with all digits.
    assert_eq!(process(&json!({"anrs": [own["anr"]]})), 1.23456);
    // All clients: whole days, rounded.
    assert_eq!(process(&json!({})), 2.3);
    assert_eq!(process(&json!({"date_from": days_ago(0)})), Value::Null);
    assert_eq!(
        process(&json!({"date_from": days_ago(1), "date_to": days_ago(1)})),
        2.3
    );
    let weighted = process(&json!({"processor_params": {"weight": "client"}}));
    assert_eq!(weighted, 2.3);
}

on_each_database!(the_map_of_a_release_has_places_without_figures);
fn the_map_of_a_release_has_places_without_figures(database: &TestDatabase) {
    let service = start(database, 2);
    let (one, two) = (service.front_office(), service.front_office());
    for (office, latitude) in [(&one, 50.0), (&two, 49.0)] {
        let at = Coordinates::new(latitude, 6.25).unwrap();
        office.change(&ClientChange::Coordinates(Some(at)));
    }
    let object = json!([{"uuid": KEYS[0], "label2": "Phishing", "count": 4, "maxRisk": 4, "averageRate": 4}]);
    one.store([
        new_stat("threat", 1, object.clone()),
        new_stat("vulnerability", 1, object),
    ]);
    publish(&service.db, 2);
    let place = |latitude: f64| {
        json!({
            "latitude": latitude, "longitude": 6.25, "max_threat": null, "max_threat_label": null,
            "max_vulnerability": null, "max_vulnerability_label": null,
        })
    };
    let response = service.get("/map/clients.json");
    response.assert_json(200, json!([place(49.0), place(50.0)]));
    let page = service.get("/map").body;
    assert!(
        page.contains("2 clients show where they are") && !page.contains("Phishing"),
        "{page}"
    );
    let table = service.get("/chart/map.csv").body;
    assert_eq!(table.lines().count(), 3);
    assert!(table.starts_with("Place\r\n"), "{table}");
}

on_each_database!(the_home_page_leaves_out_figures_of_few_clients);
fn the_home_page_leaves_out_figures_of_few_clients(database: &TestDatabase) {
    let service = start(database, 2);
    let office = service.front_office();
    office.store([new_stat("risk", 1, json!({}))]);
    publish(&service.db, 2);
    let fewer = || {
        service
            .get("/")
            .body
            .matches("fewer than 2 clients")
            .count()
    };
    // Clients, analyses, stats, and why there are no pictures.
    assert_eq!(fewer(), 4);
    assert!(!service.get("/").body.contains(&days_ago(1)));
    let other = service.front_office();
    other.store([new_stat("risk", 1, json!({}))]);
    publish(&service.db, 2);
    let page = service.get("/").body;
    for figure in [
        "<dt>Clients</dt><dd>2</dd>",
        "<dt>Analyses</dt><dd>2</dd>",
        "<dt>Stats</dt><dd>2</dd>",
    ] {
        assert!(page.contains(figure), "{figure}: {page}");
    }
    assert!(page.contains(&days_ago(1)));
    let about = service.get("/about/more").body;
    // All types but one.
    assert_eq!(about.matches("fewer than 2 clients").count(), 4);
}

/// A processor whose partial cannot be stored.
struct Counter;

#[derive(Default)]
struct Count(u64);

impl Partial for Count {
    fn fold<'a>(
        &mut self,
        _: NaiveDate,
        documents: impl IntoIterator<Item = impl Into<std::borrow::Cow<'a, str>>>,
    ) {
        self.0 += documents.into_iter().count() as u64;
    }

    fn fold_stat(&mut self, _: &Stat) {
        self.0 += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.0 += other.0;
    }

    fn skipped(&self) -> u64 {
        0
    }

    fn is_empty(&self) -> bool {
        false
    }
}

impl Processor for Counter {
    type Partial = Count;
    type Params = IgnoredAny;
    type Output = u64;

    const NAME: &'static str = "counter";
    const DESCRIPTION: &'static str = "The number of stats.";
    const STATS_TYPE: StatsType = StatsType::Risk;

    fn finish(partial: &Count, _: &IgnoredAny, _: View) -> u64 {
        partial.0
    }
}

#[test]
fn a_processor_whose_partial_is_not_stored_is_not_public() {
    let database = TestDatabase::sqlite();
    let db = database.migrated();
    let mut registry = Registry::default();
    registry.register::<Counter>().unwrap();
    let config = HttpConfig {
        public_min_clients: 2,
        ..HttpConfig::default()
    };
    let app = App::new(db.clone(), config).with_processors(registry);
    let service = Service::with_app(db, app);
    let office = service.front_office();
    let own = new_stat("risk", 0, json!({}));
    office.store([&own]);
    service
        .get("/stats/risks.json?processor=counter")
        .assert_invalid("processor");
    let path = format!("{PROCESSED}?type=risk&processor=counter");
    office.get(&path).assert_invalid("processor");
    let path = format!("{path}&anrs={}", own["anr"].as_str().unwrap());
    assert_eq!(office.get(&path).json()["data"], 1);
}

on_each_database!(anonymous_metrics_of_a_release_tell_nothing_of_stats);
fn anonymous_metrics_of_a_release_tell_nothing_of_stats(database: &TestDatabase) {
    let service = start(database, 2);
    service.get("/stats/risks.json");
    let names = |metrics: &str| -> Vec<String> {
        let lines = metrics.lines().filter(|line| !line.starts_with('#'));
        let names = lines.map(|line| line.split(['{', ' ']).next().unwrap().to_owned());
        names.collect()
    };
    let response = service.get("/metrics");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let mut found = Vec::new();
    wait_until(|| {
        found = names(&service.get("/metrics").body);
        found.len() == 4
    });
    assert_eq!(
        found,
        [
            "stats_build_info",
            "stats_start_time_seconds",
            "stats_database_up",
            "stats_release_made_timestamp_seconds",
        ]
    );
    let (admin, office) = (service.admin(), service.front_office());
    let bearer = |token: &str| service.get_with_header("/metrics", "Authorization", token);
    let token = admin.client.token.reveal();
    for response in [
        admin.get("/metrics"),
        bearer(&format!("Bearer {token}")),
        bearer(&format!("bearer {token}")),
    ] {
        assert!(
            response.body.contains("stats_http_requests_total"),
            "{response:?}"
        );
        assert!(
            response
                .body
                .contains("stats_release_made_timestamp_seconds")
        );
    }
    office.get("/metrics").assert_error(403);
    for wrong in [
        "Bearer nobody",
        "Basic c2VzYW1l",
        "Bearer",
        &format!("Basic {token}"),
    ] {
        assert_eq!(bearer(wrong).status, 403, "{wrong}");
    }
    // Without releases, everybody reads all of them.
    let open = Service::start(database);
    open.get("/health");
    assert!(
        open.get("/metrics")
            .body
            .contains("stats_http_requests_total")
    );
    assert!(!names(&open.get("/metrics").body).is_empty());
}
