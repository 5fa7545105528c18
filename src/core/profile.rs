//! A profile knows one audit schema: how to recognise it and how a row becomes an [`Event`].
//!
//! The expressions here are closed enums on purpose: one evaluator (`profile::evaluate`) gives them
//! their meaning and the drivers compile the same values to SQL or MQL. Profiles are TOML
//! (`profile::load`); the built-in ones are embedded from `src/profiles/`.

pub mod detect;
pub mod evaluate;
pub mod guess;
pub mod load;
pub mod moment;

use std::collections::BTreeMap;

use crate::core::event::{Field, Outcome};
use crate::core::path::Path;

/// A profile, checked and ready for use.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Short name: `clutch`.
    pub name: String,
    /// For people: `Lyft Clutch`.
    pub title: String,
    /// Where it came from.
    pub origin: Origin,
    /// How to recognise the store; any one signature is enough.
    pub signatures: Vec<Signature>,
    /// When an event happened.
    pub time: TimeRule,
    /// Where stores of this kind may keep the time instead; `detect` settles for the one a store has,
    /// an indexed one before others.
    pub time_also: Vec<TimeRule>,
    /// The key columns, when the profile knows better than the store's primary key.
    pub key: Vec<String>,
    /// By [`Field`], in the order of [`Field::ALL`].
    pub fields: [ValueExpr; Field::ALL.len()],
    /// First rule whose condition holds decides; no rule, no outcome.
    pub outcome: Vec<OutcomeRule>,
    /// Names of the profile's own, usable in queries like event fields.
    pub own: Vec<OwnField>,
    /// Whether rows change after insert.
    pub changes: Changes,
    /// Where the inputs and outputs of a call are.
    pub calls: CallFacts,
    /// Where the store itself says who is in which group.
    pub groups: Option<Membership>,
    /// What a purge must know.
    pub purge: PurgeFacts,
}

impl Profile {
    /// The expression of a field.
    pub fn field(&self, field: Field) -> &ValueExpr {
        &self.fields[field as usize]
    }

    /// Whether anything is read out of the inside of a column: then text in it is a document.
    pub fn reads_below(&self, column: &str) -> bool {
        let is_below = |path: &Path| path.column() == column && path.steps().len() > 1;
        let fields = self
            .fields
            .iter()
            .chain(self.own.iter().map(|own| &own.expr));
        fields.into_iter().any(|expr| expr.reads(&is_below))
            || self.outcome.iter().any(|rule| rule.when.reads(&is_below))
    }

    /// Whether a row's time, or whether it must stay, is read out of a column.
    pub fn decides_by(&self, column: &str) -> bool {
        let is_it = |path: &Path| path.column() == column;
        is_it(&self.time.path) || self.purge.keep.iter().any(|keep| keep.when.reads(&is_it))
    }

    /// The own field with this name.
    pub fn own(&self, name: &str) -> Option<&OwnField> {
        self.own.iter().find(|own| own.name == name)
    }
}

/// Where a profile came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Shipped with the program.
    BuiltIn,
    /// A file of the user's.
    File(std::path::PathBuf),
    /// Made from column names and types; shown to the user as a guess.
    Guessed,
}

/// Columns and their kinds that must all be present. The table's name is no evidence.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Signature {
    /// Column (or dotted document key) → the kinds it may have.
    pub columns: BTreeMap<String, Vec<ColumnKind>>,
    /// Columns that must not be there; they belong to look-alikes.
    pub absent: Vec<String>,
    /// Whether there may be others besides.
    pub others: Others,
}

/// Whether a table may have columns its signature does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Others {
    /// It may: stores add columns with time.
    #[default]
    Allowed,
    /// It may not: the named ones are too common to mean anything among others.
    None,
}

/// What a column holds, across stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColumnKind {
    /// Any integer type.
    Int,
    /// Any other number (float, numeric).
    Number,
    /// Text of any length, also enums.
    Text,
    /// Boolean.
    Bool,
    /// An instant with its zone (`timestamptz`, BSON Date).
    Timestamptz,
    /// A date and time without zone.
    Timestamp,
    /// A calendar date.
    Date,
    /// JSON or BSON document (`json`, `jsonb`, sub-document).
    Json,
    /// An array of something else.
    Array,
    /// Uuid or `ObjectId`.
    Uuid,
    /// Bytes.
    Bytes,
    /// Anything else; shown as text.
    Other,
}

impl ColumnKind {
    /// Every kind with the word profiles use for it.
    pub const WORDS: [(Self, &'static str); 12] = [
        (Self::Int, "int"),
        (Self::Number, "number"),
        (Self::Text, "text"),
        (Self::Bool, "bool"),
        (Self::Timestamptz, "timestamptz"),
        (Self::Timestamp, "timestamp"),
        (Self::Date, "date"),
        (Self::Json, "json"),
        (Self::Array, "array"),
        (Self::Uuid, "uuid"),
        (Self::Bytes, "bytes"),
        (Self::Other, "other"),
    ];

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        let known = Self::WORDS.into_iter().find(|(_, known)| *known == word);
        known.map(|(kind, _)| kind)
    }

    /// The word profiles use for it.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .into_iter()
            .find(|(kind, _)| *kind == self)
            .map_or("other", |(_, word)| word)
    }
}

