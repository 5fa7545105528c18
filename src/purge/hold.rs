//! Holds that were added after the plan was made: a file in the archive's directory, read again
//! before every batch.

use std::io;
use std::path::{Path, PathBuf};

use crate::purge::fault::Fault;

/// The file's name: a filter a line, `#` begins a comment.
pub const FILE: &str = "HOLDS";

/// Longer files are a mistake.
const MOST_BYTES: u64 = 1 << 20;

/// The file of one purge.
#[derive(Clone, Debug)]
pub struct HoldFile {
    path: PathBuf,
    known: Vec<String>,
}

impl HoldFile {
    /// In an archive's directory; it need not exist.
    pub fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(FILE),
            known: Vec::new(),
        }
    }

    /// The holds, when they differ from what this gave before.
    pub fn changed(&mut self) -> Result<Option<Vec<String>>, Fault> {
        let found = self.read()?;
        if found == self.known {
            return Ok(None);
        }
        self.known.clone_from(&found);
        Ok(Some(found))
    }

    fn read(&self) -> Result<Vec<String>, Fault> {
        let unusable = |why: String| {
            Fault::refused(
                format!("the holds in {} cannot be read: {why}", self.path.display()),
                "nothing is deleted while it is not known what must stay",
            )
        };
        match self.path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(error.to_string())),
            Ok(file) if !file.is_file() => return Err(unusable("it is no plain file".into())),
            Ok(file) if file.len() > MOST_BYTES => return Err(unusable("it is too long".into())),
            Ok(_) => {}
        }
        let text =
            std::fs::read_to_string(&self.path).map_err(|error| unusable(error.to_string()))?;
        Ok(text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_are_noticed_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut file = HoldFile::new(directory.path());
        assert_eq!(file.changed().expect("none"), None);
        std::fs::write(directory.path().join(FILE), "# legal\nuser:alice\n\n").expect("writable");
        assert_eq!(
            file.changed().expect("one"),
            Some(vec!["user:alice".to_owned()])
        );
        assert_eq!(file.changed().expect("the same"), None);
        std::fs::write(directory.path().join(FILE), [0xff]).expect("writable");
        assert!(file.changed().is_err());
    }
}
