//! The purging side of a PostgreSQL table: looking and reading on read-only sessions, deleting and
//! restoring on connections of their own.
//!
//! Writes no archive and decides nothing about what goes; that is the layer above.

mod batch;
mod delete;
mod facts;
mod family;
mod link;
mod probe;
mod read;
mod restore;
mod survey;
mod target;
mod types;

use std::sync::Arc;

use tokio::sync::mpsc::Sender;
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;

use crate::core::profile::{Origin, TimeEncoding};
use crate::core::purge::plan::{Encoding, Plan, RowOrder, Survey};
use crate::store::connect::OpenOptions;
use crate::store::postgres::layout::Layout;
use crate::store::postgres::params::Params;
use crate::store::postgres::purge::link::Link;
use crate::store::postgres::purge::probe::Examined;
use crate::store::postgres::purge::read::Mean;
use crate::store::postgres::session::Purpose;
use crate::store::postgres::surroundings::Surroundings;
use crate::store::purger::{
    Deleter, Piece, Place, Probe, Purger, ReadEnd, RestoreInto, Restorer, Selection,
};
use crate::store::{BoxFuture, StoreError};

/// A table whose old rows may be archived and deleted.
pub struct PostgresPurger {
    params: Params,
    options: OpenOptions,
    /// What the first look found.
    known: OnceCell<Arc<Known>>,
    mean: Mean,
    /// The reading connection, while nobody uses it.
    idle: Mutex<Option<Link>>,
}

/// The events' table and what belongs to it.
struct Known {
    layout: Layout,
    examined: Examined,
    order: RowOrder,
    warnings: Vec<String>,
}

/// A target for a purge; nothing is connected yet.
pub fn open(target: &str, options: &OpenOptions) -> Result<PostgresPurger, StoreError> {
    Ok(PostgresPurger {
        params: Params::resolve(target, &Surroundings::of_process())?,
        options: options.clone(),
        known: OnceCell::new(),
        mean: Mean::default(),
        idle: Mutex::new(None),
    })
}

impl PostgresPurger {
    async fn link(&self) -> Result<Link, StoreError> {
        let label = self.known.get().map_or_else(
            || self.params.database.clone(),
            |known| known.layout.table.label(),
        );
        match self.idle.lock().await.take() {
            Some(link) if link.session().is_usable() => Ok(link),
            _ => Link::open(&self.params, Purpose::Heavy, &label).await,
        }
    }

    /// Ends a reading transaction and keeps the connection; one that failed is dropped.
    async fn give_back(&self, link: Link) {
        if link.end("ROLLBACK").await.is_ok() {
            *self.idle.lock().await = Some(link);
        }
    }

    async fn known(&self, stop: &CancellationToken) -> Result<Arc<Known>, StoreError> {
        let known = self.known.get_or_try_init(|| self.look(stop)).await?;
        Ok(known.clone())
    }

    async fn look(&self, stop: &CancellationToken) -> Result<Arc<Known>, StoreError> {
        let link = self.link().await?;
        let layout = self.layout(&link, stop).await?;
        let mut warnings = probe::check_profile(&layout, self.options.column_tz)?;
        link.begin_reading().await?;
        let (events, profile) = (&layout.table, &layout.profile);
        let key = probe::key(&layout)?;
        let examined = probe::examine(&link, events, &key, profile, stop).await?;
        survey::check_unit(&link, &layout, examined.now, stop).await?;
        warnings.extend(examined.warnings.iter().cloned());
        let order = probe::order(&layout);
        self.give_back(link).await;
        Ok(Arc::new(Known {
            layout,
            examined,
            order,
            warnings,
        }))
    }

    async fn layout(&self, link: &Link, stop: &CancellationToken) -> Result<Layout, StoreError> {
        let session = link.session();
        let (table, candidate) = super::choose(session, &self.params, &self.options, stop).await?;
        probe::check_kind(&table)?;
        let mut profile = candidate.profile;
        if let Some(tz) = self.options.column_tz
            && matches!(profile.time.encoding, TimeEncoding::Zoneless(_))
        {
            Arc::make_mut(&mut profile).time.encoding = TimeEncoding::Zoneless(tz);
        }
        if profile.origin == Origin::Guessed
            && let Some(encoding) = super::epoch_unit(session, &table, &profile, stop).await?
        {
            Arc::make_mut(&mut profile).time.encoding = encoding;
        }
        Layout::new(table, profile)
    }

    async fn probed(&self, stop: &CancellationToken) -> Result<Probe, StoreError> {
        let known = self.known(stop).await?;
        Ok(Probe {
            identity: known.examined.identity.clone(),
            relations: known.relations(),
            profile: known.layout.profile.clone(),
            encoding: Encoding::CopyText,
            order: known.order,
            now: known.examined.now,
            warnings: known.warnings.clone(),
        })
    }
}

impl Known {
    fn relations(&self) -> Vec<crate::core::purge::plan::Relation> {
        let targets = self.examined.targets.iter();
        targets.map(|target| target.relation.clone()).collect()
    }
}

impl Purger for PostgresPurger {
    fn probe<'a>(
        &'a self,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Probe, StoreError>> {
        Box::pin(self.probed(stop))
    }

    fn survey<'a>(
        &'a self,
        what: &'a Selection,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Survey, StoreError>> {
        Box::pin(async move {
            let known = self.known(stop).await?;
            let link = self.link().await?;
            link.begin_reading().await?;
            let survey = survey::survey(&link, &known, what, stop).await?;
            self.give_back(link).await;
            Ok(survey)
        })
    }

    fn count<'a>(
        &'a self,
        what: &'a Selection,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let known = self.known(stop).await?;
            let link = self.link().await?;
            link.begin_reading().await?;
            let count = survey::count(&link, &known, what, stop).await?;
            self.give_back(link).await;
            Ok(count)
        })
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
            let known = self.known(stop).await?;
            if known.relations() != plan.relations {
                let label = known.layout.table.label();
                return Err(probe::refused(
                    format!("{label} is not as it was when the plan was made"),
                    "make a new plan",
                ));
            }
            let link = self.link().await?;
            link.begin_reading().await?;
            let reading = read::Reading {
                link: &link,
                known: &known,
                order: plan.order,
                condition: survey::condition(&known.layout, what).sql,
                stop,
            };
            let (end, is_done) = reading.run(after, limit, &self.mean, &out).await?;
            if is_done {
                self.give_back(link).await;
            } else {
                // The rest of the answer is not wanted, and not worth waiting for.
                link.stopped().await;
            }
            Ok(end)
        })
    }

    fn deleter<'a>(
        &'a self,
        plan: &'a Plan,
        as_whom: Option<&'a str>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Deleter>, StoreError>> {
        Box::pin(async move {
            let known = self.known(stop).await?;
            let whom = match as_whom {
                Some(url) => Params::resolve(url, &Surroundings::of_process())?,
                None => self.params.clone(),
            };
            let deleter = delete::PostgresDeleter::open(whom, &known, plan, stop).await?;
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
            let table = self
                .options
                .table
                .as_deref()
                .or(self.params.table.as_deref());
            let restorer =
                restore::PostgresRestorer::open(&self.params, table, plan, into, stop).await?;
            Ok(Box::new(restorer) as Box<dyn Restorer>)
        })
    }
}
