//! Columns that are chosen, moved, read from names, and what they say.

use crate::app::columns::Cell;
use crate::app::rig::{NOW, Rig, event, events, record, settings};
use crate::app::view::{Opening, View};
use crate::app::{App, Msg, Overlay};
use crate::core::instant::At;
use crate::store::Change;

fn named(names: &[&str]) -> View {
    View {
        columns: names.iter().map(|name| (*name).to_owned()).collect(),
        ..View::default()
    }
}

/// A screen that opens with these columns.
fn opened(names: &[&str]) -> Rig {
    let mut settings = settings();
    settings.opening = Opening {
        view: named(names),
        words: settings.opening.words,
        ..Opening::default()
    };
    Rig::of(App::new(settings), events(40))
}

fn told(rig: &Rig) -> String {
    let all = rig.app.notices.all();
    let texts = all.map(|notice| format!("{} · {:?}", notice.text, notice.hint));
    texts.collect::<Vec<_>>().join("; ")
}

fn names(rig: &Rig) -> Vec<String> {
    rig.app.view().columns
}

/// What the columns say of the selected event.
fn said(rig: &Rig) -> Vec<Cell> {
    let event = rig.app.timeline.selected().expect("an event");
    rig.app.columns.cells(event)
}

fn says(text: &str) -> Cell {
    Cell::Says(text.to_owned())
}

#[test]
fn columns_are_put_on_moved_and_taken_off() {
    let mut rig = Rig::new(events(40));
    assert!(names(&rig).is_empty());
    rig.press("C 'kind' enter");
    let usual = ["at", "outcome", "user", "action", "resource"];
    assert_eq!(names(&rig), [&usual[..], &["kind"]].concat());
    // The cursor stays with what it has changed.
    rig.press("< <");
    assert_eq!(names(&rig)[3..], ["kind", "action", "resource"]);
    rig.press("> enter");
    assert!(names(&rig).is_empty(), "these are those that nobody chose");
    rig.press("> esc");
    assert!(told(&rig).contains("kind is not on"), "{}", told(&rig));
    assert!(rig.app.overlays.is_empty());

    rig.press("C enter enter");
    assert_eq!(names(&rig), ["outcome", "user", "action", "resource", "at"]);
    rig.press("ctrl-r");
    assert!(names(&rig).is_empty());
    rig.press("enter esc C enter esc C enter esc C enter esc");
    assert_eq!(names(&rig), ["resource"]);
    rig.press("C enter");
    assert_eq!(names(&rig), ["resource"]);
    assert!(
        told(&rig).contains("a list needs a column"),
        "{}",
        told(&rig)
    );
}

#[test]
fn a_path_is_typed_and_says_what_the_record_does() {
    let mut rig = Rig::new(events(40));
    rig.press("C '.details.request_resources' enter esc");
    let all = names(&rig);
    assert_eq!(
        all.last().map(String::as_str),
        Some(".details.request_resources")
    );
    let Some(Cell::Says(last)) = said(&rig).pop() else {
        panic!("{:?}", said(&rig));
    };
    assert_eq!(last, r#"{"id":"prod-7/ns2/pod-40","type_url":"k8s.Pod"}"#);
    let widest = rig.app.columns.chosen().last().map(|one| one.widest);
    assert_eq!(widest, Some(last.len()));
    // What arrives is measured, too.
    let long =
        r#"{"request_resources":[{"id":"a very long name of a resource","type_url":"k8s.Pod"}]}"#;
    rig.arrive(Change::New, vec![record(41, At::Instant(NOW), long)]);
    let widest = rig.app.columns.chosen().last().map(|one| one.widest);
    assert_eq!(widest, Some(60));
}

#[test]
fn what_is_not_known_is_not_absent() {
    let mut rig = opened(&["user", "status", ".details.status.code", ".details.nope"]);
    let pod = Cell::Says("7".to_owned());
    rig.press("E");
    assert_eq!(said(&rig)[2..], [pod, Cell::Absent]);
    assert!(
        told(&rig).contains("no sampled event has `.details.nope`"),
        "{}",
        told(&rig)
    );
    // Of a long record the list holds the beginning only; fields are known all the same.
    let long = format!(
        r#"{{"user_name":"alice","status":{{"code":7}},"more":"{}"}}"#,
        "x".repeat(20_000)
    );
    rig.press("G");
    rig.arrive(Change::New, vec![record(41, At::Instant(NOW), &long)]);
    let cells = said(&rig);
    assert_eq!((&cells[0], &cells[2]), (&says("alice"), &Cell::Unread));
}

#[test]
fn a_name_that_means_nothing_is_told_as_in_print() {
    let mut rig = opened(&["at", "usr"]);
    assert_eq!(
        said(&rig),
        [says("2026-01-15T12:04:04.000000Z"), Cell::Meaningless]
    );
    let expected = "there is no field `usr` · Some(\"did you mean `user`?\")";
    assert!(told(&rig).contains(expected), "{}", told(&rig));
    // A path that no sampled event has can be put on all the same.
    rig.press("C '.details.user_nam' down enter esc");
    assert_eq!(names(&rig), ["at", "usr", ".details.user_nam"]);
    rig.press("C '.details.user_nam' down enter esc");
    // It stays what was asked for, and can be taken off.
    assert_eq!(names(&rig), ["at", "usr"]);
    rig.press("C 'usr' enter esc");
    assert_eq!(names(&rig), ["at"]);
    rig.press("C 'usr'");
    let Some(Overlay::Columns(chooser)) = rig.app.overlays.last() else {
        panic!("{:?}", rig.app.overlays);
    };
    let mistake = chooser.mistake.clone().unwrap_or_default();
    assert!(mistake.contains("did you mean `user`?"), "{mistake}");
}

#[test]
fn a_name_that_only_the_records_have_waits_for_them() {
    let mut rig = opened(&["details.user_name"]);
    assert_eq!(said(&rig), [says("bob")]);
    assert!(told(&rig).is_empty(), "{}", told(&rig));
    // A view without columns has those of every list.
    rig.tell(Msg::Views(
        vec![crate::app::view::Named {
            name: "plain".to_owned(),
            view: named(&[]),
        }],
        None,
    ));
    rig.press("v enter");
    assert!(names(&rig).is_empty());
    rig.arrive(Change::New, vec![event(50, 0, "zoe", "Login", 0)]);
    assert!(rig.app.columns.chosen().is_empty());
}

#[test]
fn the_usual_columns_are_no_choice_whatever_they_are_called() {
    let rig = opened(&["at", "outcome", "actor", "action", "resource"]);
    assert!(names(&rig).is_empty());
    let rig = opened(&["at", "outcome", "actor", "resource", "action"]);
    assert_eq!(names(&rig).len(), 5);
}
