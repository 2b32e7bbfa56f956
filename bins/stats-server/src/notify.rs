//! What systemd is told about the state of the service, so that the unit can have `Type=notify`. Without a service manager
//! nothing is sent.

use std::time::Duration;

use actix_web::rt::task::spawn_blocking;
use actix_web::rt::time::interval;
use sd_notify::NotifyState;
use stats_db::Db;

/// The time for a migration at start, which systemd adds to the time for starting.
const MIGRATION: Duration = Duration::from_secs(3600);
/// The time for the requests in flight, for which the server waits for half a minute, and a margin.
const STOP: Duration = Duration::from_secs(40);
/// The time for the database to answer the check of the watchdog.
const CHECK: Duration = Duration::from_secs(2);

pub(crate) fn migrating() {
    send(&[
        more_time(MIGRATION),
        NotifyState::Status("Preparing the database"),
    ]);
}

fn more_time(time: Duration) -> NotifyState<'static> {
    NotifyState::ExtendTimeoutUsec(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))
}

pub(crate) fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => log::warn!("The monotonic clock cannot be read: {error}"),
    }
}

/// Asks for the time of a graceful stop after `delay`.
pub(crate) fn stopping(status: &str, delay: Duration) {
    send(&[
        NotifyState::Stopping,
        more_time(delay + STOP),
        NotifyState::Status(status),
    ]);
}

/// Feeds the watchdog of the unit, if it has one (`WatchdogSec`), while the health check comes to an end. An unreachable
/// database is no reason for a restart, which would not bring it back.
pub(crate) async fn feed_watchdog(db: Db) {
    let Some(timeout) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut ticks = interval(timeout / 3);
    loop {
        ticks.tick().await;
        let db = db.clone();
        if spawn_blocking(move || db.check(CHECK)).await.is_ok() {
            send(&[NotifyState::Watchdog]);
        }
    }
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("The service manager cannot be notified (NOTIFY_SOCKET): {error}");
    }
}
