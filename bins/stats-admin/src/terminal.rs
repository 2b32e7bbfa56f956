use std::fmt::Display;
use std::io::{self, BufRead, Write};

use anyhow::bail;

/// The standard input and output of a command.
pub(crate) struct Terminal<'a> {
    pub(crate) input: &'a mut dyn BufRead,
    pub(crate) output: &'a mut dyn Write,
}

impl Terminal<'_> {
    /// Prints a line.
    pub(crate) fn print(&mut self, line: impl Display) -> io::Result<()> {
        writeln!(self.output, "{line}")
    }

    /// Asks a question unless `yes` answers it. Fails if the answer is not yes.
    pub(crate) fn confirm(&mut self, question: &str, yes: bool) -> anyhow::Result<()> {
        if yes {
            return Ok(());
        }
        write!(self.output, "{question} [y/N]: ")?;
        self.output.flush()?;
        let mut answer = String::new();
        if self.input.read_line(&mut answer)? == 0 {
            writeln!(self.output)?;
            bail!("nothing was changed: standard input has no answer; --yes skips the question");
        }
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => bail!("nothing was changed"),
        }
    }
}

/// A number with its noun: `1 stat`, `1,234 stats`.
pub(crate) fn count(number: impl Display, noun: &str) -> String {
    let digits = group_digits(number);
    let plural = if digits == "1" { "" } else { "s" };
    format!("{digits} {noun}{plural}")
}

/// A number with its thousands grouped: `1,234`.
pub(crate) fn group_digits(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_groups_thousands_and_forms_the_plural() {
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
    fn confirm_fails_unless_the_answer_is_yes() {
        for (typed, yes, expected) in [
            ("y\n", false, Ok(())),
            ("YES\n", false, Ok(())),
            (" y ", false, Ok(())),
            ("n\n", true, Ok(())),
            ("n\n", false, Err("nothing was changed")),
            ("\n", false, Err("nothing was changed")),
            ("yesterday\n", false, Err("nothing was changed")),
            (
                "",
                false,
                Err("nothing was changed: standard input has no answer; --yes skips the question"),
            ),
        ] {
            let mut output = Vec::new();
            let mut terminal = Terminal {
                input: &mut typed.as_bytes(),
                output: &mut output,
            };
            let result = terminal.confirm("Delete it?", yes);
            let result = result.map_err(|error| error.to_string());
            assert_eq!(result, expected.map_err(str::to_owned), "{typed:?}");
            assert_eq!(output.is_empty(), yes);
            assert!(yes || output.starts_with(b"Delete it? [y/N]: "));
        }
    }
}
