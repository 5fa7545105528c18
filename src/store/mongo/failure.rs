//! What went wrong, in a sentence that names the object, and what to do about it.

mod unreached;

use mongodb::error::{Error, ErrorKind};

use crate::core::sanitise::safe;
use crate::store::StoreError;
use crate::store::mongo::heartbeat::Unreachable;
use crate::store::mongo::target::Target;

/// Codes of a server that is about to go, or is no primary any more, or whose capped collection
/// went round under the query, or whose index was dropped under it: the same request may be made
/// again.
const TRANSIENT: [i32; 16] = [
    6, 7, 43, 89, 91, 136, 175, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 237,
];
const BAD_VALUE: i32 = 2;
/// The operation was killed: by us, or by an administrator.
const INTERRUPTED: i32 = 11601;
const UNAUTHORIZED: i32 = 13;
const AUTHENTICATION_FAILED: i32 = 18;
const OUT_OF_TIME: i32 = 50;
const LOGIN: &str = "name a user: mongodb://USER:PASSWORD@HOST/DATABASE?authSource=admin";

/// The server's code of an error, where it gave one.
pub fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

/// Whether the index that a query named does not exist any more.
pub fn is_hint_gone(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Command(command) => {
            command.code == BAD_VALUE && command.message.contains("hint provided")
        }
        _ => false,
    }
}

/// Whether waiting may mend an error: the server is away, or no primary at the moment.
pub fn is_passing(error: &Error) -> bool {
    let is_gone = matches!(
        &*error.kind,
        ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::ServerSelection { .. }
    );
    is_gone || code(error).is_some_and(|code| TRANSIENT.contains(&code))
}

/// An error of the first conversation, as exit code 3. Where no host can be talked to, it is the
/// host's own error that tells why.
pub fn connecting(error: &Error, target: &Target, unreachable: Option<&Unreachable>) -> StoreError {
    if let ErrorKind::InvalidTlsConfig { message, .. } = &*error.kind {
        return bad_tls(&target.clean(message));
    }
    let (message, hint) = match (login(error, target), unreachable) {
        (Some(said), _) => said,
        (None, Some(unreachable)) => unreached::told(unreachable, target),
        (None, None) => no_server(error, target),
    };
    StoreError::Connect {
        message,
        hint: Some(hint),
    }
}

/// Files or options for TLS that cannot be used, as exit code 2.
pub fn bad_tls(said: &str) -> StoreError {
    StoreError::Target {
        message: format!("TLS cannot be set up: {said}"),
        hint: Some("tlsCAFile and tlsCertificateKeyFile name PEM files".to_owned()),
    }
}

fn login(error: &Error, target: &Target) -> Option<(String, String)> {
    let place = &target.place;
    let said = error.to_string();
    let is_login = matches!(&*error.kind, ErrorKind::Authentication { .. })
        || code(error) == Some(AUTHENTICATION_FAILED)
        || ["SCRAM failure", "Authentication failed"]
            .iter()
            .any(|word| said.contains(word));
    if is_login {
        let user = target.user.as_deref().unwrap_or("nobody");
        let database = safe(target.user_database()).into_owned();
        return Some((
            format!(
                "{place} refused the password of user {user}, looked for in database {database}"
            ),
            "check user and password; authSource=DATABASE names the database that holds the user, \
             often admin"
                .to_owned(),
        ));
    }
    (code(error) == Some(UNAUTHORIZED))
        .then(|| (format!("{place} wants a login first"), LOGIN.to_owned()))
}

/// The driver has hosts that live, and none it may use.
fn no_server(error: &Error, target: &Target) -> (String, String) {
    let place = &target.place;
    let said = target.clean(&error.to_string());
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if let Some(set) = &target.options.repl_set_name
        && matches!(&*error.kind, ErrorKind::ServerSelection { .. })
    {
        return (
            format!("{place} has no member of a replica set {}", safe(set)),
            "check replicaSet=; directConnection=true reads from one server alone".to_owned(),
        );
    }
    if has(&["wire version", "requires at least"]) {
        return (
            format!("the server at {place} is too old for this driver"),
            "MongoDB 4.2 or later is needed".to_owned(),
        );
    }
    (
        format!("{place} did not answer in time: {}", cause(&said)),
        "is it reachable from here? serverSelectionTimeoutMS=… waits longer".to_owned(),
    )
}

/// The telling part of the driver's long description of a topology.
fn cause(said: &str) -> String {
    let start = said.find("Error: ").map_or(0, |at| at + "Error: ".len());
    let rest = &said[start..];
    let end = rest
        .find(", labels")
        .or_else(|| rest.find(" }"))
        .unwrap_or(rest.len());
    let mut cause = rest[..end].to_owned();
    if cause.len() > 300 {
        cause.truncate(cause.floor_char_boundary(300));
        cause.push('…');
    }
    cause
        .strip_prefix("Kind: ")
        .map_or_else(|| cause.clone(), str::to_owned)
}

/// An error of a request, about a collection.
pub fn failed(error: &Error, target: &Target, object: &str) -> StoreError {
    let said = target.clean(&error.to_string());
    let said = said.strip_prefix("Kind: ").unwrap_or(&said);
    if is_passing(error) {
        return StoreError::Lost {
            name: target.place.clone(),
            message: cause(said),
        };
    }
    if code(error) == Some(UNAUTHORIZED) && target.user.is_none() {
        return StoreError::Connect {
            message: format!("{} wants a login first", target.place),
            hint: Some(LOGIN.to_owned()),
        };
    }
    let (message, hint) = match code(error) {
        Some(UNAUTHORIZED) => (
            format!(
                "user {} may not read {object}",
                target.user.as_deref().unwrap_or("nobody")
            ),
            "grant the role read on the database: db.grantRolesToUser(USER, [\"read\"])".to_owned(),
        ),
        Some(OUT_OF_TIME) => (
            format!("{object}: the server stopped the query after its time limit"),
            "narrow the time range, or create an index: auditail doctor TARGET".to_owned(),
        ),
        Some(INTERRUPTED) => (
            format!("{object}: somebody killed the query on the server"),
            "ask its administrators, or narrow the query".to_owned(),
        ),
        _ => (
            format!("{object}: {}", cause(said)),
            "see the server's log for details".to_owned(),
        ),
    };
    StoreError::Failed {
        message,
        hint: Some(hint),
    }
}
