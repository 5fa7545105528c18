//! Keys and the mouse where something lies over the panes, or the filter means nothing.

use super::super::*;
use crate::app::command::COMMANDS;
use crate::app::rig::{Rig, events};

/// A filter that means something runs, another text that means nothing is in the line.
fn mistaken() -> Rig {
    let mut rig = Rig::new(events(40));
    rig.press("f 'user:alice' enter f ' usr:1'").pause();
    rig.press("esc esc");
    assert!(rig.app.filter.is_invalid());
    rig
}

#[test]
fn nothing_is_added_to_a_filter_that_means_nothing() {
    for keys in ["enter / 'bob' enter +", "enter / 'bob' enter -", "t"] {
        let mut rig = mistaken();
        rig.press(keys);
        let said = rig.app.notices.current().map(|notice| notice.text.clone());
        assert!(
            said.as_deref()
                .is_some_and(|said| said.starts_with("not now: the filter's text")),
            "{keys}: {said:?}"
        );
        assert_eq!(rig.app.filter.text(), "user:alice usr:1");
    }
}

#[test]
fn refreshing_asks_the_running_question_again() {
    let mut rig = mistaken();
    rig.silent = true;
    rig.press("f5");
    let asked = rig
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::Page(..)));
    assert!(asked, "{:?}", rig.effects);
    assert_eq!(rig.app.question.text, "user:alice");
    assert_eq!(rig.app.filter.text(), "user:alice usr:1");
}

#[test]
fn a_text_scrolled_to_its_end_scrolls_back_at_once() {
    let mut rig = Rig::new(events(40));
    rig.press("?");
    let reader = layout::Area {
        height: 10,
        width: 40,
        ..layout::Area::default()
    };
    rig.tell(Msg::Laid(Regions {
        reader,
        ..*rig.app.regions()
    }));
    for _ in 0..30 {
        rig.press("pgdn");
    }
    let scroll = |rig: &Rig| match rig.app.overlays.last() {
        Some(Overlay::Reader(reader)) => (reader.scroll, reader.lines.len()),
        other => panic!("{other:?}"),
    };
    let (at, lines) = scroll(&rig);
    assert_eq!(at, lines - 10, "the last line is at the bottom");
    rig.press("k");
    assert_eq!(scroll(&rig).0, at - 1);
}

#[test]
fn the_mouse_does_not_reach_behind_what_is_on_top() {
    for keys in [":", "/"] {
        let mut rig = Rig::new(events(40));
        rig.press(keys);
        let before = rig.state();
        for kind in [
            PointerKind::Click,
            PointerKind::WheelUp,
            PointerKind::WheelDown,
        ] {
            let (column, row) = (5, 10);
            rig.tell(Msg::Mouse(Pointer { column, row, kind }));
            assert_eq!(rig.state(), before, "{keys}");
        }
    }
}

#[test]
fn a_filter_left_without_enter_is_remembered() {
    let mut rig = Rig::new(events(40));
    rig.press("f 'user:alice'").pause();
    rig.press("esc esc");
    let kept = |effect: &Effect| matches!(effect, Effect::Remember(text) if text == "user:alice");
    assert_eq!(rig.app.focus, Focus::List);
    assert!(rig.effects.iter().any(kept), "{:?}", rig.effects);
}

#[test]
fn the_palette_offers_every_command() {
    let mut rig = Rig::new(events(40));
    rig.press(":");
    let Some(Overlay::Picker(picker)) = rig.app.overlays.last() else {
        panic!("{:?}", rig.app.overlays);
    };
    let offered: Vec<_> = picker
        .matches()
        .map(|(item, _)| item.label.clone())
        .collect();
    for command in COMMANDS {
        let of_a_line = matches!(
            command.scope,
            Scope::Line
                | Scope::Reader
                | Scope::Panel
                | Scope::Filter
                | Scope::Form
                | Scope::Work
                | Scope::Views
                | Scope::Columns
        );
        assert!(
            of_a_line || offered.iter().any(|label| label == command.title),
            "{}",
            command.id
        );
    }
    assert!(offered.iter().any(|label| label == "Search the history"));
}

#[test]
fn a_key_that_means_nothing_where_the_user_is_says_so() {
    for (keys, said) in [
        (
            "b /",
            "/ does nothing here (in “List and inspector”: Search",
        ),
        (
            "s n",
            "n does nothing here (in “List and inspector”: Next match",
        ),
        ("b e d tab", "Tab does nothing here (in “"),
        ("y z", "y z does nothing here"),
        ("? Q", "Q does nothing here"),
        ("s / ctrl-g", "Ctrl-g does nothing here"),
    ] {
        let mut rig = Rig::new(events(40));
        rig.press(keys);
        let shown = rig.app.notices.current().map(|notice| notice.text.clone());
        let shown = shown.unwrap_or_default();
        assert!(shown.starts_with(said), "{keys}: {shown}");
        rig.press("j");
        assert!(rig.app.notices.current().is_none(), "{keys}");
    }
}
