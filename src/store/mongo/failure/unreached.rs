//! Why a host cannot be talked to: its name, its port, its certificate.

use std::io;

use mongodb::error::{Error, ErrorKind};
use mongodb::options::Tls;
use rustls::{AlertDescription, CertificateError};

use crate::core::sanitise::safe;
use crate::store::mongo::heartbeat::Unreachable;
use crate::store::mongo::target::Target;

/// What is said about it, and what to do.
pub fn told(unreachable: &Unreachable, target: &Target) -> (String, String) {
    let host = safe(&unreachable.host).into_owned();
    let (message, hint) = match io_cause(&unreachable.error) {
        Some(io) => of_io(io, &host, target),
        None => (
            format!(
                "no conversation with {host}: {}",
                said(&unreachable.error, target)
            ),
            "is it a MongoDB server?".to_owned(),
        ),
    };
    if names(target, &unreachable.host) {
        return (message, hint);
    }
    (
        format!(
            "{message} (the replica set at {} names this host)",
            target.place
        ),
        "members must be reachable by the names the set gives them; \
         directConnection=true reads from the named server alone"
            .to_owned(),
    )
}

/// Whether the URI, or the name it stands for, names a host itself.
fn names(target: &Target, host: &str) -> bool {
    let mut named = target.options.hosts.iter();
    named.any(|address| address.to_string() == host)
}

fn said(error: &Error, target: &Target) -> String {
    let said = target.clean(&error.to_string());
    said.strip_prefix("Kind: ").unwrap_or(&said).to_owned()
}

fn io_cause(error: &Error) -> Option<&io::Error> {
    match &*error.kind {
        ErrorKind::Io(io) => Some(io),
        _ => None,
    }
}

fn of_io(io: &io::Error, host: &str, target: &Target) -> (String, String) {
    let inner = io.get_ref();
    if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return of_tls(tls, host, target);
    }
    let text = io.to_string();
    let (message, hint) = match io.kind() {
        io::ErrorKind::ConnectionRefused => (
            format!("nothing answers at {host}: connection refused"),
            "is the server running, and is this its port?",
        ),
        io::ErrorKind::TimedOut => (
            format!("{host} did not answer in time"),
            "is it reachable from here? connectTimeoutMS=… and serverSelectionTimeoutMS=… wait longer",
        ),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => closed(host, target),
        _ if text.contains("lookup address") => (
            format!("the host of {host} is unknown"),
            "check the name and the resolver",
        ),
        _ => (
            format!("no connection to {host}: {}", target.clean(&text)),
            "is it a MongoDB server?",
        ),
    };
    (message, hint.to_owned())
}

fn closed(host: &str, target: &Target) -> (String, &'static str) {
    match &target.options.tls {
        Some(Tls::Enabled(_)) => (
            format!("{host} closed the connection when TLS began"),
            "does it speak TLS (tls=false connects without), and does it want a certificate of the \
             client's (tlsCertificateKeyFile=FILE)?",
        ),
        _ => (
            format!("{host} closed the connection before it said anything"),
            "does it want TLS (tls=true), and is it a MongoDB server?",
        ),
    }
}

fn of_tls(error: &rustls::Error, host: &str, target: &Target) -> (String, String) {
    let authority = match &target.options.tls {
        Some(Tls::Enabled(tls)) => tls.ca_file_path.as_ref(),
        _ => None,
    };
    let (message, hint) = match error {
        // An authority that was made anew under its old name signs, and nobody can check it.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => match authority {
            Some(file) => (
                format!(
                    "the certificate of {host} was not issued by an authority in {}",
                    safe(&file.display().to_string())
                ),
                "tlsCAFile=FILE names the PEM file of the server's own authority",
            ),
            None => (
                format!("the certificate of {host} was issued by an authority nobody knows here"),
                "tlsCAFile=FILE names the PEM file of its authority",
            ),
        },
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => (
            format!(
                "the certificate of {host} is for another host{}",
                others(error)
            ),
            "name the host in the URI as its certificate does",
        ),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => (
            format!("the certificate of {host} has expired"),
            "renew it on the server, and check the clock here",
        ),
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
        ) => (
            format!("{host} wants a certificate of the client"),
            "tlsCertificateKeyFile=FILE names the PEM file with certificate and key",
        ),
        rustls::Error::InvalidMessage(_) => (
            format!("{host} does not speak TLS"),
            "tls=false connects without, if the way there is safe",
        ),
        other => (
            format!(
                "TLS with {host} failed: {}",
                target.clean(&other.to_string())
            ),
            "see the server's log for details",
        ),
    };
    (message, hint.to_owned())
}

/// The names a certificate is for, where they are known.
fn others(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        }) if !presented.is_empty() => format!(": {}", safe(&presented.join(", "))),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn message(uri: &str, host: &str, io: io::Error) -> (String, String) {
        let target = Target::resolve(uri).await;
        let target = target.unwrap_or_else(|error| panic!("{error}"));
        let unreachable = Unreachable {
            host: host.to_owned(),
            error: io.into(),
        };
        told(&unreachable, &target)
    }

    fn tls(error: rustls::Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[tokio::test]
    async fn the_part_that_failed_is_named() {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, TimedOut};
        let plain = "mongodb://h/db";
        let secure = "mongodb://h/db?tls=true";
        for (uri, io, part) in [
            (plain, ConnectionRefused.into(), "refused"),
            (plain, TimedOut.into(), "in time"),
            (plain, ConnectionReset.into(), "tls=true"),
            (secure, ConnectionReset.into(), "tls=false"),
            (
                plain,
                io::Error::other("failed to lookup address information"),
                "unknown",
            ),
            (secure, tls(CertificateError::Expired.into()), "has expired"),
            (
                secure,
                tls(CertificateError::NotValidForName.into()),
                "another host",
            ),
            (
                secure,
                tls(rustls::Error::AlertReceived(
                    AlertDescription::CertificateRequired,
                )),
                "tlsCertificateKeyFile",
            ),
        ] {
            let (message, hint) = message(uri, "h:27017", io).await;
            assert!(message.contains("h:27017"), "{message}");
            assert!(
                format!("{message} {hint}").contains(part),
                "{message} {hint}"
            );
            assert!(!message.contains("replica set"), "{message}");
        }
    }

    #[tokio::test]
    async fn a_host_that_only_the_replica_set_names_is_said_to_be_one() {
        let io = io::ErrorKind::ConnectionRefused.into();
        let (message, hint) = message("mongodb://h1,h2:1/db", "inner:27017", io).await;
        assert!(
            message.ends_with("(the replica set at h1,h2:1 names this host)"),
            "{message}"
        );
        assert!(hint.contains("directConnection=true"), "{hint}");
    }
}
