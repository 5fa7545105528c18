//! Keys in, a line of state out; and what must not happen whatever arrives.

mod answers;
mod brush;
mod places;
mod recovery;
mod windows;

use super::*;
use crate::app::command::COMMANDS;
use crate::app::paging::Paging;
use crate::app::rig::{Rig, events};

fn check(keys: &str, expected: &str) {
    let mut rig = Rig::new(events(40));
    rig.press(keys);
    rig.pause();
    assert_eq!(rig.state(), expected, "after {keys}");
}

#[test]
fn keys_do_what_they_say() {
    for (keys, expected) in [
        ("", "following 40/40 list"),
        ("k", "paused+0 39/40 list"),
        ("k j", "paused+0 40/40 list"),
        ("k k G", "following 40/40 list"),
        ("g g", "paused+0 1/40 list"),
        ("g x", "following 40/40 list"),
        ("space", "paused+0 40/40 list"),
        ("space space", "following 40/40 list"),
        ("pgup", "paused+0 25/40 list"),
        ("ctrl-u", "paused+0 33/40 list"),
        ("E", "paused+0 35/40 list"),
        ("E E e", "paused+0 35/40 list"),
        ("tab", "following 40/40 filter"),
        ("f 'user:alice' enter", "following 39/13 list [user:alice]"),
        ("f 'user:alice'", "following 39/13 filter [user:alice]"),
        ("f 'user:alice' enter x", "following 40/40 list"),
        ("f 'nonsense:1'", "following 40/40 filter [nonsense:1]"),
        ("f esc", "following 40/40 list"),
        ("t 'hour' enter", "following 40/40 list [since:-1h]"),
        ("t 'hour' enter t 'all' enter", "following 40/40 list"),
        ("/ 'pod-12' enter", "paused+0 12/40 list"),
        ("/ 'alice' enter n", "paused+0 36/40 list"),
        ("/ 'alice' enter n N", "paused+0 39/40 list"),
        ("?", "following 40/40 reader"),
        ("? q", "following 40/40 list"),
        (": 'follow the' enter", "following 40/40 list"),
        ("ctrl-p esc", "following 40/40 list"),
        ("enter", "following 40/40 inspector open 40@id"),
        ("enter q", "following 40/40 list"),
        ("enter backtab", "following 40/40 list open 40@id"),
        ("enter j j", "following 40/40 inspector open 40@details"),
        ("enter j j h j", "following 40/40 inspector open 40@sent"),
        (
            "enter / 'code' enter",
            "following 40/40 inspector open 40@details.status.code",
        ),
        ("enter G h h", "following 40/40 inspector open 40@sent"),
        (
            "enter / 'alice' enter",
            "following 40/40 inspector open 40@id",
        ),
        (
            "enter / 'bob' enter +",
            "following 40/14 inspector open 40@details.user_name [.details.user_name:bob]",
        ),
        (
            "enter / 'bob' enter -",
            "following 39/26 inspector open 40@details.user_name [-.details.user_name:bob]",
        ),
        (
            "f 'is:denied' enter f up",
            "following 35/5 filter [is:denied]",
        ),
        ("z", "following 40/40 list"),
    ] {
        check(keys, expected);
    }
}

#[test]
fn a_time_is_typed_where_ranges_are_on_offer() {
    for (typed, filter) in [
        ("3h", " [since:3h]"),
        ("3d", " [since:3d]"),
        ("-50m", " [since:-50m]"),
        ("7d", " [since:-7d]"),
        ("7 d", " [since:-7d]"),
        ("2020-01 .. 2030", " [at:2020-01..2030]"),
        ("2020-01..", " [at:2020-01..]"),
        ("2020-01-01 12:00..2030", " [at:2020-01-01T12:00..2030]"),
    ] {
        let keys = format!("t '{typed}' enter");
        check(&keys, &format!("following 40/40 list{filter}"));
    }
    // What means nothing stays to be mended; keys of the page below it do nothing meanwhile.
    for keys in [
        "t 'neverland' enter",
        "t '..' enter x",
        "t 'now' enter",
        "t '+3h' enter",
        "v 'x' enter",
    ] {
        let mut rig = Rig::new(events(40));
        rig.app.views.saved = vec![Named {
            name: "a".to_owned(),
            view: view::View::default(),
        }];
        rig.press(keys);
        let left = rig.app.overlays.last();
        assert!(matches!(left, Some(Overlay::Picker(_))), "{keys}");
    }
}

