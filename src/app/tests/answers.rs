//! What arrives from stores: in order, late, changed, or as an error.

use super::super::*;
use crate::app::paging::Paging;
use crate::app::rig::{NOW, Rig, event, events, record};
use crate::core::event::Outcome;
use crate::core::instant::At;
use crate::store::{Change, Exactness, Explanation, PageItem, StoreError, TailItem};

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
fn errors_are_said_and_kept() {
    let mut rig = Rig::new(events(5));
    let lost = || StoreError::Lost {
        name: "prod-pg".to_owned(),
        message: "broken pipe".to_owned(),
    };
    rig.silent = true;
    rig.press("f5");
    let page = rig.app.question.page;
    let took = Duration::from_millis(3);
    rig.tell(Msg::Answer(page, Answer::PageEnd(Err(lost()), took)));
    assert_eq!(rig.app.question.paging, Paging::Failed);
    assert_eq!(rig.app.timeline.len(), 5, "the previous result stays");
    let tail = rig.app.question.tail;
    rig.tell(Msg::Answer(tail, Answer::TailEnd(Err(lost()))));
    assert!(matches!(
        rig.app.live,
        Live::Reconnecting { attempt: 1, .. }
    ));
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
            wait: Duration::from_secs(1),
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
fn a_large_record_is_fetched_when_it_is_opened() {
    let note = "x".repeat(crate::core::event::Payload::HEAD);
    let details = format!(r#"{{"user_name":"alice","note":"{note}"}}"#);
    let mut rig = Rig::new(Vec::new());
    rig.arrive(Change::New, vec![record(1, At::Instant(NOW), &details)]);
    rig.press("enter");
    let Some(Effect::Fetch(generation, event)) = rig.effects.pop() else {
        panic!("{:?}", rig.effects);
    };
    let tree = crate::core::json::FlatJson::parse(r#"{"id":1}"#).map(inspector::Tree::new);
    let fetched = answer::Fetched {
        event: *event,
        tree,
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
