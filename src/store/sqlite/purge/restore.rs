//! Putting archived rows back.
//!
//! Statements of an archive are never executed: their values are read, laid down in a temporary
//! table with the same column types, read back and compared, and only then inserted where they are
//! missing.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use crate::core::event::EventId;
use crate::core::purge::insert::{InsertForm, SqlValue};
use crate::core::purge::plan::Relation;
use crate::core::purge::row::{RawRows, RowKey};
use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::purger::{Batch, Restored};
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::purge::delete::{begin, commit, roll_back};
use crate::store::sqlite::purge::model::refused;
use crate::store::sqlite::purge::sheet::Sheets;
use crate::store::sqlite::shape::quoted;
use crate::store::sqlite::worker::Halt;

/// Temporary tables are named by their relation's place.
fn staging(relation: usize) -> String {
    format!("temp.auditail_staging_{relation}")
}

/// The number of a row in its batch, from 1 on.
const PLACE: &str = "auditail_place";

/// Where rows go, and what the archive calls it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// As it is in the file; the first may have another name than in the plan.
    pub(super) sheets: Sheets,
    /// How the archive's rows are written.
    pub(super) forms: Vec<InsertForm>,
}

/// Makes the tables in which rows are laid down first.
pub(super) fn make_staging(
    connection: &Connection,
    relations: &[Relation],
) -> rusqlite::Result<()> {
    for (place, relation) in relations.iter().enumerate() {
        // The declared type decides what a column makes of a value.
        let columns: Vec<_> = relation
            .columns
            .iter()
            .map(|column| format!("{} {}", quoted(&column.name), column.type_name))
            .collect();
        connection.execute_batch(&format!(
            "CREATE TEMP TABLE auditail_staging_{place}({PLACE} INTEGER PRIMARY KEY, {})",
            columns.join(", ")
        ))?;
    }
    Ok(())
}

/// Drops them.
pub(super) fn drop_staging(connection: &Connection, relations: usize) -> Result<(), StoreError> {
    roll_back(connection)?;
    for place in 0..relations {
        connection
            .execute_batch(&format!("DROP TABLE IF EXISTS {}", staging(place)))
            .map_err(|error| statement_error(&error))?;
    }
    Ok(())
}

/// What a row's key looks like in a report.
fn shown_key(rows: &RawRows, place: usize) -> String {
    let mark = &rows.marks[place];
    let key = match (mark.key.0.is_empty(), &mark.parent) {
        (true, Some(parent)) => parent,
        _ => &mark.key,
    };
    EventId::of_key(&key.0).as_str().to_owned()
}

/// One transaction's restoring.
struct Restoring<'b> {
    connection: &'b Connection,
    target: &'b Target,
    batch: &'b Batch,
    report: Restored,
}

/// Restores a batch in one transaction.
pub(super) fn restore(
    connection: &Connection,
    target: &Target,
    batch: &Batch,
    halt: &Halt,
) -> Result<Restored, StoreError> {
    if batch.rows.len() != target.sheets.0.len() {
        return Err(refused("the batch is not of this plan".to_owned(), ""));
    }
    if !begin(connection, halt)? {
        return Err(StoreError::Busy {
            message: "another program keeps the file locked".to_owned(),
            hint: Some("restore again when it is done; what is there stays".to_owned()),
        });
    }
    let mut restoring = Restoring {
        connection,
        target,
        batch,
        report: Restored::default(),
    };
    let mut run = || {
        for relation in 0..batch.rows.len() {
            restoring.relation(relation, halt)?;
        }
        Ok(())
    };
    match run() {
        Ok(()) => {
            let report = restoring.report;
            commit(connection)?;
            Ok(report)
        }
        Err(error) => {
            roll_back(connection)?;
            Err(error)
        }
    }
}

