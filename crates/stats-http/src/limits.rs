//! How long and how much one client may keep the service busy, so that a slow one does not hold up the others.

use std::any::Any;
use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroU32;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::rt;
use actix_web::web::Data;
use futures_util::future::{Either, pending, select};
use stats_core::{ClientId, function_name};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::app::App;
use crate::errors::ApiError;

/// What a client may take of the service. The defaults are generous for a front office on a bad line.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections that are open at once; more wait until one of them ends. Each needs two file descriptors, of which
    /// many systems give a program 1024.
    pub connections: usize,
    /// How long the headers of the first request may take.
    pub header_timeout: Duration,
    /// How long an idle connection is kept for the next request.
    pub keep_alive: Duration,
    /// How long a body may take to arrive and an answer to be taken, besides what [`Limits::min_rate`] allows; and how
    /// long a client may take nothing of a list.
    pub stall_timeout: Duration,
    /// Bytes per second that a client has to send or to take.
    pub min_rate: NonZeroU32,
    /// How long a list may take. Its length is not known beforehand.
    pub list_timeout: Duration,
    /// Lists that are sent at once. Each holds a connection to the database, of which the storage has 10 for reading;
    /// the others are left for everything else.
    pub lists: usize,
    /// The same for one client, so that no client holds up the lists of the others.
    pub lists_of_client: usize,
    /// How long a list waits for its turn before the client is told to try again.
    pub list_turn_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 400,
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            min_rate: NonZeroU32::MIN.saturating_add((32 << 10) - 1),
            list_timeout: Duration::from_secs(600),
            lists: 6,
            lists_of_client: 2,
            list_turn_timeout: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// How long so many bytes may take on their way.
    pub(crate) fn time_for(&self, bytes: u64) -> Duration {
        let seconds = bytes / u64::from(self.min_rate.get());
        self.stall_timeout
            .saturating_add(Duration::from_secs(seconds))
    }

    /// How long after the beginning of an answer the next one has to begin, or the connection has to end.
    fn time_for_answer(&self, size: BodySize) -> Duration {
        let answer = match size {
            BodySize::None => self.stall_timeout,
            BodySize::Sized(bytes) => self.time_for(bytes),
            BodySize::Stream => self.list_timeout,
        };
        answer
            .saturating_add(self.keep_alive)
            .saturating_add(self.header_timeout)
    }
}

/// Whose turn it is to be sent a list.
#[derive(Debug)]
pub(crate) struct ListTurns {
    all: Arc<Semaphore>,
    by_client: Mutex<HashMap<ClientId, Arc<Semaphore>>>,
}

/// The permission to send a list, until it is dropped.
#[derive(Debug)]
pub(crate) struct ListTurn {
    _permits: [OwnedSemaphorePermit; 2],
}

impl ListTurns {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.lists)),
            by_client: Mutex::default(),
        }
    }

    /// Waits for a turn of that client.
    pub(crate) async fn wait(
        &self,
        client: ClientId,
        limits: &Limits,
    ) -> Result<ListTurn, ApiError> {
        let of_client = {
            let mut by_client = self
                .by_client
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Semaphore::new(limits.lists_of_client));
            by_client.entry(client).or_insert_with(new).clone()
        };
        // First among the client's own, so that what waits there takes no turn of others.
        let permits = async {
            let own = of_client.acquire_owned().await?;
            Ok::<_, tokio::sync::AcquireError>([own, self.all.clone().acquire_owned().await?])
        };
        match timeout(limits.list_turn_timeout, permits).await {
            Ok(Ok(permits)) => Ok(ListTurn { _permits: permits }),
            Ok(Err(closed)) => Err(ApiError::Internal(closed.to_string())),
            Err(_) => Err(ApiError::Unavailable(
                "too many lists are being sent".to_owned(),
            )),
        }
    }
}

/// When a connection is broken off. actix-web itself bounds neither how long a client takes to read an answer, nor the
/// headers of a second request, nor a body that no handler reads.
struct Deadline(watch::Sender<Option<Instant>>);

/// Gives a new connection a [`Deadline`].
pub(crate) fn watch_connection(io: &dyn Any, data: &mut Extensions) {
    let Some(stream) = io.downcast_ref::<rt::net::TcpStream>() else {
        return;
    };
    match stream.as_fd().try_clone_to_owned() {
        Ok(socket) => {
            let (sender, deadline) = watch::channel(None);
            data.insert(Deadline(sender));
            rt::spawn(hang_up_in_time(socket.into(), deadline));
        }
        Err(error) => {
            log::warn!(function = function_name!(); "A connection is not watched: {error}");
        }
    }
}

/// Ends with the connection, or ends it.
async fn hang_up_in_time(socket: TcpStream, mut deadline: watch::Receiver<Option<Instant>>) {
    loop {
        let time = *deadline.borrow_and_update();
        let expiry = async {
            match time {
                Some(time) => sleep_until(time).await,
                None => pending().await,
            }
        };
        match select(pin!(expiry), pin!(deadline.changed())).await {
            Either::Left(_) => {
                log::info!(function = function_name!(); "Hung up on a client that was too slow");
                // It fails where the client was faster.
                let _ = socket.shutdown(Shutdown::Both);
                return;
            }
            Either::Right((Ok(()), _)) => {}
            Either::Right((Err(_), _)) => return,
        }
    }
}

/// Middleware that sets the [`Deadline`] of a connection: none while a request is worked on, which bounds itself, and
/// then as long as its answer may take.
pub(crate) async fn bound_answers(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let deadline = request
        .conn_data::<Deadline>()
        .map(|deadline| deadline.0.clone());
    let set = |time| {
        if let Some(deadline) = &deadline {
            deadline.send_replace(time);
        }
    };
    set(None);
    let result = next.call(request).await;
    let size = match &result {
        Ok(response) => response.response().body().size(),
        Err(_) => BodySize::None,
    };
    set(Some(
        Instant::now() + app.config.limits.time_for_answer(size),
    ));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            lists: 3,
            lists_of_client: 2,
            list_turn_timeout: Duration::from_millis(20),
            ..Limits::default()
        }
    }

    #[actix_web::test]
    async fn no_client_takes_the_turns_of_all() {
        let limits = limits();
        let turns = ListTurns::new(&limits);
        let first = turns.wait(ClientId(1), &limits).await.unwrap();
        let _second = turns.wait(ClientId(1), &limits).await.unwrap();
        let third = turns.wait(ClientId(1), &limits).await;
        assert!(matches!(third, Err(ApiError::Unavailable(_))), "{third:?}");
        let _other = turns.wait(ClientId(2), &limits).await.unwrap();
        assert!(
            turns.wait(ClientId(3), &limits).await.is_err(),
            "all three are taken"
        );
        drop(first);
        turns.wait(ClientId(3), &limits).await.unwrap();
    }

    #[test]
    fn what_is_longer_may_take_longer() {
        let limits = Limits {
            min_rate: NonZeroU32::new(1000).unwrap(),
            stall_timeout: Duration::from_secs(5),
            ..Limits::default()
        };
        assert_eq!(limits.time_for(0), Duration::from_secs(5));
        assert_eq!(limits.time_for(60_000), Duration::from_secs(65));
        assert!(limits.time_for_answer(BodySize::Sized(u64::MAX)) > Duration::from_secs(1 << 40));
    }
}
