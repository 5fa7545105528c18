//! Who is in which group, where the store has a table of its own about it and its profile knows that.
//!
//! Reads names and ids as text and puts them together here: the tables may be of any store.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::core::group::Groups;
use crate::core::profile::{Member, Membership};
use crate::core::scalar::is_number;
use crate::store::{Store, StoreError};

/// Rows of a table of members or names at most, and members at most.
pub const MOST: usize = 200_000;

/// Characters of a name or an id at most: what is longer is none.
pub const LONGEST: usize = 200;

/// Two columns of another table of the same database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// Its name, or `schema.name`.
    pub table: String,
    /// The columns; in documents paths.
    pub columns: [String; 2],
}

/// The rows of both columns, as text.
pub type PairRows = Vec<(String, String)>;

/// Who is in which group; `None` where the profile knows no table, or the store has no others.
pub async fn groups(
    store: &dyn Store,
    stop: &CancellationToken,
) -> Result<Option<Groups>, StoreError> {
    let description = store.description();
    let Some(Membership { table, user, group }) = &description.profile.groups else {
        return Ok(None);
    };
    let columns = [user.column.clone(), group.column.clone()];
    let Some(members) = read(store, table, columns, stop).await? else {
        return Ok(None);
    };
    let (users, names) = (
        named(store, user, stop).await?,
        named(store, group, stop).await?,
    );
    let mut all: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(members.len());
    for (user, group) in members {
        for user in users.of(&user) {
            let groups = names.of(&group).into_iter();
            all.extend(groups.map(|group| (Arc::clone(&user), group)));
            if all.len() > MOST {
                return Err(too_many(table));
            }
        }
    }
    if all.is_empty() {
        return Err(StoreError::Failed {
            message: format!("no row of {table} says who is in which group"),
            hint: Some("[groups] of the profile names the table and its columns".to_owned()),
        });
    }
    Ok(Some(Groups::told(all)))
}

fn too_many(table: &str) -> StoreError {
    StoreError::Failed {
        message: format!("{table} says of more than {MOST} users in which group they are"),
        hint: Some("--groups FILE.csv with those that matter is taken instead".to_owned()),
    }
}

/// What ids stand for.
enum Names {
    /// For themselves.
    Plain,
    Of(HashMap<String, Vec<Arc<str>>>),
}

impl Names {
    /// Nobody is meant by an id that has no name.
    fn of(&self, id: &str) -> Vec<Arc<str>> {
        match self {
            Self::Plain => vec![id.into()],
            Self::Of(names) => names.get(&spelled(id)).cloned().unwrap_or_default(),
        }
    }
}

/// An id as all types spell it: 1.0 of a float is the 1 of an integer, and letters of a UUID are of
/// either size.
fn spelled(id: &str) -> String {
    let whole = id.split_once('.').filter(|(_, rest)| {
        !rest.is_empty() && rest.bytes().all(|digit| digit == b'0') && is_number(id)
    });
    whole.map_or(id, |(whole, _)| whole).to_ascii_lowercase()
}

async fn named(
    store: &dyn Store,
    member: &Member,
    stop: &CancellationToken,
) -> Result<Names, StoreError> {
    let Some(naming) = &member.named else {
        return Ok(Names::Plain);
    };
    let columns = [naming.id.clone(), naming.name.clone()];
    let mut names: HashMap<String, Vec<Arc<str>>> = HashMap::new();
    let rows = read(store, &naming.table, columns, stop).await?;
    for (id, name) in rows.unwrap_or_default() {
        names.entry(spelled(&id)).or_default().push(name.into());
    }
    Ok(Names::Of(names))
}

async fn read(
    store: &dyn Store,
    table: &str,
    columns: [String; 2],
    stop: &CancellationToken,
) -> Result<Option<PairRows>, StoreError> {
    let pairs = Pairs {
        table: table.to_owned(),
        columns,
    };
    let Some(rows) = store.pairs(pairs, stop).await? else {
        return Ok(None);
    };
    if rows.len() > MOST {
        return Err(too_many(table));
    }
    // As of a file's lines.
    let trimmed = rows
        .into_iter()
        .map(|(one, other)| (one.trim().to_owned(), other.trim().to_owned()));
    let rows = trimmed.filter(|(one, other)| !one.is_empty() && !other.is_empty());
    Ok(Some(rows.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_different_types_are_the_same() {
        for (id, same) in [
            ("1", "1"),
            ("1.0", "1"),
            ("-7.000", "-7"),
            ("1.50", "1.50"),
            ("v1.0", "v1.0"),
            ("1.", "1."),
            ("0F3C-AB", "0f3c-ab"),
        ] {
            assert_eq!(spelled(id), same);
        }
    }
}
