//! Frames of the Usage tab, and of the histogram with its brush.

use std::sync::Arc;

use crate::app::App;
use crate::app::rig::{Rig, event, settings};
use crate::core::event::Event;
use crate::core::group::Groups;
use crate::ui::tests::{frame, snapshot, text, theme};

/// A quarter of work by seven users; one of them fails now and then.
fn quarter() -> Rig {
    let events = (0..240).rev().map(|n| {
        let user = format!("user-{}@example.com", n % 7);
        let method = ["Describe", "Delete", "Resize"][usize::try_from(n % 11 % 3).expect("small")];
        let code = if n % 21 == 0 { 7 } else { 0 };
        event(240 - n, -(n * n * 130 + 60), &user, method, code)
    });
    Rig::new(events.collect())
}

#[test]
fn usage_of_a_quarter_and_of_nothing() {
    snapshot("usage", || {
        let mut rig = quarter();
        rig.press("2");
        rig
    });
    snapshot("usage_below", || {
        let mut rig = quarter();
        rig.press("2");
        let _ = frame(&mut rig, &theme(), (80, 24));
        rig.press("tab tab tab tab tab tab tab");
        rig
    });
    snapshot("usage_filtered", || {
        let mut rig = quarter();
        rig.press("2 f 'is:error' enter");
        rig
    });
    snapshot("usage_by_group", || {
        let table = b"user-0@example.com,ops\nuser-1@example.com,ops\nuser-2@example.com,on call\n";
        let groups = Groups::parse(table, "groups.csv").expect("a table");
        let mut settings = settings();
        settings.groups = Some(Arc::new(groups));
        let mut rig = Rig::of(App::new(settings), quarter().events);
        rig.press("2 o");
        rig
    });
    snapshot("usage_of_nothing", || {
        let mut rig = Rig::new(Vec::new());
        rig.press("2");
        rig
    });
}

/// Ten hours of everyday work, and in the seventh a script that deletes in one namespace.
fn spiky() -> Rig {
    let ordinary = (0..600).map(|n| {
        let user = ["alice", "bob", "ci-bot"][usize::try_from(n * 7 % 3).expect("small")];
        let method =
            ["Describe", "Delete", "Resize"][usize::try_from(n * 5 % 11 % 3).expect("small")];
        event(
            n,
            (n - 600) * 60,
            user,
            method,
            if n % 21 == 0 { 7 } else { 0 },
        )
    });
    let script = (0..500).map(|n| {
        let code = if n % 3 == 0 { 7 } else { 0 };
        event(1_000 + n, -4 * 3_600 + n * 5, "script", "Delete", code)
    });
    let mut events: Vec<_> = ordinary.chain(script).collect();
    events.sort_by_key(Event::at);
    Rig::new(events)
}

#[test]
fn the_brush_and_what_is_different_under_it() {
    let laid = |keys: &str, size| {
        let mut rig = spiky();
        let _ = frame(&mut rig, &theme(), size);
        rig.press("f 'since:-12h' enter").pause();
        let _ = frame(&mut rig, &theme(), size);
        rig.press(keys);
        rig
    };
    for (name, keys) in [
        ("brush", "b h h"),
        ("brush_down", "b e"),
        ("different", "b e d"),
        // At either width the stretch is one of the last two hours, the spike four hours ago.
        ("different_nowhere", "b h h space h h h d"),
    ] {
        for size in [(80, 24), (120, 40)] {
            let mut rig = laid(keys, size);
            let terminal = frame(&mut rig, &theme(), size);
            let shown = text(terminal.backend().buffer());
            let is_nowhere = shown.contains("nothing is different here");
            assert_eq!(is_nowhere, name == "different_nowhere", "{size:?}");
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown);
        }
    }
}
