//! Which tables a file has, what their columns really hold, and how the chosen one is read.
//!
//! SQLite's declared types bind nobody, so the newest rows are looked at: JSON in a TEXT column,
//! ISO times, epoch numbers. Does not judge which table is an audit log; `profile::detect` does.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::core::event::KeyPart;
use crate::core::json::is_json;
use crate::core::profile::detect::Relation;
use crate::core::profile::evaluate::decode_time;
use crate::core::profile::{ColumnKind, TimeEncoding};
use crate::core::record::Column;
use crate::core::scalar::Scalar;
use crate::store::StoreError;
use crate::store::sqlite::open::statement_error;
use crate::store::sqlite::shape::{Spelling, Storage, quoted};

/// Rows looked at per table.
const SAMPLE: usize = 50;

/// Values larger than this are not parsed while sampling; their first character decides.
const LARGE: usize = 64 * 1024;

/// A table or view as SQLite describes it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// For detection.
    pub(super) relation: Relation,
    /// What kind of thing it is.
    pub(super) form: Form,
    /// Names of the declared primary key's columns, in its order.
    pub(super) primary: Vec<String>,
}

/// What a relation is to SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A table with a rowid.
    Rowid,
    /// A `WITHOUT ROWID` table.
    WithoutRowid,
    /// A view.
    View,
}

/// Every table and view of the file. Views are not sampled: a view may take long to give a row.
pub(super) fn tables(connection: &Connection) -> Result<Vec<Table>, StoreError> {
    let query = "SELECT name, type, wr FROM pragma_table_list \
                 WHERE schema = 'main' AND type IN ('table', 'view') \
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let named: Vec<(String, Form)> = connection
        .prepare(query)
        .and_then(|mut statement| {
            let rows = statement.query_map([], |row| {
                let form = match (row.get_ref(1)?.as_str()?, row.get(2)?) {
                    ("view", _) => Form::View,
                    (_, true) => Form::WithoutRowid,
                    _ => Form::Rowid,
                };
                Ok((row.get(0)?, form))
            })?;
            rows.collect()
        })
        .map_err(|error| statement_error(&error))?;
    named
        .into_iter()
        .filter_map(|(name, form)| {
            match table(connection, &name, form) {
                // A view over a table that is gone is no reason not to open the others.
                Err(_) if form == Form::View => None,
                result => Some(result.map_err(|error| statement_error(&error))),
            }
        })
        .collect()
}

fn table(connection: &Connection, name: &str, form: Form) -> rusqlite::Result<Table> {
    let indexed = indexed_columns(connection, name)?;
    let mut primary: Vec<(i64, String)> = Vec::new();
    let mut columns: Vec<Column> = Vec::new();
    let mut statement =
        connection.prepare("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)")?;
    let mut rows = statement.query([name])?;
    while let Some(row) = rows.next()? {
        let (name, type_name): (String, String) = (row.get(0)?, row.get(1)?);
        let (place, hidden): (i64, i64) = (row.get(2)?, row.get(3)?);
        // Hidden columns of virtual tables are no data; generated columns (2, 3) are.
        if hidden == 1 {
            continue;
        }
        if place > 0 {
            primary.push((place, name.clone()));
        }
        columns.push(Column {
            kind: declared_kind(&type_name),
            indexed: indexed.contains(&name),
            key: place > 0,
            name,
            type_name,
        });
    }
    primary.sort();
    // The rowid itself and the key of a table without one are its tree: as good as an index.
    let leads = primary.first().map(|(_, name)| name.clone());
    for column in columns
        .iter_mut()
        .filter(|column| Some(&column.name) == leads.as_ref())
    {
        column.indexed = true;
    }
    let estimate = match form {
        Form::View => None,
        Form::Rowid | Form::WithoutRowid => {
            sample(connection, name, form, &mut columns)?;
            estimate(connection, name, form, &columns)?
        }
    };
    Ok(Table {
        relation: Relation {
            name: name.to_owned(),
            columns,
            estimate,
        },
        form,
        primary: primary.into_iter().map(|(_, name)| name).collect(),
    })
}

