//! The application on a free port, and its clients.

use std::io::Write;
use std::net::TcpStream;
use std::ops::Deref;
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::{Days, Local};
use reqwest::Method;
use reqwest::blocking::{Client as HttpClient, RequestBuilder};
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::{Value, json};
use stats_core::{Client, NewClient, Role};
use stats_db::{ClientChange, Db};
use stats_http::{App, HttpConfig};
use stats_testing::TestDatabase;
use uuid::Uuid;

pub(crate) const STATS: &str = "/api/v1/stats/";
pub(crate) const PROCESSED: &str = "/api/v1/stats/processed/";
pub(crate) const ME: &str = "/api/v1/client/me";

/// Upper bound of all waits in the tests.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A running service.
pub(crate) struct Service {
    service: stats_testing_http::Service,
    http: HttpClient,
}

impl Deref for Service {
    type Target = stats_testing_http::Service;

    fn deref(&self) -> &stats_testing_http::Service {
        &self.service
    }
}

impl Service {
    pub(crate) fn start(database: &TestDatabase) -> Self {
        Self::with_config(database, |_| ())
    }

    /// Starts the service with changes to the default configuration.
    pub(crate) fn with_config(
        database: &TestDatabase,
        configure: impl FnOnce(&mut HttpConfig),
    ) -> Self {
        let mut config = HttpConfig::default();
        configure(&mut config);
        let db = database.migrated();
        Self::with_app(db.clone(), App::new(db, config))
    }

    pub(crate) fn with_app(db: Db, app: App) -> Self {
        let http = HttpClient::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            service: stats_testing_http::Service::with_app(db, app),
            http: http.build().unwrap(),
        }
    }

    /// A request without a token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        Response::to(self.request(Method::GET, path))
    }

    pub(crate) fn get_with_header(&self, path: &str, name: &str, value: &str) -> Response {
        Response::to(self.request(Method::GET, path).header(name, value))
    }

    /// Opens a connection and sends these bytes.
    pub(crate) fn connect(&self, bytes: impl AsRef<[u8]>) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        socket.write_all(bytes.as_ref()).unwrap();
        socket
    }

    /// Creates a user.
    pub(crate) fn front_office(&self) -> FrontOffice<'_> {
        self.client_with_role(Role::User)
    }

    /// Creates an administrator.
    pub(crate) fn admin(&self) -> FrontOffice<'_> {
        self.client_with_role(Role::Admin)
    }

    fn client_with_role(&self, role: Role) -> FrontOffice<'_> {
        let name = format!("client {}", Uuid::new_v4()).parse().unwrap();
        let client = NewClient {
            role,
            ..NewClient::user(name)
        };
        self.db.create_client(&client).unwrap();
        FrontOffice {
            service: self,
            client,
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
        let request = self.service.request(method, path);
        request.header("X-API-KEY", self.client.token.reveal())
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        Response::to(self.request(Method::GET, path))
    }

    /// GET with a JSON body, as MONARC sends it.
    pub(crate) fn get_with(&self, path: &str, body: &Value) -> Response {
        self.send(Method::GET, path, body)
    }

    pub(crate) fn delete(&self, path: &str) -> Response {
        Response::to(self.request(Method::DELETE, path))
    }

    pub(crate) fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        Response::to(self.request(method, path).json(body))
    }

    pub(crate) fn post(&self, stats: &Value) -> Response {
        self.send(Method::POST, STATS, stats)
    }

    /// A POST of stats with a content type and without a body.
    pub(crate) fn post_request(&self, content_type: &str) -> RequestBuilder {
        let request = self.request(Method::POST, STATS);
        request.header("Content-Type", content_type)
    }

    /// Posts new stats.
    #[track_caller]
    pub(crate) fn store(&self, stats: impl Serialize) {
        let response = self.post(&json!(stats));
        assert_eq!(response.status, 201, "{response:?}");
    }

    /// The head of a POST of stats, for raw connections.
    pub(crate) fn post_head(&self, length: usize) -> String {
        format!(
            "POST {STATS} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n",
            self.client.token.reveal()
        )
    }

    /// The stats that a filter selects.
    #[track_caller]
    pub(crate) fn list(&self, filter: &Value) -> Vec<Value> {
        let response = self.get_with(STATS, filter);
        assert_eq!(response.status, 200, "{filter}: {response:?}");
        response.data()
    }

    /// The sorted ids of the stats that a filter selects.
    #[track_caller]
    pub(crate) fn list_ids(&self, filter: &Value) -> Vec<String> {
        uuids(&self.list(filter))
    }

    /// The client in the database.
    pub(crate) fn stored(&self) -> Client {
        let client = self.service.db.client(self.client.uuid);
        client.unwrap().unwrap()
    }

    /// Changes the client in the database.
    pub(crate) fn change(&self, change: &ClientChange) {
        let db = &self.service.db;
        db.change_client(self.client.uuid, change).unwrap();
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn to(request: RequestBuilder) -> Self {
        let response = request.send().unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The stats of a list, or the result of a processor.
    #[track_caller]
    pub(crate) fn data(&self) -> Vec<Value> {
        self.json()["data"].as_array().unwrap().clone()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn assert_json(&self, status: u16, body: Value) {
        assert_eq!((self.status, self.json()), (status, body));
    }

    #[track_caller]
    pub(crate) fn assert_empty(&self, status: u16) {
        assert_eq!((self.status, self.body.as_str()), (status, ""));
    }

    /// Asserts an error with this message alone.
    #[track_caller]
    pub(crate) fn assert_message(&self, status: u16, message: &str) {
        self.assert_json(status, json!({"message": message}));
    }

    /// Asserts an error with any message.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.json()["message"].is_string(), "{self:?}");
    }

    /// Asserts an error that names the field `field`.
    #[track_caller]
    pub(crate) fn assert_invalid(&self, field: &str) {
        let body = self.json();
        assert_eq!(self.status, 400, "{field}: {self:?}");
        assert_eq!(body["message"], "Input payload validation failed");
        assert!(body["errors"][field].is_string(), "{field}: {self:?}");
    }

    /// Whether the client may retry the request later.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.status == 503
            && self.header("retry-after").is_some()
            && self.json()["message"].is_string()
    }
}

pub(crate) fn uuid() -> String {
    Uuid::new_v4().to_string()
}

/// The sorted ids of stats.
pub(crate) fn uuids(stats: &[Value]) -> Vec<String> {
    let uuid = |stat: &Value| stat["uuid"].as_str().unwrap().to_owned();
    let mut uuids: Vec<_> = stats.iter().map(uuid).collect();
    uuids.sort();
    uuids
}

/// The date this number of days before today.
pub(crate) fn days_ago(days: u64) -> String {
    (Local::now().date_naive() - Days::new(days)).to_string()
}

/// The date this number of days after today.
pub(crate) fn days_ahead(days: u64) -> String {
    (Local::now().date_naive() + Days::new(days)).to_string()
}

/// A stat with a new id.
pub(crate) fn stat(analysis: &str, stats_type: &str, date: &str, data: Value) -> Value {
    json!({"uuid": uuid(), "anr": analysis, "type": stats_type, "date": date, "data": data})
}

/// A stat of a new analysis, dated this number of days before today.
pub(crate) fn new_stat(stats_type: &str, days: u64, data: Value) -> Value {
    stat(&uuid(), stats_type, &days_ago(days), data)
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn wait_until(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG, "the condition does not hold");
        sleep(Duration::from_millis(5));
    }
}