#[test]
fn every_action_of_the_table_can_be_reached() {
    for command in COMMANDS {
        let reachable = !command.keys.is_empty() || command.id == "app.quit";
        assert!(reachable, "{}", command.id);
        // Whatever the state: nothing panics.
        for keys in ["", "enter", "f 'x'", "?", "/ 'a'", ":"] {
            let mut rig = Rig::new(events(10));
            rig.press(keys);
            let effects = rig.app.perform(command.action);
            rig.run(effects);
        }
        let mut rig = Rig::opening(Vec::new());
        let effects = rig.app.act(command.action);
        rig.run(effects);
    }
}

#[test]
fn a_typed_filter_runs_after_a_pause_and_once() {
    let mut rig = Rig::new(events(40));
    let asked = rig.app.question.page;
    rig.press("f 'user:al");
    assert_eq!(rig.app.question.page, asked, "nothing runs while typing");
    rig.press("'ice'");
    rig.pause();
    assert_eq!(rig.state(), "following 39/13 filter [user:alice]");
    let asked = rig.app.question.page;
    rig.press("left enter");
    assert_eq!(
        rig.app.question.page, asked,
        "the same filter is not asked twice"
    );
}

#[test]
fn an_invalid_filter_keeps_the_previous_result() {
    let mut rig = Rig::new(events(40));
    rig.press("f 'user:alice' enter f ' since:2026-13-45'")
        .pause();
    assert!(rig.app.filter.is_invalid());
    assert_eq!(rig.app.timeline.len(), 13);
    rig.press("enter");
    assert_eq!(
        rig.app.focus,
        Focus::Filter,
        "an invalid filter is not accepted"
    );
}

#[test]
fn ctrl_c_stops_the_query_first_and_quits_then() {
    let mut rig = Rig::new(events(40));
    rig.silent = true;
    rig.press("f 'user:alice' enter");
    assert!(rig.app.question.is_loading());
    rig.effects.clear();
    rig.press("ctrl-c");
    assert!(
        matches!(rig.effects.as_slice(), [Effect::StopQuery]),
        "{:?}",
        rig.effects
    );
    assert!(matches!(rig.app.question.paging, Paging::Stopped(_)));
    rig.press("ctrl-c");
    assert!(matches!(rig.effects.last(), Some(Effect::Quit)));
}

#[test]
fn escape_never_quits_and_q_does_at_the_top() {
    let mut rig = Rig::new(events(3));
    rig.press("esc esc esc");
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
    rig.press("enter q");
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
    rig.press("q");
    assert!(matches!(rig.effects.as_slice(), [Effect::Quit]));
}

#[test]
fn without_a_connection_one_can_try_again_or_quit() {
    let mut rig = Rig::opening(events(3));
    rig.refuse();
    rig.effects.clear();
    rig.press("j f r");
    assert!(
        matches!(rig.effects.as_slice(), [Effect::Open(_)]),
        "{:?}",
        rig.effects
    );
    rig.refuse();
    rig.press("q");
    assert!(matches!(rig.effects.last(), Some(Effect::Quit)));
    assert!(matches!(rig.app.connection, Connection::Failed(_)));
}

#[test]
fn copying_gives_the_value_to_the_terminal() {
    for (keys, expected) in [
        ("y i", "40"),
        ("y q", "id:\"40\""),
        ("enter / 'code' enter y p", "details.status.code"),
        ("enter / 'code' enter y v", "0"),
        ("enter / 'code' enter y k", "code"),
        ("enter / 'code' enter y q", ".details.status.code:0"),
        ("enter / 'user_name' enter y j", "\"bob\""),
    ] {
        let mut rig = Rig::new(events(40));
        rig.press(keys);
        match rig.effects.as_slice() {
            [Effect::Copy(text)] => assert_eq!(text, expected, "{keys}"),
            other => panic!("{keys}: {other:?}"),
        }
    }
}

