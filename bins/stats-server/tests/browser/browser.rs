//! A browser, as a visitor uses it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stats_testing_http::LONG;
use tokio::runtime::Runtime;

use crate::pages::View;
use crate::shared::Shared;

/// Keep Chromium from using the network, and make pages look the same on all machines.
const ARGUMENTS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en-US",
];

/// A browser with a profile of its own. Dropping this value closes it.
pub(crate) struct Browser {
    runtime: Runtime,
    client: Client,
    /// The URL before the paths of pages, without a slash at the end.
    base: String,
    pub(crate) shared: Arc<Shared>,
}

impl Browser {
    /// Starts a browser. Returns `None` if `STATS_TEST_BROWSER` skips the test.
    pub(crate) fn start() -> Option<Self> {
        let shared = Shared::get()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let capabilities = json!({
            "goog:chromeOptions": {"args": ARGUMENTS},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let capabilities: Capabilities = serde_json::from_value(capabilities).unwrap();
        let client = runtime.block_on(
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities)
                .connect(&shared.driver.url),
        );
        Some(Self {
            runtime,
            client: client.unwrap(),
            base: shared.server.base.clone(),
            shared,
        })
    }

    /// Sets the URL before the paths of pages, without a slash at the end.
    pub(crate) fn set_base(&mut self, base: String) {
        self.base = base;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Opens a page and waits until it is loaded.
    #[track_caller]
    pub(crate) fn open(&self, path: &str) {
        let url = self.url(path);
        self.runtime.block_on(self.client.goto(&url)).unwrap();
    }

    pub(crate) fn set_view(&self, view: View) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": view.width, "height": 900, "deviceScaleFactor": 1, "mobile": false}),
        );
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": view.scheme}]}),
        );
    }

    /// The messages in the console since the last call, with their levels.
    pub(crate) fn console_messages(&self) -> Vec<String> {
        let describe = |entry: &Value| {
            let [level, message] = ["level", "message"].map(|key| entry[key].as_str().unwrap());
            format!("{level}: {message}")
        };
        self.log("browser").iter().map(describe).collect()
    }

    /// The URLs that the browser has requested since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        let request = |entry: &Value| {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let url = event["message"]["params"]["request"]["url"].as_str();
            (event["message"]["method"] == "Network.requestWillBeSent")
                .then(|| url.unwrap().to_owned())
        };
        self.log("performance").iter().filter_map(request).collect()
    }

    /// Runs a script in the page.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) {
        let result = self.runtime.block_on(self.client.execute(script, vec![]));
        result.unwrap();
    }

    /// Runs the body of an asynchronous function in the page, and returns its result.
    #[track_caller]
    pub(crate) fn evaluate<T: DeserializeOwned>(&self, body: &str) -> T {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {body} }})()\
             .then(value => done([value, null]), error => done([null, String(error)]))"
        );
        let result = self.client.execute_async(&script, vec![]);
        let result = self.runtime.block_on(result).unwrap();
        let (value, error): (Value, Option<String>) = serde_json::from_value(result).unwrap();
        assert_eq!(error, None, "{body}");
        serde_json::from_value(value).unwrap()
    }

    /// The visible text of an element.
    #[track_caller]
    pub(crate) fn text(&self, css: &str) -> String {
        self.runtime
            .block_on(async { self.client.find(Locator::Css(css)).await?.text().await })
            .unwrap()
    }

    /// Presses and releases a key.
    #[track_caller]
    pub(crate) fn press(&self, key: Key) {
        let value = char::from(key);
        let keys = KeyActions::new("keyboard".into())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.runtime
            .block_on(self.client.perform_actions(keys))
            .unwrap();
    }

    /// Presses the tabulator until an element has the focus.
    #[track_caller]
    pub(crate) fn tab_until(&self, css: &str) {
        /// More than a page has controls.
        const MOST: usize = 500;
        let has_focus = format!("return document.activeElement.matches({})", json!(css));
        for _ in 0..MOST {
            self.press(Key::Tab);
            if self.evaluate(&has_focus) {
                return;
            }
        }
        panic!("the tabulator does not reach {css}");
    }

    /// Moves the mouse to the centre of an element.
    #[track_caller]
    pub(crate) fn hover(&self, css: &str) {
        self.runtime
            .block_on(async {
                let element = self.client.find(Locator::Css(css)).await?;
                let mouse = MouseActions::new("mouse".into()).then(PointerAction::MoveToElement {
                    element,
                    duration: None,
                    x: 0.,
                    y: 0.,
                });
                self.client.perform_actions(mouse).await
            })
            .unwrap();
    }

    /// Waits until the page that the browser shows has this path and query.
    #[track_caller]
    pub(crate) fn wait_until_at(&self, path: &str) {
        let expected = self.url(path);
        let start = Instant::now();
        loop {
            let url = self.runtime.block_on(self.client.current_url()).unwrap();
            if url.as_str() == expected {
                return;
            }
            assert!(start.elapsed() < LONG, "{url} instead of {expected}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a command of the DevTools protocol.
    fn devtools(&self, command: &str, parameters: Value) {
        self.post(
            "goog/cdp/execute",
            json!({"cmd": command, "params": parameters}),
        );
    }

    /// The entries of a log since the last call.
    fn log(&self, name: &str) -> Vec<Value> {
        let log = self.post("se/log", json!({"type": name}));
        serde_json::from_value(log).unwrap()
    }

    fn post(&self, path: &'static str, body: Value) -> Value {
        let command = self.client.issue_cmd(Post { path, body });
        self.runtime.block_on(command).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let closed = self.runtime.block_on(self.client.clone().close());
        assert!(std::thread::panicking() || closed.is_ok(), "{closed:?}");
    }
}

/// A command of ChromeDriver that WebDriver does not have.
#[derive(Debug)]
struct Post {
    /// Below the path of the session.
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Post {
    fn endpoint(
        &self,
        driver: &Url,
        session: Option<&str>,
    ) -> Result<Url, <Url as std::str::FromStr>::Err> {
        let session = session.unwrap_or_default();
        driver.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// Whether a requested URL begins with `parent`, or is a `data:` URL, which needs no request.
pub(crate) fn is_within(url: &str, parent: &str) -> bool {
    url.starts_with(parent) || url.starts_with("data:")
}
