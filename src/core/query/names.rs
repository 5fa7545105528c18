//! The names every store understands: one table that resolution, completion and help read.
//!
//! Does not know a profile's own names and payload paths; those are in the catalogue.

use crate::core::event::Field;

/// A name before a colon.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// As it is offered and printed.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What it is, for completion and help.
    pub about: &'static str,
    /// An example of its use.
    pub example: &'static str,
    /// What it stands for.
    pub meaning: Meaning,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Values of the event.
    Field(Field),
    /// What became of it.
    Outcome,
    /// When it happened: an instant, a period or a range of them.
    At,
    /// The store's key, as text.
    Id,
    /// From this time on.
    Since,
    /// Up to this time.
    Until,
    /// Happened longer ago than this.
    Older,
    /// Happened less long ago than this.
    Newer,
    /// A word for a set of outcomes.
    Is,
    /// Has any value of a name.
    Has,
    /// Has no value of a name.
    Missing,
    /// In the store of this name.
    Store,
    /// Done by a user of this group; known only where groups are.
    Group,
}

const fn field(
    field: Field,
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
    example: &'static str,
) -> Name {
    Name {
        name,
        aliases,
        about,
        example,
        meaning: Meaning::Field(field),
    }
}

const fn special(
    meaning: Meaning,
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
    example: &'static str,
) -> Name {
    Name {
        name,
        aliases,
        about,
        example,
        meaning,
    }
}

/// Every name, in the order in which they are offered.
#[rustfmt::skip]
pub const NAMES: [Name; 21] = [
    field(Field::Actor, "actor", &["user"], "who did it", "user:alice"),
    field(Field::Action, "action", &[], "what was done", "action:Describe*"),
    special(Meaning::Outcome, "outcome", &["result"], "ok, failed, denied or pending", "outcome:failed"),
    field(Field::Resource, "resource", &[], "what it was done to", "resource:~prod"),
    field(Field::Service, "service", &[], "where it belongs: service, app, collection", "service:k8s"),
    field(Field::Kind, "kind", &["type"], "class of record: READ, CREATE, a level", "type:DELETE"),
    field(Field::Status, "status", &[], "the store's own words for the outcome", "status:~denied"),
    field(Field::Session, "session", &[], "correlation id", "session:4f2a*"),
    field(Field::Origin, "origin", &[], "address or client", "origin:10.0.*"),
    field(Field::Duration, "duration_ms", &["duration"], "how long it took, in milliseconds", "duration:>1.5s"),
    special(Meaning::Id, "id", &[], "the store's own key, as text", "id:88412077"),
    special(Meaning::At, "at", &["time"], "when: a time, a period or a range", "at:2026-08"),
    special(Meaning::Since, "since", &[], "from this time on", "since:-24h"),
    special(Meaning::Until, "until", &[], "up to this time", "until:yesterday"),
    special(Meaning::Older, "older", &[], "longer ago than this", "older:30s"),
    special(Meaning::Newer, "newer", &[], "less long ago than this", "newer:15m"),
    special(Meaning::Is, "is", &[], "a word for outcomes: error is failed or denied", "is:error"),
    special(Meaning::Has, "has", &[], "has any value of this name", "has:session"),
    special(Meaning::Missing, "missing", &[], "has no value of this name", "missing:user"),
    special(Meaning::Group, "group", &[], "users of this group", "group:ops"),
    special(Meaning::Store, "store", &[], "in the store of this name", "store:prod-pg"),
];

/// The name with this spelling.
pub fn find(spelling: &str) -> Option<&'static Name> {
    NAMES
        .iter()
        .find(|name| name.name == spelling || name.aliases.contains(&spelling))
}

/// Every spelling, aliases included.
pub fn spellings() -> impl Iterator<Item = &'static str> {
    NAMES
        .iter()
        .flat_map(|name| std::iter::once(name.name).chain(name.aliases.iter().copied()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_has_one_name_and_no_spelling_means_two_things() {
        for field in Field::ALL {
            let named: Vec<_> = NAMES
                .iter()
                .filter(|name| name.meaning == Meaning::Field(field))
                .collect();
            assert_eq!(named.len(), 1, "{field:?}");
            assert_eq!(named[0].name, field.name());
        }
        let all: Vec<_> = spellings().collect();
        let different: BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), different.len());
    }

    #[test]
    fn every_example_uses_its_name() {
        for name in NAMES {
            let (typed, _) = name.example.split_once(':').expect(name.example);
            assert!(
                typed == name.name || name.aliases.contains(&typed),
                "{typed}"
            );
        }
    }
}
