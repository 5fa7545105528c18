//! The types a table's columns are of, where they are the user's own: how to make them again, and what
//! a composite consists of.

use serde::Deserialize;

use crate::core::purge::plan::PlanColumn;
use crate::store::postgres::sql::quote::{ident, text};

/// A type of the user's.
#[derive(Clone, Debug, Deserialize)]
pub struct TypeFacts {
    /// With its schema, quoted.
    pub name: String,
    /// Unquoted.
    schema: String,
    /// Of an enum.
    labels: Vec<String>,
    /// Of a composite.
    fields: Vec<FieldFacts>,
    /// Of a domain: what it is over, with its default and its conditions.
    domain: Option<String>,
    /// Of a range: what it ranges over.
    range: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct FieldFacts {
    name: String,
    /// As the type declares it.
    declared: String,
    /// The same without domains.
    type_name: String,
}

impl TypeFacts {
    /// Statements that make it.
    fn ddl(&self) -> [String; 2] {
        let name = &self.name;
        let made = if let Some(over) = &self.domain {
            format!("CREATE DOMAIN {name} AS {over}")
        } else if let Some(subtype) = &self.range {
            format!("CREATE TYPE {name} AS RANGE (subtype = {subtype})")
        } else if self.fields.is_empty() {
            let labels: Vec<String> = self.labels.iter().map(|label| text(label)).collect();
            format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "))
        } else {
            let fields = self.fields.iter();
            let fields: Vec<String> = fields
                .map(|field| format!("{} {}", ident(&field.name), field.declared))
                .collect();
            format!("CREATE TYPE {name} AS ({})", fields.join(", "))
        };
        [schema(&self.schema), made]
    }
}

/// The statement that makes a schema.
pub fn schema(name: &str) -> String {
    format!("CREATE SCHEMA IF NOT EXISTS {}", ident(name))
}

/// Statements that make all of them, in the order of their needs.
pub fn ddl(types: &[TypeFacts]) -> impl Iterator<Item = String> {
    types.iter().flat_map(TypeFacts::ddl)
}

/// What a column or an array of a composite type consists of.
pub fn fields(types: &[TypeFacts], type_name: &str) -> Vec<PlanColumn> {
    let bare = type_name.trim_end_matches("[]");
    let Some(composite) = types.iter().find(|known| known.name == bare) else {
        return Vec::new();
    };
    let fields = composite.fields.iter();
    fields
        .map(|field| PlanColumn {
            name: field.name.clone(),
            type_name: field.type_name.clone(),
            kind: "other".to_owned(),
            // A composite cannot be part of itself, so that this ends.
            fields: self::fields(types, &field.type_name),
        })
        .collect()
}

/// A JSON list of the user's own types that a table needs, the needed ones first.
pub fn statement(oid: u32) -> String {
    format!(
        "WITH RECURSIVE t(oid, depth) AS (\
           SELECT a.atttypid, 0 FROM pg_attribute a \
           WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped \
           UNION SELECT n.oid, t.depth + 1 FROM t JOIN pg_type y ON y.oid = t.oid \
           CROSS JOIN LATERAL (\
             SELECT y.typelem WHERE y.typelem <> 0 AND y.typlen = -1 \
             UNION ALL SELECT y.typbasetype WHERE y.typtype = 'd' \
             UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = y.oid \
             UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE y.typtype = 'c' \
               AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped) n(oid)) \
         SELECT coalesce(json_agg(json_build_object(\
           'name', format_type(y.oid, NULL), 'schema', s.nspname, \
           'labels', coalesce((SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) \
             FROM pg_enum e WHERE e.enumtypid = y.oid), '[]'), \
           'fields', coalesce((SELECT json_agg(json_build_object('name', a.attname, \
               'declared', format_type(a.atttypid, a.atttypmod), \
               'type_name', CASE f.typtype WHEN 'd' THEN format_type(f.typbasetype, f.typtypmod) \
                 ELSE format_type(a.atttypid, a.atttypmod) END) ORDER BY a.attnum) \
             FROM pg_attribute a JOIN pg_type f ON f.oid = a.atttypid WHERE y.typtype = 'c' \
             AND a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]'), \
           'domain', CASE y.typtype WHEN 'd' THEN format_type(y.typbasetype, y.typtypmod) \
             || coalesce(' DEFAULT ' || y.typdefault, '') \
             || CASE WHEN y.typnotnull THEN ' NOT NULL' ELSE '' END \
             || coalesce((SELECT string_agg(' ' || pg_get_constraintdef(c.oid), '' ORDER BY c.oid) \
               FROM pg_constraint c WHERE c.contypid = y.oid AND c.contype = 'c'), '') END, \
           'range', (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r \
             WHERE r.rngtypid = y.oid)) ORDER BY d.depth DESC, y.oid), '[]')::text \
         FROM (SELECT oid, max(depth) AS depth FROM t GROUP BY oid) d \
         JOIN pg_type y ON y.oid = d.oid JOIN pg_namespace s ON s.oid = y.typnamespace \
         WHERE y.typtype IN ('e', 'c', 'd', 'r') AND s.nspname <> 'pg_catalog'"
    )
}
