//! Counts of the values of sampled events, on both sides of a comparison.
//!
//! Bounded: of a field with very many values those that stand alone are forgotten.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::probe::{Side, Walk};
use super::{
    DEVIATIONS, FEWEST, Finding, Habits, POINTS, Share, Subject, UNSEEN_POINTS, Value, Verdict,
};
use crate::core::aggregate::bins;
use crate::core::event::{Event, Field};
use crate::core::json::FlatJson;
use crate::core::path::Path;
use crate::core::profile::evaluate::values;
use crate::core::profile::{OwnField, Profile};
use crate::core::scalar::Scalar;

/// Fields and paths of the part that are counted at most; in the rest as many others may be.
const PATHS: usize = 400;

/// Values of one field or path at most.
const VALUES: usize = 1_000;

/// Longer values are the text of one event.
const LONGEST: usize = 200;

/// Of durations in the rest, one in ten is as long as what is called long.
const LONG: u64 = 90;

/// Of fewer stretches nobody can tell how much a share varies.
const FEWEST_STRETCHES: u64 = 6;

/// Numbers do not vary like words: long ones must be so many more.
const LONG_POINTS: f64 = 0.20;

/// Events that come together for one reason: a share of so many times as few events varies as much
/// by chance.
const BUNCH: f64 = 2.0;

/// Who does no more than so many times as much in the same time goes on at his own pace.
const PACE: f64 = 1.5;

/// How often a value was there.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    here: u64,
    rest: u64,
    /// In the stretch that is being read.
    now: u64,
    /// Of its shares of the stretches of the rest.
    shares: f64,
    /// Of the squares of them.
    squares: f64,
    /// The largest of them.
    largest: f64,
}

impl Count {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a stretch has some hundred events"
    )]
    fn close(&mut self, side: Side, events: u64) {
        match side {
            Side::Here => self.here += self.now,
            Side::Rest => {
                self.rest += self.now;
                if events > 0 {
                    let share = self.now as f64 / events as f64;
                    self.shares += share;
                    self.squares += share.powi(2);
                    self.largest = self.largest.max(share);
                }
            }
        }
        self.now = 0;
    }
}

/// Values of one subject.
#[derive(Clone, Debug, Default)]
struct Counts {
    values: HashMap<Box<str>, Count>,
    /// Events without any.
    missing: Count,
    /// Events of the stretch that is being read with a value.
    present: u64,
}

impl Counts {
    fn take<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        let mut seen: Vec<&str> = Vec::new();
        for text in texts {
            if seen.contains(&text) {
                continue;
            }
            seen.push(text);
            if text.len() > LONGEST {
                continue;
            }
            if let Some(count) = self.values.get_mut(text) {
                count.now += 1;
            } else if self.values.len() < 2 * VALUES {
                let count = Count {
                    now: 1,
                    ..Count::default()
                };
                self.values.insert(text.into(), count);
            }
        }
        self.present += u64::from(!seen.is_empty());
    }

    fn close(&mut self, side: Side, events: u64) {
        self.missing.now = events - self.present.min(events);
        self.missing.close(side, events);
        self.present = 0;
        for count in self.values.values_mut() {
            count.close(side, events);
        }
        if self.values.len() > VALUES {
            self.values.retain(|_, count| count.here + count.rest > 1);
        }
    }
}

/// What the events read so far say.
#[derive(Clone, Debug)]
pub struct Tally {
    /// How many times as many events the part has in the same time as the rest.
    rush: f64,
    own: Vec<Arc<OwnField>>,
    subjects: HashMap<Subject, Counts>,
    durations: HashMap<usize, (u64, u64)>,
    /// Events of the stretch that is being read.
    now: u64,
    here: u64,
    rest: u64,
    /// Stretches of the rest that had events.
    stretches: u64,
    /// Sum of one over the events of each.
    inverse: f64,
}

impl Tally {
    /// Nothing was read yet of a store whose rows this profile reads, and in whose part there are
    /// `rush` times as many events in the same time as in the rest.
    pub fn new(profile: &Profile, rush: f64) -> Self {
        Self {
            rush,
            own: profile.own.iter().cloned().map(Arc::new).collect(),
            subjects: HashMap::new(),
            durations: HashMap::new(),
            now: 0,
            here: 0,
            rest: 0,
            stretches: 0,
            inverse: 0.0,
        }
    }

    /// Events read: of the part, of the rest.
    pub fn read(&self) -> (u64, u64) {
        (self.here, self.rest)
    }

    /// Whether enough stretches were read to see what varies by itself.
    pub fn habits(&self) -> Habits {
        if self.stretches < FEWEST_STRETCHES {
            Habits::Unseen
        } else {
            Habits::Seen
        }
    }

