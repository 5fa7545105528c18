//! What is different under the brush: the comparison on the screen, and the way from a difference to
//! its events.

use std::sync::Arc;

use crate::app::command::Polarity;
use crate::app::filter_bar::term;
use crate::app::histogram::Cell;
use crate::app::notice::Level;
use crate::app::{App, Effect, Focus, Generation};
use crate::core::contrast::probe::{Bucket, Cost, Probe, Sides};
use crate::core::contrast::{Finding, Habits, Verdict};
use crate::core::instant::Micros;
use crate::core::profile::Profile;
use crate::core::query::predicate::Predicate;
use crate::store::{StoreError, TimeAccess};

/// Which events are to be compared.
#[derive(Clone, Debug)]
pub struct ContrastRequest {
    /// Which, whenever they happened.
    pub predicate: Arc<Predicate>,
    /// The stretches to read, one after the other.
    pub probes: Vec<Probe>,
    /// How records become values.
    pub profile: Arc<Profile>,
    /// How many times as many events the part has in the same time.
    pub rush: f64,
}

/// What the events that were read say.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What is different as far as it is known.
    pub verdict: Verdict,
    /// Whether it was seen what varies by itself.
    pub habits: Habits,
    /// Events read: of the part, of the rest.
    pub read: (u64, u64),
    /// Stretches read.
    pub stretches: usize,
}

/// How far it is.
#[derive(Clone, Debug)]
pub enum State {
    /// Events are being read.
    Reading,
    /// All were read that were to be.
    Whole,
    /// Somebody has stopped it.
    Stopped,
    /// The store did not answer.
    Failed(StoreError),
}

/// A comparison.
#[derive(Clone, Debug)]
pub struct Contrast {
    /// First instant of the part.
    pub since: Micros,
    /// The instant after its last.
    pub until: Micros,
    /// The rest is what else lies in here.
    pub range: (Micros, Micros),
    /// Events: of the part, of the rest it is compared with.
    pub events: (u64, u64),
    /// Events of the picture, those beside the part with them.
    pub all: u64,
    /// Events in a minute: of the part, of the rest.
    pub rates: (f64, f64),
    /// Of which share it is known that they failed: of the part, of all that is not in it. `None` where
    /// nothing failed, or one of the two is empty.
    pub failures: Option<(f64, f64)>,
    /// Stretches to read.
    pub stretches: usize,
    /// How far it is.
    pub state: State,
    /// What is known.
    pub reading: Option<Reading>,
    /// Number of the selected difference.
    pub selected: usize,
    asked: Generation,
}

impl Contrast {
    /// What is different, the largest difference first.
    pub fn findings(&self) -> &[Finding] {
        match self.reading.as_ref().map(|reading| &reading.verdict) {
            Some(Verdict::Different(findings)) => findings,
            _ => &[],
        }
    }

    /// Whether only some of the events were to be read.
    pub fn is_sample(&self) -> bool {
        let (here, rest) = self.reading.as_ref().map_or((0, 0), |reading| reading.read);
        here < self.events.0 || rest < self.events.1
    }

    /// Moves the selection.
    pub(super) fn move_by(&mut self, delta: isize) {
        let last = self.findings().len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(delta).min(last);
    }
}

