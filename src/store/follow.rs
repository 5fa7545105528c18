//! What the tail of every driver does in the same way: the way out, the waits between attempts,
//! and which rows may still change.
//!
//! Does not read, and does not decide what is told; see `overlap`.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::event::{Event, Outcome};
use crate::core::profile::Changes;
use crate::store::overlap::Settlement;
use crate::store::{Checkpoint, StoreError, TailItem};

/// Wait before the first new attempt.
const SHORTEST_WAIT: Duration = Duration::from_millis(250);

/// Longest wait between attempts to reach the store again.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Between two checkpoints.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// How long the receiver may take for what was already read when the tail is stopped.
const GRACE: Duration = Duration::from_secs(2);

/// How long rows are known to change after their time.
pub fn changing_for(changes: Changes) -> Duration {
    match changes {
        Changes::Never => Duration::ZERO,
        Changes::Within(seconds) => Duration::from_secs(seconds.into()),
    }
}

/// Whether a row is to be read again until it has ended. Rows that never change have ended.
pub fn settlement(event: &Event, changes: Changes) -> Settlement {
    match changes {
        Changes::Within(_) if event.outcome == Some(Outcome::Pending) => Settlement::Open,
        Changes::Within(_) | Changes::Never => Settlement::Final,
    }
}

/// The wait before an attempt, counted from 1. Everybody who lost the same store must not come
/// back at the same moment.
pub fn wait_before(attempt: u32) -> Duration {
    let longest = SHORTEST_WAIT
        .saturating_mul(1 << attempt.min(10))
        .min(LONGEST_WAIT);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// The way out. What was recorded as told must reach the receiver, also when the tail is being
/// stopped; otherwise no checkpoint may follow.
#[derive(Debug)]
pub struct Outlet<'o> {
    out: Sender<TailItem>,
    stop: &'o CancellationToken,
    is_intact: bool,
    /// When the last checkpoint was sent.
    saved: Option<Instant>,
}

impl<'o> Outlet<'o> {
    /// To this receiver, until it is stopped.
    pub fn new(out: Sender<TailItem>, stop: &'o CancellationToken) -> Self {
        Self {
            out,
            stop,
            is_intact: true,
            saved: None,
        }
    }

    /// Hands an item over; a receiver that is gone ends the tail.
    pub async fn send(&mut self, item: TailItem) -> Result<(), StoreError> {
        let sending = self.out.send(item);
        tokio::pin!(sending);
        let sent = tokio::select! {
            biased;
            sent = &mut sending => sent.is_ok(),
            () = self.stop.cancelled() => {
                matches!(tokio::time::timeout(GRACE, &mut sending).await, Ok(Ok(())))
            }
        };
        self.is_intact &= sent;
        if sent {
            Ok(())
        } else {
            Err(StoreError::Cancelled)
        }
    }

    /// Waits, unless the tail ends first.
    pub async fn sleep(&self, wait: Duration) -> Result<(), StoreError> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.stop.cancelled() => Err(StoreError::Cancelled),
            () = self.out.closed() => Err(StoreError::Cancelled),
        }
    }

    /// Whether it is time for another checkpoint.
    pub fn is_due(&self) -> bool {
        self.saved.is_none_or(|saved| saved.elapsed() >= CHECKPOINT)
    }

    /// Sends where the tail stands, if everything recorded has been sent.
    pub async fn save(&mut self, checkpoint: Option<Checkpoint>) -> Result<(), StoreError> {
        match checkpoint {
            Some(checkpoint) if self.is_intact => {
                self.saved = Some(Instant::now());
                self.send(TailItem::Checkpoint(checkpoint)).await
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound() {
        assert!(wait_before(1) <= Duration::from_millis(500));
        for attempt in [10, 1_000, u32::MAX] {
            let wait = wait_before(attempt);
            assert!(wait >= LONGEST_WAIT / 2 && wait <= LONGEST_WAIT, "{wait:?}");
        }
    }
}
