//! Values in nested arrays.

use crate::Cell;

pub(crate) type Table<T, const A: usize, const B: usize, const C: usize> = [[[T; C]; B]; A];

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

/// Adds each cell of other client-days.
pub(crate) fn merge_tables<const A: usize, const B: usize, const C: usize>(
    table: &mut Table<Cell, A, B, C>,
    other: &Table<Cell, A, B, C>,
) {
    for (cell, other) in flat_mut(table).zip(flat(other)) {
        cell.merge(*other);
    }
}