    /// Takes the next event of a walk; `record` is its whole record.
    pub fn pass(&mut self, walk: &mut Walk<'_>, event: &Event, record: &FlatJson<'_>) {
        if event.at().instant().is_some_and(|at| walk.crosses(at)) {
            self.close(walk.side);
        }
        self.take(walk.side, event, record);
    }

    /// Takes an event of a stretch.
    fn take(&mut self, side: Side, event: &Event, record: &FlatJson<'_>) {
        self.now += 1;
        for field in Field::ALL {
            let texts = event.all(field);
            if field == Field::Duration {
                for bin in texts.filter_map(|value| bins::bin(value.text())) {
                    let (here, rest) = self.durations.entry(bin).or_default();
                    match side {
                        Side::Here => *here += 1,
                        Side::Rest => *rest += 1,
                    }
                }
                continue;
            }
            let texts: Vec<_> = texts.collect();
            let texts = texts.iter().map(Scalar::text);
            self.counts(Subject::Field(field)).take(texts);
        }
        let outcome = event.outcome.map(crate::core::event::Outcome::word);
        self.counts(Subject::Outcome).take(outcome.into_iter());
        for own in self.own.clone() {
            let texts = values(&own.expr, record);
            let texts = texts.iter().map(Scalar::text);
            self.counts(Subject::Own(own)).take(texts);
        }
        self.take_paths(side, record);
    }

