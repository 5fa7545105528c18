//! The meaning of a predicate is `Predicate::matches`; what the server finds must be that.

use std::collections::BTreeMap;
use std::sync::Arc;

use auditail::core::event::{Field, Outcome};
use auditail::core::instant::Micros;
use auditail::core::path::Path;
use auditail::core::profile::load;
use auditail::core::query::predicate::{Atom, Literal, Order, Predicate, Test};
use auditail::store::mongo::filter;
use auditail::store::mongo::order::{Arrays, Bracket, Order as Sorting};
use auditail::store::{Count, CountMode, Exactness, PageFrom, Store};
use futures_util::TryStreamExt as _;
use mongodb::bson::{self, Bson, DateTime, Document, doc};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio_util::sync::CancellationToken;

use super::{NEW_YEAR, everything, id, ids, means, nested, open_as, page};
use crate::harness;
use crate::harness::mongo::Topology;

const CASES: usize = 1_500;
const DOCUMENTS: u32 = 60;

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(text.parse().expect("a number"))
}

fn leaves() -> impl Strategy<Value = Bson> {
    let fixed = vec![
        Bson::Null,
        true.into(),
        false.into(),
        7.into(),
        7_i64.into(),
        7.0.into(),
        7.5.into(),
        0.1.into(),
        decimal("0.1"),
        decimal("7.0"),
        (-3).into(),
        9_007_199_254_740_993_i64.into(),
        9_007_199_254_740_992.0.into(),
        1_152_921_504_606_846_976.0.into(),
        f64::NAN.into(),
        f64::INFINITY.into(),
        "7".into(),
        "7.0".into(),
        "alice".into(),
        "Alice".into(),
        "alice\n".into(),
        "bob".into(),
        "".into(),
        "true".into(),
        "a.b*c\\d".into(),
        "db_query".into(),
        "API called".into(),
        "NaN".into(),
        "K \u{212a}elvin".into(),
        id(3).into(),
        id(3).to_hex().into(),
        DateTime::from_millis(NEW_YEAR).into(),
        "2026-01-01T00:00:00.000Z".into(),
        bson::Uuid::from_bytes([17; 16]).into(),
        Bson::Binary(bson::Binary {
            subtype: bson::spec::BinarySubtype::Generic,
            bytes: vec![7],
        }),
        Bson::Timestamp(bson::Timestamp {
            time: 7,
            increment: 1,
        }),
        Bson::MaxKey,
    ];
    let common: Vec<Bson> = vec![
        7.into(),
        "7".into(),
        "alice".into(),
        "bob".into(),
        "db_query".into(),
    ];
    prop_oneof![
        proptest::sample::select(fixed),
        proptest::sample::select(common)
    ]
}

fn values() -> impl Strategy<Value = Bson> {
    let keys = proptest::sample::select(vec!["x", "y", "0", "a[dot]b"]);
    leaves().prop_recursive(2, 8, 3, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Bson::Array),
            proptest::collection::btree_map(keys.clone(), inner, 0..3).prop_map(
                |map: BTreeMap<_, _>| {
                    Bson::Document(
                        map.into_iter()
                            .map(|(key, value)| (key.to_owned(), value))
                            .collect(),
                    )
                }
            ),
        ]
    })
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let document = (
        proptest::collection::vec(
            (proptest::sample::select(vec!["a", "b", "c"]), values()),
            0..4,
        ),
        proptest::option::weighted(0.3, values()),
        proptest::sample::select(vec!["info", "error", "warn"]),
        proptest::sample::select(vec!["db_query", "api_call", "user_logged_in"]),
        proptest::sample::select(vec!["ana@example.com", "ben@example.com"]),
        0_u8..20,
    );
    proptest::collection::vec(document, DOCUMENTS as usize).prop_map(|all| {
        let number = 0..DOCUMENTS;
        number
            .zip(all)
            .map(|(number, (extra, odd, level, event, email, when))| {
                let mut document = nested(number, doc! {"event-id": event, "user-email": email});
                document.insert("level", level);
                document.extend(
                    extra
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value)),
                );
                let meta = document.get_document_mut("meta").expect("meta");
                // Few instants, so that ties are common.
                let time = match when {
                    0 => Bson::Null,
                    1 => "soon".into(),
                    2 => vec![NEW_YEAR as f64].into(),
                    3 => f64::NAN.into(),
                    4 => f64::INFINITY.into(),
                    5 => f64::NEG_INFINITY.into(),
                    6 => decimal("1767225600001.5"),
                    7 => (NEW_YEAR as f64 + 0.9999).into(),
                    8..12 => (NEW_YEAR + i64::from(when)).into(),
                    _ => ((NEW_YEAR + i64::from(when) / 3) as f64).into(),
                };
                meta.insert("time", time);
                if let Some(odd) = odd {
                    meta.insert("user-email", odd);
                }
                document
            })
            .collect()
    })
}

