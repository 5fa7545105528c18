//! Deleting archived rows, and nothing else, in one transaction a batch.
//!
//! Inside `BEGIN IMMEDIATE` nobody else writes: what is compared there is what is deleted. Every row
//! is rendered again and must be the archive's, byte for byte.

use std::collections::HashMap;

use rusqlite::{Connection, ErrorCode};

use crate::core::purge::row::RowKey;
use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::purger::{Batch, Left, Settled};
use crate::store::sqlite::open::{lost, statement_error};
use crate::store::sqlite::purge::model::{Minds, refused};
use crate::store::sqlite::purge::sheet::Sheets;
use crate::store::sqlite::worker::Halt;

/// How often a transaction is tried to be begun or ended while others hold the file; each try waits
/// as long as the connection's busy timeout.
const TRIES: u32 = 3;

/// What the name of a transaction begins with; the places it leaves alone follow.
const NAME: &str = "immediate without ";

/// A transaction's work.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Rows deleted, by relation.
    pub(super) deleted: Vec<u64>,
    /// Places of the batch's events that stay, and why.
    pub(super) left: Vec<(usize, Left)>,
}

impl Work {
    /// Enough to know later which rows the transaction was to delete.
    pub(super) fn name(&self) -> String {
        let mut places: Vec<usize> = self.left.iter().map(|(place, _)| *place).collect();
        places.sort_unstable();
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for place in places {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == place => *last = place,
                _ => ranges.push((place, place)),
            }
        }
        let ranges: Vec<_> = ranges
            .iter()
            .map(|(first, last)| format!("{first}-{last}"))
            .collect();
        match ranges.as_slice() {
            [] => format!("{NAME}none"),
            _ => format!("{NAME}{}", ranges.join(",")),
        }
    }
}

/// The places a transaction left alone, out of its name.
fn left_of(name: &str) -> Option<Vec<(usize, usize)>> {
    let ranges = name.strip_prefix(NAME)?;
    if ranges == "none" {
        return Some(Vec::new());
    }
    ranges
        .split(',')
        .map(|range| {
            let (first, last) = range.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        })
        .collect()
}

/// Ends a transaction that nobody ended.
pub(super) fn roll_back(connection: &Connection) -> Result<(), StoreError> {
    if connection.is_autocommit() {
        return Ok(());
    }
    connection
        .execute_batch("ROLLBACK")
        .map_err(|error| statement_error(&error))
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Begins to write; `false` when others would not let go of the file.
pub(super) fn begin(connection: &Connection, halt: &Halt) -> Result<bool, StoreError> {
    roll_back(connection)?;
    for _ in 0..TRIES {
        if halt.is_asked() {
            return Err(StoreError::Cancelled);
        }
        match connection.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => return Ok(true),
            Err(error) if is_busy(&error) => {}
            Err(error) => return Err(statement_error(&error)),
        }
    }
    Ok(false)
}

/// Commits. Readers may hold a file without a write-ahead log open for a while.
pub(super) fn commit(connection: &Connection) -> Result<(), StoreError> {
    if connection.is_autocommit() {
        // SQLite has rolled it back by itself, on an error nobody was told of.
        return Err(lost("the transaction ended by itself"));
    }
    for _ in 0..TRIES {
        match connection.execute_batch("COMMIT") {
            Ok(()) => return Ok(()),
            Err(error) if is_busy(&error) && !connection.is_autocommit() => {}
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                roll_back(connection)?;
                return Err(refused(
                    format!("the file would not commit: {}", safe(&error.to_string())),
                    "a deferred foreign key points at these rows; delete what refers to them first",
                ));
            }
            Err(error) => {
                // Whether it was done is for `settle` to find out.
                let _ = roll_back(connection);
                return Err(lost(&error.to_string()));
            }
        }
    }
    roll_back(connection)?;
    Err(StoreError::Busy {
        message: "readers kept the file open, so the deletion was rolled back".to_owned(),
        hint: Some("try again later; in WAL mode readers are in nobody's way".to_owned()),
    })
}

