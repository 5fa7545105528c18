//! The demo's writer: creates Clutch's table in a database, fills it, and goes on as a running
//! Clutch would.
//!
//! The only code here that writes. It has a connection of its own, touches no table that it did not
//! find empty or make itself, and deletes nothing.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::pin::pin;

use futures_util::SinkExt;
use tokio_util::sync::CancellationToken;

use crate::demo::{DemoAction, DemoRow, Ticket};
use crate::store::StoreError;
use crate::store::postgres::failure;
use crate::store::postgres::params::Params;
use crate::store::postgres::session::{Purpose, Session};
use crate::store::postgres::sql::quote::{ident, text};
use crate::store::postgres::surroundings::Surroundings;
use crate::store::secret::Secret;

/// Marks a table as the demo's own.
const MARK: &str = "auditail demo: made-up events in the form of Lyft Clutch";
/// Bytes handed to the server at a time.
const PIECE: usize = 256 * 1024;

/// What was found or done when the demo's table was prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// So many rows were written.
    Rows(u64),
    /// The demo's rows of a former run are still there.
    AlreadyThere,
}

/// A connection that writes the demo's rows.
pub struct DemoWriter {
    session: Session,
    table: String,
    name: String,
    ids: HashMap<Ticket, i64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Empty,
    Ours,
}

impl DemoWriter {
    /// Connects. The table is `audit_events`, or what `?table=` in the URL says.
    pub async fn connect(url: &str, password: Option<Secret>) -> Result<Self, StoreError> {
        let mut params = Params::resolve(url, &Surroundings::of_process())?;
        params.typed = password;
        let session = Session::open(&params, Purpose::Load).await?;
        let name = params
            .table
            .clone()
            .unwrap_or_else(|| "audit_events".to_owned());
        Ok(Self {
            session,
            table: ident(&name),
            name,
            ids: HashMap::new(),
        })
    }

    /// Creates the table and writes the rows, all or nothing. `progress` hears how many are on
    /// their way. A table with rows that are not the demo's is refused.
    pub async fn load(
        &mut self,
        rows: impl Iterator<Item = DemoRow>,
        mut progress: impl FnMut(u64),
        stop: &CancellationToken,
    ) -> Result<Loaded, StoreError> {
        let found = self.found(stop).await?;
        if found == Found::Ours {
            return Ok(Loaded::AlreadyThere);
        }
        self.session.run("BEGIN", &self.name).await?;
        let written = self.fill(found, rows, &mut progress, stop).await;
        match written {
            Ok(number) => {
                self.session.run("COMMIT", &self.name).await?;
                self.session
                    .run(&format!("ANALYZE {}", self.table), &self.name)
                    .await?;
                Ok(Loaded::Rows(number))
            }
            Err(error) => {
                // The first error is the one to tell; a lost connection rolls back by itself.
                drop(self.session.run("ROLLBACK", &self.name).await);
                Err(error)
            }
        }
    }

    async fn found(&self, stop: &CancellationToken) -> Result<Found, StoreError> {
        let statement = format!(
            "SELECT coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class \
             WHERE oid = to_regclass({})",
            text(&self.table)
        );
        let rows = self.session.texts(&statement, &self.name, stop).await?;
        let Some(comment) = rows.into_iter().flatten().next() else {
            return Ok(Found::Nothing);
        };
        let statement = format!("SELECT 1::text FROM {} LIMIT 1", self.table);
        let is_empty = self
            .session
            .texts(&statement, &self.name, stop)
            .await?
            .is_empty();
        if is_empty {
            return Ok(Found::Empty);
        }
        if comment.as_deref() == Some(MARK) {
            return Ok(Found::Ours);
        }
        Err(StoreError::Refused {
            message: format!("the table {} holds rows that are not the demo's", self.name),
            hint: Some("use another database, or another table: --into '…?table=NAME'".to_owned()),
        })
    }

