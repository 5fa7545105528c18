//! What the pane asks, shows and does to the filter.

mod keys;

use crate::app::command::Polarity;
use crate::app::facets::facet::{Basis, Counted, Extent, How, Row, State, Variety};
use crate::app::facets::{Line, Selected, Shown};
use crate::app::layout::{Area, Regions, Sections};
use crate::app::rig::{Rig, event, record};
use crate::app::{Answer, Effect, Focus, Generation, Msg, Pointer, PointerKind};
use crate::core::aggregate::{Aggregate, Certainty, Group, GroupValue};
use crate::core::instant::At;
use crate::store::StoreError;

/// Alice pokes six times and fails twice, bob reads three times, somebody unnamed reads once.
fn rig() -> Rig {
    let alice = (0..6).map(|n| event(n, n - 20, "alice", "Poke", if n < 2 { 7 } else { 0 }));
    let bob = (6..9).map(|n| event(n, n - 20, "bob", "Read", 0));
    let nobody = r#"{"method_name":"Read","request_body":{"cluster":"prod"}}"#;
    let nobody = record(9, At::Instant(crate::app::rig::NOW), nobody);
    Rig::new(alice.chain(bob).chain([nobody]).collect())
}

/// Says that the pane has so many lines on the screen, from the first on.
fn see(rig: &mut Rig, height: u16) {
    let mut seen_facets = Sections::default();
    for line in rig.app.facets.lines().iter().take(usize::from(height)) {
        if let Line::Heading(number) = line {
            seen_facets.insert(*number);
        }
    }
    let facets = Area {
        width: 32,
        height,
        ..Area::default()
    };
    let regions = Regions {
        facets,
        seen_facets,
        ..*rig.app.regions()
    };
    rig.tell(Msg::Laid(regions));
}

/// Opens the pane with room for everything.
fn opened() -> Rig {
    let mut rig = rig();
    rig.press("s");
    see(&mut rig, 100);
    rig
}

fn numbers(rig: &Rig, name: &str) -> Vec<(String, Option<u64>, Option<Polarity>)> {
    let facet = rig.app.facets.list.iter().find(|facet| facet.name == name);
    let facet = facet.unwrap_or_else(|| panic!("no facet {name}"));
    let row = |row: &Row| (row.value.clone().unwrap_or_default(), row.count, row.mark);
    facet.rows().map(row).collect()
}

fn row(value: &str, count: u64, mark: Option<Polarity>) -> (String, Option<u64>, Option<Polarity>) {
    (value.to_owned(), Some(count), mark)
}

/// Puts the cursor on a value.
fn go(rig: &mut Rig, name: &str, value: Option<&str>) {
    let place = rig.app.facets.list.iter().position(|one| one.name == name);
    rig.app.facets.facet = place.expect(name);
    rig.app.facets.selected = Selected::Value(value.map(str::to_owned));
}

fn asked(rig: &Rig) -> Vec<(Generation, String, How)> {
    let one = |effect: &Effect| match effect {
        Effect::Facet(generation, ask) => {
            Some((*generation, format!("{:?}", ask.request.keys), ask.how))
        }
        _ => None,
    };
    rig.effects.iter().filter_map(one).collect()
}

#[test]
fn the_most_frequent_values_are_counted_and_nothing_stands_for_nothing() {
    let rig = opened();
    assert_eq!(
        numbers(&rig, "user"),
        [row("alice", 6, None), row("bob", 3, None), row("", 1, None)]
    );
    assert_eq!(
        numbers(&rig, "outcome"),
        // The last one has not ended.
        [
            row("ok", 7, None),
            row("denied", 2, None),
            row("pending", 1, None)
        ]
    );
    let user = &rig.app.facets.list[0];
    assert_eq!(user.variety(), Some(Variety::Values(2)));
    assert_eq!(user.basis(), Some(Basis::All));
    let resources = numbers(&rig, "resource");
    assert_eq!(resources.len(), 6, "the rest of ten is folded");
}

