//! What stands in the way of a purge, what the operator must be told, and what later steps are
//! checked against.
//!
//! `relfilenode` is recorded nowhere: VACUUM FULL and `pg_repack` change it and harm nobody, as the
//! bytes of every row decide.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::core::instant::Micros;
use crate::core::profile::{Changes, Origin, Profile, Related, TimeEncoding};
use crate::core::purge::plan::{Identity, ParentLink, PlanColumn, Relation, RowOrder};
use crate::store::StoreError;
use crate::store::postgres::catalogue::{self, Table, Which};
use crate::store::postgres::layout::{Layout, TimeForm};
use crate::store::postgres::purge::facts::{self, Server, TableFacts};
use crate::store::postgres::purge::link::Link;
use crate::store::postgres::purge::target::Target;
use crate::store::postgres::purge::types;
use crate::store::postgres::sql::quote::ident;

/// What was found.
#[derive(Clone, Debug)]
pub struct Examined {
    /// Which store.
    pub identity: Identity,
    /// The events, then related relations.
    pub targets: Vec<Target>,
    /// What to tell.
    pub warnings: Vec<String>,
    /// The server's clock.
    pub now: Micros,
    /// The server.
    pub server: Server,
    /// Whether this role may delete from every relation.
    pub can_delete: Result<(), String>,
}

/// A refusal.
pub fn refused(message: String, hint: &str) -> StoreError {
    StoreError::Refused {
        message,
        hint: Some(hint.to_owned()),
    }
}

/// A refusal that another role would not meet.
pub fn not_allowed(message: String, hint: &str) -> StoreError {
    StoreError::NotAllowed {
        message,
        hint: Some(hint.to_owned()),
    }
}

/// In which order rows are read.
pub fn order(layout: &Layout) -> RowOrder {
    if layout.table.is_ordered(&layout.time.name) {
        RowOrder::TimeThenKey
    } else {
        RowOrder::Key
    }
}

/// Whether the profile and the way its time is written allow a purge at all.
pub fn check_profile(
    layout: &Layout,
    column_tz: Option<chrono_tz::Tz>,
) -> Result<Vec<String>, StoreError> {
    let label = layout.table.label();
    let profile = &layout.profile;
    if let Some(why) = &profile.purge.refuse {
        let hint = "its own retention settings are the way; query and export still work";
        return Err(refused(
            format!("{label} ({}) must not be purged: {why}", profile.title),
            hint,
        ));
    }
    let mut warnings = Vec::new();
    match layout.time.form {
        TimeForm::Text => {
            let hint = "a purge needs a column with a type of time or an epoch number";
            let time = &layout.time.name;
            return Err(refused(format!("the time {time} of {label} is text"), hint));
        }
        TimeForm::WallClock(zone) => {
            let is_named = column_tz.is_some()
                || (profile.origin != Origin::Guessed
                    && matches!(profile.time.encoding, TimeEncoding::Zoneless(_)));
            let time = &layout.time.name;
            if !is_named {
                let hint = "say which zone's wall clock it holds: --column-tz Europe/Berlin";
                return Err(refused(
                    format!("the time {time} of {label} has no zone"),
                    hint,
                ));
            }
            warnings.push(format!("the time {time} has no zone; it is read as {zone}"));
        }
        TimeForm::Instant | TimeForm::Integer(_) | TimeForm::Number(_) => {}
    }
    if let Changes::Within(seconds) = profile.changes {
        warnings.push(format!(
            "rows change for up to {seconds} s after they are written; changed rows stay"
        ));
    }
    warnings.extend(
        profile
            .purge
            .keep
            .iter()
            .map(|keep| format!("some rows stay: {}", keep.because)),
    );
    Ok(warnings)
}

