//! A row of PostgreSQL's COPY text as the record that `row_to_json` would have written.
//!
//! Relies on the settings that the archive's rows are written with (ISO dates, UTC, hexadecimal
//! bytes, shortest floats). What a composite consists of is in the plan.

use std::borrow::Cow;

use thiserror::Error;

use crate::core::purge::plan::{PlanColumn, Relation};
use crate::core::record::quote;
use crate::core::scalar::is_number;

/// A row that is none of its relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadRow {
    /// Another number of columns.
    #[error("the row has {found} columns instead of {expected}")]
    Columns {
        /// In the row.
        found: usize,
        /// In the plan.
        expected: usize,
    },
    /// The newline at the end is missing.
    #[error("the row has no end")]
    Endless,
}

/// The record's JSON text.
pub fn record(relation: &Relation, row: &[u8]) -> Result<String, BadRow> {
    part(relation, row, &|_| true)
}

/// The JSON text of a record that has the wanted columns only, by their places.
pub fn part(
    relation: &Relation,
    row: &[u8],
    is_wanted: &dyn Fn(usize) -> bool,
) -> Result<String, BadRow> {
    let line = row.strip_suffix(b"\n").ok_or(BadRow::Endless)?;
    let expected = relation.columns.len();
    let mut out = String::new();
    out.push('{');
    let mut found = 0;
    if expected > 0 || !line.is_empty() {
        for (place, field) in fields(line).enumerate() {
            found += 1;
            let Some(column) = relation.columns.get(place) else {
                continue;
            };
            if is_wanted(place) {
                member(column, field, &mut out);
            }
        }
    }
    if found != expected {
        return Err(BadRow::Columns { found, expected });
    }
    out.push('}');
    Ok(out)
}

fn member(column: &PlanColumn, field: &[u8], out: &mut String) {
    out.reserve(field.len() + column.name.len() + 16);
    if out.len() > 1 {
        out.push(',');
    }
    quote(out, &column.name);
    out.push(':');
    match unescape(field) {
        None => out.push_str("null"),
        Some(value) => Form::of_column(column).write(&String::from_utf8_lossy(&value), out),
    }
}

/// The fields of a line, as they are written.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let (field, after) = match tab(line) {
            Some(at) => (&line[..at], Some(&line[at + 1..])),
            None => (line, None),
        };
        rest = after;
        Some(field)
    })
}

/// Where the first tab is. Documents are long, and whole blocks of them are passed over: without a
/// way out in the middle, a block is looked at in a few steps.
fn tab(line: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    let mut passed = 0;
    let (blocks, _) = line.as_chunks::<BLOCK>();
    for block in blocks {
        let tabs: u8 = block.iter().map(|byte| u8::from(*byte == b'\t')).sum();
        if tabs > 0 {
            break;
        }
        passed += BLOCK;
    }
    let within = line[passed..].iter().position(|byte| *byte == b'\t')?;
    Some(passed + within)
}

/// What a field says; `None` for NULL.
pub fn unescape(field: &[u8]) -> Option<Cow<'_, [u8]>> {
    if field == b"\\N" {
        return None;
    }
    if !field.contains(&b'\\') {
        return Some(Cow::Borrowed(field));
    }
    let mut value = Vec::with_capacity(field.len());
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        // The server writes no numeric escapes.
        match bytes.next() {
            Some(b'b') => value.push(8),
            Some(b'f') => value.push(12),
            Some(b'n') => value.push(b'\n'),
            Some(b'r') => value.push(b'\r'),
            Some(b't') => value.push(b'\t'),
            Some(b'v') => value.push(11),
            Some(other) => value.push(other),
            None => value.push(b'\\'),
        }
    }
    Some(Cow::Owned(value))
}

/// How values of a type are written in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// `true`, `false`.
    Bool,
    /// As it stands, unless it is no JSON number (NaN).
    Number,
    /// As it stands.
    Json,
    /// With a `T` between day and hour, and whole offsets.
    Timestamp,
    /// A list; elements are parted by this character.
    Array(Box<Form>, u8),
    /// A list without braces, parted by spaces: `int2vector`.
    Vector(Box<Form>),
    /// An object of these fields.
    Composite(Vec<(String, Form)>),
    /// A string.
    Text,
}

impl Form {
    /// The form of a column, or of a composite's field.
    pub fn of_column(column: &PlanColumn) -> Self {
        if column.fields.is_empty() {
            return Self::of(&column.type_name);
        }
        let fields = column.fields.iter();
        let fields = fields.map(|field| (field.name.clone(), Self::of_column(field)));
        let composite = Self::Composite(fields.collect());
        if column.type_name.ends_with("[]") {
            Self::Array(Box::new(composite), b',')
        } else {
            composite
        }
    }

