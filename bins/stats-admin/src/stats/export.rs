use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stats_core::{ClientId, ClientUuid, DateRange, Stat, StatsFilter, StatsType};
use stats_db::Db;

use super::dates::Dates;
use super::go_on;
use crate::client;
use crate::new_file::write_new_file;
use crate::terminal::count;

/// Print stats, sorted by type, date and UUID
///
/// They are those of one moment, whatever arrives meanwhile.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// How the stats are written
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Only the stats of this client
    #[arg(long, value_name = "UUID")]
    client_uuid: Option<ClientUuid>,
    /// Only the stats of this type: risk, threat, vulnerability, cartography or compliance
    #[arg(long = "type", value_name = "TYPE")]
    stats_type: Option<StatsType>,
    #[command(flatten)]
    dates: Dates,
    /// Write to a new file, which nobody else may read
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A JSON object a line, as stats travel
    Jsonl,
    /// Comma-separated values, with the UUID of the client and the document as JSON
    Csv,
}

impl Export {
    pub(super) fn run(self, db: &Db, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
        let owner = match self.client_uuid {
            Some(uuid) => Some(client::find(db, uuid)?.id),
            None => None,
        };
        let filter = StatsFilter {
            owner,
            dates: self.dates.range(DateRange::default())?,
            ..StatsFilter::default()
        };
        let exported = match &self.output {
            Some(path) => write_new_file(path, |file| self.write(db, &filter, file))?,
            None => self.write(db, &filter, out)?,
        };
        let to = self.output.map(|path| format!(" to {}", path.display()));
        // Standard output may be what was exported.
        writeln!(
            io::stderr(),
            "Exported {}{}",
            count(exported, "stat"),
            to.unwrap_or_default()
        )?;
        Ok(())
    }

    /// Writes the stats that `filter` lets through, and tells how many those were.
    fn write(
        &self,
        db: &Db,
        filter: &StatsFilter,
        out: &mut impl Write,
    ) -> Result<usize, Box<dyn Error>> {
        let mut table = match self.format {
            Format::Jsonl => Table::Lines(BufWriter::new(out)),
            Format::Csv => Table::csv(out)?,
        };
        let types = match self.stats_type {
            Some(stats_type) => vec![stats_type],
            None => StatsType::ALL.to_vec(),
        };
        let mut exported = 0;
        db.read(|snapshot| -> Result<(), Box<dyn Error>> {
            let clients = snapshot.clients()?.into_iter();
            let clients: HashMap<ClientId, ClientUuid> =
                clients.map(|client| (client.id, client.uuid)).collect();
            // One type after the other, which is an order that no database has to sort for.
            for stats_type in types {
                let filter = StatsFilter {
                    stats_type: Some(stats_type),
                    ..filter.clone()
                };
                let mut written = Ok(());
                snapshot.for_each_owned_stat(&filter, |owner, stat| {
                    let client = owner.and_then(|id| clients.get(&id));
                    written = table.write(client, &stat);
                    exported += usize::from(written.is_ok());
                    go_on(&written)
                })?;
                written?;
            }
            Ok(())
        })?;
        table.flush()?;
        Ok(exported)
    }
}

enum Table<W: Write> {
    Lines(BufWriter<W>),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write> Table<W> {
    fn csv(out: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer
            .write_record(["uuid", "anr", "type", "date", "client", "data"])
            .map_err(into_io)?;
        Ok(Self::Csv(Box::new(writer)))
    }

    fn write(&mut self, client: Option<&ClientUuid>, stat: &Stat) -> io::Result<()> {
        match self {
            Self::Lines(out) => {
                let mut line = Vec::new();
                stat.write_json(&mut line)?;
                join_lines(&mut line);
                line.push(b'\n');
                out.write_all(&line)
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
                let fields = fields.iter().map(String::as_bytes);
                writer
                    .write_record(fields.chain([data.as_slice()]))
                    .map_err(into_io)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Lines(out) => out.flush(),
            Self::Csv(writer) => writer.flush(),
        }
    }
}

/// Makes one line of a JSON text: a line break in it is nothing but white space between two tokens.
fn join_lines(json: &mut [u8]) {
    for byte in json {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

/// The cause alone, by which a reader that went away is known.
fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use stats_core::{AnalysisId, MIN_DATE, RawJson, StatId};

    use super::*;

    /// Out of room for more than some bytes.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.0 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0 -= bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_known_by_its_error() {
        let stat = Stat {
            uuid: StatId::random(),
            analysis: AnalysisId::random(),
            stats_type: StatsType::Risk,
            date: MIN_DATE,
            data: RawJson::parse(&format!("[\"{}\"]", "x".repeat(1_000_000))).unwrap(),
        };
        let write = |table: &mut Table<Full>| table.write(None, &stat).and(table.flush());
        let fail = |mut table| write(&mut table).unwrap_err().kind();
        let lines = Table::Lines(BufWriter::new(Full(500_000)));
        assert_eq!(fail(lines), io::ErrorKind::BrokenPipe);
        let csv = Table::csv(Full(500_000)).unwrap();
        assert_eq!(fail(csv), io::ErrorKind::BrokenPipe);
        assert!(write(&mut Table::csv(Full(2_000_000)).unwrap()).is_ok());
    }
}
