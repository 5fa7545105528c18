//! Keys in, a line of state out; and what must not happen whatever arrives.

use super::*;
use crate::app::question::Paging;
use crate::app::rig::{NOW, Rig, event, events, record};
use crate::core::event::Outcome;
use crate::core::instant::At;
use crate::store::{Change, Exactness, Explanation, PageItem, StoreError, TailItem};

fn check(keys: &str, expected: &str) {
    let mut rig = Rig::new(events(40));
    rig.press(keys);
    rig.pause();
    assert_eq!(rig.state(), expected, "after {keys}");
}

#[test]
fn keys_do_what_they_say() {
    for (keys, expected) in [
        ("", "following 40/40 list"),
        ("k", "paused+0 39/40 list"),
        ("k j", "paused+0 40/40 list"),
        ("k k G", "following 40/40 list"),
        ("g g", "paused+0 1/40 list"),
        ("g x", "following 40/40 list"),
        ("space", "paused+0 40/40 list"),
        ("space space", "following 40/40 list"),
        ("pgup", "paused+0 25/40 list"),
        ("ctrl-u", "paused+0 33/40 list"),
        ("E", "paused+0 35/40 list"),
        ("E E e", "paused+0 35/40 list"),
        ("tab", "following 40/40 filter"),
        ("f 'user:alice' enter", "following 39/13 list [user:alice]"),
        ("f 'user:alice'", "following 39/13 filter [user:alice]"),
        ("f 'user:alice' enter x", "following 40/40 list"),
        ("f 'nonsense:1'", "following 40/40 filter [nonsense:1]"),
        ("f esc", "following 40/40 list"),
        ("t 'hour' enter", "following 40/40 list [since:-1h]"),
        ("t 'hour' enter t 'all' enter", "following 40/40 list"),
        ("/ 'pod-12' enter", "paused+0 12/40 list"),
        ("/ 'alice' enter n", "paused+0 36/40 list"),
        ("/ 'alice' enter n N", "paused+0 39/40 list"),
        ("?", "following 40/40 reader"),
        ("? q", "following 40/40 list"),
        (": 'follow the' enter", "following 40/40 list"),
        ("ctrl-p esc", "following 40/40 list"),
        ("enter", "following 40/40 inspector open 40@id"),
        ("enter q", "following 40/40 list"),
        ("enter backtab", "following 40/40 list open 40@id"),
        ("enter j j", "following 40/40 inspector open 40@details"),
        ("enter j j h j", "following 40/40 inspector open 40@sent"),
        (
            "enter / 'code' enter",
            "following 40/40 inspector open 40@details.status.code",
        ),
        ("enter G h h", "following 40/40 inspector open 40@sent"),
        (
            "enter / 'alice' enter",
            "following 40/40 inspector open 40@id",
        ),
        (
            "enter / 'bob' enter +",
            "following 40/14 inspector open 40@details.user_name [.details.user_name:bob]",
        ),
        (
            "enter / 'bob' enter -",
            "following 39/26 inspector open 40@details.user_name [-.details.user_name:bob]",
        ),
        (
            "f 'is:denied' enter f up",
            "following 35/5 filter [is:denied]",
        ),
        ("z", "following 40/40 list"),
    ] {
        check(keys, expected);
    }
}

#[test]
fn every_action_of_the_table_can_be_reached() {
    for command in COMMANDS {
        let reachable = !command.keys.is_empty() || command.id == "app.quit";
        assert!(reachable, "{}", command.id);
        // Whatever the state: nothing panics.
        for keys in ["", "enter", "f 'x'", "?", "/ 'a'", ":"] {
            let mut rig = Rig::new(events(10));
            rig.press(keys);
            let effects = rig.app.perform(command.action);
            rig.run(effects);
        }
        let mut rig = Rig::opening(Vec::new());
        let effects = rig.app.act(command.action);
        rig.run(effects);
    }
}

#[test]
fn new_events_are_counted_while_paused_and_move_nothing() {
    let mut rig = Rig::new(events(40));
    rig.press("k k k");
    let before = rig.app.timeline.view(10, &rig.app.zone).len();
    rig.arrive(Change::New, vec![event(41, 0, "alice", "Login", 0)]);
    rig.arrive(Change::New, vec![event(41, 0, "alice", "Login", 0)]);
    assert_eq!(rig.state(), "paused+1 37/41 list");
    assert_eq!(rig.app.timeline.view(10, &rig.app.zone).len(), before);
    rig.press("G");
    assert_eq!(rig.state(), "following 41/41 list");
}

