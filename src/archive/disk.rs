//! What an archive asks of a file system, so that tests can give it a disk that is full, that fails
//! or that loses power. The program itself knows one disk: the system's.
//!
//! Knows nothing of what the files mean.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Advice, OFlags};

/// A file system. Names are not durable before [`Disk::sync_directory`], bytes not before
/// [`DiskFile::sync`].
pub trait Disk: Debug + Send + Sync {
    /// A new directory, 0700.
    fn make_directory(&self, path: &Path) -> io::Result<()>;
    /// A new file, 0600; what is there already is an error, a link too.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// A plain file that is there, to be written on at its end; a link is an error.
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// At most so many bytes of a plain file, as they are on the disk; a link is an error.
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>>;
    /// Gives a file another name in the same directory or one below; what had that name is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Bytes that may still be written below a directory.
    fn free(&self, path: &Path) -> io::Result<u64>;
}

/// A file that is being written. After an error nothing is known about its bytes, and a second
/// [`DiskFile::sync`] proves nothing: it is given up.
pub trait DiskFile: Write + Debug + Send {
    /// Makes its bytes durable.
    fn sync(&mut self) -> io::Result<()>;
    /// How many bytes it has.
    fn length(&self) -> io::Result<u64>;
}

/// The system's file system.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl System {
    /// Options that follow no links, wait for no other end of a pipe, and give nobody else a file.
    pub(super) fn private() -> OpenOptions {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut options = OpenOptions::new();
        // The bits of an open are small, whatever the type they come in.
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
        options
    }

    /// A plain file to look into.
    pub(super) fn open(path: &Path) -> io::Result<File> {
        Self::plain(Self::private().read(true).open(path)?)
    }

    fn plain(file: File) -> io::Result<File> {
        if file.metadata()?.is_file() {
            return Ok(file);
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no plain file",
        ))
    }
}

impl Disk for System {
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = Self::private().create_new(true).write(true).open(path)?;
        Ok(Box::new(file))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut file = Self::plain(Self::private().write(true).open(path)?)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Box::new(file))
    }

    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let file = Self::open(path)?;
        // What is verified are bytes of the disk; where the system keeps a copy all the same, the
        // hash is compared with that.
        let _ = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed);
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        let found = rustix::fs::statvfs(path)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
