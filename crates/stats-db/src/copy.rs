//! Copying everything from one database to another, whichever they are.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::tables::{CLIENT, DEPENDENT, STATS, STATS_KEY};
use crate::transfer::{self, BATCH_ROWS, Batch, OnConflict, Row};
use crate::{Db, DbError, Snapshot};

/// What a copy has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The number of stats copied.
    pub stats: u64,
    /// The number of stats that the target had already.
    pub already_there: u64,
    /// The parts in which source and target differ at the end: tables, and stats by type and day.
    pub differences: Vec<String>,
}

/// Keys of stats loaded at once.
const KEYS_PER_QUERY: usize = 10_000;
/// Stats per query if the target lacks some between others.
const GAPS_PER_QUERY: usize = 500;

impl Db {
    /// Copies clients, stats and the ledger of pushes to another database: of one snapshot, in the order of arrival, a
    /// thousand stats per transaction.
    ///
    /// The target has to be migrated, and to hold nothing or what an earlier copy left: then the rest is copied, and
    /// clients and ledger are brought up to date. Fails with [`DbError::NotACopy`] if it holds anything else, or if a
    /// server has used it. Finally all that both hold is compared. `advance` gets the number of stats done and their
    /// total; it stops the copy by breaking, which fails with [`DbError::Cancelled`]. Copying again resumes it.
    pub fn copy_to(
        &self,
        target: &Self,
        mut advance: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Copied, DbError> {
        self.read(|snapshot| {
            let clients = snapshot.rows(&CLIENT)?;
            let arrived = check_clients(&clients, target)
                .and_then(|()| check_stats(snapshot, target))
                .map_err(|refusal| refusal.between(self, target))?;
            let total = snapshot.count_rows(&STATS)?;
            let mut copied = 0;
            let mut append = |rows: &[Row]| {
                target.write(|conn| {
                    transfer::insert(conn, &STATS, rows, OnConflict::Fail)?;
                    STATS.advance_numbers(conn)
                })?;
                copied += rows.len() as u64;
                match advance(arrived.number + copied, total) {
                    ControlFlow::Continue(()) => Ok(()),
                    ControlFlow::Break(()) => Err(DbError::Cancelled),
                }
            };
            update_clients(&clients, target)?;
            append(&[])?;
            for condition in arrived.missing() {
                let mut batch = Batch::default();
                snapshot.for_each_row(&STATS, &condition, |row| batch.add(row, &mut append))?;
                batch.finish(&mut append)?;
            }
            replace_dependent(snapshot, target)?;
            let there = target.read(|target| target.digests())?;
            Ok(Copied {
                stats: copied,
                already_there: arrived.number,
                differences: snapshot.digests()?.differences(&there),
            })
        })
    }
}

/// Why nothing is copied.
enum Refusal {
    /// The target holds this.
    Holds(String),
    Failed(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Failed(error)
    }
}

impl Refusal {
    fn between(self, source: &Db, target: &Db) -> DbError {
        match self {
            Self::Failed(error) => error,
            Self::Holds(reason) => DbError::NotACopy {
                target: target.url().to_string(),
                of: source.url().to_string(),
                reason,
            },
        }
    }
}

/// Checks that the source has the clients of the target.
fn check_clients(clients: &[Row], target: &Db) -> Result<(), Refusal> {
    let get = |row: &Row, column| row.get(&CLIENT, column).map(str::to_owned);
    for there in target.read(|target| target.rows(&CLIENT))? {
        let key = |row: &Row| (get(row, "id"), get(row, "uuid"));
        let name = || get(&there, "name").unwrap_or_default();
        let Some(here) = clients.iter().find(|here| key(here) == key(&there)) else {
            return Err(Refusal::Holds(format!("it has the client '{}'", name())));
        };
        if get(&there, "last_seen") > get(here, "last_seen") {
            let reason = format!("the client '{}' has authenticated there since", name());
            return Err(Refusal::Holds(reason));
        }
    }
    Ok(())
}

/// The stats of the source that the target has.
#[derive(Default)]
struct Arrived {
    number: u64,
    last: Option<i64>,
    /// Those before the last one that it lacks.
    gaps: Vec<i64>,
}

impl Arrived {
    /// Conditions in SQL that select the stats to copy.
    fn missing(&self) -> impl Iterator<Item = String> {
        let gaps = self.gaps.chunks(GAPS_PER_QUERY).map(|gaps| {
            let gaps: Vec<_> = gaps.iter().map(ToString::to_string).collect();
            format!("seq IN ({})", gaps.join(", "))
        });
        let later = format!("seq > {}", self.last.unwrap_or(i64::MIN));
        gaps.chain([later])
    }
}

/// Checks that the source has the stats of the target.
fn check_stats(snapshot: &mut Snapshot<'_>, target: &Db) -> Result<Arrived, Refusal> {
    let mut arrived = Arrived::default();
    let mut there = Keys::of(target);
    let mut extra = None;
    if let Some(last) = target.read(|target| target.last_key())? {
        arrived.last = Some(last);
        snapshot.for_each_row(&STATS_KEY, &format!("seq <= {last}"), |here| {
            let here = Key::from(&here);
            match there.next_if_up_to(here.seq)? {
                Some(key) if key == here => arrived.number += 1,
                Some(key) => extra = extra.take().or(Some(key)),
                None => arrived.gaps.push(here.seq),
            }
            Ok(())
        })?;
    }
    match extra.or(there.next_if_up_to(i64::MAX)?) {
        None => Ok(arrived),
        Some(Key { uuid, .. }) => Err(Refusal::Holds(format!(
            "it has the stat {uuid}, which has been stored there or deleted here since"
        ))),
    }
}

fn update_clients(clients: &[Row], target: &Db) -> Result<(), DbError> {
    target.write(|conn| {
        // A name or a token may have moved from one client to another.
        transfer::execute(conn, "UPDATE client SET name = NULL, token = NULL")?;
        transfer::insert(conn, &CLIENT, clients, OnConflict::Update)?;
        CLIENT.advance_numbers(conn)
    })
}

/// Replaces the small tables.
fn replace_dependent(snapshot: &mut Snapshot<'_>, target: &Db) -> Result<(), DbError> {
    let rows = DEPENDENT.iter().map(|table| snapshot.rows(table));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    target.write(|conn| {
        transfer::clear(conn, DEPENDENT.into_iter())?;
        for (table, rows) in DEPENDENT.iter().zip(&rows) {
            for rows in rows.chunks(BATCH_ROWS) {
                transfer::insert(conn, table, rows, OnConflict::Fail)?;
            }
            table.advance_numbers(conn)?;
        }
        Ok(())
    })
}

/// The key of a stat.
#[derive(PartialEq, Eq)]
struct Key {
    seq: i64,
    uuid: String,
}

impl From<&Row> for Key {
    fn from(row: &Row) -> Self {
        let get = |column| row.get(&STATS_KEY, column).unwrap_or_default();
        Self {
            // It is a number in the database.
            seq: get("seq").parse().unwrap_or_default(),
            uuid: get("uuid").to_owned(),
        }
    }
}

/// The keys of the stats of a database in the order of arrival, some thousand in memory.
struct Keys<'a> {
    db: &'a Db,
    loaded: VecDeque<Key>,
    /// The last key that was loaded; `None` at the end.
    last: Option<i64>,
}

impl<'a> Keys<'a> {
    fn of(db: &'a Db) -> Self {
        Self {
            db,
            loaded: VecDeque::new(),
            last: Some(i64::MIN),
        }
    }

    /// The next key if its `seq` is at most this.
    fn next_if_up_to(&mut self, seq: i64) -> Result<Option<Key>, DbError> {
        if let (true, Some(last)) = (self.loaded.is_empty(), self.last) {
            let next = format!(
                "seq IN (SELECT seq FROM stats WHERE seq > {last} ORDER BY seq LIMIT {KEYS_PER_QUERY})"
            );
            let loaded = self.db.read(|snapshot| {
                let mut loaded = VecDeque::new();
                snapshot.for_each_row(&STATS_KEY, &next, |row| {
                    loaded.push_back(Key::from(&row));
                    Ok(())
                })?;
                Ok::<_, DbError>(loaded)
            })?;
            self.last = loaded.back().map(|key| key.seq);
            self.loaded = loaded;
        }
        let next = self.loaded.front().filter(|key| key.seq <= seq);
        Ok(next.is_some().then(|| self.loaded.pop_front()).flatten())
    }
}
