//! What the catalogue says about a table that is to be purged, in one statement, with an empty
//! search path so that every name is whole.
//!
//! Reads nothing of any row, and decides nothing; see `probe`.

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;
use crate::store::postgres::purge::link::Link;
use crate::store::postgres::purge::types::{self, TypeFacts};

/// The server and the database.
#[derive(Clone, Debug, Deserialize)]
pub struct Server {
    /// The cluster's number.
    pub system: String,
    /// `None` on a standby.
    pub timeline: Option<String>,
    /// The database's name.
    pub database: String,
    /// `lc_monetary`, on which the spelling of `money` depends.
    pub money: String,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// Its clock in microseconds.
    pub now: i64,
}

/// A table.
#[derive(Clone, Debug, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of the catalogue that do not depend on each other"
)]
pub struct TableFacts {
    /// `r`, `p`.
    pub kind: String,
    /// `p`, `u`, `t`.
    pub persistence: String,
    /// Whether other tables inherit from it.
    pub has_children: bool,
    /// Its partitions' numbers.
    pub partitions: Vec<i64>,
    /// Whether row-level security hides rows from this role.
    pub hidden_rows: bool,
    /// Rules on DELETE.
    pub rules: Vec<String>,
    /// Enabled triggers of the user's on DELETE.
    pub triggers: Vec<String>,
    /// Foreign keys that point here.
    pub references: Vec<Reference>,
    /// Publications that send its deletions on.
    pub publications: Vec<String>,
    /// Columns in order.
    pub columns: Vec<ColumnFacts>,
    /// Statements that make its indexes and its primary key.
    pub indexes: Vec<String>,
    /// The sequences its defaults draw from.
    pub sequences: Vec<SequenceFacts>,
    /// The user's own types of its columns.
    #[serde(default)]
    pub types: Vec<TypeFacts>,
    /// Whether this role may read all columns.
    pub can_select: bool,
    /// Whether this role may delete.
    pub can_delete: bool,
}

/// A foreign key that points to a table.
#[derive(Clone, Debug, Deserialize)]
pub struct Reference {
    /// Which table has it.
    pub oid: u32,
    /// Its name.
    pub table: String,
    /// `a`, `r`, `c`, `n`, `d`.
    pub action: String,
}

/// A sequence.
#[derive(Clone, Debug, Deserialize)]
pub struct SequenceFacts {
    /// The statement that makes it.
    pub made: String,
    /// The statement that gives it to its column, where it is a column's own.
    pub given: Option<String>,
}

/// A column.
#[derive(Clone, Debug, Deserialize)]
pub struct ColumnFacts {
    /// Unquoted.
    pub name: String,
    /// The base type, with its modifiers.
    pub type_name: String,
    /// As the table declares it: a domain's name.
    pub declared: String,
    /// `NOT NULL`
    pub not_null: bool,
    /// The expression of a stored generated column.
    pub generated: Option<String>,
    /// Whether it numbers its rows itself: `ALWAYS`, `BY DEFAULT`.
    pub identity: Option<String>,
    /// The expression of its default.
    pub default: Option<String>,
    /// Whether it is readable by this role.
    pub readable: bool,
}

/// Asks for the server's facts.
pub async fn server(link: &Link, stop: &CancellationToken) -> Result<Server, StoreError> {
    let statement = "SELECT json_build_object('system', (SELECT system_identifier::text \
         FROM pg_control_system()), 'timeline', CASE WHEN pg_is_in_recovery() THEN NULL \
         ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END, \
         'database', current_database(), 'money', current_setting('lc_monetary'), \
         'in_recovery', pg_is_in_recovery(), \
         'now', (extract(epoch FROM clock_timestamp()) * 1000000)::int8)::text";
    parse(link.value(statement, stop).await?, link)
}

/// Asks for a table's facts; `None` when it is gone.
pub async fn table(
    link: &Link,
    oid: u32,
    stop: &CancellationToken,
) -> Result<Option<TableFacts>, StoreError> {
    let some = match link.value(&statement(oid), stop).await? {
        None => return Ok(None),
        some => some,
    };
    let mut table: TableFacts = parse(some, link)?;
    table.types = parse(link.value(&types::statement(oid), stop).await?, link)?;
    Ok(Some(table))
}

