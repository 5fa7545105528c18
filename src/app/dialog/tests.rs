//! The dialog and the archives, keys in and state out.

use std::collections::BTreeSet;

use super::*;
use crate::app::archives::Whose;
use crate::app::command::{COMMANDS, Scope};
use crate::app::dialog::steps::Line;
use crate::app::rig::purge::{broken, facts, history, known, not_allowed};
use crate::app::rig::{NOW, Rig};
use crate::app::work::{Outcome, Task, Tidings};
use crate::app::{App, Effect};
use crate::purge::halt::Going;
use crate::purge::restore::RestoreReport;
use crate::store::StoreError;

const PHRASE: &str = "'delete 60 rows from public.audit_events' enter";

fn dialog(app: &App) -> &Dialog {
    app.dialog.as_ref().expect("a dialog")
}

fn opened() -> Rig {
    let mut rig = Rig::new(history(40));
    rig.press("P");
    rig
}

fn at_place() -> Rig {
    let mut rig = opened();
    rig.press("enter");
    rig
}

fn confirmed_before() -> Rig {
    let mut rig = Rig::new(history(40));
    rig.known = vec![known("old", Phase::Deleting)];
    rig.press("3 p");
    rig
}

fn in_archives() -> Rig {
    let mut rig = Rig::new(history(40));
    rig.known = vec![
        known("old", Phase::Verified),
        known("done", Phase::Complete),
        broken(),
    ];
    rig.press("3");
    rig
}

fn failed() -> Rig {
    let mut rig = at_place();
    rig.press("enter");
    rig.job().expect("a backup");
    let stopped = Fault::Stopped {
        because: "asked to stop".to_owned(),
    };
    rig.end_with(Some(facts("new", Phase::Planned)), stopped);
    rig
}

fn role_asked() -> Rig {
    let mut rig = Rig::at_confirmation();
    rig.press(PHRASE);
    rig.job().expect("a deletion");
    rig.end_with(Some(facts("new", Phase::Confirmed)), not_allowed());
    rig
}

#[test]
fn the_dialog_suggests_ninety_days_and_nothing_goes_without_a_survey() {
    let mut rig = opened();
    assert_eq!(dialog(&rig.app).cutoff.value(), "90d");
    let Surveying::Done(plan, sights) = &dialog(&rig.app).surveying else {
        panic!("{:?}", dialog(&rig.app).surveying);
    };
    assert_eq!(plan.survey.selected, 10);
    let oldest = sights.oldest.as_ref().expect("a row");
    assert_eq!(oldest.words, "bob  DeletePod  prod-7/ns2/pod-1");
    assert_eq!(oldest.at, plan.survey.oldest);
    // Another cutoff has to be counted before it is gone on with.
    rig.press("ctrl-u '30d'");
    assert!(!rig.app.is_surveyed());
    rig.press("enter");
    assert_eq!(dialog(&rig.app).step, Step::Scope);
    assert!(rig.app.is_surveyed());
    rig.press("enter");
    assert_eq!(dialog(&rig.app).step, Step::Place);
    assert_eq!(dialog(&rig.app).place.value(), "/srv/purge-audit_events");
}

#[test]
fn a_scope_that_means_nothing_or_takes_nothing_goes_no_further() {
    let mut rig = opened();
    rig.press("ctrl-u '90x' enter");
    assert!(matches!(dialog(&rig.app).surveying, Surveying::Failed(_)));
    rig.press("enter");
    assert_eq!(dialog(&rig.app).step, Step::Scope);
    rig.press("ctrl-u '900d' enter enter");
    assert_eq!(dialog(&rig.app).step, Step::Scope);
    assert!(dialog(&rig.app).fault.is_some());
    rig.press("tab 'usr:alice'");
    assert_eq!(dialog(&rig.app).doubts.len(), 1);
}

