use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use stats_db::Db;
use stats_http::{App, HttpConfig, serve};

/// A running service. Dropping this value stops it.
pub struct Service {
    /// The database of the service.
    pub db: Db,
    /// The address on which the service listens.
    pub address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts the service on a free port.
    pub fn start(db: Db, config: HttpConfig) -> Self {
        let app = App::new(db.clone(), config);
        Self::with_app(db, app)
    }

    /// Starts an application on a free port.
    pub fn with_app(db: Db, app: App) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (send_handle, handle) = mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async move {
                let server = serve(listener, app).expect("a server");
                let sent = send_handle.send(server.handle());
                sent.expect("a receiver");
                server.await.expect("a graceful end");
            });
        });
        Self {
            db,
            address,
            handle: handle.recv().expect("a server that starts"),
            thread: Some(thread),
        }
    }

    /// The URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        System::new().block_on(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok(), "the server panicked");
        }
    }
}
