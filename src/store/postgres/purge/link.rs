//! A connection of the purge: transactions with the archive's settings, and COPY both ways.
//!
//! Does not know what is copied.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_postgres::CopyOutStream;
use tokio_postgres::error::SqlState;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use crate::store::postgres::failure;
use crate::store::postgres::params::Params;
use crate::store::postgres::session::{Purpose, Session};

/// What the archive's bytes depend on, pinned in every transaction.
const SETTINGS: &str = "SET LOCAL search_path = ''; SET LOCAL DateStyle = 'ISO'; \
    SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 3; \
    SET LOCAL bytea_output = 'hex'; SET LOCAL TimeZone = 'UTC'; SET LOCAL row_security = off; \
    SET LOCAL synchronize_seqscans = off";

/// What may wait for what, and how long; and that COMMIT means durable. Nested loops over the key
/// are what a batch wants, whatever the statistics say.
const CAREFUL: &str = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '30s'; \
    SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL synchronous_commit = on; \
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; \
    SET LOCAL enable_seqscan = off; SET CONSTRAINTS ALL IMMEDIATE";

/// How long the end of a transaction is waited for: longer than any statement before it.
const ENDING: Duration = Duration::from_mins(1);

/// What the client library says of a statement's regular end after the last row of a COPY.
const COMPLETED: &str = "unexpected message from server";

/// An error with the server's own code of it.
#[derive(Debug)]
pub struct Fault {
    /// The code, where the server said something.
    pub state: Option<SqlState>,
    /// For everybody else.
    pub error: StoreError,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self { state: None, error }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

impl Fault {
    /// Somebody else holds a lock.
    pub fn is_lock(&self) -> bool {
        matches!(
            self.state,
            Some(SqlState::LOCK_NOT_AVAILABLE | SqlState::T_R_DEADLOCK_DETECTED)
        )
    }

    /// The server objects to a row: a foreign key, an exception of a trigger.
    pub fn is_objection(&self) -> bool {
        self.state.as_ref().is_some_and(|state| {
            let class = &state.code()[..2];
            matches!(class, "23" | "P0" | "09" | "27" | "44")
        })
    }
}

/// An open connection.
pub struct Link {
    session: Session,
    label: String,
}

impl Link {
    /// Connects. `label` is what errors speak of.
    pub async fn open(params: &Params, purpose: Purpose, label: &str) -> Result<Self, StoreError> {
        Ok(Self {
            session: Session::open(params, purpose).await?,
            label: label.to_owned(),
        })
    }

    /// The connection itself.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What errors speak of.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether the connection is known to be gone.
    pub fn is_closed(&self) -> bool {
        self.session.client().is_closed()
    }

    /// Begins a snapshot that cannot write.
    pub async fn begin_reading(&self) -> Result<(), Fault> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.run(&format!("{begin}; {SETTINGS}")).await
    }

    /// Begins a transaction that changes rows.
    pub async fn begin_changing(&self) -> Result<(), Fault> {
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
        self.run(&format!("{begin}; {SETTINGS}; {CAREFUL}")).await
    }

    /// Ends a transaction: `COMMIT`, `ROLLBACK`. Not to be stopped half-way: no answer means that
    /// the outcome is not known.
    pub async fn end(&self, how: &str) -> Result<(), StoreError> {
        let Ok(answer) = tokio::time::timeout(ENDING, self.run(how)).await else {
            self.session.hang_up();
            return Err(failure::overdue(&self.label));
        };
        Ok(answer?)
    }

    /// Runs statements that answer nothing.
    pub async fn run(&self, sql: &str) -> Result<(), Fault> {
        tracing::debug!(sql, "statement");
        let answer = tokio::select! {
            answer = self.session.client().batch_execute(sql) => answer,
            () = self.session.overdue() => return Err(failure::overdue(&self.label).into()),
        };
        answer.map_err(|error| self.fault(&error))
    }

    /// All rows of a small answer.
    pub async fn texts(
        &self,
        sql: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<Vec<Option<String>>>, StoreError> {
        self.session.texts(sql, &self.label, stop).await
    }

    /// The first value of an answer.
    pub async fn value(
        &self,
        sql: &str,
        stop: &CancellationToken,
    ) -> Result<Option<String>, StoreError> {
        let rows = self.texts(sql, stop).await?;
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten()))
    }

    /// Begins `COPY (query) TO STDOUT`.
    pub async fn lines<'l>(
        &'l self,
        query: &str,
        stop: &'l CancellationToken,
    ) -> Result<Lines<'l>, Fault> {
        let sql = format!("COPY ({query}) TO STDOUT");
        tracing::debug!(sql, "statement");
        let begun = tokio::select! {
            biased;
            begun = self.session.client().copy_out(&sql) => begun,
            () = stop.cancelled() => return Err(self.stopped().await.into()),
            () = self.session.overdue() => return Err(failure::overdue(&self.label).into()),
        };
        Ok(Lines {
            link: self,
            stop,
            stream: Box::pin(begun.map_err(|error| self.fault(&error))?),
        })
    }

    /// Copies rows into a table, as they are.
    pub async fn fill(&self, into: &str, rows: &[u8]) -> Result<u64, Fault> {
        let sql = format!("COPY {into} FROM STDIN");
        let sink = self.session.client().copy_in::<_, Bytes>(&sql).await;
        let mut sink = Box::pin(sink.map_err(|error| self.fault(&error))?);
        for piece in rows.chunks(64 * 1024) {
            let sent = sink.send(Bytes::copy_from_slice(piece)).await;
            sent.map_err(|error| self.fault(&error))?;
        }
        sink.as_mut()
            .finish()
            .await
            .map_err(|error| self.fault(&error))
    }

    /// Has the server stop; the connection is good for nothing afterwards.
    pub async fn stopped(&self) -> StoreError {
        self.session.cancel().await;
        StoreError::Cancelled
    }

    fn fault(&self, error: &tokio_postgres::Error) -> Fault {
        Fault {
            state: error.code().cloned(),
            error: failure::answering(error, &self.label),
        }
    }
}

/// Rows of COPY text as they arrive.
pub struct Lines<'l> {
    link: &'l Link,
    stop: &'l CancellationToken,
    stream: Pin<Box<CopyOutStream>>,
}

impl Lines<'_> {
    /// The next row with its newline.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let next = tokio::select! {
            biased;
            next = self.stream.next() => next,
            () = self.stop.cancelled() => return Err(self.link.stopped().await.into()),
            () = self.link.session.overdue() => {
                return Err(failure::overdue(&self.link.label).into());
            }
        };
        match next {
            // The client library ends here, the statement does not: foreign keys and AFTER triggers
            // are checked once the last row is out, and may still object.
            None => match self.stream.next().await {
                Some(Err(error)) if error.to_string() != COMPLETED => Err(self.link.fault(&error)),
                _ => Ok(None),
            },
            Some(Err(error)) => Err(self.link.fault(&error)),
            // A server sends a row a message; something between us that cuts them anew is no link
            // to archive over.
            Some(Ok(line)) if line.last() == Some(&b'\n') => Ok(Some(line)),
            Some(Ok(_)) => Err(StoreError::Failed {
                message: format!("{}: a row came in pieces", self.link.label),
                hint: Some("connect to the server itself, not through a proxy".to_owned()),
            }
            .into()),
        }
    }

    /// Every row.
    pub async fn all(mut self) -> Result<Vec<Bytes>, Fault> {
        let mut lines = Vec::new();
        while let Some(line) = self.next().await? {
            lines.push(line);
        }
        Ok(lines)
    }
}