    /// The form of a type as `format_type` spells it.
    pub fn of(type_name: &str) -> Self {
        if let Some(element) = type_name.strip_suffix("[]") {
            let parted = if element == "box" { b';' } else { b',' };
            return Self::Array(Box::new(Self::of(element)), parted);
        }
        // `numeric(10,2)`, `timestamp(3) with time zone`
        let bare = match type_name.split_once('(') {
            Some((before, _)) => before.trim_end(),
            None => type_name,
        };
        match bare {
            "boolean" => Self::Bool,
            "smallint" | "integer" | "bigint" | "real" | "double precision" | "numeric" => {
                Self::Number
            }
            "json" | "jsonb" => Self::Json,
            "timestamp" | "timestamp without time zone" | "timestamp with time zone" => {
                Self::Timestamp
            }
            "int2vector" => Self::Vector(Box::new(Self::Number)),
            "oidvector" => Self::Vector(Box::new(Self::Text)),
            _ => Self::Text,
        }
    }

    /// A value as the record's own text of it, without quotes.
    pub fn spelled<'v>(&self, value: &'v str) -> Cow<'v, str> {
        match self {
            Self::Bool => Cow::Borrowed(if value == "t" { "true" } else { "false" }),
            Self::Timestamp => iso(value),
            _ => Cow::Borrowed(value),
        }
    }

    /// Appends a value that is not NULL.
    pub fn write(&self, value: &str, out: &mut String) {
        match self {
            Self::Bool => out.push_str(&self.spelled(value)),
            Self::Number if is_number(value) => out.push_str(value),
            Self::Json => out.push_str(value),
            Self::Timestamp => quote(out, &iso(value)),
            Self::Array(element, parted) => {
                // What is no array after all must not be lost.
                let before = out.len();
                if Elements::new(value, *parted).write(element, out).is_none() {
                    out.truncate(before);
                    quote(out, value);
                }
            }
            Self::Vector(element) => {
                out.push('[');
                for (place, part) in value.split_ascii_whitespace().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    element.write(part, out);
                }
                out.push(']');
            }
            Self::Composite(fields) => {
                let before = out.len();
                if composite(value, fields, out).is_none() {
                    out.truncate(before);
                    quote(out, value);
                }
            }
            Self::Number | Self::Text => quote(out, value),
        }
    }
}

/// `2026-01-02 03:04:05.6+00 BC` as JSON has it: `2026-01-02T03:04:05.6+00:00 BC`.
fn iso(value: &str) -> Cow<'_, str> {
    let (clock, era) = match value.strip_suffix(" BC") {
        Some(clock) => (clock, " BC"),
        None => (value, ""),
    };
    let Some((day, time)) = clock.split_once(' ') else {
        return Cow::Borrowed(value);
    };
    let minutes = match time.rfind(['+', '-']) {
        Some(at) if time.len() - at == 3 => ":00",
        _ => "",
    };
    Cow::Owned(format!("{day}T{time}{minutes}{era}"))
}

/// A composite's text, `(1,"a b",)`, as an object.
fn composite(value: &str, fields: &[(String, Form)], out: &mut String) -> Option<()> {
    let mut rest = value.strip_prefix('(')?;
    out.push('{');
    for (place, (name, form)) in fields.iter().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix(',')?;
            out.push(',');
        }
        quote(out, name);
        out.push(':');
        let (field, after) = composite_field(rest)?;
        rest = after;
        match field {
            None => out.push_str("null"),
            Some(field) => form.write(&field, out),
        }
    }
    out.push('}');
    (rest == ")").then_some(())
}

/// The next field, `None` for NULL, and what follows it.
fn composite_field(text: &str) -> Option<(Option<String>, &str)> {
    if text.starts_with([',', ')']) {
        return Some((None, text));
    }
    let mut field = String::new();
    let mut is_quoted = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if is_quoted && chars.next_if(|(_, next)| *next == '"').is_some() => {
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            '\\' => field.push(chars.next()?.1),
            ',' | ')' if !is_quoted => return Some((Some(field), &text[at..])),
            c => field.push(c),
        }
    }
    None
}

/// An array's text, read once from left to right.
struct Elements<'v> {
    rest: &'v str,
    parted: u8,
}

impl<'v> Elements<'v> {
    fn new(value: &'v str, parted: u8) -> Self {
        // `[0:1]={…}`: JSON has no bounds.
        let rest = match value.strip_prefix('[').and_then(|_| value.find("={")) {
            Some(at) => &value[at + 1..],
            None => value,
        };
        Self { rest, parted }
    }