/// Looks at the events' table and those related to it.
pub async fn examine(
    link: &Link,
    events: &Table,
    key: &[String],
    profile: &Arc<Profile>,
    stop: &CancellationToken,
) -> Result<Examined, StoreError> {
    let server = facts::server(link, stop).await?;
    if server.in_recovery {
        let hint = "name the primary: a standby's rows cannot be deleted";
        return Err(refused(format!("{} is on a standby", events.label()), hint));
    }
    let mut tables = vec![(events.clone(), key.to_vec(), None)];
    for related in &profile.purge.related {
        tables.push(related_table(link, events, related, &tables, stop).await?);
    }
    let oids: Vec<u32> = tables.iter().map(|(table, ..)| table.oid).collect();
    let mut targets = Vec::new();
    let mut warnings = Vec::new();
    let mut known = server_facts(&server);
    let mut can_delete = Ok(());
    for (table, key, parent) in tables {
        let found = facts::table(link, table.oid, stop).await?;
        let Some(found) = found else {
            return Err(refused(format!("{} is gone", table.label()), "look again"));
        };
        if let Some(manager) = facts::manager(link, table.oid, stop).await? {
            let hint = "use the extension's own retention (drop_chunks)";
            return Err(refused(
                format!("{} belongs to {manager}", table.label()),
                hint,
            ));
        }
        check(&table, &found, &oids)?;
        warnings.extend(told(&table, &found, &oids));
        let name = table.label();
        known.push((format!("oid of {name}"), table.oid.to_string()));
        if found.kind == "p" {
            let parts: Vec<String> = found.partitions.iter().map(ToString::to_string).collect();
            known.push((format!("partitions of {name}"), parts.join(" ")));
        }
        if !found.can_delete {
            can_delete = Err(format!(
                "GRANT SELECT, DELETE ON {} TO the role",
                table.quoted()
            ));
        }
        let relation = relation(&table, &found, key, parent);
        targets.push(Target::new(relation, &table, !found.triggers.is_empty()));
    }
    Ok(Examined {
        identity: Identity {
            server: format!("PostgreSQL {}", link.session().server.version),
            facts: known,
        },
        targets,
        warnings,
        now: Micros(server.now),
        server,
        can_delete,
    })
}

fn server_facts(server: &Server) -> Vec<(String, String)> {
    let timeline = server.timeline.clone().unwrap_or_default();
    vec![
        ("system identifier".to_owned(), server.system.clone()),
        ("timeline".to_owned(), timeline),
        ("database".to_owned(), server.database.clone()),
        ("lc_monetary".to_owned(), server.money.clone()),
    ]
}

/// The key of the events: what names them, where a unique index stands behind it.
pub fn key(layout: &Layout) -> Result<Vec<String>, StoreError> {
    let names: Option<Vec<String>> = layout
        .key
        .iter()
        .map(|part| part.name().map(str::to_owned))
        .collect();
    match names {
        Some(names) if layout.table.tells_apart(&names) => Ok(names),
        _ => {
            let hint = "a purge deletes by key: add a PRIMARY KEY, or a unique index over columns \
                        that are NOT NULL, not deferrable and without WHERE";
            let label = layout.table.label();
            Err(refused(
                format!("nothing tells the rows of {label} apart for certain"),
                hint,
            ))
        }
    }
}

type Found = (Table, Vec<String>, Option<ParentLink>);

async fn related_table(
    link: &Link,
    events: &Table,
    related: &Related,
    before: &[Found],
    stop: &CancellationToken,
) -> Result<Found, StoreError> {
    let name = format!("{}.{}", events.schema, related.table);
    let found = catalogue::tables(link.session(), Which::Named(&name), link.label(), stop).await?;
    let Some(table) = found.into_iter().next() else {
        let hint = "mend the profile's purge section, or name another profile";
        return Err(refused(
            format!("there is no table {name} with rows of the events"),
            hint,
        ));
    };
    let place = match &related.parent {
        None => Some(0),
        Some(parent) => before.iter().position(|(table, ..)| table.name == *parent),
    };
    let place = place.filter(|place| {
        let columns: Vec<String> = related.columns.values().cloned().collect();
        before
            .get(*place)
            .is_some_and(|(parent, ..)| parent.tells_apart(&columns))
    });
    let Some(relation) = place else {
        let hint = "the parent's columns must be a unique key of a table named before";
        return Err(refused(
            format!("the rows of {name} cannot be told by their parents"),
            hint,
        ));
    };
    let unique = |table: &Table| table.key().filter(|key| table.tells_apart(key));
    let key = unique(&table).unwrap_or_default();
    let parent = ParentLink {
        relation,
        columns: related.columns.keys().cloned().collect(),
        parent_columns: related.columns.values().cloned().collect(),
    };
    Ok((table, key, Some(parent)))
}

/// Refuses what is no table of its own.
pub fn check_kind(table: &Table) -> Result<(), StoreError> {
    let (what, hint) = match table.kind.as_str() {
        "r" | "p" => return Ok(()),
        "v" | "m" => ("a view", "purge the table behind it: --table NAME"),
        "f" => ("a foreign table", "purge it on the server it is from"),
        _ => ("no table", "name one with --table"),
    };
    Err(refused(format!("{} is {what}", table.label()), hint))
}

