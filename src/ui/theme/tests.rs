//! Themes and every way in which one can be wrong.

use ratatui::style::{Color, Modifier};

use super::load::{BUILT_IN, named, parse};
use super::{Role, Theme};

fn wrong(text: &str) -> (usize, String, String, Option<String>) {
    let error = parse("mine", "mine.toml", text).expect_err(text);
    assert_eq!(error.file, "mine.toml");
    (
        error.line,
        error.key.clone(),
        error.message.clone(),
        error.hint,
    )
}

#[test]
fn built_in_themes_paint_every_role() {
    for (name, _) in BUILT_IN {
        named(name).expect(name);
    }
}

#[test]
fn the_theme_without_colours_has_none_and_tells_states_apart() {
    let mono = named("mono").expect("built in");
    for (role, name, _) in Role::ALL {
        let style = mono.style(*role);
        assert_eq!((style.fg, style.bg), (None, None), "{name}");
    }
    let text = mono.style(Role::Text);
    for role in [
        Role::Selection,
        Role::Hostile,
        Role::Error,
        Role::Paused,
        Role::Denied,
    ] {
        assert_ne!(mono.style(role), text, "{role:?}");
    }
}

#[test]
fn heirs_change_the_palette_or_single_roles() {
    let text = "inherits = 'dark'\n[palette]\nrose = '#010203'\n[roles]\nok = { fg = 'blue', add = ['bold'] }\n";
    let theme = parse("mine", "mine.toml", text).expect("valid");
    assert_eq!(theme.style(Role::Error).fg, Some(Color::Rgb(1, 2, 3)));
    let ok = theme.style(Role::Ok);
    assert_eq!(
        (ok.fg, ok.add_modifier),
        (Some(Color::Blue), Modifier::BOLD)
    );
}

#[test]
fn mistakes_are_named_with_their_place() {
    let (line, key, message, _) = wrong("[roles]\ntext = {}\n");
    assert_eq!((line, key.as_str()), (1, "dim"));
    assert!(message.contains("no style"), "{message}");
    let (line, key, _, hint) = wrong("inherits = 'dark'\n[roles]\nfaild = {}\n");
    assert_eq!(
        (line, key.as_str(), hint.as_deref()),
        (3, "faild", Some("did you mean failed?"))
    );
    let (line, key, message, _) = wrong("inherits = 'dark'\n\n[roles]\nok = { fg = '#12' }\n");
    assert_eq!((line, key.as_str()), (4, "ok"));
    assert!(message.contains("#12 is no colour"), "{message}");
    let (line, _, _, hint) = wrong("inherits = 'drk'\n");
    assert_eq!((line, hint.as_deref()), (1, Some("did you mean dark?")));
    let (line, _, message, hint) = wrong("inherits = 'dark'\n[roles]\nok = { add = ['blod'] }\n");
    assert_eq!(
        (line, hint.as_deref()),
        (3, Some("did you mean bold?")),
        "{message}"
    );
    let (line, _, message, _) = wrong("[roles]\n\nok = { colour = 'red' }\n");
    assert_eq!(line, 3, "{message}");
    let (line, ..) = wrong("[palette\n");
    assert_eq!(line, 1);
}

fn contrast(theme: &Theme, role: Role, ground: [u8; 3]) -> f64 {
    let light = |[r, g, b]: [u8; 3]| {
        let part = |value: u8| {
            let share = f64::from(value) / 255.0;
            if share <= 0.03928 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
    };
    let Some(Color::Rgb(r, g, b)) = theme.style(role).fg else {
        return 21.0;
    };
    let (one, other) = (light([r, g, b]), light(ground));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn what_must_be_read_can_be_read() {
    for (name, ground) in [("dark", [13, 17, 23]), ("light", [255, 255, 255])] {
        let theme = named(name).expect("built in");
        for (role, role_name, _) in Role::ALL {
            // Lines and dashes may be faint; words may not.
            if matches!(role, Role::Rule | Role::Unknown | Role::Hostile) {
                continue;
            }
            let ratio = contrast(&theme, *role, ground);
            assert!(ratio >= 4.5, "{name} {role_name}: {ratio:.1}");
        }
    }
}
