//! Time as the engine sees it: told by somebody, so that tests own it.
//!
//! The server's clock decides about cutoffs; this one only measures batches and dates the journal.

use std::time::{Duration, Instant};

use chrono::Utc;

use crate::core::instant::Micros;
use crate::store::BoxFuture;

/// Tells the time and waits.
pub trait Clock: Send + Sync {
    /// This machine's wall clock.
    fn now(&self) -> Micros;
    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;
    /// Waits.
    fn sleep(&self, length: Duration) -> BoxFuture<'_, ()>;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    since: Instant,
}

impl SystemClock {
    /// Counts from now on.
    pub fn start() -> Self {
        Self {
            since: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Micros {
        Micros::from(Utc::now())
    }

    fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    fn sleep(&self, length: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(length))
    }
}
