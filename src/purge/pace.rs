//! How fast to delete: batches of a size that takes the server a moment, and pauses where it is
//! pressed.
//!
//! Pure: what time it is and how the server does are told.

use std::time::Duration;

use crate::store::purger::Pressure;

/// How many rows the next batch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    rows: usize,
    most: usize,
}

impl BatchSize {
    /// Smallest and largest.
    pub const RANGE: (usize, usize) = (200, 20_000);
    const FIRST: usize = 1_000;
    const AIM: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(150));

    /// What a purge begins with, and what its batches may grow to.
    pub fn first(most: usize) -> Self {
        Self {
            rows: Self::FIRST.min(most),
            most,
        }
    }

    /// Rows of the next batch.
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Learns how long a batch of this size took, from its first statement to its commit.
    pub fn learn(&mut self, took: Duration) {
        let (least, most) = Self::AIM;
        let next = if took < least {
            self.rows * 2
        } else if took > most {
            self.rows / 2
        } else {
            return;
        };
        self.rows = next.clamp(Self::RANGE.0, self.most);
    }
}

/// What a purge may cost the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Rows a second.
    pub rows: Option<f64>,
    /// Bytes of write-ahead log a second, where the store tells.
    pub wal: Option<f64>,
    /// A replica further behind than this makes the purge wait.
    pub replica_bytes: u64,
    /// The same in seconds.
    pub replica_seconds: f64,
    /// Sessions waiting for locks that make the purge wait.
    pub waiting: u64,
    /// Batches at a time, where the store can do two and nothing else is limited.
    pub jobs: u8,
}

impl Default for Limits {
    /// 10 MB of log a second; 10 s, 256 MiB and 20 sessions.
    fn default() -> Self {
        Self {
            rows: None,
            wal: Some(10e6),
            replica_bytes: 256 << 20,
            replica_seconds: 10.0,
            waiting: 20,
            jobs: 1,
        }
    }
}

impl Limits {
    /// As fast as it goes, for somebody who has said so.
    pub fn none() -> Self {
        Self {
            rows: None,
            wal: None,
            replica_bytes: u64::MAX,
            replica_seconds: f64::INFINITY,
            waiting: u64::MAX,
            jobs: 1,
        }
    }
}

/// Why the next batch has to wait, and how long until it is asked again.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// At least this long.
    pub length: Duration,
    /// For people: `replica 12.0 s behind`.
    pub because: String,
}

/// Keeps within [`Limits`].
#[derive(Clone, Debug)]
pub struct Throttle {
    limits: Limits,
    /// Before this the next batch would go beyond a rate.
    due: Duration,
    wal: Option<u64>,
}

impl Throttle {
    /// How long a pressed server is left alone before it is looked at again.
    const RECHECK: Duration = Duration::from_millis(500);
    /// A pause longer than this is taken in pieces, so that a stop is heeded.
    const LONGEST: Duration = Duration::from_secs(1);