/// Columns with which an index begins; partial indexes do not count, they miss rows.
fn indexed_columns(connection: &Connection, table: &str) -> rusqlite::Result<BTreeSet<String>> {
    connection
        .prepare(
            "SELECT i.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i \
             WHERE i.seqno = 0 AND l.partial = 0 AND i.name IS NOT NULL",
        )?
        .query_map([table], |row| row.get(0))?
        .collect()
}

/// A name of the rowid that no column takes for itself.
pub(super) fn rowid(columns: &[Column]) -> Option<&'static str> {
    ["rowid", "_rowid_", "oid"].into_iter().find(|alias| {
        columns
            .iter()
            .all(|column| !column.name.eq_ignore_ascii_case(alias))
    })
}

/// The rows as far as that costs nothing: the span of the rowids, from both ends of the tree.
pub(super) fn estimate_sql(rowid: &str, table: &str) -> String {
    format!("SELECT (SELECT max({rowid}) FROM {table}) - (SELECT min({rowid}) FROM {table}) + 1")
}

fn estimate(
    connection: &Connection,
    table: &str,
    form: Form,
    columns: &[Column],
) -> rusqlite::Result<Option<u64>> {
    let (Form::Rowid, Some(rowid)) = (form, rowid(columns)) else {
        return Ok(None);
    };
    let query = estimate_sql(rowid, &quoted(table));
    let span: Option<i64> = connection.query_row(&query, [], |row| row.get(0))?;
    Ok(span.map_or(Some(0), |span| u64::try_from(span).ok()))
}

/// Corrects the columns' kinds by what the newest rows hold.
fn sample(
    connection: &Connection,
    table: &str,
    form: Form,
    columns: &mut [Column],
) -> rusqlite::Result<()> {
    let order = if form == Form::Rowid {
        " ORDER BY rowid DESC"
    } else {
        ""
    };
    let names: Vec<_> = columns.iter().map(|column| quoted(&column.name)).collect();
    let query = format!(
        "SELECT {} FROM {}{order} LIMIT {SAMPLE}",
        names.join(", "),
        quoted(table)
    );
    let mut seen = vec![Seen::default(); columns.len()];
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (place, seen) in seen.iter_mut().enumerate() {
            seen.look(row.get_ref(place)?);
        }
    }
    for (column, seen) in columns.iter_mut().zip(seen) {
        column.kind = seen.kind(column.kind);
    }
    Ok(())
}

/// What the sampled values of one column are.
#[derive(Clone, Debug, Default)]
struct Seen {
    values: u32,
    ints: u32,
    flags: u32,
    reals: u32,
    texts: u32,
    documents: u32,
    zoned: u32,
    zoneless: u32,
    dates: u32,
    blobs: u32,
}

impl Seen {
    fn look(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => return,
            ValueRef::Integer(int) => {
                self.ints += 1;
                self.flags += u32::from(matches!(int, 0 | 1));
            }
            ValueRef::Real(_) => self.reals += 1,
            ValueRef::Blob(_) => self.blobs += 1,
            ValueRef::Text(bytes) => {
                self.texts += 1;
                self.look_at_text(bytes);
            }
        }
        self.values += 1;
    }

    fn look_at_text(&mut self, bytes: &[u8]) {
        if bytes
            .first()
            .is_some_and(|first| matches!(first, b'{' | b'['))
        {
            let is_document = bytes.len() > LARGE || std::str::from_utf8(bytes).is_ok_and(is_json);
            self.documents += u32::from(is_document);
            return;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        if !decode_time(TimeEncoding::Instant, &Scalar::Text(text.into())).is_dated() {
            return;
        }
        match text.len() {
            ..=10 => self.dates += 1,
            _ if text.ends_with(['Z', 'z']) || text[10..].contains(['+', '-']) => self.zoned += 1,
            _ => self.zoneless += 1,
        }
    }

    /// The declared kind, unless the values speak against it with one voice.
    fn kind(&self, declared: ColumnKind) -> ColumnKind {
        let all = |count: u32| self.values > 0 && count == self.values;
        match declared {
            ColumnKind::Bool if all(self.flags) => ColumnKind::Bool,
            // A column that says it holds instants is believed about the zone its text leaves out.
            ColumnKind::Timestamptz if all(self.zoned + self.zoneless) => ColumnKind::Timestamptz,
            _ if all(self.ints) => ColumnKind::Int,
            _ if all(self.ints + self.reals) => ColumnKind::Number,
            _ if all(self.blobs) => ColumnKind::Bytes,
            _ if all(self.documents) => ColumnKind::Json,
            _ if all(self.zoned) => ColumnKind::Timestamptz,
            _ if all(self.dates) => ColumnKind::Date,
            _ if all(self.zoned + self.zoneless + self.dates) => ColumnKind::Timestamp,
            ColumnKind::Uuid | ColumnKind::Json | ColumnKind::Timestamptz => declared,
            _ if all(self.texts) => ColumnKind::Text,
            _ => declared,
        }
    }
}

