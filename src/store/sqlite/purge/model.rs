//! What a file's audit table is to a purge: its relations, what identifies it, and everything that
//! speaks against purging it.
//!
//! Reads the schema only; rows are read elsewhere.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rusqlite::Connection;

use crate::core::profile::{Origin, TimeEncoding};
use crate::core::purge::plan::{Identity, ParentLink, Plan, PlanColumn, Relation};
use crate::core::purge::row::RowDigest;
use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::connect::OpenOptions;
use crate::store::sqlite::choose;
use crate::store::sqlite::open::{shown, statement_error};
use crate::store::sqlite::purge::foreign;
use crate::store::sqlite::purge::table::relation;
use crate::store::sqlite::shape::{Shape, quoted};

/// A table that may be purged.
#[derive(Debug)]
pub(super) struct Model {
    /// How its rows become events; ordered by the declared key, by bytes.
    pub(super) shape: Shape,
    /// The events' relation, then related ones.
    pub(super) relations: Vec<Relation>,
    /// Which file, which schema.
    pub(super) identity: Identity,
    /// What the operator has to know.
    pub(super) warnings: Vec<String>,
    /// Whether the file may have its own mind about a deletion.
    pub(super) minds: Minds,
}

/// Whether triggers or foreign keys may keep rows, or change others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Minds {
    /// A row that is deleted is gone, and nothing else is.
    Free,
    /// There are delete triggers.
    Triggers,
    /// There are foreign keys, and no triggers.
    Keys,
}

pub(super) fn refused(message: String, hint: &str) -> StoreError {
    StoreError::Refused {
        message,
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
    }
}

impl Model {
    /// Looks at a file, and refuses what cannot be purged exactly.
    pub(super) fn find(
        connection: &Connection,
        path: &Path,
        options: &OpenOptions,
    ) -> Result<Self, StoreError> {
        let chosen = choose::choose(connection, path, options)?;
        Ok(Self::of(connection, path, chosen.shape, options)?)
    }

    /// Looks again at what a plan speaks of; any difference is refused.
    pub(super) fn of_plan(
        connection: &Connection,
        path: &Path,
        options: &OpenOptions,
        plan: &Plan,
    ) -> Result<Self, StoreError> {
        let mut options = options.clone();
        options.table = plan.relations.first().map(|events| events.name.clone());
        if options.profile.is_none() {
            options.profile = crate::core::profile::load::parse(&plan.profile, Origin::Guessed)
                .ok()
                .map(std::sync::Arc::new);
        }
        let mut model = Self::find(connection, path, &options)?;
        model.adopt(plan)?;
        Ok(model)
    }

    fn of(
        connection: &Connection,
        path: &Path,
        mut shape: Shape,
        options: &OpenOptions,
    ) -> Result<Self, Trouble> {
        if let Some(why) = &shape.profile.purge.refuse {
            let name = &shape.profile.name;
            let why = format!("{} is never purged: {}", safe(name), safe(why));
            return Err(refused(why, "").into());
        }
        let mut warnings = Vec::new();
        check_file(connection, path)?;
        check_time(&shape, options)?;
        let events = events(connection, &shape, &mut warnings)?;
        shape.sort = order(&events);
        shape.id = Vec::new();
        // The plus keeps the planner from an index on the time, whose rows would have to be sorted
        // for every slice.
        shape.time = format!("+{}", shape.time);
        let mut relations = vec![events];
        for related in &shape.profile.purge.related {
            let parent = match &related.parent {
                None => 0,
                Some(name) => place_of(&relations, name)
                    .ok_or_else(|| missing(name, "is not among the related tables before it"))?,
            };
            let mut relation = relation(connection, &related.table)?;
            let link = ParentLink {
                relation: parent,
                columns: related.columns.keys().cloned().collect(),
                parent_columns: related.columns.values().cloned().collect(),
            };
            foreign::check_link(
                connection,
                &relation,
                &relations[parent],
                &link,
                &mut warnings,
            )?;
            relation.parent = Some(link);
            relations.push(relation);
        }
        let has_keys = foreign::check_inbound(connection, &relations, &mut warnings)?;
        let triggers = triggers(connection, &relations, &mut warnings)?;
        let minds = match (triggers, has_keys) {
            (true, _) => Minds::Triggers,
            (false, true) => Minds::Keys,
            (false, false) => Minds::Free,
        };
        let identity = identity(connection, path, &relations)?;
        Ok(Self {
            shape,
            relations,
            identity,
            warnings,
            minds,
        })
    }

