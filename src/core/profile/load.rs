//! Profiles as TOML: the built-in ones, and files of the user's. A mistake is refused with file,
//! line, key and a suggestion.

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::profile::{Origin, Profile};

/// A profile that cannot be used, and where it says so.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {key}: {message}")]
pub struct ProfileError {
    /// The file's path, or `built-in NAME`.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// The dotted key at fault.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead, when there is a guess.
    pub hint: Option<String>,
}

/// The built-in profiles, in the order in which they are tried.
pub fn built_in() -> &'static [Arc<Profile>] {
    todo!()
}

/// The built-in profile with this name.
pub fn named(name: &str) -> Option<Arc<Profile>> {
    todo!()
}

/// Reads a profile.
pub fn parse(text: &str, origin: Origin) -> Result<Profile, ProfileError> {
    todo!()
}

/// Writes a profile as TOML that [`parse`] reads back equal; for saving guesses.
pub fn print(profile: &Profile) -> String {
    todo!()
}

#[allow(unused)]
fn unused(_: PathBuf) {}
