//! What the screen shows first: what the command line asks for, a saved view, or what was on it when
//! the store was left.

use std::path::Path;

use crate::app::usage::By;
use crate::app::view::{Named, Opening, View};
use crate::cli::arguments::Common;
use crate::cli::arguments::first::First;
use crate::cli::failure::Failure;
use crate::core::nearest::nearest;
use crate::core::sanitise::safe;
use crate::runtime::{Files, sessions, views};
use crate::store::connect::lasting;

/// What the screen shows first, and the words that open its store.
pub fn opening(
    first: &First,
    words: Vec<String>,
    files: &Files,
    common: &Common,
) -> Result<Opening, Failure> {
    let mut opening = match (&first.view, &first.filter) {
        (Some(name), _) => Opening {
            view: saved(name, files)?,
            ..Opening::default()
        },
        (None, Some(filter)) => Opening {
            view: View {
                filter: filter.trim().to_owned(),
                ..View::default()
            },
            ..Opening::default()
        },
        // The filter that was left may hide the event.
        (None, None) if first.fresh || first.event.is_some() => Opening::default(),
        (None, None) => as_left(&words, files),
    };
    let view = &mut opening.view;
    if view.filter.chars().any(char::is_control) {
        return Err(Failure::usage("--filter takes one line"));
    }
    if !first.columns.is_empty() {
        let names = first.columns.iter().flat_map(|names| names.0.clone());
        view.columns = names.collect();
    }
    let has_break = |name: &String| name.chars().any(char::is_control);
    if view.columns.iter().any(has_break) {
        return Err(Failure::usage("--columns takes one line"));
    }
    view.event = first.event.clone().or(view.event.take());
    view.tab = first.tab.unwrap_or(view.tab);
    view.period = first.period.or(view.period);
    if first.by_group {
        view.by = By::Groups;
    }
    if let Some(tz) = common.typed_tz {
        view.tz = Some(tz);
        view.zone = None;
    }
    view.zone = first.zone.or(view.zone);
    opening.words = words;
    Ok(opening)
}

/// The words that open a store: its target without a password, and what says how to read it.
pub fn words(target: &str, common: &Common) -> Vec<String> {
    let mut words = vec![lasting(target)];
    words.extend(read_by(common));
    words
}

/// The words that say how to read a store.
pub fn read_by(common: &Common) -> Vec<String> {
    let mut words = Vec::new();
    let profile = common.profile.as_ref().map(|profile| {
        // A file is found from everywhere by its whole path.
        let whole = std::path::absolute(profile).ok();
        let is_file = profile.contains('/') || Path::new(profile).extension().is_some();
        let whole = whole.filter(|_| is_file);
        whole.map_or_else(|| profile.clone(), |path| path.display().to_string())
    });
    let groups = common.groups.as_deref().map(|file| {
        let whole = std::path::absolute(file);
        whole.as_deref().unwrap_or(file).display().to_string()
    });
    let zone = common.column_tz.map(|zone| zone.name().to_owned());
    for (option, value) in [
        ("--profile", profile),
        ("--table", common.table.clone()),
        ("--column-tz", zone),
        ("--groups", groups),
    ] {
        words.extend(
            value
                .into_iter()
                .flat_map(|value| [option.to_owned(), value]),
        );
    }
    words
}

fn saved(name: &str, files: &Files) -> Result<View, Failure> {
    let all = match &files.views {
        Some(path) => views::load(path).map_err(|error| Failure::usage(error.to_string()))?,
        None => Vec::new(),
    };
    if let Some(named) = all.iter().find(|named| named.name == name) {
        return Ok(named.view.clone());
    }
    let failure = Failure::usage(format!("there is no view named {}", safe(name)));
    Err(failure.hint(suggestion(name, &all)))
}

fn suggestion(name: &str, all: &[Named]) -> String {
    let names: Vec<&str> = all.iter().map(|named| named.name.as_str()).collect();
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean {}?", safe(near)),
        None if names.is_empty() => "none is saved yet; V on the screen saves one".to_owned(),
        None => format!("known: {}", safe(&names.join(", "))),
    }
}

/// How the store was left; a file that cannot be read is told on the screen.
fn as_left(words: &[String], files: &Files) -> Opening {
    let Some(path) = &files.sessions else {
        return Opening::default();
    };
    match sessions::recall(path, &sessions::digest(words)) {
        Ok(recalled) => {
            let trouble = recalled.rubbish.map(|line| {
                let file = path.display();
                format!("{file}:{line}: this line was left out, it says nothing that can be read")
            });
            let (view, left) = recalled.view.unzip();
            Opening {
                view: view.unwrap_or_default(),
                left,
                trouble,
                words: Vec::new(),
            }
        }
        Err(error) => Opening {
            trouble: Some(format!("{}: {error}", path.display())),
            ..Opening::default()
        },
    }
}

#[cfg(test)]
mod tests;
