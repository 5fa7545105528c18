//! The event that a view stands at, as a text that finds it again: `2026-01-15T12:04:04.000000Z/42`.
//!
//! The time lets a store look where the event is; the id says which one it is.

use std::fmt;

use chrono::DateTime;

use crate::app::inquiry::Wanted;
use crate::app::notice::Level;
use crate::app::{App, Effect, Generation};
use crate::core::event::{Event, EventId};
use crate::core::instant::Micros;
use crate::core::query::predicate::{Atom, Literal, Predicate, Test};
use crate::store::StoreError;

/// What separates time and id; no time has it.
const BETWEEN: char = '/';

/// An event that is to be found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    at: Option<Micros>,
    id: EventId,
}

impl Anchor {
    /// Of an event.
    pub fn of(event: &Event) -> Self {
        // A time that cannot be spelled would be read as a part of the id.
        let at = event.at().instant();
        Self {
            at: at.filter(|at| instant(&at.to_string()) == Some(*at)),
            id: event.id.clone(),
        }
    }

    /// The event among those of a question.
    pub fn within(&self, question: &Predicate) -> Predicate {
        let id = Literal::Text(self.id.as_str().to_owned());
        let id = Predicate::Atom(Atom::Id(Test::Equals(id)));
        let at = self.at.map_or(Predicate::All, |at| {
            Predicate::Atom(Atom::At {
                since: Some(at),
                until: Some(at.plus(1)),
            })
        });
        question.clone().and(at).and(id)
    }
}

/// `TIME/ID`, or `ID`; with nothing before the first `/` where the id has one itself.
impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "{at}{BETWEEN}{}", self.id),
            None if self.id.as_str().contains(BETWEEN) => write!(f, "{BETWEEN}{}", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

/// Any text is one: what is no time is a part of the id.
impl From<&str> for Anchor {
    fn from(text: &str) -> Self {
        let (at, id) = match text.split_once(BETWEEN) {
            Some(("", id)) => (None, id),
            Some((time, id)) => match instant(time) {
                Some(at) => (Some(at), id),
                None => (None, text),
            },
            None => (None, text),
        };
        Self {
            at,
            id: EventId::new(id),
        }
    }
}

fn instant(text: &str) -> Option<Micros> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Micros::from(at.to_utc()))
}

impl App {
    /// Looks for the event that the screen is to open at, once the events around it are asked for.
    pub(in crate::app) fn seek_anchor(&mut self) -> Vec<Effect> {
        if self.question.page == Generation::default() {
            return Vec::new();
        }
        let Some(anchor) = self.views.event.take() else {
            return Vec::new();
        };
        let wanted = anchor.within(&self.question.predicate);
        self.views.sought = Some(anchor);
        let generation = self.next();
        self.inquiry.seeking = generation;
        vec![Effect::Inquiry(Wanted::Seek(generation, Box::new(wanted)))]
    }

    /// Nobody waits any more for the event that the screen was to open at.
    pub(in crate::app) fn forget_anchor(&mut self) {
        self.views.sought = None;
        self.inquiry.seeking = self.next();
    }

    /// The event was looked for. Who has gone elsewhere meanwhile stays there.
    pub(in crate::app) fn sought(
        &mut self,
        result: Result<Option<Box<Event>>, StoreError>,
    ) -> Vec<Effect> {
        self.views.sought = None;
        match result {
            Ok(Some(event)) if self.is_following() => self.begin_window_at(*event),
            Ok(Some(_)) => Vec::new(),
            Ok(None) => {
                let text = "the event that was selected is not among these any more";
                self.notify(Level::Info, text, None);
                Vec::new()
            }
            Err(error) => self.failed(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type_is_understood() {
        let noon = instant("2026-01-15T12:00:00Z");
        for (text, at, id) in [
            ("42", None, "42"),
            ("a/b", None, "a/b"),
            ("/a/b", None, "a/b"),
            ("2026-01-15T12:00:00Z/42", noon, "42"),
            ("2026-01-15T13:00:00+01:00/a/b", noon, "a/b"),
        ] {
            let id = EventId::new(id);
            assert_eq!(Anchor::from(text), Anchor { at, id }, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_spelled_is_read(at in prop::option::of(any::<i64>()), id in r#"[0-9TZ:/" a-]{0,8}"#) {
            let mut event = crate::app::rig::event(1, 0, "a", "b", 0);
            event.cursor.at = at.map_or(crate::core::instant::At::Absent, |at| {
                crate::core::instant::At::Instant(Micros(at))
            });
            event.id = EventId::new(id);
            let anchor = Anchor::of(&event);
            prop_assert_eq!(Anchor::from(anchor.to_string().as_str()), anchor);
        }
    }
}
