//! Themes by name or by file, and those of the user's own directory.
//!
//! Does not know what a theme may say; `ui::theme::load` does.

use std::fs;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::ui::theme::Theme;
use crate::ui::theme::load::{self, BUILT_IN, ThemeError};

/// A theme's text, checked.
pub struct Found {
    /// As it can be used.
    pub theme: Theme,
    /// As it is written.
    pub text: String,
}

/// A theme by its name, or from a file.
pub fn find(name: &str) -> Result<Found, ThemeError> {
    if let Some(text) = load::built_in(name) {
        return Ok(Found {
            theme: load::named(name)?,
            text: text.to_owned(),
        });
    }
    let is_path = name.contains('/') || Path::new(name).extension().is_some();
    let path = match own().into_iter().find(|(known, _)| known == name) {
        _ if is_path => PathBuf::from(name),
        Some((_, path)) => path,
        None => return Err(unknown(name)),
    };
    let file = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| ThemeError {
        file: file.clone(),
        line: 1,
        key: String::new(),
        message: format!("the theme cannot be read: {error}"),
        hint: None,
    })?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let theme = load::parse(&name, &file, &text)?;
    Ok(Found { theme, text })
}

/// The themes of the user's directory, by name.
pub fn own() -> Vec<(String, PathBuf)> {
    let Ok(directories) = etcetera::choose_base_strategy() else {
        return Vec::new();
    };
    let directory = directories.config_dir().join("auditail").join("themes");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let themes = entries.map(|entry| entry.path()).filter_map(|path| {
        let is_theme = path.extension().is_some_and(|word| word == "toml");
        let name = path.file_stem()?.to_str()?.to_owned();
        is_theme.then_some((name, path))
    });
    let mut themes: Vec<_> = themes.collect();
    themes.sort();
    themes
}

/// The built-in loader's own words, with the user's themes among the names.
fn unknown(name: &str) -> ThemeError {
    let own = own();
    let names = BUILT_IN.iter().map(|(name, _)| *name);
    let names = names.chain(own.iter().map(|(name, _)| name.as_str()));
    load::unknown(name, names.collect())
}
