//! The brush, views back and forward, and what happened around an event.

use std::sync::Arc;

use crate::app::contrast::State;
use crate::app::rig::{NOW, Rig, event, events};
use crate::app::{Connection, Effect, Focus, Page};
use crate::core::contrast::{Habits, Verdict};
use crate::core::event::Event;
use crate::core::instant::Micros;
use crate::store::{Description, TimeAccess};

/// Two hours of an event a minute, and five minutes with one user's failures in between.
fn burst() -> Rig {
    let mut all: Vec<_> = (0..120)
        .map(|minute| {
            let user = ["alice", "bob", "ci-bot"][usize::try_from(minute % 3).expect("small")];
            event(minute, (minute - 120) * 60, user, "DescribePod", 0)
        })
        .collect();
    let failing = (0..150).map(|n| event(500 + n, -3_600 + n * 2, "mallory", "DeletePod", 7));
    all.extend(failing);
    all.sort_by_key(Event::at);
    Rig::new(all)
}

fn selected(rig: &Rig) -> String {
    let selected = rig.app.timeline.selected();
    selected.map_or_else(String::new, |event| event.id.to_string())
}

#[test]
fn the_brush_becomes_the_time_range_and_goes_back() {
    let mut rig = burst();
    rig.press("b e");
    let stroke = rig.app.stroke().expect("a histogram");
    assert!(
        stroke.is_down && stroke.last - stroke.first < 8,
        "{stroke:?}"
    );
    rig.press("enter");
    let (since, until) = rig.app.question.predicate.time_bounds();
    let (since, until) = (since.expect("a bound"), until.expect("a bound"));
    let first = NOW.plus(-3_600 * Micros::SECOND);
    assert!(since <= first && until > first.plus(298 * Micros::SECOND));
    assert!(until.0 - since.0 < 900 * Micros::SECOND);
    assert!(rig.app.timeline.len() >= 150 && rig.app.timeline.len() < 170);
    // Nearer still, then all the way back and forward again.
    rig.press("+");
    let nearer = rig.app.filter.text().to_owned();
    rig.press("[");
    assert_eq!(
        rig.app.filter.text(),
        format!("since:{since} until:{until}")
    );
    rig.press("[");
    assert_eq!((rig.app.filter.text(), rig.app.timeline.len()), ("", 270));
    rig.press("[");
    assert!(rig.app.notices.current().is_some());
    rig.press("] ]");
    assert_eq!(rig.app.filter.text(), nearer);
}

#[test]
fn escape_lifts_the_brush_first_and_zoom_reaches_all_time() {
    let mut rig = burst();
    rig.press("f 'since:-30m user:bob' enter").pause();
    rig.press("b h h space h h");
    assert!(rig.app.stroke().expect("a histogram").is_down);
    rig.press("esc");
    assert_eq!(rig.app.focus, Focus::Timeline);
    assert!(!rig.app.stroke().expect("a histogram").is_down);
    rig.press("-");
    let (since, until) = rig.app.question.predicate.time_bounds();
    assert_eq!(until, None, "what reaches to now stays open");
    assert!(since.expect("a bound") < NOW.plus(-40 * 60 * Micros::SECOND));
    rig.press("0");
    assert_eq!(rig.app.filter.text(), "user:bob");
    rig.press("esc");
    assert_eq!(rig.app.focus, Focus::List);
}

#[test]
fn steps_of_zooming_are_gone_back_but_not_kept_for_later() {
    let mut rig = burst();
    rig.effects.clear();
    rig.press("b + + - 0 +");
    let kept = |effect: &Effect| matches!(effect, Effect::Remember(_));
    assert!(!rig.effects.iter().any(kept), "{:?}", rig.effects);
    assert_eq!(rig.app.filter.history.entries(), [""; 0]);
    assert!(!rig.app.filter.text().is_empty());
    rig.press("[ [ [ [ [");
    assert_eq!(rig.app.filter.text(), "");
    // What was brushed was chosen.
    rig.press("e enter");
    assert!(rig.effects.iter().any(kept));
    assert_eq!(rig.app.filter.history.entries(), [rig.app.filter.text()]);
}

#[test]
fn the_way_back_from_a_typed_filter_leads_to_the_very_event() {
    let mut rig = Rig::new(events(1_800));
    rig.press("g g j j j j");
    let id = selected(&rig);
    // It runs more than once while it is typed.
    rig.press("f 'user:a'").pause();
    rig.press("'lice'").pause();
    rig.press("enter g g");
    assert_ne!(selected(&rig), id);
    rig.press("[");
    assert_eq!((rig.app.filter.text(), selected(&rig)), ("", id));
    assert!(!rig.app.is_following());
}

#[test]
fn what_is_different_leads_to_its_events() {
    let mut rig = burst();
    rig.press("b e d");
    let contrast = rig.app.contrast.as_ref().expect("a comparison");
    assert!(matches!(contrast.state, State::Whole));
    assert!(!contrast.is_sample(), "few enough to read all");
    let first = &contrast.findings()[0];
    assert_eq!(first.value.text(), "mallory");
    assert_eq!((first.here.events, first.rest.events), (150, 0));
    rig.press("enter");
    assert!(
        rig.app.filter.text().contains("user:mallory"),
        "{}",
        rig.app.filter.text()
    );
    assert_eq!((rig.app.focus, rig.app.timeline.len()), (Focus::List, 150));
    assert!(rig.app.contrast.is_none());
    // Back to where the brush was, and leave it to be compared no more.
    rig.press("[ b e d esc");
    assert_eq!(rig.app.focus, Focus::Timeline);
    rig.press("d -");
    assert!(
        rig.app.filter.text().contains("-user:mallory"),
        "{}",
        rig.app.filter.text()
    );
}

