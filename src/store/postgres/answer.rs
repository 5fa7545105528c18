//! Rows as a server sends them, and the way to stop it half-way.

use std::borrow::Cow;
use std::pin::Pin;

use futures_util::{FutureExt, StreamExt};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Row, RowStream};
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use crate::store::postgres::failure;
use crate::store::postgres::session::Session;

/// Rows as they arrive. To stop early, cancel the token and go on until
/// [`Rows::next`] says so.
pub struct Rows<'s> {
    session: &'s Session,
    stream: Pin<Box<RowStream>>,
    name: &'s str,
    stop: &'s CancellationToken,
    /// How many rows have come.
    count: usize,
}

/// So many rows come between two looks at whether to stop, where the server is the faster one: a look
/// takes a lock.
const UNWATCHED: usize = 64;

impl<'s> Rows<'s> {
    /// The answer to a statement that was begun. `name` is what errors speak of.
    pub fn new(
        session: &'s Session,
        stream: RowStream,
        name: &'s str,
        stop: &'s CancellationToken,
    ) -> Self {
        Self {
            session,
            stream: Box::pin(stream),
            name,
            stop,
            count: 0,
        }
    }

    /// The next row; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Row>, StoreError> {
        if self.count.is_multiple_of(UNWATCHED) && self.stop.is_cancelled() {
            return Err(self.cancelled().await);
        }
        self.count += 1;
        let next = if let Some(here) = self.stream.next().now_or_never() {
            here
        } else {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(self.cancelled().await),
                next = self.stream.next() => next,
                () = self.session.overdue() => return Err(failure::overdue(self.name)),
            }
        };
        match next {
            Some(Ok(row)) => Ok(Some(row)),
            Some(Err(error)) => {
                self.session.mark_answered();
                Err(failure::of_statement(&error, self.name, self.stop))
            }
            None => {
                self.session.mark_answered();
                Ok(None)
            }
        }
    }

    /// Stops the server's work. The rest of the answer is not read: there may be much of it, and a
    /// cancel request that comes late would stop the next statement. The connection is given up.
    async fn cancelled(&mut self) -> StoreError {
        self.session.cancel().await;
        StoreError::Cancelled
    }
}

/// A column as the server sent it, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A text column; bytes that are not UTF-8 become U+FFFD, which is visible. `None` for NULL and for
/// columns that are not there.
pub fn text(row: &Row, at: usize) -> Option<Cow<'_, str>> {
    // Nearly all of it is UTF-8, and looking no further than that is several times as fast.
    raw(row, at).map(|bytes| match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    })
}

/// A column's bytes. `None` for NULL and for columns that are not there.
pub fn raw(row: &Row, at: usize) -> Option<&[u8]> {
    let raw: Option<Raw<'_>> = row.try_get(at).ok()?;
    raw.map(|Raw(bytes)| bytes)
}
