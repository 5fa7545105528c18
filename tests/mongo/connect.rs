//! Ways to a MongoDB server: TLS, logins, replica sets, and what is said when there is none.

use std::time::{Duration, Instant};

use auditail::store::StoreError;
use auditail::store::connect::{self, OpenOptions};
use auditail::store::secret::Secret;
use mongodb::bson::doc;

use super::bad_input::{refused, said};
use super::nested;
use crate::harness;
use crate::harness::certificates::Certificates;
use crate::harness::mongo::{Login, MongoDb, Topology};
use crate::harness::postgres::{PASSWORD, free_port};

async fn reached(url: &str) -> Result<String, StoreError> {
    let store = connect::open(url, &OpenOptions::default()).await?;
    Ok(store.description().transport.clone())
}

#[tokio::test]
async fn tls_is_verified_and_its_failures_name_the_part() {
    let certificates = Certificates::new();
    let file = |name: &str| certificates.path(name).display().to_string();
    let extra = [
        "--tlsMode",
        "requireTLS",
        "--tlsCertificateKeyFile",
        &file("server.pem"),
    ];
    let Some(server) = harness::private_mongo(Topology::Standalone, Login::None, &extra) else {
        return;
    };
    let plain = server.url("tls");
    let by_name = plain.replace("127.0.0.1", "localhost");
    let trusted = format!("&tls=true&tlsCAFile={}", file("root.crt"));
    let db = MongoDb {
        url: format!("{by_name}{trusted}"),
        name: "tls".to_owned(),
    };
    db.insert("log", vec![nested(1, doc! {})]);
    assert_eq!(reached(&db.url).await.expect("trusted"), "TLS verified");
    let unverified = format!("{by_name}&tls=true&tlsAllowInvalidCertificates=true");
    assert_eq!(
        reached(&unverified).await.expect("unverified"),
        "TLS, certificate not verified"
    );
    let strangers = Certificates::new();
    let wrong = strangers.path("root.crt").display().to_string();
    for (url, parts) in [
        (
            format!("{by_name}&tls=true&tlsCAFile={wrong}"),
            ["was not issued by an authority in", wrong.as_str()],
        ),
        (
            format!("{by_name}&tls=true"),
            ["authority nobody knows", "tlsCAFile"],
        ),
        (
            format!("{plain}{trusted}"),
            ["is for another host", "localhost"],
        ),
        (plain.clone(), ["closed the connection", "tls=true"]),
    ] {
        let begun = Instant::now();
        let error = refused(&url).await;
        assert!(matches!(error, StoreError::Connect { .. }), "{error:?}");
        for part in parts {
            assert!(said(&error).contains(part), "{url}: {}", said(&error));
        }
        // The driver itself would have tried for eight seconds.
        assert!(begun.elapsed() < Duration::from_secs(6), "{url}");
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate_where_the_server_wants_one() {
    let certificates = Certificates::new();
    let file = |name: &str| certificates.path(name).display().to_string();
    let extra = [
        "--tlsMode",
        "requireTLS",
        "--tlsCertificateKeyFile",
        &file("server.pem"),
        "--tlsCAFile",
        &file("root.crt"),
    ];
    let Some(server) = harness::private_mongo(Topology::Standalone, Login::None, &extra) else {
        return;
    };
    let url = server.url("tls").replace("127.0.0.1", "localhost");
    let bare = format!("{url}&tls=true&tlsCAFile={}", file("root.crt"));
    let db = MongoDb {
        url: format!("{bare}&tlsCertificateKeyFile={}", file("client.pem")),
        name: "tls".to_owned(),
    };
    db.insert("log", vec![nested(1, doc! {})]);
    assert_eq!(reached(&db.url).await.expect("known"), "TLS verified");
    let error = refused(&bare).await;
    assert!(
        said(&error).contains("tlsCertificateKeyFile"),
        "{}",
        said(&error)
    );
}

#[tokio::test]
async fn a_server_without_tls_and_none_at_all_are_told_apart() {
    let Some(server) = harness::mongo(Topology::Standalone) else {
        return;
    };
    let url = server.url("plain");
    let error = refused(&format!("{url}&tls=true")).await;
    assert!(said(&error).contains("TLS"), "{}", said(&error));
    assert!(said(&error).contains("tls=false"), "{}", said(&error));
    let nobody = format!("mongodb://127.0.0.1:{}/db", free_port());
    let begun = Instant::now();
    let error = refused(&nobody).await;
    assert!(said(&error).contains("refused"), "{}", said(&error));
    assert!(begun.elapsed() < Duration::from_secs(6));
    let Some(set) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    // One host of two is enough.
    let db = set.database("second");
    db.insert("log", vec![nested(1, doc! {})]);
    let hosts = format!("localhost:{},127.0.0.1", free_port());
    let two = db.url.replacen("127.0.0.1", &hosts, 1);
    let two = two.replace("directConnection=true", "replicaSet=rs0");
    assert_eq!(reached(&two).await.expect("one lives"), "no TLS (loopback)");
}

#[tokio::test]
async fn users_log_in_by_either_scram_and_where_they_live() {
    let Some(server) = harness::private_mongo(Topology::ReplicaSet, Login::Required, &[]) else {
        return;
    };
    let db = server.database("logins");
    db.insert("log", vec![nested(1, doc! {})]);
    for (user, mechanism) in [("one", "SCRAM-SHA-1"), ("two", "SCRAM-SHA-256")] {
        db.command(doc! {
            "createUser": user, "pwd": PASSWORD, "roles": ["read"], "mechanisms": [mechanism],
        });
        let login = |password: &str, options: &str| {
            let url = server.url_as(&format!("{user}:{password}@"), &db.name);
            url.replace("directConnection=true&authSource=admin", options)
        };
        // The database of the path is where a user is looked for, unless authSource says otherwise.
        for options in [
            "directConnection=true".to_owned(),
            format!("replicaSet=rs0&authSource={}", db.name),
            format!("authMechanism={mechanism}"),
        ] {
            let url = login(PASSWORD, &options);
            assert_eq!(reached(&url).await.expect(&options), "no TLS (loopback)");
        }
        for (password, options, database) in [
            ("wrong", "replicaSet=rs0".to_owned(), db.name.as_str()),
            (PASSWORD, "authSource=admin".to_owned(), "admin"),
        ] {
            let error = refused(&login(password, &options)).await;
            assert!(matches!(error, StoreError::Connect { .. }), "{error:?}");
            let place = format!("looked for in database {database}");
            assert!(said(&error).contains(&place), "{}", said(&error));
            assert!(said(&error).contains("authSource="), "{}", said(&error));
        }
        let silent = login(PASSWORD, "replicaSet=rs0").replace(&format!(":{PASSWORD}@"), "@");
        let error = refused(&silent).await;
        assert!(matches!(error, StoreError::NoPassword { .. }), "{error:?}");
        let question = format!("asks for a password of user {user}");
        assert!(said(&error).contains(&question), "{}", said(&error));
        let options = OpenOptions {
            password: Some(Secret::new(PASSWORD.to_owned())),
            ..OpenOptions::default()
        };
        let store = connect::open(&silent, &options).await;
        assert!(store.is_ok(), "{:?}", store.err());
    }
    let wrong_set = server
        .url_as(&format!("one:{PASSWORD}@"), &db.name)
        .replace(
            "directConnection=true&authSource=admin",
            "replicaSet=other&serverSelectionTimeoutMS=1500",
        );
    let error = refused(&wrong_set).await;
    assert!(
        said(&error).contains("no member of a replica set other"),
        "{}",
        said(&error)
    );
}

#[tokio::test]
async fn a_user_without_a_privilege_is_told_which_is_missing() {
    let Some(server) = harness::private_mongo(Topology::Standalone, Login::Required, &[]) else {
        return;
    };
    let db = server.database("rights");
    db.insert("log", vec![nested(1, doc! {})]);
    db.insert("other", vec![nested(1, doc! {})]);
    db.command(doc! {
        "createRole": "narrow", "roles": [], "privileges": [
            {"resource": {"db": &db.name, "collection": "log"}, "actions": ["find"]},
        ],
    });
    db.command(doc! {"createUser": "narrow", "pwd": PASSWORD, "roles": ["narrow"]});
    db.command(doc! {"createUser": "nobody", "pwd": PASSWORD, "roles": []});
    let own = |user: &str, more: &str| {
        let url = server.url_as(&format!("{user}:{PASSWORD}@"), &db.name);
        url.replace("authSource=admin", &format!("authSource={}{more}", db.name))
    };
    reached(&own("narrow", "&table=log"))
        .await
        .expect("find is enough");
    let error = refused(&own("nobody", "&table=log")).await;
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    for part in ["user nobody may not read", "grant"] {
        assert!(said(&error).contains(part), "{}", said(&error));
    }
}
