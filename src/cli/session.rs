//! An opened store and what a command needs to ask it something: names, a moment, a way to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono_tz::Tz;
use etcetera::BaseStrategy;
use tokio_util::sync::CancellationToken;

use crate::cli::arguments::Common;
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate;
use crate::core::aggregate::Subject;
use crate::core::instant::Micros;
use crate::core::profile::{Origin, Profile, load};
use crate::core::query::catalog::Catalog;
use crate::core::query::diagnostic::{self, Severity};
use crate::core::query::parse::parse;
use crate::core::query::predicate::{Atom, Predicate, Test};
use crate::core::query::resolve::{Moment, Resolved, resolve};
use crate::core::query::time;
use crate::store::connect::{OpenOptions, Owner, Survey, open};
use crate::store::{Description, Store};

/// An opened store.
pub struct Session {
    pub store: Arc<dyn Store>,
    pub description: Arc<Description>,
    pub stop: CancellationToken,
    tz: Tz,
    /// Frozen at the first question about time, by the store's clock.
    now: Option<Micros>,
    /// What a sample of the store names; taken only when the profile's names do not suffice.
    sampled: Option<Catalog>,
}

impl Session {
    /// Opens a store as the command line says.
    pub async fn open(
        target: &str,
        common: &Common,
        stop: CancellationToken,
    ) -> Result<Self, Failure> {
        Self::open_after(Survey::Full, target, common, stop).await
    }

    /// The same after as much of a look as is needed.
    pub async fn open_after(
        survey: Survey,
        target: &str,
        common: &Common,
        stop: CancellationToken,
    ) -> Result<Self, Failure> {
        let options = OpenOptions {
            survey,
            ..open_options(common)?
        };
        let store = tokio::select! {
            store = open(target, &options) => store?,
            () = stop.cancelled() => return Err(Failure::new(Kind::Interrupted, "stopped")),
        };
        Ok(Self {
            description: store.description(),
            store,
            stop,
            tz: common.tz,
            now: None,
            sampled: None,
        })
    }

    /// The predicate of a filter; what is wrong with it is told with its place.
    ///
    /// Names of fields and of the profile need no look at the data. Only when they do not explain
    /// the filter a sample is read.
    pub async fn predicate(&mut self, filter: Option<&str>) -> Result<Predicate, Failure> {
        let text = filter.unwrap_or_default().trim();
        if text.is_empty() {
            return Ok(Predicate::All);
        }
        let parsed = parse(text);
        let moment = self.moment().await?;
        let description = &self.description;
        let known = Catalog::new(&description.name, &description.profile);
        let mut resolved = resolve(&parsed, &known, moment);
        if !resolved.diagnostics.is_empty() && parsed.diagnostics.is_empty() {
            resolved = resolve(&parsed, self.catalog().await?, moment);
        }
        judged(text, resolved)
    }

    /// The same within bounds typed as options.
    pub async fn predicate_within(
        &mut self,
        filter: Option<&str>,
        since: Option<&str>,
        until: Option<&str>,
    ) -> Result<Predicate, Failure> {
        let predicate = self.predicate(filter).await?;
        if since.is_none() && until.is_none() {
            return Ok(predicate);
        }
        let since = match since {
            Some(text) => Some(self.time("--since", text).await?.start),
            None => None,
        };
        let until = match until {
            Some(text) => Some(self.time("--until", text).await?.end),
            None => None,
        };
        Ok(predicate.and(Predicate::Atom(Atom::At { since, until })))
    }

    /// A time typed for an option.
    pub async fn time(&mut self, option: &str, text: &str) -> Result<time::Period, Failure> {
        let moment = self.moment().await?;
        time::period(text.trim(), moment)
            .map_err(|error| Failure::usage(format!("{option} {}: {error}", text.trim())))
    }

