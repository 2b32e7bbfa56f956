use std::ops::ControlFlow;

use stats_core::{ClientId, DateRange, Stat};
use stats_db::{Arrival, BatchLimit, Db, DbError, Outbox, Part, Settled};
use stats_remote::{Posted, RemoteError, Retry, StatsClient, payload};

use crate::{Ending, Refusals, Refused, Watch};

/// What is pushed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushing {
    /// The stats of this client alone; otherwise those of all. Either way only while they share.
    pub owner: Option<ClientId>,
    /// The stats of these days alone. What is passed over waits.
    pub dates: DateRange,
    /// Also those that the remote has confirmed before.
    pub again: bool,
    /// How much is sent at once.
    pub batch: BatchLimit,
    /// How often a batch is tried.
    pub retry: Retry,
}

impl Default for Pushing {
    /// Everything that is new, in batches of less than the 1 MiB that nginx lets through where nobody told it otherwise.
    fn default() -> Self {
        Self {
            owner: None,
            dates: DateRange::default(),
            again: false,
            batch: BatchLimit {
                stats: 500,
                bytes: 900_000,
            },
            retry: Retry::default(),
        }
    }
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// How many stats the remote has stored.
    pub sent: u64,
    /// How many it had before.
    pub already_there: u64,
    /// How many it does not take. They are tried again by the next push.
    pub refused: Refusals,
    /// How many this push did not come to.
    pub waiting: u64,
    /// How it ended.
    pub ending: Ending,
}

/// After so many stats in a row that the remote stumbled over it is the remote, and not the stats.
const MAX_STRIKES: u32 = 3;

/// Pushes the stats of clients with sharing enabled to a remote. Fails if the database does; what the remote said is in
/// the report.
pub fn push(
    db: &Db,
    remote: &StatsClient,
    what: &Pushing,
    watch: &mut impl Watch,
) -> Result<Pushed, DbError> {
    let mut outboxes = outboxes(db, remote, what)?;
    watch.begins(count(db, &outboxes)?);
    let mut run = Run {
        db,
        remote,
        what,
        watch,
        strikes: 0,
        report: Pushed {
            sent: 0,
            already_there: 0,
            refused: Refusals::default(),
            waiting: 0,
            ending: Ending::Complete,
        },
    };
    for outbox in &mut outboxes {
        if let ControlFlow::Break(ending) = run.deliver_all(outbox)? {
            run.report.ending = ending;
            run.report.waiting = count(db, &outboxes)?;
            break;
        }
    }
    Ok(run.report)
}

/// Visits the batches that a push would send, in their order, and sends nothing: each as its [`payload`].
pub fn preview<E: From<DbError>>(
    db: &Db,
    remote: &StatsClient,
    what: &Pushing,
    mut visit: impl FnMut(&[Stat], Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    for mut outbox in outboxes(db, remote, what)? {
        loop {
            let batch = db.next_in_outbox(&outbox, what.batch)?;
            let Some((last, _)) = batch.last() else {
                break;
            };
            outbox.after = *last;
            let stats: Vec<Stat> = batch.into_iter().map(|(_, stat)| stat).collect();
            visit(&stats, payload(&stats))?;
        }
    }
    Ok(())
}

/// What is new of every client, and then what waits of every client: what was refused before must not hold up the rest.
fn outboxes(db: &Db, remote: &StatsClient, what: &Pushing) -> Result<Vec<Outbox>, DbError> {
    let mut new = Vec::new();
    let mut waiting = Vec::new();
    for client in db.clients()? {
        if what.owner.is_some_and(|owner| owner != client.id) {
            continue;
        }
        let all = Outbox {
            remote: remote.address().to_owned(),
            owner: client.id,
            dates: what.dates,
            part: Part::All,
            after: Arrival::default(),
        };
        if what.again {
            new.push(all);
            continue;
        }
        let settled = db.pushed_up_to(&all.remote, client.id)?;
        new.push(Outbox {
            after: settled,
            ..all.clone()
        });
        waiting.push(Outbox {
            part: Part::Waiting(settled),
            ..all
        });
    }
    new.append(&mut waiting);
    Ok(new)
}

fn count(db: &Db, outboxes: &[Outbox]) -> Result<u64, DbError> {
    outboxes.iter().map(|outbox| db.count_outbox(outbox)).sum()
}

fn with_little_patience(retry: Retry) -> Retry {
    Retry {
        attempts: retry.attempts.min(2),
        ..retry
    }
}

/// A push on its way.
struct Run<'a, W> {
    db: &'a Db,
    remote: &'a StatsClient,
    what: &'a Pushing,
    watch: &'a mut W,
    /// How many stats in a row the remote has stumbled over.
    strikes: u32,
    report: Pushed,
}

