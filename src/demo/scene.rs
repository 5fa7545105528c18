//! One request to the demo's Clutch: who, what, where, how it ended, and the JSON of it.

use std::fmt::Write as _;

use fastrand::Rng;

use crate::core::instant::Micros;
use crate::core::record::quote;
use crate::demo::calendar::Calendar;
use crate::demo::material::{Episode, Material, Method, Role, Service};
use crate::demo::template::{Part, Template, Word};

const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The things a request is about; a person stays with them for a while.
#[derive(Clone, Debug)]
struct Scene {
    cluster: &'static str,
    namespace: &'static str,
    app: &'static str,
    region: &'static str,
    table: &'static str,
    stream: &'static str,
    group: &'static str,
    reason: &'static str,
    /// Where all numbers and names that are made up come from.
    seed: u64,
}

/// A request from its beginning to its end.
#[derive(Clone, Debug)]
pub(super) struct Act {
    actor: &'static str,
    service: &'static Service,
    method: &'static Method,
    scene: Scene,
    /// Code and message; `None` went well.
    failure: Option<(u8, String)>,
    /// How long it took, in microseconds.
    pub(super) latency: i64,
}

/// Makes acts up, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    material: &'static Material,
    calendar: Calendar,
    rng: Rng,
    last: Option<(Micros, Act)>,
    weights: Vec<f64>,
}

impl Cast {
    pub(super) fn new(calendar: Calendar, seed: u64) -> Self {
        Self {
            material: Material::get(),
            calendar,
            rng: Rng::with_seed(seed),
            last: None,
            weights: Vec::new(),
        }
    }

    pub(super) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// What somebody does at an instant.
    pub(super) fn act(&mut self, at: Micros) -> Act {
        const WHILE: i64 = 10 * 60 * Micros::SECOND;
        if let Some(episode) = self.calendar.episode(at)
            && self.rng.u8(0..100) < episode.share
        {
            return self.part_of(episode, at);
        }
        // People look, then act, on one and the same thing.
        if self.rng.u8(0..10) < 4
            && let Some((then, last)) = self.last.take()
            && at.0 - then.0 < WHILE
        {
            let methods = &last.service.methods;
            let method = &methods[self.rng.usize(0..methods.len())];
            let act = self.end(last.actor, last.service, method, last.scene);
            self.last = Some((at, act.clone()));
            return act;
        }
        let actor = self.somebody(at);
        let (service, method) = self.something();
        let scene = self.scene();
        let act = self.end(actor, service, method, scene);
        self.last = Some((at, act.clone()));
        act
    }

    /// What the bot does.
    pub(super) fn bot(&mut self) -> Act {
        let bot = &self.material.people.bot;
        let name = &bot.methods[self.rng.usize(0..bot.methods.len())];
        let (service, method) = self.material.method(name).unwrap_or_else(|| self.first());
        let scene = self.scene();
        self.end(&bot.name, service, method, scene)
    }

    /// A request of an episode.
    fn part_of(&mut self, episode: &'static Episode, at: Micros) -> Act {
        let actor = match episode.people.as_slice() {
            [] => self.somebody(at),
            people => &people[self.rng.usize(0..people.len())],
        };
        let named = |name: &String| self.material.method(name);
        let (service, method) = match episode.method.as_ref().and_then(named) {
            Some(found) => found,
            None => self.something(),
        };
        let mut scene = self.scene();
        scene.cluster = episode.cluster.as_deref().unwrap_or(scene.cluster);
        scene.namespace = episode.namespace.as_deref().unwrap_or(scene.namespace);
        let mut act = self.end(actor, service, method, scene);
        if self.rng.u8(0..100) < episode.failing {
            act.failure = Some((episode.code, episode.message.clone()));
        }
        act
    }

    fn first(&self) -> (&'static Service, &'static Method) {
        let service = &self.material.services[0];
        (service, &service.methods[0])
    }

