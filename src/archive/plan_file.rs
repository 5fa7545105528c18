//! `plan.json` and what the journal says of it, read together: neither is believed without the other.

use sha2::{Digest as _, Sha256};

use crate::archive::ArchiveError;
use crate::archive::place::Place;
use crate::archive::segment::{hex, hexadecimal};
use crate::core::purge::journal::{Entry, SegmentEntry};
use crate::core::purge::plan::Plan;

/// The file's name.
pub const FILE: &str = "plan.json";

/// Longer plans are nobody's.
const MOST_BYTES: u64 = 16 << 20;

/// Reads the plan that a journal speaks of, and its hash.
pub fn read(place: &Place, entries: &[Entry]) -> Result<(Plan, String), ArchiveError> {
    let text = place.get(FILE, MOST_BYTES)?;
    let hash = hex(&text);
    let known = entries.iter().find_map(|entry| match entry {
        Entry::Plan { plan } => Some(plan),
        _ => None,
    });
    if known != Some(&hash) {
        return Err(place.broken(FILE, "the journal knows another plan, or none"));
    }
    let plan: Plan =
        serde_json::from_slice(&text).map_err(|error| place.broken(FILE, error.to_string()))?;
    if plan.format != Plan::FORMAT {
        let why = format!("format {} is of another version", plan.format);
        return Err(place.broken(FILE, why));
    }
    Ok((plan, hash))
}

/// The hash over all segments, in order, and the plan: what is verified, confirmed and handed over.
pub fn root<'s>(segments: impl Iterator<Item = &'s SegmentEntry>, plan: &str) -> String {
    let mut hash = Sha256::new();
    for part in segments.flat_map(|segment| &segment.parts) {
        hash.update(part.payload.as_bytes());
        hash.update(part.sidecar.as_bytes());
    }
    hash.update(plan.as_bytes());
    hexadecimal(&hash.finalize())
}
