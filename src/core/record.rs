//! Rows as JSON: the one place where a driver's typed columns become the text of a payload.
//!
//! A record is the row as it is. Drivers write each column with [`RecordWriter`], so that the same
//! value looks the same from every store.

use crate::core::profile::ColumnKind;

/// A column of a table, or a dotted key of sampled documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, unquoted.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// The store's own name of the type, for people.
    pub type_name: String,
    /// Whether an index starts with it.
    pub indexed: bool,
    /// Whether it is part of the primary key.
    pub key: bool,
}

/// Builds `{"column":value,…}` in a reused buffer.
///
/// Values: integers and numbers as JSON numbers (NaN and infinities as text), booleans, JSON as it
/// stands, everything else as text. Instants are text as `row_to_json` writes them:
/// `2026-01-02T03:04:05.678901+00:00`.
#[derive(Debug, Default)]
pub struct RecordWriter {
    text: String,
}
