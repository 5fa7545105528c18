//! One meaning everywhere: whatever `Predicate::matches` says of the rows a store holds, the store
//! itself answers: the same ids in the same order, the same count, the same groups.
//!
//! `AUDITAIL_SEED=n` repeats a run; every failure prints its seed.
#![expect(
    clippy::print_stdout,
    reason = "a failed test is shown with its seed and its counts"
)]

mod predicates;
mod records;

use std::collections::BTreeMap;
use std::sync::Arc;

use auditail::core::aggregate::accumulator::Accumulator;
use auditail::core::aggregate::{AggregateRequest, GroupKey, Measure, Subject};
use auditail::core::event::{Event, EventId, Field};
use auditail::core::instant::{At, Micros};
use auditail::core::json::FlatJson;
use auditail::core::profile::evaluate::{evaluate, holds};
use auditail::core::query::predicate::Predicate;
use auditail::store::connect::{OpenOptions, open};
use auditail::store::{
    Count, CountMode, PageFrom, PageItem, PageRequest, PayloadNeed, Store, StoreError,
};
use fastrand::Rng;
use tokio_util::sync::CancellationToken;

use crate::harness;
use predicates::{Case, Known, OPERATORS, OTHERS, TYPES};
use records::{Dialect, Shape, table};

/// Rows of one table.
const ROWS: usize = 160;
/// Predicates asked of one table.
const CASES: usize = 220;
/// Tables of each shape in each store.
const ROUNDS: usize = 3;
/// Failures shown before a run gives up.
const SHOWN: usize = 8;

/// How often each operator was asked of each type.
type Tally = BTreeMap<(&'static str, &'static str), usize>;

#[test]
fn sqlite_means_what_matches_means() {
    if !harness::wants("sqlite") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    held_against(Dialect::Sqlite, |name, sql| {
        let path = directory.path().join(format!("{name}.sqlite"));
        let connection = rusqlite::Connection::open(&path).expect("a new file");
        connection.execute_batch(sql).expect("the table is SQL");
        (path.to_str().expect("a plain path").to_owned(), ())
    });
}

#[test]
fn postgres_means_what_matches_means() {
    let Some(postgres) = harness::postgres() else {
        return;
    };
    held_against(Dialect::Postgres, |name, sql| {
        let db = postgres.database(name);
        db.sql(sql);
        if name.ends_with('2') {
            // A table that looks large is walked through in slices.
            db.sql(
                "update pg_class set reltuples = 5000000 \
                 where relname in ('audit_events', 'activity_log')",
            );
        }
        (db.url.clone(), db)
    });
}

fn seed() -> u64 {
    let given = std::env::var("AUDITAIL_SEED").ok();
    given.map_or_else(
        || fastrand::u64(..1_000_000),
        |text| text.parse().expect("AUDITAIL_SEED is a number"),
    )
}

/// Asks one kind of store; `load` makes a database and gives its target, and what keeps it there.
fn held_against<Keep>(dialect: Dialect, load: impl Fn(&str, &str) -> (String, Keep)) {
    let seed = seed();
    println!("AUDITAIL_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut report = Report::default();
    for shape in [Shape::Clutch, Shape::Typed] {
        for round in 0..ROUNDS {
            let name = format!("differential_{shape:?}_{round}").to_lowercase();
            let (target, _keep) = load(&name, &table(shape, dialect, ROWS, &mut rng));
            runtime.block_on(async {
                let store = open(&target, &OpenOptions::default())
                    .await
                    .expect("the store opens");
                let rows = whole(store.as_ref()).await;
                assert_eq!(rows.len(), ROWS, "every row is there, once");
                ask(store.as_ref(), &rows, CASES, &mut rng, &mut report).await;
                archived(&target, store.as_ref(), rows, &mut rng, &mut report).await;
            });
        }
    }
    report.judge(dialect, seed);
}

/// The archive of a store answers as the store did about the rows that may go.
async fn archived(
    target: &str,
    live: &dyn Store,
    mut rows: Vec<(Event, FlatJson<'static>)>,
    rng: &mut Rng,
    report: &mut Report,
) {
    let archive = harness::archive::Archive::of(target, &[]);
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
async fn whole(store: &dyn Store) -> Vec<(Event, FlatJson<'static>)> {
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

async fn page(
    store: &dyn Store,
    predicate: &Arc<Predicate>,
    from: PageFrom,
    limit: Option<usize>,
) -> Result<Vec<Event>, StoreError> {
    let request = PageRequest {
        predicate: Arc::clone(predicate),
        from,
        limit,
        payload: PayloadNeed::Whole,
    };
    let (out, mut pieces) = tokio::sync::mpsc::channel(4);
    let stop = CancellationToken::new();
    let mut events = Vec::new();
    let collect = async {
        while let Some(piece) = pieces.recv().await {
            if let PageItem::Events(more) = piece {
                events.extend(more);
            }
        }
    };
    let (end, ()) = tokio::join!(store.page(request, out, &stop), collect);
    end.map(|_| events)
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
                .push(format!("{relation}: {predicate:?}\n  {difference}"));
        }
    }
}

/// A case that tells rows apart, if one is found soon; any case otherwise.
fn telling(known: &Known, nth: usize, rows: &[(Event, FlatJson<'static>)], rng: &mut Rng) -> Case {
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

fn matching<'r>(
    predicate: &Predicate,
    rows: &'r [(Event, FlatJson<'static>)],
) -> Vec<(&'r Event, &'r FlatJson<'static>)> {
    rows.iter()
        .filter(|(event, record)| predicate.matches(event, record))
        .map(|(event, record)| (event, record))
        .collect()
}

type Rows<'r> = [(&'r Event, &'r FlatJson<'static>)];

