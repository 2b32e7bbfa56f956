//! What is published of the stats of one day: only what enough clients are behind.

use crate::Cell;

/// The number of clients that have to be behind everything that is published, and the numbers of figures. A figure is a
/// cell, or all cells of an object or a category, which have the same clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disclosure {
    min_clients: u64,
    /// The number of published figures.
    pub published: u64,
    /// The number of withheld figures.
    pub withheld: u64,
}

impl Disclosure {
    /// Requires this number of clients.
    pub fn new(min_clients: u64) -> Self {
        Self {
            min_clients,
            published: 0,
            withheld: 0,
        }
    }

    /// Whether enough clients use a label.
    pub(crate) fn allows_label(&self, votes: u64) -> bool {
        votes >= self.min_clients
    }

    /// Whether the cells of a figure may be published, which counts it. `all` are the same cells of all clients, which are
    /// published too, if this figure is of some of them: the other clients have to be enough as well, or none, because the
    /// difference is theirs.
    pub(crate) fn decide<const N: usize>(
        &mut self,
        cells: &[Cell; N],
        all: Option<&[Cell; N]>,
    ) -> bool {
        let clients = |cells: &[Cell; N]| cells.map(|cell| cell.clients.count());
        let own = clients(cells);
        if own == [0; N] {
            return false;
        }
        let is_enough = |clients: u64| clients >= self.min_clients;
        let others = all.map(clients).unwrap_or(own).into_iter().zip(own);
        let is_published = own.into_iter().all(is_enough)
            && others
                .map(|(all, own)| all.checked_sub(own))
                .all(|others| others.is_some_and(|others| others == 0 || is_enough(others)));
        let figures = match is_published {
            true => &mut self.published,
            false => &mut self.withheld,
        };
        *figures += 1;
        is_published
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mean;

    fn cell(clients: u32) -> Cell {
        let mut cell = Cell::default();
        for _ in 0..clients {
            let mut mean = Mean::default();
            mean.add(1.0);
            cell.add(mean);
        }
        cell
    }

    #[test]
    fn a_figure_needs_enough_clients_and_as_many_others_or_none() {
        for (own, all, is_published) in [
            (0, None, false),
            (2, None, false),
            (3, None, true),
            (2, Some(9), false),
            (3, Some(3), true),
            (3, Some(4), false),
            (3, Some(5), false),
            (3, Some(6), true),
            // The cells of all clients lost some, because there were too many objects.
            (4, Some(3), false),
            (3, Some(0), false),
        ] {
            let mut disclosure = Disclosure::new(3);
            let all = all.map(|all| [cell(all)]);
            let decided = disclosure.decide(&[cell(own)], all.as_ref());
            assert_eq!(decided, is_published, "{own} of {all:?}");
            let figures = (disclosure.published, disclosure.withheld);
            let expected = (is_published.into(), (!is_published && own > 0).into());
            assert_eq!(figures, expected);
        }
    }
}
