//! The facets of the screen over a store, against counting by hand what the rows were made of.

use std::collections::BTreeMap;

use auditail::app::facets::facet::{Basis, Facet, Row, State};
use auditail::app::keymap::{Chord, Key, sequence};
use auditail::app::layout::{Area, Regions, Sections};
use auditail::app::view::Opening;
use auditail::app::{Answer, App, Effect, Msg, Settings, Way};
use auditail::core::instant::{At, Micros};
use auditail::runtime::effects::facets::count;
use auditail::store::Store;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Bench, NewRow, START, mixture, row};

/// Numbers by value; `None` is of the events without any.
pub type Numbers = BTreeMap<Option<String>, u64>;

/// The screen with a store that counts facets and nothing else.
pub struct Pane<'s> {
    pub app: App,
    store: &'s dyn Store,
}

impl<'s> Pane<'s> {
    /// The pane of a store, open.
    pub async fn open(store: &'s dyn Store) -> Self {
        let (app, first) = App::new(Settings {
            target: "a store".to_owned(),
            tz: chrono_tz::UTC,
            local: chrono_tz::UTC,
            way: Way::Out,
            opening: Opening::default(),
            groups: None,
        });
        let mut pane = Self { app, store };
        for effect in first {
            if let Effect::Open(generation) = effect {
                let opened = Answer::Opened(store.description(), Some(0));
                pane.tell(Msg::Clock(START)).await;
                pane.tell(Msg::Answer(generation, opened)).await;
            }
        }
        pane.press("s").await;
        pane
    }

    /// Says something, and how the pane looks then, until the store has nothing to do.
    async fn tell(&mut self, msg: Msg) {
        let mut effects = self.app.update(msg);
        while !effects.is_empty() {
            let mut answers = Vec::new();
            for effect in effects {
                answers.extend(self.answer(effect).await);
            }
            effects = answers
                .into_iter()
                .flat_map(|answer| self.app.update(answer))
                .collect();
        }
    }

    async fn answer(&self, effect: Effect) -> Option<Msg> {
        let stop = CancellationToken::new();
        match effect {
            Effect::Catalog(generation) => {
                let catalog = self.store.catalog(&stop).await.map(Box::new);
                Some(Msg::Answer(generation, Answer::Catalog(catalog)))
            }
            Effect::Facet(generation, ask) => {
                let (out, mut pieces) = mpsc::channel(4);
                let drain = async { while pieces.recv().await.is_some() {} };
                let (counted, ()) = tokio::join!(count(self.store, *ask, out, &stop), drain);
                Some(Msg::Answer(generation, Answer::FacetEnd(counted)))
            }
            Effect::Wait(generation, _) => Some(Msg::Waited(generation)),
            _ => None,
        }
    }

    /// Presses keys as bindings spell them, then lets the pane be seen.
    pub async fn press(&mut self, keys: &str) {
        for chord in sequence(keys) {
            self.tell(Msg::Key(chord)).await;
        }
        let mut seen_facets = Sections::default();
        (0..self.app.facets.list.len()).for_each(|number| seen_facets.insert(number));
        let facets = Area {
            height: 100,
            width: 40,
            ..Area::default()
        };
        let laid = Regions {
            facets,
            seen_facets,
            ..Regions::default()
        };
        self.tell(Msg::Laid(laid)).await;
    }

    pub async fn type_in(&mut self, text: &str) {
        for c in text.chars() {
            self.tell(Msg::Key(Chord::plain(Key::Char(c)))).await;
        }
    }

    /// Puts the filter there and comes back.
    pub async fn filter(&mut self, text: &str) {
        self.press("f ctrl-u").await;
        self.type_in(text).await;
        self.press("enter s").await;
    }

    /// Goes to a facet that was counted.
    pub async fn go(&mut self, name: &str) -> &Facet {
        self.press("g g").await;
        let is_there = |app: &App| app.facets.focused().is_some_and(|facet| facet.name == name);
        for _ in 0..100 {
            if is_there(&self.app) {
                break;
            }
            self.press("j").await;
        }
        let facet = self.app.facets.focused().expect("a facet");
        assert_eq!((facet.name.as_str(), &facet.state), (name, &State::Told));
        facet
    }

