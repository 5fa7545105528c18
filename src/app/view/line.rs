//! A view as a command line for a shell.

use crate::app::usage::By;
use crate::app::view::{Tab, View};

/// A command line that opens the store of these words at a view.
pub fn spell(words: &[String], view: &View) -> String {
    let mut line = vec!["auditail".to_owned()];
    line.extend(words.iter().map(|word| quoted(word)));
    // Also when there is none: without a filter the screen opens as it was left.
    line.extend(option("--filter", &view.filter));
    if !view.columns.is_empty() {
        line.extend(option("--columns", &view.columns.join(",")));
    }
    if let Some(event) = &view.event {
        // An id may begin like an option.
        line.push(format!("--event={}", quoted(&event.to_string())));
    }
    if view.tab != Tab::default() {
        line.extend(["--tab", view.tab.word()].map(str::to_owned));
    }
    if let Some(period) = view.period {
        line.extend(["--period", period.word()].map(str::to_owned));
    }
    if view.by == By::Groups {
        line.push("--by-group".to_owned());
    }
    if let Some(tz) = view.tz {
        line.extend(["--tz", tz.name()].map(str::to_owned));
    }
    if let Some(zone) = view.zone.filter(|zone| Some(*zone) != view.tz) {
        line.extend(["--zone", zone.name()].map(str::to_owned));
    }
    line.join(" ")
}

/// A name and its value; in one word where the value looks like another name.
fn option(name: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') {
        vec![format!("{name}={}", quoted(value))]
    } else {
        vec![name.to_owned(), quoted(value)]
    }
}

/// A word as every shell of the Bourne family reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/.,:@%+=_-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