/// What decides over a batch inside its transaction.
pub(super) struct Deletion<'b> {
    connection: &'b Connection,
    sheets: &'b Sheets,
    batch: &'b Batch,
    minds: Minds,
    /// By relation after the first: the archived rows of each event, sorted.
    families: Vec<HashMap<&'b RowKey, Vec<&'b [u8]>>>,
}

/// What became of one event's rows.
enum Verdict {
    Deleted(Vec<u64>),
    Left(Left),
}

impl<'b> Deletion<'b> {
    /// Sorts the batch's rows by event.
    pub(super) fn new(
        connection: &'b Connection,
        sheets: &'b Sheets,
        batch: &'b Batch,
        minds: Minds,
    ) -> Result<Self, StoreError> {
        let odd = |what: &str| refused(format!("the batch is not of this plan: {what}"), "");
        if batch.rows.len() != sheets.0.len() {
            return Err(odd("it has other relations"));
        }
        let mut families = Vec::new();
        for rows in &batch.rows[1..] {
            let mut family: HashMap<&RowKey, Vec<&[u8]>> = HashMap::new();
            for (mark, bytes) in rows.iter() {
                let Some(parent) = &mark.parent else {
                    return Err(odd("a related row has no event"));
                };
                family.entry(parent).or_default().push(bytes);
            }
            for rows in family.values_mut() {
                rows.sort_unstable();
            }
            families.push(family);
        }
        let this = Self {
            connection,
            sheets,
            batch,
            minds,
            families,
        };
        let events: std::collections::HashSet<&RowKey> =
            batch.rows[0].marks.iter().map(|mark| &mark.key).collect();
        let mut parents = this.families.iter().flat_map(HashMap::keys);
        if parents.any(|parent| !events.contains(*parent)) {
            return Err(odd("a related row's event is not in it"));
        }
        Ok(this)
    }

    /// Deletes what is still as archived. The caller rolls back on an error.
    pub(super) fn run(&self, halt: &Halt) -> Result<Work, StoreError> {
        let changes_before = self.connection.total_changes();
        let mut work = Work {
            deleted: vec![0; self.sheets.0.len()],
            left: Vec::new(),
        };
        let mut gone = Vec::new();
        for (place, (mark, bytes)) in self.batch.rows[0].iter().enumerate() {
            if halt.is_asked() {
                return Err(StoreError::Cancelled);
            }
            match self.event(&mark.key, bytes)? {
                Verdict::Left(why) => work.left.push((place, why)),
                Verdict::Deleted(counts) => {
                    gone.push(&mark.key);
                    for (sum, count) in work.deleted.iter_mut().zip(counts) {
                        *sum += count;
                    }
                }
            }
        }
        let changes = self.connection.total_changes() - changes_before;
        let expected: u64 = work.deleted.iter().sum();
        if self.minds != Minds::Triggers && changes != expected {
            return Err(refused(
                format!("deleting {expected} rows changed {changes}; everything was taken back"),
                "something in the file deletes or changes other rows along with these",
            ));
        }
        if self.minds == Minds::Triggers {
            for key in gone {
                if self.is_there(key)? {
                    return Err(refused(
                        "a row that was deleted is there again; everything was taken back"
                            .to_owned(),
                        "a trigger inserts it; drop the trigger or keep these rows",
                    ));
                }
            }
        }
        Ok(work)
    }

    fn is_there(&self, key: &RowKey) -> Result<bool, StoreError> {
        self.sheets.0[0]
            .is_there(self.connection, key)
            .map_err(|error| statement_error(&error))
    }

