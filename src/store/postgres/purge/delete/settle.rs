//! What became of a transaction nobody answered for, and how hard the server is pressed.

use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use crate::store::postgres::purge::batch::Events;
use crate::store::postgres::purge::delete::PostgresDeleter;
use crate::store::postgres::purge::link::Link;
use crate::store::purger::{Batch, Pressure, Settled};

impl PostgresDeleter {
    pub(super) async fn settled(
        &mut self,
        transaction: &str,
        batch: &Batch,
        stop: &CancellationToken,
    ) -> Result<Settled, StoreError> {
        self.ready(stop).await?;
        let words: Vec<&str> = transaction.split(' ').collect();
        let server = &self.examined.server;
        if let ["xid", number, "timeline", timeline, "system", system] = words.as_slice()
            && Some(*timeline) == server.timeline.as_deref()
            && *system == server.system
            && let Ok(number) = number.parse::<u64>()
        {
            let statement = format!("SELECT pg_xact_status('{number}'::xid8)");
            // An xid of the future is an error: the number is of no use then.
            match self.link.value(&statement, stop).await {
                Ok(Some(status)) if status == "committed" => return Ok(Settled::Committed),
                Ok(Some(status)) if status == "aborted" => return Ok(Settled::RolledBack),
                Ok(Some(_)) => return Ok(Settled::InProgress),
                Err(error @ (StoreError::Lost { .. } | StoreError::Cancelled)) => {
                    return Err(error);
                }
                Ok(None) | Err(_) => {}
            }
        }
        // The server has forgotten it. Rows that are still as archived are deleted again; where
        // none is, the archive holds them either way.
        let Some(events) = batch.rows.first() else {
            return Ok(Settled::RolledBack);
        };
        let rows = Events::new(self.events(), events, stop);
        self.link.begin_reading().await?;
        let same = rows.same(&self.link).await?;
        self.link.end("ROLLBACK").await?;
        Ok(if same == 0 {
            Settled::Committed
        } else {
            Settled::RolledBack
        })
    }
}

/// What this role can see of it.
pub async fn pressure(link: &Link, stop: &CancellationToken) -> Result<Pressure, StoreError> {
    let statement = "SELECT (pg_current_wal_lsn() - '0/0')::text, \
         (SELECT count(*) FROM pg_locks WHERE NOT granted)::text, count(*)::text, \
         count(replay_lsn)::text, \
         max(greatest(pg_current_wal_lsn() - replay_lsn, 0))::text, \
         max(extract(epoch FROM replay_lag))::text FROM pg_stat_replication";
    let row = link
        .texts(statement, stop)
        .await?
        .into_iter()
        .next()
        .unwrap_or_default();
    let cell = |at: usize| row.get(at).cloned().flatten();
    let number = |at: usize| cell(at).and_then(|value| value.parse::<u64>().ok());
    let mut unseen = Vec::new();
    if number(2) > number(3) {
        unseen.push("how far replicas are behind (needs pg_monitor)".to_owned());
    }
    Ok(Pressure {
        wal: number(0),
        replica_bytes: number(4),
        replica_seconds: cell(5).and_then(|value| value.parse().ok()),
        waiting: number(1),
        unseen,
    })
}
