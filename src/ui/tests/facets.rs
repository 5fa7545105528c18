//! The facets, as a terminal would show them.

use super::{SIZES, frame, pressed, snapshot, text, theme};
use crate::app::facets::facet::{Basis, Counted};
use crate::app::rig::{Rig, event};
use crate::app::{Answer, Effect, Msg};
use crate::core::aggregate::{Aggregate, Certainty, Group, GroupValue};
use crate::store::StoreError;

/// The pane is laid out and counted in a first frame, then keys go to it.
fn facets(keys: &str) -> Rig {
    let mut rig = pressed(60, "s");
    let _ = frame(&mut rig, &theme(), (120, 40));
    rig.press(keys).pause();
    rig
}

#[test]
fn facets_are_beside_the_events_or_over_them() {
    snapshot("facets", || facets(""));
    snapshot("facets_of_a_filter", || facets("j enter j - j"));
    snapshot("facets_narrowed", || facets("/ 'BO'"));
    snapshot("facets_without_keys", || facets("tab"));
    snapshot("facets_and_inspector", || facets("tab enter"));
    snapshot("facets_on_offer", || facets("a 'req'"));
}

#[test]
fn facets_that_are_not_on_the_screen_take_no_room() {
    let mut rig = pressed(60, "s");
    let _ = frame(&mut rig, &theme(), (80, 24));
    rig.press("tab enter");
    for (width, inspector) in [(80, 80), (99, 99), (100, 44), (120, 44)] {
        let _ = frame(&mut rig, &theme(), (width, 24));
        let shown = rig.app.regions().inspector.width;
        assert_eq!(shown, inspector, "{width}");
    }
}

#[test]
fn the_end_of_a_long_text_is_seen_while_it_is_typed() {
    let mut rig = facets("/ 'of_a_user_with_a_very_long_name_that_ends_here'");
    let terminal = frame(&mut rig, &theme(), (120, 40));
    let shown = text(terminal.backend().buffer());
    assert!(shown.contains("that_ends_here"), "{shown}");
}

/// A pane whose numbers come from elsewhere.
fn told(result: impl Fn() -> Result<Counted, StoreError>) -> Rig {
    let mut rig = pressed(60, "");
    rig.silent = true;
    rig.press("s");
    for _ in 0..5 {
        let _ = frame(&mut rig, &theme(), (120, 40));
        let asked = rig.effects.iter().rev().find_map(|effect| match effect {
            Effect::Facet(generation, _) => Some(*generation),
            _ => None,
        });
        let generation = asked.expect("a question");
        rig.tell(Msg::Answer(generation, Answer::FacetEnd(result())));
    }
    rig
}

fn groups(values: &[&str], certainty: Certainty) -> Aggregate {
    let group = |(value, count): (&&str, u64)| Group {
        key: [GroupValue::Text((*value).into())].into(),
        count,
        events: count,
    };
    let counts = (1..).map(|n: u64| 90_000 / n);
    Aggregate {
        groups: values.iter().zip(counts).map(group).collect(),
        certainty,
    }
}

#[test]
fn what_is_not_sure_is_marked() {
    let long = "x".repeat(10_000);
    let values = ["alice", "\u{1b}[2Jmallory\u{202e}", "", long.as_str()];
    snapshot("facets_sampled", || {
        told(|| {
            Ok(Counted {
                answer: groups(&values, Certainty::Exact),
                basis: Basis::Newest(10_000),
            })
        })
    });
    snapshot("facets_at_least", || {
        told(|| {
            Ok(Counted {
                answer: groups(&values, Certainty::AtLeast { error: 1_204 }),
                basis: Basis::All,
            })
        })
    });
    snapshot("facets_failed", || {
        told(|| {
            Err(StoreError::Failed {
                message: "cannot count: out of memory".to_owned(),
                hint: None,
            })
        })
    });
    snapshot("facets_of_nothing", || {
        let mut rig = Rig::new(Vec::new());
        rig.press("s");
        rig
    });
}

#[test]
fn the_cursor_is_always_seen() {
    for size in SIZES {
        let events = (0..40).map(|n| event(n, n - 50, &format!("user-{n:02}"), "Poke", 0));
        let mut rig = Rig::new(events.collect());
        rig.press("s");
        let _ = frame(&mut rig, &theme(), size);
        rig.press("l");
        for _ in 0..20 {
            rig.press("j");
            let terminal = frame(&mut rig, &theme(), size);
            let shown = text(terminal.backend().buffer());
            let (_, value) = rig.app.facets.value().expect("a value");
            let value = value.clone().unwrap_or_default();
            let is_seen = shown.lines().any(|line| {
                let marked = line.split('▌').nth(1);
                marked.is_some_and(|rest| rest.contains(&value))
            });
            assert!(is_seen, "{value} in\n{shown}");
        }
    }
}