#[test]
fn an_event_that_changes_changes_in_place() {
    let mut rig = Rig::new(events(5));
    let begun = r#"{"user_name":"alice","request_body":{},"status":{"code":0}}"#;
    let done = r#"{"user_name":"alice","request_body":{},"status":{"code":7},"response_body":{}}"#;
    rig.arrive(Change::New, vec![record(9, At::Instant(NOW), begun)]);
    let outcome = |rig: &Rig| rig.app.timeline.selected().and_then(|event| event.outcome);
    assert_eq!(outcome(&rig), Some(Outcome::Pending));
    rig.press("enter");
    rig.arrive(Change::Update, vec![record(9, At::Instant(NOW), done)]);
    assert_eq!(rig.app.timeline.len(), 6);
    assert_eq!(outcome(&rig), Some(Outcome::Denied));
    let open = rig.app.inspector.as_ref().expect("open");
    assert_eq!(open.event.outcome, Some(Outcome::Denied));
    rig.arrive(Change::Unmatched, vec![record(9, At::Instant(NOW), done)]);
    assert_eq!(rig.app.timeline.len(), 5);
}

#[test]
fn answers_to_former_questions_are_ignored() {
    let mut rig = Rig::new(events(5));
    let former = rig.app.question.page;
    let tail = rig.app.question.tail;
    rig.press("f 'user:alice' enter");
    let state = rig.state();
    let item = Answer::Page(PageItem::Events(events(5)));
    rig.tell(Msg::Answer(former, item));
    let stray = TailItem::Gap {
        from: NOW,
        to: NOW,
        because: "late".to_owned(),
    };
    rig.tell(Msg::Answer(tail, Answer::Tail(stray)));
    assert_eq!(rig.state(), state);
}

#[test]
fn a_typed_filter_runs_after_a_pause_and_once() {
    let mut rig = Rig::new(events(40));
    let asked = rig.app.question.page;
    rig.press("f 'user:al");
    assert_eq!(rig.app.question.page, asked, "nothing runs while typing");
    rig.press("'ice'");
    rig.pause();
    assert_eq!(rig.state(), "following 39/13 filter [user:alice]");
    let asked = rig.app.question.page;
    rig.press("left enter");
    assert_eq!(
        rig.app.question.page, asked,
        "the same filter is not asked twice"
    );
}

#[test]
fn an_invalid_filter_keeps_the_previous_result() {
    let mut rig = Rig::new(events(40));
    rig.press("f 'user:alice' enter f ' since:2026-13-45'")
        .pause();
    assert!(rig.app.filter.is_invalid());
    assert_eq!(rig.app.timeline.len(), 13);
    rig.press("enter");
    assert_eq!(
        rig.app.focus,
        Focus::Filter,
        "an invalid filter is not accepted"
    );
}

#[test]
fn ctrl_c_stops_the_query_first_and_quits_then() {
    let mut rig = Rig::new(events(40));
    rig.silent = true;
    rig.press("f 'user:alice' enter");
    assert!(rig.app.question.is_loading());
    rig.effects.clear();
    rig.press("ctrl-c");
    assert!(
        matches!(rig.effects.as_slice(), [Effect::StopQuery]),
        "{:?}",
        rig.effects
    );
    assert!(matches!(rig.app.question.paging, Paging::Stopped(_)));
    rig.press("ctrl-c");
    assert!(matches!(rig.effects.last(), Some(Effect::Quit)));
}

#[test]
fn escape_never_quits_and_q_does_at_the_top() {
    let mut rig = Rig::new(events(3));
    rig.press("esc esc esc");
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
    rig.press("enter q");
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
    rig.press("q");
    assert!(matches!(rig.effects.as_slice(), [Effect::Quit]));
}

#[test]
fn without_a_connection_one_can_try_again_or_quit() {
    let mut rig = Rig::opening(events(3));
    rig.refuse();
    rig.effects.clear();
    rig.press("j f r");
    assert!(
        matches!(rig.effects.as_slice(), [Effect::Open(_)]),
        "{:?}",
        rig.effects
    );
    rig.refuse();
    rig.press("q");
    assert!(matches!(rig.effects.last(), Some(Effect::Quit)));
    assert!(matches!(rig.app.connection, Connection::Failed(_)));
}

