//! Frames, as a terminal would show them.

mod columns;
mod facets;
mod purge;
mod usage;
mod views;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use super::draw;
use crate::app::Msg;
use crate::app::rig::{Rig, event, events, record};
use crate::app::timeline::Gap;
use crate::core::instant::At;
use crate::store::Change;
use crate::ui::theme::load::{BUILT_IN, named};
use crate::ui::theme::{Depth, Glyphs, Theme};

const SIZES: [(u16, u16); 3] = [(40, 10), (80, 24), (120, 40)];

fn theme() -> Theme {
    named("dark").expect("built in")
}

/// Draws until pages and regions have settled.
fn frame(rig: &mut Rig, theme: &Theme, (width, height): (u16, u16)) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    for _ in 0..2 {
        let mut regions = *rig.app.regions();
        terminal
            .draw(|frame| regions = draw(frame, &rig.app, theme))
            .expect("draws");
        rig.tell(Msg::Laid(regions));
    }
    terminal
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let lines = buffer.content.chunks(width).map(|row| {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = unicode_width::UnicodeWidthStr::width(cell.symbol()).max(1);
            }
            covered -= 1;
        }
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The frames of one screen in every size.
fn snapshot(name: &str, make: impl Fn() -> Rig) {
    for size in SIZES {
        let mut rig = make();
        // The sizes of the panes decide how far keys move: lay them out first.
        let terminal = frame(&mut rig, &theme(), size);
        let shown = text(terminal.backend().buffer());
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shown);
    }
}

fn pressed(count: i64, keys: &str) -> Rig {
    let mut rig = Rig::new(events(count));
    rig.lay(78, 15);
    rig.press(keys).pause();
    rig
}

#[test]
fn the_list_empty_loading_failed_and_full() {
    snapshot("list_empty", || Rig::new(Vec::new()));
    snapshot("list_loading", || {
        let mut rig = Rig::new(events(30));
        rig.silent = true;
        rig.press("f 'user:nobody' enter");
        rig
    });
    snapshot("opening", || Rig::opening(events(30)));
    snapshot("not_connected", || {
        let mut rig = Rig::opening(events(30));
        rig.refuse();
        rig
    });
    snapshot("list_full", || pressed(200, ""));
    snapshot("list_paused", || {
        let mut rig = pressed(200, "k k k");
        rig.arrive(Change::New, vec![event(201, 0, "alice", "Login", 0)]);
        rig
    });
    snapshot("list_no_match", || pressed(200, "f 'user:zoe' enter"));
}

