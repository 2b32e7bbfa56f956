use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;
use stats_core::WithCauses;
use stats_settings::{LoadedSettings, SettingsError};

use crate::check::{Check, Findings, Level};

/// The settings in force, and what the checks found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    settings: Vec<Setting>,
    checks: Vec<Check>,
    figures: Vec<(&'static str, u64)>,
    /// Why the settings cannot be read.
    unknown: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Setting {
    key: &'static str,
    value: String,
    origin: String,
}

impl Report {
    pub(crate) fn new(loaded: &LoadedSettings, topics: impl IntoIterator<Item = Findings>) -> Self {
        let (mut checks, mut figures) = (Vec::new(), Vec::new());
        for topic in topics {
            checks.extend(topic.checks);
            figures.extend(topic.figures);
        }
        let settings = loaded.entries().map(|entry| Setting {
            key: entry.key,
            value: entry.value,
            origin: entry.origin.to_string(),
        });
        Self {
            settings: settings.collect(),
            checks,
            figures,
            unknown: None,
        }
    }

    pub(crate) fn unknown(error: &SettingsError) -> Self {
        Self {
            settings: Vec::new(),
            checks: Vec::new(),
            figures: Vec::new(),
            unknown: Some(WithCauses(error).to_string()),
        }
    }

    /// The results of the checks.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The worst result; a failure if the settings cannot be read.
    pub fn level(&self) -> Level {
        let worst = self.checks.iter().map(|check| check.level).max();
        match self.unknown {
            Some(_) => Level::Failure,
            None => worst.unwrap_or(Level::Ok),
        }
    }

    /// The exit code of a Nagios plugin.
    pub fn exit_code(&self) -> u8 {
        match (&self.unknown, self.level()) {
            (Some(_), _) => 3,
            (None, Level::Ok) => 0,
            (None, Level::Warning) => 1,
            (None, Level::Failure) => 2,
        }
    }

    /// The first line of a Nagios plugin: the problems, the worst first, and performance data.
    pub fn summary(&self) -> String {
        let state = match self.exit_code() {
            0 => "OK",
            1 => "WARNING",
            2 => "CRITICAL",
            _ => "UNKNOWN",
        };
        let of_level = |level| self.checks.iter().filter(move |check| check.level == level);
        let problems = of_level(Level::Failure).chain(of_level(Level::Warning));
        let problems: Vec<_> = problems
            .map(|check| check.problem.as_str())
            .chain(self.unknown.as_deref())
            .collect();
        let text = match problems.is_empty() {
            true => format!("{} checks", self.checks.len()),
            false => problems.join("; "),
        };
        let mut summary = format!("STATS {state} - {}", plain(&text));
        for (position, (name, figure)) in self.figures.iter().enumerate() {
            summary += if position == 0 { " |" } else { "" };
            summary += &format!(" {name}={figure}");
        }
        summary
    }

    /// Prints the report: the summary and two tables, or JSON.
    pub fn print(&self, output: &mut dyn Write, is_json: bool) -> io::Result<()> {
        match is_json {
            true => self.print_json(output),
            false => self.print_text(output),
        }
    }

    fn print_json(&self, output: &mut dyn Write) -> io::Result<()> {
        let figures: serde_json::Map<_, _> = self
            .figures
            .iter()
            .map(|(name, figure)| ((*name).to_owned(), json!(figure)))
            .collect();
        let report = json!({
            "summary": self.summary(),
            "exit_code": self.exit_code(),
            "checks": self.checks,
            "figures": figures,
            "settings": self.settings,
        });
        writeln!(output, "{report:#}")
    }

    fn print_text(&self, output: &mut dyn Write) -> io::Result<()> {
        writeln!(output, "{}", self.summary())?;
        if self.unknown.is_some() {
            return Ok(());
        }
        writeln!(output, "\nSettings")?;
        let width = |texts: &mut dyn Iterator<Item = &str>| {
            texts.map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let keys = width(&mut self.settings.iter().map(|setting| setting.key));
        let values = width(&mut self.settings.iter().map(|setting| setting.value.as_str()));
        for Setting { key, value, origin } in &self.settings {
            let line = format!("  {key:keys$}  {value:values$}  {origin}");
            writeln!(output, "{}", plain(&line))?;
        }
        writeln!(output, "\nChecks")?;
        let names = width(&mut self.checks.iter().map(|check| check.name));
        for check in &self.checks {
            let level = match check.level {
                Level::Ok => "ok",
                Level::Warning => "warning",
                Level::Failure => "failure",
            };
            let line = format!("  {level:7}  {:names$}  {}", check.name, check.problem);
            writeln!(output, "{}", plain(&line))?;
            if !check.advice.is_empty() {
                let line = format!("  {:7}  {:names$}  {}", "", "", check.advice);
                writeln!(output, "{}", plain(&line))?;
            }
        }
        output.flush()
    }
}

/// Replaces what would begin performance data or another line.
fn plain(text: &str) -> String {
    text.replace('|', "/").replace(char::is_control, " ")
}
