//! What became of a transaction nobody answered for, and how hard the server is pressed.

use tokio_util::sync::CancellationToken;

use crate::core::event::KeyPart;
use crate::core::purge::row::RowKey;
use crate::store::StoreError;
use crate::store::postgres::purge::batch::Events;
use crate::store::postgres::purge::delete::PostgresDeleter;
use crate::store::postgres::purge::link::Link;
use crate::store::postgres::purge::target::Target;
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

/// Whether no row has a key between these two, where keys are whole numbers.
pub async fn is_free(
    link: &Link,
    target: &Target,
    ends: [&RowKey; 2],
    stop: &CancellationToken,
) -> Result<Option<bool>, StoreError> {
    let ([part], [[KeyPart::Int(least)], [KeyPart::Int(most)]]) =
        (target.key.as_slice(), ends.map(|key| key.0.as_slice()))
    else {
        return Ok(None);
    };
    link.begin_reading().await?;
    // It ends at the first row it finds, and a whole table is never read for it.
    link.run("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        .await?;
    let statement = format!(
        "SELECT (NOT EXISTS (SELECT FROM {} t WHERE {} BETWEEN {least} AND {most}))::text",
        target.quoted(),
        part.same
    );
    let is_free = link.value(&statement, stop).await?;
    link.end("ROLLBACK").await?;
    Ok(is_free.map(|text| text == "true"))
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
