//! How fast to delete: batches of a size that takes the server a moment, and pauses where it is
//! pressed.
//!
//! Pure: what time it is and how the server does are told.

use std::time::Duration;

use crate::core::purge::plan::Encoding;
use crate::store::purger::Pressure;

/// How many rows the next batch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    rows: usize,
    most: usize,
    aim: (Duration, Duration),
}

impl BatchSize {
    /// Smallest and largest.
    pub const RANGE: (usize, usize) = (200, 20_000);
    const FIRST: usize = 1_000;
    /// For a purge that is to be over soon.
    const LONG: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(150));
    /// For one that others are to notice as little as possible: whoever meets a batch waits for a
    /// part of it at most.
    const SHORT: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(12));

    /// What a purge begins with within its limits, and what its batches may grow to.
    pub fn first(limits: &Limits, most: usize) -> Self {
        let (rows, aim) = if limits.is_none() {
            (Self::FIRST, Self::LONG)
        } else {
            (Self::RANGE.0, Self::SHORT)
        };
        Self {
            rows: rows.min(most),
            most,
            aim,
        }
    }

    /// Rows of the next batch.
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Learns how long the server was at work on a batch of so many rows. What is left at the end of
    /// a segment is quick because it is little.
    pub fn learn(&mut self, rows: usize, took: Duration) {
        let (least, most) = self.aim;
        let next = if took < least && rows >= self.rows {
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
    /// Of the time.
    pub share: Share,
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

/// How much of the time a purge keeps the store at work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Share {
    /// So much that who writes beside it hardly notices.
    Gentle,
    /// Above 0, at most 1.
    Of(f64),
    /// All of it.
    Whole,
}

impl Share {
    /// Of a server, where one in so many statements of somebody else meets a batch.
    const OF_SERVER: f64 = 0.01;
    /// Of a file: its writers stand in a line, and have their turn between two batches.
    const OF_FILE: f64 = 0.25;
    /// A rest is not longer than this, however long a batch took: it may have waited for somebody
    /// else's lock.
    const LONGEST_REST: Duration = Duration::from_secs(10);

    /// How long to rest after so much work.
    fn rest(self, encoding: Encoding, worked: Duration) -> Duration {
        let share = match (self, encoding) {
            (Self::Gentle, Encoding::SqlInserts) => Self::OF_FILE,
            (Self::Gentle, Encoding::CopyText | Encoding::Bson) => Self::OF_SERVER,
            (Self::Of(share), _) => share,
            (Self::Whole, _) => 1.0,
        };
        let rest = worked.as_secs_f64() * (1.0 / share - 1.0);
        Duration::try_from_secs_f64(rest)
            .unwrap_or(Self::LONGEST_REST)
            .min(Self::LONGEST_REST)
    }
}

impl Default for Limits {
    /// A small share of the time, and 10 MB of log a second; 10 s, 256 MiB and 20 sessions.
    fn default() -> Self {
        Self {
            share: Share::Gentle,
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
            share: Share::Whole,
            rows: None,
            wal: None,
            replica_bytes: u64::MAX,
            replica_seconds: f64::INFINITY,
            waiting: u64::MAX,
            jobs: 1,
        }
    }

    /// Whether nothing is limited.
    pub fn is_none(&self) -> bool {
        let jobs = self.jobs;
        *self
            == Self {
                jobs,
                ..Self::none()
            }
    }
}

/// Why the next batch has to wait, and how long until it is asked again.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// At least this long.
    pub length: Duration,
    /// For people: `replica 12.0 s behind`; `None` where nothing else was wanted.
    pub because: Option<String>,
}

/// What a batch was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Its rows.
    pub rows: u64,
    /// How long the server was at work on them.
    pub work: Duration,
    /// When it began.
    pub began: Duration,
    /// When it was committed.
    pub ended: Duration,
}

/// Keeps within [`Limits`].
#[derive(Clone, Debug)]
pub struct Throttle {
    limits: Limits,
    encoding: Encoding,
    /// Until when the store rests.
    rested: Duration,
    /// Before this the next batch would go beyond the rows, or beyond the log.
    rows_due: Duration,
    log_due: Duration,
    /// As it was when somebody last looked, and when that was.
    seen: Pressure,
    looked: Option<Duration>,
    /// Whether there was a batch since then.
    since: Since,
}

/// What happened since somebody last looked at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Nothing,
    Batch,
}

