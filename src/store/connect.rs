//! From a target as typed to an opened store: URLs, `PG*` variables, passfile, service file, a
//! path.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::core::profile::Profile;
use crate::core::profile::detect::Candidate;
use crate::core::sanitise::safe;
use crate::store::purger::Purger;
use crate::store::secret::Secret;
use crate::store::{BoxFuture, Store, StoreError, archive, mongo, postgres, sqlite};

/// What else is known about a target. No `Debug`: it may hold a password.
#[derive(Clone, Default)]
pub struct OpenOptions {
    /// The profile to use instead of detection.
    pub profile: Option<Arc<Profile>>,
    /// Profiles of the user's own, tried before the built-in ones.
    pub own: Vec<Arc<Profile>>,
    /// The table to open instead of the best candidate; also `?table=` in the URL.
    pub table: Option<String>,
    /// The zone of a zone-less time column.
    pub column_tz: Option<chrono_tz::Tz>,
    /// How much to find out before the store is handed out.
    pub survey: Survey,
    /// Whose the store is.
    pub owner: Owner,
    /// A password that does not stand in the target, for where nothing else gives one.
    pub password: Option<Secret>,
}

/// Whose a store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// Somebody's: what may be done to it matters.
    #[default]
    Given,
    /// Made up by this program, a moment ago; its file has a name nobody chose.
    Demo,
}

/// How much to find out about a table when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Survey {
    /// Its columns, indexes and privileges.
    #[default]
    Full,
    /// Nothing, where the profile and the table are named and the profile says all that a plain
    /// page needs. The description is poorer, filters are checked row by row.
    Trusting,
}

/// How long a server is asked whether it wants a password: nothing is on the screen meanwhile.
const ASKING: Duration = Duration::from_secs(3);

/// Opens a target for reading.
pub fn open<'a>(
    target: &'a str,
    options: &'a OpenOptions,
) -> BoxFuture<'a, Result<Arc<dyn Store>, StoreError>> {
    Box::pin(async move {
        match System::of(target)? {
            System::Postgres => {
                Ok(Arc::new(postgres::open(target, options).await?) as Arc<dyn Store>)
            }
            System::Mongo => {
                Ok(Arc::new(Box::pin(mongo::open(target, options)).await?) as Arc<dyn Store>)
            }
            System::Sqlite => {
                let (path, options) = sqlite_file(target, options);
                if path.is_dir() {
                    let store = archive::open(&path, &options).await?;
                    return Ok(Arc::new(store) as Arc<dyn Store>);
                }
                Ok(Arc::new(sqlite::open(&path, &options).await?) as Arc<dyn Store>)
            }
        }
    })
}

/// Opens a target for a purge: apart from [`open`], whose stores cannot delete.
pub fn purger<'a>(
    target: &'a str,
    options: &'a OpenOptions,
) -> BoxFuture<'a, Result<Box<dyn Purger>, StoreError>> {
    Box::pin(async move {
        match System::of(target)? {
            System::Postgres => {
                Ok(Box::new(postgres::purge::open(target, options)?) as Box<dyn Purger>)
            }
            System::Mongo => Ok(Box::new(mongo::purge::open(target, options)) as Box<dyn Purger>),
            System::Sqlite => {
                let (path, options) = sqlite_file(target, options);
                if path.is_dir() {
                    return Err(StoreError::Refused {
                        message: format!("{} is a directory, and no database", safe(target)),
                        hint: Some("name the store that the archive was made of".to_owned()),
                    });
                }
                Ok(Box::new(sqlite::purge::open(&path, &options).await?) as Box<dyn Purger>)
            }
        }
    })
}

/// Every table of a target that looks like an audit log, best first, with the evidence for it; what
/// `auditail profiles detect` prints. Of `options`, a table narrows it to that one and a profile is
/// the only one that is tried.
pub fn candidates<'a>(
    target: &'a str,
    options: &'a OpenOptions,
) -> BoxFuture<'a, Result<Vec<Candidate>, StoreError>> {
    Box::pin(async move {
        match System::of(target)? {
            System::Postgres => postgres::candidates(target, options).await,
            System::Mongo => mongo::candidates(target, options).await,
            System::Sqlite => {
                let (path, options) = sqlite_file(target, options);
                if path.is_dir() {
                    return archive::candidates(&path, &options).await;
                }
                sqlite::candidates(&path, &options).await
            }
        }
    })
}

