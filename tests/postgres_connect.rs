//! Ways to a PostgreSQL server, and what is said when there is none.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use auditail::store::StoreError;
use auditail::store::connect::{self, OpenOptions};

use crate::harness;
use crate::harness::certificates::Certificates;
use crate::harness::detour::{Detour, Disturbance};
use crate::harness::postgres::PASSWORD;
use crate::postgres_store::CLUTCH;

async fn attempt(target: &str) -> Result<String, StoreError> {
    let store = connect::open(target, &OpenOptions::default()).await?;
    Ok(store.description().transport.clone())
}

#[tokio::test]
async fn every_spelling_reaches_the_server() {
    let Some(cluster) = harness::postgres() else {
        return;
    };
    let db = cluster.database("spellings");
    db.sql(CLUTCH);
    let (port, socket) = (cluster.port(), cluster.socket_dir().display().to_string());
    let encoded = socket.replace('/', "%2F");
    let name = &db.name;
    for (target, transport) in [
        (db.url.clone(), "no TLS (loopback)"),
        (
            format!("postgresql://postgres:{PASSWORD}@localhost:{port}/{name}"),
            "no TLS (loopback)",
        ),
        (format!("{}?sslmode=prefer", db.url), "no TLS (loopback)"),
        (
            format!("{}?application_name=x&connect_timeout=3", db.url),
            "no TLS (loopback)",
        ),
        (
            format!("postgres://postgres@{encoded}:{port}/{name}"),
            "unix socket",
        ),
        (
            format!("postgres:///{name}?host={socket}&port={port}&user=postgres"),
            "unix socket",
        ),
        (
            format!("host={socket} port={port} user=postgres dbname={name}"),
            "unix socket",
        ),
        // The first host does not answer.
        (
            format!("postgres://postgres:{PASSWORD}@127.0.0.1:1,127.0.0.1:{port}/{name}"),
            "no TLS (loopback)",
        ),
        (
            format!("{}?table=audit_events", db.url),
            "no TLS (loopback)",
        ),
    ] {
        let reached = attempt(&target).await;
        assert_eq!(
            reached.as_deref().ok(),
            Some(transport),
            "{target}: {reached:?}"
        );
    }
}

#[tokio::test]
async fn a_passfile_others_can_read_is_refused_by_name() {
    let Some(cluster) = harness::postgres() else {
        return;
    };
    let db = cluster.database("passfile");
    db.sql(CLUTCH);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pass");
    std::fs::write(
        &file,
        format!("127.0.0.1:{}:*:postgres:{PASSWORD}\n", cluster.port()),
    )
    .unwrap();
    let target = format!(
        "postgres://postgres@127.0.0.1:{}/{}?passfile={}",
        cluster.port(),
        db.name,
        file.display()
    );
    let mode =
        |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o600);
    attempt(&target).await.expect("the password is found");
    mode(0o644);
    let error = attempt(&target).await.expect_err("it must not be used");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("chmod 600")),
        "{error:?}"
    );
}

#[tokio::test]
async fn failures_name_the_part_that_failed_and_no_password() {
    let Some(cluster) = harness::postgres() else {
        return;
    };
    let db = cluster.database("failures");
    let secret = "Sup3rS3cret";
    let port = cluster.port();
    let name = &db.name;
    for (target, parts) in [
        (
            format!("postgres://postgres:{secret}@127.0.0.1:1/x"),
            ["127.0.0.1:1", "refused"],
        ),
        (
            format!("postgres://postgres:{secret}@nowhere.invalid/x"),
            ["nowhere.invalid", "unknown"],
        ),
        (
            cluster.url("postgres", secret, name),
            ["password", "postgres"],
        ),
        (
            cluster.url("postgres", PASSWORD, "no_such"),
            ["no_such", "database"],
        ),
        (
            format!("postgres://postgres@127.0.0.1:{port}/{name}"),
            ["password", "postgres"],
        ),
        (format!("{}?sslmode=require", db.url), ["TLS", "127.0.0.1"]),
        (
            format!("{}?sslmode=verify-full", db.url),
            ["TLS", "127.0.0.1"],
        ),
        (
            "postgres:///x?host=/nonexistent&user=u".to_owned(),
            ["/nonexistent", "socket"],
        ),
    ] {
        let Err(error) = attempt(&target).await else {
            panic!("{target} connected");
        };
        assert!(
            matches!(
                error,
                StoreError::Connect { .. } | StoreError::NoPassword { .. }
            ),
            "{target}: {error:?}"
        );
        let told = format!("{error} {error:?} {}", error.hint().unwrap_or_default());
        for part in parts {
            assert!(told.contains(part), "{target}: {told}");
        }
        assert!(!told.contains(secret) && !told.contains(PASSWORD), "{told}");
    }
}

