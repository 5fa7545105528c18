//! Who is in which group, where the store has a table of its own about it and its profile knows that.
//!
//! Reads names and ids as text and puts them together here: the tables may be of any store.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::core::group::Groups;
use crate::core::profile::{Member, Membership};
use crate::store::{Store, StoreError};

/// Rows of a table of members or names at most: some tens of megabytes while they are read.
pub const MOST: usize = 200_000;

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
            let groups = names.of(&group);
            all.extend(groups.into_iter().map(|group| (Arc::clone(&user), group)));
        }
    }
    Ok(Some(Groups::told(all)))
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
            Self::Of(names) => names.get(id).cloned().unwrap_or_default(),
        }
    }
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
        names.entry(id).or_default().push(name.into());
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
    let rows = store.pairs(pairs, stop).await?;
    if rows.as_ref().is_some_and(|rows| rows.len() > MOST) {
        return Err(StoreError::Failed {
            message: format!("{table} has more than {MOST} rows: too many for groups of users"),
            hint: Some("--groups FILE.csv with those that matter is taken instead".to_owned()),
        });
    }
    Ok(rows)
}
