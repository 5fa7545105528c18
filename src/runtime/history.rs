//! Filters of former sessions, one a line, in a file that only its owner can read: filters hold
//! names.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::app::filter_bar::history::MOST;

/// The file of this user: `$XDG_STATE_HOME/auditail/filters`. `None` without a home directory.
pub fn default_path() -> Option<PathBuf> {
    let dirs = etcetera::choose_base_strategy().ok()?;
    let state = dirs.state_dir().unwrap_or_else(|| dirs.data_dir());
    Some(state.join("auditail").join("filters"))
}

/// Reads the newest filters, oldest first; cuts a file that has grown long. A file that is not
/// there is an empty one.
pub fn load(path: &Path) -> io::Result<Vec<String>> {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let newest = lines[lines.len().saturating_sub(MOST)..].to_vec();
    if lines.len() > 4 * MOST {
        // Written beside and renamed, so that a crash leaves either the old file or the new one.
        let beside = path.with_extension("new");
        let mut file =
            private(OpenOptions::new().write(true).create(true).truncate(true)).open(&beside)?;
        file.write_all((newest.join("\n") + "\n").as_bytes())?;
        fs::rename(&beside, path)?;
    }
    Ok(newest)
}

/// Adds a filter.
pub fn append(path: &Path, filter: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = private(OpenOptions::new().append(true).create(true)).open(path)?;
    file.write_all(format!("{filter}\n").as_bytes())
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn filters_come_back_and_are_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("state").join("filters");
        assert!(load(&path).expect("no file is no error").is_empty());
        append(&path, "user:alice").expect("appends");
        append(&path, "is:error").expect("appends");
        assert_eq!(load(&path).expect("reads"), ["user:alice", "is:error"]);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_long_file_is_cut_to_the_newest() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("filters");
        let lines: Vec<_> = (0..5 * MOST).map(|n| format!("f{n}")).collect();
        fs::write(&path, lines.join("\n")).expect("writes");
        let newest = load(&path).expect("reads");
        assert_eq!(newest.last(), lines.last());
        assert_eq!(load(&path).expect("reads").len(), MOST);
        assert_eq!(
            fs::read_to_string(&path).expect("reads").lines().count(),
            MOST
        );
    }
}
