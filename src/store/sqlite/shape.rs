//! How one table is read: its columns, the column that orders it, its key, and the pieces of SQL
//! made of them.
//!
//! The order is SQLite's own on the raw time column, then the key. Which raw values are a time is
//! decided here by their storage class; what instant they are is the profile's business.

use std::fmt::Write as _;
use std::sync::Arc;

use rusqlite::types::Value;

use crate::core::event::{Cursor, EventId, KeyPart};
use crate::core::instant::{At, Micros};
use crate::core::profile::evaluate::decode_time;
use crate::core::profile::{Profile, TimeEncoding};
pub(super) use crate::core::purge::insert::quoted;
use crate::core::record::Column;
use crate::core::scalar::Scalar;

/// Text of a time begins with a digit: it lies between these two. They are no numbers themselves,
/// or a column of numeric affinity would turn them into some.
const TEXT_LOW: &str = "/~";
const TEXT_HIGH: &str = ":";

const DAY: i64 = 86_400 * Micros::SECOND;

/// How times are stored in this table, by SQLite's storage classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// Integers or floats.
    Numeric,
    /// ISO 8601 text. `spelling` is the `GLOB` pattern that the sampled values share, if they do.
    Text {
        /// `T` or a space, and what follows the seconds' fraction.
        spelling: Option<Spelling>,
    },
}

/// One way of writing ISO 8601: texts written so sort as their instants, up to their second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    /// Between day and time.
    pub(super) separator: char,
    /// `Z`, `+00:00`, or nothing.
    pub(super) zone: &'static str,
}

impl Spelling {
    /// The spelling of one text, when it is one that sorts by instant.
    pub(super) fn of(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let separator = match bytes.get(10)? {
            b'T' => 'T',
            b' ' => ' ',
            _ => return None,
        };
        let clock = text.get(11..19)?;
        let zone = text
            .get(19..)?
            .trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let zone = ["", "Z", "+00:00"]
            .into_iter()
            .find(|known| *known == zone)?;
        let has_colons = clock.as_bytes()[2] == b':' && clock.as_bytes()[5] == b':';
        has_colons.then_some(Self { separator, zone })
    }

    /// Matches the texts of this spelling, as `GLOB` understands it; a zone-less one also matches
    /// texts with a zone, see [`Shape::near_sql`].
    fn pattern(&self) -> String {
        let day = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]";
        let clock = "[0-9][0-9]:[0-9][0-9]:[0-9][0-9]";
        format!("{day}{}{clock}*{}", self.separator, self.zone)
    }
}

/// Where a row stands by its raw time value, in the order in which a newest-first list shows it.
/// Each section is ordered by raw time, then key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// What is a time by its looks.
    Dated,
    /// `-infinity`
    NegInfinity,
    /// `infinity`
    PosInfinity,
    /// No time, and SQLite sorts it after all times.
    High,
    /// No time, and SQLite sorts it before all times.
    Low,
    /// NULL.
    Null,
}

impl Section {
    /// Newest first.
    pub(super) const ALL: [Self; 6] = [
        Self::Dated,
        Self::NegInfinity,
        Self::PosInfinity,
        Self::High,
        Self::Low,
        Self::Null,
    ];
}

/// Limits of the raw time column; `None` is open. The low end is inclusive, the high end exclusive.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RawBounds {
    /// Inclusive.
    pub(super) low: Option<Value>,
    /// Exclusive.
    pub(super) high: Option<Value>,
}

/// A piece of SQL and the values of its `?`, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sql {
    /// The text.
    pub(super) text: String,
    /// The values.
    pub(super) values: Vec<Value>,
}

impl Sql {
    /// Text without values.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
        }
    }

    /// Text with values.
    pub(super) fn new(text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self {
            text: text.into(),
            values: values.into_iter().collect(),
        }
    }

    /// Appends.
    pub(super) fn push(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.values.extend(other.values);
    }
}

/// How one table is read.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Quoted name.
    pub(super) table: String,
    /// All columns in order; every statement reads them all.
    pub(super) columns: Vec<Column>,
    /// The expression that is ordered by.
    pub(super) time: String,
    /// How its values are stored.
    pub(super) storage: Storage,
    /// Breaks ties; unique and never NULL. Quoted column names, or the rowid.
    pub(super) sort: Vec<String>,
    /// Places of the columns that are the id; empty when the id is the sort key.
    pub(super) id: Vec<usize>,
    /// How rows become events.
    pub(super) profile: Arc<Profile>,
    /// Whether an index gives the rows in order, so that reading may stop and go on anywhere.
    pub(super) is_ordered: bool,
    /// Whether the sort key alone gives the rows without sorting them, as in every table.
    pub(super) is_keyed: bool,
}

