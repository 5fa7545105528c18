//! The user's own files that several programs change: each change is made to the file as it is then,
//! under a lock, so that nobody's is lost, and the file is replaced as a whole.
//!
//! Does not know what stands in them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

/// How long another program may keep a file.
const PATIENCE: Duration = Duration::from_secs(2);

/// Before another look at whether it does. A lock can be waited for with no limit or not at all; a
/// thread that waits without one could not be stopped, so the file is looked at again and again.
const PAUSE: Duration = Duration::from_millis(10);

/// A file that no other program changes meanwhile.
pub struct OwnFile {
    path: PathBuf,
    /// Closing it lets the next one in.
    _lock: File,
}

impl OwnFile {
    /// Waits for other programs that change the same file: each takes a moment, and longer than
    /// [`PATIENCE`] nobody is waited for. A link is followed. Where nothing can be locked, the file is
    /// changed all the same.
    pub fn lock(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.with_extension("lock"))?;
        let begun = Instant::now();
        while let Err(TryLockError::WouldBlock) = lock.try_lock() {
            if begun.elapsed() > PATIENCE {
                let text = format!("another program keeps {} locked", path.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            thread::sleep(PAUSE);
        }
        Ok(Self { path, _lock: lock })
    }

    /// Replaces it by one that only its owner can read: these files hold names.
    pub fn replace(&self, text: &str) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}
