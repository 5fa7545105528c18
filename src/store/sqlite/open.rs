//! Opening a file read-only, and saying in a sentence why that does not work.
//!
//! Does not look at tables; see `describe`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::sqlite::sieve;
use crate::store::sqlite::sql::IS_ODD;

/// How long a read waits for a writer that holds the file alone (not in WAL mode).
const BUSY: Duration = Duration::from_secs(2);

/// A connection that cannot change the file.
pub(super) fn connection(path: &Path) -> Result<Connection, StoreError> {
    inspect(path)?;
    let shown = shown(path);
    let fail = |error: rusqlite::Error| connect_error(&shown, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    connection.busy_timeout(BUSY).map_err(fail)?;
    // The second lock on the same door, and no code of the file's own (views may call functions).
    connection
        .execute_batch("PRAGMA query_only=1; PRAGMA trusted_schema=0; PRAGMA cell_size_check=1;")
        .map_err(fail)?;
    // The first statement that reads the file, so that what is wrong with it shows here.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(fail)?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function(IS_ODD, 1, flags, |context| {
            Ok(match context.get_raw(0) {
                ValueRef::Null | ValueRef::Integer(_) => false,
                ValueRef::Real(_) | ValueRef::Blob(_) => true,
                ValueRef::Text(bytes) => std::str::from_utf8(bytes).is_err(),
            })
        })
        .map_err(fail)?;
    sieve::register(&connection).map_err(fail)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The path as it may be printed.
pub(super) fn shown(path: &Path) -> String {
    safe(&path.to_string_lossy()).into_owned()
}

/// Looks at the file without opening it: closing any descriptor of it would drop the locks that
/// this process's SQLite connections hold (POSIX `fcntl` locks belong to the process).
fn inspect(path: &Path) -> Result<(), StoreError> {
    let shown = shown(path);
    let refuse = |message: String, hint: &str| {
        Err(StoreError::Connect {
            message,
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
        })
    };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return refuse(
                format!("there is no file {shown}"),
                "give the path of an SQLite database, or a postgres:// or mongodb:// URL",
            );
        }
        Err(error) => return refuse(format!("cannot look at {shown}: {error}"), ""),
    };
    if metadata.is_dir() {
        return refuse(
            format!("{shown} is a directory"),
            "give the path of the database file in it",
        );
    }
    if metadata.len() == 0 {
        return refuse(
            format!("{shown} is empty, so it holds no table"),
            "the program that writes it may not have created its tables yet",
        );
    }
    Ok(())
}

fn connect_error(shown: &str, error: &rusqlite::Error) -> StoreError {
    let code = error.sqlite_error_code();
    let (message, hint) = match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            format!("{shown} is locked by another program"),
            "wait until its writer is done; in WAL mode (`PRAGMA journal_mode=WAL`) readers never wait",
        ),
        Some(ErrorCode::NotADatabase) => (
            format!("{shown} is not an SQLite database, or it is encrypted"),
            "encrypted databases (SQLCipher, SEE) have to be exported by their own program first",
        ),
        Some(ErrorCode::ReadOnly) => (
            format!("a program was killed while it wrote to {shown}, and left it half done"),
            "whoever may write takes that back by looking: `sqlite3 FILE .tables`",
        ),
        Some(ErrorCode::CannotOpen) => (
            format!("{shown} cannot be opened for reading"),
            "a database in WAL mode needs its -wal and -shm files beside it, and leave to create them",
        ),
        _ => (
            format!("{shown} cannot be read: {}", safe(&error.to_string())),
            "`sqlite3 FILE 'PRAGMA integrity_check'` tells whether the file is damaged",
        ),
    };
    StoreError::Connect {
        message,
        hint: Some(hint.to_owned()),
    }
}

/// What went wrong with a statement, in the words of the rest of the program.
pub(super) fn statement_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => StoreError::Cancelled,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            lost("another program keeps it locked")
        }
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => lost(&error.to_string()),
        _ => StoreError::Failed {
            message: format!("SQLite says: {}", safe(&error.to_string())),
            hint: None,
        },
    }
}

/// The file is there no more, or not to be had for now; waiting may mend it.
pub(super) fn lost(why: &str) -> StoreError {
    StoreError::Lost {
        name: "the SQLite file".to_owned(),
        message: safe(why).into_owned(),
    }
}
