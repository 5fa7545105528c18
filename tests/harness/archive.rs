//! Archives as the program writes them.

use std::path::PathBuf;

use tempfile::TempDir;

use super::program;

/// Everything in the fixtures is older.
pub const BEFORE: &str = "2026-06-01";

/// A directory with the archive of a store, removed with the value.
pub struct Archive {
    directory: TempDir,
}

impl Archive {
    /// Plans a purge of a store and backs it up; nothing is deleted.
    pub fn of(target: &str, more: &[&str]) -> Self {
        let archive = Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
        };
        let path = archive.path();
        let directory = path.to_str().expect("a plain path");
        let mut plan = vec![
            "purge", "plan", target, "--before", BEFORE, "--to", directory,
        ];
        plan.extend(more);
        program::run(plan).ok();
        // What a directory remembers of its target has no password in it.
        program::run(["purge", "backup", directory, "--target", target]).ok();
        archive
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("archive")
    }

    /// What to call it on the command line.
    pub fn target(&self) -> String {
        self.path().to_str().expect("a plain path").to_owned()
    }
}
