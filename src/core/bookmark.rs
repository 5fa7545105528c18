//! An event that somebody wants to find again, with a note.
//!
//! Does not keep itself anywhere, and does not know whether its event is still in the store.

use crate::core::event::{Cursor, Event, EventId, Field};
use crate::core::instant::Micros;

/// A marked event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// The event's id.
    pub id: EventId,
    /// Its place in the store.
    pub cursor: Cursor,
    /// What it was, in a few words: who, what.
    pub about: String,
    /// What somebody wrote about it; may be empty.
    pub note: String,
    /// When it was marked.
    pub made: Micros,
}

/// Bytes of what an event was.
const LONGEST_ABOUT: usize = 200;

impl Bookmark {
    /// Marks an event.
    pub fn of(event: &Event, note: &str, made: Micros) -> Self {
        let words = [Field::Actor, Field::Action].map(|field| event.first(field));
        let mut about = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
        about.truncate(about.floor_char_boundary(LONGEST_ABOUT));
        Self {
            id: event.id.clone(),
            cursor: event.cursor.clone(),
            about,
            note: note.to_owned(),
            made,
        }
    }
}