/// What the declared type says, by the names people carry over from other databases.
fn declared_kind(type_name: &str) -> ColumnKind {
    let name = type_name.to_ascii_uppercase();
    let says = |word: &str| name.contains(word);
    if says("JSON") {
        ColumnKind::Json
    } else if says("BOOL") {
        ColumnKind::Bool
    } else if says("TIMESTAMPTZ") || says("WITH TIME ZONE") {
        ColumnKind::Timestamptz
    } else if says("TIMESTAMP") || says("DATETIME") {
        ColumnKind::Timestamp
    } else if says("DATE") {
        ColumnKind::Date
    } else if says("UUID") || says("GUID") {
        ColumnKind::Uuid
    } else if says("INT") {
        ColumnKind::Int
    } else if says("CHAR") || says("CLOB") || says("TEXT") || says("STRING") {
        ColumnKind::Text
    } else if says("BLOB") || says("BYTEA") {
        ColumnKind::Bytes
    } else if ["REAL", "FLOA", "DOUB", "NUM", "DEC"]
        .iter()
        .any(|word| says(word))
    {
        ColumnKind::Number
    } else {
        ColumnKind::Other
    }
}

/// How the newest times of a table are stored. `expected` decides for an empty table.
pub(super) fn storage(
    connection: &Connection,
    table: &str,
    time: &str,
    expected: TimeEncoding,
) -> Result<Storage, StoreError> {
    let times = recent_times(connection, table, time).map_err(|error| statement_error(&error))?;
    let is_number = |part: &&KeyPart| matches!(part, KeyPart::Int(_) | KeyPart::Number(_));
    let numbers = times.iter().filter(is_number).count();
    let texts: Vec<&str> = times
        .iter()
        .filter_map(|part| match part {
            KeyPart::Text(text) => Some(&**text),
            _ => None,
        })
        .collect();
    let expects_text = matches!(expected, TimeEncoding::Instant | TimeEncoding::Zoneless(_));
    if numbers > texts.len() || (texts.is_empty() && numbers == 0 && !expects_text) {
        return Ok(Storage::Numeric);
    }
    let mut spellings = texts.iter().map(|text| Spelling::of(text));
    let spelling = spellings.next().flatten();
    let is_shared = spellings.all(|other| other == spelling);
    Ok(Storage::Text {
        spelling: spelling.filter(|_| is_shared),
    })
}

/// Times of the rows written last, as stored.
pub(super) fn recent_times(
    connection: &Connection,
    table: &str,
    time: &str,
) -> rusqlite::Result<Vec<KeyPart>> {
    let query = format!("SELECT {time} FROM {table} WHERE {time} IS NOT NULL");
    let newest = format!("{query} ORDER BY rowid DESC LIMIT {SAMPLE}");
    let any = format!("{query} LIMIT {SAMPLE}");
    // Views and tables without a rowid refuse the first.
    let mut statement = connection
        .prepare(&newest)
        .or_else(|_| connection.prepare(&any))?;
    let rows = statement.query_map([], |row| Ok(super::row::part_of(row.get_ref(0)?)))?;
    rows.collect()
}
