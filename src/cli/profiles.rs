//! `auditail profiles`: what is known of other people's audit tables.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Profiles, ProfilesCommand};
use crate::cli::failure::{Failure, Kind};
use crate::cli::session::{open_options, profile, profile_directory, profile_file};
use crate::cli::{headless, narrate, output, signals};
use crate::core::profile::detect::Candidate;
use crate::core::profile::{Origin, Profile, load};
use crate::core::sanitise::safe;
use crate::store::connect;

/// Runs the command.
pub fn run(arguments: &Profiles, common: &Common) -> Result<(), Failure> {
    match &arguments.command {
        ProfilesCommand::List => list(),
        ProfilesCommand::Show { name } => output::print(&load::print(profile(name)?.as_ref())),
        ProfilesCommand::Detect { target } => headless(detect(target, common)),
    }
}

/// The built-in ones, then the user's; a file with a mistake is told and does not hide the others.
fn list() -> Result<(), Failure> {
    let mut text = String::new();
    for profile in load::built_in() {
        text.push_str(&entry(profile, "built in"));
    }
    for path in own_files() {
        match profile_file(&path) {
            Ok(profile) => text.push_str(&entry(&profile, &path.display().to_string())),
            Err(failure) => narrate::explain(&failure),
        }
    }
    output::print(&text)
}

fn entry(profile: &Profile, origin: &str) -> String {
    format!(
        "{:<12} {:<32} {}\n",
        safe(&profile.name),
        safe(&profile.title),
        safe(origin)
    )
}

fn own_files() -> Vec<PathBuf> {
    let Some(directory) = profile_directory() else {
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

async fn detect(target: &str, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let options = open_options(common)?;
        let found = tokio::select! {
            found = connect::candidates(target, &options) => found?,
            () = stop.cancelled() => return Err(Failure::new(Kind::Interrupted, "stopped")),
        };
        if found.is_empty() {
            return Err(Failure::new(
                Kind::Failed,
                "no table of this store looks like an audit log",
            )
            .hint("name one with --table, and its columns with --profile FILE"));
        }
        let text: String = found
            .iter()
            .enumerate()
            .map(|(place, candidate)| describe(place, candidate))
            .collect();
        output::print(&text)
    };
    signals::heed(&stop, work).await
}

fn describe(place: usize, candidate: &Candidate) -> String {
    let origin = match &candidate.profile.origin {
        Origin::BuiltIn => "known",
        Origin::File(_) => "from a file",
        Origin::Guessed => "a guess",
    };
    let chosen = if place == 0 {
        "  <- opened by default"
    } else {
        ""
    };
    let mut text = format!(
        "{}: {} ({origin}, score {}){chosen}\n",
        safe(&candidate.relation.name),
        safe(&candidate.profile.title),
        candidate.score
    );
    for line in &candidate.evidence {
        text.push_str(&format!("  {}\n", safe(line)));
    }
    text
}