    /// Compares with a plan, and takes over what it says about the columns' kinds: those are drawn
    /// from the newest rows and may look otherwise now.
    fn adopt(&mut self, plan: &Plan) -> Result<(), StoreError> {
        for ((name, was), (_, is)) in plan.identity.facts.iter().zip(&self.identity.facts) {
            if was != is {
                return Err(refused(
                    format!(
                        "this is not the store of the plan: its {} was {} and is {}",
                        safe(name),
                        safe(was),
                        safe(is)
                    ),
                    "make a new plan; the archive stays as it is",
                ));
            }
        }
        let relations = plan.relations.iter().zip(&self.relations);
        let are_same = plan.identity.facts.len() == self.identity.facts.len()
            && plan.relations.len() == self.relations.len()
            && relations.into_iter().all(|(was, is)| is_same(was, is));
        if !are_same {
            return Err(refused(
                "the tables are not as they were when the plan was made".to_owned(),
                "make a new plan; the archive stays as it is",
            ));
        }
        self.relations.clone_from(&plan.relations);
        for column in &mut self.shape.columns {
            let planned = plan.relations[0]
                .columns
                .iter()
                .find(|planned| planned.name == column.name);
            if let Some(planned) = planned
                && let Some(kind) = crate::core::profile::ColumnKind::from_word(&planned.kind)
            {
                column.kind = kind;
            }
        }
        Ok(())
    }
}

/// The key as it is ordered: text by its bytes. Saying so keeps SQLite from searching the index of
/// a key of several columns, so it is only said where another order may have been declared.
fn order(events: &Relation) -> Vec<String> {
    let may_differ = events
        .ddl
        .iter()
        .any(|sql| sql.to_ascii_uppercase().contains("COLLATE"));
    let suffix = if may_differ { " COLLATE BINARY" } else { "" };
    let key = events.key.iter();
    key.map(|column| format!("{}{suffix}", quoted(column)))
        .collect()
}

/// Whether a table is as it was planned, but for what was guessed of its columns.
fn is_same(was: &Relation, is: &Relation) -> bool {
    let columns = was.columns.iter().zip(&is.columns);
    was.name == is.name
        && was.key == is.key
        && was.parent == is.parent
        && was.columns.len() == is.columns.len()
        && columns
            .into_iter()
            .all(|(was, is)| was.name == is.name && was.type_name == is.type_name)
}

/// Either kind of error, until it is told.
pub(super) enum Trouble {
    Store(StoreError),
    Sql(rusqlite::Error),
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) => error,
            Trouble::Sql(error) => statement_error(&error),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

pub(super) fn missing(table: &str, why: &str) -> StoreError {
    refused(
        format!("the related table {} {why}", safe(table)),
        "correct [[purge.related]] in the profile",
    )
}

fn place_of(relations: &[Relation], name: &str) -> Option<usize> {
    relations
        .iter()
        .position(|relation| relation.name.eq_ignore_ascii_case(name))
}

fn check_file(connection: &Connection, path: &Path) -> Result<(), Trouble> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly()) {
        return Err(refused(
            format!("{} is read-only", shown(path)),
            "a purge needs leave to write to the file and its directory",
        )
        .into());
    }
    let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
    if encoding != "UTF-8" {
        return Err(refused(
            format!("{} keeps its text as {}", shown(path), safe(&encoding)),
            "only UTF-8 databases can be archived byte for byte",
        )
        .into());
    }
    Ok(())
}

