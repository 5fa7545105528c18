//! The app with a store in memory that answers its effects at once, for tests: keys in, state out.

mod contrast;
mod facets;
mod found;
pub mod inquiry;
pub mod purge;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;

use super::{Answer, App, Effect, Focus, Msg, Overlay, Settings, Way};
use crate::app::archives::Known;
use crate::app::keymap::{Chord, sequence};
use crate::app::layout::{Area, Regions};
use crate::app::timeline::Follow;
use crate::app::usage::Reply;
use crate::app::view::Opening;
use crate::core::aggregate::accumulator::Accumulator;
use crate::core::aggregate::{Aggregate, AggregateRequest};
use crate::core::bookmark::Bookmark;
use crate::core::event::{Cursor, Event, EventId, KeyPart, Payload};
use crate::core::group::Groups;
use crate::core::instant::{At, Micros};
use crate::core::json::FlatJson;
use crate::core::profile::evaluate::evaluate;
use crate::core::profile::{Profile, load};
use crate::core::query::catalog::Catalog;
use crate::core::query::predicate::Predicate;
use crate::store::{
    Change, Complete, Count, PageEnd, PageFrom, PageItem, PageRequest, StoreError, TailEvent,
    TailItem, TailLevel,
};

/// 2026-01-15T12:04:05Z
pub const NOW: Micros = Micros(1_768_478_645_000_000);

/// An app and what answers it.
pub struct Rig {
    pub app: App,
    pub events: Vec<Event>,
    /// Effects that nothing answers: the terminal's, and all while the store is silent.
    pub effects: Vec<Effect>,
    /// Whether the store answers.
    pub silent: bool,
    /// The last wait that was asked for.
    wait: Option<super::Generation>,
    /// The archives that are known.
    pub known: Vec<Known>,
    /// Marks of former sessions.
    pub kept: Vec<Bookmark>,
    /// The last watch that was asked for.
    pub watch: Option<(super::Generation, Duration)>,
    groups: Option<Arc<Groups>>,
}

fn clutch() -> Arc<Profile> {
    load::named("clutch").expect("built in")
}

/// An event as Clutch would have written it, `seconds` after [`NOW`].
pub fn event(id: i64, seconds: i64, user: &str, method: &str, code: u8) -> Event {
    let details = format!(
        r#"{{"user_name":{},"service_name":"clutch.k8s.v1.K8sAPI","method_name":"{method}","type":"UPDATE","status":{{"code":{code},"message":"{}"}},"request_resources":[{{"id":"prod-7/ns2/pod-{id}","type_url":"k8s.Pod"}}],"response_body":{{}}}}"#,
        serde_json::to_string(user).expect("text"),
        if code == 0 { "" } else { "denied" },
    );
    record(
        id,
        At::Instant(NOW.plus(seconds * Micros::SECOND)),
        &details,
    )
}