    fn event(&self, key: &RowKey, archived: &[u8]) -> Result<Verdict, StoreError> {
        let fail = |error: rusqlite::Error| statement_error(&error);
        let Some(now) = self.sheets.0[0].one(self.connection, key).map_err(fail)? else {
            return Ok(Verdict::Left(Left::Gone));
        };
        if now.key != *key || now.bytes != archived || !self.is_family_as_archived(key)? {
            return Ok(Verdict::Left(Left::Changed));
        }
        if self.minds == Minds::Free && self.sheets.0.len() == 1 {
            return self.delete(key);
        }
        // What a refusal has begun is taken back by itself.
        self.connection
            .execute_batch("SAVEPOINT event")
            .map_err(fail)?;
        let verdict = self.delete(key)?;
        if matches!(verdict, Verdict::Left(_)) {
            self.connection
                .execute_batch("ROLLBACK TO event")
                .map_err(fail)?;
        }
        self.connection
            .execute_batch("RELEASE event")
            .map_err(fail)?;
        Ok(verdict)
    }

    fn is_family_as_archived(&self, key: &RowKey) -> Result<bool, StoreError> {
        for (place, family) in self.families.iter().enumerate() {
            let rows = self
                .sheets
                .rows(self.connection, place + 1, key)
                .map_err(|error| statement_error(&error))?;
            let mut now: Vec<&[u8]> = rows.iter().map(|row| row.bytes.as_slice()).collect();
            now.sort_unstable();
            if now != family.get(key).map_or(&[][..], Vec::as_slice) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Children before parents; every number of rows must be the archive's.
    fn delete(&self, key: &RowKey) -> Result<Verdict, StoreError> {
        let mut counts = vec![0; self.sheets.0.len()];
        for relation in (0..self.sheets.0.len()).rev() {
            let expected = match relation {
                0 => 1,
                _ => self.families[relation - 1].get(key).map_or(0, Vec::len),
            };
            match self.sheets.delete(self.connection, relation, key) {
                Ok(count) if count == expected => counts[relation] = count as u64,
                // RAISE(IGNORE) leaves rows and says nothing.
                Ok(count) if count < expected => return Ok(Verdict::Left(Left::Refused)),
                Ok(count) => {
                    return Err(refused(
                        format!(
                            "{count} rows were deleted where {expected} are archived; everything was taken back"
                        ),
                        "",
                    ));
                }
                Err(error) if self.connection.is_autocommit() => {
                    return Err(refused(
                        format!(
                            "the file rolled the deletion back: {}",
                            safe(&error.to_string())
                        ),
                        "a trigger does so; drop it or keep these rows",
                    ));
                }
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                    return Ok(Verdict::Left(Left::Refused));
                }
                Err(error) => return Err(statement_error(&error)),
            }
        }
        Ok(Verdict::Deleted(counts))
    }
}

/// Whether a transaction was committed: by whether the rows it was to delete are still there. A
/// journal or write-ahead log that a dead process left was rolled back when the file was opened.
pub(super) fn settle(
    connection: &Connection,
    sheets: &Sheets,
    name: &str,
    batch: &Batch,
) -> Result<Settled, StoreError> {
    roll_back(connection)?;
    let Some(left) = left_of(name) else {
        return Err(refused(
            format!("{} is no transaction of a SQLite file", safe(name)),
            "",
        ));
    };
    let Some(events) = batch.rows.first() else {
        return Ok(Settled::RolledBack);
    };
    for (place, (mark, bytes)) in events.iter().enumerate() {
        if left
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&place))
        {
            continue;
        }
        let now = sheets.0[0]
            .one(connection, &mark.key)
            .map_err(|error| statement_error(&error))?;
        if now.is_some_and(|now| now.bytes == bytes) {
            return Ok(Settled::RolledBack);
        }
    }
    Ok(Settled::Committed)
}

/// Event rows of the batch that are there, whatever they look like.
pub(super) fn present(
    connection: &Connection,
    sheets: &Sheets,
    batch: &Batch,
) -> Result<u64, StoreError> {
    let mut count = 0;
    for mark in batch.rows.first().into_iter().flat_map(|rows| &rows.marks) {
        let is_there = sheets.0[0]
            .is_there(connection, &mark.key)
            .map_err(|error| statement_error(&error))?;
        count += u64::from(is_there);
    }
    Ok(count)
}
