//! The window under insertions, changes, gaps and its budget.

use chrono_tz::Tz;

use super::view::Line;
use super::*;
use crate::app::rig::{NOW, event, events, record};

fn ids(timeline: &Timeline) -> Vec<String> {
    let zone = crate::app::zone::Zone::new(Tz::UTC, Tz::UTC);
    timeline
        .view(1_000, &zone)
        .iter()
        .map(|line| match line {
            Line::Event { event, .. } => event.id.to_string(),
            Line::Day(day) => day.format("%m-%d").to_string(),
            Line::Undated => "undated".to_owned(),
            Line::Gap(_) => "gap".to_owned(),
        })
        .collect()
}

fn arrive(timeline: &mut Timeline, event: Event) -> u64 {
    let change = Change::New;
    timeline.insert_tail(vec![TailEvent { change, event }])
}

#[test]
fn the_order_is_the_stores_whatever_the_order_of_arrival() {
    let mut timeline = Timeline::default();
    let mut pages = events(3);
    pages.push(record(90, At::Absent, "{}"));
    pages.push(record(91, At::NegInfinity, "{}"));
    pages.push(record(92, At::PosInfinity, "{}"));
    pages.push(event(50, -86_400, "bob", "Login", 0));
    pages.swap(0, 5);
    timeline.insert_page(pages);
    assert_eq!(
        ids(&timeline),
        [
            "undated", "90", "92", "91", "01-14", "50", "01-15", "1", "2", "3"
        ]
    );
}

#[test]
fn gaps_stand_where_they_belong_and_are_not_selected() {
    let mut timeline = Timeline::default();
    timeline.insert_page(events(3));
    timeline.insert_gap(Gap {
        from: NOW.plus(-15 * Micros::SECOND),
        to: NOW.plus(-13 * Micros::SECOND),
        because: "restart".to_owned(),
    });
    assert_eq!(ids(&timeline), ["01-15", "1", "gap", "2", "3"]);
    timeline.move_by(-2, 10);
    assert_eq!(timeline.selected().map(|e| e.id.as_str()), Some("1"));
    arrive(&mut timeline, event(9, -14, "bob", "Login", 0));
    assert_eq!(ids(&timeline), ["01-15", "1", "9", "gap", "2", "3"]);
}

#[test]
fn what_is_being_read_stays_on_its_line() {
    let mut timeline = Timeline::default();
    timeline.insert_page(events(100));
    timeline.move_by(-30, 10);
    let zone = crate::app::zone::Zone::new(Tz::UTC, Tz::UTC);
    let shown = |timeline: &Timeline| {
        let lines = timeline.view(10, &zone);
        lines
            .iter()
            .map(|line| format!("{line:?}").chars().take(200).collect::<String>())
            .collect::<Vec<_>>()
    };
    let before = shown(&timeline);
    for id in 200..250 {
        arrive(&mut timeline, event(id, id, "bob", "Login", 0));
    }
    timeline.insert_page(
        (0..50)
            .map(|n| event(1_000 + n, -5_000 - n, "x", "y", 0))
            .collect(),
    );
    assert_eq!(shown(&timeline), before);
}

#[test]
fn the_budget_holds_and_the_other_end_gives_way() {
    let weight = events(1)[0].weight();
    let mut timeline = Timeline::with_budget(weight * 20);
    timeline.insert_page(events(100).into_iter().rev().collect());
    assert!(timeline.weight() <= weight * 20 + weight);
    assert_eq!((timeline.older, timeline.newer), (Edge::Open, Edge::End));
    assert_eq!(timeline.newest().map(|e| e.id.as_str()), Some("100"));
    timeline.select_oldest();
    let older: Vec<_> = (0..15)
        .map(|n| event(500 + n, -5_000 - n, "x", "y", 0))
        .collect();
    timeline.insert_page(older);
    assert_eq!(timeline.newer, Edge::Open, "the newest were let go");
    let held = timeline.len();
    assert_eq!(arrive(&mut timeline, event(900, 5, "x", "y", 0)), 1);
    assert_eq!(
        timeline.len(),
        held,
        "what is beyond an open end is only counted"
    );
}

#[test]
fn views_have_the_height_they_are_asked_for() {
    let zone = crate::app::zone::Zone::new(Tz::UTC, Tz::UTC);
    let mut timeline = Timeline::default();
    assert!(timeline.view(5, &zone).is_empty());
    timeline.insert_page(events(50));
    for moved in [0, -3, -20, -60, 5] {
        timeline.move_by(moved, 7);
        for height in [1, 2, 7, 30] {
            let lines = timeline.view(height, &zone);
            assert_eq!(lines.len(), height.min(51), "{moved} {height}");
            let selected = lines.iter().filter(|line| {
                matches!(
                    line,
                    Line::Event {
                        mark: view::Mark::Selected,
                        ..
                    }
                )
            });
            assert_eq!(selected.count(), 1, "{moved} {height}");
        }
    }
}

#[test]
fn gaps_at_the_instant_of_an_event_do_not_hide_it() {
    let mut timeline = Timeline::default();
    timeline.insert_page(vec![event(5, -10, "a", "b", 0), event(9, -5, "a", "b", 0)]);
    timeline.insert_gap(Gap {
        from: NOW.plus(-12 * Micros::SECOND),
        to: NOW.plus(-10 * Micros::SECOND),
        because: "restart".to_owned(),
    });
    timeline.older = Edge::End;
    for id in [3, 7] {
        arrive(&mut timeline, event(id, -10, "a", "b", 0));
    }
    assert_eq!(ids(&timeline), ["01-15", "3", "5", "7", "gap", "9"]);
    assert!(timeline.find(&EventId::new("5")).is_some());
}