/// An event with these details.
pub fn record(id: i64, at: At, details: &str) -> Event {
    let time = match at {
        At::Absent => "null".to_owned(),
        other => format!("\"{other}\""),
    };
    let text = format!(r#"{{"id":{id},"occurred_at":{time},"details":{details},"sent":true}}"#);
    let json = FlatJson::parse(text.as_str()).expect("a record");
    let evaluated = evaluate(&clutch(), &json);
    Event {
        id: EventId::new(id.to_string()),
        cursor: Cursor {
            at,
            time: at.instant().map_or(KeyPart::Null, |at| KeyPart::Int(at.0)),
            key: vec![KeyPart::Int(id)],
        },
        outcome: evaluated.outcome,
        values: evaluated.values,
        payload: Payload::bounded(&text),
    }
}

/// `count` events, ten seconds apart, the newest just before [`NOW`]; every seventh is denied.
pub fn events(count: i64) -> Vec<Event> {
    let users = ["alice", "bob", "ci-bot"];
    let methods = ["DeletePod", "DescribePod", "ResizeHPA", "Login"];
    (1..=count)
        .map(|id| {
            let pick = usize::try_from(id).expect("small");
            let code = if id % 7 == 0 { 7 } else { 0 };
            let seconds = (id - count) * 10 - 1;
            event(id, seconds, users[pick % 3], methods[pick % 4], code)
        })
        .collect()
}

pub fn settings() -> Settings {
    Settings {
        target: "postgres://prod".to_owned(),
        tz: Tz::UTC,
        local: Tz::Europe__Berlin,
        way: Way::Out,
        opening: Opening {
            words: vec!["postgres://prod".to_owned()],
            ..Opening::default()
        },
        groups: None,
    }
}

impl Rig {
    /// Before the store is there.
    pub fn opening(events: Vec<Event>) -> Self {
        Self::opening_of(App::new(settings()), events)
    }

    /// The same of a screen that begins like this.
    fn opening_of((app, first): (App, Vec<Effect>), events: Vec<Event>) -> Self {
        let mut rig = Self {
            app,
            events,
            effects: Vec::new(),
            silent: true,
            wait: None,
            known: Vec::new(),
            kept: Vec::new(),
            watch: None,
            groups: None,
        };
        rig.tell(Msg::Clock(NOW));
        rig.lay(78, 16);
        rig.run(first);
        rig
    }

    /// With the store open and its first answers there.
    pub fn new(events: Vec<Event>) -> Self {
        Self::of(App::new(settings()), events)
    }

    /// The same of a screen that begins like this.
    pub fn of(begun: (App, Vec<Effect>), events: Vec<Event>) -> Self {
        Self::grouped(begun, events, None)
    }

    /// The same of a store that knows who is in which group.
    pub fn grouped(
        begun: (App, Vec<Effect>),
        events: Vec<Event>,
        groups: Option<Arc<Groups>>,
    ) -> Self {
        let mut rig = Self::opening_of(begun, events);
        rig.groups = groups;
        rig.silent = false;
        let held = std::mem::take(&mut rig.effects);
        rig.run(held);
        rig
    }

    pub fn lay(&mut self, width: u16, height: u16) {
        let list = Area {
            x: 0,
            y: 6,
            width,
            height,
        };
        self.tell(Msg::Laid(Regions {
            list,
            inspector: list,
            histogram: Area { height: 2, ..list },
            ..Regions::default()
        }));
    }

    pub fn tell(&mut self, msg: Msg) {
        let effects = self.app.update(msg);
        self.run(effects);
    }

    /// Presses keys as bindings spell them, separated by blanks; `'…'` types its text.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for (place, part) in keys.split('\'').enumerate() {
            let chords: Vec<Chord> = if place % 2 == 1 {
                part.chars()
                    .map(|c| Chord::plain(crate::app::keymap::Key::Char(c)))
                    .collect()
            } else {
                assert_eq!(
                    sequence(part).len(),
                    part.split_whitespace().count(),
                    "{part}"
                );
                sequence(part)
            };
            for chord in chords {
                self.tell(Msg::Key(chord));
            }
        }
        self
    }

    /// Lets the pause after typing pass.
    pub fn pause(&mut self) -> &mut Self {
        if let Some(generation) = self.wait.take() {
            self.tell(Msg::Waited(generation));
        }
        self
    }

    /// Something arrives by the tail.
    pub fn arrive(&mut self, change: Change, events: Vec<Event>) -> &mut Self {
        let items = events.into_iter().map(|event| TailEvent { change, event });
        let generation = self.app.question.tail;
        let item = TailItem::Events(items.collect());
        self.tell(Msg::Answer(generation, Answer::Tail(item)));
        self
    }

    /// The tail ends.
    pub fn end_tail(&mut self) {
        let generation = self.app.question.tail;
        self.tell(Msg::Answer(generation, Answer::TailEnd(Ok(()))));
    }

    pub fn complete_to(&mut self, seconds: i64) {
        let generation = self.app.question.tail;
        let item = TailItem::Complete(Complete {
            to: NOW.plus(seconds * Micros::SECOND),
            level: TailLevel::BestEffort {
                overlap: Duration::from_mins(1),
            },
        });
        self.tell(Msg::Answer(generation, Answer::Tail(item)));
    }

    /// The state in one line.
    pub fn state(&self) -> String {
        let app = &self.app;
        let follow = match app.timeline.follow() {
            Follow::Following => "following".to_owned(),
            Follow::Paused { new } => format!("paused+{new}"),
        };
        let selected = app
            .timeline
            .selected()
            .map_or("-", |event| event.id.as_str());
        let focus = match (app.overlays.last(), app.focus) {
            (Some(Overlay::Reader(_)), _) => "reader",
            (Some(Overlay::Picker(_)), _) => "picker",
            (Some(Overlay::Search { .. }), _) => "search",
            (Some(Overlay::Naming(_)), _) => "naming",
            (Some(Overlay::Columns(_)), _) => "columns",
            (Some(Overlay::Panel(_)), _) => "panel",
            (None, Focus::List) => "list",
            (None, Focus::Filter) => "filter",
            (None, Focus::Inspector) => "inspector",
            (None, Focus::Facets) => "facets",
            (None, Focus::Timeline) => "histogram",
            (None, Focus::Contrast) => "contrast",
        };
        let mut line = format!("{follow} {selected}/{} {focus}", app.timeline.len());
        if let Some(open) = &app.inspector {
            let at = open.tree().map(|tree| tree.path(tree.cursor()).to_string());
            line += &format!(" open {}@{}", open.event.id, at.unwrap_or_default());
        }
        if !app.filter.text().is_empty() {
            line += &format!(" [{}]", app.filter.text());
        }
        line
    }

    /// Answers effects as a store would.
    pub fn run(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Wait(generation, _) = effect {
                self.wait = Some(generation);
            } else if let Effect::Watch(generation, after) = effect {
                self.watch = Some((generation, after));
            } else if self.silent {
                self.effects.push(effect);
            } else {
                self.answer(effect);
            }
        }
    }

    /// Answers one effect; what makes the answers is off the stack when they are told.
    fn answer(&mut self, effect: Effect) {
        let Some((generation, answers)) = self.answers(effect) else {
            return;
        };
        for answer in answers {
            self.tell(Msg::Answer(generation, answer));
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "a table of effects and their answers"
    )]
    fn answers(&mut self, effect: Effect) -> Option<(super::Generation, Vec<Answer>)> {
        Some(match effect {
            Effect::Open(generation) => (
                generation,
                vec![Answer::Opened(Arc::new(self.description()), Some(0))],
            ),
            Effect::Groups(generation) => {
                (generation, vec![Answer::Groups(Ok(self.groups.clone()))])
            }
            Effect::Catalog(generation) => (
                generation,
                vec![Answer::Catalog(Ok(Box::new(self.catalog())))],
            ),
            Effect::Page(generation, request) => {
                let (events, end) = self.page(&request);
                let items = vec![
                    Answer::Page(PageItem::Events(events)),
                    Answer::PageEnd(Ok(end), Duration::from_millis(14)),
                ];
                (generation, items)
            }
            Effect::Histogram(generation, request) => {
                let counts = self.counted(request).groups;
                (generation, vec![Answer::CountsEnd(Ok(counts))])
            }
            Effect::Usage(generation, request) => {
                let answer = Reply::Numbers(self.counted(*request));
                (generation, vec![Answer::UsageEnd(Ok(answer))])
            }
            Effect::ReadUsage(generation, usage) => {
                let answer = Reply::Report(Box::new(self.read(&usage)));
                (generation, vec![Answer::UsageEnd(Ok(answer))])
            }
            Effect::Facet(generation, ask) => {
                let counted = self.counted_facet(*ask);
                (generation, vec![Answer::FacetEnd(Ok(counted))])
            }
            Effect::Contrast(generation, request) => (generation, self.contrasted(&request)),
            Effect::Count(generation, predicate) => {
                let count = self.matching(&predicate).count() as u64;
                (generation, vec![Answer::Count(Ok(Count::Exact(count)))])
            }
            Effect::Span(generation) => {
                let at = || self.events.iter().filter_map(|event| event.at().instant());
                let span = at().min().zip(at().max());
                (generation, vec![Answer::Span(Ok(span))])
            }
            Effect::Tail(generation, _) => {
                let complete = TailItem::Complete(Complete {
                    to: NOW.plus(-200_000),
                    level: TailLevel::BestEffort {
                        overlap: Duration::from_mins(1),
                    },
                });
                (generation, vec![Answer::Tail(complete)])
            }
            Effect::Inquiry(wanted) => match self.answer_inquiry(wanted) {
                Some((generation, told)) => (generation, vec![Answer::Inquiry(told)]),
                None => return None,
            },
            other => match self.answer_on_purges(other) {
                Some((generation, answer)) => (generation, vec![answer]),
                None => return None,
            },
        })
    }

    fn catalog(&self) -> Catalog {
        let mut catalog = Catalog::new("prod-pg", &clutch());
        for event in &self.events {
            catalog.learn(event, &json(event));
        }
        catalog
    }

    pub(super) fn counted(&self, request: AggregateRequest) -> Aggregate {
        let mut counts = Accumulator::new(request);
        for event in &self.events {
            counts.feed(event, &json(event));
        }
        counts.answer()
    }

    pub(super) fn matching<'r>(
        &'r self,
        predicate: &'r Predicate,
    ) -> impl Iterator<Item = &'r Event> {
        self.events
            .iter()
            .filter(|event| predicate.matches(event, &json(event)))
    }

    pub(super) fn page(&self, request: &PageRequest) -> (Vec<Event>, PageEnd) {
        // The same order as the stores': newest first, then what has no usable time.
        let rank = |at: At| match at {
            At::Instant(_) => 3,
            At::NegInfinity => 2,
            At::PosInfinity => 1,
            At::Absent => 0,
        };
        let key = |event: &Event| (rank(event.at()), event.cursor.clone());
        let mut events: Vec<_> = self.matching(&request.predicate).cloned().collect();
        events.sort_by_key(key);
        let of = |cursor: &Cursor| (rank(cursor.at), cursor.clone());
        match &request.from {
            PageFrom::Newest => events.reverse(),
            PageFrom::Oldest => {}
            PageFrom::Before(cursor) => {
                events.retain(|event| key(event) < of(cursor));
                events.reverse();
            }
            PageFrom::After(cursor) => events.retain(|event| key(event) > of(cursor)),
        }
        let limit = request.limit.unwrap_or(usize::MAX);
        let end = if events.len() > limit {
            PageEnd::Limit
        } else {
            PageEnd::Exhausted
        };
        events.truncate(limit);
        (events, end)
    }

    /// Fails to open with a sentence and a hint.
    pub fn refuse(&mut self) {
        let generation = self.app.question.opening;
        let error = StoreError::Connect {
            message: "cannot connect to db.prod:5432 as auditor: connection refused".to_owned(),
            hint: Some("is the server running, and does it listen on this address?".to_owned()),
        };
        self.tell(Msg::Answer(generation, Answer::NotOpened(error)));
    }
}

fn json(event: &Event) -> FlatJson<'_> {
    FlatJson::parse(&*event.payload.text).expect("a record")
}
