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
use crate::core::purge::insert::{BadInsert, InsertForm};
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
    /// What rows of SQLite begin with.
    form: InsertForm,
    /// Text columns that hold documents, as the profile knows.
    folded: Vec<String>,
    /// By column: whether it decides about a purge of the row.
    decides: Vec<bool>,
}

impl Decoder {
    /// Of the plan's events.
    pub fn new(encoding: Encoding, relation: &Relation, profile: &Profile) -> Self {
        let is_folded =
            |name: &str, kind: &str| kind == ColumnKind::Text.word() && profile.reads_below(name);
        let columns = relation.columns.iter();
        let decides = columns
            .clone()
            .map(|column| profile.decides_by(&column.name));
        Self {
            encoding,
            relation: relation.clone(),
            form: insert::form(relation),
            decides: decides.collect(),
            folded: columns
                .filter(|column| is_folded(&column.name, &column.kind))
                .map(|column| column.name.clone())
                .collect(),
        }
    }

    /// The record's JSON text, with the documents that text columns hold.
    pub fn record(&self, row: &[u8]) -> Result<String, DecodeError> {
        self.part(row, &|_| true)
    }

    /// The same with no more of it than the time and what the profile's holds ask for, where rows
    /// have columns.
    pub fn deciding(&self, row: &[u8]) -> Result<String, DecodeError> {
        self.part(row, &|place| self.decides[place])
    }

    fn part(&self, row: &[u8], is_wanted: &dyn Fn(usize) -> bool) -> Result<String, DecodeError> {
        let relation = &self.relation;
        let text = match self.encoding {
            Encoding::SqlInserts => insert::part(&self.form, relation, row, is_wanted)?,
            Encoding::CopyText => copy::part(relation, row, is_wanted)?,
            Encoding::Bson => bson::record(row)?,
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::profile::load;
    use crate::core::purge::plan::PlanColumn;

    #[test]
    fn what_decides_is_read_as_in_the_whole_record() {
        let column = |name: &str, type_name: &str, kind: ColumnKind| PlanColumn {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            kind: kind.word().to_owned(),
            fields: Vec::new(),
        };
        let relation = Relation {
            schema: None,
            name: "audit_events".to_owned(),
            columns: vec![
                column("id", "bigint", ColumnKind::Int),
                column(
                    "occurred_at",
                    "timestamp with time zone",
                    ColumnKind::Timestamptz,
                ),
                column("details", "jsonb", ColumnKind::Json),
                column("sent", "boolean", ColumnKind::Bool),
            ],
            key: Vec::new(),
            parent: None,
            ddl: Vec::new(),
        };
        let profile = load::named("clutch").expect("built in");
        for (encoding, row) in [
            (
                Encoding::CopyText,
                "7\t2026-01-02 03:04:05.6+00\t{\"a\": \"\\\\n\"}\tt\n",
            ),
            (
                Encoding::SqlInserts,
                "INSERT INTO \"audit_events\"(\"id\",\"occurred_at\",\"details\",\"sent\") \
                 VALUES(7,'2026-01-02T03:04:05.6Z','{\"a\": 1}',1);\n",
            ),
        ] {
            let decoder = Decoder::new(encoding, &relation, &profile);
            let record = |text: Result<String, DecodeError>| {
                let value: serde_json::Value =
                    serde_json::from_str(&text.expect("a row")).expect("JSON");
                value.as_object().expect("a record").clone()
            };
            let whole = record(decoder.record(row.as_bytes()));
            let part = record(decoder.deciding(row.as_bytes()));
            assert_eq!(part.keys().collect::<Vec<_>>(), ["occurred_at", "sent"]);
            assert!(part.iter().all(|(name, value)| whole[name] == *value));
            assert_eq!(whole.len(), 4);
            let cut = row.trim_end();
            assert!(decoder.deciding(cut.as_bytes()).is_err());
        }
    }
}