/// Where it lies that a batch was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A stat in it is not one that the remote takes.
    OfStat,
    /// The remote is there and knows us, and stumbles all the same: a service that fails at one stat, a firewall that
    /// dislikes a word, a proxy that cuts large bodies off, or forbids them all.
    Unclear,
    /// The remote is away, or the account is not good.
    OfRemote,
}

/// Whether to go on, or how it ended.
type Flow = ControlFlow<Ending>;

impl<W: Watch> Run<'_, W> {
    /// Delivers all that is in an outbox.
    fn deliver_all(&mut self, outbox: &mut Outbox) -> Result<Flow, DbError> {
        let retry = match outbox.part {
            Part::All => self.what.retry,
            // What a remote has failed at before it fails at again, mostly.
            Part::Waiting(_) => with_little_patience(self.what.retry),
        };
        loop {
            let batch = self.db.next_in_outbox(outbox, self.what.batch)?;
            if batch.is_empty() {
                return Ok(Flow::Continue(()));
            }
            let (places, stats): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let flow = self.deliver(outbox, &places, &stats, retry)?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
    }

    /// Sends stats until the remote has said something to each.
    fn deliver(
        &mut self,
        outbox: &mut Outbox,
        places: &[Arrival],
        stats: &[Stat],
        retry: Retry,
    ) -> Result<Flow, DbError> {
        if self.watch.wants_to_stop() {
            return Ok(Flow::Break(Ending::Stopped));
        }
        let sent = retry.run_with(
            |error, pause| self.watch.pauses(error, pause),
            || self.remote.post_stats(stats),
        );
        let error = match sent {
            Ok(posted) => {
                self.confirm(outbox, places, &posted)?;
                return Ok(Flow::Continue(()));
            }
            Err(error) => error,
        };
        if self.watch.wants_to_stop() {
            return Ok(Flow::Break(Ending::Stopped));
        }
        let fault = self.fault(&error);
        if fault == Fault::OfRemote {
            return Ok(Flow::Break(Ending::Failed(error)));
        }
        if let ([place], [stat]) = (places, stats) {
            return self.refuse(outbox, *place, stat, error, fault);
        }
        // What the remote failed at with patience it fails at with less.
        let retry = match error.is_temporary() {
            true => with_little_patience(retry),
            false => retry,
        };
        let half = stats.len() / 2;
        let flow = self.deliver(outbox, &places[..half], &stats[..half], retry)?;
        match flow {
            Flow::Continue(()) => self.deliver(outbox, &places[half..], &stats[half..], retry),
            Flow::Break(_) => Ok(flow),
        }
    }

    fn fault(&self, error: &RemoteError) -> Fault {
        let is_unclear = match error {
            RemoteError::TooLarge
            | RemoteError::AnswerTooLarge { .. }
            | RemoteError::Refused {
                status: 400 | 409 | 413 | 422,
                ..
            } => return Fault::OfStat,
            RemoteError::Refused { .. }
            | RemoteError::Interrupted { .. }
            | RemoteError::TimedOut { .. } => true,
            // 503 is a remote that wants to be left alone.
            RemoteError::Unavailable { status, .. } => *status != 503,
            _ => false,
        };
        if is_unclear && self.remote.me().is_ok() {
            Fault::Unclear
        } else {
            Fault::OfRemote
        }
    }

    fn confirm(
        &mut self,
        outbox: &mut Outbox,
        places: &[Arrival],
        posted: &Posted,
    ) -> Result<(), DbError> {
        let answers: Vec<_> = places
            .iter()
            .map(|place| (*place, Settled::There))
            .collect();
        self.settle(outbox, &answers)?;
        self.strikes = 0;
        self.report.sent += posted.stored.len() as u64;
        self.report.already_there += posted.already_there.len() as u64;
        Ok(())
    }

    fn refuse(
        &mut self,
        outbox: &mut Outbox,
        place: Arrival,
        stat: &Stat,
        error: RemoteError,
        fault: Fault,
    ) -> Result<Flow, DbError> {
        self.strikes = match fault {
            Fault::Unclear => self.strikes + 1,
            Fault::OfStat | Fault::OfRemote => 0,
        };
        if self.strikes == MAX_STRIKES {
            return Ok(Flow::Break(Ending::Failed(error)));
        }
        let reason = error.to_string();
        self.watch.is_refused(&Refused {
            uuid: stat.uuid,
            stats_type: stat.stats_type,
            date: stat.date,
            reason: &reason,
        });
        self.report.refused.add(&reason);
        self.settle(outbox, &[(place, Settled::Refused(reason))])?;
        Ok(Flow::Continue(()))
    }

    fn settle(
        &mut self,
        outbox: &mut Outbox,
        answers: &[(Arrival, Settled)],
    ) -> Result<(), DbError> {
        self.db.settle(outbox, answers)?;
        if let Some((last, _)) = answers.last() {
            outbox.after = *last;
        }
        self.watch.advances(answers.len() as u64);
        Ok(())
    }
}
