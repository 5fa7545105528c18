//! What the window of events holds when questions, pages and tails cross each other.

use super::super::*;
use crate::app::rig::{NOW, Rig, event, events};
use crate::store::{Change, PageFrom, PageItem, StoreError, TailEvent, TailItem};

fn failure() -> StoreError {
    StoreError::Failed {
        message: "statement timeout".to_owned(),
        hint: None,
    }
}

#[test]
fn what_a_stopped_tail_still_says_is_ignored() {
    let mut rig = Rig::new(events(5));
    let former = rig.app.question.tail;
    rig.press("f 'user:alice until:2020' enter");
    let state = rig.state();
    let event = event(99, 1, "mallory", "DeletePod", 0);
    let change = Change::New;
    let late = TailItem::Events(vec![TailEvent { change, event }]);
    rig.tell(Msg::Answer(former, Answer::Tail(late)));
    let end = Answer::TailEnd(Err(StoreError::Cancelled));
    rig.tell(Msg::Answer(former, end));
    assert_eq!((rig.state(), &rig.app.live), (state, &Live::Off));
}

#[test]
fn a_failed_page_never_mixes_two_filters() {
    let mut rig = Rig::new(events(5));
    rig.silent = true;
    rig.press("f 'user:zed' enter");
    let fail = |rig: &mut Rig| {
        let took = std::time::Duration::from_millis(1);
        let page = rig.app.question.page;
        rig.tell(Msg::Answer(page, Answer::PageEnd(Err(failure()), took)));
    };
    fail(&mut rig);
    assert_eq!(rig.app.timeline.len(), 5, "the previous result stays");
    // Moving on asks for the first page again, not for one beside the former rows.
    rig.press("k");
    assert!(matches!(
        rig.effects.last(),
        Some(Effect::Page(_, PageRequest { from, .. })) if *from == PageFrom::Newest
    ));
    fail(&mut rig);
    rig.arrive(Change::New, vec![event(99, 1, "zed", "DeletePod", 0)]);
    assert_eq!(rig.state(), "following 99/1 list [user:zed]");
}

#[test]
fn following_is_heard_while_the_oldest_page_loads() {
    let mut rig = Rig::new(events(2000));
    rig.silent = true;
    rig.press("g g G");
    rig.silent = false;
    let effects = std::mem::take(&mut rig.effects);
    rig.run(effects.into_iter().rev().take(1).collect());
    assert_eq!(rig.state(), "following 2000/500 list");
}

#[test]
fn pieces_of_the_oldest_page_leave_the_selection_alone() {
    let mut rig = Rig::new(events(2000));
    rig.silent = true;
    rig.press("g g");
    let page = rig.app.question.page;
    let piece = |rig: &mut Rig, range: std::ops::Range<usize>| {
        let events = events(2000)[range].to_vec();
        rig.tell(Msg::Answer(page, Answer::Page(PageItem::Events(events))));
    };
    piece(&mut rig, 0..100);
    rig.press("j j j j j");
    piece(&mut rig, 100..200);
    assert_eq!(rig.state(), "paused+0 6/200 list");
}

#[test]
fn a_silent_tail_is_not_called_live_for_ever() {
    let mut rig = Rig::new(events(3));
    rig.lay(78, 16);
    rig.complete_to(0);
    let mut lags = Vec::new();
    let mut seconds = 0;
    while seconds < 30 {
        let (generation, after) = rig.watch.take().expect("somebody watches");
        seconds += i64::try_from(after.as_secs()).expect("small");
        rig.app.take_dirty();
        rig.tell(Msg::Clock(NOW.plus(seconds * Micros::SECOND)));
        rig.tell(Msg::Waited(generation));
        assert!(rig.app.take_dirty(), "the lag is drawn after {seconds} s");
        lags.push(rig.app.lag().expect("known") / Micros::SECOND);
        assert_eq!(rig.app.silence().is_some(), seconds >= 5, "{seconds} s");
    }
    assert_eq!(lags[..4], [2, 3, 4, 5]);
    // The first word after it is drawn, and the screen is live again.
    rig.complete_to(30);
    assert!(rig.app.take_dirty());
    assert_eq!(rig.app.silence(), None);
}

#[test]
fn a_tail_that_has_ended_is_not_watched() {
    let mut rig = Rig::new(events(3));
    let tail = rig.app.question.tail;
    rig.tell(Msg::Answer(tail, Answer::TailEnd(Ok(()))));
    let (generation, _) = rig.watch.take().expect("the last watch");
    rig.tell(Msg::Waited(generation));
    assert_eq!(rig.watch, None);
}
