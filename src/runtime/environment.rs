//! What the environment says about the terminal and the user: colours, characters, zone.

use std::env;
use std::fs;

use chrono_tz::Tz;

use crate::runtime::theme_files;
use crate::ui::theme::load::{self, ThemeError};
use crate::ui::theme::{Depth, Glyphs, Theme};

/// What the user says about colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// As the environment says.
    #[default]
    Auto,
    /// Colours, whatever `NO_COLOR` says.
    Always,
    /// None.
    Never,
}

/// What the user asks for on the command line.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// A theme by name or file; `None` takes the default.
    pub theme: Option<String>,
    /// Colours.
    pub color: ColorChoice,
    /// ASCII only, whatever the locale says; `None` asks the locale.
    pub glyphs: Option<Glyphs>,
}

/// The theme as this terminal can show it.
pub fn theme(look: &Look) -> Result<Theme, ThemeError> {
    theme_in(look, |name| env::var(name).ok())
}

fn theme_in(look: &Look, variable: impl Fn(&str) -> Option<String>) -> Result<Theme, ThemeError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let colourless = match look.color {
        ColorChoice::Always => false,
        ColorChoice::Never => true,
        ColorChoice::Auto => set("NO_COLOR").is_some(),
    };
    // A theme that is named must exist, also when its colours are not wanted.
    let asked = look.theme.as_deref().map(theme_files::find).transpose()?;
    let theme = match asked {
        _ if colourless => load::named("mono")?,
        Some(found) => found.theme,
        None => load::named("dark")?,
    };
    let term = set("TERM").unwrap_or_default();
    let depth = match set("COLORTERM").as_deref() {
        Some("truecolor" | "24bit") => Depth::True,
        _ if term.contains("256color") => Depth::Indexed,
        _ if term.contains("direct") => Depth::True,
        _ => Depth::Sixteen,
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    let glyphs = look.glyphs.unwrap_or_else(|| {
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") {
            Glyphs::Unicode
        } else {
            Glyphs::Ascii
        }
    });
    Ok(theme.at(depth).with(glyphs))
}

/// The zone of this machine: `TZ`, then what `/etc/localtime` points to, then UTC.
pub fn local_zone() -> Tz {
    let named = env::var("TZ").ok().and_then(|name| {
        let name = name.trim_start_matches(':');
        name.parse().ok()
    });
    named.or_else(zone_of_the_system).unwrap_or(Tz::UTC)
}

fn zone_of_the_system() -> Option<Tz> {
    let link = fs::read_link("/etc/localtime").ok()?;
    let path = link.to_str()?;
    let (_, name) = path.split_once("zoneinfo/")?;
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;
    use crate::ui::theme::Role;

    fn look(variables: &[(&str, &str)], look: &Look) -> Theme {
        let found = |name: &str| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).to_owned())
        };
        theme_in(look, found).expect("a built-in theme")
    }

    #[test]
    fn no_color_takes_the_theme_without_colours_unless_asked() {
        let auto = Look::default();
        assert_eq!(look(&[("NO_COLOR", "1")], &auto).name, "mono");
        assert_eq!(look(&[("NO_COLOR", "")], &auto).name, "dark");
        let always = Look {
            color: ColorChoice::Always,
            ..Look::default()
        };
        assert_eq!(look(&[("NO_COLOR", "1")], &always).name, "dark");
        let never = Look {
            color: ColorChoice::Never,
            ..Look::default()
        };
        assert_eq!(look(&[], &never).name, "mono");
    }

    #[test]
    fn depth_and_glyphs_follow_the_terminal() {
        let auto = Look::default();
        let deep = look(&[("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")], &auto);
        assert!(matches!(deep.style(Role::Bar).fg, Some(Color::Rgb(..))));
        assert_eq!(deep.glyphs, Glyphs::Unicode);
        let indexed = look(&[("TERM", "xterm-256color"), ("LANG", "C")], &auto);
        assert!(matches!(
            indexed.style(Role::Bar).fg,
            Some(Color::Indexed(_))
        ));
        assert_eq!(indexed.glyphs, Glyphs::Ascii);
        let locale = [("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")];
        assert_eq!(look(&locale, &auto).glyphs, Glyphs::Ascii);
    }

    #[test]
    fn an_unknown_theme_is_refused() {
        let asked = Look {
            theme: Some("drak".to_owned()),
            ..Look::default()
        };
        let error = theme_in(&asked, |_| None).expect_err("no such theme");
        assert!(error.to_string().contains("dark, light, mono"), "{error}");
    }
}
