//! The purging side of a SQLite file.
//!
//! Reading happens on connections that cannot change the file; only a [`Deleter`] opens one that can.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::core::purge::plan::{Plan, Survey};
use crate::store::connect::OpenOptions;
use crate::store::purger::{
    Deleter, Piece, Place, Probe, Purger, ReadEnd, RestoreInto, Restorer, Selection,
};
use crate::store::sqlite::open::shown;
use crate::store::{BoxFuture, StoreError};

/// A file whose old rows may be archived and deleted.
#[derive(Debug)]
pub struct SqlitePurger {
    path: PathBuf,
}

/// Opens a file for a purge.
pub async fn open(path: &Path, _options: &OpenOptions) -> Result<SqlitePurger, StoreError> {
    Ok(SqlitePurger {
        path: path.to_owned(),
    })
}

impl SqlitePurger {
    fn refused<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::Refused {
            message: format!("{} cannot be purged", shown(&self.path)),
            hint: None,
        })
    }
}

impl Purger for SqlitePurger {
    fn probe<'a>(&'a self, _: &'a CancellationToken) -> BoxFuture<'a, Result<Probe, StoreError>> {
        Box::pin(async { self.refused() })
    }

    fn survey<'a>(
        &'a self,
        _: &'a Selection,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Survey, StoreError>> {
        Box::pin(async { self.refused() })
    }

    fn count<'a>(
        &'a self,
        _: &'a Selection,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async { self.refused() })
    }

    fn read<'a>(
        &'a self,
        _: &'a Plan,
        _: &'a Selection,
        _: Option<Place>,
        _: usize,
        _: Sender<Piece>,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ReadEnd, StoreError>> {
        Box::pin(async { self.refused() })
    }

    fn deleter<'a>(
        &'a self,
        _: &'a Plan,
        _: Option<&'a str>,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Deleter>, StoreError>> {
        Box::pin(async { self.refused() })
    }

    fn restorer<'a>(
        &'a self,
        _: &'a Plan,
        _: RestoreInto,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Restorer>, StoreError>> {
        Box::pin(async { self.refused() })
    }
}
