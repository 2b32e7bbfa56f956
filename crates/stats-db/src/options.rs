use crate::{DatabaseUrl, Timeouts};

/// How a database is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The limits of waits.
    pub timeouts: Timeouts,
    /// Maximum number of connections to the database, at least [`Options::MIN_CONNECTIONS`]. There may be as many to the
    /// replica.
    pub connections: u32,
    /// A streaming replica of a PostgreSQL database, which answers [`Db::read_replica`](crate::Db::read_replica). It need
    /// not be reachable.
    pub replica: Option<DatabaseUrl>,
}

impl Options {
    /// One for the monitor, two for writing, and one more for reading than the server sends lists at once.
    pub const MIN_CONNECTIONS: u32 = 8;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            connections: 13,
            replica: None,
        }
    }
}

impl From<Timeouts> for Options {
    fn from(timeouts: Timeouts) -> Self {
        Self {
            timeouts,
            ..Self::default()
        }
    }
}
