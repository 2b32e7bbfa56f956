//! The real application on a real port, and who talks to it.
use std::ops::Deref;

use chrono::{Days, Local};
use reqwest::Method;
use reqwest::blocking::{Client as HttpClient, RequestBuilder, Response};
use serde_json::{Value, json};
use stats_core::{NewClient, Role};
use stats_http::HttpConfig;
use stats_testing::TestDatabase;
use uuid::Uuid;

/// A running service.
pub(crate) struct Service {
    service: stats_testing::Service,
    http: HttpClient,
}

impl Deref for Service {
    type Target = stats_testing::Service;

    fn deref(&self) -> &stats_testing::Service {
        &self.service
    }
}

impl Service {
    pub(crate) fn start(database: &TestDatabase) -> Self {
        Self::with_config(database, HttpConfig::default())
    }

    pub(crate) fn with_config(database: &TestDatabase, config: HttpConfig) -> Self {
        let http = HttpClient::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            service: stats_testing::Service::start(database.migrated(), config),
            http,
        }
    }

    /// A request of nobody in particular.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path))
    }

    /// A new client, as its front office sees the service.
    pub(crate) fn front_office(&self) -> FrontOffice<'_> {
        self.client_with_role(Role::User)
    }

    pub(crate) fn admin(&self) -> FrontOffice<'_> {
        self.client_with_role(Role::Admin)
    }

    fn client_with_role(&self, role: Role) -> FrontOffice<'_> {
        let new = NewClient {
            role,
            ..NewClient::user(format!("client {}", Uuid::new_v4()).parse().unwrap())
        };
        self.db.create_client(&new).unwrap();
        FrontOffice {
            service: self,
            client: new,
        }
    }
}

/// A client that sends its token with every request.
pub(crate) struct FrontOffice<'a> {
    pub(crate) service: &'a Service,
    pub(crate) client: NewClient,
}

impl FrontOffice<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.service
            .request(method, path)
            .header("X-API-KEY", self.client.token.reveal())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path))
    }

    /// GET with a JSON body, as MONARC sends it.
    pub(crate) fn ask(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::GET, path, body)
    }

    pub(crate) fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(method, path).json(body))
    }

    pub(crate) fn post(&self, stats: &Value) -> Answer {
        self.send(Method::POST, "/api/v1/stats/", stats)
    }

    /// The stats that a filter lets through.
    pub(crate) fn list(&self, filter: &Value) -> Vec<Value> {
        let answer = self.ask("/api/v1/stats/", filter);
        assert_eq!(answer.status, 200, "{filter}: {answer:?}");
        answer.json()["data"].as_array().unwrap().clone()
    }

    /// Their ids, sorted.
    pub(crate) fn list_ids(&self, filter: &Value) -> Vec<String> {
        uuids(&self.list(filter))
    }
}

/// What the service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn to(request: RequestBuilder) -> Self {
        Self::of(request.send().unwrap())
    }

    fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self {
            status,
            headers,
            body: response.text().unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) fn uuid() -> String {
    Uuid::new_v4().to_string()
}

/// The ids of stats, sorted.
pub(crate) fn uuids(stats: &[Value]) -> Vec<String> {
    let mut uuids: Vec<_> = stats
        .iter()
        .map(|stat| stat["uuid"].as_str().unwrap().to_owned())
        .collect();
    uuids.sort();
    uuids
}

/// The day so many days before today.
pub(crate) fn days_ago(days: u64) -> String {
    (Local::now().date_naive() - Days::new(days)).to_string()
}

/// A stat with an id of its own, as one instance sends it to another.
pub(crate) fn stat(analysis: &str, stats_type: &str, date: &str, data: Value) -> Value {
    json!({"uuid": uuid(), "anr": analysis, "type": stats_type, "date": date, "data": data})
}
