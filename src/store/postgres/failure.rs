//! What went wrong, in a sentence that names the object, and what to do about it.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};
use tokio_util::sync::CancellationToken;

use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::postgres::params::Params;
use crate::store::postgres::place::Place;

/// An error while connecting, as exit code 3.
pub fn connecting(error: &Error, params: &Params, place: &Place, note: Option<&str>) -> StoreError {
    if chain(error).contains("password missing") {
        return no_password(params, place, note);
    }
    let (message, hint) = match error.as_db_error() {
        Some(db) => refused_by_server(db, params, place, note),
        None => no_conversation(error, place),
    };
    StoreError::Connect {
        message,
        hint: Some(hint),
    }
}

fn no_password(params: &Params, place: &Place, note: Option<&str>) -> StoreError {
    let hint = note.map_or_else(
        || "set PGPASSWORD, or write a line into ~/.pgpass (mode 600)".to_owned(),
        str::to_owned,
    );
    StoreError::NoPassword {
        message: format!("{place} asks for a password of role {}", safe(&params.user)),
        hint: Some(hint),
    }
}

fn refused_by_server(
    db: &DbError,
    params: &Params,
    place: &Place,
    note: Option<&str>,
) -> (String, String) {
    let (user, database) = (safe(&params.user), safe(&params.database));
    let said = safe(db.message());
    let code = db.code();
    if *code == SqlState::INVALID_PASSWORD {
        let hint = note.map_or_else(
            || "check PGPASSWORD, the passfile or the URL".to_owned(),
            str::to_owned,
        );
        return (format!("{place} refused the password of role {user}"), hint);
    }
    if *code == SqlState::INVALID_CATALOG_NAME {
        let hint = "name one that exists: postgres://USER@HOST/DATABASE (psql -l lists them)";
        return (
            format!("there is no database {database} at {place}"),
            hint.to_owned(),
        );
    }
    if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        let hint = if said.contains("pg_hba") {
            "the server's pg_hba.conf has no line for this role, database, address and encryption"
        } else {
            "name a role that exists and may log in: postgres://USER@HOST/DATABASE"
        };
        return (
            format!("{place} does not let {user} in: {said}"),
            hint.to_owned(),
        );
    }
    let hint = match *code {
        SqlState::TOO_MANY_CONNECTIONS => {
            "the server has no connection left; try again, or raise max_connections"
        }
        SqlState::CANNOT_CONNECT_NOW => {
            "the server is starting, stopping or recovering; try again in a moment"
        }
        SqlState::INSUFFICIENT_PRIVILEGE => "GRANT CONNECT ON DATABASE … TO the role",
        _ => "see the server's log for details",
    };
    (
        format!("{place} refused the connection: {said}"),
        hint.to_owned(),
    )
}

fn no_conversation(error: &Error, place: &Place) -> (String, String) {
    let text = chain(error);
    if text.contains("does not support TLS") {
        let hint = "sslmode=disable connects without encryption, if the way there is safe";
        return (
            format!("{place} does not offer TLS, which is required here"),
            hint.to_owned(),
        );
    }
    if let Some(io) = io_cause(error) {
        let tls = text.contains("TLS handshake");
        match io.kind() {
            io::ErrorKind::ConnectionRefused => {
                return (
                    format!("nothing answers at {place}: connection refused"),
                    "is the server running, and is this its port?".to_owned(),
                );
            }
            io::ErrorKind::NotFound => {
                return (
                    format!("there is no {place}"),
                    "is the server running? another socket directory: ?host=/path; over TCP: @localhost".to_owned(),
                );
            }
            io::ErrorKind::TimedOut => return timed_out(place),
            _ if tls => {
                return (
                    format!("TLS with {place} failed: {}", safe(&io.to_string())),
                    "sslrootcert=FILE names the authority to trust; sslmode=require encrypts without verifying".to_owned(),
                );
            }
            _ if text.contains("lookup address") => {
                return (
                    format!("the host of {place} is unknown"),
                    "check the name and the resolver".to_owned(),
                );
            }
            _ => {}
        }
    }
    if text.contains("timed out") || text.contains("timeout") {
        return timed_out(place);
    }
    (
        format!("no connection to {place}: {}", safe(&text)),
        "is this a PostgreSQL server?".to_owned(),
    )
}