#[test]
fn an_idle_tail_asks_for_no_frame_but_seldom() {
    let mut rig = Rig::new(events(3));
    rig.lay(78, 16);
    rig.app.take_dirty();
    for second in 1..50 {
        rig.tell(Msg::Clock(NOW.plus(second * Micros::SECOND)));
        rig.complete_to(second);
        assert!(!rig.app.take_dirty(), "after {second} s");
    }
    rig.tell(Msg::Clock(NOW.plus(61 * Micros::SECOND)));
    rig.complete_to(61);
    assert!(rig.app.take_dirty(), "a minute later the line is renewed");
    assert_eq!(rig.app.lag(), Some(0));
}

#[test]
fn copying_gives_the_value_to_the_terminal() {
    for (keys, expected) in [
        ("y i", "40"),
        ("y q", "id:\"40\""),
        ("enter / 'code' enter y p", "details.status.code"),
        ("enter / 'code' enter y v", "0"),
        ("enter / 'code' enter y k", "code"),
        ("enter / 'code' enter y q", ".details.status.code:0"),
        ("enter / 'user_name' enter y j", "\"bob\""),
    ] {
        let mut rig = Rig::new(events(40));
        rig.press(keys);
        match rig.effects.as_slice() {
            [Effect::Copy(text)] => assert_eq!(text, expected, "{keys}"),
            other => panic!("{keys}: {other:?}"),
        }
    }
}

#[test]
fn pages_are_loaded_at_both_ends_by_cursor() {
    let mut rig = Rig::new(events(1_800));
    assert_eq!(rig.app.timeline.len(), 500);
    for _ in 0..34 {
        rig.press("pgup");
    }
    assert!(rig.app.timeline.len() >= 1_000);
    rig.press("g g");
    assert_eq!(
        rig.app
            .timeline
            .selected()
            .map(|e| e.id.to_string())
            .as_deref(),
        Some("1")
    );
    for _ in 0..150 {
        rig.press("pgdn");
    }
    assert_eq!(
        rig.app
            .timeline
            .selected()
            .map(|e| e.id.to_string())
            .as_deref(),
        Some("1800")
    );
    rig.press("G");
    assert_eq!(rig.state(), "following 1800/1800 list");
}

#[test]
fn suggestions_complete_names_and_values() {
    let mut rig = Rig::new(events(40));
    rig.press("f 'us' tab");
    assert_eq!(rig.app.filter.text(), "user:");
    rig.press("'ali' tab").pause();
    assert_eq!(rig.app.filter.text().trim(), "user:alice");
    assert_eq!(rig.app.timeline.len(), 13);
}

#[test]
fn pasting_types_into_lines_and_nowhere_else() {
    let mut rig = Rig::new(events(40));
    rig.tell(Msg::Paste("q".to_owned()));
    assert!(rig.effects.is_empty());
    rig.press("f");
    rig.tell(Msg::Paste("user:alice\nis:denied".to_owned()));
    assert_eq!(rig.app.filter.text(), "user:alice is:denied");
}

#[test]
fn a_filter_given_at_the_start_runs_at_once() {
    let settings = Settings {
        filter: "user:alice".to_owned(),
        ..rig::settings()
    };
    let mut rig = Rig::opening(events(40));
    let (app, first) = App::new(settings);
    rig.app = app;
    rig.effects.clear();
    rig.silent = false;
    rig.tell(Msg::Clock(NOW));
    rig.run(first);
    assert_eq!(rig.state(), "following 39/13 list [user:alice]");
}

#[test]
fn errors_are_said_and_kept() {
    let mut rig = Rig::new(events(5));
    let lost = || StoreError::Lost {
        name: "prod-pg".to_owned(),
        message: "broken pipe".to_owned(),
    };
    rig.silent = true;
    rig.press("f5");
    let page = rig.app.question.page;
    let took = std::time::Duration::from_millis(3);
    rig.tell(Msg::Answer(page, Answer::PageEnd(Err(lost()), took)));
    assert_eq!(rig.app.question.paging, Paging::Failed);
    assert_eq!(rig.app.timeline.len(), 5, "the previous result stays");
    let tail = rig.app.question.tail;
    rig.tell(Msg::Answer(tail, Answer::TailEnd(Err(lost()))));
    assert_eq!(rig.app.live, Live::Ended);
    rig.tell(Msg::Trouble("the disk is full".to_owned()));
    let current = rig.app.notices.current().map(|notice| notice.text.clone());
    assert_eq!(current.as_deref(), Some("the disk is full"));
    rig.press("j");
    assert_eq!(rig.app.notices.current(), None);
    assert_eq!(rig.app.notices.all().count(), 3);
    // What the user stopped is no error.
    let tail = rig.app.question.tail;
    rig.tell(Msg::Answer(
        tail,
        Answer::TailEnd(Err(StoreError::Cancelled)),
    ));
    assert_eq!(rig.app.notices.all().count(), 3);
}