#[test]
fn the_filter_of_the_list_is_an_option() {
    let mut rig = Rig::new(history(40));
    rig.press("f 'user:alice' enter P");
    assert_eq!(dialog(&rig.app).filter.value(), "");
    rig.press("ctrl-r tab 'action:Login' enter");
    let plan = dialog(&rig.app).plan().expect("a plan");
    assert_eq!(plan.scope.filter, "user:alice");
    assert_eq!(plan.scope.keep, ["action:Login"]);
}

#[test]
fn a_backup_is_begun_where_it_was_typed_and_leads_to_the_confirmation() {
    let mut rig = at_place();
    rig.press("ctrl-u '/srv/other' enter");
    let job = rig.job().expect("work");
    assert_eq!(job.at.to_str(), Some("/srv/other"));
    assert!(matches!(job.task, Task::Begin(_)));
    rig.progress(Progress::BackingUp {
        rows: 30,
        left: 0,
        of: 60,
        segments: 1,
        bytes: 9_000,
    });
    assert_eq!(dialog(&rig.app).step, Step::BackUp);
    rig.progress(Progress::BackedUp {
        rows: 60,
        root: String::new(),
    });
    assert_eq!(dialog(&rig.app).step, Step::Verify);
    rig.end(facts("other", Phase::Verified));
    assert_eq!(dialog(&rig.app).step, Step::Delete);
    assert_eq!(rig.app.dialog_line(), Some(Line::Phrase));
}

#[test]
fn no_single_key_reaches_the_deletion() {
    type Make = fn() -> Rig;
    let places: [Make; 8] = [
        opened,
        at_place,
        Rig::at_confirmation,
        confirmed_before,
        role_asked,
        failed,
        in_archives,
        || Rig::new(history(40)),
    ];
    let keys: BTreeSet<&str> = COMMANDS
        .iter()
        .flat_map(|command| command.keys)
        .copied()
        .chain(["y", "d"])
        .collect();
    for make in places {
        for key in &keys {
            let mut rig = make();
            rig.press(key);
            assert!(!rig.deletes(), "{key}: {:?}", rig.effects);
        }
        // Nor does anything that the palette offers.
        for command in COMMANDS.iter().filter(|c| c.scope != Scope::Line) {
            let mut rig = make();
            let effects = rig.app.act(command.action);
            rig.run(effects);
            assert!(!rig.deletes(), "{}", command.id);
        }
    }
    // Nor does a habit of pressing Enter.
    let mut rig = Rig::new(history(40));
    rig.press("P enter enter enter enter enter");
    assert!(!rig.deletes());
    let mut rig = Rig::at_confirmation();
    rig.press("enter enter enter");
    assert!(!rig.deletes());
    let mut rig = Rig::at_confirmation();
    rig.press("'delete 6 rows from public.audit_events' enter");
    assert!(!rig.deletes());
    assert!(dialog(&rig.app).fault.is_some());
    rig.press("ctrl-u").press(PHRASE);
    let job = rig.job().expect("a deletion");
    let Task::Delete { typed, as_whom } = job.task else {
        panic!("{job:?}");
    };
    assert_eq!(
        typed.as_deref(),
        Some("delete 60 rows from public.audit_events")
    );
    assert_eq!(as_whom, None);
}

#[test]
fn a_deletion_that_was_confirmed_goes_on_by_a_word() {
    let mut rig = confirmed_before();
    assert_eq!(dialog(&rig.app).demanded(), Some(GO_ON));
    assert!(rig.job().is_none());
    rig.press("'go on' enter");
    let job = rig.job().expect("a deletion");
    assert!(matches!(job.task, Task::Delete { typed: None, .. }));
}

