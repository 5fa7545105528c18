//! The at most four connections of one store: one to browse, two for heavy work, one for the tail.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use crate::store::postgres::params::Params;
use crate::store::postgres::session::{Purpose, Session};

/// Hands connections out, one user each, and opens them when they are first needed.
pub struct Pool {
    params: Params,
    browse: Arc<Lane>,
    heavy: Arc<Lane>,
    tail: Arc<Lane>,
}

struct Lane {
    purpose: Purpose,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
}

impl Lane {
    fn new(purpose: Purpose, most: usize) -> Arc<Self> {
        Arc::new(Self {
            purpose,
            permits: Arc::new(Semaphore::new(most)),
            idle: Mutex::new(Vec::new()),
        })
    }

    fn take(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(session) = idle.pop() {
            if session.is_usable() {
                return Some(session);
            }
        }
        None
    }
}

impl Pool {
    /// A pool that already has its first connection.
    pub fn new(params: Params, first: Session) -> Self {
        let browse = Lane::new(Purpose::Browse, 1);
        browse
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(first);
        Self {
            params,
            browse,
            heavy: Lane::new(Purpose::Heavy, 2),
            tail: Lane::new(Purpose::Tail, 1),
        }
    }

    /// A connection for a purpose; waits while all of them are in use.
    pub async fn lease(
        &self,
        purpose: Purpose,
        stop: &CancellationToken,
    ) -> Result<Lease, StoreError> {
        let lane = match purpose {
            Purpose::Browse => &self.browse,
            Purpose::Heavy | Purpose::Load | Purpose::Change => &self.heavy,
            Purpose::Tail => &self.tail,
        };
        let permit = tokio::select! {
            permit = lane.permits.clone().acquire_owned() => permit,
            () = stop.cancelled() => return Err(StoreError::Cancelled),
        };
        let permit = permit.map_err(|_| StoreError::Cancelled)?;
        let session = if let Some(session) = lane.take() {
            session
        } else {
            tokio::select! {
                opened = Session::open(&self.params, lane.purpose) => opened?,
                () = stop.cancelled() => return Err(StoreError::Cancelled),
            }
        };
        Ok(Lease {
            session: Some(session),
            lane: lane.clone(),
            _permit: permit,
        })
    }
}

/// A connection on loan. Dropped with an answer half read, the connection is stopped and thrown
/// away; else it goes back.
pub struct Lease {
    session: Option<Session>,
    lane: Arc<Lane>,
    _permit: OwnedSemaphorePermit,
}

impl std::ops::Deref for Lease {
    type Target = Session;

    #[expect(clippy::expect_used, reason = "only drop takes the session out")]
    fn deref(&self) -> &Session {
        self.session
            .as_ref()
            .expect("a lease has its session until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else {
            return;
        };
        if session.is_usable() {
            self.lane
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(session);
        } else {
            session.abandon();
        }
    }
}
