//! Rows as MongoDB's documents: JSON as BSON, with every number in one of the types that hold it.

use auditail::core::json::{FlatJson, Kind, NodeId};
use auditail::core::scalar::Scalar;
use fastrand::Rng;
use mongodb::bson::{Bson, DateTime, Decimal128, Document, doc};

use super::{Cell, Shape, clutch, typed, winston};
use crate::differential::records::Dialect;

/// The collection of a shape and the key of its time.
pub fn collection(shape: Shape) -> (&'static str, &'static str) {
    match shape {
        Shape::Clutch => ("audit_events", "occurred_at"),
        Shape::Typed => ("activity_log", "created_at"),
        Shape::Winston => ("dhq_managed_audit_log", "meta.time"),
    }
}

/// So many documents of a shape. Clutch keeps its times as whole microseconds, the others as dates
/// and as milliseconds.
pub fn documents(shape: Shape, rows: usize, rng: &mut Rng) -> Vec<Document> {
    let mut types = rng.clone();
    (1..=rows)
        .map(|id| match shape {
            Shape::Clutch => {
                let names = ["id", "occurred_at", "details", "sent"].map(str::to_owned);
                let cells = clutch(id, rng);
                let mut document = doc! {"_id": i64::try_from(id).expect("few")};
                document.extend(names.into_iter().zip(cells).map(|(name, cell)| {
                    let value = match cell {
                        Cell::Time(text) => micros(&text),
                        cell => bson(cell, &mut types),
                    };
                    (name, value)
                }));
                document
            }
            Shape::Typed => {
                let cells = typed::row(id, Dialect::Mongo, rng);
                let cells = cells.into_iter().map(|cell| bson(cell, &mut types));
                let mut document: Document = typed::names().zip(cells).collect();
                let key = ["part", "seq"].map(|name| (name.to_owned(), document[name].clone()));
                document.insert("_id", Document::from_iter(key));
                document
            }
            Shape::Winston => winston::document(u32::try_from(id).expect("few"), rng),
        })
        .collect()
}

fn bson(cell: Cell, rng: &mut Rng) -> Bson {
    match cell {
        Cell::Null => Bson::Null,
        Cell::Text(text) => text.into(),
        Cell::Time(text) => instant(&text).map_or_else(
            || infinity(&text),
            |at| DateTime::from_millis(at.timestamp_millis()).into(),
        ),
        Cell::Plain(text) | Cell::Json(text) => of_json(&text, rng),
        Cell::Sql(text) => unreachable!("{text} is SQL"),
        Cell::Bson(value) => value,
    }
}

fn instant(text: &str) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    chrono::DateTime::parse_from_rfc3339(text).ok()
}

fn infinity(text: &str) -> Bson {
    Bson::Double(text.parse().expect("an infinity"))
}

fn micros(text: &str) -> Bson {
    instant(text).map_or_else(|| infinity(text), |at| at.timestamp_micros().into())
}

/// JSON text as BSON; `rng` chooses among the types that take a number.
pub fn of_json(text: &str, rng: &mut Rng) -> Bson {
    let json = FlatJson::parse(text).expect("JSON");
    node(&json, json.root(), rng)
}

fn node(json: &FlatJson<'_>, at: NodeId, rng: &mut Rng) -> Bson {
    match (json.kind(at), json.scalar(at)) {
        (Kind::Array, _) => Bson::Array(json.children(at).map(|at| node(json, at, rng)).collect()),
        (Kind::Object, _) => {
            let member = |at| {
                let key = json.key(at).expect("members have keys").into_owned();
                (key, node(json, at, rng))
            };
            Bson::Document(json.children(at).map(member).collect())
        }
        (_, Some(Scalar::Text(text))) => text.into_owned().into(),
        (_, Some(Scalar::Bool(value))) => value.into(),
        (_, Some(Scalar::Number(text))) => number(&text, rng),
        (_, None) => Bson::Null,
    }
}

fn number(text: &str, rng: &mut Rng) -> Bson {
    let integers = [
        text.parse().ok().map(Bson::Int32),
        text.parse().ok().map(Bson::Int64),
    ];
    let decimal = text.parse::<Decimal128>().ok().map(Bson::Decimal128);
    let double = text.parse().ok().map(Bson::Double);
    let all: Vec<Bson> = integers
        .into_iter()
        .chain([double, decimal])
        .flatten()
        .collect();
    all[rng.usize(..all.len())].clone()
}