#[test]
fn only_what_is_on_the_screen_is_counted() {
    let mut rig = rig();
    assert!(rig.app.facets.list.is_empty());
    rig.press("s");
    see(&mut rig, 1);
    let told = |rig: &Rig| {
        let list = rig.app.facets.list.iter();
        list.filter(|facet| facet.state == State::Told).count()
    };
    assert_eq!(told(&rig), 1);
    rig.press("tab");
    see(&mut rig, 0);
    assert_eq!(told(&rig), 1);
    see(&mut rig, 100);
    assert_eq!(told(&rig), 5);
}

#[test]
fn a_value_goes_into_the_filter_and_out_of_it() {
    let mut rig = opened();
    go(&mut rig, "user", Some("bob"));
    rig.press("enter");
    see(&mut rig, 100);
    assert_eq!(rig.app.question.text, "user:bob");
    let with = Some(Polarity::With);
    assert_eq!(
        numbers(&rig, "user"),
        [row("alice", 6, None), row("bob", 3, with), row("", 1, None)],
        "the others could be had as well"
    );
    assert_eq!(numbers(&rig, "action"), [row("Read", 3, None)]);
    go(&mut rig, "user", Some("alice"));
    rig.press("+");
    assert_eq!(rig.app.question.text, "user:(bob, alice)");
    rig.press("-");
    assert_eq!(rig.app.question.text, "user:bob -user:alice");
    go(&mut rig, "user", None);
    rig.press("-");
    assert_eq!(rig.app.question.text, "user:bob -user:alice has:user");
    see(&mut rig, 100);
    let without = Some(Polarity::Without);
    assert_eq!(
        numbers(&rig, "user"),
        [
            row("alice", 6, without),
            row("bob", 3, with),
            row("", 1, without)
        ]
    );
    rig.press("-");
    assert_eq!(rig.app.question.text, "user:bob -user:alice");
    assert_eq!(rig.app.focus, Focus::Facets);
}

