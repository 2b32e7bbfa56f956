use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::{NaiveDate, Utc};
use clap::Args;
use csv::{ByteRecord, Reader};
use serde::Serialize;
use serde_json::value::RawValue;
use stats_core::{ClientId, MAX_DATA_BYTES, PayloadError, Stat, last_acceptable_date, parse_batch};
use stats_db::{Db, SkipReason, Skipped};

use super::export::Format;
use crate::client::ClientKey;
use crate::terminal::{Terminal, count};

/// Store stats that stats export has written
///
/// The stats are checked like those that the API receives, and stored some thousand at a time. Those that are stored already
/// are skipped, so an import can be repeated. They count as arriving now.
///
/// An error names the line. The batch with that line is not stored; the message says how many stats were stored before it.
/// After the line is corrected, the same command stores the rest.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file to read; - is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The format; by default csv for a file of that name, and otherwise jsonl
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The client that will own the stats: its name or its UUID. CSV names a client in each line, which this option
    /// replaces; JSON lines name none
    #[arg(long, aliases = ["client-uuid", "local-client-uuid"], value_name = "CLIENT")]
    client: Option<ClientKey>,
}

/// The size of a batch, of which the last stat may exceed it.
const BATCH_STATS: usize = 2_000;
const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// The longest line: a document as long as allowed, and the other fields.
const MAX_LINE: usize = MAX_DATA_BYTES + 4096;
/// The columns of CSV.
const COLUMNS: [&str; 6] = ["uuid", "anr", "type", "date", "client", "data"];

impl Import {
    pub(super) fn run(self, db: &Db, terminal: &mut Terminal<'_>) -> anyhow::Result<()> {
        let owner = match &self.client {
            Some(client) => Some(client.find(db)?.id),
            None => None,
        };
        let is_csv = self.file.extension().is_some_and(|end| end == "csv");
        let format = match self.format {
            Some(format) => format,
            None if is_csv => Format::Csv,
            None => Format::Jsonl,
        };
        let file: &mut dyn BufRead = match self.file.as_os_str() == "-" {
            true => terminal.input,
            false => &mut open(&self.file)?,
        };
        let mut import = Importer::new(db);
        let read = match (format, owner) {
            (Format::Jsonl, None) => {
                bail!(
                    "JSON lines do not name a client: --client names the one that will own the stats"
                )
            }
            (Format::Jsonl, Some(owner)) => import.read_lines(file, owner),
            (Format::Csv, owner) => import.read_csv(file, owner),
        };
        let result = read.and_then(|()| import.store());
        let Importer {
            stored,
            skipped,
            deleted,
            ..
        } = import;
        let (stored, skipped) = (count(stored, "stat"), count(skipped, "stat"));
        let mut done = format!("{stored} imported, {skipped} skipped that are stored already");
        if deleted > 0 {
            let deleted = count(deleted, "stat");
            done += &format!(", {deleted} skipped that the client deleted");
        }
        match result {
            Ok(()) => Ok(terminal.print(done)?),
            Err(error) => Err(error.context(format!("{}: {done}", self.file.display()))),
        }
    }
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(BufReader::new(file))
}

/// Collects stats, and stores them in batches.
struct Importer<'a> {
    db: &'a Db,
    last_date: NaiveDate,
    /// The stats of each client that are not stored yet.
    batch: HashMap<ClientId, Vec<Stat>>,
    /// The number of stats in the batch, and the size of their documents.
    waiting: (usize, usize),
    stored: usize,
    skipped: usize,
    deleted: usize,
}

impl<'a> Importer<'a> {
    fn new(db: &'a Db) -> Self {
        Self {
            db,
            last_date: last_acceptable_date(Utc::now()),
            batch: HashMap::new(),
            waiting: (0, 0),
            stored: 0,
            skipped: 0,
            deleted: 0,
        }
    }

