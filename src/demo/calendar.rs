//! When the demo's people are at work, and the stretches everybody is to notice: a quiet weekend, and
//! the episodes of `demo-data/people.toml`.

use fastrand::Rng;

use crate::core::instant::Micros;
use crate::demo::Plan;
use crate::demo::material::{Episode, Material, Person};

const MINUTE: i64 = 60 * Micros::SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Width of the bins in which the traffic is even.
pub(super) const BIN: i64 = 10 * MINUTE;

/// The days of one history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    now: i64,
    today: i64,
    quiet: i64,
}

impl Calendar {
    pub(super) fn new(now: Micros) -> Self {
        let today = now.0.div_euclid(DAY);
        Self {
            now: now.0,
            today,
            // A Saturday about three weeks ago.
            quiet: latest_weekday(today - 20, 5) * DAY,
        }
    }

    /// Where the history begins.
    pub(super) fn start(&self) -> i64 {
        self.now - Plan::DAYS * DAY
    }

    /// The episode that is on.
    pub(super) fn episode(&self, at: Micros) -> Option<&'static Episode> {
        let episodes = &Material::get().people.episodes;
        episodes.iter().find(|episode| {
            let day = latest_weekday(self.today - episode.days_ago, episode.weekday);
            let [hour, minute] = episode.begins;
            let begin = day * DAY + hour * HOUR + minute * MINUTE;
            (begin..begin + episode.minutes * MINUTE).contains(&at.0)
        })
    }

    /// How much a person does at an instant.
    pub(super) fn presence(&self, person: &Person, at: Micros) -> f64 {
        if let Some(days) = person.joined_days_ago
            && at.0 < self.now - days * DAY
        {
            return 0.0;
        }
        let local = at.0 + person.utc * HOUR;
        let hours = match local.rem_euclid(DAY) / HOUR {
            9..=11 | 13..=16 => 1.0,
            12 => 0.6,
            8 | 17 => 0.5,
            7 | 18..=21 => 0.12,
            _ => 0.015,
        };
        let days = if (self.quiet..self.quiet + 2 * DAY).contains(&at.0) {
            0.01
        } else if weekday(local.div_euclid(DAY)) >= 5 {
            0.15
        } else {
            1.0
        };
        f64::from(person.share) * hours * days
    }

    /// Traffic of all people up to the end of each bin of the history, in no particular unit.
    pub(super) fn cumulated(&self, people: &[Person], seed: u64) -> Vec<f64> {
        let bins = Plan::DAYS * DAY / BIN;
        let mut rng = Rng::with_seed(seed);
        let mut sum = 0.0;
        let mut mood = 1.0;
        (0..bins)
            .map(|bin| {
                // No two days are alike, and work comes in bursts.
                if bin % (DAY / BIN) == 0 {
                    mood = 0.7 + 0.6 * rng.f64();
                }
                let burst = 0.3 + 1.4 * rng.f64();
                let middle = Micros(self.start() + bin * BIN + BIN / 2);
                let presence: f64 = people
                    .iter()
                    .map(|person| self.presence(person, middle))
                    .sum();
                let rush = self.episode(middle).map_or(1.0, |episode| episode.rush);
                sum += presence * rush * mood * burst;
                sum
            })
            .collect()
    }
}

/// 0 is Monday. 1970-01-01 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

fn latest_weekday(day: i64, wanted: i64) -> i64 {
    day - (weekday(day) - wanted).rem_euclid(7)
}
