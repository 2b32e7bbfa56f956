use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header;
use actix_web::middleware::{DefaultHeaders, NormalizePath, from_fn};
use actix_web::web::ServiceConfig;
use actix_web::{App as ActixApp, HttpServer, web};
use stats_db::Db;

use crate::compression::compress;
use crate::limits::{Limits, ListTurns, bound_answers, watch_connection};
use crate::metrics::{Metrics, count_requests};
use crate::{about, admin, api, browser, dashboard, metrics, openapi, public};

/// What an operator can set about the HTTP side.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Whom to write to about this instance, as an e-mail address.
    pub contact: Option<String>,
    /// A page about those who run this instance.
    pub operator_url: Option<String>,
    /// The address under which others reach this instance, without a slash at the end. Without it, it is the one that
    /// a request was sent to.
    pub instance_url: Option<String>,
    /// Whether `X-Forwarded-Host`, `-Proto` and `-Prefix` are believed, which only a proxy may set.
    pub trusts_proxy: bool,
    /// Whether clients can be created through the API.
    pub is_registration_open: bool,
    /// The largest body of a request, in bytes.
    pub max_body_bytes: usize,
    /// How long and how much one client may keep the service busy.
    pub limits: Limits,
    /// What there is besides the API.
    pub routes: Routes,
}

/// The groups of routes that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routes {
    /// The pages.
    pub pages: bool,
    /// The public statistics and their page.
    pub stats: bool,
    /// The map.
    pub map: bool,
    /// What admins can do outside of the API.
    pub admin: bool,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            pages: true,
            stats: true,
            map: true,
            admin: true,
        }
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            contact: None,
            operator_url: None,
            instance_url: None,
            trusts_proxy: false,
            is_registration_open: true,
            max_body_bytes: 64 * 1024 * 1024,
            limits: Limits::default(),
            routes: Routes::default(),
        }
    }
}

/// What every request works with.
#[derive(Clone)]
pub struct App {
    /// The storage.
    pub db: Db,
    /// The settings.
    pub config: HttpConfig,
    pub(crate) metrics: Metrics,
    pub(crate) list_turns: Arc<ListTurns>,
}

impl App {
    /// The application on this storage, with these settings.
    pub fn new(db: Db, config: HttpConfig) -> Self {
        let list_turns = Arc::new(ListTurns::new(&config.limits));
        Self {
            db,
            config,
            metrics: Metrics::default(),
            list_turns,
        }
    }
}

/// Seconds that requests in flight have to be answered once the server is told to stop.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 30;
/// How long a client may take to read why its request was refused while it is still sending the rest of it.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves on `listener` until the returned server is told to stop through its handle; a graceful stop answers the
/// requests in flight. Signals are left to the caller.
pub fn serve(listener: TcpListener, app: App) -> io::Result<Server> {
    let limits = app.config.limits.clone();
    let workers = available_parallelism()?.get();
    let app = web::Data::new(app);
    let server = HttpServer::new(move || {
        let state = app.clone();
        ActixApp::new()
            .app_data(app.clone())
            .wrap(from_fn(bound_answers))
            .wrap(from_fn(count_requests))
            .wrap(from_fn(compress))
            .wrap(security_headers())
            // Every path works with and without its last slash.
            .wrap(NormalizePath::trim())
            .configure(move |config| configure(config, state.config.routes))
    });
    Ok(server
        .workers(workers)
        // Each worker counts its own.
        .max_connections(limits.connections.div_ceil(workers).max(1))
        .client_request_timeout(limits.header_timeout)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .keep_alive(limits.keep_alive)
        .on_connect(watch_connection)
        .listen(listener)?
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
        .run())
}

/// All routes. Those of groups are there as `routes` says.
pub(crate) fn configure(config: &mut ServiceConfig, routes: Routes) {
    config
        .configure(about::configure)
        .configure(metrics::configure)
        .configure(openapi::configure)
        .configure(browser::configure)
        .configure(api::configure)
        .configure(dashboard::configure_frame);
    if routes.pages {
        config.configure(dashboard::configure_pages);
    }
    if routes.stats {
        config
            .configure(public::configure_stats)
            .configure(dashboard::configure_stats);
    }
    if routes.map {
        config.configure(public::configure_map);
    }
    if routes.admin {
        config.configure(admin::configure);
    }
}

/// What pages of this service may do: load styles, scripts, pictures and data from it, and nothing from anywhere else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"))
}
