//! Places in a plan's order as the journal spells them, and back.

use crate::core::purge::journal::Mark;
use crate::core::purge::key;
use crate::store::purger::Place;

/// For the journal.
pub fn mark(place: &Place) -> Mark {
    Mark {
        time: place.time.clone(),
        key: key::spell(&place.key),
    }
}

/// From the journal; `None` when it does not name a place.
pub fn place(mark: &Mark) -> Option<Place> {
    Some(Place {
        time: mark.time.clone(),
        key: key::read(&mark.key)?,
    })
}
