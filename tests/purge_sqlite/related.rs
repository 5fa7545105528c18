//! Rows that belong to an event go with it, or keep it; rows nobody archived keep it.

use auditail::core::profile::{Origin, Profile, load};
use auditail::store::StoreError;
use auditail::store::purger::{Left, RestoreInto};

use super::{CUTOFF, Store};

/// Events, their parameters (without a key), and the values of those.
fn profile(related: &str) -> Profile {
    let text = format!(
        "name = \"two\"\n[time]\npath = \"at\"\nencoding = \"epoch_micros\"\n[fields]\naction = \"what\"\n{related}"
    );
    load::parse(&text, Origin::Guessed).unwrap()
}

const PARAMETERS: &str =
    "[[purge.related]]\ntable = \"parameters\"\ncolumns = { event = \"id\" }\n";

fn family(action: &str, related: &str) -> Store {
    let store = Store::new(&format!(
        "CREATE TABLE events (id INTEGER PRIMARY KEY, at INTEGER, what TEXT);
         CREATE TABLE parameters (event INTEGER REFERENCES events(id) {action}, name TEXT, value);
         CREATE INDEX by_event ON parameters(event);"
    ));
    for id in 1..=20_i64 {
        let at = CUTOFF.plus(if id <= 10 { -id } else { id }).0;
        store.sql(&format!("INSERT INTO events VALUES ({id}, {at}, 'run')"));
        for n in 0..id % 4 {
            // Two equal ones among them: no key tells them apart.
            store.sql(&format!(
                "INSERT INTO parameters VALUES ({id}, 'p', {})",
                n / 2
            ));
        }
    }
    store.with_profile("events", profile(related))
}

#[tokio::test]
async fn related_rows_go_and_come_back_with_their_events() {
    for action in ["", "ON DELETE CASCADE", "ON DELETE SET NULL"] {
        let store = family(action, PARAMETERS);
        let plan = store.plan().await;
        assert_eq!(plan.relations.len(), 2);
        assert_eq!(plan.warnings, Vec::<String>::new());
        let batch = store.archive(&plan).await;
        let children = store.count("parameters WHERE event <= 10");
        assert_eq!(
            batch.rows[1].marks.len(),
            usize::try_from(children).unwrap()
        );
        let stay = store.count("parameters") - children;
        let (deleted, left) = store.delete(&plan, &batch).await;
        assert_eq!(deleted, [10, u64::try_from(children).unwrap()]);
        assert_eq!(left, []);
        assert_eq!(
            (store.count("events"), store.count("parameters")),
            (10, stay)
        );
        for inserted in [10 + children, 0] {
            let restored = store.restore(&plan, &batch, RestoreInto::Table).await;
            let inserted = u64::try_from(inserted).unwrap();
            assert_eq!(restored.inserted, inserted, "{restored:?}");
            assert_eq!((restored.conflicts.len(), restored.altered.len()), (0, 0));
        }
        assert_eq!(store.archive(&plan).await.rows, batch.rows);
        let drill = store.restore(&plan, &batch, RestoreInto::Scratch).await;
        assert_eq!(drill.altered, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_event_whose_related_rows_changed_stays_with_all_of_them() {
    let store = family("", PARAMETERS);
    let plan = store.plan().await;
    let batch = store.archive(&plan).await;
    store.sql(
        "INSERT INTO parameters VALUES (4, 'late', 1);
         UPDATE parameters SET value = 9 WHERE rowid = (SELECT min(rowid) FROM parameters WHERE event = 2);
         DELETE FROM parameters WHERE rowid = (SELECT min(rowid) FROM parameters WHERE event = 3);",
    );
    let (_, left) = store.delete(&plan, &batch).await;
    let changed = |id: i64| (format!("[Int({id})]"), Left::Changed);
    assert_eq!(left, [changed(2), changed(3), changed(4)]);
    assert_eq!(store.count("events WHERE id <= 10"), 3);
    assert_eq!(store.count("parameters WHERE event = 4"), 1);
    assert_eq!(store.count("parameters WHERE event = 2"), 2);
    assert_eq!(store.count("parameters WHERE event = 3"), 2);
}

#[tokio::test]
async fn grandchildren_go_first() {
    let store = Store::new(
        "CREATE TABLE events (id INTEGER PRIMARY KEY, at INTEGER, what TEXT);
         CREATE TABLE parameters (pid INTEGER PRIMARY KEY, event INTEGER REFERENCES events(id));
         CREATE TABLE texts (parameter INTEGER REFERENCES parameters(pid), text TEXT);",
    );
    let at = CUTOFF.plus(-1).0;
    store.sql(&format!(
        "INSERT INTO events VALUES (1, {at}, 'a'), (2, {at}, 'b');
         INSERT INTO parameters VALUES (10, 1), (11, 1), (12, 2);
         INSERT INTO texts VALUES (10, 'x'), (10, 'x'), (12, 'y');"
    ));
    let related = format!(
        "{PARAMETERS}[[purge.related]]\ntable = \"texts\"\nparent = \"parameters\"\ncolumns = {{ parameter = \"pid\" }}\n"
    );
    let store = store.with_profile("events", profile(&related));
    let plan = store.plan().await;
    assert!(
        plan.warnings
            .iter()
            .any(|warning| warning.contains("no index"))
    );
    let batch = store.archive(&plan).await;
    let (deleted, left) = store.delete(&plan, &batch).await;
    assert_eq!((deleted, left), (vec![2, 3, 3], vec![]));
    let restored = store.restore(&plan, &batch, RestoreInto::Table).await;
    assert_eq!(restored.inserted, 8);
    assert_eq!(store.archive(&plan).await.rows, batch.rows);
}

#[tokio::test]
async fn foreign_keys_that_would_change_other_rows_are_refused() {
    for action in ["CASCADE", "SET NULL", "SET DEFAULT"] {
        let store = family(&format!("ON DELETE {action}"), "");
        let refusal = store.probe().await.err().unwrap();
        assert!(matches!(refusal, StoreError::Refused { .. }));
        assert!(refusal.to_string().contains(action), "{refusal}");
    }
}

#[tokio::test]
async fn rows_that_others_refer_to_are_kept_one_by_one() {
    for action in ["ON DELETE RESTRICT", "ON DELETE NO ACTION"] {
        let store = family(action, "");
        let plan = store.plan().await;
        assert_eq!(plan.warnings.len(), 1);
        let batch = store.archive(&plan).await;
        let (deleted, left) = store.delete(&plan, &batch).await;
        // Every fourth event has no parameters.
        assert_eq!((deleted, left.len()), (vec![2], 8));
        assert!(left.iter().all(|(_, why)| *why == Left::Refused));
    }
}

#[tokio::test]
async fn a_related_table_that_does_not_fit_is_refused() {
    for (related, why) in [
        (
            "[[purge.related]]\ntable = \"nowhere\"\ncolumns = { event = \"id\" }\n",
            "nowhere",
        ),
        (
            "[[purge.related]]\ntable = \"parameters\"\ncolumns = { nothing = \"id\" }\n",
            "nothing",
        ),
        (
            "[[purge.related]]\ntable = \"parameters\"\ncolumns = { event = \"what\" }\n",
            "key",
        ),
        (
            "[[purge.related]]\ntable = \"parameters\"\nparent = \"x\"\ncolumns = { event = \"id\" }\n",
            "among",
        ),
    ] {
        let refusal = family("", related).probe().await.err().unwrap().to_string();
        assert!(refusal.contains(why), "{refusal}");
    }
}