    fn take_paths(&mut self, side: Side, record: &FlatJson<'_>) {
        let mut found: BTreeMap<Path, Vec<String>> = BTreeMap::new();
        Path::each(record, &mut |steps, node| {
            if let Some(value) = record.scalar(node) {
                let path = Path::new(steps.iter().cloned());
                found.entry(path).or_default().push(value.text().to_owned());
            }
        });
        for (path, texts) in found {
            let subject = Subject::Path(path);
            // The part comes first: what is missing in it needs room, too.
            let room = match side {
                Side::Here => PATHS,
                Side::Rest => 2 * PATHS,
            };
            if self.subjects.len() < room || self.subjects.contains_key(&subject) {
                let texts = texts.iter().map(String::as_str);
                self.counts(subject).take(texts);
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "stretches are some dozen")]
    fn counts(&mut self, subject: Subject) -> &mut Counts {
        let (here, rest, stretches) = (self.here, self.rest, self.stretches);
        self.subjects.entry(subject).or_insert_with(|| Counts {
            // Nobody had it in what was read before.
            missing: Count {
                here,
                rest,
                now: 0,
                shares: stretches as f64,
                squares: stretches as f64,
                largest: if stretches > 0 { 1.0 } else { 0.0 },
            },
            ..Counts::default()
        })
    }

    /// The stretch is over.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a stretch has some hundred events"
    )]
    pub fn close(&mut self, side: Side) {
        let events = std::mem::take(&mut self.now);
        if events == 0 {
            return;
        }
        match side {
            Side::Here => self.here += events,
            Side::Rest => {
                self.rest += events;
                self.stretches += 1;
                self.inverse += 1.0 / events as f64;
            }
        }
        for counts in self.subjects.values_mut() {
            counts.close(side, events);
        }
    }

    /// What is different so far.
    pub fn verdict(&self) -> Verdict {
        if self.here < FEWEST || self.rest < FEWEST {
            return Verdict::TooFew(self.here, self.rest);
        }
        let left = self.left();
        let mut findings: Vec<Finding> = Vec::new();
        for (subject, counts) in &self.subjects {
            let known = (counts.values.iter())
                .map(|(text, count)| (Value::Is(text.to_string()), *count))
                .chain([(Value::Missing, counts.missing)]);
            let different = known.filter(|(_, count)| self.is_different(*count, left));
            findings.extend(different.map(|(value, count)| {
                self.finding(subject.clone(), value, (count.here, count.rest))
            }));
        }
        findings.extend(self.long());
        findings.sort_by(|a, b| {
            (b.difference().abs().total_cmp(&a.difference().abs()))
                .then_with(|| rank(&a.subject).cmp(&rank(&b.subject)))
                .then_with(|| a.value.text().cmp(b.value.text()))
        });
        Verdict::Different(folded(findings))
    }

    fn finding(&self, subject: Subject, value: Value, (here, rest): (u64, u64)) -> Finding {
        Finding {
            subject,
            value,
            here: Share {
                events: here,
                of: self.here,
            },
            rest: Share {
                events: rest,
                of: self.rest,
            },
            also: Vec::new(),
        }
    }

    /// How many times as large the share of everything else is, 1 or more, for the sole reason that
    /// some go on at their own pace while most others do more.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sample has some thousand events"
    )]
    fn left(&self) -> f64 {
        let actors = self.subjects.get(&Subject::Field(Field::Actor));
        let (mut before, mut after) = (0.0, 0.0);
        for count in actors.iter().flat_map(|actors| actors.values.values()) {
            let here = count.here as f64 / self.here as f64;
            let rest = count.rest as f64 / self.rest as f64;
            let pace = rest / self.rush;
            // Of a handful of events nobody can tell the pace.
            let is_known = pace * self.here as f64 >= FEWEST as f64;
            if is_known && (pace / PACE..pace * PACE).contains(&here) {
                before += rest;
                after += here;
            }
        }
        // Where most go on as ever, those who do not are what is different.
        if self.rush <= 1.0 || before >= 0.5 {
            return 1.0;
        }
        ((1.0 - after) / (1.0 - before)).max(1.0)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a sample has some thousand events"
    )]
    fn is_different(&self, count: Count, left: f64) -> bool {
        let here = count.here as f64 / self.here as f64;
        let rest = count.rest as f64 / self.rest as f64;
        // A stretch may be an incident itself, which is no habit: the one with the largest share is left
        // out, where there are enough of them.
        let (left_out, enough) = match self.habits() {
            Habits::Seen => (1, POINTS),
            Habits::Unseen => (0, UNSEEN_POINTS),
        };
        let largest = count.largest * f64::from(left_out);
        let stretches = self.stretches.max(1) as f64;
        let others = stretches - f64::from(left_out);
        let usual = (count.shares - largest) / others;
        let squares = (count.squares - largest.powi(2)).max(0.0);
        let between = (squares / others - usual.powi(2)).max(0.0);
        // Of few events shares vary by chance alone: that is no habit of the log.
        let varies = (between - usual * (1.0 - usual) * self.inverse / stretches).max(0.0);
        // People do several things to one object, one after the other: events are fewer than they look.
        let chance = BUNCH
            * (here * (1.0 - here) / self.here as f64 + rest * (1.0 - rest) / self.rest as f64);
        let distance = if here < rest {
            // What goes on at its own pace has a smaller share of more events.
            usual.min(rest) / self.rush.max(1.0) - here
        } else {
            here - (rest * left).min(1.0)
        };
        distance >= enough && distance >= DEVIATIONS * (varies + chance).sqrt()
    }

    /// Whether events take longer than elsewhere.
    fn long(&self) -> Option<Finding> {
        let mut bins: Vec<(usize, (u64, u64))> = self
            .durations
            .iter()
            .map(|(bin, both)| (*bin, *both))
            .collect();
        bins.sort_unstable();
        let lengths: Vec<(usize, u64)> =
            (bins.iter().map(|(bin, (_, rest))| (*bin, *rest))).collect();
        let limit = bins::percentile(&lengths, LONG)?;
        let share = |pick: fn(&(u64, u64)) -> u64| {
            let long = bins.iter().filter(|(bin, _)| bins::middle(*bin) >= limit);
            Share {
                events: long.map(|(_, both)| pick(both)).sum(),
                of: bins.iter().map(|(_, both)| pick(both)).sum(),
            }
        };
        let finding = Finding {
            subject: Subject::Field(Field::Duration),
            value: Value::AtLeast(plain(limit)),
            here: share(|both| both.0),
            rest: share(|both| both.1),
            also: Vec::new(),
        };
        let enough = finding.here.of >= FEWEST && finding.rest.of >= FEWEST;
        (enough && finding.difference() >= LONG_POINTS).then_some(finding)
    }
}

impl Value {
    /// The value as text; of what is missing, nothing.
    pub fn text(&self) -> &str {
        match self {
            Self::Is(text) | Self::AtLeast(text) => text,
            Self::Missing => "",
        }
    }
}

/// A length without digits that say nothing.
fn plain(limit: f64) -> String {
    if limit < 10.0 {
        format!("{limit:.2}")
    } else {
        format!("{limit:.0}")
    }
}

/// Of findings about the same events, the one in the plainest words speaks for all.
fn rank(subject: &Subject) -> (usize, String) {
    match subject {
        Subject::Field(field) => {
            let place = Field::ALL.iter().position(|one| one == field);
            (place.unwrap_or(0), String::new())
        }
        Subject::Outcome => (Field::ALL.len(), String::new()),
        Subject::Own(own) => (Field::ALL.len() + 1, own.name.clone()),
        Subject::Path(path) => (Field::ALL.len() + 2, path.to_string()),
    }
}

/// Findings in as many events on both sides become one.
fn folded(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let same = |one: &&mut Finding| one.here == finding.here && one.rest == finding.rest;
        match kept.iter_mut().find(same) {
            Some(one) => one.also.push((finding.subject, finding.value)),
            None => kept.push(finding),
        }
    }
    kept
}

#[cfg(test)]
mod tests;
