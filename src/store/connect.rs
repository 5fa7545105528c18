//! From a target as typed to an opened store: URLs, `PG*` variables, passfile, service file, a
//! path.

use std::sync::Arc;

use crate::core::profile::Profile;
use crate::core::profile::detect::Candidate;
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

/// Every table of a target that looks like an audit log, best first, with the evidence for it; what
/// `auditail profiles detect` prints. Of `options`, a table narrows it to that one and a profile is
/// the only one that is tried.
pub fn candidates<'a>(
    target: &'a str,
    options: &'a OpenOptions,
) -> BoxFuture<'a, Result<Vec<Candidate>, StoreError>> {
    todo!()
}
