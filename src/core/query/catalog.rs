//! What a query may name in one store: the profile's own names, and the payload paths and values
//! seen in a sample.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::event::{Event, Field};
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::{OwnField, Profile};

/// Names and values for resolution, completion and did-you-mean.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The store's name, for `store:`.
    pub store: String,
    /// The profile's own names.
    pub own: Vec<Arc<OwnField>>,
    /// Payload paths seen, in path order.
    pub paths: BTreeMap<Path, PathFacts>,
    /// Values seen per event field, with how often; the most frequent are kept.
    pub values: BTreeMap<Field, BTreeMap<String, u64>>,
}

/// What was seen at one payload path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathFacts {
    /// In how many sampled records.
    pub seen: u64,
    /// A few of its values as text, with how often.
    pub values: BTreeMap<String, u64>,
}

impl Catalog {
    /// Paths kept at most; a store with more keys than this keeps the ones seen first.
    pub const MOST_PATHS: usize = 2_000;
    /// Values kept at most per field or path.
    pub const MOST_VALUES: usize = 200;

    /// A catalogue that knows the profile and nothing of the data yet.
    pub fn new(store: &str, profile: &Profile) -> Self {
        todo!()
    }

    /// Adds what one event shows. `record` is the whole record.
    pub fn learn(&mut self, event: &Event, record: &FlatJson<'_>) {
        todo!()
    }
}
