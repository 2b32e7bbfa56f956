//! Four organisations use the service: front offices report, companies push what they share to a global instance, and
//! its public pages show it.

use std::collections::BTreeMap;

use chrono::{Days, Local, NaiveDate};
use reqwest::Method;
use reqwest::blocking::{Client as HttpClient, Response};
use serde_json::{Value, json};
use stats_core::Client;
use stats_http::HttpConfig;
use stats_testing::{TestDatabase, client, on_each_database};
use stats_testing_http::Service;

use crate::support::{Outcome, program, run_program, value};

/// A running instance of the service.
struct Instance<'a> {
    database: &'a TestDatabase,
    service: Service,
}

impl<'a> Instance<'a> {
    fn start(database: &'a TestDatabase) -> Self {
        let service = Service::start(database.migrated(), HttpConfig::default());
        Self { database, service }
    }

    /// Pushes to another instance and gives the number of sent stats.
    fn push(&self, to: &Instance<'_>, account: &Client, options: &str) -> u64 {
        let environment = [
            ("DATABASE_URL", self.database.url()),
            ("REMOTE_STATS_SERVER", &to.service.url()),
            ("REMOTE_STATS_TOKEN", stats_testing::token(account).reveal()),
        ];
        let line = format!("stats push{options}");
        let outcome = run_program(&mut program(&environment, &line), "");
        assert_eq!(outcome.code, 0, "{outcome:?}");
        value(&outcome.stdout, "sent: ").parse().unwrap()
    }

    /// Runs a command of the administrator.
    fn admin(&self, line: &str) -> Outcome {
        let environment = [("DATABASE_URL", self.database.url())];
        run_program(&mut program(&environment, line), "")
    }

    /// The threats on the public page, and the mean of their rates on one day.
    fn public_threats(&self, date: NaiveDate) -> BTreeMap<String, f64> {
        let url = format!("{}/stats/threats.json?format=map", self.service.url());
        let page: Value = HttpClient::new().get(url).send().unwrap().json().unwrap();
        let rate = |days: &Value| days[date.to_string()]["averageRate"].as_f64().unwrap();
        let threats = page.as_object().unwrap().iter();
        threats
            .map(|(threat, days)| (threat.clone(), rate(days)))
            .collect()
    }
}

/// A front office of MONARC.
struct FrontOffice<'a> {
    service: &'a Service,
    client: Client,
    /// A threat that no other front office has.
    threat: String,
}

impl<'a> FrontOffice<'a> {
    fn of(instance: &'a Instance<'_>, name: &str) -> Self {
        Self {
            service: &instance.service,
            client: client(&instance.service.db, name),
            threat: uuid::Uuid::new_v4().to_string(),
        }
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = HttpClient::new()
            .request(method, format!("{}{path}", self.service.url()))
            .header("X-API-KEY", stats_testing::token(&self.client).reveal())
            .header("User-Agent", "MONARC/2.12.6")
            .json(body);
        request.send().unwrap()
    }

    /// Reports stats of two analyses, as MONARC does every night.
    fn report(&self, date: NaiveDate, rate: &str) {
        let analysis = || uuid::Uuid::new_v4();
        let threats = json!([{
            "uuid": self.threat, "label2": "Phishing", "count": 4, "maxRisk": 20, "averageRate": rate
        }]);
        let stats = json!([
            {"anr": analysis(), "type": "threat", "date": date, "data": threats},
            {"anr": analysis(), "type": "threat", "date": date, "data": threats},
        ]);
        let response = self.send(Method::POST, "/api/v1/stats/", &stats);
        assert_eq!(response.status(), 201);
    }

    /// Deletes all analyses.
    fn delete_all(&self) {
        let query = json!({"type": "threat"});
        let listed = self.send(Method::GET, "/api/v1/stats/", &query);
        let listed: Value = listed.json().unwrap();
        for stat in listed["data"].as_array().unwrap() {
            let path = format!("/api/v1/stats/{}", stat["anr"].as_str().unwrap());
            let response = self.send(Method::DELETE, &path, &json!({}));
            assert_eq!(response.status(), 204);
        }
    }

    /// Enables or disables sharing, as an administrator does in MONARC's general settings.
    fn share(&self, is_sharing_enabled: bool) {
        let change = json!({"is_sharing_enabled": is_sharing_enabled});
        let response = self.send(Method::PATCH, "/api/v1/client/me", &change);
        assert_eq!(response.status(), 201);
    }

    /// The number of threats on the global dashboard of its MONARC.
    fn threats_on_dashboard(&self) -> usize {
        let query = json!({"type": "threat", "processor": "threat_average_on_date"});
        let response = self.send(Method::GET, "/api/v1/stats/processed/", &query);
        let processed: Value = response.json().unwrap();
        processed["data"].as_array().unwrap().len()
    }
}

