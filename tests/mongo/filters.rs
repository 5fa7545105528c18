//! What a predicate is compiled to, asked of the server alone: no match is missing, and where the
//! condition says that it is exact, nothing else is there. What the store makes of it is held
//! against the meaning in the tests that all stores share.
#![expect(
    clippy::print_stdout,
    reason = "a failed test is shown with its seed and its counts"
)]

use std::collections::BTreeSet;

use auditail::core::instant::Micros;
use auditail::core::query::predicate::{Atom, Predicate};
use auditail::store::mongo::filter;
use auditail::store::mongo::order::{Arrays, Bracket, Order, id_of};
use auditail::store::{Exactness, Store};
use fastrand::Rng;
use futures_util::TryStreamExt as _;
use mongodb::bson::{Document, doc};

use super::{open, open_as};
use crate::differential::predicates::Known;
use crate::differential::records::Shape;
use crate::differential::records::documents::{collection, documents};
use crate::differential::{matching, seed, telling, whole};
use crate::harness;
use crate::harness::mongo::Topology;

const DOCUMENTS: usize = 120;
const CASES: usize = 400;

/// The ids of what the server finds with a condition alone.
async fn found(
    collection: &mongodb::Collection<Document>,
    condition: Document,
) -> BTreeSet<String> {
    let options = mongodb::options::Collation::builder()
        .locale("simple")
        .build();
    let cursor = collection
        .find(condition.clone())
        .projection(doc! {"_id": 1})
        .collation(options)
        .await;
    let cursor = cursor.unwrap_or_else(|error| panic!("{condition}: {error}"));
    let documents: Vec<Document> = cursor.try_collect().await.expect("documents");
    documents
        .iter()
        .map(|found| found["_id"].to_string())
        .collect()
}

/// Bounds at the first and the last instant, where infinities and times that are cut to them lie.
fn at_the_ends_of_time() -> Vec<Predicate> {
    let ends = [i64::MIN, -i64::MAX, 1 - i64::MAX, 0, i64::MAX - 1, i64::MAX];
    let ends = || [None].into_iter().chain(ends.map(|end| Some(Micros(end))));
    ends()
        .flat_map(|since| ends().map(move |until| Predicate::Atom(Atom::At { since, until })))
        .flat_map(|at| [at.clone(), Predicate::Not(Box::new(at))])
        .collect()
}

#[tokio::test]
async fn a_condition_finds_every_match_and_says_when_it_finds_more() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let seed = seed();
    println!("AUDITAIL_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let mut exact = 0;
    for (shape, bracket) in [
        (Shape::Typed, Bracket::Date),
        (Shape::Winston, Bracket::Number),
    ] {
        let db = server.database("filters");
        let (name, _) = collection(shape);
        db.insert(name, documents(shape, DOCUMENTS, &mut rng));
        let documents = db.open().await.collection::<Document>(name);
        let store = match shape {
            Shape::Winston => open_as(&db.url, name, "dronahq").await,
            Shape::Clutch | Shape::Typed => open(&db.url, name).await,
        };
        let store = store.expect("open");
        let rows = whole(&store).await;
        let profile = &store.description().profile;
        let known = Known::learn(profile, &rows);
        let order = Order::new(&profile.time, bracket, Arrays::Possible);
        let random = (0..CASES).map(|nth| telling(&known, nth, &rows, &mut rng).predicate);
        for (nth, predicate) in at_the_ends_of_time().into_iter().chain(random).enumerate() {
            let matches = matching(&predicate, &rows);
            let ids = matches.iter().map(|(event, _)| id_of(&event.cursor.key));
            let wanted: BTreeSet<String> = ids.map(|id| id.expect("an id").to_string()).collect();
            let condition = filter::compile(&predicate, profile, &order);
            let got = match condition.filter.clone() {
                Some(condition) => found(&documents, condition).await,
                None => BTreeSet::new(),
            };
            let is_right = match condition.exactness {
                Exactness::Exact => got == wanted,
                Exactness::Superset => got.is_superset(&wanted),
            };
            exact += usize::from(condition.exactness == Exactness::Exact);
            let lost: Vec<_> = wanted.difference(&got).collect();
            let too_many: Vec<_> = got.difference(&wanted).collect();
            assert!(
                is_right,
                "AUDITAIL_SEED={seed}, {shape:?} {nth}: lost {lost:?}, too many {too_many:?}\n\
                 {predicate:#?} {condition:#?}"
            );
        }
    }
    println!("{exact} of {} conditions are exact", 2 * CASES);
    assert!(exact * 8 >= 2 * CASES, "{exact} conditions are exact");
}