    async fn fill(
        &self,
        found: Found,
        rows: impl Iterator<Item = DemoRow>,
        progress: &mut impl FnMut(u64),
        stop: &CancellationToken,
    ) -> Result<u64, StoreError> {
        let table = &self.table;
        if found == Found::Nothing {
            let statement = format!(
                "CREATE TABLE {table} (id bigserial PRIMARY KEY, occurred_at timestamptz, \
                 details jsonb, sent boolean DEFAULT false); COMMENT ON TABLE {table} IS {};",
                text(MARK)
            );
            self.session.run(&statement, &self.name).await?;
        }
        let number = self.copy(found, rows, progress, stop).await?;
        if found == Found::Nothing {
            // Built in one go after the rows, which is many times faster than row by row.
            let index = |part: &str| ident(&format!("{}_{part}", self.name));
            let statement = format!(
                "SET LOCAL maintenance_work_mem = '256MB'; \
                 CREATE INDEX {} ON {table} (occurred_at); \
                 CREATE INDEX {} ON {table} USING gin (details jsonb_path_ops); \
                 CREATE INDEX {} ON {table} (sent) WHERE sent = false;",
                index("time"),
                index("json"),
                index("unsent"),
            );
            self.session.run(&statement, &self.name).await?;
        }
        Ok(number)
    }

    async fn copy(
        &self,
        found: Found,
        rows: impl Iterator<Item = DemoRow>,
        progress: &mut impl FnMut(u64),
        stop: &CancellationToken,
    ) -> Result<u64, StoreError> {
        // Rows of a table made by the same transaction may be written as if vacuumed already.
        let frozen = if found == Found::Nothing {
            " WITH (FREEZE)"
        } else {
            ""
        };
        let statement = format!(
            "COPY {} (occurred_at, details, sent) FROM STDIN{frozen}",
            self.table
        );
        let failed = |error: tokio_postgres::Error| failure::answering(&error, &self.name);
        let sink = self
            .session
            .client()
            .copy_in(&statement)
            .await
            .map_err(failed)?;
        let mut sink = pin!(sink);
        let mut piece = String::with_capacity(PIECE + 4_096);
        let mut number = 0;
        for row in rows {
            line(&row, &mut piece);
            number += 1;
            if piece.len() >= PIECE {
                if stop.is_cancelled() {
                    // The dropped sink aborts the COPY on the server.
                    return Err(StoreError::Cancelled);
                }
                let full = std::mem::replace(&mut piece, String::with_capacity(PIECE + 4_096));
                sink.send(Cursor::new(full.into_bytes()))
                    .await
                    .map_err(failed)?;
                progress(number);
            }
        }
        sink.send(Cursor::new(piece.into_bytes()))
            .await
            .map_err(failed)?;
        sink.finish().await.map_err(failed)?;
        progress(number);
        Ok(number)
    }

    /// Does what a running Clutch does.
    pub async fn apply(&mut self, actions: Vec<DemoAction>) -> Result<(), StoreError> {
        let stop = CancellationToken::new();
        for action in actions {
            match action {
                DemoAction::Insert { ticket, row } => {
                    let statement = format!(
                        "INSERT INTO {} (occurred_at, details, sent) VALUES ('{}', {}::jsonb, {}) RETURNING id::text",
                        self.table,
                        row.occurred_at,
                        text(&row.details),
                        row.sent
                    );
                    let found = self.session.texts(&statement, &self.name, &stop).await?;
                    let id = found.into_iter().flatten().flatten().next();
                    if let Some(id) = id.and_then(|id| id.parse().ok()) {
                        self.ids.insert(ticket, id);
                    }
                }
                DemoAction::Update { ticket, patch, .. } => {
                    if let Some(id) = self.ids.get(&ticket) {
                        let statement = format!(
                            "UPDATE {} SET details = details || {}::jsonb WHERE id = {id}",
                            self.table,
                            text(&patch)
                        );
                        self.session.run(&statement, &self.name).await?;
                    }
                }
                DemoAction::Sent { ticket } => {
                    if let Some(id) = self.ids.remove(&ticket) {
                        let statement =
                            format!("UPDATE {} SET sent = true WHERE id = {id}", self.table);
                        self.session.run(&statement, &self.name).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// One line of COPY text.
fn line(row: &DemoRow, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{}\t", row.occurred_at);
    for c in row.details.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push_str(if row.sent { "\tt\n" } else { "\tf\n" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::instant::Micros;

    #[test]
    fn lines_survive_copy() {
        let row = DemoRow {
            occurred_at: Micros(0),
            details: "{\"a\": \"x\\ny\"}".to_owned(),
            sent: true,
        };
        let mut out = String::new();
        line(&row, &mut out);
        assert_eq!(
            out,
            "1970-01-01T00:00:00.000000Z\t{\"a\": \"x\\\\ny\"}\tt\n"
        );
    }
}
