//! Deleting where there are no transactions: one document at a time, by `_id` and only if the server
//! finds all of it equal to what the archive holds.
//!
//! Nothing happens before the commit. What the server calls equal may differ in the type of a number
//! of the same size and value; that is told before anything is planned.

use std::collections::BTreeSet;

use mongodb::bson::{Bson, Document, RawArrayBuf, RawDocument, RawDocumentBuf, cstr, rawdoc};

use super::settle::Name;
use crate::core::purge::row::{RawRows, RowKey, RowMark};
use crate::store::mongo::discover::unsigned;
use crate::store::mongo::purge::desk::{Desk, Hitch, Now, Rows};
use crate::store::mongo::purge::refused;
use crate::store::purger::{Left, Staged};
use crate::store::{BoxFuture, StoreError};

/// A condition holds the document itself, and may be as long as a document at most.
const LONGEST: usize = 15 << 20;
/// Milliseconds a command may take; its answer is waited for longer.
const LIMIT: i32 = 30_000;
/// Bytes of documents in one command.
const COMMAND: usize = 8 << 20;

/// A batch about to be deleted one by one.
pub(super) struct Pending<'d> {
    desk: &'d Desk,
    rows: Rows<'d>,
    goes: Vec<usize>,
    /// Documents of this batch that an earlier, incomplete try has deleted.
    gone: &'d mut BTreeSet<RowKey>,
    name: String,
    deleted: Vec<u64>,
    left: Vec<(RowMark, Left)>,
}

/// Compares a batch with the collection.
pub(super) async fn stage<'d>(
    desk: &'d Desk,
    rows: &'d RawRows,
    gone: &'d mut BTreeSet<RowKey>,
) -> Result<Pending<'d>, StoreError> {
    let rows = Rows::new(rows)?;
    let now = compare(desk, &rows).await?;
    let (mut goes, mut left) = (Vec::new(), Vec::new());
    let mut before = 0;
    for (place, (mark, bytes)) in rows.archived.iter().enumerate() {
        let why = match now[place] {
            Now::Missing if gone.contains(&mark.key) => {
                before += 1;
                continue;
            }
            Now::Missing => Left::Gone,
            Now::Other => Left::Changed,
            Now::Equal if bytes.len() > LONGEST => Left::Refused,
            Now::Equal => {
                goes.push(place);
                continue;
            }
        };
        left.push((mark.clone(), why));
    }
    let deleted = goes.len() + before;
    Ok(Pending {
        name: Name::one_by_one(deleted).to_string(),
        deleted: vec![deleted as u64],
        desk,
        rows,
        goes,
        gone,
        left,
    })
}

async fn compare(desk: &Desk, rows: &Rows<'_>) -> Result<Vec<Now>, StoreError> {
    match desk.compare(rows, None).await {
        Ok(now) => Ok(now),
        Err(Hitch::Conflict) => Err(desk.busy()),
        Err(Hitch::Error(error)) => Err(error),
    }
}

/// The condition that only this very document fulfils.
fn exactly(bytes: &[u8]) -> Option<RawDocumentBuf> {
    let document = RawDocument::from_bytes(bytes).ok()?;
    let size = i32::try_from(bytes.len()).ok()?;
    let id = document.get("_id").ok()??;
    let mut equal = RawArrayBuf::new();
    equal.push("$$ROOT");
    equal.push(rawdoc! {"$literal": document.to_owned()});
    let mut filter = RawDocumentBuf::new();
    filter.append(cstr!("_id"), id);
    filter.append(
        cstr!("$expr"),
        rawdoc! {"$and": [
            {"$eq": equal},
            {"$eq": [{"$bsonSize": "$$ROOT"}, size]},
        ]},
    );
    Some(filter)
}

impl Pending<'_> {
    async fn end(self) -> Result<(), StoreError> {
        let bytes: Vec<&[u8]> = self.rows.bytes().collect();
        let mut deleted = 0;
        let mut statements = RawArrayBuf::new();
        let (mut held, mut waiting) = (0, 0);
        for place in &self.goes {
            let filter = exactly(bytes[*place])
                .ok_or_else(|| refused("an archived document cannot be read", "verify it"))?;
            statements.push(rawdoc! {
                "q": filter, "limit": 1, "collation": {"locale": "simple"},
            });
            held += bytes[*place].len();
            waiting += 1;
            if held >= COMMAND || waiting >= 1_000 {
                let batch = std::mem::replace(&mut statements, RawArrayBuf::new());
                deleted += self.desk.delete_each(batch).await?;
                (held, waiting) = (0, 0);
            }
        }
        if waiting > 0 {
            deleted += self.desk.delete_each(statements).await?;
        }
        let marks = &self.rows.archived.marks;
        if deleted == self.goes.len() as u64 {
            for mark in marks {
                self.gone.remove(&mark.key);
            }
            return Ok(());
        }
        // Some were changed a moment ago. Which of the others are our doing is remembered for the
        // next try.
        let now = compare(self.desk, &self.rows).await?;
        let ours = self
            .goes
            .iter()
            .filter(|place| now[**place] == Now::Missing);
        self.gone
            .extend(ours.map(|place| marks[*place].key.clone()));
        Err(self.desk.busy())
    }
}

impl Desk {
    async fn delete_each(&self, statements: RawArrayBuf) -> Result<u64, StoreError> {
        let mut command = rawdoc! {"delete": self.name.as_str(), "ordered": false};
        command.append(cstr!("deletes"), statements);
        command.append(cstr!("writeConcern"), rawdoc! {"w": 1, "j": true});
        // It has ended by the time it is given up: what came of it is looked up then.
        command.append(cstr!("maxTimeMS"), LIMIT);
        let database = self.link.client().database(&self.database);
        let answer = Self::answered(database.run_raw_command(command)).await;
        let answer: Document = answer.map_err(|error| self.failed(&error))?;
        let wrong = answer.get_array("writeErrors").ok();
        if let Some(Bson::Document(first)) = wrong.and_then(|errors| errors.first()) {
            return Err(refused(
                format!(
                    "{}: {}",
                    self.label,
                    self.link
                        .target
                        .clean(first.get_str("errmsg").unwrap_or("a document stays"))
                ),
                "what was deleted before is in the archive; resume when this is mended",
            ));
        }
        Ok(answer.get("n").and_then(unsigned).unwrap_or(0))
    }
}

impl Staged for Pending<'_> {
    fn transaction(&self) -> &str {
        &self.name
    }

    fn deleted(&self) -> &[u64] {
        &self.deleted
    }

    fn left(&self) -> &[(RowMark, Left)] {
        &self.left
    }

    fn commit<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin((*self).end())
    }

    fn rollback<'a>(self: Box<Self>) -> BoxFuture<'a, Result<(), StoreError>>
    where
        Self: 'a,
    {
        Box::pin(async { Ok(()) })
    }
}