impl Restoring<'_> {
    fn relation(&mut self, relation: usize, halt: &Halt) -> Result<(), StoreError> {
        let rows = &self.batch.rows[relation];
        let is_good = self.stage(relation, rows)?;
        let mut families = Families::default();
        for (place, (mark, bytes)) in rows.iter().enumerate() {
            if halt.is_asked() {
                return Err(StoreError::Cancelled);
            }
            if !is_good[place] {
                self.report.altered.push(shown_key(rows, place));
                continue;
            }
            let now = if mark.key.0.is_empty() {
                families.take(self, relation, mark.parent.as_ref(), bytes)?
            } else {
                self.now(relation, &mark.key, bytes)?
            };
            match now {
                Now::Missing => self.insert(relation, rows, place, bytes)?,
                Now::Equal => self.report.equal += 1,
                Now::Other => self.report.conflicts.push(shown_key(rows, place)),
            }
        }
        self.connection
            .execute_batch(&format!("DELETE FROM {}", staging(relation)))
            .map_err(|error| statement_error(&error))
    }

    fn now(&self, relation: usize, key: &RowKey, bytes: &[u8]) -> Result<Now, StoreError> {
        let found = self.target.sheets.0[relation]
            .one(self.connection, key)
            .map_err(|error| statement_error(&error))?;
        Ok(match found {
            None => Now::Missing,
            Some(found) if self.own(relation, &found.bytes).as_deref() == Some(bytes) => Now::Equal,
            Some(_) => Now::Other,
        })
    }

    /// A row of the target in the archive's words.
    fn own(&self, relation: usize, bytes: &[u8]) -> Option<Vec<u8>> {
        let values = self.target.sheets.0[relation].form.read(bytes).ok()?;
        let mut own = Vec::with_capacity(bytes.len());
        self.target.forms[relation].write(&mut own, values);
        Some(own)
    }

    /// Lays the rows down, numbered from one, and says which read back as archived.
    fn stage(&self, relation: usize, rows: &RawRows) -> Result<Vec<bool>, StoreError> {
        let fail = |error: rusqlite::Error| statement_error(&error);
        let (sheet, form) = (
            &self.target.sheets.0[relation],
            &self.target.forms[relation],
        );
        let columns = sheet.columns.join(", ");
        for (place, (_, bytes)) in rows.iter().enumerate() {
            let values = form.read(bytes).map_err(|error| {
                refused(
                    format!("row {} of the archive cannot be read: {error}", place + 1),
                    "verify the archive",
                )
            })?;
            let marks: Vec<_> = values.iter().map(mark).collect();
            let query = format!(
                "INSERT INTO {}({PLACE}, {columns}) VALUES({}, {})",
                staging(relation),
                place + 1,
                marks.join(", ")
            );
            self.connection
                .prepare(&query)
                .and_then(|mut insert| insert.execute(params_from_iter(values.iter().map(bound))))
                .map_err(fail)?;
        }
        let places: Vec<_> = (0..sheet.columns.len()).collect();
        let query = format!(
            "SELECT {columns} FROM {} ORDER BY {PLACE}",
            staging(relation)
        );
        let mut statement = self.connection.prepare_cached(&query).map_err(fail)?;
        let mut found = statement.query([]).map_err(fail)?;
        let mut is_good = Vec::with_capacity(rows.marks.len());
        for (_, bytes) in rows.iter() {
            let Some(row) = found.next().map_err(fail)? else {
                return Err(refused("a row laid down is not there".to_owned(), ""));
            };
            let mut rendered = Vec::new();
            sheet.render_at(row, &places, &mut rendered).map_err(fail)?;
            is_good.push(self.own(relation, &rendered).as_deref() == Some(bytes));
        }
        Ok(is_good)
    }

    fn insert(
        &mut self,
        relation: usize,
        rows: &RawRows,
        place: usize,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let sheet = &self.target.sheets.0[relation];
        let columns = sheet.columns.join(", ");
        let query = format!(
            "INSERT INTO {}({columns}) SELECT {columns} FROM {} WHERE {PLACE} = ?",
            sheet.table,
            staging(relation)
        );
        let number = i64::try_from(place + 1).unwrap_or(i64::MAX);
        let inserted = self
            .connection
            .prepare_cached(&query)
            .and_then(|mut insert| insert.execute([number]));
        match inserted {
            Ok(1) => self.report.inserted += 1,
            Ok(_) => {
                self.report.conflicts.push(shown_key(rows, place));
                return Ok(());
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                self.report.conflicts.push(shown_key(rows, place));
                return Ok(());
            }
            Err(error) => return Err(statement_error(&error)),
        }
        let key = &rows.marks[place].key;
        if !key.0.is_empty() && self.now(relation, key, bytes)? != Now::Equal {
            self.report.altered.push(shown_key(rows, place));
        }
        Ok(())
    }
}

/// Where an archived row stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Now {
    /// There is none with its key.
    Missing,
    /// It is there.
    Equal,
    /// Another one has its key.
    Other,
}

/// The rows without a key that an event has already, each to be matched once.
#[derive(Default)]
struct Families(HashMap<RowKey, HashMap<Vec<u8>, u64>>);

impl Families {
    /// Takes one equal row out, if there is one.
    fn take(
        &mut self,
        restoring: &Restoring<'_>,
        relation: usize,
        parent: Option<&RowKey>,
        bytes: &[u8],
    ) -> Result<Now, StoreError> {
        let Some(parent) = parent else {
            return Err(refused("a related row has no event".to_owned(), ""));
        };
        if !self.0.contains_key(parent) {
            let rows = restoring
                .target
                .sheets
                .rows(restoring.connection, relation, parent)
                .map_err(|error| statement_error(&error))?;
            let mut family = HashMap::new();
            for row in rows {
                if let Some(own) = restoring.own(relation, &row.bytes) {
                    *family.entry(own).or_default() += 1;
                }
            }
            self.0.insert(parent.clone(), family);
        }
        let count = self
            .0
            .get_mut(parent)
            .and_then(|family| family.get_mut(bytes));
        Ok(match count {
            Some(count) if *count > 0 => {
                *count -= 1;
                Now::Equal
            }
            _ => Now::Missing,
        })
    }
}

/// Where a value goes in a statement: only blobs can be bound byte for byte.
fn mark(value: &SqlValue<'_>) -> &'static str {
    match value {
        SqlValue::Text(_) => "CAST(? AS TEXT)",
        _ => "?",
    }
}

fn bound(value: &SqlValue<'_>) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Int(int) => Value::Integer(*int),
        SqlValue::Real(real) => Value::Real(*real),
        SqlValue::Text(bytes) | SqlValue::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// Makes the plan's tables in an empty file: the drill's.
pub(super) fn make_tables(
    connection: &Connection,
    relations: &[Relation],
) -> Result<(), StoreError> {
    for statement in relations.iter().flat_map(|relation| &relation.ddl) {
        if !statement
            .get(..12)
            .is_some_and(|head| head.eq_ignore_ascii_case("CREATE TABLE"))
        {
            return Err(refused(
                format!("{} makes no table", safe(statement)),
                "the plan is not one this program wrote",
            ));
        }
        connection
            .execute_batch(statement)
            .map_err(|error| statement_error(&error))?;
    }
    Ok(())
}
