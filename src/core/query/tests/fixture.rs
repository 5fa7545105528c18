//! One store's catalogue, one moment.

use std::sync::Arc;

use crate::core::event::{Cursor, Event, EventId, Field, KeyPart, Payload, Values};
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::{OwnField, ValueExpr};
use crate::core::query::catalog::Catalog;
use crate::core::query::parse::parse;
use crate::core::query::resolve::{Moment, Resolved, resolve};
use crate::core::scalar::Scalar;

/// 2026-11-20T15:04:05Z, a Friday.
pub const NOW: Micros = Micros(1_795_187_045_000_000);

pub const RECORD: &str = r#"{"id":7,"sent":true,"details":{"user_name":"alice","type":"READ",
    "status":{"code":7,"message":"permission denied"},"user-email x":"a@b.c",
    "body":{"cluster":"prod","@type":"x/y"},"resources":[{"id":"p/1"},{"id":"p/2"}]}}"#;

pub fn moment() -> Moment {
    Moment {
        now: NOW,
        tz: chrono_tz::Tz::UTC,
    }
}

pub fn event() -> Event {
    let mut event = Event {
        id: EventId::new("7"),
        cursor: Cursor {
            at: At::Instant(NOW),
            time: KeyPart::Null,
            key: Vec::new(),
        },
        outcome: None,
        values: Values::default(),
        payload: Payload::whole(RECORD),
    };
    let text = |text: &'static str| Scalar::Text(text.into());
    event.values = Values::of(&[
        (Field::Actor, text("alice")),
        (Field::Action, text("DescribePod")),
        (Field::Action, text("two words")),
        (Field::Service, text("k8s(1)")),
        (Field::Service, text("OR")),
        (Field::Service, text("7")),
    ]);
    event
}

pub fn catalog() -> Catalog {
    let mut catalog = Catalog {
        store: "prod-pg".to_owned(),
        own: vec![Arc::new(OwnField {
            name: "code".to_owned(),
            about: "gRPC code".to_owned(),
            expr: ValueExpr::Path(Path::new(["details", "status", "code"])),
        })],
        lacks: ["session"].into(),
        ..Catalog::default()
    };
    catalog.learn(&event(), &FlatJson::parse(RECORD).expect("valid"));
    catalog
}

pub fn resolved(text: &str) -> Resolved {
    resolve(&parse(text), &catalog(), moment())
}
