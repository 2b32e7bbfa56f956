use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sends clients and balancers elsewhere before the server stops. Clones belong to the same server.
#[derive(Debug, Clone, Default)]
pub struct Drain(Arc<AtomicBool>);

impl Drain {
    /// From now on `/health` fails, and each connection is closed after its answer.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
