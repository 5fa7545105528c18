//! From a target as typed to an opened store: URLs, `PG*` variables, passfile, service file, a
//! path.

use std::sync::Arc;

use crate::core::profile::Profile;
use crate::store::{BoxFuture, Store, StoreError};

/// What else the command line says about a target.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The profile to use instead of detection.
    pub profile: Option<Arc<Profile>>,
    /// The table to open instead of the best candidate; also `?table=` in the URL.
    pub table: Option<String>,
    /// The zone of a zone-less time column.
    pub column_tz: Option<chrono_tz::Tz>,
}

/// Opens a target for reading.
pub fn open<'a>(
    target: &'a str,
    options: &'a OpenOptions,
) -> BoxFuture<'a, Result<Arc<dyn Store>, StoreError>> {
    todo!()
}
