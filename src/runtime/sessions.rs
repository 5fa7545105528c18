//! How each source was left, in a file that only its owner can read: filters hold names. Sources
//! are known by a digest.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::app::usage::By;
use crate::app::view::anchor::Anchor;
use crate::app::view::{Tab, View};
use crate::core::calendar::Period;
use crate::core::instant::Micros;
use crate::runtime::own_file::OwnFile;

/// Sources that are remembered; the one left longest ago is forgotten first.
const MOST: usize = 200;

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    source: String,
    left: i64,
    filter: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    tab: String,
    period: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    tz: Option<String>,
    zone: Option<String>,
}

/// How a source was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recalled {
    /// What was on the screen, and when.
    pub view: Option<(View, Micros)>,
    /// The first line of the file that nobody can read, from 1.
    pub rubbish: Option<usize>,
}

/// The file of this user: `$XDG_STATE_HOME/auditail/sessions`. `None` without a home directory.
pub fn default_path() -> Option<PathBuf> {
    let dirs = etcetera::choose_base_strategy().ok()?;
    let state = dirs.state_dir().unwrap_or_else(|| dirs.data_dir());
    Some(state.join("auditail").join("sessions"))
}

/// The digest of a source: of the words that open it, which have no secret in them.
pub fn digest(words: &[String]) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word);
        hash.update([0]);
    }
    let mut digest = String::new();
    for byte in &hash.finalize()[..16] {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// How a source was left. A file that is not there remembers nothing.
pub fn recall(path: &Path, source: &str) -> io::Result<Recalled> {
    let mut recalled = Recalled::default();
    for (number, line) in (1..).zip(read(path)?.lines()) {
        match understood(line) {
            Some((line, view)) if line.source == source => {
                recalled.view = Some((view, Micros(line.left)));
            }
            Some(_) => {}
            None => recalled.rubbish = recalled.rubbish.or(Some(number)),
        }
    }
    Ok(recalled)
}

/// Remembers how a source is left. Lines that nobody can read are gone then.
pub fn keep(path: &Path, source: &str, view: &View, left: Micros) -> io::Result<()> {
    let own = OwnFile::lock(path)?;
    let text = read(path)?;
    let others = text
        .lines()
        .filter(|line| understood(line).is_some_and(|(line, _)| line.source != source));
    let newest = serde_json::to_string(&Line {
        source: source.to_owned(),
        left: left.0,
        filter: view.filter.clone(),
        columns: view.columns.clone(),
        event: view.event.as_ref().map(Anchor::to_string),
        tab: view.tab.word().to_owned(),
        period: view.period.map(|period| period.word().to_owned()),
        by: (By::ALL.iter())
            .find(|(by, _)| *by == view.by && *by != By::default())
            .map(|(_, word)| (*word).to_owned()),
        tz: view.tz.map(|tz| tz.name().to_owned()),
        zone: view.zone.map(|zone| zone.name().to_owned()),
    })?;
    let lines: Vec<&str> = others.chain([newest.as_str()]).collect();
    let kept = &lines[lines.len().saturating_sub(MOST)..];
    own.replace(&(kept.join("\n") + "\n"))
}

fn read(path: &Path) -> io::Result<String> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

fn understood(line: &str) -> Option<(Line, View)> {
    let line: Line = serde_json::from_str(line).ok()?;
    let zone = |name: &Option<String>| match name {
        Some(name) => name.parse().ok().map(Some),
        None => Some(None),
    };
    let period = match &line.period {
        Some(word) => Some(known(&Period::ALL, word)?),
        None => None,
    };
    let by = match &line.by {
        Some(word) => known(&By::ALL, word)?,
        None => By::default(),
    };
    let has_break = |text: &String| text.chars().any(char::is_control);
    if has_break(&line.filter) || line.columns.iter().any(has_break) {
        return None;
    }
    let view = View {
        filter: line.filter.clone(),
        columns: line.columns.clone(),
        event: line.event.as_deref().map(Anchor::from),
        tab: known(&Tab::ALL, &line.tab)?,
        period,
        by,
        tz: zone(&line.tz)?,
        zone: zone(&line.zone)?,
    };
    Some((line, view))
}

fn known<T: Copy>(all: &[(T, &str)], word: &str) -> Option<T> {
    let found = all.iter().find(|(_, known)| *known == word);
    found.map(|(found, _)| *found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use chrono_tz::Tz;

    use super::*;

    fn view(filter: &str) -> View {
        View {
            filter: filter.to_owned(),
            columns: vec!["at".to_owned(), ".a.\"b c\"".to_owned()],
            event: Some(Anchor::from("2026-01-15T12:04:04.000007Z/a/b \"c\"")),
            tab: Tab::Usage,
            period: Some(Period::Month),
            by: By::Groups,
            tz: Some(Tz::UTC),
            zone: Some(Tz::Asia__Kathmandu),
        }
    }

    #[test]
    fn every_source_is_found_as_it_was_left() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("state").join("sessions");
        assert_eq!(recall(&path, "a").expect("reads"), Recalled::default());
        keep(&path, "a", &view("user:a \"x\""), Micros(1)).expect("keeps");
        keep(&path, "b", &view("user:b"), Micros(2)).expect("keeps");
        keep(&path, "b", &View::default(), Micros(3)).expect("keeps");
        let of = |source: &str| recall(&path, source).expect("reads").view;
        assert_eq!(of("a"), Some((view("user:a \"x\""), Micros(1))));
        assert_eq!(of("b"), Some((View::default(), Micros(3))));
        assert_eq!(of("c"), None);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn two_that_leave_at_once_are_both_remembered() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("sessions");
        std::thread::scope(|scope| {
            for who in ["x", "y", "z"] {
                let path = &path;
                scope.spawn(move || {
                    for n in 0..20 {
                        keep(path, &format!("{who}{n}"), &view("x"), Micros(n)).expect("keeps");
                    }
                });
            }
        });
        let lines = fs::read_to_string(&path).expect("reads").lines().count();
        assert_eq!(lines, 60);
    }

    #[test]
    fn rubbish_is_told_and_the_rest_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("sessions");
        keep(&path, "a", &view("x"), Micros(1)).expect("keeps");
        let line = fs::read_to_string(&path).expect("reads");
        let odd = line.replace("\"usage\"", "\"useage\"");
        fs::write(
            &path,
            [&b"\xff{\n"[..], odd.as_bytes(), line.as_bytes()].concat(),
        )
        .expect("writes");
        let recalled = recall(&path, "a").expect("reads");
        assert_eq!(recalled.rubbish, Some(1));
        assert_eq!(recalled.view, Some((view("x"), Micros(1))));
        keep(&path, "b", &view("y"), Micros(2)).expect("keeps");
        assert_eq!(recall(&path, "a").expect("reads").rubbish, None);
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("sessions");
        for source in 0..MOST + 3 {
            keep(&path, &source.to_string(), &view("x"), Micros(0)).expect("keeps");
        }
        assert_eq!(
            fs::read_to_string(&path).expect("reads").lines().count(),
            MOST
        );
        assert_eq!(recall(&path, "2").expect("reads").view, None);
        assert!(recall(&path, "3").expect("reads").view.is_some());
    }

    #[test]
    fn a_digest_tells_words_apart() {
        let of = |words: &[&str]| {
            digest(
                &words
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_eq!(of(&["db"]).len(), 32);
    }
}
