//! Values in nested arrays.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{Average, Cell, Disclosure, Mean, View};

pub(crate) type Table<T, const A: usize, const B: usize, const C: usize> = [[[T; C]; B]; A];

/// The table of each date with values.
pub(crate) type Days<const A: usize, const B: usize, const C: usize> =
    BTreeMap<NaiveDate, Table<Cell, A, B, C>>;

/// Adds one client's stats of one day to `days`, and returns the number of skipped parts. `read` returns the values of a
/// stat and the number of its skipped parts, or `None` if the stat is unreadable as a whole.
pub(crate) fn fold<'a, const A: usize, const B: usize, const C: usize>(
    days: &mut Days<A, B, C>,
    date: NaiveDate,
    documents: impl IntoIterator<Item = impl Into<Cow<'a, str>>>,
    read: impl Fn(&str) -> Option<(Table<Option<f64>, A, B, C>, u64)>,
) -> u64
where
    Table<Mean, A, B, C>: Default,
    Table<Cell, A, B, C>: Default,
{
    let mut client_day = Table::<Mean, A, B, C>::default();
    let mut skipped = 0_u64;
    for document in documents {
        let Some((values, parts)) = read(&document.into()) else {
            skipped = skipped.saturating_add(1);
            continue;
        };
        skipped = skipped.saturating_add(parts);
        for (mean, value) in flat_mut(&mut client_day).zip(flat(&values)) {
            if let Some(value) = value {
                mean.add(*value);
            }
        }
    }
    if flat(&client_day).any(|mean| mean.count() > 0) {
        let cells = flat_mut(days.entry(date).or_default());
        for (cell, mean) in cells.zip(flat(&client_day)) {
            cell.add(*mean);
        }
    }
    skipped
}

/// Adds the tables of other client-days.
pub(crate) fn merge<const A: usize, const B: usize, const C: usize>(
    days: &mut Days<A, B, C>,
    other: &Days<A, B, C>,
) where
    Table<Cell, A, B, C>: Default,
{
    for (date, table) in other {
        let cells = flat_mut(days.entry(*date).or_default());
        for (cell, other) in cells.zip(flat(table)) {
            cell.merge(*other);
        }
    }
}

/// See [`StoredPartial::withhold`](crate::StoredPartial::withhold). Each value is a figure.
pub(crate) fn withhold<const A: usize, const B: usize, const C: usize>(
    days: &mut Days<A, B, C>,
    disclosure: &mut Disclosure,
    all: Option<&Days<A, B, C>>,
) where
    Table<Cell, A, B, C>: Default,
{
    let none = Table::default();
    days.retain(|date, table| {
        let all = all.map(|all| flat(all.get(date).unwrap_or(&none)));
        let mut all = all.into_iter().flatten();
        let mut is_published = false;
        for cell in flat_mut(table) {
            let all = all.next().map(|all| [*all]);
            match disclosure.decide(&[*cell], all.as_ref()) {
                true => is_published = true,
                false => *cell = Cell::default(),
            }
        }
        is_published
    });
}

/// The means of all dates.
pub(crate) fn overall<const A: usize, const B: usize, const C: usize>(
    days: &Days<A, B, C>,
    view: View,
) -> Table<Average, A, B, C>
where
    Table<Average, A, B, C>: Default,
{
    let mut overall = Table::<Average, A, B, C>::default();
    for day in days.values() {
        for (average, cell) in flat_mut(&mut overall).zip(flat(day)) {
            average.merge(view.average(*cell));
        }
    }
    overall
}

/// All values, in order.
pub(crate) fn flat<T, const A: usize, const B: usize, const C: usize>(
    table: &Table<T, A, B, C>,
) -> impl Iterator<Item = &T> {
    table.iter().flatten().flatten()
}

/// All values, in order.
pub(crate) fn flat_mut<T, const A: usize, const B: usize, const C: usize>(
    table: &mut Table<T, A, B, C>,
) -> impl Iterator<Item = &mut T> {
    table.iter_mut().flatten().flatten()
}
