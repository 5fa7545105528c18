//! What became of a batch whose end nobody knows: a commit without an answer, a purge that was killed.
//!
//! The server forgets transactions, so the documents tell. Deletes nothing.

use std::fmt;

use mongodb::ClientSession;
use mongodb::bson::{Binary, Bson, Document, Uuid, doc};

use super::MongoDeleter;
use crate::core::bson::key;
use crate::core::purge::row::{RawRows, RowKey};
use crate::store::StoreError;
use crate::store::mongo::purge::desk::{Desk, Hitch, Now, Rows};
use crate::store::purger::Settled;

/// How a batch's deletion is called in the journal: `session UUID transaction 7: 997 documents`, or
/// `one by one: 997 documents`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// Its session and its number there.
    transaction: Option<(Uuid, u64)>,
    /// How many of the batch's documents it deletes; the others were not there.
    deletes: usize,
}

impl Name {
    /// Of the transaction that is open in a session.
    pub(super) fn of_transaction(session: &ClientSession, number: u64, deletes: usize) -> Self {
        let transaction = session_uuid(session.id()).map(|uuid| (uuid, number));
        Self {
            transaction,
            deletes,
        }
    }

    /// Without a transaction.
    pub(super) fn one_by_one(deletes: usize) -> Self {
        Self {
            transaction: None,
            deletes,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (what, count) = text.split_once(": ")?;
        let transaction = if what == "one by one" {
            None
        } else {
            let (uuid, number) = what.strip_prefix("session ")?.split_once(" transaction ")?;
            Some((Uuid::parse_str(uuid).ok()?, number.parse().ok()?))
        };
        let deletes = count.strip_suffix(" documents")?.parse().ok()?;
        Some(Self {
            transaction,
            deletes,
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.transaction {
            Some((uuid, number)) => write!(f, "session {uuid} transaction {number}")?,
            None => f.write_str("one by one")?,
        }
        write!(f, ": {} documents", self.deletes)
    }
}

/// The session's number.
fn session_uuid(id: &Document) -> Option<Uuid> {
    match id.get("id")? {
        Bson::Binary(binary) => binary.to_uuid().ok(),
        _ => None,
    }
}

impl MongoDeleter {
    /// A transaction that is open still is ended first; then the documents tell.
    pub(super) async fn find_out(
        &mut self,
        transaction: &str,
        rows: &RawRows,
    ) -> Result<Settled, StoreError> {
        let rows = Rows::new(rows)?;
        let all = rows.ids.len();
        let name = Name::read(transaction);
        let deletes = name.as_ref().map_or(all, |name| name.deletes);
        if let Some((uuid, _)) = name.and_then(|name| name.transaction) {
            self.desk.end(uuid).await?;
        }
        let now = match self.desk.compare(&rows, None).await {
            Ok(now) => now,
            Err(Hitch::Conflict) => return Err(self.desk.busy()),
            Err(Hitch::Error(error)) => return Err(error),
        };
        let missing = (0..all).filter(|place| now[*place] == Now::Missing);
        // Some were missing before; which of them, nobody knows any more.
        let ours = missing.skip(all.saturating_sub(deletes));
        if !self.desk.has_transactions() {
            let marks = &rows.archived.marks;
            self.gone = ours.map(|place| marks[place].key.clone()).collect();
            return Ok(settled(self.gone.len() == deletes));
        }
        let ours = ours.count();
        Ok(settled(
            !now.contains(&Now::Equal) && (ours > 0 || deletes == 0),
        ))
    }
}

fn settled(is_done: bool) -> Settled {
    if is_done {
        Settled::Committed
    } else {
        Settled::RolledBack
    }
}

impl Desk {
    /// Ends what a session has left open, and waits until a majority of the members knows of
    /// everything that was done before.
    async fn end(&self, session: Uuid) -> Result<(), StoreError> {
        let id = Binary::from(session);
        let kill = doc! {"killSessions": [{"id": id}]};
        let killed = self.command("admin", kill).await;
        killed.map_err(|error| self.failed(&error))?;
        let nothing = doc! {
            "delete": &self.name,
            "deletes": [{"q": {"_id": {"$in": []}}, "limit": 0}],
            "writeConcern": {"w": "majority"},
        };
        let waited = self.command(&self.database, nothing).await;
        waited.map_err(|error| self.failed(&error))?;
        Ok(())
    }
}

impl Desk {
    /// Whether no document has an id between these two, where both are of the kind that servers
    /// and keys sort alike.
    pub(super) async fn is_free(&self, ends: [&RowKey; 2]) -> Result<Option<bool>, StoreError> {
        let [Some(Bson::ObjectId(least)), Some(Bson::ObjectId(most))] = ends.map(key::value) else {
            return Ok(None);
        };
        let mut command = doc! {
            "find": &self.name,
            "filter": {"_id": {"$gte": least, "$lte": most}},
            "projection": {"_id": 1},
            "hint": {"_id": 1},
            "collation": {"locale": "simple"},
            "limit": 1,
            "singleBatch": true,
        };
        if self.has_transactions() {
            command.insert("readConcern", doc! {"level": "majority"});
        }
        let answer = self.command(&self.database, command).await;
        let answer = answer.map_err(|error| self.failed(&error))?;
        let found = answer
            .get_document("cursor")
            .and_then(|cursor| cursor.get_array("firstBatch"));
        Ok(found.ok().map(Vec::is_empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        for transaction in [None, Some((Uuid::from_bytes([7; 16]), 12))] {
            let name = Name {
                transaction,
                deletes: 997,
            };
            assert_eq!(Name::read(&name.to_string()), Some(name));
        }
        assert_eq!(Name::read("of another program"), None);
    }
}