#[test]
fn pages_are_loaded_at_both_ends_by_cursor() {
    let mut rig = Rig::new(events(1_800));
    assert_eq!(rig.app.timeline.len(), 500);
    for _ in 0..34 {
        rig.press("pgup");
    }
    assert!(rig.app.timeline.len() >= 1_000);
    rig.press("g g");
    assert_eq!(
        rig.app
            .timeline
            .selected()
            .map(|e| e.id.to_string())
            .as_deref(),
        Some("1")
    );
    for _ in 0..150 {
        rig.press("pgdn");
    }
    assert_eq!(
        rig.app
            .timeline
            .selected()
            .map(|e| e.id.to_string())
            .as_deref(),
        Some("1800")
    );
    rig.press("G");
    assert_eq!(rig.state(), "following 1800/1800 list");
}

#[test]
fn suggestions_complete_names_and_values() {
    let mut rig = Rig::new(events(40));
    rig.press("f 'us' tab");
    assert_eq!(rig.app.filter.text(), "user:");
    rig.press("'ali' tab").pause();
    assert_eq!(rig.app.filter.text().trim(), "user:alice");
    assert_eq!(rig.app.timeline.len(), 13);
}

#[test]
fn pasting_types_into_lines_and_nowhere_else() {
    let mut rig = Rig::new(events(40));
    rig.tell(Msg::Paste("q".to_owned()));
    assert!(rig.effects.is_empty());
    rig.press("f");
    rig.tell(Msg::Paste("user:alice\nis:denied".to_owned()));
    assert_eq!(rig.app.filter.text(), "user:alice is:denied");
}

#[test]
fn a_paste_has_an_end() {
    let mut rig = Rig::new(events(40));
    rig.press("f 'user:' left");
    let long = "é".repeat(1_000_000);
    rig.tell(Msg::Paste(long));
    let text = rig.app.filter.text();
    assert!(text.len() <= filter_bar::LONGEST && text.len() > filter_bar::LONGEST - 4);
    assert!(
        text.starts_with("useré") && text.ends_with("é:"),
        "at the caret"
    );
    let said = rig.app.notices.current().map(|notice| notice.text.as_str());
    assert!(said.is_some_and(|said| said.contains("8 KiB")), "{said:?}");
}

#[test]
fn the_mouse_selects_and_scrolls() {
    let mut rig = Rig::new(events(40));
    rig.press("f2");
    assert!(matches!(rig.effects.as_slice(), [Effect::Mouse(Mouse::On)]));
    let at = |kind, row| Pointer {
        column: 5,
        row,
        kind,
    };
    // The list is 16 lines high from row 6 on, and the newest event stands on the last one.
    rig.tell(Msg::Mouse(at(PointerKind::Click, 6 + 15 - 4)));
    assert_eq!(rig.state(), "paused+0 36/40 list");
    rig.tell(Msg::Mouse(at(PointerKind::WheelUp, 10)));
    assert_eq!(rig.state(), "paused+0 33/40 list");
    rig.tell(Msg::Mouse(at(PointerKind::WheelDown, 10)));
    assert_eq!(rig.state(), "paused+0 36/40 list");
}

#[test]
fn filters_are_remembered_and_found_again() {
    let mut rig = Rig::new(events(40));
    rig.tell(Msg::History(vec!["is:denied".to_owned()]));
    rig.press("f 'user:alice' enter");
    assert!(matches!(rig.effects.as_slice(), [Effect::Remember(text)] if text == "user:alice"));
    rig.press("f ctrl-u ctrl-r 'den' enter enter");
    assert_eq!(rig.state(), "following 35/5 list [is:denied]");
}
