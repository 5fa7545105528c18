//! One process a directory: the kernel's lock decides, the file's text only tells who holds it.

use std::fs::{File, TryLockError};
use std::io::Write;

use crate::archive::ArchiveError;
use crate::archive::disk::System;
use crate::archive::place::Place;

/// Held until it is dropped; the kernel lets go of it when the process dies.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a child that this process is about to start has a copy of it
    /// for a moment, and the lock lives as long as the last copy.
    fn drop(&mut self) {
        // What cannot be unlocked is unlocked when the file is closed.
        let _ = self.0.unlock();
    }
}

impl Lock {
    /// The file's name. It is the first file in a purge's directory: where it is, all others are
    /// ours.
    pub const FILE: &str = "LOCK";

    /// Takes the directory, or says that somebody has it.
    pub fn take(place: &Place) -> Result<Self, ArchiveError> {
        place.touch(Self::FILE)?;
        let fail = |error| place.io(Self::FILE, error);
        let mut file = System::private()
            .write(true)
            .open(place.path(Self::FILE))
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(ArchiveError::Busy {
                    path: place.shown(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        // Who it is only helps people; the lock holds without it.
        let _ = file
            .set_len(0)
            .and_then(|()| writeln!(file, "pid {}", std::process::id()));
        Ok(Self(file))
    }
}
