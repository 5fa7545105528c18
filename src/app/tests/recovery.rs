//! A store that is gone for a while, and what the panes say of it and do when it is back.

use super::super::*;
use crate::app::contrast::State as Comparing;
use crate::app::facets::facet::State as Counted;
use crate::app::histogram::Counting;
use crate::app::inquiry::{Panel, Told};
use crate::app::paging::Paging;
use crate::app::rig::{Rig, event};
use crate::app::usage::State;
use crate::store::StoreError;

/// Two hours of an event a minute, with a spike of one user's.
fn rig() -> Rig {
    let quiet = (0..120).map(|n| event(n, (n - 121) * 60, "alice", "Read", 0));
    let spike = (0..150).map(|n| event(500 + n, -3_600 + n, "mallory", "DeletePod", 7));
    let mut all: Vec<_> = quiet.chain(spike).collect();
    all.sort_by_key(Event::at);
    let mut rig = Rig::new(all);
    rig.lay(120, 30);
    rig
}

fn gone() -> StoreError {
    StoreError::Connect {
        message: "nothing answers".to_owned(),
        hint: None,
    }
}

/// The store answers nothing of what it was asked.
fn refuse(rig: &mut Rig) {
    for effect in std::mem::take(&mut rig.effects) {
        let (generation, answer) = match effect {
            Effect::Page(to, _) => (to, Answer::PageEnd(Err(gone()), Duration::ZERO)),
            Effect::Histogram(to, _) => (to, Answer::CountsEnd(Err(gone()))),
            Effect::Count(to, _) => (to, Answer::Count(Err(gone()))),
            Effect::Span(to) => (to, Answer::Span(Err(gone()))),
            Effect::Tail(to, _) => (to, Answer::TailEnd(Err(gone()))),
            Effect::Facet(to, _) => (to, Answer::FacetEnd(Err(gone()))),
            Effect::Usage(to, _) => (to, Answer::UsageEnd(Err(gone()))),
            Effect::Contrast(to, _) => (to, Answer::ContrastEnd(Err(gone()))),
            Effect::Inquiry(Wanted::Count(to, _)) => {
                (to, Answer::Inquiry(Told::Counted(Err(gone()))))
            }
            _ => continue,
        };
        rig.tell(Msg::Answer(generation, answer));
    }
}

/// The store answers again.
fn come_back(rig: &mut Rig) {
    rig.silent = false;
    rig.effects.clear();
    let (generation, _) = rig.watch.take().expect("a wait for the store");
    rig.tell(Msg::Waited(generation));
    rig.complete_to(1);
}

/// The line of the tail is cut.
fn break_off(rig: &mut Rig) {
    let tail = rig.app.question.tail;
    rig.tell(Msg::Answer(tail, Answer::TailEnd(Err(gone()))));
}

#[test]
fn a_question_asked_of_a_store_that_is_gone_is_answered_when_it_is_back() {
    let mut rig = rig();
    rig.silent = true;
    rig.effects.clear();
    rig.press("f 'user:mallory' enter");
    for attempt in 1..4 {
        refuse(&mut rig);
        let Live::Reconnecting { attempt: now, .. } = rig.app.live else {
            panic!("{:?}", rig.app.live);
        };
        assert_eq!(now, attempt);
        let (generation, after) = rig.watch.expect("a wait for the store");
        assert_eq!(after, Duration::from_secs(1 << (attempt - 1)));
        rig.tell(Msg::Waited(generation));
    }
    refuse(&mut rig);
    assert_eq!(rig.app.question.paging, Paging::Failed);
    assert!(matches!(rig.app.histogram.counting, Counting::Failed(_)));
    come_back(&mut rig);
    assert_eq!((&rig.app.live, rig.app.timeline.len()), (&Live::On, 150));
    assert_eq!(rig.app.histogram.counting, Counting::Done);
    assert!(!rig.app.shows_previous());
}

