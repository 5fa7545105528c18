//! Profiles by name or by file, and those of the user's own directory.
//!
//! Does not judge which one fits a table.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcetera::BaseStrategy;

use crate::cli::failure::Failure;
use crate::cli::narrate;
use crate::core::profile::{Origin, Profile, load};

/// A profile by its name, or from a file.
pub fn find(name: &str) -> Result<Arc<Profile>, Failure> {
    if let Some(profile) = load::named(name) {
        return Ok(profile);
    }
    let path = if name.contains('/') || Path::new(name).extension().is_some() {
        PathBuf::from(name)
    } else {
        directory()
            .map(|directory| directory.join(format!("{name}.toml")))
            .filter(|path| path.is_file())
            .ok_or_else(|| unknown(name))?
    };
    read(&path)
}

/// Reads a profile from a file.
pub fn read(path: &Path) -> Result<Arc<Profile>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!(
            "cannot read the profile {}: {error}",
            path.display()
        ))
    })?;
    let profile = load::parse(&text, Origin::File(path.to_owned()))?;
    Ok(Arc::new(profile))
}

/// The profiles of the user's directory, by the names of their files. One with a mistake is told and
/// left out: it must not keep every other store from being opened.
pub fn own() -> Vec<Arc<Profile>> {
    let profiles = own_files().into_iter().filter_map(|path| {
        let told = |failure: Failure| narrate::explain(&failure);
        read(&path).map_err(told).ok()
    });
    profiles.collect()
}

/// Where profiles of the user's live.
fn directory() -> Option<PathBuf> {
    let directories = etcetera::choose_base_strategy().ok()?;
    Some(directories.config_dir().join("auditail").join("profiles"))
}

fn own_files() -> Vec<PathBuf> {
    let Some(directory) = directory() else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    files
}

fn unknown(name: &str) -> Failure {
    let own = own();
    let names: Vec<&str> = (load::built_in().iter().chain(&own))
        .map(|profile| profile.name.as_str())
        .collect();
    Failure::usage(format!("there is no profile named {name}"))
        .hint(format!("known profiles: {}", names.join(", ")))
        .hint("a file is given with its path: --profile ./mine.toml")
}
