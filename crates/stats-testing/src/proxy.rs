use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::TestDatabase;

/// A TCP proxy in front of a server. Cutting it simulates a crash or a network failure.
pub struct Proxy {
    address: SocketAddr,
    target: String,
    running: Option<Running>,
}

struct Running {
    sockets: Sockets,
    listener: TcpListener,
    thread: JoinHandle<()>,
}

/// The sockets of open connections; `None` once they are cut.
type Sockets = Arc<Mutex<Option<Vec<TcpStream>>>>;

impl Proxy {
    /// Passes connections on to `target`, such as `127.0.0.1:5432`.
    pub fn start(target: &str) -> Self {
        let mut proxy = Self {
            address: ([127, 0, 0, 1], 0).into(),
            target: target.to_owned(),
            running: None,
        };
        proxy.resume();
        proxy
    }

    /// A proxy in front of the PostgreSQL server of `database`, and the URL of the database through it.
    pub fn before(database: &TestDatabase) -> (Self, String) {
        let (server, name) = database.url().rsplit_once('/').expect("a database name");
        let (user, host) = server.rsplit_once('@').expect("a user");
        let proxy = Self::start(host);
        let url = format!("{user}@{}/{name}", proxy.address());
        (proxy, url)
    }

    /// The address on which the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections and refuses new ones.
    pub fn cut(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        let sockets = running.sockets.lock().expect("the sockets").take();
        for socket in sockets.into_iter().flatten() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        // The thread blocks until the next connection, and ends then.
        let _ = TcpStream::connect(self.address);
        drop(running.listener);
        running.thread.join().expect("no panic in the proxy");
    }

    /// Accepts connections again, at the same address.
    pub fn resume(&mut self) {
        let listener = TcpListener::bind(self.address).expect("a free port");
        self.address = listener.local_addr().expect("an address");
        let sockets: Sockets = Arc::new(Mutex::new(Some(Vec::new())));
        let accepting = listener.try_clone().expect("a listener");
        let (target, open) = (self.target.clone(), sockets.clone());
        let thread = thread::spawn(move || {
            for client in accepting.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&target) else {
                    continue;
                };
                match &mut *open.lock().expect("the sockets") {
                    Some(open) => {
                        open.extend([&client, &server].map(clone));
                        pass_on(clone(&client), clone(&server));
                        pass_on(server, client);
                    }
                    None => return,
                }
            }
        });
        self.running = Some(Running {
            sockets,
            listener,
            thread,
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

fn clone(socket: &TcpStream) -> TcpStream {
    socket.try_clone().expect("a socket")
}

/// Copies bytes from one socket to the other on a new thread.
fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
