//! What a purge is going to do, decided once: the frozen cutoff, the filter, the holds, and the table
//! as it was found. Everything later is checked against it.

use serde::{Deserialize, Serialize};

use crate::core::instant::Micros;

/// A purge as it was decided. Written once, never changed; its hash is in every later step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Of this format. Readers refuse others.
    pub format: u32,
    /// Where, without any password: what `--target` must mean again.
    pub target: String,
    /// The program's version.
    pub written_by: String,
    /// What goes.
    pub scope: Scope,
    /// The store as it was found; compared again before every later phase.
    pub identity: Identity,
    /// The relations concerned, the events' own first, then related ones, each after its parent.
    /// Deletion goes through them from the last to the first.
    pub relations: Vec<Relation>,
    /// The profile as TOML: what makes events of the rows, and what must stay.
    pub profile: String,
    /// How rows are written down.
    pub encoding: Encoding,
    /// In which order rows are read, archived and deleted.
    pub order: RowOrder,
    /// What the survey found, for people and for counting three ways.
    pub survey: Survey,
    /// What the operator was told and went on with.
    pub warnings: Vec<String>,
    /// The server's clock when the plan was made; a plan is good for 24 hours before its backup is
    /// verified.
    pub made_at: Micros,
}

impl Plan {
    /// The format this program writes and reads.
    pub const FORMAT: u32 = 1;
}

/// Which rows go: those before the cutoff that the filter selects and no hold keeps. Rows without a
/// finite time never go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Exclusive. From the server's clock or typed, and never moving again.
    pub cutoff: Micros,
    /// Query text; empty means every event before the cutoff.
    pub filter: String,
    /// Query texts of `--keep`; an event that one of them matches stays.
    pub keep: Vec<String>,
    /// The instant at which relative times in the texts were frozen.
    pub now: Micros,
    /// The zone of naive times in the texts.
    pub tz: String,
    /// Payload paths the texts name without a leading dot, resolved when the plan was made.
    pub names: Vec<String>,
}

/// A store and a table, so that another one of the same name is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// `PostgreSQL 15.18`.
    pub server: String,
    /// What must be the same at every later step, by name: `system identifier`, `timeline`,
    /// `database`, `oid`, `relfilenode`; a file's device and inode; a collection's uuid.
    pub facts: Vec<(String, String)>,
}

/// A relation whose rows go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// Schema, database or nothing.
    pub schema: Option<String>,
    /// Table or collection.
    pub name: String,
    /// The columns that are archived, in the order of the archived row; empty for documents.
    pub columns: Vec<PlanColumn>,
    /// The columns of the key. May be empty for related relations only.
    pub key: Vec<String>,
    /// How rows of a related relation find their event.
    pub parent: Option<ParentLink>,
    /// Statements that make an equal, empty relation, for the README and restore drills.
    pub ddl: Vec<String>,
}

/// How a related row finds its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentLink {
    /// Which of [`Plan::relations`].
    pub relation: usize,
    /// Columns here.
    pub columns: Vec<String>,
    /// Columns of the parent they equal, in the same order.
    pub parent_columns: Vec<String>,
}

/// An archived column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanColumn {
    /// Unquoted.
    pub name: String,
    /// The store's own name of the type: `timestamp with time zone`, `jsonb`, `INTEGER`.
    pub type_name: String,
    /// What it holds; the word of `ColumnKind`.
    pub kind: String,
    /// What a composite, or a list of composites, consists of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<PlanColumn>,
}

/// How rows are written down, so that the store's own tools can read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// PostgreSQL's COPY text, a line a row.
    CopyText,
    /// BSON documents, one after the other, as `mongodump` writes them.
    Bson,
    /// SQLite's INSERT statements, a row each; `;` and newline end it.
    SqlInserts,
}

impl Encoding {
    /// Ends the name of a segment's payload, before `.zst`.
    pub fn extension(self) -> &'static str {
        match self {
            Self::CopyText => "copy",
            Self::Bson => "bson",
            Self::SqlInserts => "sql",
        }
    }
}

/// In which order rows are read, archived and deleted; strictly ascending, so that a cut can be
/// resumed after the last row of the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    /// By the key alone.
    Key,
    /// By raw time, then key; where an index has it.
    TimeThenKey,
}

/// What a look at the store before the purge found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survey {
    /// Rows the server would select. A superset when the filter does not compile exactly: the
    /// archive then holds fewer, and says how many were read and left.
    pub selected: u64,
    /// Whether `selected` is exact.
    pub exactness: CountExactness,
    /// Rows by UTC month `YYYY-MM`: going, staying.
    pub months: Vec<Month>,
    /// First and last instant going.
    pub oldest: Option<Micros>,
    /// Last instant going.
    pub newest: Option<Micros>,
    /// The five oldest rows going, a JSON document each, bounded.
    pub first_rows: Vec<String>,
    /// The five newest rows going.
    pub last_rows: Vec<String>,
    /// The first row that stays because of the cutoff.
    pub first_kept: Option<String>,
    /// Rows that stay because of a hold, by hold.
    pub held: Vec<(String, u64)>,
    /// Rows that can never go: `NULL`, `-infinity`, `infinity`, not a time, by kind.
    pub timeless: Vec<(String, u64)>,
    /// Rows of related relations, by name.
    pub related: Vec<(String, u64)>,
    /// Estimated bytes of plain payload.
    pub bytes: u64,
}

/// Whether a count of the server is the number of rows going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountExactness {
    /// It is.
    #[default]
    Exact,
    /// There are at most as many.
    AtMost,
}

/// A month of the survey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Month {
    /// `2026-08`.
    pub month: String,
    /// Rows before the cutoff that the server selects.
    pub going: u64,
    /// Others.
    pub staying: u64,
}
