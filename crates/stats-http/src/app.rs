use std::io;
use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::middleware::NormalizePath;
use actix_web::{App as ActixApp, HttpResponse, HttpServer, web};
use stats_db::Db;

use crate::errors::ApiError;
use crate::{about, api, public};

/// What an operator can set about the HTTP side.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Whom to write to about this instance, as an e-mail address.
    pub contact: Option<String>,
    /// Whether clients can be created through the API.
    pub is_registration_open: bool,
    /// The largest body of a request, in bytes.
    pub max_body_bytes: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            contact: None,
            is_registration_open: true,
            max_body_bytes: 64 * 1024 * 1024,
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
}

/// Seconds that requests in flight have to be answered once the server is told to stop.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 30;

/// Serves on `listener` until the returned server is told to stop through its handle; a graceful stop answers the
/// requests in flight. Signals are left to the caller.
pub fn serve(listener: TcpListener, app: App) -> io::Result<Server> {
    let app = web::Data::new(app);
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(app.clone())
            // Every path works with and without its last slash.
            .wrap(NormalizePath::trim())
            .configure(about::configure)
            .configure(api::configure)
            .configure(public::configure)
            .default_service(web::to(|| async {
                Err::<HttpResponse, _>(ApiError::NotFound)
            }))
    });
    Ok(server
        .listen(listener)?
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
        .run())
}
