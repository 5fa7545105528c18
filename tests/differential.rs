//! One meaning everywhere: whatever `Predicate::matches` says of the rows a store holds, the store
//! itself answers: the same ids in the same order, the same count, the same groups.
//!
//! `AUDITAIL_SEED=n` repeats a run; every failure prints its seed.
#![expect(
    clippy::print_stdout,
    reason = "a failed test is shown with its seed and its counts"
)]

pub mod predicates;
mod questions;
pub mod records;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use auditail::core::event::{Event, EventId};
use auditail::core::instant::At;
use auditail::core::json::FlatJson;
use auditail::core::profile::evaluate::{evaluate, holds};
use auditail::core::profile::{Profile, load};
use auditail::core::query::predicate::Predicate;
use auditail::store::connect::{OpenOptions, open};
use auditail::store::{PageFrom, Store};
use fastrand::Rng;
use mongodb::bson::doc;

use crate::harness;
use crate::harness::mongo::Topology;
use crate::mongo::promises;
use predicates::{Case, Known, OPERATORS, OTHERS, TYPES};
use questions::{counted, grouped, leafed, listed, page};
use records::documents::{collection, documents};
use records::{Dialect, Shape, table};

/// Rows of one table.
const ROWS: usize = 160;
/// Predicates asked of one table.
const CASES: usize = 220;
/// Tables in each store, as many of each shape.
const TABLES: usize = 6;
/// Failures shown before a run gives up.
const SHOWN: usize = 8;

/// How often each operator was asked of each type.
type Tally = BTreeMap<(&'static str, &'static str), usize>;

/// A table somewhere: how it is opened, and what keeps it there.
struct Loaded<Keep> {
    target: String,
    options: OpenOptions,
    /// The same options on the command line.
    arguments: Vec<String>,
    _keep: Keep,
}

#[test]
fn sqlite_means_what_matches_means() {
    if !harness::wants("sqlite") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    held_against(Dialect::Sqlite, |name, shape, _, rng| {
        let path = directory.path().join(format!("{name}.sqlite"));
        let connection = rusqlite::Connection::open(&path).expect("a new file");
        let sql = table(shape, Dialect::Sqlite, ROWS, rng);
        connection.execute_batch(&sql).expect("the table is SQL");
        Loaded {
            target: path.to_str().expect("a plain path").to_owned(),
            options: OpenOptions::default(),
            arguments: Vec::new(),
            _keep: (),
        }
    });
}

#[test]
fn postgres_means_what_matches_means() {
    let Some(postgres) = harness::postgres() else {
        return;
    };
    held_against(Dialect::Postgres, |name, shape, round, rng| {
        let db = postgres.database(name);
        db.sql(&table(shape, Dialect::Postgres, ROWS, rng));
        if round == 2 {
            // A table that looks large is walked through in slices.
            db.sql(
                "update pg_class set reltuples = 5000000 \
                 where relname in ('audit_events', 'activity_log')",
            );
        }
        Loaded {
            target: db.url.clone(),
            options: OpenOptions::default(),
            arguments: Vec::new(),
            _keep: db,
        }
    });
}

#[test]
fn mongodb_means_what_matches_means() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    held_against(Dialect::Mongo, |name, shape, round, rng| {
        let db = server.database(name);
        let (collection, time) = collection(shape);
        db.insert(collection, documents(shape, ROWS, rng));
        if round > 0 {
            // With an index on time a filter walks through it, without one the server sorts.
            db.command(doc! {"createIndexes": collection, "indexes": [
                {"key": {time: 1}, "name": "time"},
            ]});
        }
        let profile = known(shape);
        let mut arguments = vec!["--table".to_owned(), collection.to_owned()];
        if let Some(profile) = &profile {
            let path = directory.path().join("profile.toml");
            std::fs::write(&path, load::print(profile)).expect("a file");
            arguments.extend(["--profile".to_owned(), path.display().to_string()]);
        }
        Loaded {
            target: db.url.clone(),
            arguments,
            options: OpenOptions {
                profile: profile.map(Arc::new),
                table: Some(collection.to_owned()),
                ..OpenOptions::default()
            },
            _keep: db,
        }
    });
}

