//! Counts and digests of what a database holds, to compare it with another one.

use std::collections::BTreeMap;

use crate::tables::{self, Table};
use crate::transfer::{Documents, Row};
use crate::{DbError, Snapshot};

/// The number of rows and a digest of them, for each table, and for stats by type and day.
///
/// A digest is the sum of the hashes of rows. It detects faults; it is no protection from somebody who looks for rows of
/// an equal sum.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests(BTreeMap<String, Digest>);

#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
struct Digest {
    rows: u64,
    sum: u64,
}

impl Digests {
    pub(crate) fn add(&mut self, table: &Table, row: &Row, documents: Documents) {
        let digest = self.0.entry(part(table, row)).or_default();
        digest.rows += 1;
        digest.sum = digest.sum.wrapping_add(row.hash_values(table, documents));
    }

    /// A line for each part of which the other database holds something else.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut parts: Vec<_> = self.0.keys().chain(other.0.keys()).collect();
        parts.sort_unstable();
        parts.dedup();
        let parts = parts.into_iter().filter_map(|part| {
            let [ours, theirs] =
                [self, other].map(|digests| digests.0.get(part).copied().unwrap_or_default());
            match ours.rows == theirs.rows {
                true if ours.sum == theirs.sum => None,
                true => Some(format!("{part}: different content")),
                false => Some(format!("{part}: {} here, {} there", ours.rows, theirs.rows)),
            }
        });
        parts.collect()
    }
}

/// The part of the database to which a row belongs: its table, and for stats the type and the day.
fn part(table: &Table, row: &Row) -> String {
    if table.name != tables::STATS.name {
        return format!("table {}", table.name);
    }
    let value = |column| row.get(table, column).unwrap_or_default();
    format!("stats of type {} on {}", value("type"), value("date"))
}

impl Snapshot<'_> {
    /// Counts and digests of all tables.
    pub(crate) fn digests(&mut self) -> Result<Digests, DbError> {
        let mut digests = Digests::default();
        for table in tables::all() {
            self.for_each_row(&table, "true", |row| {
                digests.add(&table, &row, Documents::Values);
                Ok(())
            })?;
        }
        Ok(digests)
    }
}
