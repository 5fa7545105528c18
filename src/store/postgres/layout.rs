//! How a table and a profile fit together in SQL: the time column, the key, the order, the record.
//!
//! Pure. Does not know predicates; see `sql`.

mod key;

use std::borrow::Cow;
use std::sync::Arc;

use crate::core::event::{Cursor, KeyPart};
use crate::core::instant::{At, Micros};
use crate::core::json::{FlatJson, JsonError, Node};
use crate::core::profile::{ColumnKind, Profile, TimeEncoding};
use crate::core::record::unfolded;
use crate::store::StoreError;
use crate::store::postgres::catalogue::{JSON_IN_TEXT, Table, TableColumn};
use crate::store::postgres::sql::quote::ident;

pub use crate::store::postgres::layout::key::{KeyColumn, KeySource, literal};

/// A table as this driver reads it.
#[derive(Debug)]
pub struct Layout {
    /// The table.
    pub table: Table,
    /// How rows become events.
    pub profile: Arc<Profile>,
    /// The time column.
    pub time: TimeColumn,
    /// What tells rows of one instant apart.
    pub key: Vec<KeyColumn>,
    /// Text columns that hold documents.
    pub folded: Vec<String>,
}

/// The time column.
#[derive(Clone, Debug)]
pub struct TimeColumn {
    /// The column's name, as in records.
    pub name: String,
    /// Its expression, with the collation that orders it by bytes where it is text.
    pub sql: String,
    /// How its values look.
    pub form: TimeForm,
}

/// How a time column's values look in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// `timestamptz`
    Instant,
    /// `timestamp` or `date` with this zone's wall clock.
    WallClock(chrono_tz::Tz),
    /// An integer of this many to the second.
    Integer(i64),
    /// A fractional number, this many to the second.
    Number(i64),
    /// Text.
    Text,
}

/// Which way a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Newest first.
    Back,
    /// Oldest first.
    Forth,
}

impl Way {
    /// As `ORDER BY` calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Back => "DESC",
            Self::Forth => "ASC",
        }
    }

    /// The comparison that goes on from a cursor.
    pub fn beyond(self) -> &'static str {
        match self {
            Self::Back => "<",
            Self::Forth => ">",
        }
    }
}

/// Marks the text columns that hold documents, as the profile knows; their names.
fn fold(table: &mut Table, profile: &Profile) -> Vec<String> {
    let mut folded = Vec::new();
    for column in &mut table.columns {
        if column.kind() == ColumnKind::Text && profile.reads_below(&column.name) {
            JSON_IN_TEXT.clone_into(&mut column.base);
            folded.push(column.name.clone());
        }
    }
    folded
}

impl Layout {
    /// Fits a profile to a table; an error says what is missing.
    pub fn new(mut table: Table, profile: Arc<Profile>) -> Result<Self, StoreError> {
        let folded = fold(&mut table, &profile);
        let time = TimeColumn::new(&table, &profile)?;
        let key = key::key(&table, &profile)?;
        let needed = key
            .iter()
            .filter_map(KeyColumn::name)
            .chain([time.name.as_str()]);
        let closed: Vec<String> = needed
            .filter(|name| table.column(name).is_some_and(|column| !column.readable))
            .map(ident)
            .collect();
        if !closed.is_empty() {
            let columns = closed.join(", ");
            return Err(StoreError::Failed {
                message: format!(
                    "this role has no permission to read {columns} of {}, which every page needs",
                    table.label()
                ),
                hint: Some(format!(
                    "GRANT SELECT ({columns}) ON {} TO the role",
                    table.quoted()
                )),
            });
        }
        Ok(Self {
            table,
            profile,
            time,
            key,
            folded,
        })
    }

