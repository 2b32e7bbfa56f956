//! How organisations use the service, from the front offices to the public pages of a global instance.
use std::collections::BTreeMap;

use chrono::{Days, Local, NaiveDate};
use reqwest::blocking::Client as HttpClient;
use serde_json::{Value, json};
use stats_core::Client;
use stats_http::HttpConfig;
use stats_testing::{Service, TestDatabase, client, on_each_database};

use crate::support::{run_in, words};

/// A front office of MONARC, which reports to the instance next to it.
struct FrontOffice<'a> {
    service: &'a Service,
    client: Client,
    /// A threat that nobody else has.
    threat: String,
}

impl<'a> FrontOffice<'a> {
    fn new(service: &'a Service, name: &str) -> Self {
        Self {
            service,
            client: client(&service.db, name),
            threat: uuid::Uuid::new_v4().to_string(),
        }
    }

    fn send(&self, method: reqwest::Method, path: &str, body: &Value) -> u16 {
        let request = HttpClient::new()
            .request(method, format!("{}{path}", self.service.url()))
            .header("X-API-KEY", self.client.token.reveal())
            .header("User-Agent", "MONARC/2.12.6")
            .json(body);
        request.send().unwrap().status().as_u16()
    }

    /// Reports on two analyses, as every night.
    fn report(&self, date: NaiveDate, rate: &str) {
        let analysis = || uuid::Uuid::new_v4();
        let threats = json!([{
            "uuid": self.threat, "label2": "Phishing", "count": 4, "maxRisk": 20, "averageRate": rate
        }]);
        let stats = json!([
            {"anr": analysis(), "type": "threat", "date": date, "data": threats},
            {"anr": analysis(), "type": "threat", "date": date, "data": threats},
        ]);
        assert_eq!(
            self.send(reqwest::Method::POST, "/api/v1/stats/", &stats),
            201
        );
    }

    /// What its administrator chooses in MONARC's general settings.
    fn share(&self, is_sharing_enabled: bool) {
        let choice = json!({"is_sharing_enabled": is_sharing_enabled});
        assert_eq!(
            self.send(reqwest::Method::PATCH, "/api/v1/client/me", &choice),
            201
        );
    }
}

/// The threats that the public statistics of an instance show, and the mean of their rates on that day.
fn public_threats(service: &Service, date: NaiveDate) -> BTreeMap<String, f64> {
    let url = format!("{}/stats/threats.json?format=map", service.url());
    let shown: Value = HttpClient::new().get(url).send().unwrap().json().unwrap();
    let threats = shown.as_object().unwrap().iter();
    let rate = |days: &Value| days[date.to_string()]["averageRate"].as_f64().unwrap();
    threats
        .map(|(threat, days)| (threat.clone(), rate(days)))
        .collect()
}

on_each_database!(front_offices_report_companies_select_and_the_public_sees_what_is_shared);
fn front_offices_report_companies_select_and_the_public_sees_what_is_shared(
    database: &TestDatabase,
) {
    let others = [TestDatabase::sqlite(), TestDatabase::sqlite()];
    let start =
        |database: &TestDatabase| Service::start(database.migrated(), HttpConfig::default());
    let (company, wendy) = (start(database), start(&others[0]));
    let global = start(&others[1]);
    let of_company = client(&global.db, "the company");
    let of_wendy = client(&global.db, "Wendy");
    let push = |from: &TestDatabase, account: &Client, options: &str| {
        let outcome = run_in(
            &[
                ("DATABASE_URL", from.url()),
                ("REMOTE_STATS_SERVER", &global.url()),
                ("REMOTE_STATS_TOKEN", account.token.reveal()),
            ],
            &words(&format!("stats push{options}")),
            "",
        );
        assert_eq!(outcome.code, 0, "{outcome:?}");
        outcome.line("sent: ").parse::<u64>().unwrap()
    };

    // Three front offices report to the instance of their company, and one in a virtual machine to its own.
    let [one, two, three] = ["FO 1", "FO 2", "FO 3"].map(|name| FrontOffice::new(&company, name));
    let own = FrontOffice::new(&wendy, "MONARC of Wendy");
    let date = Local::now().date_naive() - Days::new(7);
    for front_office in [&one, &two, &three, &own] {
        front_office.report(date, "2.5");
    }
    three.share(false);
    let rates = |rates: &[(&FrontOffice<'_>, f64)]| -> BTreeMap<String, f64> {
        let rates = rates.iter();
        rates
            .map(|(office, rate)| (office.threat.clone(), *rate))
            .collect()
    };
    assert_eq!(
        public_threats(&company, date),
        rates(&[(&one, 2.5), (&two, 2.5), (&three, 2.5)])
    );
    assert_eq!(public_threats(&global, date), rates(&[]));

    // The company begins with one of them, and then pushes all that is shared.
    let selected = format!(" --local-client-uuid {}", two.client.uuid);
    assert_eq!(push(database, &of_company, &selected), 2);
    assert_eq!(public_threats(&global, date), rates(&[(&two, 2.5)]));
    assert_eq!(push(database, &of_company, ""), 2);
    assert_eq!(push(&others[0], &of_wendy, ""), 2);
    assert_eq!(
        public_threats(&global, date),
        rates(&[(&one, 2.5), (&two, 2.5), (&own, 2.5)])
    );

    // Who stops sharing is left out from then on; who begins brings the past along.
    two.share(false);
    three.share(true);
    for front_office in [&one, &two, &three] {
        front_office.report(date, "4.5");
    }
    assert_eq!(push(database, &of_company, ""), 2 + 4);
    assert_eq!(
        public_threats(&global, date),
        rates(&[(&one, 3.5), (&two, 2.5), (&three, 3.5), (&own, 2.5)])
    );

    // Nobody over there learns whose stats they are.
    let known: Vec<_> = global.db.clients().unwrap();
    let names: Vec<_> = known.iter().map(|client| client.name.as_str()).collect();
    assert_eq!(names, ["the company", "Wendy"]);
}
