//! A table as a plan holds it: its archived columns and its declared key.
//!
//! Reads the schema, never rows.

use rusqlite::Connection;

use crate::core::purge::plan::{PlanColumn, Relation};
use crate::core::sanitise::safe;
use crate::store::sqlite::purge::model::{Trouble, refused};

/// Looks a table up by its name; views and virtual tables are refused.
pub(super) fn relation(connection: &Connection, name: &str) -> Result<Relation, Trouble> {
    let query = "SELECT name, type FROM pragma_table_list \
                 WHERE schema = 'main' AND name = ? COLLATE NOCASE";
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([name])?;
    let Some(row) = rows.next()? else {
        return Err(refused(format!("there is no table {}", safe(name)), "").into());
    };
    let (name, form): (String, String) = (row.get(0)?, row.get(1)?);
    if form != "table" {
        return Err(refused(
            format!("{} is a {form}, not a table", safe(&name)),
            "open the table behind it with --table",
        )
        .into());
    }
    let mut columns = Vec::new();
    let mut key: Vec<(i64, String)> = Vec::new();
    let query = "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)";
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([&name])?;
    while let Some(row) = rows.next()? {
        let (column, type_name): (String, String) = (row.get(0)?, row.get(1)?);
        let (place, hidden): (i64, i64) = (row.get(2)?, row.get(3)?);
        if place > 0 {
            key.push((place, column.clone()));
        }
        // Others are generated: nobody can insert them.
        if hidden == 0 {
            columns.push(PlanColumn {
                name: column,
                type_name,
                kind: "other".to_owned(),
                fields: Vec::new(),
            });
        }
    }
    key.sort();
    let mut key: Vec<String> = key.into_iter().map(|(_, name)| name).collect();
    if key.is_empty() {
        key = unique(connection, &name)?;
    }
    let ddl = "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND type = 'table'";
    let ddl = connection
        .prepare(ddl)?
        .query_map([&name], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Relation {
        schema: None,
        name,
        columns,
        key,
        parent: None,
        ddl,
    })
}

/// The columns of a unique index none of which may be NULL; nothing where there is none.
fn unique(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let indexes: Vec<String> = connection
        .prepare(
            "SELECT name FROM pragma_index_list(?) WHERE \"unique\" AND NOT partial ORDER BY name",
        )?
        .query_map([table], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for index in indexes {
        // An expression has no name.
        let columns: Vec<(Option<String>, bool)> = connection
            .prepare(
                "SELECT i.name, coalesce(c.\"notnull\" AND c.hidden = 0, FALSE) \
                 FROM pragma_index_info(?1) AS i \
                 LEFT JOIN pragma_table_xinfo(?2) AS c ON c.name = i.name ORDER BY i.seqno",
            )?
            .query_map([&index, table], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let names: Option<Vec<String>> = columns
            .into_iter()
            .map(|(name, is_key)| name.filter(|_| is_key))
            .collect();
        if let Some(names) = names {
            return Ok(names);
        }
    }
    Ok(Vec::new())
}
