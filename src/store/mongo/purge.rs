//! The purging side of a MongoDB collection.
//!
//! Looking and reading go over the reading store's own conversation, with the primary; deleting and
//! restoring have clients of their own. Writes no archive and decides nothing about what goes; that
//! is the layer above.

mod delete;
mod desk;
mod facts;
mod pressure;
mod read;
mod restore;
mod sieve;
mod survey;

use mongodb::options::{ReadPreference, SelectionCriteria};
use tokio::sync::OnceCell;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::profile::{Origin, TimeEncoding};
use crate::core::purge::plan::{Encoding, Plan, RowOrder, Survey};
use crate::core::sanitise::safe;
use crate::store::connect::OpenOptions;
use crate::store::mongo::purge::facts::Facts;
use crate::store::mongo::purge::read::Reading;
use crate::store::mongo::purge::sieve::Sieve;
use crate::store::mongo::source::{self, Source};
use crate::store::mongo::target::Target;
use crate::store::purger::{
    Deleter, Piece, Place, Probe, Purger, ReadEnd, RestoreInto, Restorer, Selection,
};
use crate::store::{BoxFuture, StoreError};

/// A collection whose old documents may be archived and deleted.
pub struct MongoPurger {
    target: String,
    options: OpenOptions,
    /// What the first look found.
    source: OnceCell<Source>,
}

/// A target for a purge; nothing is connected yet.
pub fn open(target: &str, options: &OpenOptions) -> MongoPurger {
    MongoPurger {
        target: target.to_owned(),
        options: options.clone(),
        source: OnceCell::new(),
    }
}

/// Something a safety check refuses.
pub(super) fn refused(message: impl Into<String>, hint: &str) -> StoreError {
    StoreError::Refused {
        message: message.into(),
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
    }
}

impl MongoPurger {
    async fn source(&self) -> Result<&Source, StoreError> {
        self.source
            .get_or_try_init(async || {
                let target = primary(&self.target).await?;
                source::open_at(target, &self.options, None).await
            })
            .await
    }

    async fn look(&self, stop: &CancellationToken) -> Result<Probe, StoreError> {
        let source = self.source().await?;
        let mut work = source.link.work(&source.label, stop).await?;
        let facts = Facts::of(&source.link, &mut work, &source.found).await?;
        let mut warnings = warnings(source, &self.options)?;
        warnings.extend(facts.warnings.iter().cloned());
        let now = work.now().await?;
        survey::check_unit(source, &mut work, now).await?;
        Ok(Probe {
            identity: facts.identity(&source.description.server),
            relations: vec![facts.relation()],
            profile: source.profile.clone(),
            encoding: Encoding::Bson,
            order: read::order(source),
            now,
            warnings,
        })
    }

    /// Everything about the collection must still be as planned.
    async fn planned(&self, plan: &Plan, stop: &CancellationToken) -> Result<&Source, StoreError> {
        let source = self.source().await?;
        let mut work = source.link.work(&source.label, stop).await?;
        let facts = Facts::of(&source.link, &mut work, &source.found).await?;
        let server = &source.description.server;
        if facts.identity(server) != plan.identity || plan.relations != [facts.relation()] {
            return Err(refused(
                format!("{} is not as it was when the plan was made", source.label),
                "make a new plan",
            ));
        }
        if read::order(source) != plan.order && plan.order == RowOrder::TimeThenKey {
            return Err(refused(
                format!(
                    "the index on the time of {} that the plan relies on is gone",
                    source.label
                ),
                "create it again, or make a new plan",
            ));
        }
        Ok(source)
    }
}

/// A target whose answers come from the primary.
async fn primary(target: &str) -> Result<Target, StoreError> {
    let mut target = Target::resolve(target).await?;
    target.options.selection_criteria =
        Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    Ok(target)
}

/// What the profile and the way its time is written mean for a purge.
fn warnings(source: &Source, options: &OpenOptions) -> Result<Vec<String>, StoreError> {
    let profile = &source.profile;
    let mut warnings = Vec::new();
    if let TimeEncoding::Zoneless(zone) = profile.time.encoding {
        let field = safe(&source.order.field);
        if options.column_tz.is_none() && profile.origin == Origin::Guessed {
            return Err(refused(
                format!("the time {field} of {} has no zone", source.label),
                "say which zone's wall clock it holds: --column-tz Europe/Berlin",
            ));
        }
        warnings.push(format!(
            "the time {field} has no zone; it is read as {zone}"
        ));
    }
    let keep = profile.purge.keep.iter();
    warnings.extend(keep.map(|keep| format!("some documents stay: {}", keep.because)));
    Ok(warnings)
}

impl Purger for MongoPurger {
    fn probe<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Probe, StoreError>> {
        Box::pin(self.look(stop))
    }

    fn survey<'a>(
        &'a self,
        what: &'a Selection,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Survey, StoreError>> {
        Box::pin(async move { survey::survey(self.source().await?, what, stop).await })
    }

    fn count<'a>(
        &'a self,
        what: &'a Selection,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move { survey::count(self.source().await?, what, stop).await })
    }

    fn read<'a>(
        &'a self,
        plan: &'a Plan,
        what: &'a Selection,
        after: Option<Place>,
        limit: usize,
        out: Sender<Piece>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ReadEnd, StoreError>> {
        Box::pin(async move {
            let source = self.planned(plan, stop).await?;
            let Some(filter) = Sieve::of(source, what).filter else {
                return Ok(ReadEnd::Exhausted);
            };
            let reading = Reading::new(source, plan.order, after, limit, out, stop)?;
            reading.run(filter).await
        })
    }

    fn deleter<'a>(
        &'a self,
        plan: &'a Plan,
        as_whom: Option<&'a str>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Deleter>, StoreError>> {
        Box::pin(async move {
            let whom = as_whom.unwrap_or(&self.target);
            let deleter = Box::pin(delete::MongoDeleter::open(whom, plan, stop)).await?;
            Ok(Box::new(deleter) as Box<dyn Deleter>)
        })
    }

    fn restorer<'a>(
        &'a self,
        plan: &'a Plan,
        into: RestoreInto,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Restorer>, StoreError>> {
        Box::pin(async move {
            let table = self.options.table.as_deref();
            let restorer =
                restore::MongoRestorer::open(&self.target, table, plan, into, stop).await?;
            Ok(Box::new(restorer) as Box<dyn Restorer>)
        })
    }
}
