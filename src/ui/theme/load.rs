//! Themes as TOML: the built-in ones, and files of the user's. A mistake is refused with file,
//! line, role and a suggestion.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use super::{Glyphs, Role, Theme};
use crate::core::nearest::nearest;

/// The themes in the program.
pub const BUILT_IN: [(&str, &str); 3] = [
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

/// Themes that build on each other go no deeper than this, so that a circle ends.
const DEEPEST: usize = 8;

/// A theme that cannot be used, and where it says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ThemeError {
    /// The file's path, or `built-in NAME`.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// The role or key at fault.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead, when there is a guess.
    pub hint: Option<String>,
}

impl fmt::Display for ThemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inherits: Option<Spanned<String>>,
    #[serde(default)]
    palette: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    roles: BTreeMap<Spanned<String>, Paint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paint {
    fg: Option<Spanned<String>>,
    bg: Option<Spanned<String>>,
    #[serde(default)]
    add: Vec<Spanned<String>>,
}

/// What letters can be besides coloured.
const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// The terminal's own colours by name.
const NAMED: [(&str, Color); 17] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("grey", Color::Gray),
    ("dark-grey", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// The text of a built-in theme.
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// A built-in theme.
pub fn named(name: &str) -> Result<Theme, ThemeError> {
    let Some(text) = built_in(name) else {
        return Err(unknown(name, BUILT_IN.map(|(name, _)| name).to_vec()));
    };
    parse(name, &format!("built-in {name}"), text)
}

/// No theme has this name; these are the names there are.
pub fn unknown(name: &str, names: Vec<&str>) -> ThemeError {
    ThemeError {
        file: name.to_owned(),
        line: 1,
        key: String::new(),
        message: format!(
            "there is no theme of this name; there are {}",
            names.join(", ")
        ),
        hint: near(name, names),
    }
}

/// Reads a theme. `file` is how errors call it.
pub fn parse(name: &str, file: &str, text: &str) -> Result<Theme, ThemeError> {
    let mut styles = vec![None; Role::ALL.len()];
    Source { file, text }.paint(&mut styles, &BTreeMap::new(), 0)?;
    let mut complete = Vec::with_capacity(styles.len());
    for (style, (_, role, about)) in styles.into_iter().zip(Role::ALL) {
        complete.push(style.ok_or_else(|| ThemeError {
            file: file.to_owned(),
            line: 1,
            key: (*role).to_owned(),
            message: format!("this role has no style ({})", about.trim_end_matches('.')),
            hint: Some("add it under [roles], or inherit a theme that has it".to_owned()),
        })?);
    }
    Ok(Theme {
        name: name.to_owned(),
        styles: complete,
        glyphs: Glyphs::Unicode,
    })
}

struct Source<'s> {
    file: &'s str,
    text: &'s str,
}

impl Source<'_> {
    fn error(&self, span: &Range<usize>, key: &str, message: String) -> ThemeError {
        let before = self.text.get(..span.start).unwrap_or_default();
        ThemeError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            key: key.to_owned(),
            message,
            hint: None,
        }
    }

    /// Paints the roles of this file over those of the theme it inherits. Colours of the heir's
    /// palette replace the ancestor's of the same name.
    fn paint(
        &self,
        styles: &mut [Option<Style>],
        heirs: &BTreeMap<String, Color>,
        deep: usize,
    ) -> Result<(), ThemeError> {
        let file: File = toml::from_str(self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            self.error(&span, "", error.message().to_owned())
        })?;
        let mut palette = BTreeMap::new();
        for (name, color) in &file.palette {
            palette.insert(name.clone(), self.color(name, color, &BTreeMap::new())?);
        }
        palette.extend(heirs.clone());
        if let Some(ancestor) = &file.inherits {
            let name = ancestor.get_ref();
            let text = built_in(name).filter(|_| deep < DEEPEST).ok_or_else(|| {
                let names = BUILT_IN.map(|(name, _)| name);
                let message = format!("there is no theme {name} to inherit");
                ThemeError {
                    hint: near(name, names),
                    ..self.error(&ancestor.span(), "inherits", message)
                }
            })?;
            let file = format!("built-in {name}");
            Source { file: &file, text }.paint(styles, &palette, deep + 1)?;
        }
        for (role, paint) in &file.roles {
            let name = role.get_ref();
            let place = Role::ALL.iter().position(|(_, known, _)| known == name);
            let place = place.ok_or_else(|| ThemeError {
                hint: near(name, Role::ALL.iter().map(|(_, name, _)| *name)),
                ..self.error(&role.span(), name, "there is no such role".to_owned())
            })?;
            styles[place] = Some(self.style(name, paint, &palette)?);
        }
        Ok(())
    }

    fn style(
        &self,
        role: &str,
        paint: &Paint,
        palette: &BTreeMap<String, Color>,
    ) -> Result<Style, ThemeError> {
        let mut style = Style::new();
        if let Some(color) = &paint.fg {
            style = style.fg(self.color(role, color, palette)?);
        }
        if let Some(color) = &paint.bg {
            style = style.bg(self.color(role, color, palette)?);
        }
        for word in &paint.add {
            let known = MODIFIERS.iter().find(|(name, _)| name == word.get_ref());
            let (_, modifier) = known.ok_or_else(|| ThemeError {
                hint: near(word.get_ref(), MODIFIERS.map(|(name, _)| name)),
                ..self.error(
                    &word.span(),
                    role,
                    format!("letters cannot be {}", word.get_ref()),
                )
            })?;
            style = style.add_modifier(*modifier);
        }
        Ok(style)
    }

    fn color(
        &self,
        key: &str,
        color: &Spanned<String>,
        palette: &BTreeMap<String, Color>,
    ) -> Result<Color, ThemeError> {
        let text = color.get_ref();
        if let Some(found) = palette.get(text) {
            return Ok(*found);
        }
        if let Some((_, named)) = NAMED.iter().find(|(name, _)| name == text) {
            return Ok(*named);
        }
        if let Ok(number) = text.parse() {
            return Ok(Color::Indexed(number));
        }
        let rgb = text.strip_prefix('#').filter(|hex| hex.len() == 6);
        if let Some(rgb) = rgb.and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
            return Ok(Color::from_u32(rgb));
        }
        let names = NAMED.iter().map(|(name, _)| *name);
        let known = names.chain(palette.keys().map(String::as_str));
        let message = format!("{text} is no colour: write #rrggbb, 0 to 255, or a name");
        Err(ThemeError {
            hint: near(text, known),
            ..self.error(&color.span(), key, message)
        })
    }
}

fn near<'w>(typed: &str, known: impl IntoIterator<Item = &'w str>) -> Option<String> {
    nearest(typed, known).map(|word| format!("did you mean {word}?"))
}
