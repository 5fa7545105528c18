//! The 120 days before the demo starts.

use crate::core::instant::Micros;
use crate::demo::calendar::{BIN, Calendar};
use crate::demo::material::Material;
use crate::demo::scene::Cast;
use crate::demo::{DemoRow, Plan, hostile};

/// Of this many events one is the bot's.
const BOT_SHARE: u64 = 6;

/// Of this many requests one never ended: its process died.
const CRASHES: u32 = 2_500;

/// How long it takes until the poller has handed a row to the sinks.
const POLL: i64 = 12 * Micros::SECOND;

/// The rows of a [`Plan`], oldest first; never later than its `now`.
#[derive(Debug)]
pub struct History {
    plan: Plan,
    start: i64,
    cast: Cast,
    /// Traffic up to the end of each bin.
    cumulated: Vec<f64>,
    bin: usize,
    people: Lane,
    bot: Lane,
    made: u64,
}

/// One of the two streams that are merged.
#[derive(Debug)]
struct Lane {
    events: u64,
    made: u64,
    next: Option<Micros>,
}

impl History {
    /// Begins a history.
    pub fn new(plan: Plan) -> Self {
        let calendar = Calendar::new(plan.now);
        let bot = plan.events / BOT_SHARE;
        let lane = |events| Lane {
            events,
            made: 0,
            next: None,
        };
        let mut history = Self {
            plan,
            start: calendar.start(),
            cast: Cast::new(calendar, plan.seed),
            cumulated: calendar.cumulated(&Material::get().people.persons, plan.seed),
            bin: 0,
            people: lane(plan.events - bot),
            bot: lane(bot),
            made: 0,
        };
        history.people.next = history.next_person();
        history.bot.next = history.next_bot();
        history
    }

    /// Evenly over the traffic, a little uneven within it; ascending.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "counts are far below 2^52, and a place within ten minutes fits an i64"
    )]
    fn next_person(&mut self) -> Option<Micros> {
        if self.people.made == self.people.events {
            return None;
        }
        let total = self.cumulated.last().copied().unwrap_or(1.0);
        let place = self.people.made as f64 + self.cast.rng().f64();
        let wanted = place / self.people.events as f64 * total;
        while self.bin + 1 < self.cumulated.len() && self.cumulated[self.bin] <= wanted {
            self.bin += 1;
        }
        let before = self
            .bin
            .checked_sub(1)
            .map_or(0.0, |bin| self.cumulated[bin]);
        let width = self.cumulated[self.bin] - before;
        let within = ((wanted - before) / width).clamp(0.0, 1.0) * BIN as f64;
        let at = self.start + self.bin as i64 * BIN + within as i64;
        self.people.made += 1;
        Some(Micros(at.min(self.plan.now.0)))
    }

    /// At regular intervals.
    fn next_bot(&mut self) -> Option<Micros> {
        if self.bot.made == self.bot.events {
            return None;
        }
        let span = i128::from(self.plan.now.0 - self.start);
        let place = i128::from(self.bot.made * 2 + 1) * span / i128::from(self.bot.events * 2);
        self.bot.made += 1;
        Some(Micros(self.start + i64::try_from(place).unwrap_or(0)))
    }

    /// Which hostile row stands at this place: they are spread evenly, the last one near the end.
    fn hostile(&self, place: u64) -> Option<u64> {
        const FROM_END: u64 = 25;
        let rows = self.plan.events.checked_sub(FROM_END)?;
        let step = rows / hostile::ROWS;
        (step > 0 && place <= rows && (rows - place).is_multiple_of(step))
            .then(|| (rows - place) / step)
            .filter(|row| *row < hostile::ROWS)
    }
}

impl Iterator for History {
    type Item = DemoRow;

    fn next(&mut self) -> Option<DemoRow> {
        let bots_turn = match (self.people.next, self.bot.next) {
            (Some(person), Some(bot)) => bot < person,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (None, None) => return None,
        };
        let (at, act) = if bots_turn {
            let at = self.bot.next?;
            self.bot.next = self.next_bot();
            (at, self.cast.bot())
        } else {
            let at = self.people.next?;
            self.people.next = self.next_person();
            (at, self.cast.act(at))
        };
        let age = self.plan.now.0 - at.0;
        let place = self.made;
        self.made += 1;
        let crashed = self.cast.rng().u32(0..CRASHES) == 0;
        let details = if let Some(row) = self.hostile(place) {
            hostile::details(row)
        } else if crashed || age < act.latency {
            act.pending()
        } else {
            act.finished()
        };
        Some(DemoRow {
            occurred_at: at,
            details,
            sent: age > POLL,
        })
    }
}