/// Whether an extension manages the table's rows: its name.
pub async fn manager(
    link: &Link,
    oid: u32,
    stop: &CancellationToken,
) -> Result<Option<&'static str>, StoreError> {
    for (name, catalogue, condition) in [
        (
            "timescaledb",
            "_timescaledb_catalog.hypertable",
            "m.schema_name = n.nspname AND m.table_name = c.relname",
        ),
        (
            "citus",
            "pg_catalog.pg_dist_partition",
            "m.logicalrelid = c.oid",
        ),
    ] {
        let there = format!("SELECT to_regclass('{catalogue}')::text");
        if link.value(&there, stop).await?.is_none() {
            continue;
        }
        let managed = format!(
            "SELECT 'yes' FROM {catalogue} m, pg_class c JOIN pg_namespace n \
             ON n.oid = c.relnamespace WHERE c.oid = {oid} AND {condition}"
        );
        if link.value(&managed, stop).await?.is_some() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn parse<T: for<'d> Deserialize<'d>>(json: Option<String>, link: &Link) -> Result<T, StoreError> {
    serde_json::from_str(&json.unwrap_or_default()).map_err(|error| StoreError::Failed {
        message: format!(
            "the catalogue says of {} what is not understood: {error}",
            link.label()
        ),
        hint: None,
    })
}

fn statement(oid: u32) -> String {
    let list = |select: &str| format!("coalesce((SELECT json_agg({select}), '[]'::json)");
    let tree = format!("(SELECT relid FROM pg_partition_tree({oid}) UNION SELECT {oid}::regclass)");
    let parts = [
        ("columns", list(COLUMNS)),
        ("indexes", list(&indexes(oid))),
        ("sequences", list(&sequences(oid))),
        ("kind", "c.relkind".to_owned()),
        ("persistence", "c.relpersistence".to_owned()),
        (
            "has_children",
            "c.relkind = 'r' AND c.relhassubclass".to_owned(),
        ),
        (
            "partitions",
            list(&format!(
                "relid::oid::int8 ORDER BY relid::oid) FROM pg_partition_tree({oid}) \
                 WHERE relid <> {oid}"
            )),
        ),
        ("hidden_rows", "row_security_active(c.oid)".to_owned()),
        (
            "rules",
            list(&format!(
                "rulename) FROM pg_rewrite WHERE ev_class IN {tree} AND ev_type = '4' \
                 AND ev_enabled <> 'D'"
            )),
        ),
        (
            "triggers",
            list(&format!(
                "DISTINCT tgname) FROM pg_trigger WHERE tgrelid IN {tree} AND NOT tgisinternal \
                 AND tgenabled <> 'D' AND tgtype & 8 <> 0"
            )),
        ),
        ("references", list(&references(&tree))),
        (
            "publications",
            list(
                "p.pubname) FROM pg_publication_tables p \
                 WHERE p.schemaname = n.nspname AND p.tablename = c.relname",
            ),
        ),
        (
            "can_select",
            "has_table_privilege(c.oid, 'SELECT')".to_owned(),
        ),
        (
            "can_delete",
            "has_table_privilege(c.oid, 'DELETE')".to_owned(),
        ),
    ];
    let parts: Vec<String> = parts
        .iter()
        .map(|(name, sql)| format!("'{name}', {sql}"))
        .collect();
    format!(
        "SELECT json_build_object({})::text FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = {oid}",
        parts.join(", ")
    )
}

const COLUMNS: &str = "json_build_object('name', a.attname, \
     'type_name', CASE ty.typtype WHEN 'd' THEN format_type(ty.typbasetype, ty.typtypmod) \
         ELSE format_type(a.atttypid, a.atttypmod) END, \
     'declared', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull, \
     'generated', CASE a.attgenerated WHEN '' THEN NULL ELSE d.expression END, \
     'default', CASE a.attgenerated WHEN '' THEN d.expression END, \
     'identity', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END, \
     'readable', has_column_privilege(c.oid, a.attnum, 'SELECT')) ORDER BY a.attnum) \
     FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid \
     LEFT JOIN (SELECT adrelid, adnum, pg_get_expr(adbin, adrelid) AS expression \
         FROM pg_attrdef) d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped";

/// Statements that make the table's indexes and its keys.
fn indexes(oid: u32) -> String {
    format!(
        "coalesce('ALTER TABLE ' || c.oid::regclass || ' ADD ' || pg_get_constraintdef(o.oid), \
         pg_get_indexdef(i.indexrelid)) ORDER BY i.indexrelid) FROM pg_index i \
         LEFT JOIN pg_constraint o ON o.conindid = i.indexrelid AND o.conrelid = {oid} \
         AND o.contype IN ('p', 'u') WHERE i.indrelid = {oid} AND i.indisvalid"
    )
}

/// Statements that make the sequences of the table's defaults.
fn sequences(oid: u32) -> String {
    format!(
        "json_build_object('made', 'CREATE SEQUENCE IF NOT EXISTS ' || s.oid::regclass || ' AS ' \
         || format_type(q.seqtypid, NULL) || ' INCREMENT ' || q.seqincrement || ' MINVALUE ' \
         || q.seqmin || ' MAXVALUE ' || q.seqmax || ' START ' || q.seqstart || ' CACHE ' \
         || q.seqcache || CASE WHEN q.seqcycle THEN ' CYCLE' ELSE '' END, \
         'given', (SELECT 'ALTER SEQUENCE ' || s.oid::regclass || ' OWNED BY ' \
           || o.refobjid::regclass || '.' || quote_ident(b.attname) FROM pg_depend o \
           JOIN pg_attribute b ON b.attrelid = o.refobjid AND b.attnum = o.refobjsubid \
           WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid AND o.deptype = 'a' \
           AND o.refobjid = {oid})) ORDER BY s.oid) \
         FROM pg_attrdef x JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass \
         AND p.objid = x.oid AND p.refclassid = 'pg_class'::regclass \
         JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S' \
         JOIN pg_sequence q ON q.seqrelid = s.oid WHERE x.adrelid = {oid}"
    )
}

fn references(tree: &str) -> String {
    format!(
        "json_build_object('oid', conrelid::int8, 'table', conrelid::regclass::text, \
         'action', confdeltype)) FROM pg_constraint \
         WHERE contype = 'f' AND confrelid IN {tree} AND conparentid = 0"
    )
}
