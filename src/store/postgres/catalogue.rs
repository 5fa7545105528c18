//! What the server's catalogue says about tables: columns, keys, indexes, privileges, estimates.
//!
//! One statement answers for one table or for all; it does not read a row of any of them.

use serde::Deserialize;

use crate::core::profile::ColumnKind;
use crate::core::profile::detect::Relation;
use crate::core::record::Column;
use crate::store::StoreError;
use crate::store::postgres::session::Session;
use crate::store::postgres::sql::quote::{ident, text};
use tokio_util::sync::CancellationToken;

/// A table, view or partitioned table.
#[derive(Clone, Debug, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of the catalogue that do not depend on each other"
)]
pub struct Table {
    /// The catalogue's number of it.
    pub oid: u32,
    /// The schema.
    pub schema: String,
    /// The name in the schema.
    pub name: String,
    /// `r`, `p` (partitioned), `v`, `m`, `f`.
    pub kind: String,
    /// Whether an unqualified name finds it.
    pub visible: bool,
    /// `pg_class.reltuples`, summed over partitions; negative when it, or one of them with
    /// rows, was never analysed, and for tables others inherit from.
    pub estimate: f64,
    /// Columns in order.
    pub columns: Vec<TableColumn>,
    /// Valid indexes.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// Whether other tables inherit from it, or did.
    pub has_children: bool,
    /// Whether the role may read all of it.
    pub can_select: bool,
    /// Whether the role may change or delete rows.
    pub can_write: bool,
}

/// A column.
#[derive(Clone, Debug, Deserialize)]
pub struct TableColumn {
    /// Its name, unquoted.
    pub name: String,
    /// The base type's catalogue name: `int8`, `jsonb`, `_text`.
    pub base: String,
    /// The type as SQL spells it.
    pub spelled: String,
    /// `pg_type.typtype` of the base type: `e` for enums, `c` for composites.
    pub class: String,
    /// `NOT NULL`
    pub not_null: bool,
    /// Whether the role may read it.
    pub readable: bool,
    /// Whether its collation holds different texts equal, as a nondeterministic one does.
    pub folding: bool,
}

/// An index.
#[derive(Clone, Debug, Deserialize)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// `btree`, `gin` …
    pub method: String,
    /// The columns; `None` for expressions.
    pub columns: Vec<Option<String>>,
    /// The operator class of the first column.
    pub class: Option<String>,
    /// The primary key.
    pub primary: bool,
    /// Unique, whole (no WHERE) and without expressions.
    pub unique: bool,
    /// Has a WHERE.
    pub partial: bool,
}

/// Stands for the type of a text column whose texts are documents, as the profile knows: nothing
/// the server can look into, as half a document would fail the statement.
pub const JSON_IN_TEXT: &str = "json in text";

impl TableColumn {
    /// A column of which only the name and the kind are known.
    pub fn assumed(name: &str, kind: ColumnKind) -> Self {
        let base = match kind {
            ColumnKind::Int => "int8",
            ColumnKind::Number => "numeric",
            ColumnKind::Text => "text",
            ColumnKind::Bool => "bool",
            ColumnKind::Timestamptz => "timestamptz",
            ColumnKind::Timestamp => "timestamp",
            ColumnKind::Date => "date",
            // It may be json or jsonb; what holds for both is little.
            ColumnKind::Json => "json",
            ColumnKind::Array => "_unknown",
            ColumnKind::Uuid => "uuid",
            ColumnKind::Bytes => "bytea",
            ColumnKind::Other => "unknown",
        };
        Self {
            name: name.to_owned(),
            base: base.to_owned(),
            spelled: base.to_owned(),
            class: "b".to_owned(),
            not_null: false,
            readable: true,
            folding: false,
        }
    }

