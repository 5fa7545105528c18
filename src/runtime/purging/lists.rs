//! What the screen asks about purges that changes nothing: what one would do, and which are known.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::app::archives::{Known, Whose};
use crate::app::dialog::steps::Proposal;
use crate::app::histogram::{Counting, Histogram};
use crate::archive::known;
use crate::core::aggregate::even_edges;
use crate::core::instant::Micros;
use crate::core::purge::plan::Plan;
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::purge::clock::SystemClock;
use crate::purge::dossier::{Dossier, Phase};
use crate::purge::engine::Engine;
use crate::purge::facts::Facts;
use crate::purge::fault::Fault;
use crate::purge::halt::{Going, Halt};
use crate::purge::progress::{Progress, Told};
use crate::purge::wish::Wish;
use crate::runtime::purging::Purging;
use crate::store::connect::{self, lasting};
use crate::store::{Store, StoreError};

/// Directories of one name that are tried before the name is left to the user.
const NAMES: u32 = 100;

/// Finds out what a wish means in the store on the screen.
pub async fn survey(
    means: &Purging,
    wish: &Wish,
    catalog: &Catalog,
    stop: &CancellationToken,
) -> Result<Box<Proposal>, Fault> {
    let Some(target) = (means.target)() else {
        return Err(Fault::Store(StoreError::Failed {
            message: "there is no store yet".to_owned(),
            hint: None,
        }));
    };
    let purger = connect::purger(&target, &means.options).await?;
    let (told, _nobody) = mpsc::channel::<Progress>(1);
    let (_going, switch) = watch::channel(Going::On);
    let clock = SystemClock::start();
    let engine = Engine {
        purger: &*purger,
        clock: &clock,
        told: Told::new(told),
        halt: Halt::new(stop.clone(), switch, Path::new("")),
    };
    let probe = engine.purger.probe(stop).await?;
    let scope = wish.scope(probe.now, &probe.profile, catalog)?;
    let plan = engine.plan(&probe, &lasting(&target), scope).await?;
    let place = free_place(&plan);
    Ok(Box::new(Proposal { plan, place }))
}

/// A directory below the working one, named after the table and the cutoff. One that holds an
/// unfinished purge is as good as a free one: it can be gone on with.
fn free_place(plan: &Plan) -> PathBuf {
    let table = plan.relations.first().map_or("events", |found| &found.name);
    let table: String = table
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let cutoff = plan.scope.cutoff.to_string();
    let day = cutoff.split('T').next().unwrap_or(&cutoff);
    let name = format!("purge-{table}-before-{day}");
    let free = |path: &PathBuf| match Facts::read(path) {
        Ok(facts) => facts.phase != Phase::Complete && facts.plan.target == plan.target,
        Err(_) => path.symlink_metadata().is_err() || Dossier::is_there(path),
    };
    let first = std::path::absolute(&name).unwrap_or_else(|_| PathBuf::from(&name));
    let others = (2..NAMES).map(|number| first.with_file_name(format!("{name}-{number}")));
    let mut all = std::iter::once(first.clone()).chain(others);
    all.find(free).unwrap_or(first)
}

/// Counts by time from the first event to now.
pub async fn overview(
    store: Arc<dyn Store>,
    predicate: Arc<Predicate>,
    columns: usize,
    stop: &CancellationToken,
) -> Result<Histogram, StoreError> {
    let Some((first, last)) = store.span(stop).await? else {
        return Ok(Histogram::default());
    };
    let until = store.now(stop).await?.max(last.plus(1));
    let mut histogram = Histogram::new(even_edges(first, until, columns));
    let request = histogram.request(predicate);
    let (pieces, mut arriving) = mpsc::channel(1);
    let pass_by = async { while arriving.recv().await.is_some() {} };
    let (answer, ()) = tokio::join!(store.aggregate(request, pieces, stop), pass_by);
    histogram.fill(&answer?.groups, Counting::Done);
    Ok(histogram)
}

/// Whether a purge is one of the store on the screen.
pub fn whose(means: &Purging, facts: &Facts) -> Whose {
    match (means.target)() {
        Some(here) if lasting(&here) == facts.plan.target => Whose::ThisStore,
        Some(_) | None => Whose::Another,
    }
}

/// Every archive that is known, unfinished ones first, then the newest first.
pub fn known(means: &Purging) -> Vec<Known> {
    let remembered = means.known.as_deref().map(known::load);
    let directories = remembered.and_then(Result::ok).unwrap_or_default();
    let mut found: Vec<Known> = directories
        .into_iter()
        .map(|directory| {
            let found = Facts::read(&directory).map(Box::new);
            let whose = match &found {
                Ok(facts) => whose(means, facts),
                Err(_) => Whose::Another,
            };
            Known {
                directory,
                whose,
                found,
            }
        })
        .collect();
    found.sort_by_key(|known| match &known.found {
        Ok(facts) if facts.phase != Phase::Complete => (0, -facts.plan.made_at.0),
        Ok(facts) => (1, -facts.plan.made_at.0),
        Err(_) => (2, Micros(0).0),
    });
    found
}
