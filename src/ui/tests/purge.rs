//! Frames of the purge dialog and the archives.

use super::{frame, text, theme};
use crate::app::Msg;
use crate::app::archives::Whose;
use crate::app::rig::Rig;
use crate::app::rig::purge::{broken, facts, history, known, not_allowed};
use crate::app::work::{Outcome, Tidings};
use crate::purge::dossier::Phase;
use crate::purge::fault::Fault;
use crate::purge::progress::Progress;
use crate::purge::restore::RestoreReport;
use crate::ui::theme::Glyphs;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

/// A name and how to get there.
type State = (&'static str, fn() -> Rig);

/// Every state worth a look, by name.
const STATES: [State; 17] = [
    ("scope", || with(Vec::new(), "P")),
    ("scope_typed", || {
        with(Vec::new(), "P ctrl-u '30d' tab 'usr:alice'")
    }),
    ("scope_failed", || with(Vec::new(), "P ctrl-u '90x' enter")),
    ("scope_offer", || {
        let rig = with(vec![known("old", Phase::Verified)], "");
        pressed(rig, "f 'user:alice' enter P")
    }),
    ("place", || with(Vec::new(), "P enter")),
    ("place_found", || {
        let mut rig = with(Vec::new(), "P enter enter");
        rig.hear(Tidings::Found(
            facts("old", Phase::Deleting),
            Whose::ThisStore,
        ));
        rig
    }),
    ("backing_up", || {
        let mut rig = with(Vec::new(), "P enter enter");
        let backing_up = |rows| Progress::BackingUp {
            rows,
            left: 2,
            of: 60,
            segments: 1,
            bytes: 9_000,
        };
        rig.progress(backing_up(8)).later(4);
        rig.progress(backing_up(28));
        let text = "this machine's clock and the server's differ by 90 s; the server's decides";
        rig.progress(Progress::Note {
            text: text.to_owned(),
        });
        rig
    }),
    ("backup_failed", || {
        let mut rig = with(Vec::new(), "P enter enter");
        let fault = Fault::Files {
            message: "/srv/new/seg-000001.copy.zst: No space left on device (os error 28)"
                .to_owned(),
            hint: None,
        };
        rig.end_with(Some(facts("new", Phase::Planned)), fault);
        rig
    }),
    ("confirm", Rig::at_confirmation),
    ("confirm_wrong", || {
        pressed(Rig::at_confirmation(), "'yes' enter")
    }),
    ("role", || {
        let mut rig = Rig::at_confirmation();
        rig.press("'delete 60 rows from public.audit_events' enter");
        rig.end_with(Some(facts("new", Phase::Confirmed)), not_allowed());
        pressed(rig, "ctrl-u 'postgres://purger:hunter2@db/x'")
    }),
    ("deleting", Rig::deleting),
    ("paused", || pressed(Rig::deleting(), "space")),
    ("receipt", || {
        let mut rig = Rig::deleting();
        rig.end(facts("new", Phase::Complete));
        rig
    }),
    ("archives_none", || with(Vec::new(), "3")),
    ("archives", || pressed(archives(), "j")),
    ("archives_restored", || {
        let mut rig = pressed(archives(), "j r enter");
        let report = RestoreReport {
            archived: 60,
            inserted: 58,
            equal: 1,
            conflicts: vec!["17".to_owned()],
            altered: Vec::new(),
        };
        let restored = Ok(Outcome::Restored(report));
        rig.hear(Tidings::Ended(
            Some(facts("done", Phase::Complete)),
            restored,
        ));
        rig
    }),
];

/// More of the archives than is worth two frames each.
const OTHERS: [State; 3] = [
    ("archives_asking", || pressed(archives(), "j r")),
    ("archives_broken", || pressed(archives(), "G")),
    ("archives_at_work", || {
        let mut rig = pressed(archives(), "j v");
        rig.progress(Progress::Verifying { rows: 20, of: 60 });
        rig
    }),
];

fn with(known: Vec<crate::app::archives::Known>, keys: &str) -> Rig {
    let mut rig = Rig::new(history(240));
    rig.lay(78, 15);
    rig.known = known;
    pressed(rig, keys)
}

fn pressed(mut rig: Rig, keys: &str) -> Rig {
    rig.press(keys);
    rig
}

fn archives() -> Rig {
    let all = vec![
        known("old", Phase::Verified),
        known("done", Phase::Complete),
        broken(),
    ];
    with(all, "3")
}

#[test]
fn every_step_of_a_purge_and_the_archives() {
    for (name, make) in STATES {
        for size in SIZES {
            let terminal = frame(&mut make(), &theme(), size);
            let shown = text(terminal.backend().buffer());
            assert!(!shown.contains("hunter2"), "{shown}");
            insta::assert_snapshot!(format!("purge_{name}_{}x{}", size.0, size.1), shown);
        }
    }
    for (name, make) in OTHERS {
        let terminal = frame(&mut make(), &theme(), (80, 24));
        let shown = text(terminal.backend().buffer());
        insta::assert_snapshot!(format!("purge_{name}_80x24"), shown);
    }
}

#[test]
fn no_size_makes_drawing_a_purge_fail_and_ascii_is_ascii() {
    let ascii = theme().with(Glyphs::Ascii);
    for (name, make) in STATES.into_iter().chain(OTHERS) {
        for (width, height) in [
            (1, 1),
            (9, 3),
            (10, 3),
            (24, 7),
            (40, 10),
            (61, 16),
            (200, 60),
        ] {
            let mut rig = make();
            let terminal = frame(&mut rig, &ascii, (width, height));
            let shown = text(terminal.backend().buffer());
            assert!(shown.is_ascii(), "{name} {width}x{height}:\n{shown}");
            rig.tell(Msg::Disturbed);
        }
    }
}

#[test]
fn the_phrase_and_its_line_are_on_the_smallest_usual_screen() {
    for make in [Rig::at_confirmation, Rig::deleting] {
        let mut rig = make();
        let terminal = frame(&mut rig, &theme(), (80, 24));
        let shown = text(terminal.backend().buffer());
        for wanted in ["receipt", "delete"] {
            assert!(shown.contains(wanted), "{wanted}:\n{shown}");
        }
    }
    let terminal = frame(&mut Rig::at_confirmation(), &theme(), (80, 24));
    let shown = text(terminal.backend().buffer());
    assert!(
        shown.contains("delete 60 rows from public.audit_events"),
        "{shown}"
    );
}
