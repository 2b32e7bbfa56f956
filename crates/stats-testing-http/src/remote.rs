use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A server that responds to each request with the bytes of a test, and then disconnects.
pub struct Remote {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A request that a [`Remote`] received.
#[derive(Debug, Clone)]
pub struct Request {
    /// The request line and the headers, with names in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Request {
    fn read(stream: &TcpStream, with_body: bool) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(": ") {
                line = format!("{}: {value}", name.to_lowercase());
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            head += &line;
        }
        let mut body = vec![0; if with_body { length } else { 0 }];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).expect("a body in UTF-8");
        Some(Self { head, body })
    }

    /// The value of the header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find_map(|(found, value)| (found == name).then_some(value))
    }
}

impl Remote {
    /// Responds to each request with these bytes.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(true, move |mut stream, _, _| {
            let _ = stream.write_all(&answer);
        })
    }

    /// Calls `answer` with the connection, the request and its number, counted from 0. Without `with_body`, the body of
    /// the request stays unread.
    pub fn start(
        with_body: bool,
        answer: impl Fn(TcpStream, &Request, usize) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (seen, over) = (Arc::clone(&requests), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            let number = AtomicUsize::new(0);
            let serve = |stream: TcpStream| {
                let timeout = Some(Duration::from_secs(20));
                stream.set_read_timeout(timeout).expect("a timeout");
                if let Some(request) = Request::read(&stream, with_body) {
                    seen.lock().expect("the requests").push(request.clone());
                    answer(stream, &request, number.fetch_add(1, Ordering::SeqCst));
                }
            };
            // The scope waits for all connections, and panics if the thread of one did.
            thread::scope(|scope| {
                for stream in listener.incoming() {
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                    let stream = stream.expect("a connection");
                    scope.spawn(|| serve(stream));
                }
            });
        });
        Self {
            address,
            requests,
            is_over,
            thread: Some(thread),
        }
    }

    /// The URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests received so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("the requests").clone()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok(), "the remote panicked");
        }
    }
}

/// An HTTP response with a JSON body.
pub fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
