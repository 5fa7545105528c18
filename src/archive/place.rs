//! A directory that is nobody else's, and files in it that appear whole or not at all.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use crate::archive::ArchiveError;
use crate::archive::disk::{Disk, DiskFile, System};

/// The directory of a purge.
#[derive(Clone, Debug)]
pub struct Place {
    path: PathBuf,
    disk: Arc<dyn Disk>,
}

impl Place {
    /// A directory, made with 0700 where there is none.
    pub fn create(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, ArchiveError> {
        let place = Self {
            path: path.to_owned(),
            disk,
        };
        let made = place.disk.make_directory(path);
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(place.io("", error));
            }
            _ => {}
        }
        // Also for one that is there: whoever made it may have died before this.
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
            let synced = place.disk.sync_directory(above);
            synced.map_err(|error| place.io("", error))?;
        }
        place.checked()?.ours()
    }

    /// A directory that is there, to read in: no link, writable by its owner alone.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let path = path.to_owned();
        let disk = Arc::new(System);
        Self { path, disk }.checked()
    }

    /// The same to write in: whose it is could change everything in it.
    pub fn open_on(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, ArchiveError> {
        let path = path.to_owned();
        Self { path, disk }.checked()?.ours()
    }

    fn ours(self) -> Result<Self, ArchiveError> {
        let owner = |path: &Path| path.metadata().map(|found| found.uid());
        let its = owner(&self.path).map_err(|error| self.io("", error))?;
        // Where no such directory tells who this process is, the modes have to do.
        match owner(Path::new("/proc/self")) {
            Ok(us) if us != its => Err(self.broken("", "it is somebody else's")),
            _ => Ok(self),
        }
    }

    fn checked(self) -> Result<Self, ArchiveError> {
        let found = self
            .path
            .symlink_metadata()
            .map_err(|error| self.io("", error))?;
        if !found.is_dir() {
            return Err(self.broken("", "it is no directory"));
        }
        if found.mode() & 0o022 != 0 {
            return Err(self.broken("", "others may write to it; chmod 700 mends that"));
        }
        Ok(self)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.path
    }

    /// For messages.
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
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

    /// The names of everything in it.
    pub fn names(&self) -> Result<Vec<String>, ArchiveError> {
        let fail = |error| self.io("", error);
        let entries = fs::read_dir(&self.path).map_err(fail)?;
        entries
            .map(|entry| {
                Ok(entry
                    .map_err(fail)?
                    .file_name()
                    .to_string_lossy()
                    .into_owned())
            })
            .collect()
    }

    /// Bytes that may still be written there, where the file system tells.
    pub fn free(&self) -> Option<u64> {
        self.disk.free(&self.path).ok()
    }

    /// An empty file of this name, durable; one that is there keeps what it holds.
    pub fn touch(&self, name: &str) -> Result<(), ArchiveError> {
        match self.disk.create(&self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(self.io(name, error)),
            _ => self.sync(name),
        }
    }

    /// A file that is there, to be written on at its end.
    pub fn append(&self, name: &str) -> Result<Box<dyn DiskFile>, ArchiveError> {
        self.disk
            .append(&self.path(name))
            .map_err(|error| self.io(name, error))
    }

    /// Writes a file that must not be there yet; it appears whole and durable, or not at all.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        if self.has(name) {
            return Err(self.broken(name, "it is there already"));
        }
        self.replace(name, bytes)
    }

    /// The same for a file that may be there.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        let fail = |error| self.io(name, error);
        let temporary = self.path(&temporary(name));
        match self.disk.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let mut file = self.disk.create(&temporary).map_err(fail)?;
        file.write_all(bytes).map_err(fail)?;
        file.sync().map_err(fail)?;
        if file.length().map_err(fail)? != bytes.len() as u64 {
            return Err(self.broken(name, "not all of it was written"));
        }
        drop(file);
        self.disk
            .rename(&temporary, &self.path(name))
            .map_err(fail)?;
        self.sync(name)
    }

    /// Moves a file that no journal knows out of the way.
    pub fn set_aside(&self, name: &str) -> Result<(), ArchiveError> {
        let fail = |error| self.io(name, error);
        let orphans = self.path("orphans");
        match self.disk.make_directory(&orphans) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fail(error)),
            _ => {}
        }
        let free = (0..u32::MAX)
            .map(|number| orphans.join(format!("{name}.{number}")))
            .find(|path| path.symlink_metadata().is_err());
        if let Some(free) = free {
            self.disk.rename(&self.path(name), &free).map_err(fail)?;
        }
        self.disk.sync_directory(&orphans).map_err(fail)?;
        self.sync(name)
    }

    /// Opens a plain file that is as long as it was written.
    pub fn sized(&self, name: &str, bytes: u64) -> Result<File, ArchiveError> {
        let fail = |error| self.io(name, error);
        let file = System::open(&self.path(name)).map_err(fail)?;
        let found = file.metadata().map_err(fail)?.len();
        if found == bytes {
            return Ok(file);
        }
        let why = format!("it has {found} bytes, {bytes} were written");
        Err(self.broken(name, why))
    }

    /// Reads a file of at most so many bytes.
    pub fn get(&self, name: &str, most: u64) -> Result<Vec<u8>, ArchiveError> {
        let read = self.disk.read(&self.path(name), most.saturating_add(1));
        let bytes = read.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.broken(name, "it is not there"),
            io::ErrorKind::InvalidInput => self.broken(name, "it is no plain file"),
            _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
                self.broken(name, "it is a link")
            }
            _ => self.io(name, error),
        })?;
        if bytes.len() as u64 > most {
            return Err(self.broken(name, "it is too long"));
        }
        Ok(bytes)
    }

    /// Whether there is something of this name.
    pub fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// Makes the names in it durable; `name` is the one it is done for.
    fn sync(&self, name: &str) -> Result<(), ArchiveError> {
        self.disk
            .sync_directory(&self.path)
            .map_err(|error| self.io(name, error))
    }
}

/// What a file is called while it is written.
pub fn temporary(name: &str) -> String {
    format!("{name}.tmp")
}