    /// The record of a row as the server wrote it, with the documents that text columns hold;
    /// `nodes` is memory to be used again.
    pub fn record<'t>(
        &self,
        json: Cow<'t, str>,
        nodes: Vec<Node>,
    ) -> Result<FlatJson<'t>, JsonError> {
        let record = FlatJson::parse_into(json, nodes)?;
        if self.folded.is_empty() {
            return Ok(record);
        }
        let folded: Vec<&str> = self.folded.iter().map(String::as_str).collect();
        match unfolded(&record, &folded) {
            Some(json) => FlatJson::parse_into(json, record.into_nodes()),
            None => Ok(record),
        }
    }

    /// What a profile alone says about a table of this name; `None` when it leaves anything open
    /// that a plain page needs.
    pub fn assumed(name: &str, profile: &Arc<Profile>) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let signature = profile.signatures.first()?;
        let columns: Option<Vec<_>> = signature
            .columns
            .iter()
            .map(|(name, kinds)| match kinds.as_slice() {
                [kind] => Some(TableColumn::assumed(name, *kind)),
                _ => None,
            })
            .collect();
        let is_instant = profile.time.encoding == TimeEncoding::Instant;
        if !is_instant || profile.key.is_empty() || !name.chars().all(is_plain) {
            return None;
        }
        let table = Table::assumed(name, columns?);
        let layout = Self::new(table, profile.clone()).ok()?;
        (layout.time.form == TimeForm::Instant && !layout.is_keyed_by_place()).then_some(layout)
    }

    /// `FROM …` with the alias `t` that every expression uses. Columns the role may not read are
    /// left out.
    pub fn from(&self) -> String {
        if self.table.can_select {
            return format!("{} t", self.table.quoted());
        }
        let mut columns: Vec<String> = self
            .table
            .columns
            .iter()
            .filter(|column| column.readable)
            .map(|column| ident(&column.name))
            .collect();
        if self.is_keyed_by_place() {
            columns.push("ctid".to_owned());
            if self.is_of_several_tables() {
                columns.push("tableoid".to_owned());
            }
        }
        format!(
            "(SELECT {} FROM {}) t",
            columns.join(", "),
            self.table.quoted()
        )
    }

    /// The select list: the record as JSON, then the row's place where that is the key.
    pub fn selected(&self) -> String {
        if self.is_keyed_by_place() {
            format!("to_json(t)::text, {}", self.place())
        } else {
            "to_json(t)::text".to_owned()
        }
    }

    /// Where a row is, for [`KeyColumn::in_place`].
    pub fn place(&self) -> &'static str {
        if !self.is_keyed_by_place() {
            "NULL"
        } else if self.is_of_several_tables() {
            "t.tableoid::text || t.ctid::text"
        } else {
            "t.ctid::text"
        }
    }

    /// Whether the key is one column of whole numbers.
    pub fn is_keyed_by_number(&self) -> bool {
        let [key] = self.key.as_slice() else {
            return false;
        };
        let column = key.name().and_then(|name| self.table.column(name));
        column.is_some_and(|column| column.kind() == ColumnKind::Int)
    }

    /// Whether the row's place in the table is (part of) the key.
    pub fn is_keyed_by_place(&self) -> bool {
        self.key.iter().any(|part| part.source == KeySource::Place)
    }

    fn is_of_several_tables(&self) -> bool {
        self.key
            .iter()
            .any(|part| part.source == KeySource::Relation)
    }

    /// An expression that differs whenever a row has changed.
    pub fn version(&self) -> &'static str {
        match self.table.kind.as_str() {
            "r" | "p" | "m" if self.table.can_select => "t.xmin::text",
            _ => "md5(to_json(t)::text)",
        }
    }

    /// The condition for any of these keys.
    pub fn key_among(&self, keys: &[Vec<KeyPart>]) -> String {
        let values: Vec<String> = keys
            .iter()
            .map(|key| format!("({})", self.key_values(key)))
            .collect();
        format!("({}) IN ({})", self.key_sames(), values.join(", "))
    }

    /// `ORDER BY` of the dated rows.
    pub fn order(&self, way: Way) -> String {
        format!("{} {}, {}", self.time.sql, way.word(), self.key_order(way))
    }

    /// `ORDER BY` of the key alone.
    pub fn key_order(&self, way: Way) -> String {
        let parts: Vec<String> = self
            .key
            .iter()
            .map(|part| format!("{} {}", part.sql, way.word()))
            .collect();
        parts.join(", ")
    }

    /// The condition for dated rows strictly beyond a cursor among them.
    pub fn beyond(&self, cursor: &Cursor, way: Way) -> String {
        let sides: Vec<&str> = std::iter::once(self.time.sql.as_str())
            .chain(self.key.iter().map(|part| part.sql.as_str()))
            .collect();
        let values: Vec<String> = std::iter::once(literal(&cursor.time))
            .chain(self.key_literals(&cursor.key))
            .collect();
        format!(
            "({}) {} ({})",
            sides.join(", "),
            way.beyond(),
            values.join(", ")
        )
    }

    /// The condition for keys strictly beyond a key.
    pub fn key_beyond(&self, key: &[KeyPart], way: Way) -> String {
        format!(
            "({}) {} ({})",
            self.key_columns(),
            way.beyond(),
            self.key_values(key)
        )
    }

    /// The condition for exactly the event of this cursor. A place is taken again when its row is
    /// gone, so that the time must be the same, too.
    pub fn is_at(&self, cursor: &Cursor) -> String {
        let key = format!(
            "({}) = ({})",
            self.key_sames(),
            self.key_values(&cursor.key)
        );
        if !self.is_keyed_by_place() {
            return key;
        }
        let time = &self.time.sql;
        match &cursor.time {
            KeyPart::Null => format!("{key} AND {time} IS NULL"),
            part => format!("{key} AND {time} = {}", literal(part)),
        }
    }

    /// The key's expressions for equality, comma-separated.
    fn key_sames(&self) -> String {
        let parts: Vec<&str> = self.key.iter().map(|part| part.same.as_str()).collect();
        parts.join(", ")
    }

    /// The key's expressions, comma-separated.
    pub fn key_columns(&self) -> String {
        let parts: Vec<&str> = self.key.iter().map(|part| part.sql.as_str()).collect();
        parts.join(", ")
    }

    fn key_values(&self, key: &[KeyPart]) -> String {
        self.key_literals(key).collect::<Vec<_>>().join(", ")
    }

    fn key_literals<'k>(&'k self, key: &'k [KeyPart]) -> impl Iterator<Item = String> + 'k {
        self.key
            .iter()
            .zip(key)
            .map(|(column, part)| column.literal(part))
    }
}

