//! Keys in, what panels and marks say out.

use super::*;
use crate::app::inquiry::compare::{Known, Line};
use crate::app::rig::{Rig, event, events, record};
use crate::core::instant::At;

fn compare(rig: &Rig) -> &Compare {
    let top = rig.app.overlays.last();
    if let Some(Overlay::Panel(panel)) = top
        && let Panel::Compare(compare) = &**panel
    {
        return compare;
    }
    panic!("{top:?}");
}

/// What the panel says: the ids of both events and the lines.
fn said(rig: &Rig) -> Vec<String> {
    let open = compare(rig);
    let Known::Pair(pair) = &open.known else {
        return vec![format!("{:?}", open.known)];
    };
    let names = open.names;
    let heading = format!(
        "{} {} / {} {}",
        names[0], pair.before.id, names[1], pair.after.id
    );
    let line = |line: Line<'_>| match line {
        Line::Row(row) => format!("{:?} {}", row.change, row.path),
        Line::Same(count) => format!("{count} same"),
    };
    std::iter::once(heading)
        .chain(open.lines().into_iter().map(line))
        .collect()
}

#[test]
fn the_marked_event_is_compared_with_the_selected_one_the_earlier_first() {
    let mut rig = Rig::new(events(40));
    rig.press("d");
    let notice = rig.app.notices.current().expect("a notice");
    assert_eq!(notice.text, "no other event is marked");
    rig.press("m 'odd one' enter");
    assert_eq!(rig.app.inquiry.marks.all()[0].note, "odd one");
    // Not with itself.
    rig.press("d");
    assert_eq!(rig.state(), "following 40/40 list");
    rig.press("k d");
    let lines = said(&rig);
    assert_eq!(lines[0], "selected 39 / marked ◆ 40");
    assert!(
        lines.contains(&"Changed details.user_name".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"1 same".to_owned()), "{lines:?}");
    let folded = lines.len();
    rig.press("u");
    assert!(said(&rig).len() > folded);
    rig.press("q");
    assert_eq!(rig.state(), "paused+0 39/40 list");
}

