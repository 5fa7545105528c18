//! An opened store and what a command needs to ask it something: names, a moment, a way to stop.

use std::sync::Arc;

use chrono_tz::Tz;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::arguments::Common;
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate::ProgressLine;
use crate::cli::{groups, narrate, output, profile_files};
use crate::core::aggregate::{Aggregate, AggregateRequest, Subject};
use crate::core::group::Groups;
use crate::core::instant::Micros;
use crate::core::query::catalog::Catalog;
use crate::core::query::diagnostic::{self, Severity};
use crate::core::query::parse::parse;
use crate::core::query::predicate::{Atom, Predicate};
use crate::core::query::resolve::{Moment, Resolved, resolve};
use crate::core::query::subject;
use crate::core::query::time;
use crate::store::connect::{OpenOptions, Owner, Survey, open};
use crate::store::secret::Secret;
use crate::store::{AggregateItem, Description, Store, StoreError, membership};

/// An opened store.
pub struct Session {
    pub store: Arc<dyn Store>,
    pub description: Arc<Description>,
    pub stop: CancellationToken,
    tz: Tz,
    /// Frozen at the first question about time, by the store's clock.
    now: Option<Micros>,
    /// Which users belong to which groups, where that was told.
    groups: Option<Arc<Groups>>,
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
        let groups = groups::load(common)?;
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
            tz: common.tz(),
            now: None,
            groups,
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
        judged(text, self.resolved(text).await?)
    }

    async fn resolved(&mut self, text: &str) -> Result<Resolved, Failure> {
        let parsed = parse(text);
        let moment = self.moment().await?;
        let description = &self.description;
        let mut known = Catalog::new(&description.name, &description.profile);
        // Most filters ask for no group: a guest reads no tables that nobody asked for.
        if text.contains("group") {
            match self.groups().await {
                Ok(groups) => known.groups = groups,
                Err(failure) if failure.kind == Kind::Interrupted => return Err(failure),
                // Not every filter with this word asks for one.
                Err(failure) => {
                    narrate::say(&format!("who is in which group is not known: {failure}"));
                    for hint in &failure.hints {
                        narrate::say(&format!("hint: {hint}"));
                    }
                }
            }
        }
        let resolved = resolve(&parsed, &known, moment);
        if resolved.diagnostics.is_empty() || !parsed.diagnostics.is_empty() {
            return Ok(resolved);
        }
        Ok(resolve(&parsed, self.catalog().await?, moment))
    }

    /// Who is in which group: as the command line says, or else the store itself, which is asked when
    /// somebody wants to know.
    pub async fn groups(&mut self) -> Result<Option<Arc<Groups>>, Failure> {
        if self.groups.is_none() && self.description.profile.groups.is_some() {
            let told = membership::groups(&*self.store, &self.stop).await?;
            self.groups = told.map(Arc::new);
        }
        Ok(self.groups.clone())
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
        if name.trim().is_empty() {
            return Err(Failure::usage("what has no name has no values").hint(
                "name an event field such as actor or action, or a path such as .status.code",
            ));
        }
        let resolved = self.resolved(&subject::question(name)).await?;
        let (subject, warnings) = subject::answer(name, resolved)
            .map_err(|error| Failure::usage(error.message).hint(error.hint))?;
        for warning in &warnings {
            narrate::say(&warning.message);
        }
        Ok(subject)
    }

    /// The whole answer; how far a long one has come shows on stderr.
    pub async fn aggregate(
        &self,
        request: AggregateRequest,
        common: &Common,
    ) -> Result<Aggregate, StoreError> {
        let (partial, mut parts) = mpsc::channel(1);
        let mut progress = ProgressLine::new(output::charset(common));
        let narrating = async {
            while let Some(AggregateItem::Partial(_, step)) = parts.recv().await {
                progress.update(step);
            }
            progress.clear();
        };
        let answer = self.store.aggregate(request, partial, &self.stop);
        tokio::join!(answer, narrating).0
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
        let sampled = self.sampled.insert(sampled);
        sampled.groups.clone_from(&self.groups);
        Ok(sampled)
    }
}

/// How the command line wants a store to be opened.
pub fn open_options(common: &Common) -> Result<OpenOptions, Failure> {
    let profile = common.profile.as_deref().map(profile_files::find);
    let profile = profile.transpose()?;
    let own = if profile.is_none() {
        profile_files::own()
    } else {
        Vec::new()
    };
    Ok(OpenOptions {
        profile,
        own,
        table: common.table.clone(),
        column_tz: common.column_tz,
        survey: Survey::Full,
        owner: Owner::Given,
        password: password(),
    })
}

/// A password for where the target, `PG*` variables and the passfile give none: unlike the target's,
/// it is in no list of processes.
pub fn password() -> Option<Secret> {
    let text = std::env::var("AUDITAIL_PASSWORD").ok()?;
    (!text.is_empty()).then(|| Secret::new(text))
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
