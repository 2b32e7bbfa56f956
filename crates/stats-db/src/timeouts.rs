use std::time::Duration;

/// The limits after which calls fail with [`DbError::Busy`](crate::DbError::Busy).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// The wait for a free connection.
    pub connection: Duration,
    /// The wait for a lock that another program or transaction holds.
    pub lock: Duration,
    /// The duration of one statement on PostgreSQL, of one transaction on SQLite; `None` for no limit.
    pub statement: Option<Duration>,
}

impl Default for Timeouts {
    /// The timeouts of a command: long waits, and no limit for its own statements.
    fn default() -> Self {
        Self {
            connection: Duration::from_secs(30),
            lock: Duration::from_secs(30),
            statement: None,
        }
    }
}

impl Timeouts {
    /// The timeouts of a server, whose clients wait for a response.
    pub fn server() -> Self {
        Self {
            connection: Duration::from_secs(10),
            lock: Duration::from_secs(5),
            statement: Some(Duration::from_secs(30)),
        }
    }
}
