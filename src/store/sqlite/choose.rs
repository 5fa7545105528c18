//! From a file's tables and what the user asked for to the one table that is opened, and how.
//!
//! Does not judge profiles; `profile::detect` does.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params_from_iter};

use crate::core::event::KeyPart;
use crate::core::profile::ColumnKind;
use crate::core::profile::detect::{Candidate, Relation};
use crate::core::profile::guess::epoch_unit_of;
use crate::core::profile::{Origin, Profile, TimeEncoding};
use crate::core::query::predicate::Predicate;
use crate::core::sanitise::safe;
use crate::core::scalar::compare_numbers;
use crate::store::choice;
use crate::store::connect::{OpenOptions, Owner};
use crate::store::sqlite::describe::{self, Form, Table};
use crate::store::sqlite::open::{shown, statement_error};
use crate::store::sqlite::shape::{Shape, quoted};
use crate::store::sqlite::walk::Walk;
use crate::store::{Access, Description, PageFrom, StoreError, TimeAccess};

/// The table that is opened.
#[derive(Debug)]
pub(super) struct Chosen {
    /// How it is read.
    pub(super) shape: Shape,
    /// What is said of it.
    pub(super) description: Description,
}

/// Tables that look like an audit log, best first; of `options`, a table narrows it to that one and
/// a profile is the only one tried.
pub(super) fn candidates(
    connection: &Connection,
    path: &Path,
    options: &OpenOptions,
) -> Result<Vec<Candidate>, StoreError> {
    let tables = asked_for(describe::tables(connection)?, path, options)?;
    Ok(choice::rank(options, &relations(&tables)))
}

/// Decides for one table and looks at how it is to be read.
pub(super) fn choose(
    connection: &Connection,
    path: &Path,
    options: &OpenOptions,
) -> Result<Chosen, StoreError> {
    let tables = asked_for(describe::tables(connection)?, path, options)?;
    let candidate = match tables.as_slice() {
        [table] if options.table.is_some() => choice::named(options, table.relation.clone())?,
        _ => best(&tables, path, options)?,
    };
    let Some(table) = tables
        .iter()
        .find(|table| table.relation.name == candidate.relation.name)
    else {
        return Err(StoreError::Failed {
            message: format!(
                "{} has no table {}",
                shown(path),
                safe(&candidate.relation.name)
            ),
            hint: None,
        });
    };
    let shape = shape(connection, table, &candidate.profile, options)?;
    let is_writable =
        std::fs::metadata(path).is_ok_and(|metadata| !metadata.permissions().readonly());
    let file = path.file_name().unwrap_or(path.as_os_str());
    let (name, access) = match options.owner {
        Owner::Demo => ("demo".to_owned(), Access::Generated),
        Owner::Given if is_writable => (file.to_string_lossy().into(), Access::RoleCanWrite),
        Owner::Given => (file.to_string_lossy().into(), Access::ReadOnly),
    };
    let description = Description {
        name: safe(&name).into_owned(),
        relation: safe(&table.relation.name).into_owned(),
        server: format!("SQLite {}", rusqlite::version()),
        profile: Arc::clone(&shape.profile),
        evidence: candidate.evidence,
        columns: shape.columns.clone(),
        access,
        transport: "file".to_owned(),
        estimate: table.relation.estimate,
        time: TimeAccess::indexed(shape.is_ordered),
    };
    Ok(Chosen { shape, description })
}

fn relations(tables: &[Table]) -> Vec<Relation> {
    tables.iter().map(|table| table.relation.clone()).collect()
}

fn best(tables: &[Table], path: &Path, options: &OpenOptions) -> Result<Candidate, StoreError> {
    let relations = relations(tables);
    let best = choice::rank(options, &relations).into_iter().next();
    best.ok_or_else(|| {
        let among = format!("table of {}", shown(path));
        choice::none_fits(options, &among, &relations)
    })
}

/// The tables among which to choose.
fn asked_for(
    tables: Vec<Table>,
    path: &Path,
    options: &OpenOptions,
) -> Result<Vec<Table>, StoreError> {
    if tables.is_empty() {
        return Err(StoreError::Failed {
            message: format!("{} has no tables", shown(path)),
            hint: Some("the program that writes it may not have created them yet".to_owned()),
        });
    }
    let Some(asked) = &options.table else {
        return Ok(tables);
    };
    let name = asked.strip_prefix("main.").unwrap_or(asked);
    // SQLite's names ignore the case of ASCII letters.
    let found = tables
        .iter()
        .find(|table| table.relation.name.eq_ignore_ascii_case(name));
    found
        .map(|table| vec![table.clone()])
        .ok_or_else(|| StoreError::Failed {
            message: format!("{} has no table {}", shown(path), safe(asked)),
            hint: Some(format!("there are {}", names(&tables))),
        })
}

fn names(tables: &[Table]) -> String {
    const MOST: usize = 12;
    let mut names: Vec<_> = tables
        .iter()
        .take(MOST)
        .map(|table| safe(&table.relation.name).into_owned())
        .collect();
    if tables.len() > MOST {
        names.push(format!("{} more", tables.len() - MOST));
    }
    names.join(", ")
}