fn literals() -> impl Strategy<Value = Literal> {
    let words = vec![
        "7",
        "7.0",
        "7.5",
        "0.1",
        "-3",
        "1e0",
        "9007199254740993",
        "1152921504606846976",
        "1152921504606847000",
        "alice",
        "Alice",
        "alice\n",
        "bob",
        "",
        "true",
        "a.b*c\\d",
        "db_query",
        "Database query run",
        "API called",
        "api_call",
        "NaN",
        "Infinity",
        "ana@example.com",
        "696969696969696900000003",
        "2026-01-01T00:00:00.000Z",
        "\\x07",
        "Timestamp(7, 1)",
        "11111111-1111-1111-1111-111111111111",
        "MaxKey()",
        "error",
        "Mozilla/5.0",
        "20253",
    ];
    let common = vec!["7", "alice", "bob", "db_query", "ana@example.com", "error"];
    let words = prop_oneof![
        proptest::sample::select(words),
        proptest::sample::select(common)
    ];
    (words, proptest::bool::weighted(0.3)).prop_map(|(word, quoted)| {
        if quoted {
            Literal::Text(word.to_owned())
        } else {
            Literal::Bare(word.to_owned())
        }
    })
}

fn tests() -> impl Strategy<Value = Test> {
    let orders = proptest::sample::select(vec![
        Order::Greater,
        Order::AtLeast,
        Order::Less,
        Order::AtMost,
    ]);
    let pieces = proptest::sample::select(vec![
        vec!["al", ""],
        vec!["", "e"],
        vec!["db_", ""],
        vec!["A", "d"],
        vec!["", "a", ""],
        vec!["7", ""],
        vec!["20", ""],
        vec!["f", ""],
        vec!["", ".", ""],
        vec!["ana@", ""],
        vec!["", "\n"],
        vec!["Time", ""],
        vec!["69", ""],
    ]);
    let needles = proptest::sample::select(vec![
        "a", "LI", "k", ".", "7", "x", "-", "query", "é", "T", "",
    ]);
    prop_oneof![
        1 => Just(Test::Exists),
        4 => literals().prop_map(Test::Equals),
        2 => pieces.prop_map(|all| Test::Glob(all.into_iter().map(str::to_owned).collect())),
        2 => needles.prop_map(|needle| Test::Contains(needle.to_owned())),
        2 => (orders, literals()).prop_map(|(order, literal)| Test::Compare(order, literal)),
        1 => (literals(), literals()).prop_map(|(low, high)| Test::Range(low, high)),
    ]
}

fn atoms() -> impl Strategy<Value = Atom> {
    let profile = load::named("dronahq").expect("built in");
    let own: Vec<_> = profile.own.iter().cloned().map(Arc::new).collect();
    let paths = vec![
        "a",
        "a",
        "b",
        "b",
        "c",
        "a.x",
        "b.y",
        "a.x.y",
        "a.0",
        "a.\"a.b\"",
        "meta",
        "meta.time",
        "_id",
        "meta.user-email",
        "meta.user-email",
        "meta.event-id",
        "level",
        "level",
    ];
    let path = proptest::sample::select(paths).prop_map(|text| Path::parse(text).expect("a path"));
    let moment = |offset: i64| Micros(NEW_YEAR * 1000 + offset);
    prop_oneof![
        6 => (path, tests()).prop_map(|(path, test)| Atom::Path(path, test)),
        3 => (proptest::sample::select(Field::ALL.to_vec()), tests())
            .prop_map(|(field, test)| Atom::Field(field, test)),
        2 => (proptest::sample::select(own), tests()).prop_map(|(own, test)| Atom::Own(own, test)),
        1 => proptest::sample::subsequence(Outcome::ALL.to_vec(), 1..4).prop_map(Atom::Outcome),
        1 => (proptest::option::of(0_i64..12_000), proptest::option::of(0_i64..12_000))
            .prop_map(move |(since, until)| Atom::At {
                since: since.map(moment),
                until: until.map(moment),
            }),
        1 => Just(Atom::HasTime),
        1 => tests().prop_map(Atom::Id),
        1 => tests().prop_map(Atom::Anywhere),
    ]
}

