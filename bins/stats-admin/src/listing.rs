use std::io::{self, BufWriter, Write};

use serde_json::Value;

/// A list that is printed entry by entry: as lines of text, or as one JSON list.
pub(crate) struct Listing<'a> {
    output: BufWriter<&'a mut dyn Write>,
    is_json: bool,
    is_empty: bool,
}

impl<'a> Listing<'a> {
    pub(crate) fn new(output: &'a mut dyn Write, is_json: bool) -> Self {
        Self {
            output: BufWriter::new(output),
            is_json,
            is_empty: true,
        }
    }

    /// Prints an entry in one of its two forms.
    pub(crate) fn add(
        &mut self,
        line: impl FnOnce() -> String,
        json: impl FnOnce() -> Value,
    ) -> io::Result<()> {
        if !self.is_json {
            return writeln!(self.output, "{}", line());
        }
        let separator = if self.is_empty { "[\n" } else { ",\n" };
        self.is_empty = false;
        write!(self.output, "{separator}{}", json())
    }

    /// Ends the list.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.is_json {
            let end = if self.is_empty { "[]\n" } else { "\n]\n" };
            self.output.write_all(end.as_bytes())?;
        }
        self.output.flush()
    }
}
