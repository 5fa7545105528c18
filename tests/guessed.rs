//! Audit tables that no profile knows, on a real server: found, guessed, read.

use serde_json::{Value, json};

use crate::harness;
use crate::harness::program::run;

/// A table as one product has it, with one row at 2026-01-02T03:04:05Z.
struct Product {
    name: &'static str,
    sql: &'static str,
    /// Parts of the event that must come out.
    event: Value,
}

fn products() -> [Product; 5] {
    [
        Product {
            name: "mattermost",
            sql: "create table audits (id varchar(26) primary key, createat bigint,
                    userid varchar(26), action varchar(512), extrainfo varchar(1024),
                    ipaddress varchar(64), sessionid varchar(26));
                  insert into audits values ('a1', 1767323045000, 'u7', '/api/v4/users/login',
                    'attempt', '10.0.0.1', 's1')",
            event: json!({"id": "a1", "actor": "u7", "action": "/api/v4/users/login",
                "session": "s1", "origin": "10.0.0.1", "outcome": null}),
        },
        Product {
            name: "whole_seconds",
            sql: "create table audit_log (id bigserial primary key, ts integer, actor text,
                    action text, result text);
                  insert into audit_log (ts, actor, action, result)
                    values (1767323045, 'ana', 'login', 'Denied')",
            event: json!({"actor": "ana", "action": "login", "outcome": "denied",
                "status": "Denied"}),
        },
        Product {
            name: "laravel",
            sql: "create table activity_log (id bigserial primary key, log_name varchar(255),
                    description text not null, subject_type varchar(255), subject_id bigint,
                    event varchar(255), causer_type varchar(255), causer_id bigint,
                    properties json, batch_uuid uuid, created_at timestamp, updated_at timestamp);
                  create table orders (id int primary key, created_at timestamptz, user_id int);
                  create index on orders (created_at);
                  insert into activity_log (description, subject_type, subject_id, event,
                    causer_id, created_at) values ('x', 'Post', 9, 'updated', 7,
                    '2026-01-02 03:04:05')",
            event: json!({"actor": "7", "action": "updated", "resource": ["Post/9"]}),
        },
        Product {
            name: "infisical",
            sql: "create table audit_logs (id uuid primary key, actor varchar not null,
                    \"actorMetadata\" jsonb not null, \"ipAddress\" varchar,
                    \"eventType\" varchar not null, \"eventMetadata\" jsonb,
                    \"createdAt\" timestamptz not null, \"updatedAt\" timestamptz not null);
                  insert into audit_logs values ('6f9619ff-8b86-d011-b42d-00c04fc964ff', 'user',
                    '{}', '::1', 'get-secrets', '{}', '2026-01-02 04:04:05+01', now())",
            event: json!({"id": "6f9619ff-8b86-d011-b42d-00c04fc964ff", "actor": "user",
                "action": "get-secrets", "origin": "::1"}),
        },
        Product {
            name: "authentik",
            sql: "create table authentik_events_event (event_uuid uuid primary key,
                    \"user\" jsonb not null, action text not null, app text not null,
                    context jsonb not null, client_ip inet, created timestamptz not null,
                    expires timestamptz, expiring boolean);
                  insert into authentik_events_event values (gen_random_uuid(),
                    '{\"username\": \"kim\"}', 'login_failed', 'web', '{}', '10.0.0.2',
                    '2026-01-02 03:04:05+00', null, null)",
            event: json!({"actor": "kim", "action": "login_failed", "service": "web",
                "origin": "10.0.0.2"}),
        },
    ]
}

#[test]
fn unknown_audit_tables_are_found_and_read() {
    let Some(postgres) = harness::postgres() else {
        return;
    };
    for Product { name, sql, event } in products() {
        let db = postgres.database(name);
        db.sql(sql);
        let events = run(["query", &db.url, "-o", "ndjson"]).events();
        let [found] = &events[..] else {
            panic!("{name}: {events:?}");
        };
        assert_eq!(found["at"], "2026-01-02T03:04:05.000000Z", "{name}");
        for (key, value) in event.as_object().expect("an object") {
            assert_eq!(&found[key], value, "{key} of {name}: {found}");
        }
        // The guess is filtered by the server as the evaluator reads it.
        let filter = format!(
            "action:\"{}\" at:2026-01-02",
            found["action"].as_str().expect("text")
        );
        assert_eq!(
            run(["query", &db.url, &filter, "-o", "ndjson"])
                .events()
                .len(),
            1,
            "{name}"
        );
        let none = run(["query", &db.url, "until:2026-01-01", "-o", "ndjson"]);
        assert_eq!(none.events().len(), 0, "{name}");
    }
}
