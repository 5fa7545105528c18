//! From a command line, or from what a directory remembers, to a store that can be purged and a plan.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::cli::arguments::Common;
use crate::cli::arguments::purge::{Planning, Resumption};
use crate::cli::failure::{Failure, Kind};
use crate::cli::narrate;
use crate::cli::session::{Session, open_options};
use crate::core::instant::Micros;
use crate::core::purge::plan::{Plan, Scope};
use crate::core::query::catalog::Catalog;
use crate::core::query::resolve::Moment;
use crate::core::query::time;
use crate::purge::dossier::Dossier;
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::{opening, scope};
use crate::store::connect::{self, lasting};
use crate::store::purger::{Probe, Purger};

/// The store of a command line.
pub async fn given(target: &str, common: &Common) -> Result<Box<dyn Purger>, Failure> {
    Ok(connect::purger(target, &open_options(common)?).await?)
}

/// The store of a purge that was begun.
pub async fn resumed(
    which: &Resumption,
    dossier: &Dossier,
    common: &Common,
) -> Result<Box<dyn Purger>, Failure> {
    let target = which.target.as_deref();
    archived(target.unwrap_or(&dossier.plan().target), dossier, common).await
}

/// A store as the archive's plan describes it.
pub async fn archived(
    target: &str,
    dossier: &Dossier,
    common: &Common,
) -> Result<Box<dyn Purger>, Failure> {
    Ok(opening::of_plan(target, dossier.plan(), open_options(common)?).await?)
}

/// Makes a plan as the command line says.
pub async fn plan(
    engine: &Engine<'_>,
    planning: &Planning,
    common: &Common,
    stop: &CancellationToken,
) -> Result<Plan, Failure> {
    let probe = engine.purger.probe(stop).await?;
    let scope = Scope {
        cutoff: cutoff(planning, probe.now, common)?,
        filter: planning.filter.as_deref().unwrap_or("").trim().to_owned(),
        keep: planning
            .keep
            .iter()
            .map(|text| text.trim().to_owned())
            .collect(),
        now: probe.now,
        tz: common.tz().name().to_owned(),
        names: Vec::new(),
    };
    let known = Catalog::new("", &probe.profile);
    let frozen = match scope::freeze(scope.clone(), &probe.profile, &known) {
        Err(Fault::Usage { .. }) => {
            // Names that only the data knows: a sample of it is read, as for any other filter.
            let catalog = sample(&planning.target, &probe, common, stop).await?;
            scope::freeze(scope, &probe.profile, &catalog)
        }
        frozen => frozen,
    }?;
    Ok(engine
        .plan(&probe, &lasting(&planning.target), frozen)
        .await?)
}

async fn sample(
    target: &str,
    probe: &Probe,
    common: &Common,
    stop: &CancellationToken,
) -> Result<Catalog, Failure> {
    let session = Session::open(target, common, stop.clone()).await?;
    let mut catalog = session.store.catalog(stop).await?;
    catalog.own = probe.profile.own.iter().cloned().map(Arc::new).collect();
    Ok(catalog)
}

fn cutoff(planning: &Planning, now: Micros, common: &Common) -> Result<Micros, Failure> {
    let wrong = |option: &str, text: &str, error: String| {
        Failure::usage(format!("{option} {}: {error}", text.trim()))
    };
    if let Some(text) = &planning.cutoff.older_than {
        let length =
            time::length(text.trim()).map_err(|error| wrong("--older-than", text, error))?;
        return Ok(now.plus(-length));
    }
    let text = planning.cutoff.before.as_deref().unwrap_or_default();
    let moment = Moment {
        now,
        tz: common.tz(),
    };
    let period =
        time::period(text.trim(), moment).map_err(|error| wrong("--before", text, error))?;
    Ok(period.start)
}

/// A directory that has a plan already goes on with it, when it is the plan of this command line.
/// A finished purge is no answer to somebody who asks for another cutoff: nothing would go.
pub fn same_plan(planning: &Planning, common: &Common) -> Result<(), Failure> {
    let dossier = Dossier::read(&planning.to)?;
    let scope = &dossier.plan().scope;
    // A cutoff that is counted from now is another one each time; an unfinished purge keeps its own.
    let asked = [scope.cutoff, scope.cutoff.plus(1)].map(|now| cutoff(planning, now, common));
    let is_cutoff = match asked {
        [Ok(one), Ok(other)] if one == other => one == scope.cutoff,
        [Ok(_), Ok(_)] => !dossier.is_complete(),
        [Err(failure), _] | [_, Err(failure)] => return Err(failure),
    };
    let filter = planning.filter.as_deref().unwrap_or("").trim();
    if dossier.is_complete() && !is_cutoff {
        let failure = Failure::new(
            Kind::Refused,
            format!(
                "the purge in {} is finished: it was of events before {}",
                planning.to.display(),
                scope.cutoff
            ),
        );
        return Err(failure.hint("a new purge needs a directory of its own: --to"));
    }
    let is_same = is_cutoff
        && scope.filter == filter
        && scope
            .keep
            .iter()
            .map(String::as_str)
            .eq(planning.keep.iter().map(|text| text.trim()))
        && dossier.plan().target == lasting(&planning.target);
    if is_same {
        narrate::say(&format!(
            "going on with the plan in {}: events before {}",
            planning.to.display(),
            scope.cutoff
        ));
        return Ok(());
    }
    Err(Failure::new(
        Kind::Refused,
        format!("{} holds the plan of another purge", planning.to.display()),
    )
    .hint("give a directory that does not exist"))
}