#[test]
fn what_somebody_has_stopped_stays_so() {
    let mut rig = rig();
    rig.silent = true;
    rig.press("f 'user:mallory' enter ctrl-c");
    assert_eq!(rig.app.histogram.counting, Counting::Stopped);
    refuse(&mut rig);
    come_back(&mut rig);
    assert_eq!(rig.app.histogram.counting, Counting::Stopped);
    assert_eq!(rig.app.question.count, None);
}

#[test]
fn what_a_tail_tells_again_is_not_counted_again() {
    let mut rig = rig();
    let asked = rig.app.question.histogram;
    rig.silent = true;
    break_off(&mut rig);
    come_back(&mut rig);
    // Numbers that are there are asked for anew: what was told twice is in them twice.
    assert_ne!(rig.app.question.histogram, asked);
    assert_eq!(rig.app.histogram.counting, Counting::Done);
}

#[test]
fn nobody_waits_to_follow_a_question_that_has_ended() {
    let mut rig = rig();
    rig.silent = true;
    break_off(&mut rig);
    let (waiting, _) = rig.watch.expect("a wait for the store");
    rig.press("f 'until:2020-01-01' enter");
    assert_eq!(rig.app.live, Live::Off);
    rig.effects.clear();
    rig.tell(Msg::Waited(waiting));
    let tails = |effect: &&Effect| matches!(effect, Effect::Tail(..));
    assert_eq!(rig.effects.iter().filter(tails).count(), 0);
}

#[test]
fn facets_and_reports_are_asked_again() {
    let mut rig = rig();
    rig.press("s");
    rig.silent = true;
    rig.effects.clear();
    rig.press("f5");
    refuse(&mut rig);
    for _ in 0..2 * rig.app.facets.list.len() {
        rig.lay(120, 30);
        refuse(&mut rig);
    }
    rig.app.facets.list[0].state = Counted::Failed("nothing answers".to_owned());
    come_back(&mut rig);
    assert_ne!(
        rig.app.facets.list[0].state,
        Counted::Failed("nothing answers".to_owned())
    );
    rig.press("esc 2");
    for section in &mut rig.app.usage.sections {
        section.state = State::Failed(gone());
    }
    rig.silent = true;
    break_off(&mut rig);
    come_back(&mut rig);
    let failed = |section: &&usage::Section| matches!(section.state, State::Failed(_));
    assert_eq!(rig.app.usage.sections.iter().filter(failed).count(), 0);
}

#[test]
fn a_comparison_and_a_panel_say_what_happened_and_go_on() {
    let mut rig = rig();
    rig.press("b e");
    rig.silent = true;
    rig.effects.clear();
    rig.press("d");
    refuse(&mut rig);
    let state = |rig: &Rig| rig.app.contrast.as_ref().map(|one| one.state.clone());
    assert!(matches!(state(&rig), Some(Comparing::Failed(_))));
    break_off(&mut rig);
    come_back(&mut rig);
    assert!(matches!(state(&rig), Some(Comparing::Whole)));

    rig.silent = true;
    rig.effects.clear();
    rig.press("esc esc esc u");
    refuse(&mut rig);
    let lines = |rig: &Rig| {
        let Some(Overlay::Panel(panel)) = rig.app.overlays.last() else {
            panic!("{:?}", rig.app.overlays);
        };
        assert!(matches!(**panel, Panel::List(_)));
        let rows = &panel.sheet().expect("lines").rows;
        let lines = rows
            .iter()
            .map(|row| format!("{}: {}", row.label, row.text));
        lines.collect::<Vec<_>>()
    };
    // No zeros where nothing is known.
    let said = lines(&rig);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].starts_with("not all is known: nothing answers"),
        "{said:?}"
    );
    break_off(&mut rig);
    come_back(&mut rig);
    let said = lines(&rig);
    assert!(
        said.iter().any(|line| line.starts_with("did: ")),
        "{said:?}"
    );
    assert!(!said[0].starts_with("not all is known"), "{said:?}");
}
