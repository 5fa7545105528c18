//! DronaHQ's documents with what only BSON has: in the places of the logging schema, in the time
//! and beside them.
#![expect(
    clippy::cast_precision_loss,
    reason = "winston writes milliseconds as doubles"
)]

use fastrand::Rng;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, Timestamp, Uuid, doc};

use super::pick;
use crate::mongo::{NEW_YEAR, id, nested};

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(text.parse().expect("a number"))
}

/// One value of every type, and neighbours that are easily taken for each other.
fn leaves() -> Vec<Bson> {
    vec![
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
        decimal("NaN"),
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
        Uuid::from_bytes([17; 16]).into(),
        Bson::Binary(Binary {
            subtype: BinarySubtype::Generic,
            bytes: vec![7],
        }),
        Bson::Timestamp(Timestamp {
            time: 7,
            increment: 1,
        }),
        Bson::MinKey,
        Bson::MaxKey,
    ]
}

/// A value of any type, nested at most so deep.
pub fn value(rng: &mut Rng, depth: u8) -> Bson {
    let common = ["alice", "bob", "db_query", "7"];
    match rng.u8(..10) {
        0 | 1 if depth > 0 => (0..rng.usize(..3))
            .map(|_| value(rng, depth - 1))
            .collect::<Vec<_>>()
            .into(),
        2 | 3 if depth > 0 => {
            let keys = ["x", "y", "0", "a[dot]b", "[$]c"];
            let members = 0..rng.usize(..3);
            let members = members.map(|_| (pick(rng, &keys).to_owned(), value(rng, depth - 1)));
            Bson::Document(members.collect())
        }
        4..=6 => pick(rng, &common).into(),
        _ => {
            let all = leaves();
            all[rng.usize(..all.len())].clone()
        }
    }
}

/// Few instants, so that ties are common, and everything that is none.
fn time(rng: &mut Rng) -> Bson {
    let when = rng.i64(0..20);
    match when {
        0 => Bson::Null,
        1 => "soon".into(),
        2 => vec![NEW_YEAR as f64].into(),
        3 => f64::NAN.into(),
        4 => f64::INFINITY.into(),
        5 => f64::NEG_INFINITY.into(),
        6 => decimal("1767225600001.5"),
        7 => (NEW_YEAR as f64 + 0.9999).into(),
        // Long before the first instant there is.
        8 => (-1.9e18).into(),
        9..12 => (NEW_YEAR + when).into(),
        _ => ((NEW_YEAR + when / 3) as f64).into(),
    }
}

/// The document of a number.
pub fn document(number: u32, rng: &mut Rng) -> Document {
    let events = ["db_query", "api_call", "user_logged_in"];
    let people = ["ana@example.com", "ben@example.com"];
    let mut document = nested(
        number,
        doc! {"event-id": pick(rng, &events), "user-email": pick(rng, &people)},
    );
    document.insert("level", pick(rng, &["info", "error", "warn"]));
    for _ in 0..rng.usize(..4) {
        document.insert(pick(rng, &["a", "b", "c"]), value(rng, 2));
    }
    let meta = document.get_document_mut("meta").expect("meta");
    meta.insert("time", time(rng));
    if rng.u8(..3) == 0 {
        meta.insert("user-email", value(rng, 2));
    }
    if rng.u8(..6) == 0 {
        meta.insert("event-id", value(rng, 1));
    }
    match rng.u8(..20) {
        // winston writes null when the caller passes nothing, or leaves the key out.
        0 => drop(document.insert("meta", Bson::Null)),
        1 => drop(document.remove("meta")),
        _ => {}
    }
    document
}