#[tokio::test]
async fn a_pooler_that_drops_the_options_is_refused_and_left_as_it_was() {
    let Some(cluster) = harness::postgres() else {
        return;
    };
    let db = cluster.database("pooler");
    db.sql(CLUTCH);
    let detour = Detour::to(cluster.port(), Disturbance::OptionsLost);
    let target = format!(
        "{}?sslmode=disable",
        db.url
            .replace(&cluster.port().to_string(), &detour.port.to_string())
    );
    let error = attempt(&target).await.expect_err("it is refused");
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("read-only"), "{error}");
    // What the role brings along needs no option.
    db.sql(&format!(
        "CREATE ROLE pooled_{0} LOGIN PASSWORD 'pooled'; \
         ALTER ROLE pooled_{0} SET default_transaction_read_only = on; \
         ALTER ROLE pooled_{0} SET timezone = 'UTC'; \
         GRANT SELECT ON audit_events TO pooled_{0};",
        db.name
    ));
    let target = target.replace(
        &format!("postgres:{PASSWORD}"),
        &format!("pooled_{}:pooled", db.name),
    );
    attempt(&target).await.expect("it is safe to read here");
    db.sql(&format!(
        "DROP OWNED BY pooled_{0}; DROP ROLE pooled_{0};",
        db.name
    ));
}

#[tokio::test]
async fn targets_of_other_systems_are_named() {
    for (target, part) in [
        ("redis://u:Sup3rS3cret@h/0", "redis"),
        ("mysql://u:Sup3rS3cret@h/db", "mysql"),
        ("", "empty"),
    ] {
        let error = attempt(target).await.expect_err("it is refused");
        assert!(matches!(error, StoreError::Target { .. }), "{error:?}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(!format!("{error:?}").contains("Sup3r"), "{error:?}");
    }
}

#[tokio::test]
async fn tls_is_verified_as_far_as_was_asked_for() {
    let Some(cluster) = harness::private_postgres() else {
        return;
    };
    let db = cluster.database("tls");
    db.sql(CLUTCH);
    let data = db.sql("SHOW data_directory").trim().to_owned();
    let certificates = Certificates::new();
    install(&certificates, &data);
    let root = certificates.path("root.crt");
    db.sql("ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf();");
    crate::postgres_store::wait_until("the server offers TLS", || {
        db.sql("SHOW ssl").trim() == "on"
    })
    .await;
    let with = |query: &str| format!("{}?{query}", db.url.replace("127.0.0.1", "localhost"));
    let root = root.display();
    for (query, transport) in [
        ("sslmode=require".to_owned(), "TLS unverified"),
        ("sslmode=prefer".to_owned(), "TLS unverified"),
        (
            format!("sslmode=verify-full&sslrootcert={root}"),
            "TLS verified",
        ),
        (
            format!("sslmode=verify-ca&sslrootcert={root}"),
            "TLS verified (authority only)",
        ),
        ("sslmode=disable".to_owned(), "no TLS (loopback)"),
    ] {
        let reached = attempt(&with(&query)).await;
        assert_eq!(
            reached.as_deref().ok(),
            Some(transport),
            "{query}: {reached:?}"
        );
    }
    // The certificate is for localhost, not for the address.
    let by_address = format!("{}?sslmode=verify-full&sslrootcert={root}", db.url);
    assert!(matches!(
        attempt(&by_address).await,
        Err(StoreError::Connect { .. })
    ));
    let by_authority = format!("{}?sslmode=verify-ca&sslrootcert={root}", db.url);
    attempt(&by_authority)
        .await
        .expect("the name does not matter here");
    // An authority nobody knows.
    assert!(matches!(
        attempt(&with("sslmode=verify-full")).await,
        Err(StoreError::Connect { .. })
    ));
}

/// Puts the server's certificate where the server looks for it.
fn install(certificates: &Certificates, data: &str) {
    let owner = std::fs::metadata(data).unwrap();
    for name in ["server.crt", "server.key"] {
        let target = std::path::Path::new(data).join(name);
        std::fs::copy(certificates.path(name), &target).unwrap();
        std::os::unix::fs::chown(&target, Some(owner.uid()), Some(owner.gid())).unwrap();
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