fn rates(rates: &[(&FrontOffice<'_>, f64)]) -> BTreeMap<String, f64> {
    let rates = rates.iter();
    rates
        .map(|(office, rate)| (office.threat.clone(), *rate))
        .collect()
}

on_each_database!(front_offices_report_companies_select_and_the_public_sees_what_is_shared);
fn front_offices_report_companies_select_and_the_public_sees_what_is_shared(
    database: &TestDatabase,
) {
    let others = [(); 4].map(|()| TestDatabase::sqlite());
    let global = Instance::start(&others[0]);
    let account = |name: &str| client(&global.service.db, name);
    let date = Local::now().date_naive() - Days::new(7);

    // A company with a dedicated machine does not share.
    let dedicated = Instance::start(&others[1]);
    let private = FrontOffice::of(&dedicated, "FO");
    private.share(false);
    private.report(date, "2.5");
    assert_eq!(private.threats_on_dashboard(), 1);
    assert_eq!(dedicated.push(&global, &account("dedicated"), ""), 0);

    // A company that runs the service beside its back office shares.
    let beside = Instance::start(&others[2]);
    let open = FrontOffice::of(&beside, "FO");
    open.report(date, "1.5");
    assert_eq!(beside.push(&global, &account("beside"), ""), 2);

    // A virtual machine holds the service and a single front office.
    let machine = Instance::start(&others[3]);
    let own = FrontOffice::of(&machine, "MONARC of Wendy");
    own.report(date, "3.5");
    assert_eq!(machine.push(&global, &account("Wendy"), ""), 2);

    // Several front offices report to the service of a larger company. Each sees the means of all.
    let company = Instance::start(database);
    let [one, two, three] = ["FO 1", "FO 2", "FO 3"].map(|name| FrontOffice::of(&company, name));
    for front_office in [&one, &two, &three] {
        front_office.report(date, "2.5");
    }
    three.share(false);
    for front_office in [&one, &two, &three] {
        assert_eq!(front_office.threats_on_dashboard(), 3);
    }
    let shared_before = [(&open, 1.5), (&own, 3.5)];
    assert_eq!(global.public_threats(date), rates(&shared_before));

    // The company pushes the stats of one front office, and then those of all that share.
    let of_company = account("the company");
    let selected = format!(" --local-client-uuid {}", two.client.uuid);
    assert_eq!(company.push(&global, &of_company, &selected), 2);
    assert_eq!(
        global.public_threats(date),
        rates(&[(&open, 1.5), (&own, 3.5), (&two, 2.5)])
    );
    assert_eq!(company.push(&global, &of_company, ""), 2);
    assert_eq!(
        global.public_threats(date),
        rates(&[(&open, 1.5), (&own, 3.5), (&two, 2.5), (&one, 2.5)])
    );

    // One front office stops sharing. Another one starts, which also pushes its past stats.
    two.share(false);
    three.share(true);
    for front_office in [&one, &two, &three] {
        front_office.report(date, "4.5");
    }
    assert_eq!(company.push(&global, &of_company, ""), 2 + 4);
    assert_eq!(
        global.public_threats(date),
        rates(&[
            (&open, 1.5),
            (&own, 3.5),
            (&two, 2.5),
            (&one, 3.5),
            (&three, 3.5)
        ])
    );

    // The company decides that what stops being shared is withdrawn, and a front office stops.
    for front_office in [&two, &three] {
        let line = format!("client sharing-withdraw {}", front_office.client.uuid);
        assert_eq!(company.admin(&line).code, 0);
    }
    three.share(false);
    assert_eq!(company.push(&global, &of_company, ""), 0);
    let left = [(&open, 1.5), (&own, 3.5), (&one, 3.5)];
    assert_eq!(global.public_threats(date), rates(&left));
    // The dashboard of the company still has them. Sharing again shares what is reported from now on.
    assert_eq!(three.threats_on_dashboard(), 3);
    three.share(true);
    three.report(date, "0.5");
    assert_eq!(company.push(&global, &of_company, ""), 2);
    let again = [(&open, 1.5), (&own, 3.5), (&one, 3.5), (&three, 0.5)];
    assert_eq!(global.public_threats(date), rates(&again));

    // A front office deletes its analyses, everywhere.
    one.delete_all();
    assert_eq!(company.push(&global, &of_company, ""), 0);
    assert_eq!(
        global.public_threats(date),
        rates(&[(&open, 1.5), (&own, 3.5), (&three, 0.5)])
    );

    // The global instance does not learn the names of the front offices.
    let known = global.service.db.clients().unwrap();
    let names: Vec<_> = known.iter().map(|client| client.name.as_str()).collect();
    assert_eq!(names, ["dedicated", "beside", "Wendy", "the company"]);
}