    /// The numbers of a facet.
    pub async fn numbers(&mut self, name: &str) -> Numbers {
        self.go(name).await;
        self.press("l l").await;
        let rows: Vec<Row> = self.go(name).await.rows().cloned().collect();
        let counts = rows.iter().map(|row| row.count);
        assert!(counts.is_sorted_by(|a, b| a >= b), "{rows:?}");
        let known = |row: Row| row.count.map(|count| (row.value, count));
        rows.into_iter().filter_map(known).collect()
    }
}

/// What rows say, once for each different value of a row.
fn by_hand(rows: &[&Value], values: impl Fn(&Value) -> Vec<String>) -> Numbers {
    let mut numbers = Numbers::new();
    for details in rows {
        let mut found = values(details);
        found.sort();
        found.dedup();
        if found.is_empty() {
            *numbers.entry(None).or_default() += 1;
        }
        for value in found {
            *numbers.entry(Some(value)).or_default() += 1;
        }
    }
    numbers
}

fn text(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn resources(details: &Value) -> Vec<String> {
    let list = details["request_resources"].as_array();
    list.into_iter()
        .flatten()
        .flat_map(|resource| text(&resource["id"]))
        .collect()
}

fn is_error(details: &Value) -> bool {
    details["status"]["code"] != 0 && !details["response_body"].is_null()
}

const COUNT: &str = ".details.request_body.count";

pub async fn facets_are_what_counting_by_hand_gives(bench: &dyn Bench) {
    let mut rows = mixture();
    let at = At::Instant(Micros(START.0 + 1));
    // A key that is a number in some rows and text in others.
    rows.extend((0..3).map(|_| {
        let mut row = row(at, "alice", "GetPod", 0);
        row.details = row.details.replace(r#""count":1"#, r#""count":"8""#);
        row
    }));
    bench.insert(&rows).await;
    let held = |row: &&NewRow| bench.holds(row);
    let details: Vec<Value> = (rows.iter().filter(held))
        .map(|row| serde_json::from_str(&row.details).expect("JSON"))
        .collect();
    let all: Vec<&Value> = details.iter().collect();
    let mut pane = Pane::open(bench.store()).await;
    pane.press("a").await;
    pane.type_in("body.count").await;
    pane.press("enter").await;

    let user = |details: &Value| text(&details["user_name"]);
    let action = |details: &Value| text(&details["method_name"]);
    let number = |details: &Value| text(&details["request_body"]["count"]);
    assert_eq!(pane.numbers("user").await, by_hand(&all, user));
    assert_eq!(pane.go("user").await.basis(), Some(Basis::All));
    assert_eq!(pane.numbers("action").await, by_hand(&all, action));
    assert_eq!(pane.numbers("resource").await, by_hand(&all, resources));
    let kind = |details: &Value| text(&details["type"]);
    assert_eq!(pane.numbers("kind").await, by_hand(&all, kind));
    assert_eq!(pane.numbers(COUNT).await, by_hand(&all, number));

    pane.filter("is:error").await;
    let errors: Vec<&Value> = all.iter().copied().filter(|one| is_error(one)).collect();
    assert_eq!(pane.numbers("user").await, by_hand(&errors, user));
    assert_eq!(pane.numbers(COUNT).await, by_hand(&errors, number));
    // The facet that the filter speaks of shows what else there is.
    let denied = |details: &&&Value| matches!(details["status"]["code"].as_u64(), Some(7 | 16));
    let denied = errors.iter().filter(denied).count() as u64;
    let outcomes = pane.numbers("outcome").await;
    assert_eq!(outcomes[&Some("denied".to_owned())], denied);
    assert_eq!(outcomes.values().sum::<u64>(), all.len() as u64);

    pane.filter("").await;
    pane.go("user").await;
    pane.press("/").await;
    pane.type_in("CAR").await;
    pane.press("enter").await;
    let carol = by_hand(&all, user)[&Some("Carol".to_owned())];
    let only = Numbers::from([(Some("Carol".to_owned()), carol)]);
    assert_eq!(pane.numbers("user").await, only);
    pane.press("esc").await;

    // What is counted together is found together.
    let eights = by_hand(&all, number)[&Some("8".to_owned())];
    pane.go(COUNT).await;
    pane.press("/").await;
    pane.type_in("8").await;
    pane.press("enter j enter").await;
    assert_eq!(pane.app.question.text, format!("{COUNT}:8"));
    let together = pane.numbers("kind").await;
    assert_eq!(together.values().sum::<u64>(), eights);
}
