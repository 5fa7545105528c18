//! The files of a purge: plan, journal, segments, manifest. Written so that a crash at any moment
//! leaves what was there before, and read back without trusting any of it.
//!
//! Decides nothing about rows and speaks to no server.

pub mod disk;
pub mod journal_file;
pub mod known;
pub mod lock;
pub mod place;
pub mod plan_file;
pub mod segment;

use std::io;

/// What is wrong with which file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The system said no.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: String,
        /// What it said.
        error: io::Error,
    },
    /// A file is not what was written.
    #[error("{path} is not as it was written: {why}")]
    Broken {
        /// Which file.
        path: String,
        /// What differs.
        why: String,
    },
    /// Another process works on it.
    #[error("another purge is at work in {path}")]
    Busy {
        /// The directory.
        path: String,
    },
}