impl Throttle {
    /// How long a look at the server lasts, and a pressed one is left alone.
    const RECHECK: Duration = Duration::from_millis(500);
    /// A pause longer than this is taken in pieces, so that a stop is heeded.
    const LONGEST: Duration = Duration::from_secs(1);
    /// The log is everybody's: what others write must not hold a purge up for ever.
    const MOST_LOG: Duration = Duration::from_secs(5);

    /// Begins with nothing deleted.
    pub fn new(limits: Limits, encoding: Encoding) -> Self {
        Self {
            limits,
            encoding,
            rested: Duration::ZERO,
            rows_due: Duration::ZERO,
            log_due: Duration::ZERO,
            seen: Pressure::default(),
            looked: None,
            since: Since::Nothing,
        }
    }

    /// Whether two batches may be at work at a time. Who keeps to a rate gains nothing by it.
    pub fn lets_two(&self) -> bool {
        self.limits.jobs > 1 && self.limits.is_none()
    }

    /// Whether the server's pressure has to be asked for again.
    pub fn wants_look(&self, now: Duration) -> bool {
        let is_old = |looked: Duration| now.saturating_sub(looked) >= Self::RECHECK;
        !self.limits.is_none() && self.looked.is_none_or(is_old)
    }

    /// What the server said of itself at `now`, if it did. What was written to its log around a
    /// batch counts from then on.
    pub fn look(&mut self, pressure: Option<Pressure>, now: Duration) {
        let looked = self.looked.replace(now);
        let Some(pressure) = pressure else { return };
        let since = std::mem::replace(&mut self.since, Since::Nothing);
        if let (Some(before), Some(log), Since::Batch) = (self.seen.wal, pressure.wal, since) {
            let seconds = share(log.saturating_sub(before), self.limits.wal);
            let cost = Duration::try_from_secs_f64(seconds).unwrap_or(Self::MOST_LOG);
            let began = looked.unwrap_or(now);
            self.log_due = (began + cost).min(now + Self::MOST_LOG);
        }
        self.seen = pressure;
    }

    /// As it was when somebody last looked.
    pub fn seen(&self) -> &Pressure {
        &self.seen
    }

    /// Counts a batch.
    pub fn spend(&mut self, spent: &Spent) {
        self.since = Since::Batch;
        let seconds = share(spent.rows, self.limits.rows);
        let cost = Duration::try_from_secs_f64(seconds).unwrap_or(Self::LONGEST);
        self.rows_due = self.rows_due.max(spent.began) + cost;
        self.rested = spent.ended + self.limits.share.rest(self.encoding, spent.work);
    }

