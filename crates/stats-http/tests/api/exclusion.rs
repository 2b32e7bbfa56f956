//! Clients whose stats no figure counts.

use chrono::Local;
use serde_json::{Value, json};
use stats_core::{Coordinates, StatsType};
use stats_db::ClientChange;
use stats_sample::Sample;
use stats_testing::{TestDatabase, on_each_database};

use crate::support::{FrontOffice, PROCESSED, STATS, Service};

const FIGURES: [&str; 20] = [
    "/stats/threats.json",
    "/stats/threats.json?format=series",
    "/stats/threats.json?format=csv&weight=client",
    "/stats/threats.json?last_stats=1",
    "/stats/vulnerabilities.json",
    "/stats/risks.json",
    "/stats/risks.json?processor=risk_averages",
    "/stats/risks.json?local_stats_only=1",
    "/stats/cartography.json",
    "/stats/compliance.json",
    "/map/clients.json",
    "/",
    "/stats",
    "/evolution",
    "/cartography",
    "/compliance",
    "/map",
    "/chart/activity.csv",
    "/chart/risks-over-time.svg",
    "/chart/map.csv",
];

/// What everybody sees, and what a client sees of all clients.
fn figures(service: &Service, office: &FrontOffice<'_>) -> Vec<(String, String)> {
    let public = FIGURES.iter().map(|path| {
        let response = service.get(path);
        assert_eq!(response.status, 200, "{path}: {response:?}");
        // Files name the address that they come from.
        let body = response.body.replace(&service.address.to_string(), "HOST");
        ((*path).to_owned(), body)
    });
    let processed = ["risk_averages", "risk_averages_on_date"].map(|processor| {
        let body = json!({"type": "risk", "processor": processor});
        (processor.to_owned(), office.get_with(PROCESSED, &body).body)
    });
    public.chain(processed).collect()
}

/// Stores today's stats of an analysis, and returns the analysis.
fn report(office: &FrontOffice<'_>, seed: u64) -> String {
    let today = Local::now().date_naive();
    let analysis = Sample::new(seed).analyses(1, today).next().unwrap();
    let stats = analysis.stats_on(today).into_iter().map(|stat| {
        let data: Value = serde_json::from_str(stat.data.as_str()).unwrap();
        json!({"anr": stat.analysis, "type": stat.stats_type, "date": stat.date, "data": data})
    });
    let stats: Vec<_> = stats.collect();
    assert_eq!(stats.len(), StatsType::ALL.len());
    let analysis = stats[0]["anr"].as_str().unwrap().to_owned();
    office.store(stats);
    analysis
}

on_each_database!(an_excluded_client_counts_in_no_figure);
fn an_excluded_client_counts_in_no_figure(database: &TestDatabase) {
    let [service, other_server] = [Service::start(database), Service::start(database)];
    let [kept, poisoner] = [service.front_office(), service.front_office()];
    let change = |office: &FrontOffice<'_>, change| {
        service
            .db
            .change_client(office.client.uuid, &change)
            .unwrap();
    };
    for (office, latitude) in [(&kept, 49.5), (&poisoner, 50.5)] {
        let place = Coordinates::new(latitude, 6.0).unwrap();
        change(office, ClientChange::Coordinates(Some(place)));
    }
    report(&kept, 1);
    change(&poisoner, ClientChange::Excluded(true));
    let before = figures(&service, &kept);
    let analysis = report(&poisoner, 2);
    for server in [&service, &other_server] {
        for (excluded, before) in figures(server, &kept).iter().zip(&before) {
            assert_eq!(excluded, before);
        }
    }
    change(&poisoner, ClientChange::Excluded(false));
    for server in [&service, &other_server] {
        for (included, excluded) in figures(server, &kept).iter().zip(&before) {
            assert_ne!(included, excluded);
        }
    }
    change(&poisoner, ClientChange::Excluded(true));
    for server in [&service, &other_server] {
        for (excluded, before) in figures(server, &kept).iter().zip(&before) {
            assert_eq!(excluded, before);
        }
    }
    // It sees its own stats, and figures about them.
    assert_eq!(
        poisoner.get(STATS).json()["data"].as_array().unwrap().len(),
        5
    );
    let body = json!({"type": "risk", "processor": "risk_averages", "anrs": [analysis]});
    let own = poisoner.get_with(PROCESSED, &body).json();
    assert!(
        own["data"]["current"]["informational"]["High risks"].is_number(),
        "{own}"
    );
}