#[test]
fn an_even_log_has_no_spike_and_nothing_different() {
    let mut rig = Rig::new(events(600));
    rig.press("b e");
    assert!(!rig.app.stroke().expect("a histogram").is_down);
    assert!(rig.app.notices.current().is_some());
    rig.press("H H space h h h h d");
    let contrast = rig.app.contrast.as_ref().expect("a comparison");
    let verdict = contrast
        .reading
        .as_ref()
        .map(|reading| reading.verdict.clone());
    assert_eq!(verdict, Some(Verdict::Different(Vec::new())));
    let mut empty = Rig::new(Vec::new());
    empty.press("b e d");
    let contrast = empty.app.contrast.as_ref().expect("a comparison");
    let verdict = contrast
        .reading
        .as_ref()
        .map(|reading| reading.verdict.clone());
    assert_eq!(verdict, Some(Verdict::TooFew(0, 0)));
}

/// People who work one after the other, each for some minutes.
fn shifts() -> Rig {
    let all = (0..600).map(|n| {
        let user = format!("u{}", n / 20 % 6);
        event(n, (n - 600) * 12, &user, "DescribePod", 0)
    });
    Rig::new(all.collect())
}

#[test]
fn what_varies_anyway_is_no_difference_without_an_index_either() {
    for time in [TimeAccess::Direct, TimeAccess::Scan] {
        let mut rig = shifts();
        let description = rig.app.description().expect("connected");
        let description = Description {
            time,
            ..Description::clone(description)
        };
        rig.app.connection = Connection::Ready(Arc::new(description));
        rig.press("b H H space h d");
        let contrast = rig.app.contrast.as_ref().expect("a comparison");
        let reading = contrast.reading.as_ref().expect("an answer");
        assert_eq!(reading.habits, Habits::Seen, "{time:?}");
        assert_eq!(contrast.findings(), [], "{time:?}");
        assert!(reading.read.0 >= 10, "{time:?}: {:?}", reading.read);
        assert!(!contrast.is_sample(), "{time:?}");
    }
}

#[test]
fn keys_of_the_histogram_lead_to_the_panes_around_it() {
    let mut rig = burst();
    for (keys, focus) in [
        ("b", Focus::Timeline),
        ("b", Focus::List),
        ("b tab", Focus::List),
        ("b backtab esc", Focus::List),
        ("b s", Focus::Facets),
        ("b", Focus::Timeline),
        ("tab", Focus::Facets),
        ("b backtab", Focus::Filter),
    ] {
        rig.press(keys);
        assert_eq!(rig.app.focus, focus, "{keys}");
    }
}

#[test]
fn a_comparison_stops_when_asked_and_its_late_answers_are_dropped() {
    let mut rig = burst();
    rig.press("b e");
    rig.silent = true;
    rig.press("d ctrl-c");
    let stopped = |effect: &Effect| matches!(effect, Effect::StopContrast);
    assert!(rig.effects.iter().any(stopped));
    assert!(matches!(
        rig.app.contrast.as_ref().expect("a comparison").state,
        State::Stopped
    ));
    rig.press("esc");
    rig.silent = false;
    let held = std::mem::take(&mut rig.effects);
    rig.run(held);
    assert!(rig.app.contrast.is_none());
}

#[test]
fn a_comparison_ends_when_another_page_is_shown() {
    let mut rig = burst();
    rig.press("b e d 2 1");
    assert_eq!((rig.app.page, rig.app.focus), (Page::Events, Focus::List));
    assert!(rig.app.contrast.is_none());
    rig.press("G");
    assert!(rig.app.is_following());
}

#[test]
fn context_shows_the_neighbours_of_an_event_and_leads_back_to_it() {
    let mut rig = Rig::new(events(1_800));
    rig.press("f 'user:alice is:error' enter").pause();
    rig.press("g g j j");
    let id = selected(&rig);
    rig.press("c enter");
    assert_eq!((rig.app.filter.text(), selected(&rig)), ("", id.clone()));
    let number: i64 = id.parse().expect("a number");
    for neighbour in [number - 1, number + 1] {
        let id = crate::core::event::EventId::new(neighbour.to_string());
        assert!(rig.app.timeline.find(&id).is_some(), "{neighbour}");
    }
    assert!(!rig.app.is_following());
    rig.press("[");
    assert_eq!(rig.app.filter.text(), "user:alice is:error");
    assert_eq!(selected(&rig), id);
    // The same user's other events around it, those that went well, too.
    rig.press("c 'user' enter");
    assert_eq!((rig.app.filter.text(), selected(&rig)), ("user:alice", id));
    rig.press("G");
    assert!(rig.app.is_following());
}

#[test]
fn the_way_back_from_a_number_is_the_number() {
    let mut rig = burst();
    rig.press("2");
    let mut regions = *rig.app.regions();
    for section in 0..4 {
        regions.sections.insert(section);
    }
    rig.tell(crate::app::Msg::Laid(regions));
    rig.press("tab tab tab enter");
    assert_eq!(rig.app.page, Page::Events);
    assert!(!rig.app.filter.text().is_empty());
    rig.press("[");
    assert_eq!((rig.app.page, rig.app.filter.text()), (Page::Usage, ""));
}
