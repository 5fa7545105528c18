//! The statements that find, render and delete the rows of one event: its own and those related to
//! it.
//!
//! Made from a plan's relations. Does not decide whether anything is deleted.

use rusqlite::{Connection, Row, params_from_iter};

use crate::core::event::KeyPart;
use crate::core::purge::decode::insert::form;
use crate::core::purge::insert::InsertForm;
use crate::core::purge::plan::Relation;
use crate::core::purge::row::RowKey;
use crate::store::sqlite::row::{part_of, value_at};
use crate::store::sqlite::shape::{mark_of, quoted, value_of};

/// One relation.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    /// Quoted name.
    pub(super) table: String,
    /// Quoted names of the archived columns.
    pub(super) columns: Vec<String>,
    /// Quoted names of the key's columns.
    pub(super) key: Vec<String>,
    /// How a row is written down.
    pub(super) form: InsertForm,
    /// Parent's place, columns here, columns there.
    parent: Option<(usize, String, String)>,
}

/// All relations, the events' own first.
#[derive(Clone, Debug)]
pub(super) struct Sheets(pub(super) Vec<Sheet>);

/// A row as it is now.
pub(super) struct Found {
    /// Empty where the relation has no key.
    pub(super) key: RowKey,
    /// As the archive would hold it.
    pub(super) bytes: Vec<u8>,
}

fn list<'n>(names: impl IntoIterator<Item = &'n String>) -> Vec<String> {
    names.into_iter().map(|name| quoted(name)).collect()
}

impl Sheets {
    /// Of a plan's relations.
    pub(super) fn new(relations: &[Relation]) -> Self {
        Self(relations.iter().map(Sheet::new).collect())
    }

    /// The condition that a row of a relation belongs to the event with this key.
    fn of_event(&self, relation: usize, key: &RowKey) -> String {
        let sheet = &self.0[relation];
        match &sheet.parent {
            None => sheet.has_key(key),
            Some((parent, here, there)) => {
                let table = &self.0[*parent].table;
                let condition = self.of_event(*parent, key);
                format!("({here}) IN (SELECT {there} FROM {table} WHERE {condition})")
            }
        }
    }

    /// The rows of a relation that belong to an event.
    pub(super) fn rows(
        &self,
        connection: &Connection,
        relation: usize,
        event: &RowKey,
    ) -> rusqlite::Result<Vec<Found>> {
        self.0[relation].select(connection, &self.of_event(relation, event), event)
    }

    /// Deletes them, and says how many there were.
    pub(super) fn delete(
        &self,
        connection: &Connection,
        relation: usize,
        event: &RowKey,
    ) -> rusqlite::Result<usize> {
        let (table, condition) = (&self.0[relation].table, self.of_event(relation, event));
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE {condition}"))?
            .execute(params_from_iter(event.0.iter().map(value_of)))
    }
}

impl Sheet {
    fn new(relation: &Relation) -> Self {
        Self {
            table: quoted(&relation.name),
            columns: list(relation.columns.iter().map(|column| &column.name)),
            key: list(&relation.key),
            form: form(relation),
            parent: relation.parent.as_ref().map(|link| {
                let here = list(&link.columns).join(", ");
                (link.relation, here, list(&link.parent_columns).join(", "))
            }),
        }
    }

    fn has_key(&self, key: &RowKey) -> String {
        let terms: Vec<_> = self
            .key
            .iter()
            .zip(&key.0)
            .map(|(column, part)| format!("{column} = {}", mark_of(part)))
            .collect();
        terms.join(" AND ")
    }

    fn select(
        &self,
        connection: &Connection,
        condition: &str,
        values: &RowKey,
    ) -> rusqlite::Result<Vec<Found>> {
        let wanted: Vec<_> = self.columns.iter().chain(&self.key).cloned().collect();
        let (wanted, table) = (wanted.join(", "), &self.table);
        let query = format!("SELECT {wanted} FROM {table} WHERE {condition}");
        let places: Vec<_> = (0..self.columns.len()).collect();
        let mut statement = connection.prepare_cached(&query)?;
        let rows = statement.query_map(params_from_iter(values.0.iter().map(value_of)), |row| {
            let mut bytes = Vec::new();
            self.render_at(row, &places, &mut bytes)?;
            Ok(Found {
                key: self.key_at(row, self.columns.len())?,
                bytes,
            })
        })?;
        rows.collect()
    }

    /// The row with this key.
    pub(super) fn one(
        &self,
        connection: &Connection,
        key: &RowKey,
    ) -> rusqlite::Result<Option<Found>> {
        Ok(self
            .select(connection, &self.has_key(key), key)?
            .into_iter()
            .next())
    }

    /// Whether there is a row with this key.
    pub(super) fn is_there(&self, connection: &Connection, key: &RowKey) -> rusqlite::Result<bool> {
        let (table, condition) = (&self.table, self.has_key(key));
        connection
            .prepare_cached(&format!("SELECT 1 FROM {table} WHERE {condition}"))?
            .exists(params_from_iter(key.0.iter().map(value_of)))
    }

    /// Appends a row whose archived columns stand at these places.
    pub(super) fn render_at(
        &self,
        row: &Row<'_>,
        places: &[usize],
        out: &mut Vec<u8>,
    ) -> rusqlite::Result<()> {
        let values = places
            .iter()
            .map(|place| value_at(row, *place))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        self.form.write(out, values);
        Ok(())
    }

    fn key_at(&self, row: &Row<'_>, first: usize) -> rusqlite::Result<RowKey> {
        let parts: Vec<KeyPart> = (first..first + self.key.len())
            .map(|place| Ok(part_of(row.get_ref(place)?)))
            .collect::<rusqlite::Result<_>>()?;
        Ok(RowKey(parts))
    }
}
