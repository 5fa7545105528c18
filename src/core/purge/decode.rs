//! From an archived row back to the record that profiles and filters speak of: the same text that
//! reading the row from its store gives.

pub mod copy;
pub mod insert;

use crate::core::purge::insert::BadInsert;
use crate::core::purge::plan::{Encoding, Relation};

/// Why bytes are not a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not an INSERT statement of that table.
    #[error(transparent)]
    Insert(#[from] BadInsert),
    /// Not a line of COPY text of that table.
    #[error(transparent)]
    Copy(#[from] copy::BadRow),
    /// Written in a form this version does not read.
    #[error("rows written as {0:?} cannot be read by this version")]
    Encoding(Encoding),
}

/// The record's JSON text.
pub fn record(encoding: Encoding, relation: &Relation, row: &[u8]) -> Result<String, DecodeError> {
    match encoding {
        Encoding::SqlInserts => Ok(insert::record(relation, row)?),
        Encoding::CopyText => Ok(copy::record(relation, row)?),
        Encoding::Bson => Err(DecodeError::Encoding(encoding)),
    }
}