impl TimeColumn {
    fn new(table: &Table, profile: &Profile) -> Result<Self, StoreError> {
        let path = &profile.time.path;
        let unusable = |why: String| StoreError::Failed {
            message: format!("{} has no usable time column: {why}", table.label()),
            hint: Some("auditail profiles show NAME prints the columns a profile reads".to_owned()),
        };
        let name = path.column().to_owned();
        if path.steps().len() > 1 {
            return Err(unusable(format!("the time is inside the document {name}")));
        }
        let column = table
            .column(&name)
            .ok_or_else(|| unusable(format!("there is no column {name}")))?;
        let kind = column.kind();
        let units = match profile.time.encoding {
            TimeEncoding::EpochMillis => 1_000,
            TimeEncoding::EpochMicros => 1_000_000,
            TimeEncoding::EpochNanos => 1_000_000_000,
            _ => 1,
        };
        let form = match (kind, profile.time.encoding) {
            (ColumnKind::Timestamptz, _) => TimeForm::Instant,
            (ColumnKind::Timestamp | ColumnKind::Date, TimeEncoding::Zoneless(tz)) => {
                TimeForm::WallClock(tz)
            }
            (ColumnKind::Timestamp | ColumnKind::Date, _) => TimeForm::WallClock(chrono_tz::UTC),
            (ColumnKind::Int, _) => TimeForm::Integer(units),
            (ColumnKind::Number, _) => TimeForm::Number(units),
            (ColumnKind::Text, _) => TimeForm::Text,
            _ => {
                return Err(unusable(format!(
                    "{name} is {}, which is no time",
                    column.spelled
                )));
            }
        };
        let mut sql = format!("t.{}", ident(&name));
        if form == TimeForm::Text {
            sql.push_str("::text COLLATE \"C\"");
        }
        Ok(Self { name, sql, form })
    }

    /// The condition for rows whose time is a moment: plain ranges, which also leave NULL out.
    pub fn is_dated(&self) -> String {
        let sql = &self.sql;
        match self.form {
            // With its type: a column that only claims to be an instant must fail, not compare as text.
            TimeForm::Instant => {
                format!("{sql} > timestamptz '-infinity' AND {sql} < timestamptz 'infinity'")
            }
            TimeForm::WallClock(_) => format!("{sql} > '-infinity' AND {sql} < 'infinity'"),
            TimeForm::Number(_) => {
                format!("{sql} IS NOT NULL AND {sql}::text NOT IN ('NaN', 'Infinity', '-Infinity')")
            }
            TimeForm::Integer(_) | TimeForm::Text => format!("{sql} IS NOT NULL"),
        }
    }