    fn somebody(&mut self, at: Micros) -> &'static str {
        let persons = &self.material.people.persons;
        let mut sum = 0.0;
        self.weights.clear();
        for person in persons {
            sum += self.calendar.presence(person, at);
            self.weights.push(sum);
        }
        let drawn = self.rng.f64() * sum;
        let place = self.weights.partition_point(|weight| *weight <= drawn);
        &persons[place.min(persons.len() - 1)].name
    }

    fn something(&mut self) -> (&'static Service, &'static Method) {
        let methods = &self.material.methods;
        let sum = methods.last().map_or(1, |(_, _, sum)| *sum);
        let drawn = self.rng.u32(0..sum);
        let place = methods.partition_point(|(_, _, sum)| *sum <= drawn);
        let (service, method, _) = methods[place];
        let service = &self.material.services[service];
        (service, &service.methods[method])
    }

    fn scene(&mut self) -> Scene {
        let places = &self.material.places;
        Scene {
            cluster: early(&places.clusters, &mut self.rng),
            namespace: early(&places.namespaces, &mut self.rng),
            app: early(&places.apps, &mut self.rng),
            region: early(&places.regions, &mut self.rng),
            table: early(&places.tables, &mut self.rng),
            stream: early(&places.streams, &mut self.rng),
            group: early(&places.groups, &mut self.rng),
            reason: early(&places.reasons, &mut self.rng),
            seed: self.rng.u64(..),
        }
    }

    fn end(
        &mut self,
        actor: &'static str,
        service: &'static Service,
        method: &'static Method,
        scene: Scene,
    ) -> Act {
        let guest = self
            .material
            .people
            .persons
            .iter()
            .any(|person| person.role == Role::Guest && person.name == actor);
        let denied = if guest && !matches!(method.kind.as_str(), "READ" | "UNSPECIFIED") {
            600
        } else {
            method.denied
        };
        let drawn = self.rng.u32(0..1_000);
        let failure = if drawn < denied {
            Some((7, text(&service.denied, &scene)))
        } else if drawn < denied + method.fails {
            let failure = &service.errors[self.rng.usize(0..service.errors.len())];
            Some((failure.code, text(&failure.message, &scene)))
        } else {
            None
        };
        let [least, most] = method.latency_ms;
        // Squared: most calls are quick, a few are slow.
        let slow = self.rng.f64().powi(2);
        let latency = f64::from(least) + f64::from(most - least) * slow;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "at most a few thousand milliseconds"
        )]
        let latency = (latency * 1_000.0) as i64;
        Act {
            actor,
            service,
            method,
            scene,
            failure,
            latency,
        }
    }
}

/// One of the list, the earlier the likelier.
fn early(list: &'static [String], rng: &mut Rng) -> &'static str {
    let (a, b) = (rng.usize(0..list.len()), rng.usize(0..list.len()));
    &list[a.min(b)]
}

impl Act {
    /// `details` while the request runs. Clutch writes code 0 already.
    pub(super) fn pending(&self) -> String {
        let mut out = String::with_capacity(512);
        out.push('{');
        self.begin(&mut out);
        out.push_str(",\"status\":{\"code\":0}}");
        out
    }

    /// `details` when it is over.
    pub(super) fn finished(&self) -> String {
        let mut out = String::with_capacity(1024);
        out.push('{');
        self.begin(&mut out);
        out.push(',');
        self.finish(&mut out);
        out.push('}');
        out
    }

    /// What Clutch adds when it is over.
    pub(super) fn patch(&self) -> String {
        let mut out = String::with_capacity(512);
        out.push('{');
        self.finish(&mut out);
        out.push('}');
        out
    }

    fn begin(&self, out: &mut String) {
        out.push_str("\"user_name\":");
        quote(out, self.actor);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            ",\"service_name\":\"{}\",\"method_name\":\"{}\",\"type\":\"{}\"",
            self.service.name, self.method.name, self.method.kind
        );
        self.resource(out, "request_resources");
        self.body(out, "request_body", "Request", &self.method.request);
    }

    fn finish(&self, out: &mut String) {
        if let Some((code, message)) = &self.failure {
            let _ = write!(out, "\"status\":{{\"code\":{code},\"message\":");
            quote(out, message);
            out.push_str("},\"response_body\":{}");
            return;
        }
        out.push_str("\"status\":{\"code\":0}");
        if self.method.answers {
            self.resource(out, "response_resources");
        }
        self.body(out, "response_body", "Response", &self.method.response);
    }

    fn resource(&self, out: &mut String, key: &str) {
        if let Some((kind, id)) = &self.method.resource {
            let _ = write!(out, ",\"{key}\":[{{\"type_url\":\"{kind}\",\"id\":\"");
            self.scene.fill(out, id);
            out.push_str("\"}]");
        }
    }

    fn body(&self, out: &mut String, key: &str, suffix: &str, members: &Template) {
        let service = &self.service.name;
        let package = service.rsplit_once('.').map_or("", |(package, _)| package);
        let method = &self.method.name;
        let _ = write!(out, ",\"{key}\":{{\"@type\":\"type.googleapis.com/");
        if self.method.redacted && suffix == "Response" {
            let _ = write!(
                out,
                "clutch.api.v1.Redacted\",\"redactedTypeUrl\":\"type.googleapis.com/{package}.{method}{suffix}\""
            );
        } else {
            let _ = write!(out, "{package}.{method}{suffix}\"");
            if !members.0.is_empty() {
                out.push(',');
                self.scene.fill(out, members);
            }
        }
        out.push('}');
    }
}

