use std::error::Error;
use std::io::{self, BufRead, Write};

/// Who types the commands and reads what they print.
pub(crate) struct Terminal<R, W> {
    input: R,
    output: W,
}

impl<R: BufRead, W: Write> Terminal<R, W> {
    pub(crate) fn new(input: R, output: W) -> Self {
        Self { input, output }
    }

    /// Where to print to.
    pub(crate) fn out(&mut self) -> &mut W {
        &mut self.output
    }

    /// Asks for permission unless it is given already, and fails without.
    pub(crate) fn confirm(&mut self, question: &str, is_given: bool) -> Result<(), Box<dyn Error>> {
        if is_given {
            return Ok(());
        }
        write!(self.output, "{question} [y/N]: ")?;
        self.output.flush()?;
        let mut answer = String::new();
        if self.input.read_line(&mut answer)? == 0 {
            writeln!(self.output)?;
            return Err("nothing was done, for nobody answered; --yes answers".into());
        }
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err("nothing was done".into()),
        }
    }

    /// Prints a line.
    pub(crate) fn say(&mut self, line: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.output, "{line}")
    }
}

/// How many there are of something, as people read it: `1 stat`, `1,234 stats`.
pub(crate) fn count(number: impl std::fmt::Display, noun: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let plural = if digits == "1" { "" } else { "s" };
    format!("{grouped} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0 stats"),
            (1, "1 stat"),
            (999, "999 stats"),
            (1_000, "1,000 stats"),
            (123_456, "123,456 stats"),
            (1_234_567, "1,234,567 stats"),
        ] {
            assert_eq!(count(number, "stat"), text);
        }
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        let ask = |typed: &str, is_given| {
            let mut terminal = Terminal::new(typed.as_bytes(), Vec::new());
            let result = terminal
                .confirm("Delete it?", is_given)
                .map_err(|error| error.to_string());
            (result, String::from_utf8(terminal.output).unwrap())
        };
        for yes in ["y\n", "YES\n", " y "] {
            assert_eq!(ask(yes, false), (Ok(()), "Delete it? [y/N]: ".to_owned()));
        }
        for no in ["n\n", "\n", "yesterday\n", "delete\n"] {
            assert_eq!(
                ask(no, false).0,
                Err("nothing was done".to_owned()),
                "{no:?}"
            );
        }
        assert!(ask("", false).0.unwrap_err().contains("--yes"));
        assert_eq!(ask("n\n", true), (Ok(()), String::new()));
    }
}