    /// Whether a cursor stands among the rows of [`Self::is_undated`]. Not the same as having no
    /// instant: a text that is no time has none, and stands among the dated rows.
    pub fn is_among_undated(&self, cursor: &Cursor) -> bool {
        match &cursor.time {
            KeyPart::Null => true,
            KeyPart::Text(text) if self.form != TimeForm::Text => matches!(
                &**text,
                "infinity" | "-infinity" | "Infinity" | "-Infinity" | "NaN"
            ),
            _ => false,
        }
    }

    /// The condition for the other rows.
    pub fn is_undated(&self) -> String {
        let sql = &self.sql;
        match self.form {
            TimeForm::Instant | TimeForm::WallClock(_) => {
                format!("({sql} IS NULL OR {sql} = '-infinity' OR {sql} = 'infinity')")
            }
            TimeForm::Number(_) => {
                format!("({sql} IS NULL OR {sql}::text IN ('NaN', 'Infinity', '-Infinity'))")
            }
            TimeForm::Integer(_) | TimeForm::Text => format!("{sql} IS NULL"),
        }
    }

    /// Where a row without a moment stands in its section: -∞, ∞, none.
    pub fn rank(&self) -> String {
        let sql = &self.sql;
        match self.form {
            TimeForm::Instant | TimeForm::WallClock(_) => {
                format!(
                    "CASE WHEN {sql} = '-infinity' THEN 0 WHEN {sql} = 'infinity' THEN 1 ELSE 2 END"
                )
            }
            TimeForm::Number(_) => format!(
                "CASE {sql}::text WHEN '-Infinity' THEN 0 WHEN 'Infinity' THEN 1 ELSE 2 END"
            ),
            // A bare 2 would be the place of a column in `ORDER BY`.
            TimeForm::Integer(_) | TimeForm::Text => "2::int".to_owned(),
        }
    }

    /// An instant as a literal of the column, rounded down; and whether the column can tell it
    /// from its neighbours. `None`: the column cannot be compared with instants.
    pub fn literal(&self, at: Micros) -> Option<String> {
        // Years 1 to 9999: what lies beyond is written in another way, and in no audit log.
        let at = Micros(at.0.clamp(-62_135_596_800_000_000, 253_402_300_799_999_999));
        match self.form {
            TimeForm::Instant => Some(format!("'{at}'::timestamptz")),
            TimeForm::WallClock(tz) => {
                let local = at.to_utc()?.with_timezone(&tz).naive_local();
                Some(format!(
                    "'{}'::timestamp",
                    local.format("%Y-%m-%dT%H:%M:%S%.6f")
                ))
            }
            TimeForm::Integer(units) => Some(scaled(at, units).to_string()),
            TimeForm::Number(units) => {
                let micros = i128::from(at.0) * i128::from(units);
                let (whole, part) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
                Some(if whole < 0 && part > 0 {
                    format!("({whole} + 0.{part:06})")
                } else {
                    format!("{whole}.{part:06}")
                })
            }
            TimeForm::Text => None,
        }
    }
}

/// Microseconds in an integer column's unit, rounded up: the smallest value at or after the
/// instant, so that `>=` and `<` against it are exact.
fn scaled(at: Micros, units: i64) -> i128 {
    let product = i128::from(at.0) * i128::from(units);
    -((-product).div_euclid(1_000_000))
}

/// The place of a time in the undated section; `None` for moments.
pub fn rank_of(at: At) -> Option<u8> {
    match at {
        At::Instant(_) => None,
        At::NegInfinity => Some(0),
        At::PosInfinity => Some(1),
        At::Absent => Some(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_bounds_round_up() {
        assert_eq!(scaled(Micros(1_500_000), 1), 2);
        assert_eq!(scaled(Micros(1_000_000), 1), 1);
        assert_eq!(scaled(Micros(-1_500_000), 1), -1);
        assert_eq!(scaled(Micros(1_500_001), 1_000), 1_501);
        assert_eq!(scaled(Micros(1), 1_000_000_000), 1_000);
    }
}
