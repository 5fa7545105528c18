//! From an archived row back to the record that profiles and filters speak of: the same text that
//! reading the row from its store gives.

pub mod bson;
pub mod copy;
pub mod insert;

use crate::core::bson::{Malformed, key};
use crate::core::event::EventId;
use crate::core::instant::At;
use crate::core::json::FlatJson;
use crate::core::profile::{ColumnKind, Profile};
use crate::core::purge::insert::BadInsert;
use crate::core::purge::plan::{Encoding, Relation};
use crate::core::purge::row::RowKey;
use crate::core::record::unfolded;

/// Why bytes are not a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not an INSERT statement of that table.
    #[error(transparent)]
    Insert(#[from] BadInsert),
    /// Not a line of COPY text of that table.
    #[error(transparent)]
    Copy(#[from] copy::BadRow),
    /// Not a BSON document.
    #[error(transparent)]
    Bson(#[from] Malformed),
}

/// The record's JSON text.
pub fn record(encoding: Encoding, relation: &Relation, row: &[u8]) -> Result<String, DecodeError> {
    match encoding {
        Encoding::SqlInserts => Ok(insert::record(relation, row)?),
        Encoding::CopyText => Ok(copy::record(relation, row)?),
        Encoding::Bson => Ok(bson::record(row)?),
    }
}

/// When the row's event happened, where that can be told without the record; the same as the record
/// would tell.
pub fn time(encoding: Encoding, profile: &Profile, row: &[u8]) -> Result<Option<At>, DecodeError> {
    match encoding {
        Encoding::Bson => Ok(Some(bson::time(profile, row)?)),
        Encoding::CopyText | Encoding::SqlInserts => Ok(None),
    }
}

/// A row's id as its reading driver spells it.
pub fn id(encoding: Encoding, row: &RowKey) -> EventId {
    match encoding {
        Encoding::Bson => key::text(row),
        Encoding::CopyText | Encoding::SqlInserts => EventId::of_key(&row.0),
    }
}

/// Reads the rows of a relation as its profile sees them.
#[derive(Clone, Debug)]
pub struct Decoder {
    encoding: Encoding,
    relation: Relation,
    /// Text columns that hold documents, as the profile knows.
    folded: Vec<String>,
}

impl Decoder {
    /// Of the plan's events.
    pub fn new(encoding: Encoding, relation: &Relation, profile: &Profile) -> Self {
        let is_folded =
            |name: &str, kind: &str| kind == ColumnKind::Text.word() && profile.reads_below(name);
        let columns = relation.columns.iter();
        Self {
            encoding,
            relation: relation.clone(),
            folded: columns
                .filter(|column| is_folded(&column.name, &column.kind))
                .map(|column| column.name.clone())
                .collect(),
        }
    }

    /// The record's JSON text, with the documents that text columns hold.
    pub fn record(&self, row: &[u8]) -> Result<String, DecodeError> {
        let text = record(self.encoding, &self.relation, row)?;
        if self.folded.is_empty() {
            return Ok(text);
        }
        let folded: Vec<&str> = self.folded.iter().map(String::as_str).collect();
        let unfolded = FlatJson::parse(text.as_str())
            .ok()
            .and_then(|record| unfolded(&record, &folded));
        Ok(unfolded.unwrap_or(text))
    }
}