#[test]
fn undated_rows_gaps_and_several_days() {
    snapshot("list_undated", || {
        let mut all = events(4);
        all.push(record(90, At::Absent, r#"{"user_name":"nobody"}"#));
        all.push(event(80, -86_400, "bob", "Login", 7));
        let mut rig = Rig::new(all);
        let from = crate::app::rig::NOW.plus(-25_000_000);
        rig.app.timeline.insert_gap(Gap {
            from,
            to: from.plus(2_000_000),
            because: "the server was restarted".to_owned(),
        });
        rig
    });
}

#[test]
fn the_filter_with_suggestions_and_diagnostics() {
    snapshot("filter_suggestions", || pressed(60, "f 'us'"));
    snapshot("filter_unknown_field", || {
        pressed(60, "f 'is:error usr:alice'")
    });
    snapshot("filter_impossible_date", || {
        pressed(
            60,
            "f 'user:alice is:denied action:DeletePod since:2026-02-30'",
        )
    });
    snapshot("filter_result", || pressed(60, "f 'user:alice' enter"));
}

#[test]
fn the_inspector_open_folded_and_searched() {
    snapshot("inspector", || pressed(60, "enter j"));
    snapshot("inspector_folded", || pressed(60, "enter 2"));
    snapshot("inspector_search", || pressed(60, "enter / 'code' enter"));
    snapshot("inspector_wrapped", || {
        let long = format!(
            r#"{{"user_name":"alice","message":"{}"}}"#,
            "many words ".repeat(20)
        );
        let mut rig = Rig::new(vec![record(1, At::Instant(crate::app::rig::NOW), &long)]);
        rig.press("enter w G");
        rig
    });
    snapshot("inspector_beside_list", || pressed(60, "enter backtab k k"));
}

#[test]
fn overlays() {
    snapshot("help", || pressed(60, "?"));
    snapshot("palette", || pressed(60, ": 'time'"));
    snapshot("range", || pressed(60, "t"));
    snapshot("search_line", || pressed(60, "/ 'pod'"));
    snapshot("pending_keys", || pressed(60, "enter y"));
    snapshot("notices", || pressed(60, "y i !"));
}

#[test]
fn two_events_compared() {
    snapshot("note", || pressed(60, "k m 'ask bob'"));
    snapshot("compare", || pressed(60, "m 'ask bob' enter k k k d"));
    snapshot("compare_unchanged", || pressed(60, "m enter k k k d u"));
    snapshot("compare_nothing", || pressed(60, "D"));
    snapshot("marks", || pressed(60, "m 'ask bob' enter k k m enter M"));
    snapshot("marked", || pressed(60, "m 'ask bob' enter k k m enter k"));
}

#[test]
fn a_user_and_a_resource() {
    let all = || {
        let mut all: Vec<_> = (1..90)
            .map(|id| event(id, -id * 80_000, "alice", "DescribePod", 0))
            .collect();
        all.push(event(91, -100, "alice", "ResizeHPA", 0));
        all.push(event(92, -5, "alice", "DeletePod", 7));
        all
    };
    snapshot("dossier", || {
        let mut rig = Rig::new(all());
        rig.press("u j");
        rig
    });
    snapshot("touched", || {
        let mut rig = Rig::new(all());
        rig.press("R");
        rig
    });
}

#[test]
fn hostile_text_is_shown_and_marked() {
    let mut rig = Rig::new(vec![
        event(1, -3, "\u{1b}[2Jroot", "Login", 0),
        event(2, -2, "\u{202e}ecila", "Login", 0),
        event(3, -1, "日本語の名前", "Login", 7),
    ]);
    let terminal = frame(&mut rig, &theme(), (80, 24));
    let buffer = terminal.backend().buffer();
    let shown = text(buffer);
    assert!(shown.contains("␛[2Jroot"), "{shown}");
    assert!(shown.contains("⟨U+202E⟩ecila"), "{shown}");
    let mark = buffer.content.iter().find(|cell| cell.symbol() == "␛");
    assert_eq!(mark.map(|cell| cell.bg), Some(Color::Rgb(0xe3, 0xb3, 0x41)));
    insta::assert_snapshot!("hostile", shown);
}

#[test]
fn every_theme_draws_every_depth_and_says_the_same() {
    let mut plain = None;
    for (name, _) in BUILT_IN {
        for depth in [Depth::Sixteen, Depth::Indexed, Depth::True] {
            let theme = named(name).expect("built in").at(depth);
            let mut rig = pressed(60, "enter / 'code' enter k");
            let terminal = frame(&mut rig, &theme, (120, 40));
            let buffer = terminal.backend().buffer();
            let shown = text(buffer);
            assert_eq!(
                *plain.get_or_insert(shown.clone()),
                shown,
                "{name} {depth:?}"
            );
            for cell in &buffer.content {
                let colors = [cell.fg, cell.bg];
                let fits = colors.iter().all(|color| match (depth, color) {
                    (_, Color::Reset) => true,
                    _ if name == "mono" => false,
                    (Depth::True, _) => true,
                    (_, Color::Rgb(..)) | (Depth::Sixteen, Color::Indexed(_)) => false,
                    _ => true,
                });
                assert!(fits, "{name} {depth:?}: {colors:?}");
            }
        }
    }
}

#[test]
fn ascii_screens_hold_ascii_only() {
    let theme = theme().with(Glyphs::Ascii);
    for keys in [
        "",
        "k k",
        "enter j",
        "?",
        ": 'a'",
        "f 'us'",
        "f 'usr:x'",
        "enter y",
        "/ 'x'",
        "m enter k d",
        "u",
        "R",
        "C 'us'",
        "C enter",
    ] {
        for size in SIZES {
            let mut rig = pressed(60, keys);
            rig.arrive(
                Change::New,
                vec![event(61, 0, "日本語\u{202e}", "Login", 0)],
            );
            let terminal = frame(&mut rig, &theme, size);
            let shown = text(terminal.backend().buffer());
            assert!(shown.is_ascii(), "{keys} {size:?}:\n{shown}");
        }
    }
    let mut rig = pressed(60, "enter j");
    let terminal = frame(&mut rig, &theme, (80, 24));
    insta::assert_snapshot!("ascii", text(terminal.backend().buffer()));
}

#[test]
fn no_size_makes_drawing_fail() {
    for keys in [
        "",
        "enter",
        "?",
        ":",
        "f 'usr:alice since:x'",
        "t",
        "/ 'x'",
        "enter y",
        "enter w",
        "m 'x'",
        "m enter k d u",
        "u G",
        "R",
        "C enter",
    ] {
        for width in (1..130).step_by(7) {
            for height in [1, 2, 3, 5, 9, 14, 15, 20, 41] {
                let mut rig = pressed(20, keys);
                frame(&mut rig, &theme(), (width, height));
            }
        }
    }
    let mut rig = Rig::opening(Vec::new());
    rig.refuse();
    for size in [(1, 1), (12, 4), (33, 9), (200, 60)] {
        frame(&mut rig, &theme(), size);
    }
}

/// What the screen shows for a rig, line by line.
fn lines(rig: &mut Rig, size: (u16, u16)) -> Vec<String> {
    let terminal = frame(rig, &theme(), size);
    let shown = text(terminal.backend().buffer());
    shown.lines().map(str::to_owned).collect()
}

#[test]
fn a_value_taller_than_the_pane_is_read_from_its_beginning() {
    let words: Vec<String> = (0..400).map(|n| format!("word{n:03}")).collect();
    let long = format!(r#"{{"user_name":"a","message":"{}"}}"#, words.join(" "));
    let mut rig = Rig::new(vec![record(1, At::Instant(crate::app::rig::NOW), &long)]);
    rig.press("enter w / 'message' enter");
    let shown = |rig: &mut Rig| lines(rig, (80, 24)).join("\n");
    assert!(shown(&mut rig).contains("word000"));
    for _ in 0..100 {
        shown(&mut rig);
        rig.press("j");
        if shown(&mut rig).contains("word399") {
            break;
        }
    }
    assert!(shown(&mut rig).contains("word399"), "{}", shown(&mut rig));
    for _ in 0..100 {
        rig.press("k");
        if shown(&mut rig).contains("word000") {
            return;
        }
    }
    panic!("no way back:\n{}", shown(&mut rig));
}

#[test]
fn carets_stand_under_the_mistake_of_a_scrolled_line() {
    let mut rig = Rig::new(events(20));
    rig.press("f");
    let text = format!("{} usr:1 action:Login", "user:alice ".repeat(12));
    rig.tell(Msg::Paste(text));
    rig.pause();
    let shown = lines(&mut rig, (80, 24));
    let (line, carets) = (&shown[1], &shown[2]);
    let column = |line: &str, what: &str| {
        let at = line.find(what).unwrap_or_else(|| panic!("{what}: {line}"));
        line[..at].chars().count()
    };
    assert_eq!(
        column(line, "usr:1"),
        column(carets, "^^^"),
        "{line}\n{carets}"
    );
}

#[test]
fn a_state_that_matters_is_never_cut() {
    let mut rig = Rig::new(events(3));
    rig.end_tail();
    for size in [(60, 15), (80, 24), (120, 40)] {
        let shown = lines(&mut rig, size);
        assert!(shown[0].contains("▲ ended · F5"), "{}", shown[0]);
    }
    let tiny = lines(&mut rig, (40, 10));
    assert!(tiny.join("\n").contains("▲ ended"), "{tiny:?}");
}