#[test]
fn an_event_is_compared_with_the_one_before_on_the_same_resource() {
    let mut all = events(5);
    all.push(event(3, -5_000, "zoe", "Login", 0));
    all[5].id = crate::core::event::EventId::new("30");
    let mut rig = Rig::new(all);
    // Whatever the filter hides.
    rig.press("f 'user:alice' enter D");
    assert_eq!(said(&rig)[0], "before 30 / selected 3");
    rig.press("q x g g D");
    assert!(
        said(&rig)[0].contains("no earlier event"),
        "{:?}",
        said(&rig)
    );
    let mut rig = Rig::new(vec![record(1, At::Absent, r#"{"user_name":"a"}"#)]);
    rig.press("D");
    let notice = rig.app.notices.current().expect("a notice");
    assert_eq!(notice.text, "this event does not say what it was done to");
}

#[test]
fn a_purged_event_and_an_answer_that_comes_late_say_so() {
    let mut rig = Rig::new(events(10));
    rig.press("m enter k");
    rig.events.retain(|event| event.id.as_str() != "10");
    rig.press("d");
    assert!(said(&rig)[0].contains("purged"), "{:?}", said(&rig));
    rig.press("q");
    rig.silent = true;
    rig.press("D");
    let Some(Effect::Inquiry(Wanted::Compare(generation, ..))) = rig.effects.pop() else {
        panic!("{:?}", rig.effects);
    };
    rig.press("ctrl-c");
    assert!(said(&rig)[0].contains("stopped"), "{:?}", said(&rig));
    assert!(matches!(
        rig.effects.last(),
        Some(Effect::Inquiry(Wanted::StopCompare))
    ));
    rig.press("q");
    let late = Told::Compared(Ok(Compared::NoEarlier));
    rig.tell(crate::app::Msg::Answer(
        generation,
        crate::app::Answer::Inquiry(late),
    ));
    assert!(rig.app.overlays.is_empty());
}

/// The lines of a listing: label, text, number.
fn listed(rig: &Rig) -> Vec<String> {
    let top = rig.app.overlays.last();
    if let Some(Overlay::Panel(panel)) = top
        && let Panel::List(listing) = &**panel
    {
        let rows = listing.sheet.rows.iter();
        return rows
            .map(|row| format!("{}|{}|{}", row.label, row.text, row.number))
            .collect();
    }
    panic!("{top:?}");
}

#[test]
fn everything_done_to_a_resource_with_who_did_it() {
    let mut all = events(40);
    for seconds in [-90_000, -80_000, -70_000] {
        let mut one = event(7, seconds, "zoe", "Login", 0);
        one.id = crate::core::event::EventId::new(format!("z{seconds}"));
        one.cursor.key = vec![crate::core::event::KeyPart::Int(seconds)];
        all.push(one);
    }
    let mut rig = Rig::new(all);
    rig.press("f 'user:bob is:denied' enter / 'pod-7' enter R");
    let lines = listed(&rig);
    assert!(lines[0].starts_with("zoe|2026-01-14 11:0"), "{lines:?}");
    assert!(lines[0].ends_with("|3"), "{lines:?}");
    assert_eq!(lines[1], "  Login||3");
    assert!(
        lines[2].starts_with("bob|") && lines[2].ends_with("|1"),
        "{lines:?}"
    );
    assert_eq!(rig.app.filter.text(), "resource:prod-7/ns2/pod-7");
    rig.press("enter");
    assert_eq!(rig.app.filter.text(), "resource:prod-7/ns2/pod-7 user:zoe");
    assert_eq!(rig.app.timeline.len(), 3);
}

#[test]
fn several_resources_are_offered_first() {
    let two = r#"{"user_name":"a","request_resources":[{"id":"x"},{"id":"y"},{"id":"x"}]}"#;
    let mut rig = Rig::new(vec![record(1, At::Absent, two)]);
    rig.press("R 'y' enter");
    assert_eq!(rig.app.filter.text(), "resource:y");
    assert!(
        listed(&rig)[0].contains("without a time"),
        "{:?}",
        listed(&rig)
    );
}

#[test]
fn a_dossier_says_what_is_unusual_and_leads_to_the_events_it_counts() {
    let mut all = Vec::new();
    for id in 1..60 {
        all.push(event(id, -id * 86_400, "alice", "DescribePod", 0));
    }
    all.push(event(90, -5, "alice", "DeletePod", 7));
    let mut rig = Rig::new(all);
    rig.press("u");
    let lines = listed(&rig);
    let find = |what: &str| lines.iter().find(|line| line.contains(what)).cloned();
    let action = find("action DeletePod").expect("the action");
    assert!(
        action.contains("▲ first never since 2025-10-17"),
        "{action}"
    );
    assert!(find("outcome denied").is_some_and(|line| line.contains("▲ first")));
    assert!(
        find("hour (UTC) 12:00").is_some_and(|line| line.contains("59 of 59")),
        "{lines:?}"
    );
    assert!(find("  DescribePod").is_some_and(|line| line.ends_with("|59")));
    rig.press("j enter");
    assert_eq!(rig.app.timeline.len(), 59, "{}", rig.app.filter.text());
}

#[test]
fn questions_of_a_panel_end_with_it_and_reports_go_on_after_it() {
    let mut rig = Rig::new(events(40));
    rig.silent = true;
    rig.press("u");
    let asked = |rig: &Rig| {
        rig.effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Inquiry(Wanted::Count(..))))
            .count()
    };
    assert_eq!(asked(&rig), 1, "one at a time");
    assert!(listed(&rig)[0].contains("asking"), "{:?}", listed(&rig));
    rig.press("ctrl-c");
    assert!(listed(&rig)[0].contains("stopped"), "{:?}", listed(&rig));
    assert!(matches!(rig.effects.last(), Some(Effect::StopUsage)));
    rig.press("q");
    assert_eq!(asked(&rig), 1);
    // Answers that come late are dropped.
    let Some(Effect::Inquiry(Wanted::Count(generation, _))) = rig
        .effects
        .iter()
        .find(|effect| matches!(effect, Effect::Inquiry(_)))
    else {
        panic!("{:?}", rig.effects);
    };
    let late = Told::Counted(Err(StoreError::Cancelled));
    let generation = *generation;
    rig.tell(crate::app::Msg::Answer(
        generation,
        crate::app::Answer::Inquiry(late),
    ));
    assert_eq!(asked(&rig), 1);
    let mut rig = Rig::new(vec![record(1, At::Absent, "{}")]);
    rig.press("u");
    let notice = rig.app.notices.current().expect("a notice");
    assert_eq!(notice.text, "this event does not say who acted");
}

fn tick(rig: &mut Rig) {
    let chord = crate::app::keymap::Chord::plain(crate::app::keymap::Key::Char('\''));
    rig.tell(crate::app::Msg::Key(chord));
}

fn notice(rig: &Rig) -> String {
    let current = rig.app.notices.current();
    current.map_or_else(String::new, |notice| notice.text.clone())
}

#[test]
fn marks_are_gone_to_listed_forgotten_and_kept_for_the_next_session() {
    let mut rig = Rig::new(events(2_000));
    tick(&mut rig);
    assert_eq!(notice(&rig), "nothing is marked");
    rig.press("m 'newest' enter k k m enter");
    assert_eq!(rig.kept.len(), 2);
    tick(&mut rig);
    assert_eq!(rig.state(), "paused+0 2000/500 list");
    tick(&mut rig);
    assert_eq!(rig.state(), "paused+0 1998/500 list");
    rig.press("M");
    assert!(
        listed_marks(&rig)[0].ends_with("newest  · ci-bot DeletePod"),
        "{:?}",
        listed_marks(&rig)
    );
    rig.press("j d q");
    assert_eq!(rig.kept.len(), 1);
    // Another session has it, and finds it far away from what is held.
    let mut next = Rig::opening(events(2_000));
    next.kept = rig.kept.clone();
    next.kept.push(Bookmark::of(
        &events(2_000)[99],
        "far",
        crate::app::rig::NOW,
    ));
    next.silent = false;
    let held = std::mem::take(&mut next.effects);
    next.run(held);
    assert_eq!(next.app.inquiry.marks.all().len(), 2);
    tick(&mut next);
    assert!(
        next.state().starts_with("paused+0 100/"),
        "{}",
        next.state()
    );
    // Both sides of it were loaded, and the way back leads to the end.
    next.press("k");
    assert!(next.state().starts_with("paused+0 99/"), "{}", next.state());
    next.press("j j");
    assert!(
        next.state().starts_with("paused+0 101/"),
        "{}",
        next.state()
    );
    next.press("G");
    assert_eq!(next.state(), "following 2000/500 list");
}

fn listed_marks(rig: &Rig) -> Vec<String> {
    let top = rig.app.overlays.last();
    if let Some(Overlay::Panel(panel)) = top
        && let Panel::Marks(sheet) = &**panel
    {
        return sheet.rows.iter().map(|row| row.text.clone()).collect();
    }
    panic!("{top:?}");
}

#[test]
fn a_mark_that_the_filter_hides_or_that_was_purged_says_so() {
    let mut rig = Rig::new(events(40));
    rig.press("m enter f 'user:alice' enter");
    tick(&mut rig);
    assert_eq!(
        notice(&rig),
        "the filter hides the marked event: user:alice"
    );
    assert!(rig.state().starts_with("following 39/"), "{}", rig.state());
    rig.events.retain(|event| event.id.as_str() != "40");
    tick(&mut rig);
    assert!(notice(&rig).contains("purged"), "{}", notice(&rig));
    assert_eq!(rig.app.inquiry.marks.all().len(), 1, "the mark stays");
}

#[test]
fn trouble_with_the_file_of_marks_is_told() {
    let mut rig = Rig::new(events(4));
    let generation = rig.app.inquiry.loading;
    let told = Told::Marks(Vec::new(), Some("2 lines are no marks".to_owned()));
    rig.tell(crate::app::Msg::Answer(
        generation,
        crate::app::Answer::Inquiry(told),
    ));
    assert_eq!(notice(&rig), "2 lines are no marks");
    assert_eq!(rig.state(), "following 4/4 list");
}