#[test]
fn another_role_is_asked_for_only_when_this_one_may_not() {
    let mut rig = Rig::at_confirmation();
    rig.press(PHRASE);
    assert_eq!(rig.app.dialog_line(), None);
    rig = role_asked();
    assert_eq!(rig.app.dialog_line(), Some(Line::Role));
    rig.press("enter ctrl-u enter");
    assert!(rig.job().is_none(), "{:?}", rig.effects);
    // Without another role one is back at the phrase.
    rig.press("backtab");
    assert_eq!(rig.app.dialog_line(), Some(Line::Phrase));
    rig = role_asked();
    rig.press("ctrl-u 'postgres://purger:hunter2@db/x' enter");
    assert!(!format!("{:?} {:?}", rig.effects, rig.app).contains("hunter2"));
    let Some(Task::Delete { typed, as_whom }) = rig.job().map(|job| job.task) else {
        panic!("{:?}", rig.effects);
    };
    assert_eq!(typed, None);
    let as_whom = as_whom.expect("a role");
    assert_eq!(as_whom.expose(), "postgres://purger:hunter2@db/x");
    // One that cannot log in is there to be mended, and not tried again by Enter alone.
    let fault = Fault::Store(StoreError::Connect {
        message: "nothing answers".to_owned(),
        hint: None,
    });
    rig.end_with(Some(facts("new", Phase::Confirmed)), fault);
    assert_eq!(rig.app.dialog_line(), Some(Line::Role));
    rig.press("enter");
    assert!(rig.job().is_none());
    rig.press("backspace 'y' enter");
    let Some(Task::Delete { as_whom, .. }) = rig.job().map(|job| job.task) else {
        panic!("{:?}", rig.effects);
    };
    let as_whom = as_whom.expect("a role");
    assert_eq!(as_whom.expose(), "postgres://purger:hunter2@db/y");
}

#[test]
fn leaving_and_coming_back_finds_the_step_that_was_left() {
    let mut rig = at_place();
    rig.press("ctrl-u '/srv/mine' esc");
    assert_eq!(rig.app.page, Page::Events);
    rig.press("P");
    assert_eq!(dialog(&rig.app).place.value(), "/srv/mine");
    let mut rig = Rig::deleting();
    rig.press("esc j");
    assert_eq!(rig.app.page, Page::Events);
    // Nobody quits a deletion by habit.
    rig.press("q");
    assert!(
        !rig.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Quit))
    );
    rig.end(facts("new", Phase::Complete));
    assert!(rig.app.notices.current().is_some());
    rig.press("P");
    assert_eq!(dialog(&rig.app).step, Step::Receipt);
    rig.press("enter");
    assert_eq!(rig.app.page, Page::Events);
    assert!(rig.app.dialog.is_none());
}

#[test]
fn an_unfinished_purge_is_offered() {
    let mut rig = Rig::new(history(40));
    rig.known = vec![known("old", Phase::Planned)];
    rig.press("P");
    assert!(dialog(&rig.app).offer.is_some());
    rig.press("ctrl-o");
    let job = rig.job().expect("work");
    assert_eq!(job.at.to_str(), Some("/srv/old"));
    assert!(matches!(job.task, Task::GoOn));
    assert_eq!(dialog(&rig.app).step, Step::BackUp);
    rig.end(facts("old", Phase::Verified));
    rig.press("esc");
    assert_eq!(rig.app.page, Page::Events);
    // One that is found at the place that was typed, too.
    let mut rig = at_place();
    rig.press("enter");
    rig.job().expect("work");
    rig.hear(Tidings::Found(
        facts("old", Phase::Verified),
        Whose::ThisStore,
    ));
    assert_eq!(rig.app.dialog_line(), Some(Line::Place));
    rig.press("ctrl-o");
    assert_eq!(rig.app.dialog_line(), Some(Line::Phrase));
    // One of another store is no offer.
    let mut rig = at_place();
    rig.press("enter");
    rig.hear(Tidings::Found(
        facts("old", Phase::Verified),
        Whose::Another,
    ));
    assert!(dialog(&rig.app).offer.is_none() && dialog(&rig.app).fault.is_some());
    rig.press("ctrl-o");
    assert_eq!(rig.app.dialog_line(), Some(Line::Place));
    // Nor is a finished one.
    let mut rig = at_place();
    rig.press("enter");
    rig.hear(Tidings::Found(
        facts("old", Phase::Complete),
        Whose::ThisStore,
    ));
    assert!(dialog(&rig.app).offer.is_none() && dialog(&rig.app).fault.is_some());
}

