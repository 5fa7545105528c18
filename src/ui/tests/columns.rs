//! The list with chosen columns, and choosing them, as a terminal would show them.

use super::{lines, pressed, snapshot};
use crate::app::App;
use crate::app::rig::{NOW, Rig, events, record, settings};
use crate::core::instant::At;
use crate::store::Change;

/// The demo's events with one that is too long for the list.
fn with_columns(keys: &str) -> Rig {
    let names = [
        "at",
        ".details.status.code",
        "user",
        ".details.request_resources.type_url",
        "usr",
        "outcome",
        "action",
    ];
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let mut settings = settings();
    settings.opening.view.columns = names;
    let mut rig = Rig::of(App::new(settings), events(60));
    let long = format!(
        r#"{{"user_name":"zoe\u001b[2J","method_name":"Login","note":"{}"}}"#,
        "x".repeat(20_000)
    );
    let long = record(99, At::Instant(NOW), &long);
    rig.arrive(Change::New, vec![long]);
    rig.press("k").press(keys);
    rig
}

#[test]
fn chosen_columns_and_the_list_to_choose_from() {
    snapshot("columns", || with_columns(""));
    snapshot("columns_chooser", || with_columns("C down down >"));
    snapshot("columns_usual", || pressed(60, "C"));
    snapshot("columns_typed", || pressed(60, "C 'status'"));
    snapshot("columns_mistyped", || pressed(60, "C 'usrx'"));
}

#[test]
fn columns_without_room_are_counted() {
    let mut rig = with_columns("");
    let shown = lines(&mut rig, (40, 10));
    assert!(shown[1].ends_with("+2 more"), "{shown:?}");
    let shown = lines(&mut rig, (120, 40));
    assert!(!shown.join("\n").contains(" more"), "{shown:?}");
}
