//! What went wrong, in a sentence that names the object, and what to do about it.

use mongodb::error::{Error, ErrorKind};

use crate::store::StoreError;
use crate::store::mongo::target::Target;

/// Codes of a server that is about to go, or is no primary any more, or whose collection changed
/// under the query: the same request may be made again.
const TRANSIENT: [i32; 16] = [
    6, 7, 43, 89, 91, 136, 175, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 237,
];
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

/// What the driver's text speaks of, and what to say about it. The first that fits counts; `{}` is
/// the place, and the telling part of the driver's text follows where the sentence ends in a colon.
const TELLING: [(&[&str], &str, &str); 6] = [
    (
        &[
            "failed to lookup address",
            "Name or service not known",
            "nodename nor servname",
        ],
        "the host of {} is unknown",
        "check the name and the resolver",
    ),
    (
        &[
            "certificate",
            "UnknownIssuer",
            "NotValidForName",
            "tls handshake",
            "InvalidMessage",
        ],
        "TLS with {} failed:",
        "tlsCAFile=FILE names the authority to trust; is the host named as in its certificate?",
    ),
    (
        &["Connection refused"],
        "nothing answers at {}: connection refused",
        "is the server running, and is this its port?",
    ),
    (
        &["ReplicaSetNoPrimary", "replica set name", "set name"],
        "no usable member of the replica set answers at {}:",
        "check replicaSet=; directConnection=true reads from one member alone",
    ),
    (
        &["wire version", "requires at least"],
        "the server at {} is too old for this driver",
        "MongoDB 4.2 or later is needed",
    ),
    (
        &[
            "unexpected end of file",
            "Connection reset",
            "closed by peer",
            "invalid reply",
        ],
        "{} closed the conversation:",
        "does it want TLS (tls=true), and is it a MongoDB server?",
    ),
];

/// An error of the first conversation, as exit code 3.
pub fn connecting(error: &Error, target: &Target) -> StoreError {
    let place = &target.place;
    let said = target.clean(&error.to_string());
    let connect = |message: String, hint: &str| StoreError::Connect {
        message,
        hint: Some(hint.to_owned()),
    };
    let is_login = matches!(&*error.kind, ErrorKind::Authentication { .. })
        || code(error) == Some(AUTHENTICATION_FAILED)
        || ["SCRAM failure", "Authentication failed"]
            .iter()
            .any(|word| said.contains(word));
    if is_login {
        let user = target.user.as_deref().unwrap_or("nobody");
        return connect(
            format!("{place} refused the password of user {user}"),
            "check user and password, and name the database that holds the user: authSource=admin",
        );
    }
    if code(error) == Some(UNAUTHORIZED) {
        return connect(format!("{place} wants a login first"), LOGIN);
    }
    let fits = |(words, ..): &&(&[&str], _, _)| words.iter().any(|word| said.contains(word));
    if let Some((_, sentence, hint)) = TELLING.iter().find(fits) {
        let mut message = sentence.replace("{}", place);
        if message.ends_with(':') {
            message = format!("{message} {}", cause(&said));
        }
        return connect(message, hint);
    }
    connect(
        format!("{place} did not answer in time: {}", cause(&said)),
        "is it reachable from here? serverSelectionTimeoutMS=… waits longer",
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
