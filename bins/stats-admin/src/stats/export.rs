use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stats_core::{ClientId, ClientUuid, DateRange, Stat, StatsFilter, StatsType};
use stats_db::Db;

use super::continue_if_ok;
use super::dates::DateArguments;
use crate::client::ClientKey;
use crate::new_file::write_new_file;
use crate::terminal::count;

/// Print stats, ordered by type, date and UUID
///
/// The export is consistent: it leaves out what arrives while it runs.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Export only the stats of this client, by name or UUID
    #[arg(long, aliases = ["client-uuid", "local-client-uuid"], value_name = "CLIENT")]
    client: Option<ClientKey>,
    /// Export only stats of this type: risk, threat, vulnerability, cartography or compliance
    #[arg(long = "type", value_name = "TYPE")]
    stats_type: Option<StatsType>,
    #[command(flatten)]
    dates: DateArguments,
    /// Write to a new file, which only its owner and group can read
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// A JSON object per line, as the API returns it
    Jsonl,
    /// Comma-separated values, with the UUID of the client and the document as JSON
    Csv,
}

impl Export {
    pub(super) fn run(self, db: &Db, output: &mut dyn Write) -> anyhow::Result<()> {
        let owner = match &self.client {
            Some(client) => Some(client.find(db)?.id),
            None => None,
        };
        let filter = StatsFilter {
            owner,
            dates: self.dates.range_or(DateRange::default())?,
            ..StatsFilter::default()
        };
        let (exported, to) = match &self.output {
            Some(path) => (
                write_new_file(path, |file| self.write(db, &filter, file))?,
                format!(" to {}", path.display()),
            ),
            None => (self.write(db, &filter, output)?, String::new()),
        };
        // Standard output may hold the stats.
        writeln!(io::stderr(), "Exported {}{to}", count(exported, "stat"))?;
        Ok(())
    }

    /// Writes the stats that `filter` selects, and gives their number.
    fn write(
        &self,
        db: &Db,
        filter: &StatsFilter,
        output: &mut dyn Write,
    ) -> anyhow::Result<usize> {
        let mut rows = match self.format {
            Format::Jsonl => Rows::Jsonl(BufWriter::new(output)),
            Format::Csv => Rows::csv(output)?,
        };
        let all = StatsType::ALL.as_slice();
        let types = self.stats_type.as_ref().map_or(all, std::slice::from_ref);
        let mut exported = 0;
        db.read(|snapshot| -> anyhow::Result<()> {
            let clients = snapshot.clients()?.into_iter();
            let clients: HashMap<ClientId, ClientUuid> =
                clients.map(|client| (client.id, client.uuid)).collect();
            // With one query per type the database returns the rows in order without sorting them.
            for stats_type in types {
                let filter = StatsFilter {
                    stats_type: Some(*stats_type),
                    ..filter.clone()
                };
                let mut written = Ok(());
                let selection = snapshot.select(&filter)?;
                snapshot.for_each_selected(&selection, |owner, stat| {
                    let client = owner.and_then(|id| clients.get(&id));
                    written = rows.write(client, &stat);
                    exported += usize::from(written.is_ok());
                    continue_if_ok(&written)
                })?;
                written?;
            }
            Ok(())
        })?;
        rows.flush()?;
        Ok(exported)
    }
}

enum Rows<'a> {
    Jsonl(BufWriter<&'a mut dyn Write>),
    Csv(Box<csv::Writer<&'a mut dyn Write>>),
}

impl<'a> Rows<'a> {
    fn csv(output: &'a mut dyn Write) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(output);
        let header = ["uuid", "anr", "type", "date", "client", "data"];
        writer.write_record(header).map_err(io_error)?;
        Ok(Self::Csv(Box::new(writer)))
    }

    fn write(&mut self, client: Option<&ClientUuid>, stat: &Stat) -> io::Result<()> {
        match self {
            Self::Jsonl(output) => {
                let mut line = Vec::new();
                stat.write_json(&mut line)?;
                join_lines(&mut line);
                line.push(b'\n');
                output.write_all(&line)
            }
            Self::Csv(writer) => {
                let mut data = stat.data.as_str().as_bytes().to_vec();
                join_lines(&mut data);
                let fields = [
                    stat.uuid.to_string(),
                    stat.analysis.to_string(),
                    stat.stats_type.to_string(),
                    stat.date.to_string(),
                    client.map(ToString::to_string).unwrap_or_default(),
                ];
                let fields = fields.iter().map(String::as_bytes).chain([data.as_slice()]);
                writer.write_record(fields).map_err(io_error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Jsonl(output) => output.flush(),
            Self::Csv(writer) => writer.flush(),
        }
    }
}

/// Puts a JSON text on one line. In JSON a line break is white space between two tokens.
fn join_lines(json: &mut [u8]) {
    for byte in json {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

/// The I/O error itself, by whose kind a closed standard output is recognised.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
