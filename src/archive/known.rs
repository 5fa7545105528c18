//! The directories of purges on this machine that somebody has made or opened: a list of paths, in
//! a file that only its owner can read.
//!
//! A memory and no more: what is in a directory only the directory says.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

/// Directories remembered; the oldest are forgotten beyond that.
const MOST: usize = 1_000;
/// Lines in the file before it is written anew: most times it is enough to append one.
const LINES: usize = 2 * MOST;

/// The file of this user: `$XDG_STATE_HOME/auditail/archives`. `None` without a home directory.
pub fn default_path() -> Option<PathBuf> {
    let dirs = etcetera::choose_base_strategy().ok()?;
    let state = dirs.state_dir().unwrap_or_else(|| dirs.data_dir());
    Some(state.join("auditail").join("archives"))
}

/// Every directory, the one remembered last first. A file that is not there is an empty one.
pub fn load(file: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(different(&read(file)?))
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// The directories of a file's lines, each once, the last line first.
fn different(text: &[u8]) -> Vec<PathBuf> {
    let lines = text.split(|byte| *byte == b'\n').rev();
    let paths = lines.map(|line| Path::new(OsStr::from_bytes(line)));
    let mut seen = HashSet::new();
    paths
        .filter(|path| path.is_absolute() && seen.insert(*path))
        .take(MOST)
        .map(Path::to_owned)
        .collect()
}

/// Remembers a directory; does nothing when it was the last one. A path with a line break in it is
/// not remembered.
pub fn add(file: &Path, directory: &Path) -> io::Result<()> {
    let directory = std::path::absolute(directory)?;
    if directory.as_os_str().as_bytes().contains(&b'\n') {
        return Ok(());
    }
    let text = read(file)?;
    let mut known = different(&text);
    if known.first() == Some(&directory) {
        return Ok(());
    }
    if text.split(|byte| *byte == b'\n').count() > LINES {
        known.insert(0, directory);
        return write(file, &known);
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
    let mut known = load(file)?;
    known.retain(|path| path != directory);
    write(file, &known)
}

/// Makes a file of directories, of which the first was remembered last.
fn write(file: &Path, known: &[PathBuf]) -> io::Result<()> {
    let mut text = Vec::new();
    for path in known.iter().take(MOST).rev() {
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

    #[test]
    fn a_file_that_grew_long_is_written_anew() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("archives");
        let lines: Vec<String> = (0..3 * MOST).map(|n| format!("/a/{n}\n")).collect();
        fs::write(&file, lines.concat()).expect("writable");
        add(&file, Path::new("/a/new")).expect("rewrites");
        let lines = fs::read_to_string(&file).expect("reads").lines().count();
        assert_eq!(lines, MOST);
        add(&file, Path::new("/a/newer")).expect("appends");
        let known = load(&file).expect("reads");
        assert_eq!(known.len(), MOST);
        assert_eq!(
            known[..3],
            ["/a/newer", "/a/new", "/a/2999"].map(PathBuf::from)
        );
    }
}
