//! Marked events, a file for each source in a directory of the user's state, that only its owner can
//! read: notes hold names. Each change is made to the file as it is then, under a lock, so that two
//! programs keep each other's marks.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::app::inquiry::marks::Marking;
use crate::core::bookmark::Bookmark;
use crate::runtime::own_file::OwnFile;
use crate::runtime::sessions::digest;

/// Marks of a source that are kept; the oldest go first.
pub const MOST: usize = 1_000;

/// Bytes of a file that are read. Marks are a few hundred each; what is larger was not written here.
const LARGEST: u64 = 32 * 1024 * 1024;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Kept {
    /// The marks, in the order in which they were made.
    pub marks: Vec<Bookmark>,
    /// Lines that are no marks. They stay in the file.
    pub rubbish: Vec<String>,
}

/// The directory of this user: `$XDG_STATE_HOME/auditail/marks`. `None` without a home directory.
pub fn default_path() -> Option<PathBuf> {
    let dirs = etcetera::choose_base_strategy().ok()?;
    let state = dirs.state_dir().unwrap_or_else(|| dirs.data_dir());
    Some(state.join("auditail").join("marks"))
}

/// The marks of a source, known by the words that open it. A file that is not there holds none.
pub fn load(directory: &Path, source: &[String]) -> io::Result<Kept> {
    read(&directory.join(digest(source)))
}

/// Makes one change to the marks of a source.
pub fn change(directory: &Path, source: &[String], marking: &Marking) -> io::Result<()> {
    let path = directory.join(digest(source));
    let own = OwnFile::lock(&path)?;
    let mut kept = read(&path)?;
    let id = match marking {
        Marking::Keep(mark) => &mark.id,
        Marking::Drop(id) => id,
    };
    let place = kept.marks.iter().position(|known| known.id == *id);
    match (marking, place) {
        (Marking::Keep(mark), Some(place)) => kept.marks[place].clone_from(mark),
        (Marking::Keep(mark), None) => kept.marks.push(Bookmark::clone(mark)),
        (Marking::Drop(_), Some(place)) => drop(kept.marks.remove(place)),
        (Marking::Drop(_), None) => {}
    }
    let newest = &kept.marks[kept.marks.len().saturating_sub(MOST)..];
    let rubbish = kept.rubbish.iter().take(MOST).cloned();
    let lines: Vec<String> = rubbish.chain(newest.iter().map(Bookmark::line)).collect();
    own.replace(&(lines.join("\n") + "\n"))
}

fn read(path: &Path) -> io::Result<Kept> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) if file.metadata()?.len() > LARGEST => {
            // Half of it read would be half of it lost with the next change.
            let text = format!("it is larger than {} MiB", LARGEST / (1024 * 1024));
            return Err(io::Error::other(text));
        }
        Ok(file) => file.take(LARGEST).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(error),
    };
    let mut kept = Kept::default();
    for line in String::from_utf8_lossy(&bytes).lines() {
        match Bookmark::read(line) {
            Some(mark) => kept.marks.push(mark),
            None if line.trim().is_empty() => {}
            None => kept.rubbish.push(line.to_owned()),
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::core::event::{Cursor, EventId, KeyPart};
    use crate::core::instant::{At, Micros};

    fn mark(id: &str, note: &str) -> Box<Bookmark> {
        Box::new(Bookmark {
            id: EventId::new(id),
            cursor: Cursor {
                at: At::Instant(Micros(7)),
                time: KeyPart::Int(7),
                key: vec![KeyPart::Text(id.into())],
            },
            about: "alice Login".to_owned(),
            note: note.to_owned(),
            made: Micros(8),
        })
    }

    fn words(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    fn notes(directory: &Path, source: &str) -> Vec<String> {
        let kept = load(directory, &words(source)).expect("reads");
        kept.marks.into_iter().map(|mark| mark.note).collect()
    }

    #[test]
    fn marks_come_back_for_their_source_alone_and_are_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = dir.path().join("state").join("marks");
        assert!(notes(&at, "a").is_empty());
        for (source, id, note) in [
            ("a", "1", "one"),
            ("a", "2", "two"),
            ("b", "1", "other"),
            ("a", "1", "again"),
        ] {
            change(&at, &words(source), &Marking::Keep(mark(id, note))).expect("keeps");
        }
        assert_eq!(notes(&at, "a"), ["again", "two"]);
        assert_eq!(notes(&at, "b"), ["other"]);
        change(&at, &words("a"), &Marking::Drop(EventId::new("1"))).expect("drops");
        change(&at, &words("a"), &Marking::Drop(EventId::new("9"))).expect("drops nothing");
        assert_eq!(notes(&at, "a"), ["two"]);
        for entry in fs::read_dir(&at).expect("there") {
            let mode = entry
                .expect("an entry")
                .metadata()
                .expect("known")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn rubbish_is_counted_and_stays_and_marks_are_bounded() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(digest(&words("a")));
        let many = (0..MOST + 5).map(|id| mark(&id.to_string(), "n").line() + "\n");
        fs::write(&path, many.collect::<String>() + "{half a li\n\u{1b}[2J\n").expect("writes");
        let kept = load(dir.path(), &words("a")).expect("reads");
        assert_eq!((kept.marks.len(), kept.rubbish.len()), (MOST + 5, 2));
        change(dir.path(), &words("a"), &Marking::Keep(mark("new", "n"))).expect("keeps");
        let kept = load(dir.path(), &words("a")).expect("reads");
        assert_eq!((kept.marks.len(), kept.rubbish.len()), (MOST, 2));
        assert_eq!(kept.marks.last().map(|mark| mark.id.as_str()), Some("new"));
    }

    #[test]
    fn two_at_once_keep_all_of_each_others_marks() {
        let dir = tempfile::tempdir().expect("a directory");
        std::thread::scope(|scope| {
            for who in ["x", "y", "z"] {
                let at = dir.path();
                scope.spawn(move || {
                    for n in 0..30 {
                        let one = mark(&format!("{who}{n}"), "n");
                        change(at, &words("a"), &Marking::Keep(one)).expect("keeps");
                    }
                });
            }
        });
        assert_eq!(notes(dir.path(), "a").len(), 90);
    }
}
