//! What happens while somebody watches.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fastrand::Rng;

use crate::core::instant::Micros;
use crate::demo::calendar::Calendar;
use crate::demo::scene::Cast;
use crate::demo::{DemoAction, DemoRow, Ticket};

/// The poller's tick.
const POLL: i64 = 12 * Micros::SECOND;

/// After a longer sleep of the machine the past is not made up for.
const FORGOTTEN: i64 = 30 * Micros::SECOND;

/// Of this many requests one never ends: its process died.
const CRASHES: u32 = 200;

/// What happens while somebody watches: a few events a second, most of them pending first, updated
/// 0.3 to 4 s later, and marked `sent` at the poller's next tick.
#[derive(Debug)]
pub struct Live {
    cast: Cast,
    rng: Rng,
    /// Microseconds between two requests on average; `None` when there are none.
    gap: Option<f64>,
    next_request: Micros,
    waiting: BinaryHeap<Reverse<Waiting>>,
    tickets: u64,
}

/// An action and when it is due; the place keeps equal instants in order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Micros,
    place: (Ticket, u8),
    action: Later,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Later {
    Finish { patch: String, details: String },
    Send,
}

impl Live {
    /// Begins at `now`, with `rate` new requests a second on average; none at all when the rate is
    /// not above zero.
    pub fn new(seed: u64, rate: f64, now: Micros) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a million")]
        let gap = (rate > 0.0).then(|| Micros::SECOND as f64 / rate);
        let mut live = Self {
            cast: Cast::new(Calendar::new(now), seed.rotate_left(17)),
            rng: Rng::with_seed(!seed),
            gap,
            next_request: now,
            waiting: BinaryHeap::new(),
            tickets: 0,
        };
        live.schedule(now);
        live
    }

    /// When the next action is due; at the end of time when there is none.
    pub fn due(&self) -> Micros {
        self.waiting
            .peek()
            .map_or(self.next_request, |Reverse(first)| {
                first.due.min(self.next_request)
            })
    }

    /// What was due at or before `now`, in order of time.
    pub fn take(&mut self, now: Micros) -> Vec<DemoAction> {
        if self.gap.is_some() && now.0.saturating_sub(self.next_request.0) > FORGOTTEN {
            self.next_request = now;
        }
        let mut actions = Vec::new();
        while self.due() <= now {
            let first = self.waiting.peek().map(|Reverse(first)| first.due);
            if first.is_some_and(|due| due <= self.next_request) {
                if let Some(Reverse(waiting)) = self.waiting.pop() {
                    let ticket = waiting.place.0;
                    actions.push(match waiting.action {
                        Later::Finish { patch, details } => DemoAction::Update {
                            ticket,
                            patch,
                            details,
                        },
                        Later::Send => DemoAction::Sent { ticket },
                    });
                }
            } else {
                let at = self.next_request;
                actions.push(self.request(at));
                self.schedule(at);
            }
        }
        actions
    }

    /// Waits an exponentially distributed while, as independent people do.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "float to integer casts stay within the range"
    )]
    fn schedule(&mut self, after: Micros) {
        self.next_request = match self.gap {
            Some(gap) => {
                let wait = -(1.0 - self.rng.f64()).ln() * gap;
                after.plus((wait as i64).max(1))
            }
            None => Micros(i64::MAX),
        };
    }

    fn request(&mut self, at: Micros) -> DemoAction {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        let act = self.cast.act(at);
        // What was over at once is written in one piece, as some of Clutch's modules do.
        let at_once = self.rng.u8(0..10) < 3;
        let latency = 300_000 + act.latency.min(3_700_000);
        let mut finished = at;
        if !at_once && self.rng.u32(0..CRASHES) > 0 {
            finished = at.plus(latency);
            self.waiting.push(Reverse(Waiting {
                due: finished,
                place: (ticket, 0),
                action: Later::Finish {
                    patch: act.patch(),
                    details: act.finished(),
                },
            }));
        }
        self.waiting.push(Reverse(Waiting {
            due: Micros((finished.0.div_euclid(POLL) + 1).saturating_mul(POLL)),
            place: (ticket, 1),
            action: Later::Send,
        }));
        DemoAction::Insert {
            ticket,
            row: DemoRow {
                occurred_at: at,
                details: if at_once {
                    act.finished()
                } else {
                    act.pending()
                },
                sent: false,
            },
        }
    }
}
