//! Who is in which group, where the store has a table of its own about it and its profile knows that.
//!
//! Reads names and ids as text and puts them together here: the tables may be of any store.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::core::group::Groups;
use crate::core::profile::{Member, Membership};
use crate::core::scalar::is_number;
use crate::store::{Store, StoreError};

/// Rows of a table of members or names at most, and members at most.
pub const MOST: usize = 200_000;

/// Characters of a name or an id at most: what is longer is none. Stores send one more.
pub const LONGEST: usize = 200;

/// Nobody waits longer for groups, and no server works longer on them.
const LONG: Duration = Duration::from_secs(20);

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
    let enough = stop.child_token();
    let mut told = Box::pin(told(store, &enough));
    tokio::select! {
        told = &mut told => return told,
        () = tokio::time::sleep(LONG) => {}
    }
    // It ends soon, on the server too.
    enough.cancel();
    match told.await {
        Err(StoreError::Cancelled) if !stop.is_cancelled() => Err(StoreError::Failed {
            message: format!(
                "the tables of groups were not read within {} s",
                LONG.as_secs()
            ),
            hint: Some("--groups FILE.csv with those that matter is taken instead".to_owned()),
        }),
        told => told,
    }
}

async fn told(store: &dyn Store, stop: &CancellationToken) -> Result<Option<Groups>, StoreError> {
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
    Of {
        /// By ids as they are.
        exact: HashMap<String, Vec<Arc<str>>>,
        /// By ids of which other types have another spelling.
        folded: HashMap<String, Vec<Arc<str>>>,
    },
}

impl Names {
    /// Nobody is meant by an id that has no name.
    fn of(&self, id: &str) -> Vec<Arc<str>> {
        match self {
            Self::Plain => vec![id.into()],
            Self::Of { exact, folded } => {
                let known = exact.get(id).or_else(|| {
                    let id = spelled(id);
                    exact.get(&id).or_else(|| folded.get(&id))
                });
                known.cloned().unwrap_or_default()
            }
        }
    }
}

/// An id as other types spell it: 1.0 of a float is the 1 of an integer, and letters of a UUID are of
/// either size.
fn spelled(id: &str) -> String {
    let is_uuid = id.len() == 36 && id.bytes().all(|c| c == b'-' || c.is_ascii_hexdigit());
    if is_uuid {
        return id.to_ascii_lowercase();
    }
    let whole = id.split_once('.').filter(|(_, rest)| {
        !rest.is_empty() && rest.bytes().all(|digit| digit == b'0') && is_number(id)
    });
    whole.map_or(id, |(whole, _)| whole).to_owned()
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
    let (mut exact, mut folded) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
    let rows = read(store, &naming.table, columns, stop).await?;
    for (id, name) in rows.unwrap_or_default() {
        let (other, name): (_, Arc<str>) = (spelled(&id), name.into());
        if other != id {
            folded.entry(other).or_default().push(Arc::clone(&name));
        }
        exact.entry(id).or_default().push(name);
    }
    Ok(Names::Of { exact, folded })
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
    let is_name = |name: &String| !name.is_empty() && name.chars().count() <= LONGEST;
    let rows = trimmed.filter(|(one, other)| is_name(one) && is_name(other));
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
            ("0F3C-AB", "0F3C-AB"),
            (
                "0F3CB1A0-0000-4000-8000-0123456789AB",
                "0f3cb1a0-0000-4000-8000-0123456789ab",
            ),
        ] {
            assert_eq!(spelled(id), same);
        }
    }
}