    fn read_lines(&mut self, file: &mut dyn BufRead, owner: ClientId) -> anyhow::Result<()> {
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let longest = MAX_LINE as u64 + 1;
            let length = (&mut *file).take(longest).read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            if length > MAX_LINE {
                bail!("line {number} is longer than a stat can be");
            }
            if !line.trim_ascii().is_empty() {
                self.add(owner, &line)
                    .with_context(|| format!("line {number}"))?;
            }
        }
        Ok(())
    }

    fn read_csv(&mut self, file: &mut dyn BufRead, owner: Option<ClientId>) -> anyhow::Result<()> {
        let clients = self.db.clients()?.into_iter();
        let clients: HashMap<String, ClientId> = clients
            .map(|client| (client.uuid.to_string(), client.id))
            .collect();
        let mut reader = Reader::from_reader(file);
        if *reader.headers()? != COLUMNS[..] {
            bail!("line 1 must have the columns {}", COLUMNS.join(","));
        }
        let mut record = ByteRecord::new();
        while reader.read_byte_record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            self.add_record(&record, &clients, owner)
                .with_context(|| format!("line {line}"))?;
        }
        Ok(())
    }

    fn add_record(
        &mut self,
        record: &ByteRecord,
        clients: &HashMap<String, ClientId>,
        owner: Option<ClientId>,
    ) -> anyhow::Result<()> {
        /// A stat on the wire.
        #[derive(Serialize)]
        struct Line<'a> {
            uuid: &'a str,
            anr: &'a str,
            #[serde(rename = "type")]
            stats_type: &'a str,
            date: &'a str,
            data: &'a RawValue,
        }

        let text = |column| str::from_utf8(record.get(column).unwrap_or_default());
        let client = text(4)?;
        let owner = match owner {
            Some(owner) => owner,
            None if client.is_empty() => {
                bail!("names no client; --client names one for all lines")
            }
            None => *clients
                .get(&client.to_lowercase())
                .with_context(|| format!("there is no client '{client}'"))?,
        };
        let line = Line {
            uuid: text(0)?,
            anr: text(1)?,
            stats_type: text(2)?,
            date: text(3)?,
            data: serde_json::from_str(text(5)?).context("data is not JSON")?,
        };
        self.add(owner, &serde_json::to_vec(&line)?)
    }

    /// Adds a stat, and stores the batch if it is full.
    fn add(&mut self, owner: ClientId, line: &[u8]) -> anyhow::Result<()> {
        let list = [b"[", line, b"]"].concat();
        let parsed = parse_batch(&list, self.last_date).map_err(|error| match error {
            PayloadError::Invalid(errors) => {
                // The errors of a list name the position in it.
                let errors = errors.iter().map(|(field, message)| {
                    let field = field.strip_prefix("0.").unwrap_or("a stat");
                    format!("{field} {message}")
                });
                anyhow::anyhow!(errors.collect::<Vec<_>>().join("; "))
            }
            error => error.into(),
        })?;
        let [new] = <[_; 1]>::try_from(parsed)
            .map_err(|stats| anyhow::anyhow!("must hold one stat, not {}", stats.len()))?;
        if new.uuid.is_none() {
            bail!("uuid is missing: importing the stat again would store it twice");
        }
        self.batch.entry(owner).or_default().push(new.into());
        let (stats, bytes) = self.waiting;
        self.waiting = (stats + 1, bytes + line.len());
        match self.waiting {
            (stats, bytes) if stats >= BATCH_STATS || bytes >= BATCH_BYTES => self.store(),
            _ => Ok(()),
        }
    }

    /// Stores the batch.
    fn store(&mut self) -> anyhow::Result<()> {
        for (owner, stats) in self.batch.drain() {
            let skipped = self.db.insert_stats(owner, &stats)?;
            let is_deleted = |skipped: &&Skipped| skipped.reason == SkipReason::Deleted;
            let deleted = skipped.iter().filter(is_deleted).count();
            self.deleted += deleted;
            self.skipped += skipped.len() - deleted;
            self.stored += stats.len() - skipped.len();
        }
        self.waiting = (0, 0);
        Ok(())
    }
}
