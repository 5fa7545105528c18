//! A relation of the plan as statements speak of it: its columns, its key, and lists of keys.
//!
//! Pure. Rows are named `t`, keys handed in are named `k`.

use std::sync::Arc;

use crate::core::event::KeyPart;
use crate::core::purge::decode::copy::{Form, fields, unescape};
use crate::core::purge::plan::Relation;
use crate::core::purge::row::RowKey;
use crate::core::scalar::is_number;
use crate::store::StoreError;
use crate::store::postgres::catalogue::Table;
use crate::store::postgres::layout::KeyColumn;
use crate::store::postgres::sql::quote::{ident, text};

/// A relation.
#[derive(Clone, Debug)]
pub struct Target {
    /// As the plan has it.
    pub relation: Relation,
    /// For errors.
    pub label: String,
    /// Its key's parts; may be empty for related relations.
    pub key: Vec<Part>,
    /// Whether the server runs something of the user's for each row deleted.
    pub has_triggers: bool,
}

/// A column of the key.
#[derive(Clone, Debug)]
pub struct Part {
    /// Orders as [`KeyPart`] does.
    pub order: String,
    /// Compares for equality.
    pub same: String,
    /// The type of values to compare with.
    pub type_name: String,
    /// Which of the relation's columns.
    pub column: usize,
    form: Form,
}

impl Target {
    /// Puts a relation and its table together.
    pub fn new(relation: Relation, table: &Table, has_triggers: bool) -> Self {
        let key = relation.key.iter().filter_map(|name| {
            let column = relation.columns.iter().position(|c| c.name == *name)?;
            let type_name = &relation.columns[column].type_name;
            let part = KeyColumn::column(table, name);
            let is_bare = part.same == format!("t.{}", ident(name));
            Some(Part {
                type_name: if is_bare {
                    type_name.clone()
                } else {
                    "text".to_owned()
                },
                order: part.sql,
                same: part.same,
                column,
                form: Form::of(type_name),
            })
        });
        Self {
            key: key.collect(),
            label: table.label(),
            has_triggers,
            relation,
        }
    }

    /// The table for statements.
    pub fn quoted(&self) -> String {
        match &self.relation.schema {
            Some(schema) => format!("{}.{}", ident(schema), ident(&self.relation.name)),
            None => ident(&self.relation.name),
        }
    }

    /// The archived columns, each after `prefix`.
    pub fn columns(&self, prefix: &str) -> String {
        let columns = self.relation.columns.iter();
        let names: Vec<String> = columns
            .map(|column| format!("{prefix}{}", ident(&column.name)))
            .collect();
        names.join(", ")
    }

    /// The key's expressions in its order.
    pub fn order(&self) -> Vec<String> {
        self.key.iter().map(|part| part.order.clone()).collect()
    }

    /// The rows' key equals the keys handed in.
    pub fn joined(&self) -> String {
        let parts = self.key.iter().enumerate();
        let parts: Vec<String> = parts
            .map(|(at, part)| format!("{} = k.k{at}", part.same))
            .collect();
        parts.join(" AND ")
    }

    /// Keys as a table `k`: `k0` and so on, the version `x` where asked for, `n` from 1.
    pub fn keys(&self, keys: &[(&RowKey, Option<&str>)]) -> String {
        let mut lists: Vec<String> = (self.key.iter().enumerate())
            .map(|(at, part)| {
                let values = keys
                    .iter()
                    .map(|(key, _)| key.0.get(at).unwrap_or(&KeyPart::Null));
                list(values.map(spelled), &part.type_name)
            })
            .collect();
        let mut names: Vec<String> = (0..self.key.len()).map(|at| format!("k{at}")).collect();
        if keys.iter().any(|(_, version)| version.is_some()) {
            lists.push(list(
                keys.iter().map(|(_, version)| version.map(str::to_owned)),
                "xid",
            ));
            names.push("x".to_owned());
        }
        format!(
            "unnest({}) WITH ORDINALITY AS k({}, n)",
            lists.join(", "),
            names.join(", ")
        )
    }

    /// The key of a row as COPY wrote it.
    pub fn key_of(&self, row: &[u8]) -> Result<RowKey, StoreError> {
        let mut key = vec![KeyPart::Null; self.key.len()];
        let Some(last) = self.key.iter().map(|part| part.column).max() else {
            return Ok(RowKey(key));
        };
        for (at, field) in fields(trimmed(row)).take(last + 1).enumerate() {
            for (part, slot) in self.key.iter().zip(&mut key) {
                if part.column == at {
                    *slot = self.part(&part.form, field)?;
                }
            }
        }
        Ok(RowKey(key))
    }

    fn part(&self, form: &Form, field: &[u8]) -> Result<KeyPart, StoreError> {
        let Some(value) = unescape(field) else {
            return Ok(KeyPart::Null);
        };
        let value = std::str::from_utf8(&value).map_err(|_| StoreError::Refused {
            message: format!("{} has a key that is not UTF-8", self.label),
            hint: Some("its rows cannot be named safely, so none is purged".to_owned()),
        })?;
        Ok(match form {
            Form::Number => match value.parse() {
                Ok(number) => KeyPart::Int(number),
                Err(_) if is_number(value) => KeyPart::Number(value.into()),
                Err(_) => KeyPart::Text(value.into()),
            },
            form => KeyPart::Text(Arc::from(&*form.spelled(value))),
        })
    }
}

/// A row without its newline.
pub fn trimmed(row: &[u8]) -> &[u8] {
    row.strip_suffix(b"\n").unwrap_or(row)
}

/// A row's field before the first tab, and the rest.
pub fn first_field(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b'\t') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (trimmed(line), b"\n"),
    }
}

/// A number before the first tab, and the rest.
pub fn first_number(line: &[u8]) -> (usize, &[u8]) {
    let (field, rest) = first_field(line);
    let digits = field.iter().filter(|byte| byte.is_ascii_digit());
    let number = digits.fold(0_usize, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(usize::from(digit - b'0'))
    });
    (number, rest)
}

/// Values as an array literal.
pub fn list(values: impl Iterator<Item = Option<String>>, type_name: &str) -> String {
    let mut sql = String::from("ARRAY[");
    for (at, value) in values.enumerate() {
        if at > 0 {
            sql.push(',');
        }
        match value {
            None => sql.push_str("NULL"),
            Some(value) => sql.push_str(&text(&value)),
        }
    }
    sql.push_str("]::");
    sql.push_str(type_name);
    sql.push_str("[]");
    sql
}

/// A part of a key as the server reads it.
fn spelled(part: &KeyPart) -> Option<String> {
    match part {
        KeyPart::Null => None,
        KeyPart::Int(number) => Some(number.to_string()),
        KeyPart::Number(text) | KeyPart::Text(text) => Some(text.to_string()),
        KeyPart::RawText(bytes) | KeyPart::Bytes(bytes) => Some(crate::core::event::hex(bytes)),
    }
}