#[test]
fn a_rare_value_is_found_by_a_part_of_it() {
    let many = (0..400).map(|n| event(n, n - 500, &format!("user-{}", n % 40), "Poke", 0));
    let rare = event(900, -1, "Zoe \"the rare\"", "Poke", 0);
    let mut rig = Rig::new(many.chain([rare]).collect());
    rig.press("s");
    see(&mut rig, 100);
    assert_eq!(rig.app.facets.list[0].variety(), Some(Variety::Many));
    rig.press("/ 'zoe THE'").pause();
    see(&mut rig, 100);
    assert_eq!(numbers(&rig, "user"), []);
    rig.press("ctrl-u 'THE rare'").pause();
    see(&mut rig, 100);
    assert_eq!(numbers(&rig, "user"), [row("Zoe \"the rare\"", 1, None)]);
    // x is a letter here, not a command.
    assert_eq!(rig.app.facets.list.len(), 5);
    rig.press("enter j enter");
    assert_eq!(rig.app.question.text, r#"user:"Zoe \"the rare\"""#);
    rig.press("esc");
    see(&mut rig, 100);
    assert_eq!(rig.app.facets.list[0].narrow.value(), "");
    assert_eq!(
        numbers(&rig, "user").len(),
        7,
        "six, and the one that is asked for"
    );
    rig.press("esc");
    assert_eq!(
        (rig.app.facets.shown, rig.app.focus),
        (Shown::No, Focus::List)
    );
}

#[test]
fn a_key_of_the_payload_becomes_a_facet_and_goes_again() {
    let mut rig = opened();
    rig.press("a 'body.cluster' enter");
    see(&mut rig, 100);
    let name = ".details.request_body.cluster";
    assert_eq!(
        rig.app.facets.list.last().map(|one| one.name.as_str()),
        Some(name)
    );
    assert_eq!(
        numbers(&rig, name),
        [row("", 9, None), row("prod", 1, None)]
    );
    rig.press("j j enter");
    assert_eq!(rig.app.question.text, ".details.request_body.cluster:prod");
    rig.press("x");
    assert_eq!(rig.app.facets.list.len(), 5);
    assert_eq!(rig.app.question.text, ".details.request_body.cluster:prod");
}

#[test]
fn a_facet_shows_more_fewer_and_none() {
    let mut rig = opened();
    let place = rig
        .app
        .facets
        .list
        .iter()
        .position(|one| one.name == "resource");
    rig.app.facets.facet = place.expect("there");
    rig.press("l");
    assert_eq!(numbers(&rig, "resource").len(), 10);
    rig.press("h");
    assert_eq!(numbers(&rig, "resource").len(), 6);
    rig.press("h");
    assert_eq!(numbers(&rig, "resource").len(), 0);
    assert_eq!(
        rig.app.facets.list[rig.app.facets.facet].extent,
        Extent::Closed
    );
    rig.press("enter enter");
    assert_eq!(numbers(&rig, "resource").len(), 10);
    rig.press("g g j");
    let alice = Some("alice".to_owned());
    assert_eq!(rig.app.facets.value().map(|(_, value)| value), Some(&alice));
}

#[test]
fn numbers_of_a_part_are_replaced_by_all_on_request() {
    let mut rig = opened();
    rig.app.question.count = Some(crate::store::Count::Estimate(5_000_000));
    rig.press("a 'body.cluster' enter");
    see(&mut rig, 100);
    let last = rig.app.facets.list.last().expect("added");
    assert_eq!(last.basis(), Some(Basis::Newest(10_000)));
    // What fields say is counted as it is, within a bound.
    assert_eq!(rig.app.facets.list[0].basis(), Some(Basis::All));
    rig.press("c");
    let last = rig.app.facets.list.last().expect("added");
    assert_eq!(last.basis(), Some(Basis::All));
    rig.press("c");
    let said = rig.app.notices.current().map(|notice| notice.text.clone());
    assert!(said.is_some_and(|said| said.contains("all events")));
}

#[test]
fn another_filter_asks_again_and_keeps_what_was_known_until_then() {
    let mut rig = opened();
    rig.silent = true;
    rig.press("f 'is:error' enter");
    assert!(
        rig.app
            .facets
            .list
            .iter()
            .all(|one| one.state == State::Due)
    );
    assert_eq!(numbers(&rig, "user").len(), 3);
    see(&mut rig, 100);
    assert_eq!(asked(&rig).len(), 1, "one at a time");
    rig.press("f ' kind:x' enter");
    let stopped = rig
        .effects
        .iter()
        .any(|one| matches!(one, Effect::StopFacets));
    assert!(stopped, "nobody waits for the former answer");
    let (first, ..) = asked(&rig)[0];
    let late = Counted {
        answer: Aggregate {
            groups: Vec::new(),
            certainty: Certainty::Exact,
        },
        basis: Basis::All,
    };
    rig.tell(Msg::Answer(first, Answer::FacetEnd(Ok(late))));
    assert_eq!(
        numbers(&rig, "user").len(),
        3,
        "it is not taken for the new one"
    );
}

#[test]
fn stopping_is_heeded_until_somebody_asks_again() {
    let mut rig = opened();
    rig.silent = true;
    rig.press("f 'is:error' enter");
    see(&mut rig, 100);
    rig.effects.clear();
    // The page first, then the facets.
    rig.press("ctrl-c ctrl-c");
    assert!(rig.app.facets.is_stopped() && !rig.app.facets.is_asking());
    see(&mut rig, 100);
    assert_eq!(asked(&rig), []);
    rig.silent = false;
    rig.press("f5");
    see(&mut rig, 100);
    assert!(
        rig.app
            .facets
            .list
            .iter()
            .all(|one| one.state == State::Told)
    );
}

#[test]
fn a_lost_connection_is_tried_once_and_a_failure_stops_one_facet() {
    let mut rig = rig();
    rig.silent = true;
    rig.press("s");
    see(&mut rig, 100);
    let lost = || StoreError::Lost {
        name: "x".to_owned(),
        message: "gone".to_owned(),
    };
    for is_over in [false, true] {
        let generation = rig.app.facets.asked;
        rig.tell(Msg::Answer(generation, Answer::FacetEnd(Err(lost()))));
        let failed = matches!(rig.app.facets.list[0].state, State::Failed(_));
        assert_eq!(failed, is_over);
    }
    let questions: Vec<_> = asked(&rig).into_iter().map(|(_, keys, _)| keys).collect();
    assert_eq!(questions.len(), 3);
    assert_eq!(questions[0], questions[1]);
    assert_ne!(
        questions[1], questions[2],
        "the others are asked all the same"
    );
}

#[test]
fn values_that_mean_something_to_a_filter_are_spelled() {
    let odd = ["7", "true", "a*b", "(x)", "x y", "", "\u{1b}[2J\u{202e}"];
    let events = odd
        .iter()
        .zip(1..)
        .map(|(user, n)| event(n, -n, user, "Poke", 0));
    let mut rig = Rig::new(events.collect());
    rig.press("s l");
    see(&mut rig, 100);
    for value in odd {
        go(&mut rig, "user", Some(value));
        rig.press("enter");
        assert!(!rig.app.filter.is_invalid(), "{}", rig.app.filter.text());
        assert_eq!(rig.app.timeline.len(), 1, "{}", rig.app.filter.text());
        see(&mut rig, 100);
        rig.press("+");
        assert_eq!(rig.app.filter.text(), "");
        see(&mut rig, 100);
    }
    let huge = "ä".repeat(5_000);
    let mut rig = Rig::new(vec![event(1, -1, &huge, "Poke", 0)]);
    rig.press("s");
    see(&mut rig, 100);
    go(&mut rig, "user", Some(&huge));
    rig.press("enter");
    assert_eq!(rig.app.filter.text(), "");
    assert!(rig.app.notices.current().is_some());
}

#[test]
fn nothing_is_added_to_a_filter_that_means_nothing() {
    let mut rig = opened();
    rig.press("f 'user:alice' enter f ' usr:1'").pause();
    rig.press("esc esc s");
    see(&mut rig, 100);
    go(&mut rig, "user", Some("bob"));
    rig.press("-");
    assert_eq!(rig.app.filter.text(), "user:alice usr:1");
}

#[test]
fn an_empty_store_and_numbers_that_are_not_sure_say_so() {
    let mut rig = Rig::new(Vec::new());
    rig.press("s");
    see(&mut rig, 100);
    assert_eq!(numbers(&rig, "user"), []);
    assert!(rig.app.facets.lines().contains(&Line::Note(0)));
    rig.press("j j");
    rig.silent = true;
    rig.press("f5");
    see(&mut rig, 100);
    let groups = (0..31).map(|n| Group {
        key: [GroupValue::Text(format!("u{n}").into())].into(),
        count: 100,
        events: 100,
    });
    let counted = Counted {
        answer: Aggregate {
            groups: groups.collect(),
            certainty: Certainty::AtLeast { error: 12 },
        },
        basis: Basis::All,
    };
    let generation = rig.app.facets.asked;
    rig.tell(Msg::Answer(generation, Answer::FacetEnd(Ok(counted))));
    let user = &rig.app.facets.list[0];
    assert_eq!(
        (user.error(), user.variety()),
        (Some(12), Some(Variety::Many))
    );
}

#[test]
fn the_wheel_moves_where_it_turns() {
    let mut rig = opened();
    rig.press("tab");
    let selected = rig.state();
    rig.tell(Msg::Mouse(Pointer {
        column: 3,
        row: 2,
        kind: PointerKind::WheelDown,
    }));
    assert_eq!(rig.app.focus, Focus::Facets);
    let alice = Some("alice".to_owned());
    assert_eq!(rig.app.facets.value().map(|(_, value)| value), Some(&alice));
    rig.press("tab");
    assert_eq!(rig.state(), selected);
}
