//! One purge at a time for each file.
//!
//! The lock is the operating system's (`flock`), on an empty file beside the database named after it
//! with `-auditail-purge` added; SQLite's own locks belong to its transactions and are let go between
//! two of them. A process that ends loses its lock, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::store::sqlite::open::shown;

/// Held until it is dropped; the file goes with it.
#[derive(Debug)]
pub(super) struct PurgeLock {
    path: PathBuf,
    _file: File,
}

impl PurgeLock {
    /// Takes the lock of a database file, or says who else may have it.
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = Self::beside(database)?;
        let cannot = |error: std::io::Error| StoreError::Refused {
            message: format!("the lock {} cannot be taken: {error}", shown(&path)),
            hint: Some("deleting needs leave to write to the database's directory".to_owned()),
        };
        loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(cannot)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Refused {
                        message: format!("another purge of {} is running", shown(database)),
                        hint: Some("wait for it to end, or stop it; it can be resumed".to_owned()),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(cannot(error)),
            }
            // The one who held it may have removed the file between our opening and locking it.
            let held = file.metadata().map_err(cannot)?;
            let is_there = fs::symlink_metadata(&path)
                .is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino()));
            if is_there {
                return Ok(Self { path, _file: file });
            }
        }
    }

    fn beside(database: &Path) -> Result<PathBuf, StoreError> {
        // However the file is named, it has one lock.
        let path = fs::canonicalize(database).map_err(|error| StoreError::Connect {
            message: format!("cannot look at {}: {error}", shown(database)),
            hint: None,
        })?;
        let mut name = path.into_os_string();
        name.push("-auditail-purge");
        Ok(PathBuf::from(name))
    }
}

impl Drop for PurgeLock {
    fn drop(&mut self) {
        // Still locked: whoever opened it in the meantime sees that it is gone and tries again.
        let _ = fs::remove_file(&self.path);
    }
}