    fn write(&mut self, element: &Form, out: &mut String) -> Option<()> {
        self.list(element, out)?;
        self.rest.is_empty().then_some(())
    }

    fn list(&mut self, element: &Form, out: &mut String) -> Option<()> {
        // Arrays have six dimensions at most, so that this ends.
        self.rest = self.rest.strip_prefix('{')?;
        out.push('[');
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest;
            out.push(']');
            return Some(());
        }
        loop {
            match self.rest.as_bytes().first()? {
                b'{' => self.list(element, out)?,
                b'"' => {
                    let value = self.quoted()?;
                    element.write(&value, out);
                }
                _ => {
                    let value = self.bare()?;
                    if value == "NULL" {
                        out.push_str("null");
                    } else {
                        element.write(value, out);
                    }
                }
            }
            let end = *self.rest.as_bytes().first()?;
            self.rest = self.rest.get(1..)?;
            if end == b'}' {
                out.push(']');
                return Some(());
            }
            if end != self.parted {
                return None;
            }
            out.push(',');
        }
    }

    fn quoted(&mut self) -> Option<String> {
        let mut value = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 2..];
                    return Some(value);
                }
                '\\' => value.push(chars.next()?.1),
                c => value.push(c),
            }
        }
        None
    }

    fn bare(&mut self) -> Option<&'v str> {
        let end = self
            .rest
            .bytes()
            .position(|byte| byte == self.parted || byte == b'}')?;
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_parted_by_tabs_wherever_they_are() {
        for length in [0, 1, 127, 128, 129, 300] {
            let long = vec![b'x'; length];
            for parts in [
                vec![&long[..]],
                vec![b"", &long, b"7"],
                vec![&long, b"", &long],
            ] {
                let line = parts.join(&b'\t');
                assert_eq!(fields(&line).collect::<Vec<_>>(), parts);
            }
        }
    }

    fn one(type_name: &str, row: &str) -> String {
        let relation = Relation {
            schema: None,
            name: "t".to_owned(),
            columns: vec![PlanColumn {
                name: "c".to_owned(),
                type_name: type_name.to_owned(),
                kind: "other".to_owned(),
                fields: Vec::new(),
            }],
            key: Vec::new(),
            parent: None,
            ddl: Vec::new(),
        };
        record(&relation, format!("{row}\n").as_bytes()).unwrap()
    }

    #[test]
    fn values_have_the_form_of_row_to_json() {
        for (type_name, row, json) in [
            ("boolean", "t", "true"),
            ("numeric(5,2)", "NaN", r#""NaN""#),
            ("bigint", "-7", "-7"),
            ("text", "\\N", "null"),
            ("text", r"a\tb\\N", r#""a\tb\\N""#),
            (
                "timestamp with time zone",
                "2026-01-02 03:04:05.6+00",
                r#""2026-01-02T03:04:05.6+00:00""#,
            ),
            (
                "timestamp without time zone",
                "0044-03-15 00:00:00 BC",
                r#""0044-03-15T00:00:00 BC""#,
            ),
            ("timestamp with time zone", "-infinity", r#""-infinity""#),
            ("date", "0044-03-15 BC", r#""0044-03-15 BC""#),
            ("bytea", r"\\x00ff", r#""\\x00ff""#),
            ("jsonb", r#"{"a": "\\n"}"#, r#"{"a": "\n"}"#),
            (
                "text[]",
                r#"{a,NULL,"NULL","x\\"y"}"#,
                r#"["a",null,"NULL","x\"y"]"#,
            ),
            ("integer[]", "[0:1]={{1,2}}", "[[1,2]]"),
            ("integer[]", "{}", "[]"),
            (
                "box[]",
                "{(1,1),(0,0);(2,2),(1,1)}",
                r#"["(1,1),(0,0)","(2,2),(1,1)"]"#,
            ),
            ("int2vector", "1 2", "[1,2]"),
        ] {
            assert_eq!(
                one(type_name, row),
                format!(r#"{{"c":{json}}}"#),
                "{type_name} {row}"
            );
        }
    }

    #[test]
    fn a_row_of_another_shape_is_refused() {
        let relation = Relation {
            schema: None,
            name: "t".to_owned(),
            columns: Vec::new(),
            key: Vec::new(),
            parent: None,
            ddl: Vec::new(),
        };
        assert_eq!(record(&relation, b"a").unwrap_err(), BadRow::Endless);
        let expected = BadRow::Columns {
            found: 2,
            expected: 0,
        };
        assert_eq!(record(&relation, b"a\tb\n").unwrap_err(), expected);
        assert_eq!(record(&relation, b"\n").unwrap(), "{}");
    }
}