    /// Begins with nothing deleted.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            due: Duration::ZERO,
            wal: None,
        }
    }

    /// Whether pressure has to be asked for at all.
    pub fn is_idle(&self) -> bool {
        let jobs = self.limits.jobs;
        self.limits
            == Limits {
                jobs,
                ..Limits::none()
            }
    }

    /// Whether two batches may be at work at a time. Who keeps to a rate gains nothing by it.
    pub fn lets_two(&self) -> bool {
        self.limits.jobs > 1 && self.is_idle()
    }

    /// Counts a batch that was committed at `now`, which began at `began`.
    pub fn spend(&mut self, rows: u64, pressure: &Pressure, began: Duration, now: Duration) {
        let before = self.wal.replace(pressure.wal.unwrap_or_default());
        let wal = match (before, pressure.wal) {
            (Some(before), Some(wal)) if before > 0 => wal.saturating_sub(before),
            _ => 0,
        };
        let seconds = [share(rows, self.limits.rows), share(wal, self.limits.wal)]
            .into_iter()
            .fold(0.0, f64::max);
        let cost = Duration::try_from_secs_f64(seconds).unwrap_or(Self::LONGEST);
        self.due = (self.due.max(began) + cost).max(now.saturating_sub(Self::LONGEST));
    }

    /// Whether to wait now.
    pub fn wait(&self, pressure: &Pressure, now: Duration) -> Option<Wait> {
        if let Some(because) = self.pressed(pressure) {
            return Some(Wait {
                length: Self::RECHECK,
                because,
            });
        }
        let length = self.due.saturating_sub(now);
        (!length.is_zero()).then(|| Wait {
            length: length.min(Self::LONGEST),
            because: "keeping to the rate".to_owned(),
        })
    }

    fn pressed(&self, pressure: &Pressure) -> Option<String> {
        let limits = &self.limits;
        if let Some(seconds) = pressure.replica_seconds
            && seconds > limits.replica_seconds
        {
            return Some(format!("replica {seconds:.1} s behind"));
        }
        if let Some(bytes) = pressure.replica_bytes
            && bytes > limits.replica_bytes
        {
            return Some(format!("replica {} MiB behind", bytes >> 20));
        }
        let waiting = pressure.waiting.filter(|many| *many > limits.waiting)?;
        Some(format!("{waiting} sessions wait for locks"))
    }
}

/// Seconds that an amount lasts at a rate.
fn share(amount: u64, rate: Option<f64>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a pause need not be exact")]
    let amount = amount as f64;
    rate.map_or(0.0, |rate| amount / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_and_shrink_towards_a_tenth_of_a_second() {
        let mut size = BatchSize::first(BatchSize::RANGE.1);
        for _ in 0..9 {
            size.learn(Duration::from_millis(10));
        }
        assert_eq!(size.rows(), 20_000);
        size.learn(Duration::from_millis(100));
        assert_eq!(size.rows(), 20_000);
        for _ in 0..9 {
            size.learn(Duration::from_secs(1));
        }
        assert_eq!(size.rows(), 200);
    }

    #[test]
    fn a_rate_is_kept() {
        let mut throttle = Throttle::new(Limits {
            rows: Some(1_000.0),
            ..Limits::none()
        });
        let calm = Pressure::default();
        let at = Duration::from_millis;
        throttle.spend(500, &calm, at(0), at(100));
        assert_eq!(
            throttle.wait(&calm, at(100)).map(|w| w.length),
            Some(at(400))
        );
        assert_eq!(throttle.wait(&calm, at(500)), None);
        throttle.spend(500, &calm, at(500), at(1_200));
        assert_eq!(throttle.wait(&calm, at(1_200)), None);
    }

    #[test]
    fn the_log_counts_from_the_second_look_on() {
        let mut throttle = Throttle::new(Limits {
            wal: Some(1e6),
            ..Limits::none()
        });
        let wal = |wal| Pressure {
            wal: Some(wal),
            ..Pressure::default()
        };
        let at = Duration::from_millis;
        throttle.spend(1, &wal(7_000_000_000), at(0), at(10));
        assert_eq!(throttle.wait(&wal(7_000_000_000), at(10)), None);
        throttle.spend(1, &wal(7_000_500_000), at(10), at(20));
        let wait = throttle.wait(&wal(7_000_500_000), at(20)).expect("a pause");
        assert_eq!(wait.length, at(490));
    }

    #[test]
    fn a_pressed_server_is_waited_for_by_name() {
        let throttle = Throttle::new(Limits::default());
        let late = Pressure {
            replica_seconds: Some(12.0),
            ..Pressure::default()
        };
        let wait = throttle.wait(&late, Duration::ZERO).expect("a pause");
        assert_eq!(wait.because, "replica 12.0 s behind");
        assert!(!throttle.is_idle());
        assert!(
            Throttle::new(Limits::none())
                .wait(&late, Duration::ZERO)
                .is_none()
        );
    }
}