    /// What the column holds, in the words of profiles.
    pub fn kind(&self) -> ColumnKind {
        match self.base.as_str() {
            "int2" | "int4" | "int8" | "oid" => ColumnKind::Int,
            "float4" | "float8" | "numeric" => ColumnKind::Number,
            "text" | "varchar" | "bpchar" | "name" | "citext" => ColumnKind::Text,
            "bool" => ColumnKind::Bool,
            "timestamptz" => ColumnKind::Timestamptz,
            "timestamp" => ColumnKind::Timestamp,
            "date" => ColumnKind::Date,
            "json" | "jsonb" | JSON_IN_TEXT => ColumnKind::Json,
            "uuid" => ColumnKind::Uuid,
            "bytea" => ColumnKind::Bytes,
            _ if self.class == "e" => ColumnKind::Text,
            base if base.starts_with('_') => ColumnKind::Array,
            _ => ColumnKind::Other,
        }
    }
}

impl Table {
    /// A table that was not looked up; the search path finds it.
    pub fn assumed(name: &str, columns: Vec<TableColumn>) -> Self {
        Self {
            oid: 0,
            schema: String::new(),
            name: name.to_owned(),
            kind: "r".to_owned(),
            visible: true,
            estimate: -1.0,
            columns,
            indexes: Vec::new(),
            has_children: false,
            can_select: true,
            can_write: true,
        }
    }

    /// `schema.table`, or the table alone where that finds it.
    pub fn label(&self) -> String {
        if self.visible {
            self.name.clone()
        } else {
            format!("{}.{}", self.schema, self.name)
        }
    }

    /// The name for statements.
    pub fn quoted(&self) -> String {
        if self.schema.is_empty() {
            return ident(&self.name);
        }
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// The column with this name.
    pub fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a whole index begins with the column.
    pub fn is_indexed(&self, column: &str) -> bool {
        self.indexes.iter().any(|index| {
            !index.partial && index.columns.first().and_then(Option::as_deref) == Some(column)
        })
    }

    /// Whether a btree index begins with the column, so that its order can be walked.
    pub fn is_ordered(&self, column: &str) -> bool {
        self.indexes.iter().any(|index| {
            index.method == "btree"
                && !index.partial
                && index.columns.first().and_then(Option::as_deref) == Some(column)
        })
    }

    /// Whether a GIN index serves conditions on the JSON column.
    pub fn has_gin(&self, column: &str) -> bool {
        self.indexes.iter().any(|index| {
            index.method == "gin"
                && !index.partial
                && index
                    .columns
                    .iter()
                    .any(|name| name.as_deref() == Some(column))
                && matches!(index.class.as_deref(), Some("jsonb_path_ops" | "jsonb_ops"))
        })
    }

    /// The columns that tell rows apart: the primary key, else a unique index over columns that
    /// are never null. `None` when there is neither.
    pub fn key(&self) -> Option<Vec<String>> {
        let names = |index: &Index| index.columns.iter().cloned().collect::<Option<Vec<_>>>();
        let primary = self
            .indexes
            .iter()
            .find(|index| index.primary)
            .and_then(names);
        primary.or_else(|| {
            self.indexes
                .iter()
                .filter(|index| index.unique)
                .filter_map(names)
                .find(|columns| {
                    columns
                        .iter()
                        .all(|name| self.column(name).is_some_and(|column| column.not_null))
                })
        })
    }

    /// Whether no two rows have the same values in these columns: a unique index stands behind it,
    /// over columns that are never null.
    pub fn tells_apart(&self, names: &[String]) -> bool {
        let is_covered = |name: &Option<String>| {
            name.as_ref().is_some_and(|name| {
                names.contains(name) && self.column(name).is_some_and(|column| column.not_null)
            })
        };
        self.indexes
            .iter()
            .any(|index| index.unique && index.columns.iter().all(is_covered))
    }

    /// Rows by the server's own estimate.
    pub fn rows_estimate(&self) -> Option<u64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate that is checked not to be negative"
        )]
        (self.estimate >= 0.0).then_some(self.estimate as u64)
    }

    /// The columns in the words the rest of the program shares.
    pub fn shared_columns(&self) -> Vec<Column> {
        let key = self.key().unwrap_or_default();
        self.columns
            .iter()
            .map(|column| Column {
                name: column.name.clone(),
                kind: column.kind(),
                type_name: column.spelled.clone(),
                indexed: self.is_indexed(&column.name),
                key: key.contains(&column.name),
            })
            .collect()
    }

    /// The table as detection sees it.
    pub fn relation(&self) -> Relation {
        Relation {
            name: self.label(),
            columns: self.shared_columns(),
            estimate: self.rows_estimate(),
        }
    }
}