fn predicates() -> impl Strategy<Value = Predicate> {
    atoms()
        .prop_map(Predicate::Atom)
        .prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..3).prop_map(Predicate::And),
                proptest::collection::vec(inner.clone(), 1..3).prop_map(Predicate::Or),
                inner.prop_map(|part| Predicate::Not(Box::new(part))),
            ]
        })
}

fn draw<T>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).expect("a value").current()
}

/// What the server finds with a condition alone.
async fn found(collection: &mongodb::Collection<Document>, condition: Document) -> Vec<String> {
    let options = mongodb::options::Collation::builder()
        .locale("simple")
        .build();
    let cursor = collection.find(condition.clone()).collation(options).await;
    let cursor = cursor.unwrap_or_else(|error| panic!("{condition}: {error}"));
    let documents: Vec<Document> = cursor.try_collect().await.expect("documents");
    let mut ids: Vec<String> = documents
        .iter()
        .map(|document| document.get_object_id("_id").expect("an id").to_hex())
        .collect();
    ids.sort();
    ids
}

/// Random documents and predicates: the compiled condition, the page and the count against the
/// meaning. Every tenth case with new documents, with and without an index on time.
#[tokio::test]
async fn the_server_finds_what_the_language_means() {
    let Some(server) = harness::mongo(Topology::ReplicaSet) else {
        return;
    };
    let db = server.database("filters");
    let database = db.open().await;
    let mut runner = TestRunner::deterministic();
    let profile = load::named("dronahq").expect("built in");
    let (mut some, mut exact) = (0, 0);
    let mut store = None;
    let mut all = Vec::new();
    let stop = CancellationToken::new();
    for case in 0..CASES {
        if case % 100 == 0 {
            let name = format!("log{case}");
            let collection = database.collection::<Document>(&name);
            collection
                .insert_many(draw(&mut runner, &documents()))
                .await
                .expect("insert");
            if case % 200 == 0 {
                let index = mongodb::IndexModel::builder()
                    .keys(doc! {"meta.time": 1})
                    .build();
                collection.create_index(index).await.expect("an index");
            }
            let opened = open_as(&db.url, &name, "dronahq").await.expect("open");
            all = everything(&opened).await;
            assert_eq!(
                all.len(),
                DOCUMENTS as usize,
                "nothing is lost, nothing comes twice"
            );
            store = Some((opened, collection));
        }
        let Some((store, collection)) = &store else {
            unreachable!("the first case opens one")
        };
        let predicate = draw(&mut runner, &predicates());
        let expected: Vec<_> = all
            .iter()
            .filter(|event| means(&predicate, event))
            .cloned()
            .collect();
        some += usize::from(!expected.is_empty() && expected.len() < all.len());
        let (paged, _) = page(store, predicate.clone(), PageFrom::Newest, None)
            .await
            .expect("a page");
        assert_eq!(ids(&paged), ids(&expected), "case {case}: {predicate:#?}");
        let count = store
            .count(&predicate, CountMode::Exact, &stop)
            .await
            .expect("a count");
        assert_eq!(
            count,
            Count::Exact(expected.len() as u64),
            "case {case}: {predicate:#?}"
        );

        let sorting = Sorting::new(&profile.time, Bracket::Number, Arrays::Possible);
        let condition = filter::compile(&predicate, &profile, &sorting);
        let mut wanted = ids(&expected);
        wanted.sort();
        let got = match condition.filter.clone() {
            Some(condition) => found(collection, condition).await,
            None => Vec::new(),
        };
        if condition.exactness == Exactness::Exact {
            exact += 1;
            assert_eq!(got, wanted, "case {case}: {predicate:#?} {condition:#?}");
        } else {
            let lost: Vec<_> = wanted.iter().filter(|id| !got.contains(id)).collect();
            assert!(
                lost.is_empty(),
                "case {case} loses {lost:?}: {predicate:#?} {condition:#?}"
            );
        }
    }
    assert!(
        some * 100 >= CASES * 30,
        "{some} of {CASES} cases match some but not all"
    );
    assert!(
        exact * 100 >= CASES * 25,
        "{exact} of {CASES} conditions are exact"
    );
}