/// A part of a cursor as SQLite compares it.
pub(super) fn value_of(part: &KeyPart) -> Value {
    match part {
        KeyPart::Null => Value::Null,
        KeyPart::Int(int) => Value::Integer(*int),
        // Written by `part_of` from a float, in the spelling that reads back as the same float.
        KeyPart::Number(text) => text.parse().map_or(Value::Null, Value::Real),
        KeyPart::Text(text) => Value::Text(text.to_string()),
        KeyPart::RawText(bytes) | KeyPart::Bytes(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// Where [`value_of`] the part goes in a statement. Broken text cannot be bound as text, and no
/// blob equals it or sorts as it does; the plus keeps the cast from turning the numbers it is
/// compared with into text.
pub(super) fn mark_of(part: &KeyPart) -> &'static str {
    match part {
        KeyPart::RawText(_) => "+CAST(? AS TEXT)",
        KeyPart::Null
        | KeyPart::Int(_)
        | KeyPart::Number(_)
        | KeyPart::Text(_)
        | KeyPart::Bytes(_) => "?",
    }
}

fn marks(parts: &[KeyPart]) -> String {
    let marks: Vec<_> = parts.iter().map(mark_of).collect();
    format!("({})", marks.join(", "))
}

impl Shape {
    /// Where a row with this raw time stands; the same decision as [`Shape::section_sql`].
    pub(super) fn section_of(&self, time: &KeyPart) -> Section {
        let text = match time {
            KeyPart::Text(text) => Some(text.as_bytes()),
            KeyPart::RawText(bytes) => Some(&**bytes),
            KeyPart::Null | KeyPart::Int(_) | KeyPart::Number(_) | KeyPart::Bytes(_) => None,
        };
        match (time, &self.storage) {
            (KeyPart::Null, _) => Section::Null,
            _ if text == Some(b"-infinity") => Section::NegInfinity,
            _ if text == Some(b"infinity") => Section::PosInfinity,
            (KeyPart::Int(_) | KeyPart::Number(_), Storage::Numeric) => Section::Dated,
            (KeyPart::Int(_) | KeyPart::Number(_), Storage::Text { .. }) => Section::Low,
            (_, Storage::Text { .. }) if text.is_some_and(|text| text < TEXT_LOW.as_bytes()) => {
                Section::Low
            }
            (_, Storage::Text { .. }) if text.is_some_and(|text| text < TEXT_HIGH.as_bytes()) => {
                Section::Dated
            }
            (KeyPart::Text(_) | KeyPart::RawText(_) | KeyPart::Bytes(_), _) => Section::High,
        }
    }

    /// The rows of a section: a plain range of the raw column. `bounds` narrows the dated ones.
    pub(super) fn section_sql(&self, section: Section, bounds: &RawBounds) -> Sql {
        let time = &self.time;
        match (section, &self.storage) {
            (Section::Dated, storage) => self.dated_sql(storage, bounds),
            (Section::NegInfinity, _) => Sql::plain(format!("{time} = '-infinity'")),
            (Section::PosInfinity, _) => Sql::plain(format!("{time} = 'infinity'")),
            (Section::High, Storage::Numeric) => Sql::plain(format!(
                "{time} >= '' AND {time} <> '-infinity' AND {time} <> 'infinity'"
            )),
            (Section::High, Storage::Text { .. }) => {
                Sql::plain(format!("{time} >= '{TEXT_HIGH}' AND {time} <> 'infinity'"))
            }
            (Section::Low, Storage::Numeric) => Sql::plain("FALSE"),
            (Section::Low, Storage::Text { .. }) => {
                Sql::plain(format!("{time} < '{TEXT_LOW}' AND {time} <> '-infinity'"))
            }
            (Section::Null, _) => Sql::plain(format!("{time} IS NULL")),
        }
    }

    fn dated_sql(&self, storage: &Storage, bounds: &RawBounds) -> Sql {
        let (low, high) = match storage {
            // Every number sorts before every text.
            Storage::Numeric => (None, Value::Text(String::new())),
            Storage::Text { .. } => (
                Some(Value::Text(TEXT_LOW.to_owned())),
                Value::Text(TEXT_HIGH.to_owned()),
            ),
        };
        let time = &self.time;
        let high = bounds.high.clone().unwrap_or(high);
        match bounds.low.clone().or(low) {
            Some(low) => Sql::new(format!("{time} >= ? AND {time} < ?"), [low, high]),
            None => Sql::new(format!("{time} IS NOT NULL AND {time} < ?"), [high]),
        }
    }

    /// A range of the raw column that holds every dated row with `since ≤ at < until`.
    ///
    /// Numbers get a unit of room on either side (decoding rounds). Text gets two days: what it says
    /// is the clock of some zone; [`Shape::near_sql`] lets go of most of them again.
    pub(super) fn bounds(&self, since: Option<Micros>, until: Option<Micros>) -> RawBounds {
        match self.storage {
            Storage::Numeric => {
                let (unit, factor) = unit(self.profile.time.encoding);
                let raw = |at: Micros, room: i64| {
                    let raw = at.0.div_euclid(unit).saturating_mul(factor);
                    Value::Integer(raw.saturating_add(room.saturating_mul(factor)))
                };
                RawBounds {
                    low: since.map(|at| raw(at, -1)),
                    high: until.map(|at| raw(at, 2)),
                }
            }
            Storage::Text { .. } => {
                let text = |at: Micros| {
                    let date = at.to_utc().map(|at| at.format("%Y-%m-%d").to_string())?;
                    // Years of five digits sort apart; such a bound is left open.
                    (date.len() == 10 && date.starts_with(|c: char| c.is_ascii_digit()))
                        .then_some(Value::Text(date))
                };
                RawBounds {
                    low: since.and_then(|at| text(at.plus(-2 * DAY))),
                    high: until.and_then(|at| text(at.plus(3 * DAY))),
                }
            }
        }
    }

    /// True for every row with `since ≤ at < until`, and false for most of the others, judged by the
    /// usual spelling of this table; rows spelled otherwise stay.
    pub(super) fn near_sql(&self, since: Option<Micros>, until: Option<Micros>) -> Option<Sql> {
        let Storage::Text {
            spelling: Some(spelling),
        } = &self.storage
        else {
            return None;
        };
        let zone = match self.profile.time.encoding {
            TimeEncoding::Zoneless(zone) if spelling.zone.is_empty() => zone,
            _ => chrono_tz::UTC,
        };
        // The wall clock of a zone with summer time repeats itself: leave it an hour of room.
        let room = if zone == chrono_tz::UTC { 1 } else { 3_601 } * Micros::SECOND;
        let format = format!("%Y-%m-%d{}%H:%M:%S", spelling.separator);
        let text = |at: Micros| {
            let at = at
                .to_utc()?
                .with_timezone(&zone)
                .format(&format)
                .to_string();
            (at.len() == 19).then_some(Value::Text(at))
        };
        let mut sql = Sql::plain("(");
        if let Some(since) = since {
            sql.push(Sql::new(
                format!("({} >= ?", self.time),
                [text(since.plus(-room))?],
            ));
        } else {
            sql.push(Sql::plain("(TRUE"));
        }
        if let Some(until) = until {
            sql.push(Sql::new(
                format!(" AND {} < ?", self.time),
                [text(until.plus(room))?],
            ));
        }
        let pattern = Value::Text(spelling.pattern());
        let mut other = format!(") OR {} NOT GLOB ?", self.time);
        if spelling.zone.is_empty() {
            // `*` would also accept a zone at the end.
            let _ = write!(other, " OR substr({}, 20) GLOB '*[^0-9.]*'", self.time);
        }
        sql.push(Sql::new(other + ")", [pattern]));
        Some(sql)
    }

    /// The instant of a raw time, as the profile reads it.
    pub(super) fn at_of(&self, time: &KeyPart) -> At {
        let number = match time {
            KeyPart::Int(int) => Some(int.to_string()),
            KeyPart::Number(number) => Some(number.to_string()),
            KeyPart::Null | KeyPart::Text(_) | KeyPart::RawText(_) | KeyPart::Bytes(_) => None,
        };
        let scalar = match (time, number) {
            (_, Some(number)) => Scalar::Number(number.into()),
            (KeyPart::Text(text), _) => Scalar::Text((**text).into()),
            _ => return At::Absent,
        };
        decode_time(self.profile.time.encoding, &scalar)
    }

    /// Rows whose columns, compared as a row value, lie on the far side of these parts.
    pub(super) fn beyond(columns: &[String], comparison: char, parts: &[KeyPart]) -> Sql {
        let columns = columns.join(", ");
        let values: Vec<_> = parts.iter().map(value_of).collect();
        Sql::new(format!("({columns}) {comparison} {}", marks(parts)), values)
    }

    /// When a forward walk stands at an instant: the instant before which nothing more will come.
    /// Where spellings differ, text does not sort by instant, but it is never more than the widest
    /// zones apart.
    pub(super) fn settled_before(&self, at: Micros) -> Micros {
        match self.storage {
            Storage::Text { spelling: None } => at.plus(-2 * DAY),
            Storage::Numeric | Storage::Text { .. } => at,
        }
    }

    /// The list of a `SELECT` that [`crate::store::sqlite::row`] reads, behind a first column.
    pub(super) fn select(&self) -> String {
        let columns = self.columns.iter().map(|column| quoted(&column.name));
        let all: Vec<_> = std::iter::once(self.time.clone())
            .chain(self.sort.clone())
            .chain(columns)
            .collect();
        all.join(", ")
    }

    /// As [`Shape::select`], without the columns of the record.
    pub(super) fn select_place(&self) -> String {
        format!("{}, {}", self.time, self.sort.join(", "))
    }

    /// The row at this place. Its time is asked for too: SQLite gives the rowid of a deleted row to
    /// another one.
    pub(super) fn one(&self, cursor: &Cursor) -> Sql {
        let columns = self.sort.iter().chain([&self.time]);
        let parts = || cursor.key.iter().chain([&cursor.time]);
        let terms: Vec<_> = columns
            .zip(parts())
            .map(|(column, part)| format!("{column} IS {}", mark_of(part)))
            .collect();
        let (select, table, terms) = (self.select(), &self.table, terms.join(" AND "));
        let text = format!("SELECT TRUE, {select} FROM {table} WHERE {terms}");
        Sql::new(text, parts().map(value_of))
    }

    /// Rows with one of these ids.
    pub(super) fn with_ids(&self, ids: &[EventId]) -> Sql {
        let columns: Vec<String> = match self.id.as_slice() {
            [] => self.sort.clone(),
            places => places
                .iter()
                .map(|place| quoted(&self.columns[*place].name))
                .collect(),
        };
        let width = columns.len();
        let keys: Vec<_> = ids.iter().flat_map(|id| keys_of(id, width)).collect();
        let values: Vec<Value> = keys.iter().flatten().map(value_of).collect();
        let rows: Vec<_> = keys.iter().map(|key| marks(key)).collect();
        let rows = rows.join(", ");
        let columns = columns.join(", ");
        match (ids, width) {
            ([], _) => Sql::plain("FALSE"),
            (_, 1) => Sql::new(format!("{columns} IN ({rows})"), values),
            _ => Sql::new(format!("({columns}) IN (VALUES {rows})"), values),
        }
    }
}

/// The keys an id may stand for. They go to SQLite as text: a column of integers turns text into
/// integers by itself, and so finds them in its index. What is spelled as bytes may be a blob or
/// broken text as well.
fn keys_of(id: &EventId, columns: usize) -> Vec<Vec<KeyPart>> {
    let mut texts: Vec<KeyPart> = if columns == 1 {
        vec![KeyPart::Text(id.as_str().into())]
    } else {
        serde_json::from_str::<Vec<serde_json::Value>>(id.as_str())
            .unwrap_or_default()
            .into_iter()
            .map(|part| match part {
                serde_json::Value::String(text) => KeyPart::Text(text.into()),
                serde_json::Value::Null => KeyPart::Null,
                other => KeyPart::Text(other.to_string().into()),
            })
            .collect()
    };
    texts.resize(columns, KeyPart::Null);
    let with = |bytes: fn(Arc<[u8]>) -> KeyPart| -> Vec<KeyPart> {
        texts
            .iter()
            .map(|part| match part {
                KeyPart::Text(text) => unhex(text).map_or_else(|| part.clone(), bytes),
                _ => part.clone(),
            })
            .collect()
    };
    let (blobs, broken) = (with(KeyPart::Bytes), with(KeyPart::RawText));
    if blobs == texts {
        vec![texts]
    } else {
        vec![texts, blobs, broken]
    }
}

/// The bytes that an id spells as `\x00ff`.
fn unhex(text: &str) -> Option<Arc<[u8]>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?))
        .collect()
}

/// A raw time is `micros / unit × factor`.
fn unit(encoding: TimeEncoding) -> (i64, i64) {
    match encoding {
        TimeEncoding::EpochSeconds => (Micros::SECOND, 1),
        TimeEncoding::EpochMillis => (1_000, 1),
        TimeEncoding::EpochNanos => (1, 1_000),
        TimeEncoding::EpochMicros | TimeEncoding::Instant | TimeEncoding::Zoneless(_) => (1, 1),
    }
}