fn ids<'e>(events: impl IntoIterator<Item = &'e Event>) -> Vec<&'e EventId> {
    events.into_iter().map(|event| &event.id).collect()
}

/// Everything at once, newest first.
async fn listed(
    store: &dyn Store,
    predicate: &Arc<Predicate>,
    wanted: &Rows<'_>,
) -> Result<(), String> {
    let found = page(store, predicate, PageFrom::Newest, None)
        .await
        .map_err(|error| format!("the page failed: {error}"))?;
    same(&ids(&found), wanted)
}

fn same(found: &[&EventId], wanted: &Rows<'_>) -> Result<(), String> {
    let expected = ids(wanted.iter().map(|(event, _)| *event));
    if found == expected {
        return Ok(());
    }
    let missing = wanted.iter().find(|(event, _)| !found.contains(&&event.id));
    let extra = found.iter().find(|id| !expected.contains(id));
    let shown = missing.map(|(event, record)| format!("{}: {}", event.id, record.text()));
    Err(match (&shown, extra) {
        (None, None) => format!("in another order:\n  {found:?}\n  {expected:?}"),
        _ => format!(
            "{} rows, {} expected; missing {shown:?}; too many {extra:?}",
            found.len(),
            expected.len()
        ),
    })
}

/// Page by page, in either direction.
async fn leafed(
    store: &dyn Store,
    predicate: &Arc<Predicate>,
    wanted: &Rows<'_>,
    rng: &mut Rng,
) -> Result<(), String> {
    let back = rng.bool();
    let limit = rng.usize(1..40);
    let mut found: Vec<Event> = Vec::new();
    let mut from = if back {
        PageFrom::Newest
    } else {
        PageFrom::Oldest
    };
    loop {
        let next = page(store, predicate, from, Some(limit))
            .await
            .map_err(|error| format!("a page of {limit} failed: {error}"))?;
        let Some(last) = next.last() else { break };
        from = if back {
            PageFrom::Before(last.cursor.clone())
        } else {
            PageFrom::After(last.cursor.clone())
        };
        found.extend(next);
        if found.len() > wanted.len() {
            break;
        }
    }
    if !back {
        found.reverse();
    }
    same(&ids(&found), wanted)
        .map_err(|error| format!("in pages of {limit}, back: {back}: {error}"))
}

async fn counted(
    store: &dyn Store,
    predicate: &Predicate,
    wanted: &Rows<'_>,
) -> Result<(), String> {
    let stop = CancellationToken::new();
    let count = store
        .count(predicate, CountMode::Exact, &stop)
        .await
        .map_err(|error| format!("the count failed: {error}"))?;
    let expected = Count::Exact(wanted.len() as u64);
    (count == expected)
        .then_some(())
        .ok_or(format!("{count:?}, {expected:?} expected"))
}

/// Groups by a field, by time, and by both.
async fn grouped(
    store: &dyn Store,
    predicate: &Arc<Predicate>,
    rows: &[(Event, FlatJson<'static>)],
    rng: &mut Rng,
) -> Result<(), String> {
    let subject = |rng: &mut Rng| match rng.u8(..4) {
        0 => Subject::Outcome,
        _ => Subject::Field(Field::ALL[rng.usize(..Field::ALL.len())]),
    };
    let day = 86_400 * Micros::SECOND;
    let first = Micros(1_767_225_600 * Micros::SECOND);
    let edges = GroupKey::Time((0..20).map(|n| first.plus(n * day)).collect());
    let keys = match rng.u8(..5) {
        0 => Vec::new(),
        1 => vec![edges],
        2 => vec![edges, GroupKey::Value(subject(rng))],
        _ => vec![GroupKey::Value(subject(rng))],
    };
    let measure = match rng.u8(..3) {
        0 => Measure::Distinct(subject(rng)),
        _ => Measure::Count,
    };
    let request = AggregateRequest {
        predicate: Arc::clone(predicate),
        keys,
        measure,
        top: None,
    };
    let mut reference = Accumulator::new(request.clone());
    for (event, record) in rows {
        reference.feed(event, record);
    }
    let (out, mut partial) = tokio::sync::mpsc::channel(4);
    let stop = CancellationToken::new();
    let drain = async { while partial.recv().await.is_some() {} };
    let (found, ()) = tokio::join!(store.aggregate(request.clone(), out, &stop), drain);
    let mut found = found
        .map_err(|error| format!("{request:?} failed: {error}"))?
        .groups;
    let mut expected = reference.answer().groups;
    for groups in [&mut found, &mut expected] {
        groups.sort_by(|a, b| a.key.cmp(&b.key));
    }
    if found == expected {
        return Ok(());
    }
    let differs = found.iter().find(|group| !expected.contains(group));
    let lacks = expected.iter().find(|group| !found.contains(group));
    Err(format!(
        "{:?} by {:?}: got {differs:?}, not {lacks:?}",
        request.measure, request.keys
    ))
}