    /// What a name stands for, by the same rules as in a filter.
    pub async fn subject(&mut self, name: &str) -> Result<Subject, Failure> {
        let name = name.trim();
        let predicate = self.predicate(Some(&format!("has:{name}"))).await?;
        subject_of(&predicate).ok_or_else(|| {
            Failure::usage(format!("{name} has no values to list"))
                .hint("name an event field such as actor or action, or a path such as .status.code")
        })
    }

    async fn moment(&mut self) -> Result<Moment, Failure> {
        let now = match self.now {
            Some(now) => now,
            None => self.store.now(&self.stop).await?,
        };
        self.now = Some(now);
        Ok(Moment { now, tz: self.tz })
    }

    async fn catalog(&mut self) -> Result<&Catalog, Failure> {
        let sampled = match self.sampled.take() {
            Some(sampled) => sampled,
            None => self.store.catalog(&self.stop).await?,
        };
        Ok(self.sampled.insert(sampled))
    }
}

/// How the command line wants a store to be opened.
pub fn open_options(common: &Common) -> Result<OpenOptions, Failure> {
    Ok(OpenOptions {
        profile: common.profile.as_deref().map(profile).transpose()?,
        table: common.table.clone(),
        column_tz: common.column_tz,
        survey: Survey::Full,
        owner: Owner::Given,
    })
}

/// A profile by its name, or from a file.
pub fn profile(name: &str) -> Result<Arc<Profile>, Failure> {
    if let Some(profile) = load::named(name) {
        return Ok(profile);
    }
    let path = if name.contains('/') || Path::new(name).extension().is_some() {
        PathBuf::from(name)
    } else {
        profile_directory()
            .map(|directory| directory.join(format!("{name}.toml")))
            .filter(|path| path.is_file())
            .ok_or_else(|| no_profile(name))?
    };
    profile_file(&path)
}

/// Reads a profile from a file.
pub fn profile_file(path: &Path) -> Result<Arc<Profile>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!(
            "cannot read the profile {}: {error}",
            path.display()
        ))
    })?;
    let profile = load::parse(&text, Origin::File(path.to_owned()))?;
    Ok(Arc::new(profile))
}

/// Where profiles of the user's live.
pub fn profile_directory() -> Option<PathBuf> {
    let directories = etcetera::choose_base_strategy().ok()?;
    Some(directories.config_dir().join("auditail").join("profiles"))
}

fn no_profile(name: &str) -> Failure {
    let names: Vec<&str> = load::built_in()
        .iter()
        .map(|profile| profile.name.as_str())
        .collect();
    Failure::usage(format!("there is no profile named {name}"))
        .hint(format!("known profiles: {}", names.join(", ")))
        .hint("a file is given with its path: --profile ./mine.toml")
}

/// The predicate, or the diagnostics that prevent it; warnings are told and do not prevent it.
fn judged(text: &str, resolved: Resolved) -> Result<Predicate, Failure> {
    let rendered = || diagnostic::render(text, &resolved.diagnostics);
    match resolved.predicate {
        Some(predicate) => {
            let warned = resolved
                .diagnostics
                .iter()
                .any(|diagnostic| diagnostic.severity == Severity::Warning);
            if warned {
                for line in rendered().lines() {
                    narrate::say(line);
                }
            }
            Ok(predicate)
        }
        None => Err(Failure::usage(format!(
            "the filter cannot be understood\n{}",
            rendered()
        ))),
    }
}

/// What `has:NAME` asks about.
fn subject_of(predicate: &Predicate) -> Option<Subject> {
    match predicate {
        Predicate::Atom(Atom::Outcome(_)) => Some(Subject::Outcome),
        Predicate::Atom(Atom::Field(field, Test::Exists)) => Some(Subject::Field(*field)),
        Predicate::Atom(Atom::Own(own, Test::Exists)) => Some(Subject::Own(Arc::clone(own))),
        Predicate::Atom(Atom::Path(path, Test::Exists)) => Some(Subject::Path(path.clone())),
        _ => None,
    }
}
