//! The purging side of a SQLite file.
//!
//! Reading happens on connections that cannot change the file; only [`Deleter`] and [`Restorer`] open
//! one that can. Of the file's own mind (triggers, foreign keys) `model` knows, of what is deleted
//! `delete` decides.

mod delete;
mod foreign;
mod lock;
mod model;
mod restore;
mod scan;
mod sheet;
mod survey;
mod table;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::purge::plan::{Encoding, Plan, RowOrder, Survey};
use crate::store::connect::OpenOptions;
use crate::store::purger::{
    Deleter, Piece, Place, Probe, Purger, ReadEnd, RestoreInto, Restorer, Selection,
};
use crate::store::sqlite::look;
use crate::store::sqlite::purge::model::{Model, refused};
use crate::store::sqlite::purge::scan::Scan;
use crate::store::sqlite::purge::sheet::Sheets;
use crate::store::sqlite::worker::Worker;
use crate::store::{BoxFuture, StoreError};

/// A file whose old rows may be archived and deleted.
pub struct SqlitePurger {
    path: PathBuf,
    options: OpenOptions,
    reader: Worker,
}

/// Opens a file for a purge. Whether one is possible [`Purger::probe`] tells.
pub async fn open(path: &Path, options: &OpenOptions) -> Result<SqlitePurger, StoreError> {
    let file = path.to_owned();
    // What comes of it shows when the file is read.
    let _ = tokio::task::spawn_blocking(move || take_back(&file)).await;
    Ok(SqlitePurger {
        path: path.to_owned(),
        options: options.clone(),
        reader: Worker::spawn("purge", path.to_owned()).await?,
    })
}

/// Has SQLite roll back what a killed program left half done, perhaps a purge: who reads only cannot,
/// and could not even read.
fn take_back(path: &Path) -> rusqlite::Result<()> {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    if !Path::new(&journal).exists() {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

impl SqlitePurger {
    /// Asks the file something once its table is known.
    async fn ask<T: Send + 'static>(
        &self,
        stop: &CancellationToken,
        question: impl FnOnce(&Connection, &Path, &OpenOptions) -> Result<T, StoreError>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        let (path, options) = (self.path.clone(), self.options.clone());
        self.reader
            .run(stop, move |connection, _| {
                question(connection, &path, &options)
            })
            .await
    }

    async fn model(&self, stop: &CancellationToken) -> Result<Model, StoreError> {
        self.ask(stop, Model::find).await
    }

    async fn planned(&self, plan: &Plan, stop: &CancellationToken) -> Result<Model, StoreError> {
        let plan = plan.clone();
        self.ask(stop, move |connection, path, options| {
            Model::of_plan(connection, path, options, &plan)
        })
        .await
    }

    async fn look(&self, stop: &CancellationToken) -> Result<Probe, StoreError> {
        self.ask(stop, |connection, path, options| {
            let model = Model::find(connection, path, options)?;
            Ok(Probe {
                identity: model.identity,
                relations: model.relations,
                profile: model.shape.profile,
                encoding: Encoding::SqlInserts,
                order: RowOrder::Key,
                now: look::clock(connection)?,
                warnings: model.warnings,
            })
        })
        .await
    }
}

impl Purger for SqlitePurger {
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
        Box::pin(async move {
            let model = Arc::new(self.model(stop).await?);
            survey::survey(&self.reader, model, what, stop).await
        })
    }

    fn count<'a>(
        &'a self,
        what: &'a Selection,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let model = self.model(stop).await?;
            let scan = Scan::new(Arc::new(model.shape), what, None);
            scan::count(&self.reader, scan, stop).await
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
            let model = self.planned(plan, stop).await?;
            let after = after.map(|place| place.key);
            let scan = Scan::new(Arc::new(model.shape), what, after);
            let sheets = Sheets::new(&model.relations);
            scan::read(&self.reader, scan, sheets, limit, out, stop).await
        })
    }

    fn deleter<'a>(
        &'a self,
        plan: &'a Plan,
        as_whom: Option<&'a str>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Deleter>, StoreError>> {
        Box::pin(async move {
            if as_whom.is_some() {
                return Err(refused(
                    "a SQLite file knows no roles".to_owned(),
                    "leave --delete-as out, and run the purge as a user who may write to the file",
                ));
            }
            let deleter = writer::deleter(&self.path, &self.options, plan, stop).await?;
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
            let restorer = match into {
                RestoreInto::Table => {
                    writer::restorer(&self.path, &self.options, plan, stop).await?
                }
                RestoreInto::Scratch => writer::drill(plan, stop).await?,
            };
            Ok(Box::new(restorer) as Box<dyn Restorer>)
        })
    }
}
