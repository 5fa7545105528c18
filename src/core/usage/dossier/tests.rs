//! A user made up, beside events of theirs.

use super::*;
use crate::core::aggregate::accumulator::Accumulator;
use crate::core::event::{Cursor, EventId, KeyPart, Payload, Values};
use crate::core::instant::At;
use crate::core::json::FlatJson;
use crate::core::profile::load;
use crate::core::scalar::Scalar;

const HOUR: i64 = 3_600 * Micros::SECOND;
/// 2026-06-01 12:30 in UTC.
const NOW: Micros = Micros(1_780_317_000_000_000);
const PROFILE: &str = "name = \"x\"\n[time]\npath = \"at\"\nencoding = \"instant\"\n\
    [fields]\nactor = \"a\"\naction = \"b\"\norigin = \"c\"\n\
    [[outcome]]\nis = \"ok\"\nwhen = { has = \"f\" }\n";

fn profile(text: &str) -> Profile {
    load::parse(text, crate::core::profile::Origin::BuiltIn).expect("a profile")
}

fn event(before: i64, user: &str, action: &str, outcome: Outcome) -> Event {
    let texts = [
        (Field::Actor, user),
        (Field::Action, action),
        (Field::Origin, "10.0.0.1"),
    ];
    let values: Vec<_> = texts
        .into_iter()
        .map(|(field, text)| (field, Scalar::Text(text.to_owned().into())))
        .collect();
    Event {
        id: EventId::new("1"),
        cursor: Cursor {
            at: At::Instant(NOW.plus(-before)),
            time: KeyPart::Null,
            key: Vec::new(),
        },
        outcome: Some(outcome),
        values: Values::of(&values),
        payload: Payload::whole("{}"),
    }
}

fn told(mut dossier: Dossier, events: &[Event]) -> Dossier {
    let record = FlatJson::parse("{}").expect("valid");
    while let Some(request) = dossier.next() {
        let mut accumulator = Accumulator::new(request);
        for event in events {
            accumulator.feed(event, &record);
        }
        dossier.take(&accumulator.answer());
    }
    dossier
}

/// Two hundred reads at noon, one a day or more, an update once; somebody else does everything.
fn past() -> Vec<Event> {
    let mut events: Vec<Event> = (0..200)
        .map(|n| event((n % 80 + 1) * 24 * HOUR, "ann", "read", Outcome::Ok))
        .collect();
    events.push(event(3 * 24 * HOUR, "ann", "update", Outcome::Failed));
    events.extend((1..100).map(|n| event(n * HOUR, "ben", "delete", Outcome::Denied)));
    // Too long ago.
    events.push(event(100 * 24 * HOUR, "ann", "delete", Outcome::Ok));
    events
}

fn verdicts(dossier: &Dossier) -> Vec<(String, Verdict, u64)> {
    let judged = dossier.judged().into_iter();
    judged
        .map(|one| (one.value, one.verdict, one.seen))
        .collect()
}

#[test]
fn what_a_user_never_did_is_told_from_what_they_do_seldom_and_often() {
    let events = past();
    let of = |this: &Event| {
        let new = Dossier::new("ann", Some(this), &profile(PROFILE), (NOW, Tz::UTC));
        told(new.expect("users"), &events)
    };
    let dossier = of(&event(0, "ann", "delete", Outcome::Denied));
    assert_eq!((dossier.events, dossier.failed), (201, Some(1)));
    assert_eq!(
        verdicts(&dossier),
        [
            ("delete".to_owned(), Verdict::First, 0),
            ("10.0.0.1".to_owned(), Verdict::Usual, 201),
            ("12:00".to_owned(), Verdict::Usual, 201),
            ("denied".to_owned(), Verdict::First, 0),
        ]
    );
    let dossier = of(&event(-5 * HOUR, "ann", "update", Outcome::Failed));
    assert_eq!(
        verdicts(&dossier)[..1],
        [("update".to_owned(), Verdict::Rare, 1)]
    );
    assert_eq!(
        verdicts(&dossier)[2],
        ("17:00".to_owned(), Verdict::First, 0)
    );
    assert_eq!(
        dossier.usual(Field::Action, 9),
        Some(vec![("read".to_owned(), 200), ("update".to_owned(), 1)])
    );
    assert_eq!(dossier.usual(Field::Service, 9), None);
}

#[test]
fn only_what_came_before_counts_and_the_rest_is_since() {
    let events = past();
    let this = event(20 * 24 * HOUR, "ann", "update", Outcome::Failed);
    let new = Dossier::new("ann", Some(&this), &profile(PROFILE), (NOW, Tz::UTC));
    let dossier = told(new.expect("users"), &events);
    assert_eq!(
        verdicts(&dossier)[0],
        ("update".to_owned(), Verdict::First, 0)
    );
    let of_ann = |from: i64, to: i64| {
        let at =
            |event: &&Event| (from..to).contains(&(NOW.0 - event.at().instant().expect("dated").0));
        let own = |event: &&Event| event.first(Field::Actor) == Some("ann");
        events.iter().filter(at).filter(own).count() as u64
    };
    let day = 24 * HOUR;
    assert_eq!(dossier.events, of_ann(20 * day + 1, 110 * day + 1));
    assert_eq!(
        dossier.since.map(|(events, _)| events),
        Some(of_ann(0, 20 * day + 1))
    );
}

#[test]
fn a_short_past_says_nothing_and_a_store_without_users_neither() {
    let this = event(0, "zoe", "read", Outcome::Ok);
    let zone = Tz::Asia__Kolkata;
    let new = Dossier::new("zoe", Some(&this), &profile(PROFILE), (NOW, zone)).expect("users");
    assert!(new.judged().iter().all(|one| one.verdict == Verdict::Open));
    let dossier = told(new, &past());
    assert_eq!((dossier.events, dossier.seen), (0, None));
    assert!(
        dossier
            .judged()
            .iter()
            .all(|one| one.verdict == Verdict::TooFew)
    );
    let mut first = this.clone();
    first.cursor.at = At::Instant(Micros(i64::MIN + 5));
    let new = Dossier::new("zoe", Some(&first), &profile(PROFILE), (NOW, zone));
    assert_eq!(told(new.expect("users"), &past()).events, 0);
    // 12:30 in UTC is 18:00 there.
    assert_eq!(dossier.judged()[2].what, Trait::Hour(18));
    let nobody =
        "name = \"x\"\n[time]\npath = \"at\"\nencoding = \"instant\"\n[fields]\naction = \"b\"\n";
    assert!(Dossier::new("zoe", None, &profile(nobody), (NOW, zone)).is_none());
}
