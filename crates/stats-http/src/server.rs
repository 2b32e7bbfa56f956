use std::io;
use std::net::TcpListener;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::{App as ActixApp, HttpServer, web};

use crate::middleware::{
    compress, forbid_caching_for_tokens, observe, release_connection, security_headers,
};
use crate::pages::limit_visitors;
use crate::state::App;
use crate::{releases, routes};

/// Maximum time for requests in flight during a graceful stop, in seconds.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 30;
/// Time for a client that still sends its request to read that the request was refused.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves on `listener` until the returned server is stopped through its handle. A graceful stop answers the requests
/// in flight. The caller handles signals, and calls this in an actix system.
pub fn serve(listener: TcpListener, app: App) -> io::Result<Server> {
    let limits = app.config.limits.clone();
    let routes = app.config.routes;
    let on_connect = app.connections.on_connect(limits.stall_timeout);
    let workers = available_parallelism()?.get();
    let document = web::Data::new(routes::specification(&app.processors));
    let app = web::Data::new(app);
    if app.has_releases() {
        actix_web::rt::spawn(releases::keep(app.clone()));
    }
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(app.clone())
            .app_data(document.clone())
            .wrap(from_fn(limit_visitors))
            .wrap(from_fn(observe))
            .wrap(from_fn(release_connection))
            .wrap(from_fn(compress))
            .wrap(from_fn(forbid_caching_for_tokens))
            .wrap(security_headers())
            // Every path works with and without a trailing slash.
            .wrap(NormalizePath::trim())
            .configure(move |config| routes::configure(config, routes))
    });
    Ok(server
        .workers(workers)
        // The limit applies per worker.
        .max_connections(limits.connections.div_ceil(workers).max(1))
        .client_request_timeout(limits.header_timeout)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .keep_alive(limits.keep_alive)
        // Otherwise the last chunk of a streamed answer waits for a delayed acknowledgement of the client, 40 ms.
        .tcp_nodelay(true)
        // A client that closes its side has hung up: cancel its request.
        .h1_allow_half_closed(false)
        .on_connect(on_connect)
        .listen(listener)?
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
        .run())
}
