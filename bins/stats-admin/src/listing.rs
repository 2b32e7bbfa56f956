use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use serde::Serialize;

/// A list that is printed while it is being made: a line for each entry, or a JSON list.
pub(crate) struct Listing<W: Write> {
    out: BufWriter<W>,
    is_json: bool,
    is_empty: bool,
}

impl<W: Write> Listing<W> {
    pub(crate) fn new(out: W, is_json: bool) -> Self {
        Self {
            out: BufWriter::new(out),
            is_json,
            is_empty: true,
        }
    }

    /// Prints an entry in one form or the other.
    pub(crate) fn add(&mut self, line: impl Display, json: &impl Serialize) -> io::Result<()> {
        if !self.is_json {
            return writeln!(self.out, "{line}");
        }
        let separator: &[u8] = if self.is_empty { b"[\n" } else { b",\n" };
        self.is_empty = false;
        self.out.write_all(separator)?;
        Ok(serde_json::to_writer(&mut self.out, json)?)
    }

    /// Ends the list.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.is_json {
            let end: &[u8] = if self.is_empty { b"[]\n" } else { b"\n]\n" };
            self.out.write_all(end)?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(entries: &[u8], is_json: bool) -> String {
        let mut out = Vec::new();
        let mut listing = Listing::new(&mut out, is_json);
        for entry in entries {
            listing.add(format_args!("entry {entry}"), entry).unwrap();
        }
        listing.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn any_number_of_entries_is_well_formed() {
        for (entries, lines) in [
            (&[][..], ""),
            (&[1], "entry 1\n"),
            (&[1, 2], "entry 1\nentry 2\n"),
        ] {
            assert_eq!(print(entries, false), lines);
            let read: Vec<u8> = serde_json::from_str(&print(entries, true)).unwrap();
            assert_eq!(read, entries);
        }
    }
}
