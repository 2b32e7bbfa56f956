use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The output of a program, read in the background: a program whose pipe is full would wait for its reader.
pub struct Log {
    /// In a mutex, so that threads can share a server.
    lines: Mutex<Receiver<Vec<u8>>>,
    /// What is left of the last line.
    rest: io::Cursor<Vec<u8>>,
}

impl Log {
    /// Reads the output until it ends.
    pub fn of(output: impl Read + Send + 'static) -> Self {
        let mut output = BufReader::new(output);
        let (send, lines) = channel();
        thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                let end = matches!(output.read_until(b'\n', &mut line), Ok(0) | Err(_));
                if end || send.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            lines: Mutex::new(lines),
            rest: io::Cursor::default(),
        }
    }
}

impl Read for Log {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.rest.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        let lines = self.lines.get_mut();
        match lines.unwrap_or_else(PoisonError::into_inner).recv() {
            Ok(line) => {
                self.rest = io::Cursor::new(line);
                self.rest.read(buffer)
            }
            // The program has ended.
            Err(_) => Ok(0),
        }
    }
}
