//! Tables that cannot be purged, each with its reason.

use auditail::store::StoreError;
use auditail::store::connect::OpenOptions;
use tokio_util::sync::CancellationToken;

use super::{bench, purger};
use crate::harness;

const LOG: &str = "created_at timestamptz NOT NULL, actor text, action text, metadata jsonb";

async fn refusal(test: &str, schema: &str) -> Option<String> {
    let db = harness::postgres()?.database(test);
    db.sql(schema);
    let options = OpenOptions {
        table: Some("activity_log".to_owned()),
        ..OpenOptions::default()
    };
    let stop = CancellationToken::new();
    match purger(&db, &options).await.probe(&stop).await {
        Ok(probe) => panic!("{test} is taken: {:?}", probe.warnings),
        Err(StoreError::Refused { message, hint }) => {
            assert!(hint.is_some(), "{message}");
            Some(message)
        }
        Err(other) => panic!("{test}: {other}"),
    }
}

/// Times that are numbers near the epoch, whatever their unit.
const NUMBERS: &str =
    "CREATE TABLE activity_log (id bigint PRIMARY KEY, created_at bigint, actor text,
                action text, metadata jsonb);
                INSERT INTO activity_log SELECT n, 5, 'a', 'b', '{}' FROM generate_series(1, 9) n;";

/// Names, schemas, and a word of the reason.
fn hopeless() -> Vec<(&'static str, String, &'static str)> {
    let table = format!("CREATE TABLE activity_log (id bigint PRIMARY KEY, {LOG});");
    vec![
        (
            "keyless",
            format!("CREATE TABLE activity_log (id bigint, {LOG});"),
            "apart",
        ),
        (
            "nullable",
            format!("CREATE TABLE activity_log (id bigint UNIQUE, {LOG});"),
            "apart",
        ),
        (
            "deferrable",
            format!("CREATE TABLE activity_log (id bigint PRIMARY KEY DEFERRABLE, {LOG});"),
            "apart",
        ),
        (
            "rule",
            format!("{table} CREATE RULE quiet AS ON DELETE TO activity_log DO INSTEAD NOTHING;"),
            "rule",
        ),
        (
            "cascade",
            format!("{table} CREATE TABLE c (e bigint REFERENCES activity_log ON DELETE CASCADE);"),
            "deleted with them",
        ),
        (
            "set_null",
            format!(
                "{table} CREATE TABLE c (e bigint REFERENCES activity_log ON DELETE SET NULL);"
            ),
            "changed with them",
        ),
        (
            "view",
            format!(
                "CREATE TABLE log (id bigint PRIMARY KEY, {LOG});
                CREATE VIEW activity_log AS SELECT * FROM log;"
            ),
            "view",
        ),
    ]
}

/// The same for what is no table of its own, and for times that say too little.
fn timeless_or_apart() -> Vec<(&'static str, String, &'static str)> {
    let table = format!("CREATE TABLE activity_log (id bigint PRIMARY KEY, {LOG});");
    vec![
        (
            "inherited",
            format!("{table} CREATE TABLE child () INHERITS (activity_log);"),
            "apart",
        ),
        (
            "zoneless",
            "CREATE TABLE activity_log (id bigint PRIMARY KEY, created_at timestamp, actor text,
                action text, metadata jsonb);"
                .to_owned(),
            "no zone",
        ),
        ("unit", NUMBERS.to_owned(), "unit"),
        (
            "text",
            "CREATE TABLE activity_log (id bigint PRIMARY KEY, created_at text, actor text,
                action text, metadata jsonb);
                INSERT INTO activity_log VALUES (1, '2026-01-02', 'a', 'b', '{}');"
                .to_owned(),
            "is text",
        ),
        (
            "foreign",
            format!(
                "CREATE FOREIGN DATA WRAPPER nobody; CREATE SERVER s FOREIGN DATA WRAPPER nobody;
                CREATE FOREIGN TABLE activity_log (id bigint, {LOG}) SERVER s;"
            ),
            "foreign table",
        ),
        (
            "materialised",
            format!(
                "CREATE TABLE log (id bigint PRIMARY KEY, {LOG});
                CREATE MATERIALIZED VIEW activity_log AS SELECT * FROM log;"
            ),
            "view",
        ),
    ]
}

#[tokio::test]
async fn what_cannot_be_purged_is_refused_with_the_reason() {
    for (test, schema, reason) in hopeless().into_iter().chain(timeless_or_apart()) {
        let Some(message) = refusal(&format!("refuse_{test}"), &schema).await else {
            return;
        };
        assert!(message.contains(reason), "{test}: {message}");
    }
}

#[tokio::test]
async fn a_role_that_may_not_or_cannot_see_everything_is_refused() {
    let Some(bench) = bench("refuse_roles", super::CLUTCH).await else {
        return;
    };
    let role = format!("reader_{}", bench.db.name);
    bench.db.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT SELECT ON audit_events TO {role};"
    ));
    let url = harness::postgres().unwrap().url(&role, "x", &bench.db.name);
    let said = async || match bench
        .purger
        .deleter(&bench.plan, Some(&url), &bench.stop)
        .await
    {
        Err(StoreError::Refused { message, .. } | StoreError::NotAllowed { message, .. }) => {
            message
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it may delete"),
    };
    assert!(said().await.contains("no permission to delete"));
    bench.db.sql(&format!(
        "GRANT DELETE ON audit_events TO {role};
         ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
         CREATE POLICY ten ON audit_events USING (id > 10);"
    ));
    assert!(said().await.contains("row-level security"));
    bench.db.sql(&format!(
        "ALTER TABLE audit_events DISABLE ROW LEVEL SECURITY;
         ALTER ROLE {role} SET default_transaction_read_only = on;"
    ));
    assert!(said().await.contains("read-only"));
    bench
        .db
        .sql(&format!("DROP OWNED BY {role}; DROP ROLE {role};"));
}

#[tokio::test]
async fn a_table_that_changed_since_the_plan_is_refused() {
    for (test, change) in [
        ("added", "ALTER TABLE audit_events ADD extra int"),
        (
            "renamed",
            "ALTER TABLE audit_events RENAME sent TO was_sent",
        ),
        ("retyped", "ALTER TABLE audit_events ALTER sent TYPE text"),
        ("dropped", "ALTER TABLE audit_events DROP sent"),
        (
            "recreated",
            "CREATE TABLE other (LIKE audit_events INCLUDING ALL); DROP TABLE audit_events CASCADE;
             ALTER TABLE other RENAME TO audit_events",
        ),
    ] {
        let Some(bench) = bench(&format!("refuse_{test}"), super::CLUTCH).await else {
            return;
        };
        bench.db.sql(change);
        let refused = bench
            .purger
            .deleter(&bench.plan, None, &bench.stop)
            .await
            .err();
        assert!(
            matches!(refused, Some(StoreError::Refused { .. })),
            "{test}: {refused:?}"
        );
    }
}