fn shape(
    connection: &Connection,
    table: &Table,
    profile: &Arc<Profile>,
    options: &OpenOptions,
) -> Result<Shape, StoreError> {
    let name = quoted(&table.relation.name);
    let time = time_sql(table, profile)?;
    let mut profile = Arc::clone(profile);
    if profile.origin == Origin::Guessed
        && let Some(encoding) = epoch(connection, &name, &time, profile.time.encoding)?
    {
        Arc::make_mut(&mut profile).time.encoding = encoding;
    }
    if let (TimeEncoding::Zoneless(_), Some(zone)) = (profile.time.encoding, options.column_tz) {
        Arc::make_mut(&mut profile).time.encoding = TimeEncoding::Zoneless(zone);
    }
    let storage = describe::storage(connection, &name, &time, profile.time.encoding)?;
    let (sort, id) = keys(table, &profile)?;
    let mut columns = table.relation.columns.clone();
    for column in &mut columns {
        // Whatever a few sampled rows look like: text the profile reads the inside of is JSON.
        if column.kind == ColumnKind::Text && profile.reads_below(&column.name) {
            column.kind = ColumnKind::Json;
        }
    }
    let mut shape = Shape {
        table: name,
        columns,
        time,
        storage,
        sort,
        id,
        profile,
        is_ordered: true,
        is_keyed: table.form != Form::View,
    };
    shape.is_ordered = is_ordered(connection, &shape)?;
    Ok(shape)
}

fn time_sql(table: &Table, profile: &Profile) -> Result<String, StoreError> {
    let path = &profile.time.path;
    let Some(column) = table
        .relation
        .columns
        .iter()
        .find(|column| column.name == path.column())
    else {
        return Err(StoreError::Failed {
            message: format!(
                "table {} has no column {}, where the profile {} looks for the time",
                safe(&table.relation.name),
                safe(path.column()),
                safe(&profile.name),
            ),
            hint: Some("try another profile, or let it be detected".to_owned()),
        });
    };
    let name = quoted(&column.name);
    if path.within().is_empty() {
        return Ok(name);
    }
    let steps: Vec<_> = path
        .within()
        .iter()
        .map(|step| format!("\"{step}\""))
        .collect();
    let steps = format!(".{}", steps.join(".")).replace('\'', "''");
    // Text that is no JSON would end the whole statement with an error.
    Ok(format!(
        "CASE WHEN json_valid({name}) THEN json_extract({name}, '${steps}') END"
    ))
}

/// The sort key, and the columns of the id where they differ from it.
fn keys(table: &Table, profile: &Profile) -> Result<(Vec<String>, Vec<usize>), StoreError> {
    let columns = &table.relation.columns;
    let place = |name: &String| columns.iter().position(|column| column.name == *name);
    let own: Option<Vec<usize>> = profile.key.iter().map(place).collect();
    let own = own.filter(|places| !places.is_empty());
    let primary: Vec<usize> = table.primary.iter().filter_map(place).collect();
    let names = |places: &[usize]| places.iter().map(|at| quoted(&columns[*at].name)).collect();
    match table.form {
        Form::Rowid => {
            // The rowid breaks ties in every index for nothing, and unlike a declared key it is
            // never NULL.
            match describe::rowid(columns) {
                Some(alias) => Ok((vec![alias.to_owned()], own.unwrap_or(primary))),
                None => Ok((names(&primary), own.unwrap_or(primary))),
            }
        }
        Form::WithoutRowid => Ok((names(&primary), own.unwrap_or(primary))),
        Form::View => {
            let place_of = |name: &str| columns.iter().position(|column| column.name == name);
            let id = own.or_else(|| {
                ["id", "ID", "uuid", "event_id"]
                    .into_iter()
                    .find_map(place_of)
                    .map(|at| vec![at])
            });
            let id = id.ok_or_else(|| StoreError::Failed {
                message: format!(
                    "the view {} has no column that is known to be its key",
                    safe(&table.relation.name)
                ),
                hint: Some(
                    "name it in a profile (key = [\"…\"]), or open the table below it".into(),
                ),
            })?;
            Ok((names(&id), id))
        }
    }
}

/// The unit of a guessed epoch column, by the size of its values.
fn epoch(
    connection: &Connection,
    table: &str,
    time: &str,
    guessed: TimeEncoding,
) -> Result<Option<TimeEncoding>, StoreError> {
    if matches!(guessed, TimeEncoding::Instant | TimeEncoding::Zoneless(_)) {
        return Ok(None);
    }
    let times =
        describe::recent_times(connection, table, time).map_err(|error| statement_error(&error))?;
    let numbers = times.iter().filter_map(|part| match part {
        KeyPart::Int(int) => Some(int.to_string()),
        KeyPart::Number(text) => Some(text.to_string()),
        KeyPart::Null | KeyPart::Text(_) | KeyPart::RawText(_) | KeyPart::Bytes(_) => None,
    });
    let largest = numbers.max_by(|a, b| compare_numbers(a, b).unwrap_or(Ordering::Equal));
    Ok(largest.and_then(|largest| epoch_unit_of(&largest)))
}

/// Whether an index gives the rows in order: SQLite's own planner is asked.
fn is_ordered(connection: &Connection, shape: &Shape) -> Result<bool, StoreError> {
    let walk = Walk::new(shape, Arc::new(Predicate::All), &PageFrom::Newest);
    let Some(sql) = walk.statement(shape) else {
        return Ok(false);
    };
    let plan = plan(connection, &sql.text, sql.values.clone())?;
    Ok(!plan
        .iter()
        .any(|line| line.contains("USE TEMP B-TREE FOR ORDER BY")))
}

/// The planner's lines for a statement.
pub(super) fn plan(
    connection: &Connection,
    statement: &str,
    values: Vec<rusqlite::types::Value>,
) -> Result<Vec<String>, StoreError> {
    connection
        .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
        .and_then(|mut statement| {
            let rows = statement.query_map(params_from_iter(values), |row| row.get("detail"))?;
            rows.collect()
        })
        .map_err(|error| statement_error(&error))
}
