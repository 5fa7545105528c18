//! Collections that look like DronaHQ's audit log and are not.

use auditail::core::profile::Origin;
use auditail::store::connect::{OpenOptions, candidates};
use mongodb::bson::{Bson, DateTime, doc};

use super::NEW_YEAR;
use crate::harness;
use crate::harness::mongo::Topology;

/// What is not DronaHQ's, although it has much of it.
#[tokio::test]
async fn near_misses_are_not_taken_for_dronahq() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("near");
    let at = DateTime::from_millis(NEW_YEAR);
    let misses = [
        (
            "winston_plain",
            doc! {"timestamp": at, "level": "info", "message": "started", "meta": {"port": 80}},
        ),
        (
            "winston_null",
            doc! {"timestamp": at, "level": "info", "message": "x", "meta": Bson::Null},
        ),
        (
            "other_meta",
            doc! {"timestamp": at, "level": "info", "message": "x",
            "meta": {"user-email": "a@b", "event": "login"}},
        ),
        (
            "numbers",
            doc! {"time": 1.0, "level": 30, "event-id": 7, "user-email": "a", "organization-id": "b"},
        ),
        (
            "rocketchat",
            doc! {"ts": at, "u": {"username": "a"}, "actor": {"type": "user"}, "t": "x"},
        ),
        (
            "growthbook",
            doc! {"dateCreated": at, "event": "experiment.create", "entity": {"object": "experiment"}},
        ),
        (
            "audit_events",
            doc! {"occurred_at": at, "details": {"user_name": "a"}},
        ),
        (
            "half",
            doc! {"time": 1.0, "level": "info", "event-id": "db_query", "user-email": "a"},
        ),
        (
            "text_meta",
            doc! {"timestamp": at, "level": "info", "message": "x",
            "meta": r#"{"event-id":"db_query","organization-id":"o","user-email":"a"}"#},
        ),
        (
            "underscores",
            doc! {"time": 1.0, "level": "info", "event_id": "db_query",
            "organization_id": "o", "user_email": "a"},
        ),
        (
            "elsewhere",
            doc! {"timestamp": at, "level": "info", "message": "x",
            "context": {"event-id": "db_query", "organization-id": "o", "user-email": "a"}},
        ),
        (
            "numeric_level",
            doc! {"timestamp": at, "level": 30, "msg": "x",
            "meta": {"event-id": "db_query", "organization-id": "o", "user-email": "a"}},
        ),
        (
            "dhq_managed_audit_log",
            doc! {"timestamp": at, "level": "info", "message": "the name alone says nothing"},
        ),
    ];
    for (name, document) in misses {
        db.insert(name, vec![document]);
    }
    for found in candidates(&db.url, &OpenOptions::default())
        .await
        .expect("candidates")
    {
        assert_eq!(
            found.profile.origin,
            Origin::Guessed,
            "{} is {}",
            found.relation.name,
            found.profile.name
        );
    }
}
