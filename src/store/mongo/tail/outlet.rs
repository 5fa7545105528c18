//! The way out of a tail.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::store::{StoreError, TailItem};

/// How long the receiver may take for what was already read when the tail is stopped.
const GRACE: Duration = Duration::from_secs(2);

/// The way out. What was recorded as told must reach the receiver, also when the tail is being
/// stopped; otherwise no checkpoint may follow.
pub struct Outlet<'o> {
    /// The receiver's channel.
    pub out: Sender<TailItem>,
    /// When to end.
    pub stop: &'o CancellationToken,
    /// Whether everything has reached the receiver.
    pub is_intact: bool,
}

impl Outlet<'_> {
    /// Sends, also a little after the stop.
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
}
