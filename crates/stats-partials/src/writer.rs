use std::iter::once;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use stats_core::WithCauses;
use stats_db::{DayPartial, Db};

/// Number of partials that wait to be stored.
const QUEUE: usize = 256;
/// Number of partials per transaction, so that other writers wait only briefly.
const BATCH: usize = 4;

/// Stores partials on a thread of its own. Dropping it waits until the queue is empty.
pub(crate) struct Writer {
    queue: Option<SyncSender<DayPartial>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(db: Db) -> Self {
        let (queue, received) = sync_channel(QUEUE);
        Self {
            queue: Some(queue),
            thread: Some(thread::spawn(move || run(&db, &received))),
        }
    }

    /// Stores a partial soon, or not at all if the queue is full: it can be made again.
    pub(crate) fn store(&self, partial: DayPartial) {
        if let Some(queue) = &self.queue {
            let _ = queue.try_send(partial);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(db: &Db, queue: &Receiver<DayPartial>) {
    while let Ok(first) = queue.recv() {
        let batch: Vec<_> = once(first).chain(queue.try_iter()).take(BATCH).collect();
        if let Err(error) = db.store_partials(&batch) {
            log::debug!(
                "{} partial(s) were not stored: {}",
                batch.len(),
                WithCauses(&error)
            );
        }
    }
}