/// The question of a server that asks for a password which neither the target nor the options nor
/// anything else tells: `db:5432 asks for a password of role ana`. `None` as well where there is no
/// answer at all; opening says why.
pub fn question<'a>(target: &'a str, options: &'a OpenOptions) -> BoxFuture<'a, Option<String>> {
    Box::pin(async move {
        let asking = async {
            match System::of(target)? {
                System::Postgres => postgres::log_in(target, options).await,
                System::Mongo => mongo::log_in(target, options).await,
                System::Sqlite => Ok(()),
            }
        };
        match tokio::time::timeout(ASKING, asking).await {
            Ok(Err(StoreError::NoPassword { message, .. })) => Some(message),
            _ => None,
        }
    })
}

/// The target with every password in it masked, for anything that is shown.
pub fn redact_url(target: &str) -> String {
    postgres::target::redact(target)
}

/// A target as it can be written down and used from anywhere: without its password, and a file by
/// its whole path.
pub fn lasting(target: &str) -> String {
    let kept = without_password(target);
    let is_relative = !kept.contains("://") && matches!(System::of(&kept), Ok(System::Sqlite));
    match std::path::absolute(&kept) {
        Ok(whole) if is_relative => whole.display().to_string(),
        _ => kept,
    }
}

/// What is masked is left out.
fn without_password(target: &str) -> String {
    if let Some(kept) = postgres::target::without_password(target) {
        return kept;
    }
    let shown = redact_url(target).replace(":***@", "@");
    let (main, query) = shown.split_once('?').unwrap_or((&shown, ""));
    let pairs: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.contains("***"))
        .collect();
    if pairs.is_empty() {
        main.to_owned()
    } else {
        format!("{main}?{}", pairs.join("&"))
    }
}

/// The file of an SQLite target, with its `?table=` among the options. A name that exists as it
/// stands is taken as it stands: question marks are legal in file names.
fn sqlite_file(target: &str, options: &OpenOptions) -> (PathBuf, OpenOptions) {
    let path = ["sqlite://", "file://"]
        .into_iter()
        .find_map(|scheme| target.strip_prefix(scheme))
        .unwrap_or(target);
    let mut options = options.clone();
    match path.rsplit_once("?table=") {
        Some((file, table)) if !Path::new(path).exists() => {
            options.table.get_or_insert_with(|| table.to_owned());
            (PathBuf::from(file), options)
        }
        _ => (PathBuf::from(path), options),
    }
}

/// The database systems a target may name.
enum System {
    Postgres,
    Mongo,
    Sqlite,
}

impl System {
    fn of(target: &str) -> Result<Self, StoreError> {
        if postgres::target::is_postgres(target) {
            return Ok(Self::Postgres);
        }
        if mongo::target::is_mongo(target) {
            return Ok(Self::Mongo);
        }
        let shown = redact_url(target);
        let shown = safe(&shown);
        let refuse = |message: String, hint: &str| {
            Err(StoreError::Target {
                message,
                hint: Some(hint.to_owned()),
            })
        };
        match target.split_once("://").map(|(scheme, _)| scheme) {
            None if target.is_empty() => refuse(
                "the target is empty".to_owned(),
                "name a database: postgres://USER@HOST/DATABASE, mongodb://HOST/DATABASE, or the path of a SQLite file",
            ),
            None | Some("sqlite" | "file") => Ok(Self::Sqlite),
            Some(scheme) => refuse(
                format!("{shown}: {} is not a scheme auditail knows", safe(scheme)),
                "use postgres://…, mongodb://…, or the path of a SQLite file",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_can_be_used_from_anywhere() {
        let here = std::env::current_dir().expect("a directory");
        let whole = here.join("audit.db?table=t").display().to_string();
        assert_eq!(lasting("audit.db?table=t"), whole);
        for target in ["/srv/audit.db", "postgres://u@h/db", "mongodb://h/db"] {
            assert_eq!(lasting(target), target);
        }
    }

    #[test]
    fn what_is_written_down_has_no_password() {
        for (target, kept) in [
            (
                "postgres://u:secret@h/db?sslmode=require",
                "postgres://u@h/db?sslmode=require",
            ),
            (
                "postgres://h/db?password=secret&table=t",
                "postgres://h/db?table=t",
            ),
            ("postgres://h/db", "postgres://h/db"),
            ("audit.sqlite?table=t", "audit.sqlite?table=t"),
            (
                "password='my secret' host=h dbname='a b?c'",
                "host=h dbname='a b?c'",
            ),
        ] {
            assert_eq!(without_password(target), kept);
        }
    }
}
