use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::rt;
use socket2::SockRef;

/// The number of open connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenConnections(Arc<AtomicUsize>);

/// Counts as one open connection until dropped.
struct OpenConnection(Arc<AtomicUsize>);

impl OpenConnections {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns a callback that counts each new connection. On Linux it also makes the kernel close a connection whose
    /// client reads nothing of an answer for `stall_timeout` (`TCP_USER_TIMEOUT`).
    pub(crate) fn on_connect(
        &self,
        stall_timeout: Duration,
    ) -> impl Fn(&dyn Any, &mut Extensions) + Send + Clone + use<> {
        let Self(count) = self.clone();
        move |io, extensions| {
            count.fetch_add(1, Ordering::Relaxed);
            extensions.insert(OpenConnection(count.clone()));
            #[cfg(target_os = "linux")]
            if let Some(stream) = io.downcast_ref::<rt::net::TcpStream>()
                && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(stall_timeout))
            {
                log::warn!("Cannot set TCP_USER_TIMEOUT of a connection: {error}");
            }
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
