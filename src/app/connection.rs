//! Whether there is a store, and whether it is followed.

use std::sync::Arc;

use crate::store::{Description, StoreError};

/// Whether there is a store.
#[derive(Clone, Debug)]
pub enum Connection {
    /// It is being opened.
    Opening,
    /// It is open.
    Ready(Arc<Description>),
    /// It could not be opened.
    Failed(StoreError),
}

/// How following goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// There is nothing to follow: no store yet, or the filter ends in the past.
    Off,
    /// It begins.
    Starting,
    /// New events arrive.
    On,
    /// The connection is gone and tried again.
    Reconnecting {
        /// 1, 2, 3 …
        attempt: u32,
        /// What happened.
        error: String,
    },
    /// It ended and is not tried again.
    Ended,
}
