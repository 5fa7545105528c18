//! What the window of events holds when questions, pages and tails cross each other.

use super::super::*;
use crate::app::rig::{NOW, Rig, event, events};
use crate::store::{Change, Count, PageFrom, PageItem, StoreError, TailEvent, TailItem};

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
        let took = Duration::from_millis(1);
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

fn counted(rig: &Rig) -> Option<Count> {
    rig.app.question.count
}

#[test]
fn what_was_counted_is_not_counted_again() {
    let mut rig = Rig::new(events(5));
    rig.silent = true;
    rig.press("f 'since:-1h' enter");
    let counting = rig.app.question.counting;
    rig.tell(Msg::Answer(counting, Answer::Count(Ok(Count::Exact(5)))));
    // The tail begins before the question: it brings what the store has counted.
    rig.arrive(Change::New, events(5)[3..].to_vec());
    assert_eq!(counted(&rig), Some(Count::Exact(5)));
    rig.arrive(Change::New, vec![event(9, 2, "alice", "Login", 0)]);
    assert_eq!(counted(&rig), Some(Count::Exact(6)));
}

#[test]
fn a_complete_histogram_is_the_count() {
    for (filter, expected) in [
        ("since:-1h", Count::Exact(40)),
        ("-user:zed", Count::Estimate(40)),
    ] {
        let mut rig = Rig::new(events(40));
        rig.silent = true;
        rig.press(&format!("f '{filter}' enter"));
        assert!(rig.app.question.is_counting(), "{filter}");
        let counting = rig.app.question.counting;
        rig.silent = false;
        let effects = std::mem::take(&mut rig.effects);
        let drawn = |effect: &Effect| matches!(effect, Effect::Histogram(..));
        rig.run(effects.into_iter().filter(drawn).collect());
        assert_eq!(counted(&rig), Some(expected), "{filter}");
        let guess = Answer::Count(Ok(Count::Estimate(39)));
        rig.tell(Msg::Answer(counting, guess));
        assert_eq!(counted(&rig), Some(expected), "{filter}");
    }
}

#[test]
fn a_histogram_that_fails_is_said() {
    let mut rig = Rig::new(events(5));
    rig.silent = true;
    rig.press("f5");
    // The range of the data comes first, then the histogram.
    let spanning = rig.app.question.spanning;
    let span = Some((NOW.plus(-9_000_000), NOW));
    rig.tell(Msg::Answer(spanning, Answer::Span(Ok(span))));
    let histogram = rig.app.question.histogram;
    rig.tell(Msg::Answer(histogram, Answer::CountsEnd(Err(failure()))));
    let said = rig.app.notices.current().map(|notice| notice.text.as_str());
    assert!(
        said.is_some_and(|said| said.contains("statement timeout")),
        "{said:?}"
    );
}
