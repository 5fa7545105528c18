//! Foreign keys that point at rows which are to go.
//!
//! Does not read rows.

use rusqlite::Connection;

use crate::core::purge::plan::{ParentLink, Relation};
use crate::core::sanitise::safe;
use crate::store::sqlite::purge::model::{Trouble, missing, refused};

/// Refuses keys that would change or delete rows nobody has archived. Says whether any key points
/// here at all.
pub(super) fn check_inbound(
    connection: &Connection,
    relations: &[Relation],
    warnings: &mut Vec<String>,
) -> Result<bool, Trouble> {
    let query = "SELECT s.name, f.\"table\", f.on_delete FROM sqlite_schema AS s, \
                 pragma_foreign_key_list(s.name) AS f \
                 WHERE s.type = 'table' AND f.seq = 0 ORDER BY s.name, f.id";
    let keys: Vec<(String, String, String)> = connection
        .prepare(query)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let place = |name: &str| {
        relations
            .iter()
            .position(|relation| relation.name.eq_ignore_ascii_case(name))
    };
    let mut has_any = false;
    for (child, parent, action) in keys {
        let Some(parent_place) = place(&parent) else {
            continue;
        };
        has_any = true;
        let is_known = place(&child).is_some_and(|child| {
            relations[child]
                .parent
                .as_ref()
                .is_some_and(|link| link.relation == parent_place)
        });
        if is_known {
            continue;
        }
        let (child, parent) = (safe(&child), safe(&parent));
        if matches!(action.as_str(), "CASCADE" | "SET NULL" | "SET DEFAULT") {
            return Err(refused(
                format!("deleting from {parent} would change {child} (ON DELETE {action}), which is not archived"),
                "name it as a related table in the profile: [[purge.related]]",
            )
            .into());
        }
        warnings.push(format!(
            "rows of {parent} to which rows of {child} refer will be kept"
        ));
    }
    Ok(has_any)
}

/// Checks how a related table finds its parent.
pub(super) fn check_link(
    connection: &Connection,
    child: &Relation,
    parent: &Relation,
    link: &ParentLink,
    warnings: &mut Vec<String>,
) -> Result<(), Trouble> {
    let has = |relation: &Relation, name: &String| {
        relation.columns.iter().any(|column| column.name == *name)
    };
    if let Some(name) = link.columns.iter().find(|name| !has(child, name)) {
        return Err(missing(&child.name, &format!("has no column {}", safe(name))).into());
    }
    let mut key = parent.key.clone();
    let mut named = link.parent_columns.clone();
    key.sort();
    named.sort();
    // Otherwise a row might belong to two events, one of which stays.
    if key != named {
        return Err(missing(
            &child.name,
            &format!("does not refer to the key of {}", safe(&parent.name)),
        )
        .into());
    }
    let indexed = connection
        .prepare(
            "SELECT 1 FROM pragma_index_list(?1) AS l, pragma_index_info(l.name) AS i \
             WHERE i.seqno = 0 AND NOT l.partial AND i.name = ?2 \
             UNION ALL SELECT 1 FROM pragma_table_info(?1) WHERE pk = 1 AND name = ?2",
        )?
        .exists([&child.name, &link.columns[0]])?;
    if !indexed {
        warnings.push(format!(
            "{} has no index on {}: finding the rows of each event reads all of it",
            safe(&child.name),
            safe(&link.columns[0])
        ));
    }
    Ok(())
}