/// What a purge cannot be made with.
fn check(table: &Table, found: &TableFacts, model: &[u32]) -> Result<(), StoreError> {
    let label = table.label();
    let no = |what: String, hint: &str| Err(refused(format!("{label} {what}"), hint));
    check_kind(table)?;
    if found.has_children {
        return no(
            "has tables that inherit from it".to_owned(),
            "purge each of them with --table",
        );
    }
    if found.hidden_rows {
        let hint = "use a role with BYPASSRLS: a policy would hide rows from the archive";
        return no(
            "hides rows from this role (row-level security)".to_owned(),
            hint,
        );
    }
    if let Some(rule) = found.rules.first() {
        let hint = "a rule rewrites DELETE; drop or disable it first";
        return no(format!("has the rule {rule} on DELETE"), hint);
    }
    let foreign = found.references.iter().find(|reference| {
        matches!(reference.action.as_str(), "c" | "n" | "d") && !model.contains(&reference.oid)
    });
    if let Some(foreign) = foreign {
        let does = match foreign.action.as_str() {
            "c" => "would be deleted with them",
            _ => "would be changed with them",
        };
        let hint = "name that table in the profile's purge section, so that its rows are archived, \
                    too; or take the action from the foreign key";
        return no(format!("has rows in {} that {does}", foreign.table), hint);
    }
    let closed: Vec<String> = (found.columns.iter())
        .filter(|column| !column.readable)
        .map(|column| ident(&column.name))
        .collect();
    if !found.can_select && !closed.is_empty() {
        let hint = format!("GRANT SELECT ON {} TO the role", table.quoted());
        return no(
            format!("has columns this role cannot read: {}", closed.join(", ")),
            &hint,
        );
    }
    Ok(())
}

/// What the operator must know.
fn told(table: &Table, found: &TableFacts, model: &[u32]) -> Vec<String> {
    let label = table.label();
    let mut warnings = Vec::new();
    if !found.triggers.is_empty() {
        warnings.push(format!(
            "{label} has triggers on DELETE, which will run: {}",
            found.triggers.join(", ")
        ));
    }
    if !found.publications.is_empty() {
        warnings.push(format!(
            "subscribers of {} will delete the same rows of {label}",
            found.publications.join(", ")
        ));
    }
    for reference in &found.references {
        if matches!(reference.action.as_str(), "a" | "r") && !model.contains(&reference.oid) {
            warnings.push(format!(
                "rows that {} refers to will stay in {label}",
                reference.table
            ));
        }
    }
    if found.persistence == "u" {
        warnings.push(format!(
            "{label} is UNLOGGED: a crash of the server empties it"
        ));
    }
    warnings
}

fn relation(
    table: &Table,
    found: &TableFacts,
    key: Vec<String>,
    parent: Option<ParentLink>,
) -> Relation {
    let columns = found
        .columns
        .iter()
        .filter(|column| column.generated.is_none());
    let kind = |name: &str| {
        let column = table.column(name);
        column
            .map_or("other", |column| column.kind().word())
            .to_owned()
    };
    Relation {
        schema: Some(table.schema.clone()),
        name: table.name.clone(),
        columns: columns
            .map(|column| PlanColumn {
                name: column.name.clone(),
                type_name: column.type_name.clone(),
                kind: kind(&column.name),
                fields: types::fields(&found.types, &column.type_name),
            })
            .collect(),
        key,
        parent,
        ddl: ddl(table, found),
    }
}

fn ddl(table: &Table, found: &TableFacts) -> Vec<String> {
    let name = table.quoted();
    let columns: Vec<String> = (found.columns.iter())
        .map(|column| {
            let not_null = if column.not_null { " NOT NULL" } else { "" };
            let made = match (&column.generated, &column.identity) {
                (Some(expression), _) => format!(" GENERATED ALWAYS AS ({expression}) STORED"),
                (None, Some(when)) => format!(" GENERATED {when} AS IDENTITY"),
                (None, None) => String::new(),
            };
            format!(
                "{} {}{made}{not_null}",
                ident(&column.name),
                column.declared
            )
        })
        .collect();
    let mut statements = vec![types::schema(&table.schema)];
    statements.extend(types::ddl(&found.types));
    statements.extend(found.sequences.iter().map(|sequence| sequence.made.clone()));
    statements.push(format!("CREATE TABLE {name} ({})", columns.join(", ")));
    // Apart from the table, which is made even where a function of a default is missing.
    statements.extend(found.columns.iter().filter_map(|column| {
        let default = column.default.as_ref()?;
        let column = ident(&column.name);
        Some(format!(
            "ALTER TABLE {name} ALTER COLUMN {column} SET DEFAULT {default}"
        ))
    }));
    let given = found.sequences.iter();
    statements.extend(given.filter_map(|sequence| sequence.given.clone()));
    statements.extend(found.indexes.iter().cloned());
    statements
}