fn timed_out(place: &Place) -> (String, String) {
    (
        format!("{place} did not answer in time"),
        "is it reachable from here? connect_timeout=SECONDS waits longer".to_owned(),
    )
}

fn io_cause(error: &Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

/// Whether TLS, or the lack of it, is why the server said no; the next attempt may differ in it.
pub fn is_about_encryption(error: &Error) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
        || chain(error).contains("does not support TLS")
}

/// Whether something between us and the server does not know the startup parameter `options`, as
/// poolers do.
pub fn is_about_options(error: &Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        *db.code() == SqlState::PROTOCOL_VIOLATION || db.message().contains("startup parameter")
    })
}

/// A statement's error; being cancelled is one unless we wished it.
pub fn of_statement(error: &Error, name: &str, stop: &CancellationToken) -> StoreError {
    if stop.is_cancelled() {
        return StoreError::Cancelled;
    }
    answering(error, name)
}

/// An error of a statement on `name`, the relation or the database. That the statement was stopped
/// at our own wish is for the caller to know: the server says the same when somebody else stops it.
pub fn answering(error: &Error, name: &str) -> StoreError {
    let Some(db) = error.as_db_error() else {
        return StoreError::Lost {
            name: name.to_owned(),
            message: safe(&chain(error)).into_owned(),
        };
    };
    let said = safe(db.message()).into_owned();
    let code = db.code();
    if ends_the_connection(code) {
        return StoreError::Lost {
            name: name.to_owned(),
            message: said,
        };
    }
    let message = format!("{name}: {said}");
    if let Some(hint) = passing(code, &said) {
        return StoreError::Busy {
            message,
            hint: Some(hint.to_owned()),
        };
    }
    let hint = match *code {
        SqlState::INSUFFICIENT_PRIVILEGE => format!("GRANT SELECT ON {name} TO the role"),
        SqlState::UNDEFINED_TABLE => "auditail doctor TARGET lists what is there".to_owned(),
        SqlState::UNDEFINED_COLUMN => {
            "the profile does not fit this table; auditail profiles detect TARGET shows which does"
                .to_owned()
        }
        _ => db.hint().map_or_else(
            || "see the server's log for details".to_owned(),
            |h| safe(h).into_owned(),
        ),
    };
    StoreError::Failed {
        message,
        hint: Some(hint),
    }
}

/// The server is silent long after its own limit for a statement: it, or the way to it, is gone.
pub fn overdue(name: &str) -> StoreError {
    StoreError::Lost {
        name: name.to_owned(),
        message: "the server has not answered for longer than a statement may take".to_owned(),
    }
}

fn ends_the_connection(code: &SqlState) -> bool {
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ]
    .contains(code)
        // `idle_session_timeout`
        || code.code() == "57P05"
}

/// What to do about an error that waiting mends; `None` for the others.
fn passing(code: &SqlState, said: &str) -> Option<&'static str> {
    match *code {
        SqlState::QUERY_CANCELED if said.contains("user request") => {
            Some("somebody stopped the statement on the server; try again")
        }
        SqlState::QUERY_CANCELED => {
            Some("narrow the time range, or raise the limit: PGOPTIONS='-c statement_timeout=5min'")
        }
        SqlState::LOCK_NOT_AVAILABLE => {
            Some("another session holds a lock on the table; try again")
        }
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            Some("a standby replays what the statement still read; try again")
        }
        // Out of memory, disk or connections.
        _ if code.code().starts_with("53") => Some("the server is short of something; try again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waiting_mends_is_told_from_what_it_does_not() {
        for code in [
            "55P03", "57014", "40001", "40P01", "53100", "53200", "53300",
        ] {
            assert!(passing(&SqlState::from_code(code), "").is_some(), "{code}");
        }
        for code in ["42P01", "42501", "22P02", "57P05"] {
            assert!(passing(&SqlState::from_code(code), "").is_none(), "{code}");
        }
        assert!(ends_the_connection(&SqlState::from_code("57P05")));
        assert!(!ends_the_connection(&SqlState::from_code("57014")));
    }
}