#[test]
fn a_deletion_pauses_goes_on_and_stops() {
    let mut rig = Rig::deleting();
    rig.effects.clear();
    rig.press("space space ctrl-c");
    let told: Vec<_> = rig.effects.iter().map(|e| format!("{e:?}")).collect();
    assert_eq!(told, ["Pause(Paused)", "Pause(On)", "StopWork"]);
    let stopped = Fault::Stopped {
        because: "asked to stop".to_owned(),
    };
    rig.end_with(Some(facts("new", Phase::Deleting)), stopped);
    assert_eq!(dialog(&rig.app).demanded(), Some(GO_ON));
    // Nothing is left to stop: the next one quits.
    rig.press("ctrl-c");
    assert!(matches!(rig.effects.last(), Some(Effect::Quit)));
    assert_eq!(format!("{:?}", Going::On), "On");
}

#[test]
fn a_backup_that_failed_has_another_try() {
    let mut rig = failed();
    assert_eq!(dialog(&rig.app).step, Step::BackUp);
    rig.press("enter");
    assert!(matches!(rig.job().map(|job| job.task), Some(Task::GoOn)));
    // Where nothing was written, the place is asked for again.
    let mut rig = at_place();
    rig.press("enter");
    rig.end_with(None, Fault::refused("it is not empty", "another one"));
    assert_eq!(rig.app.dialog_line(), Some(Line::Place));
    assert!(dialog(&rig.app).fault.is_some());
}

#[test]
fn the_rest_is_told_after_a_second_and_by_what_is_under_way() {
    let mut rig = at_place();
    rig.press("enter");
    let backing_up = |rows| Progress::BackingUp {
        rows,
        left: 0,
        of: 60,
        segments: 1,
        bytes: 0,
    };
    rig.progress(backing_up(10));
    let left = |rig: &Rig| {
        let work = rig.app.work.as_ref().expect("work");
        work.left(work.rows().expect("rows"), rig.app.clock())
    };
    assert_eq!(left(&rig), None);
    rig.later(4).progress(backing_up(20));
    assert_eq!(left(&rig), Some(8 * Micros::SECOND));
    rig.progress(Progress::Verifying { rows: 1, of: 60 });
    assert_eq!(left(&rig), None);
    assert!(rig.app.clock() > NOW);
}

#[test]
fn archives_are_verified_restored_and_forgotten() {
    let mut rig = in_archives();
    rig.press("j v");
    let job = rig.job().expect("work");
    assert_eq!(job.at.to_str(), Some("/srv/done"));
    assert!(matches!(job.task, Task::Verify));
    // One at a time.
    rig.press("v r");
    assert!(rig.job().is_none() && rig.app.archives.asking.is_none());
    rig.end(facts("done", Phase::Complete));
    rig.press("r ctrl-u 'postgres://u:hunter2@db/x' enter");
    assert!(!format!("{:?} {:?}", rig.effects, rig.app).contains("hunter2"));
    let Some(Task::Restore { into }) = rig.job().map(|job| job.task) else {
        panic!("{:?}", rig.effects);
    };
    assert_eq!(into.expose(), "postgres://u:hunter2@db/x");
    let report = RestoreReport {
        archived: 60,
        inserted: 59,
        equal: 1,
        ..RestoreReport::default()
    };
    let restored = Ok(Outcome::Restored(report));
    rig.hear(Tidings::Ended(
        Some(facts("done", Phase::Complete)),
        restored,
    ));
    assert!(rig.app.archives.said.is_some());
    rig.press("G x");
    assert!(matches!(rig.effects.last(), Some(Effect::Forget(path)) if path.ends_with("broken")));
    assert_eq!(rig.app.archives.known.as_ref().map(Vec::len), Some(2));
    // What cannot be read can be neither verified nor gone on with.
    rig = in_archives();
    rig.press("G v p r");
    assert!(rig.job().is_none() && rig.app.archives.asking.is_none());
    rig.press("esc");
    assert_eq!(rig.app.page, Page::Events);
}