/// Which tables are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The one with this name, with or without its schema.
    Named(&'a str),
    /// Every table, view and partitioned table of the database that is not the system's.
    All,
}

/// Reads the catalogue.
pub async fn tables(
    session: &Session,
    which: Which<'_>,
    database: &str,
    stop: &CancellationToken,
) -> Result<Vec<Table>, StoreError> {
    let found = session.texts(&statement(which), database, stop).await?;
    found
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .map(|json| {
            serde_json::from_str(&json).map_err(|error| StoreError::Failed {
                message: format!("the catalogue of {database} has an unexpected form: {error}"),
                hint: None,
            })
        })
        .collect()
}

fn statement(which: Which<'_>) -> String {
    let filter = match which {
        Which::Named(name) => {
            let whole = format!("to_regclass({})", text(&ident(name)));
            let parts = name.split_once('.').map(|(schema, table)| {
                format!(
                    "to_regclass({})",
                    text(&format!("{}.{}", ident(schema), ident(table)))
                )
            });
            // Unquoted as typed last, so that `Audit_Events` finds what SQL would.
            let folded = format!("to_regclass({})", text(&ident(&name.to_lowercase())));
            format!(
                "c.oid = coalesce({}{whole}, {folded})",
                parts.map_or_else(String::new, |parts| format!("{parts}, "))
            )
        }
        Which::All => "c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
             AND n.nspname NOT LIKE 'pg\\_temp%' AND n.nspname NOT LIKE 'pg\\_toast%' \
             AND has_schema_privilege(n.oid, 'USAGE')"
            .to_owned(),
    };
    format!(
        "SELECT json_build_object('oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, \
         'kind', c.relkind, 'visible', pg_table_is_visible(c.oid), \
         'has_children', c.relhassubclass, \
         'estimate', CASE WHEN c.relkind = 'p' THEN (SELECT CASE \
             WHEN bool_or(p.reltuples < 0 AND pg_relation_size(p.oid) > 0) THEN -1 \
             ELSE coalesce(sum(greatest(p.reltuples, 0)::float8), 0) END \
             FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid WHERE t.isleaf) \
             WHEN c.relhassubclass THEN -1 ELSE c.reltuples END, \
         'can_select', has_table_privilege(c.oid, 'SELECT'), \
         'can_write', has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'), \
         'columns', (SELECT json_agg(json_build_object('name', a.attname, 'base', b.typname, \
             'spelled', format_type(a.atttypid, a.atttypmod), 'class', b.typtype, \
             'not_null', a.attnotnull, \
             'folding', EXISTS (SELECT FROM pg_collation co WHERE co.oid = a.attcollation \
                 AND to_jsonb(co) ->> 'collisdeterministic' = 'false'), \
             'readable', has_column_privilege(c.oid, a.attnum, 'SELECT')) ORDER BY a.attnum) \
             FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid \
             JOIN pg_type b ON b.oid = CASE ty.typtype WHEN 'd' THEN ty.typbasetype ELSE ty.oid END \
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), \
         'indexes', coalesce((SELECT json_agg(json_build_object('name', ic.relname, \
             'method', am.amname, 'primary', i.indisprimary, 'partial', i.indpred IS NOT NULL, \
             'unique', i.indisunique AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL, \
             'columns', (SELECT json_agg((SELECT ka.attname FROM pg_attribute ka \
                 WHERE ka.attrelid = c.oid AND ka.attnum = k.num AND k.num > 0) ORDER BY k.place) \
                 FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(num, place) \
                 WHERE k.place <= i.indnkeyatts), \
             'class', (SELECT oc.opcname FROM pg_opclass oc WHERE oc.oid = i.indclass[0]))) \
             FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid \
             JOIN pg_am am ON am.oid = ic.relam WHERE i.indrelid = c.oid AND i.indisvalid), '[]'))::text \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {filter}"
    )
}
