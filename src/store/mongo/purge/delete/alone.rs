//! Two purges of one collection must not run at a time. MongoDB has no locks of ours, but it tells
//! what its connections call themselves.
//!
//! Deletes nothing.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use mongodb::bson::{Bson, Document, doc};
use tokio_util::sync::CancellationToken;

use super::MongoDeleter;
use crate::store::StoreError;
use crate::store::mongo::failure;
use crate::store::mongo::numbers::counted;
use crate::store::mongo::purge::refused;

/// How long the connections of a purge that was killed may linger.
const LINGERING: Duration = Duration::from_secs(3);
/// Nobody may look at the operations of others.
const UNAUTHORIZED: i32 = 13;

/// A word that tells this process from others.
pub(super) fn own_word() -> &'static str {
    static WORD: OnceLock<String> = OnceLock::new();
    WORD.get_or_init(|| format!("{:016x}", fastrand::u64(..)))
}

impl MongoDeleter {
    /// Ends transactions that purges left open which were killed: the server would keep them, and
    /// their locks, for a minute. Where that cannot be seen the locks are waited for.
    pub(super) async fn sweep(&self) {
        let command = doc! {"aggregate": 1, "cursor": {}, "pipeline": [
            {"$currentOp": {"allUsers": false, "idleSessions": true}},
            {"$match": {"type": "idleSession", "appName": self.of_others()}},
            {"$project": {"lsid": 1}},
        ]};
        let Ok(answer) = self.desk.command("admin", command).await else {
            return;
        };
        let found = answer
            .get_document("cursor")
            .and_then(|cursor| cursor.get_array("firstBatch"));
        let sessions: Vec<Bson> = found
            .into_iter()
            .flatten()
            .filter_map(|found| found.as_document()?.get_document("lsid").ok()?.get("id"))
            .map(|id| doc! {"id": id.clone()}.into())
            .collect();
        if !sessions.is_empty() {
            let kill = doc! {"killSessions": sessions};
            let _ = self.desk.command("admin", kill).await;
        }
    }

    /// How connections of other purges of the collection call themselves.
    fn of_others(&self) -> Document {
        let own = format!("{} {}", self.calling, own_word());
        doc! {"$regex": format!("^{} ", self.calling), "$ne": own}
    }

    /// Refuses while another purge of the collection is at work.
    pub(super) async fn alone(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let begun = Instant::now();
        while self.others().await? {
            if begun.elapsed() > LINGERING {
                return Err(refused(
                    format!("another purge of {} is running", self.desk.label),
                    "wait until it has ended; auditail purge status DIR shows how far it is",
                ));
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
                () = stop.cancelled() => return Err(StoreError::Cancelled),
            }
        }
        Ok(())
    }

    async fn others(&mut self) -> Result<bool, StoreError> {
        for whose in [true, false] {
            let command = doc! {"aggregate": 1, "cursor": {}, "pipeline": [
                // What a killed purge has left open is no purge at work.
                {"$currentOp": {
                    "allUsers": whose, "idleConnections": true, "idleSessions": false,
                }},
                {"$match": {"appName": self.of_others()}},
                {"$count": "n"},
            ]};
            match self.desk.command("admin", command).await {
                Ok(answer) => {
                    self.sees_others = whose;
                    return Ok(counted(&answer) > 0);
                }
                Err(error) if failure::is_passing(&error) => return Err(self.desk.failed(&error)),
                Err(error) if whose && failure::code(&error) == Some(UNAUTHORIZED) => {}
                Err(_) => break,
            }
        }
        self.sees_others = false;
        Ok(false)
    }
}
