//! A directory that is nobody else's, and files in it that appear whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::archive::ArchiveError;

/// `O_NOFOLLOW` of Linux: a link in place of a file is refused.
const NO_FOLLOW: i32 = 0o400_000;

/// The directory of a purge.
#[derive(Clone, Debug)]
pub struct Place(PathBuf);

impl Place {
    /// A new directory, 0700; one that exists must be empty and nobody else's.
    pub fn create(path: &Path) -> Result<Self, ArchiveError> {
        let place = Self(path.to_owned());
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {
                if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
                    sync(above).map_err(|error| place.io("", error))?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut entries = fs::read_dir(path).map_err(|error| place.io("", error))?;
                if entries.next().is_some() {
                    return Err(place.broken("", "it is not empty"));
                }
            }
            Err(error) => return Err(place.io("", error)),
        }
        Self::open(path)
    }

    /// A directory that is there: no link, writable by its owner alone.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let place = Self(path.to_owned());
        let found = path
            .symlink_metadata()
            .map_err(|error| place.io("", error))?;
        if !found.is_dir() {
            return Err(place.broken("", "it is no directory"));
        }
        if found.mode() & 0o022 != 0 {
            return Err(place.broken("", "others may write to it; chmod 700 mends that"));
        }
        Ok(place)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// For messages.
    pub fn shown(&self) -> String {
        self.0.display().to_string()
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Options that follow no links and give nobody else a file.
    pub fn private() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.mode(0o600).custom_flags(NO_FOLLOW);
        options
    }

    /// An error of the system about a file in it.
    pub fn io(&self, name: &str, error: io::Error) -> ArchiveError {
        ArchiveError::Io {
            path: self.path(name).display().to_string(),
            error,
        }
    }

    /// A file in it that is not as it should be.
    pub fn broken(&self, name: &str, why: impl Into<String>) -> ArchiveError {
        ArchiveError::Broken {
            path: self.path(name).display().to_string(),
            why: why.into(),
        }
    }

    /// Writes a file that must not be there yet; it appears whole and durable, or not at all.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        let path = self.path(name);
        if path.symlink_metadata().is_ok() {
            return Err(self.broken(name, "it is there already"));
        }
        self.replace(name, bytes)
    }

    /// The same for a file that may be there.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        let fail = |error| self.io(name, error);
        let temporary = self.path(&format!("{name}.tmp"));
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let mut file = Self::private()
            .create_new(true)
            .write(true)
            .open(&temporary)
            .map_err(fail)?;
        file.write_all(bytes).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        if length != bytes.len() as u64 {
            return Err(self.broken(name, "not all of it was written"));
        }
        drop(file);
        fs::rename(&temporary, self.path(name)).map_err(fail)?;
        sync(&self.0).map_err(fail)
    }

    /// Moves a file that no journal knows out of the way.
    pub fn set_aside(&self, name: &str) -> Result<(), ArchiveError> {
        let fail = |error| self.io(name, error);
        let orphans = self.path("orphans");
        match DirBuilder::new().mode(0o700).create(&orphans) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fail(error)),
            _ => {}
        }
        let free = (0..u32::MAX)
            .map(|number| orphans.join(format!("{name}.{number}")))
            .find(|path| path.symlink_metadata().is_err());
        if let Some(free) = free {
            fs::rename(self.path(name), free).map_err(fail)?;
        }
        sync(&self.0).map_err(fail)
    }

    /// Reads a file of at most so many bytes.
    pub fn get(&self, name: &str, most: u64) -> Result<Vec<u8>, ArchiveError> {
        let fail = |error| self.io(name, error);
        let file = Self::private()
            .read(true)
            .open(self.path(name))
            .map_err(fail)?;
        if !file.metadata().map_err(fail)?.is_file() {
            return Err(self.broken(name, "it is no plain file"));
        }
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(fail)?;
        if bytes.len() as u64 > most {
            return Err(self.broken(name, "it is too long"));
        }
        Ok(bytes)
    }

    /// Whether there is something of this name.
    pub fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }
}

/// Makes the names in a directory durable.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