/// Values drawn from a record: a list of scalars, most often of length one or zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueExpr {
    /// The store does not have it.
    Absent,
    /// The scalars a path reaches.
    Path(Path),
    /// The first expression that has any value.
    First(Vec<ValueExpr>),
    /// All values of all expressions in order, equal ones once.
    All(Vec<ValueExpr>),
    /// Text with holes; absent when a hole has no value, the first value of each hole otherwise.
    Template(Vec<TemplatePart>),
    /// Each value looked up by its text; values not in the table pass through.
    Lookup {
        /// What is looked up.
        of: Box<ValueExpr>,
        /// Text of the value → its name.
        table: BTreeMap<String, String>,
    },
    /// The values of an expression in records of one kind, none in others.
    When {
        /// The kind of record.
        holds: Box<Condition>,
        /// What is read of it.
        then: Box<ValueExpr>,
    },
}

impl ValueExpr {
    /// Whether it reads a path of this kind.
    fn reads(&self, is_meant: &dyn Fn(&Path) -> bool) -> bool {
        match self {
            Self::Absent => false,
            Self::Path(path) => is_meant(path),
            Self::First(parts) | Self::All(parts) => parts.iter().any(|part| part.reads(is_meant)),
            Self::Template(parts) => parts.iter().any(|part| match part {
                TemplatePart::Literal(_) => false,
                TemplatePart::Value(expr) => expr.reads(is_meant),
            }),
            Self::Lookup { of, .. } => of.reads(is_meant),
            Self::When { holds, then } => holds.reads(is_meant) || then.reads(is_meant),
        }
    }
}

impl Condition {
    /// Whether it reads a path of this kind.
    fn reads(&self, is_meant: &dyn Fn(&Path) -> bool) -> bool {
        match self {
            Self::Has(path) => is_meant(path),
            Self::In(expr, _) | Self::EndsWith(expr, _) => expr.reads(is_meant),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.reads(is_meant)),
            Self::Not(part) => part.reads(is_meant),
        }
    }
}

/// A piece of a [`ValueExpr::Template`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TemplatePart {
    /// As it stands.
    Literal(String),
    /// The first value of an expression.
    Value(ValueExpr),
}

/// A two-valued test of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The path reaches something that is not null (`{}` counts).
    Has(Path),
    /// Any value equals one of these words, by the rule of bare query words (`7` is the number 7 or
    /// the text "7"; `true` the boolean or the text).
    In(ValueExpr, Vec<String>),
    /// Any value, as text, ends in this (exact case).
    EndsWith(ValueExpr, String),
    /// All of them.
    And(Vec<Condition>),
    /// Any of them.
    Or(Vec<Condition>),
    /// Not it.
    Not(Box<Condition>),
}

/// One step of the decision about the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeRule {
    /// When it applies.
    pub when: Condition,
    /// What it says.
    pub is: Outcome,
}

/// Where the time is and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeRule {
    /// A column, or a path into a document.
    pub path: Path,
    /// How to read it.
    pub encoding: TimeEncoding,
}

/// How a time is written (seven encodings are in real use; see `profile::evaluate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeEncoding {
    /// The store's own instant type, or ISO 8601 text with an offset.
    Instant,
    /// A date and time without zone that holds this zone's wall clock.
    Zoneless(chrono_tz::Tz),
    /// Seconds since the epoch, possibly fractional.
    EpochSeconds,
    /// Milliseconds since the epoch.
    EpochMillis,
    /// Microseconds since the epoch.
    EpochMicros,
    /// Nanoseconds since the epoch.
    EpochNanos,
}

/// A name of the profile's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnField {
    /// As typed in queries.
    pub name: String,
    /// What it is, for completion and help.
    pub about: String,
    /// Its values.
    pub expr: ValueExpr,
}

/// Whether rows change after they were inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Append-only, as far as is known.
    Never,
    /// Rows are updated up to this many seconds after their time.
    Within(u32),
}

/// Where the inputs and outputs of a call are; what the paths reach is shown as it is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CallFacts {
    /// What it was called with.
    pub inputs: Vec<Path>,
    /// What it answered.
    pub outputs: Vec<Path>,
}

/// A table or collection that says who is in which group, a user and a group in each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its name, or `schema.name`.
    pub table: String,
    /// Who.
    pub user: Member,
    /// In which.
    pub group: Member,
}

/// A column of users or of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name; in documents a path.
    pub column: String,
    /// Where the names are, when the column has ids.
    pub named: Option<Naming>,
}

/// A table that names what others have the ids of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// Its name, or `schema.name`.
    pub table: String,
    /// Its column of ids.
    pub id: String,
    /// Its column of names.
    pub name: String,
}

/// What a purge must know about a store.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PurgeFacts {
    /// Never purge, and why.
    pub refuse: Option<String>,
    /// Rows for which one of these holds stay.
    pub keep: Vec<Keep>,
    /// Tables whose rows belong to an event and go with it, parents before their children.
    pub related: Vec<Related>,
    /// Rows are chained by hashes: only the oldest may go, all of them.
    pub chain: Option<HashChain>,
}

/// Rows that name the row before them by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashChain {
    /// A row's own hash.
    pub hash: Path,
    /// The hash of the row before it.
    pub previous: Path,
}

/// A table whose rows belong to an event: a purge archives and deletes them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Its name, in the schema of the events.
    pub table: String,
    /// The table of its parents, one named before it; `None` for the events themselves.
    pub parent: Option<String>,
    /// Its columns and the parent's columns that they equal.
    pub columns: BTreeMap<String, String>,
}

/// Rows that stay, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Which rows.
    pub when: Condition,
    /// Why, for people.
    pub because: String,
}