fn check_time(shape: &Shape, options: &OpenOptions) -> Result<(), Trouble> {
    let is_guessed = shape.profile.origin == Origin::Guessed;
    let is_zoneless = matches!(shape.profile.time.encoding, TimeEncoding::Zoneless(_));
    if is_guessed && is_zoneless && options.column_tz.is_none() {
        return Err(refused(
            format!("the times in {} have no zone", shape.profile.time.path),
            "say which zone's clock they are with --column-tz ZONE",
        )
        .into());
    }
    Ok(())
}

fn events(
    connection: &Connection,
    shape: &Shape,
    warnings: &mut Vec<String>,
) -> Result<Relation, Trouble> {
    let Some(name) = unquoted(&shape.table) else {
        return Err(refused(format!("{} is no table", safe(&shape.table)), "").into());
    };
    let mut relation = relation(connection, &name)?;
    let named = safe(&name);
    for column in &mut relation.columns {
        if let Some(known) = shape.columns.iter().find(|known| known.name == column.name) {
            known.kind.word().clone_into(&mut column.kind);
        }
    }
    let has_time = |column: &PlanColumn| column.name == shape.profile.time.path.column();
    if !relation.columns.iter().any(has_time) {
        return Err(refused(
            format!("the time of {named} is a generated column, which no archive holds"),
            "name the column it is made of in a profile: [time] path",
        )
        .into());
    }
    if relation.columns.len() < shape.columns.len() {
        warnings.push(format!(
            "generated columns of {named} are not archived; restoring makes them again"
        ));
    }
    if relation.key.is_empty() {
        return Err(refused(
            format!("{named} declares no key, and a rowid is not one: VACUUM may change it"),
            "add a PRIMARY KEY or a UNIQUE index on NOT NULL columns",
        )
        .into());
    }
    let nulls: Vec<_> = relation
        .key
        .iter()
        .map(|column| format!("{} IS NULL", quoted(column)))
        .collect();
    let query = format!("SELECT 1 FROM {} WHERE {}", shape.table, nulls.join(" OR "));
    if connection.prepare(&query)?.exists([])? {
        return Err(refused(
            format!("{named} has rows whose key is NULL, so they cannot be told apart"),
            "give them keys first",
        )
        .into());
    }
    Ok(relation)
}

fn unquoted(table: &str) -> Option<String> {
    let inner = table.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\"\"", "\""))
}

/// Whether deleting from one of these may run code of the file's own.
fn triggers(
    connection: &Connection,
    relations: &[Relation],
    warnings: &mut Vec<String>,
) -> rusqlite::Result<bool> {
    let mut has_any = false;
    for relation in relations {
        let found: Vec<(String, String)> = connection
            .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE")?
            .query_map([&relation.name], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (name, sql) in found {
            // A word too many costs a warning and some speed.
            if sql.to_ascii_uppercase().contains("DELETE") {
                has_any = true;
                warnings.push(format!(
                    "the trigger {} runs when rows of {} are deleted; what it does elsewhere is not archived",
                    safe(&name),
                    safe(&relation.name)
                ));
            }
        }
    }
    Ok(has_any)
}

fn identity(
    connection: &Connection,
    path: &Path,
    relations: &[Relation],
) -> Result<Identity, Trouble> {
    let metadata = fs::metadata(path).map_err(|error| StoreError::Connect {
        message: format!("cannot look at {}: {error}", shown(path)),
        hint: None,
    })?;
    let mut schema = String::new();
    for relation in relations {
        let found: Vec<Option<String>> = connection
            .prepare(
                "SELECT sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE \
                 AND type IN ('table', 'trigger') ORDER BY type, name",
            )?
            .query_map([&relation.name], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for sql in found.into_iter().flatten() {
            schema.push_str(&sql);
            schema.push('\0');
        }
    }
    let header: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let fact = |name: &str, value: String| (name.to_owned(), value);
    Ok(Identity {
        server: format!("SQLite {}", rusqlite::version()),
        facts: vec![
            fact("device", metadata.dev().to_string()),
            fact("inode", metadata.ino().to_string()),
            fact("application id", header.to_string()),
            fact("schema", RowDigest::of(schema.as_bytes()).to_string()),
        ],
    })
}