/// The profile of documents that have one.
fn known(shape: Shape) -> Option<Profile> {
    match shape {
        Shape::Clutch => Some(promises::profile()),
        Shape::Typed => None,
        Shape::Winston => Some((*load::named("dronahq").expect("built in")).clone()),
    }
}

/// The seed of a run: one for all stores, so that they hold the same rows where they can.
pub fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| {
        let given = std::env::var("AUDITAIL_SEED").ok();
        given.map_or_else(
            || fastrand::u64(..1_000_000),
            |text| text.parse().expect("AUDITAIL_SEED is a number"),
        )
    })
}

/// The shapes that a store can hold.
fn shapes(dialect: Dialect) -> &'static [Shape] {
    match dialect {
        Dialect::Postgres | Dialect::Sqlite => &[Shape::Clutch, Shape::Typed],
        Dialect::Mongo => &[Shape::Clutch, Shape::Typed, Shape::Winston],
    }
}

/// Asks one kind of store; `load` makes a table of a shape for a round.
fn held_against<Keep>(
    dialect: Dialect,
    load: impl Fn(&str, Shape, usize, &mut Rng) -> Loaded<Keep>,
) {
    let seed = seed();
    println!("AUDITAIL_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut report = Report::default();
    let shapes = shapes(dialect);
    for shape in shapes {
        for round in 0..TABLES / shapes.len() {
            let name = format!("differential_{shape:?}_{round}").to_lowercase();
            let loaded = load(&name, *shape, round, &mut rng.fork());
            runtime.block_on(async {
                let store = open(&loaded.target, &loaded.options)
                    .await
                    .expect("the store opens");
                let rows = whole(store.as_ref()).await;
                assert_eq!(rows.len(), ROWS, "every row is there, once");
                ask(store.as_ref(), &rows, CASES, &mut rng, &mut report).await;
                archived(&loaded, store.as_ref(), rows, &mut rng, &mut report).await;
            });
        }
    }
    report.judge(dialect, seed);
}

/// The archive of a store answers as the store did about the rows that may go.
async fn archived<Keep>(
    loaded: &Loaded<Keep>,
    live: &dyn Store,
    mut rows: Vec<(Event, FlatJson<'static>)>,
    rng: &mut Rng,
    report: &mut Report,
) {
    let target = loaded.target.as_str();
    let arguments: Vec<&str> = loaded.arguments.iter().map(String::as_str).collect();
    let archive = harness::archive::Archive::of(target, &arguments);
    let store = open(&archive.target(), &OpenOptions::default())
        .await
        .expect("the archive opens");
    let profile = live.description().profile.clone();
    assert_eq!(store.description().profile.name, profile.name);
    let stays = |record: &FlatJson<'_>| {
        let keep = &mut profile.purge.keep.iter();
        keep.any(|keep| holds(&keep.when, record))
    };
    rows.retain(|(event, record)| event.at().is_dated() && !stays(record));
    let found = whole(store.as_ref()).await;
    // Rows of one instant come in the order of the key, which a store may know a shorter way to.
    let shown = |rows: &[(Event, FlatJson<'static>)]| -> Vec<(At, EventId, String)> {
        let rows = rows.iter();
        let mut shown: Vec<_> = rows
            .map(|(event, record)| (event.at(), event.id.clone(), record.text().to_owned()))
            .collect();
        assert!(shown.iter().rev().is_sorted_by_key(|(at, ..)| *at));
        shown.sort();
        shown
    };
    let (of_archive, of_store) = (shown(&found), shown(&rows));
    let differs = of_archive.iter().zip(&of_store).find(|(a, b)| a != b);
    assert_eq!(differs, None, "the archive of {target}");
    assert_eq!(of_archive.len(), of_store.len(), "the archive of {target}");
    assert!(rows.len() > ROWS / 3, "most rows may go");
    ask(store.as_ref(), &found, CASES / 4, rng, report).await;
}

/// Every row, in the store's order.
pub async fn whole(store: &dyn Store) -> Vec<(Event, FlatJson<'static>)> {
    let description = store.description();
    page(store, &Arc::new(Predicate::All), PageFrom::Newest, None)
        .await
        .expect("the whole table is read")
        .into_iter()
        .map(|event| {
            let record =
                FlatJson::parse(event.payload.text.to_string()).expect("payloads are JSON");
            let read = evaluate(&description.profile, &record);
            assert_eq!(
                event.values, read.values,
                "fields are those of the record: {}",
                event.id
            );
            assert_eq!(event.outcome, read.outcome, "{}", event.id);
            (event, record)
        })
        .collect()
}

/// What was asked and what went wrong.
#[derive(Default)]
struct Report {
    cases: usize,
    selective: usize,
    tally: Tally,
    failures: Vec<String>,
}

impl Report {
    fn judge(self, dialect: Dialect, seed: u64) {
        let values = OPERATORS
            .iter()
            .flat_map(|op| TYPES.map(|kind| (*op, kind)));
        let others = OTHERS.map(|other| (other, "-"));
        for asked in values.chain(others) {
            let times = self.tally.get(&asked).copied().unwrap_or_default();
            println!("{dialect:?}\t{}\t{}\t{times}", asked.0, asked.1);
            assert!(times > 0, "{asked:?} was never asked of {dialect:?}");
        }
        let Self {
            cases, selective, ..
        } = self;
        println!("{dialect:?}: {cases} cases, {selective} match some rows but not all");
        assert!(
            self.failures.is_empty(),
            "AUDITAIL_SEED={seed}, {dialect:?}: {} of {cases} cases differ\n{}",
            self.failures.len(),
            self.failures[..self.failures.len().min(SHOWN)].join("\n")
        );
        assert!(selective * 10 >= cases * 3, "too few cases tell rows apart");
    }
}

async fn ask(
    store: &dyn Store,
    rows: &[(Event, FlatJson<'static>)],
    cases: usize,
    rng: &mut Rng,
    report: &mut Report,
) {
    let known = Known::learn(&store.description().profile, rows);
    for nth in 0..cases {
        let case = telling(&known, nth, rows, rng);
        let wanted = matching(&case.predicate, rows);
        report.cases += 1;
        report.selective += usize::from(!wanted.is_empty() && wanted.len() < rows.len());
        for asked in &case.asked {
            *report.tally.entry(*asked).or_default() += 1;
        }
        let predicate = Arc::new(case.predicate);
        let mut checks = vec![listed(store, &predicate, &wanted).await];
        if nth % 5 == 0 {
            checks.push(leafed(store, &predicate, &wanted, rng).await);
        }
        if nth % 2 == 0 {
            checks.push(counted(store, &predicate, &wanted).await);
        } else {
            checks.push(grouped(store, &predicate, rows, rng).await);
        }
        for difference in checks.into_iter().filter_map(Result::err) {
            let relation = &store.description().relation;
            report
                .failures
                .push(format!("{relation}: {predicate:?}\n  {difference:.1500}"));
        }
    }
}

/// A case that tells rows apart, if one is found soon; any case otherwise.
pub fn telling(
    known: &Known,
    nth: usize,
    rows: &[(Event, FlatJson<'static>)],
    rng: &mut Rng,
) -> Case {
    let mut case = known.case(nth, rng);
    for _ in 0..3 {
        let found = matching(&case.predicate, rows).len();
        if found > 0 && found < rows.len() {
            break;
        }
        case = known.case(nth, rng);
    }
    case
}

/// The rows that match.
pub fn matching<'r>(
    predicate: &Predicate,
    rows: &'r [(Event, FlatJson<'static>)],
) -> Vec<(&'r Event, &'r FlatJson<'static>)> {
    rows.iter()
        .filter(|(event, record)| predicate.matches(event, record))
        .map(|(event, record)| (event, record))
        .collect()
}