fn text(template: &Template, scene: &Scene) -> String {
    let mut out = String::new();
    scene.fill(&mut out, template);
    out
}

impl Scene {
    fn fill(&self, out: &mut String, template: &Template) {
        for part in &template.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Word(word) => self.word(out, *word),
            }
        }
    }

    fn word(&self, out: &mut String, word: Word) {
        let seed = self.seed;
        let _ = match word {
            Word::Cluster => out.write_str(self.cluster),
            Word::Namespace => out.write_str(self.namespace),
            Word::App => out.write_str(self.app),
            Word::Region => out.write_str(self.region),
            Word::Table => out.write_str(self.table),
            Word::Stream => out.write_str(self.stream),
            Word::Group => out.write_str(self.group),
            Word::Reason => out.write_str(self.reason),
            Word::Pod => {
                self.pod(out, seed);
                Ok(())
            }
            Word::Instance => write!(out, "i-0{seed:016x}"),
            Word::Ip => write!(
                out,
                "10.{}.{}.{}",
                seed >> 8 & 127,
                seed >> 16 & 255,
                seed >> 24 & 255
            ),
            Word::Hex => write!(out, "{:08x}", seed >> 32),
            Word::Version => write!(out, "v2026.{}.{}", seed % 12 + 1, seed >> 8 & 31),
            Word::Small => write!(out, "{}", (seed >> 12) % 4),
            Word::Few => write!(out, "{}", (seed >> 20) % 11 + 2),
            Word::Many => write!(out, "{}", (seed >> 28) % 386 + 15),
            Word::Percent => write!(out, "{}", ((seed >> 36) % 10 + 1) * 5),
            Word::Pods => {
                self.pods(out);
                Ok(())
            }
        };
    }

    fn pod(&self, out: &mut String, seed: u64) {
        // A replica set has many pods: the first part changes less often than the second.
        let replica_set = (seed >> 60).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 28;
        let _ = write!(out, "{}-{replica_set:09x}-", self.app);
        for place in 0..5 {
            let index = (seed >> (place * 5)) % ALPHABET.len() as u64;
            out.push(char::from(ALPHABET[usize::try_from(index).unwrap_or(0)]));
        }
    }

    fn pods(&self, out: &mut String) {
        out.push('[');
        let many = self.seed % 4 + 1;
        for place in 0..many {
            if place > 0 {
                out.push(',');
            }
            let seed = self.seed.rotate_left(7).wrapping_mul(2 * place + 1);
            out.push_str("{\"name\":\"");
            self.pod(out, seed);
            let state = if seed.is_multiple_of(13) {
                "PENDING"
            } else {
                "RUNNING"
            };
            let _ = write!(
                out,
                "\",\"nodeIp\":\"10.0.{}.{}\",\"state\":\"{state}\",\"labels\":{{\"app\":\"{}\"}}}}",
                seed >> 8 & 255,
                seed >> 16 & 255,
                self.app
            );
        }
        out.push(']');
    }
}