    /// Whether to wait now.
    pub fn wait(&self, now: Duration) -> Option<Wait> {
        if self.limits.is_none() {
            return None;
        }
        if let Some(because) = self.pressed(&self.seen) {
            return Some(Wait {
                length: Self::RECHECK,
                because: Some(because),
            });
        }
        let own = self.rested.max(self.rows_due);
        let length = own.max(self.log_due).saturating_sub(now);
        let is_log = self.log_due > own;
        (!length.is_zero()).then(|| Wait {
            length: length.min(Self::LONGEST),
            because: is_log.then(|| "the server writes its log as fast as it may".to_owned()),
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

    fn spent(rows: u64, work: u64, began: u64, ended: u64) -> Spent {
        let [work, began, ended] = [work, began, ended].map(Duration::from_millis);
        Spent {
            rows,
            work,
            began,
            ended,
        }
    }

    #[test]
    fn batches_grow_and_shrink_towards_a_tenth_of_a_second() {
        let mut size = BatchSize::first(&Limits::none(), BatchSize::RANGE.1);
        for _ in 0..9 {
            size.learn(size.rows(), Duration::from_millis(10));
        }
        assert_eq!(size.rows(), 20_000);
        size.learn(20_000, Duration::from_millis(100));
        assert_eq!(size.rows(), 20_000);
        for _ in 0..9 {
            size.learn(size.rows(), Duration::from_secs(1));
        }
        assert_eq!(size.rows(), 200);
    }

    #[test]
    fn batches_that_others_are_not_to_notice_are_short() {
        let mut size = BatchSize::first(&Limits::default(), BatchSize::RANGE.1);
        assert_eq!(size.rows(), 200);
        size.learn(200, Duration::from_millis(2));
        assert_eq!(size.rows(), 400);
        size.learn(400, Duration::from_millis(10));
        assert_eq!(size.rows(), 400);
        // The end of a segment says nothing about a whole batch.
        size.learn(3, Duration::from_millis(1));
        assert_eq!(size.rows(), 400);
        size.learn(400, Duration::from_millis(20));
        assert_eq!(size.rows(), 200);
    }

    #[test]
    fn rests_are_as_long_as_the_work_says_but_not_for_ever() {
        let mut throttle = Throttle::new(
            Limits {
                share: Share::Of(0.1),
                ..Limits::none()
            },
            Encoding::CopyText,
        );
        let at = Duration::from_millis;
        throttle.spend(&spent(1, 10, 0, 15));
        assert_eq!(throttle.wait(at(15)).map(|w| w.length), Some(at(90)));
        assert_eq!(throttle.wait(at(105)), None);
        throttle.spend(&spent(1, 60_000, 1_000, 61_000));
        assert_eq!(throttle.wait(at(61_000)).map(|w| w.length), Some(at(1_000)));
        assert!(throttle.wait(at(70_900)).is_some());
        assert_eq!(throttle.wait(at(71_000)), None);
    }

    #[test]
    fn a_rate_is_kept() {
        let mut throttle = Throttle::new(
            Limits {
                rows: Some(1_000.0),
                ..Limits::none()
            },
            Encoding::CopyText,
        );
        let at = Duration::from_millis;
        throttle.spend(&spent(500, 0, 0, 100));
        assert_eq!(throttle.wait(at(100)).map(|w| w.length), Some(at(400)));
        assert_eq!(throttle.wait(at(500)), None);
        throttle.spend(&spent(500, 0, 500, 1_200));
        assert_eq!(throttle.wait(at(1_200)), None);
    }

    fn of_log(wal: u64) -> Pressure {
        Pressure {
            wal: Some(wal),
            ..Pressure::default()
        }
    }

    #[test]
    fn the_log_counts_from_the_second_look_on_where_there_was_a_batch() {
        let mut throttle = Throttle::new(
            Limits {
                wal: Some(1e6),
                ..Limits::none()
            },
            Encoding::CopyText,
        );
        let at = Duration::from_millis;
        assert!(throttle.wants_look(at(10)));
        throttle.look(Some(of_log(7_000_000_000)), at(10));
        assert_eq!(throttle.wait(at(10)), None);
        assert!(!throttle.wants_look(at(500)));
        assert!(throttle.wants_look(at(510)));
        // Somebody else's.
        throttle.look(Some(of_log(7_009_000_000)), at(510));
        assert_eq!(throttle.wait(at(510)), None);
        throttle.spend(&spent(1, 5, 520, 525));
        // A server that says nothing does not make it forgotten.
        throttle.look(None, at(1_010));
        throttle.look(Some(of_log(7_009_800_000)), at(1_510));
        let wait = throttle.wait(at(1_510)).expect("a pause");
        assert_eq!(wait.length, at(300));
        assert!(wait.because.is_some_and(|because| because.contains("log")));
    }

    #[test]
    fn a_purge_goes_on_beside_others_who_write_more_than_it_may() {
        const SECONDS: u64 = 120;
        let mut throttle = Throttle::new(Limits::default(), Encoding::CopyText);
        let mut batches = 0;
        let mut now = 0;
        while now < SECONDS * 1_000 {
            let at = Duration::from_millis(now);
            if throttle.wants_look(at) {
                throttle.look(Some(of_log(1 + now * 20_000)), at);
            }
            if let Some(wait) = throttle.wait(at) {
                let length = u64::try_from(wait.length.as_millis()).expect("short");
                now += length.max(1);
            } else {
                throttle.spend(&spent(400, 8, now, now + 10));
                batches += 1;
                now += 10;
            }
        }
        assert!(batches > SECONDS / 6, "{batches} batches");
    }

    #[test]
    fn a_pressed_server_is_waited_for_by_name() {
        let late = Pressure {
            replica_seconds: Some(12.0),
            ..Pressure::default()
        };
        let mut throttle = Throttle::new(Limits::default(), Encoding::CopyText);
        throttle.look(Some(late.clone()), Duration::ZERO);
        let wait = throttle.wait(Duration::ZERO).expect("a pause");
        assert_eq!(wait.because.as_deref(), Some("replica 12.0 s behind"));
        let mut throttle = Throttle::new(Limits::none(), Encoding::CopyText);
        assert!(!throttle.wants_look(Duration::from_secs(9)));
        throttle.look(Some(late), Duration::ZERO);
        assert!(throttle.wait(Duration::ZERO).is_none());
    }
}