#[test]
fn a_lost_connection_is_a_state_and_a_notice() {
    let mut rig = Rig::new(events(5));
    let tail = rig.app.question.tail;
    for attempt in 1..4 {
        let item = TailItem::Reconnecting {
            attempt,
            error: "connection refused".to_owned(),
            wait: std::time::Duration::from_secs(1),
        };
        rig.tell(Msg::Answer(tail, Answer::Tail(item)));
    }
    assert!(matches!(
        rig.app.live,
        Live::Reconnecting { attempt: 3, .. }
    ));
    assert_eq!(
        rig.app.notices.all().count(),
        1,
        "one trouble is one notice"
    );
    rig.tell(Msg::Answer(tail, Answer::Tail(TailItem::Reconnected)));
    assert_eq!(rig.app.live, Live::On);
}

#[test]
fn the_mouse_selects_and_scrolls() {
    let mut rig = Rig::new(events(40));
    rig.press("f2");
    assert!(matches!(rig.effects.as_slice(), [Effect::Mouse(Mouse::On)]));
    let at = |kind, row| Pointer {
        column: 5,
        row,
        kind,
    };
    // The list is 16 lines high from row 6 on, and the newest event stands on the last one.
    rig.tell(Msg::Mouse(at(PointerKind::Click, 6 + 15 - 4)));
    assert_eq!(rig.state(), "paused+0 36/40 list");
    rig.tell(Msg::Mouse(at(PointerKind::WheelUp, 10)));
    assert_eq!(rig.state(), "paused+0 33/40 list");
    rig.tell(Msg::Mouse(at(PointerKind::WheelDown, 10)));
    assert_eq!(rig.state(), "paused+0 36/40 list");
}

#[test]
fn explaining_shows_statement_plan_and_index() {
    let mut rig = Rig::new(events(5));
    rig.press("X");
    let Some(Effect::Explain(generation, _)) = rig.effects.pop() else {
        panic!("{:?}", rig.effects);
    };
    let explanation = Explanation {
        statement: "SELECT 1\nFROM audit_events".to_owned(),
        plan: vec!["Index Scan".to_owned()],
        indexes: vec!["sort_audit_events".to_owned()],
        exactness: Exactness::Superset,
    };
    rig.tell(Msg::Answer(generation, Answer::Explained(Ok(explanation))));
    let Some(Overlay::Reader(reader)) = rig.app.overlays.last() else {
        panic!("no text");
    };
    let words: Vec<_> = reader.lines.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["statement", "", "plan", "indexes", "check"]);
}

#[test]
fn filters_are_remembered_and_found_again() {
    let mut rig = Rig::new(events(40));
    rig.tell(Msg::History(vec!["is:denied".to_owned()]));
    rig.press("f 'user:alice' enter");
    assert!(matches!(rig.effects.as_slice(), [Effect::Remember(text)] if text == "user:alice"));
    rig.press("f ctrl-u ctrl-r 'den' enter enter");
    assert_eq!(rig.state(), "following 35/5 list [is:denied]");
}

#[test]
fn a_large_record_is_fetched_when_it_is_opened() {
    let note = "x".repeat(crate::core::event::Payload::HEAD);
    let details = format!(r#"{{"user_name":"alice","note":"{note}"}}"#);
    let mut rig = Rig::new(Vec::new());
    rig.arrive(Change::New, vec![record(1, At::Instant(NOW), &details)]);
    rig.press("enter");
    let Some(Effect::Fetch(generation, event)) = rig.effects.pop() else {
        panic!("{:?}", rig.effects);
    };
    let json = crate::core::json::FlatJson::parse(r#"{"id":1}"#);
    let fetched = answer::Fetched {
        event: *event,
        json,
    };
    rig.tell(Msg::Answer(
        generation,
        Answer::Record(Ok(Some(Box::new(fetched)))),
    ));
    assert_eq!(rig.state(), "following 1/1 inspector open 1@id");
    rig.press("q");
    rig.press("y j");
    let said = rig.app.notices.current().map(|notice| notice.text.as_str());
    assert_eq!(
        said,
        Some("the list holds only the beginning of this record")
    );
}