/// The shares of failures in a part and in the rest.
fn failures(cells: impl Iterator<Item = Cell>, part: (Micros, Micros)) -> Option<(f64, f64)> {
    let (mut here, mut rest) = ((0, 0), (0, 0));
    for cell in cells {
        let is_here = cell.since < part.1 && cell.until > part.0;
        let (events, failed) = if is_here { &mut here } else { &mut rest };
        *events += cell.events;
        *failed += cell.failed;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share of events")]
    let share = |(events, failed): (u64, u64)| (events > 0).then(|| failed as f64 / events as f64);
    share(here)
        .zip(share(rest))
        .filter(|shares| *shares != (0.0, 0.0))
}

impl App {
    /// Compares what is under the brush with the rest of the picture.
    pub(super) fn find_differences(&mut self) -> Vec<Effect> {
        let (Some((since, until)), Some(around), Some(range), Some(description)) = (
            self.brushed(),
            self.around_brush(),
            self.histogram.range(),
            self.description(),
        ) else {
            return Vec::new();
        };
        let (time, rows) = (description.time, description.estimate);
        let profile = description.profile.clone();
        let buckets: Vec<Bucket> = (self.histogram.buckets())
            .map(|cell| Bucket {
                since: cell.since,
                until: cell.until,
                events: cell.events,
            })
            .collect();
        let all: u64 = buckets.iter().map(|bucket| bucket.events).sum();
        let failures = failures(self.histogram.buckets(), (since, until));
        let cost = match time {
            TimeAccess::Direct => Cost::Little,
            TimeAccess::Scan => Cost::AllRows(rows.unwrap_or(0).max(all)),
        };
        let sides = Sides::new(&buckets, (since, until), around);
        let probes = sides.probes(cost);
        let rates = sides.rates(self.now());
        let generation = self.next();
        self.focus = Focus::Contrast;
        self.contrast = Some(Contrast {
            since,
            until,
            range,
            events: sides.events(),
            all,
            rates,
            failures,
            stretches: probes.len(),
            state: State::Reading,
            reading: None,
            selected: 0,
            asked: generation,
        });
        let request = ContrastRequest {
            predicate: Arc::new(Predicate::clone(&self.question.predicate).at_any_time()),
            probes,
            profile,
            rush: if rates.1 > 0.0 {
                rates.0 / rates.1
            } else {
                1.0
            },
        };
        vec![Effect::Contrast(generation, Box::new(request))]
    }

    /// Whose comparison is wanted.
    pub(super) fn contrast_asked(&self) -> Option<Generation> {
        self.contrast.as_ref().map(|contrast| contrast.asked)
    }

    pub(super) fn told_differences(&mut self, reading: Reading) -> Vec<Effect> {
        if let Some(contrast) = &mut self.contrast {
            let at = |contrast: &Contrast| {
                let finding = contrast.findings().get(contrast.selected)?;
                Some((finding.subject.clone(), finding.value.clone()))
            };
            let selected = at(contrast);
            contrast.reading = Some(reading);
            // The order changes as more is read; what was selected stays so.
            let is_it = |finding: &Finding| {
                selected.as_ref() == Some(&(finding.subject.clone(), finding.value.clone()))
            };
            let place = contrast.findings().iter().position(is_it);
            contrast.selected = place.unwrap_or(contrast.selected);
            contrast.move_by(0);
        }
        Vec::new()
    }

    pub(super) fn differences_ended(&mut self, result: Result<(), StoreError>) -> Vec<Effect> {
        if let Some(contrast) = &mut self.contrast {
            contrast.state = match result {
                Ok(()) => State::Whole,
                Err(StoreError::Cancelled) => State::Stopped,
                Err(error) => State::Failed(error),
            };
        }
        Vec::new()
    }

    /// Stops reading; `None` where nothing is being read.
    pub(super) fn stop_contrast(&mut self) -> Option<Vec<Effect>> {
        let contrast = self.contrast.as_mut()?;
        if !matches!(contrast.state, State::Reading) {
            return None;
        }
        contrast.state = State::Stopped;
        Some(vec![Effect::StopContrast])
    }

    /// A comparison is there for as long as it has the keys.
    pub(super) fn leave_contrast(&mut self) -> Option<Effect> {
        if self.focus == Focus::Contrast {
            return None;
        }
        let left = self.contrast.take()?;
        matches!(left.state, State::Reading).then_some(Effect::StopContrast)
    }

    /// To the events with the selected value under the brush, or to those without.
    pub(super) fn enter_difference(&mut self, polarity: Polarity) -> Vec<Effect> {
        let Some(contrast) = &self.contrast else {
            return Vec::new();
        };
        let Some(finding) = contrast.findings().get(contrast.selected) else {
            self.notify(Level::Info, "nothing is selected", None);
            return Vec::new();
        };
        let range = format!("since:{} until:{}", contrast.since, contrast.until);
        let wanted = term::of(&finding.subject, &finding.value);
        let within = term::with_range(self.filter.text(), Some(&range));
        let text = term::join(&within, &wanted, polarity);
        self.focus = Focus::List;
        self.set_filter(&text)
    }
}
