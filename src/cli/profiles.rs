//! `auditail profiles`: what is known of other people's audit tables.

use tokio_util::sync::CancellationToken;

use crate::cli::arguments::{Common, Profiles, ProfilesCommand};
use crate::cli::failure::{Failure, Kind};
use crate::cli::session::{Session, open_options};
use crate::cli::{headless, output, profile_files, signals};
use crate::core::profile::detect::Candidate;
use crate::core::profile::{Origin, Profile, load};
use crate::core::sanitise::safe;
use crate::store::{Description, connect};

/// Runs the command.
pub fn run(arguments: &Profiles, common: &Common) -> Result<(), Failure> {
    match &arguments.command {
        ProfilesCommand::List => list(),
        ProfilesCommand::Show { name } => {
            output::print(&load::print(profile_files::find(name)?.as_ref()))
        }
        ProfilesCommand::Detect { target } => headless(detect(target, common)),
    }
}

/// The built-in ones, then the user's; a file with a mistake is told and does not hide the others.
fn list() -> Result<(), Failure> {
    let mut text = String::new();
    for profile in load::built_in() {
        text.push_str(&entry(profile, "built in"));
    }
    for profile in profile_files::own() {
        let origin = match &profile.origin {
            Origin::File(path) => path.display().to_string(),
            Origin::BuiltIn | Origin::Guessed => String::new(),
        };
        text.push_str(&entry(&profile, &origin));
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

async fn detect(target: &str, common: &Common) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let work = async {
        let options = open_options(common)?;
        let found = tokio::select! {
            found = connect::candidates(target, &options) => found?,
            () = stop.cancelled() => return Err(Failure::new(Kind::Interrupted, "stopped")),
        };
        if found.is_empty() {
            // Opening says why, or reads all the same what was named.
            let session = Session::open(target, common, stop.clone()).await?;
            return output::print(&named(&session.description));
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

fn named(description: &Description) -> String {
    let mut text = format!(
        "{}: {} (fits little, read because it was named)\n",
        safe(&description.relation),
        safe(&description.profile.title)
    );
    for line in &description.evidence {
        text.push_str(&format!("  {}\n", safe(line)));
    }
    text
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
