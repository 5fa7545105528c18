//! The directories of purges on this machine that somebody has made or opened: a list of paths, in
//! a file that only its owner can read.
//!
//! A memory and no more: what is in a directory only the directory says.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

/// Directories remembered; the oldest are forgotten beyond that.
const MOST: usize = 1_000;

/// The file of this user: `$XDG_STATE_HOME/auditail/archives`. `None` without a home directory.
pub fn default_path() -> Option<PathBuf> {
    let dirs = etcetera::choose_base_strategy().ok()?;
    let state = dirs.state_dir().unwrap_or_else(|| dirs.data_dir());
    Some(state.join("auditail").join("archives"))
}

/// Every directory, the one remembered last first. A file that is not there is an empty one.
pub fn load(file: &Path) -> io::Result<Vec<PathBuf>> {
    let text = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for line in text.split(|byte| *byte == b'\n').rev() {
        let path = Path::new(OsStr::from_bytes(line));
        if path.is_absolute() && !found.iter().any(|known| known == path) {
            found.push(path.to_owned());
        }
    }
    found.truncate(MOST);
    Ok(found)
}

/// Remembers a directory; does nothing when it was the last one. A path with a line break in it is
/// not remembered.
pub fn add(file: &Path, directory: &Path) -> io::Result<()> {
    let directory = std::path::absolute(directory)?;
    if directory.as_os_str().as_bytes().contains(&b'\n') {
        return Ok(());
    }
    let known = load(file)?;
    if known.first() == Some(&directory) {
        return Ok(());
    }
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut line = directory.as_os_str().as_bytes().to_vec();
    line.push(b'\n');
    private()
        .append(true)
        .create(true)
        .open(file)?
        .write_all(&line)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Forgets a directory; its files stay.
pub fn forget(file: &Path, directory: &Path) -> io::Result<()> {
    let known = load(file)?;
    let mut text = Vec::new();
    for path in known.iter().rev().filter(|path| *path != directory) {
        text.extend_from_slice(path.as_os_str().as_bytes());
        text.push(b'\n');
    }
    // Written beside and renamed, so that a crash leaves either the old file or the new one.
    let beside = file.with_extension("new");
    private()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&beside)?
        .write_all(&text)?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn directories_come_back_newest_first_and_can_be_forgotten() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("state").join("archives");
        assert!(load(&file).expect("no file is no error").is_empty());
        for name in ["/a/one", "/a/two", "/a/one", "/a/with\nbreak"] {
            add(&file, Path::new(name)).expect("appends");
        }
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(load(&file).expect("reads"), paths(&["/a/one", "/a/two"]));
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        forget(&file, Path::new("/a/one")).expect("rewrites");
        assert_eq!(load(&file).expect("reads"), paths(&["/a/two"]));
    }
}
