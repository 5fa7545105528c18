//! Reports that are read from events instead of counts: calls, and what errors follow.
//!
//! Does not know what the events say; `core::usage` does.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::core::aggregate::Certainty;
use crate::core::event::{Event, Field};
use crate::core::query::predicate::Predicate;
use crate::core::usage::answer::{Answer, Ranking};
use crate::core::usage::calls::Call;
use crate::core::usage::plan::Window;
use crate::core::usage::sequel::{FEW, MANY, MOST_EVENTS, MOST_FAILURES, Sequels};
use crate::core::usage::trouble::{MOST_FAILURES as MOST_TRACED, Troubles};
use crate::core::usage::{Report, Usage};
use crate::store::{
    PageFrom, PageItem, PageRequest, Parts, PayloadNeed, Progress, Store, StoreError, TimeAccess,
};

/// Pieces of a page under way.
const PIECES: usize = 4;

/// Between two answers that are not whole: often enough to see them grow.
const PAUSE: Duration = Duration::from_millis(250);

/// What is heard of a report while events are read for it.
pub enum Heard {
    /// How far it is.
    Progress(Progress),
    /// What is known so far.
    Answer(Answer),
}

/// What comes by while events are read.
#[derive(Clone, Copy)]
enum Seen<'e> {
    Event(&'e Event),
    Progress(Progress),
    /// Some time has gone by.
    Pause,
}

/// Whether answers are heard that are not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// They are.
    Parts,
    /// The whole alone, and how far it is.
    Whole,
}

/// Makes a report that [`Report::is_read`]; `tell` hears how far that is, and what is known.
pub async fn report(
    store: &dyn Store,
    usage: &Usage,
    stop: &CancellationToken,
    hearing: Hearing,
    tell: &mut (dyn FnMut(Heard) + Send),
) -> Result<Answer, StoreError> {
    let reader = Reader {
        store,
        stop,
        hearing,
    };
    match usage.report {
        Report::Calls => reader.calls(usage, tell).await,
        Report::Traces => reader.traces(usage, tell).await,
        _ => reader.followed(usage, tell).await,
    }
}

struct Reader<'r> {
    store: &'r dyn Store,
    stop: &'r CancellationToken,
    hearing: Hearing,
}

/// Events to be read.
struct Wanted {
    predicate: Predicate,
    from: PageFrom,
    limit: usize,
    payload: PayloadNeed,
}

impl Wanted {
    /// The newest: one beyond `most` tells that there are more.
    fn newest(predicate: Predicate, most: usize, payload: PayloadNeed) -> Self {
        Self {
            predicate,
            from: PageFrom::Newest,
            limit: most.saturating_add(1),
            payload,
        }
    }
}

fn progress(seen: Seen<'_>, tell: &mut (dyn FnMut(Heard) + Send)) -> ControlFlow<()> {
    if let Seen::Progress(step) = seen {
        tell(Heard::Progress(step));
    }
    ControlFlow::Continue(())
}

impl Reader<'_> {
    /// The newest calls.
    async fn calls(
        &self,
        usage: &Usage,
        tell: &mut (dyn FnMut(Heard) + Send),
    ) -> Result<Answer, StoreError> {
        let profile = Arc::clone(&self.store.description().profile);
        let mut ranking = Ranking {
            rows: Vec::new(),
            total: 0,
            certainty: Certainty::Exact,
        };
        let visit = |seen: Seen<'_>| {
            match seen {
                Seen::Event(event) => {
                    ranking.total += 1;
                    if ranking.rows.len() < usage.top {
                        ranking.rows.push(Call::of(event, &profile));
                    }
                }
                Seen::Progress(step) => tell(Heard::Progress(step)),
                Seen::Pause => tell(Heard::Answer(Answer::Calls(ranking.clone()))),
            }
            ControlFlow::Continue(())
        };
        let wanted = Wanted::newest(usage.listed(), usage.top, PayloadNeed::Whole);
        self.read(wanted, visit).await?;
        Ok(Answer::Calls(ranking))
    }

    /// Which actions errors follow.
    async fn followed(
        &self,
        usage: &Usage,
        tell: &mut (dyn FnMut(Heard) + Send),
    ) -> Result<Answer, StoreError> {
        let mut sequels = Sequels::default();
        if !usage.can_follow() {
            return Ok(Answer::followed(usage, &sequels));
        }
        let who = Parts::default().with(Field::Actor).with(Field::Session);
        let need = PayloadNeed::Only(who.with(Field::Action));
        let (mut from, mut limit) = match self.store.description().time {
            TimeAccess::Direct => (PageFrom::Newest, FEW),
            // Each time every row would be looked at.
            TimeAccess::Scan => (PageFrom::Newest, MOST_EVENTS + 1),
        };
        loop {
            let (mut seen, mut last) = (0, None);
            let events = Wanted {
                predicate: usage.listed(),
                from,
                limit,
                payload: need,
            };
            self.read(events, |one| match one {
                Seen::Event(event) => {
                    seen += 1;
                    last = Some(event.cursor.clone());
                    sequels.hold(event)
                }
                other => progress(other, tell),
            })
            .await?;
            while let Some(stretch) = sequels.stretch() {
                let failures = Usage::failures_after(stretch);
                let failures = Wanted::newest(failures, MOST_FAILURES, need);
                self.read(failures, |one| match one {
                    Seen::Event(event) => sequels.fail(event),
                    other => progress(other, tell),
                })
                .await?;
                sequels.judge();
            }
            let Some(last) = last.filter(|_| seen >= limit && !sequels.are_over()) else {
                return Ok(Answer::followed(usage, &sequels));
            };
            if self.hearing == Hearing::Parts {
                tell(Heard::Answer(Answer::followed(usage, &sequels)));
            }
            (from, limit) = (PageFrom::Before(last), MANY.min(4 * limit));
        }
    }

    /// Failures by what they said and where it happened, beside those of the range before.
    async fn traces(
        &self,
        usage: &Usage,
        tell: &mut (dyn FnMut(Heard) + Send),
    ) -> Result<Answer, StoreError> {
        let mut troubles = Troubles::default();
        if usage.has_outcomes() {
            for window in [Window::Range, Window::Before] {
                // Where it happened may stand at the end of a long record.
                let failures = usage.failures(window);
                let failures = Wanted::newest(failures, MOST_TRACED, PayloadNeed::Whole);
                self.read(failures, |seen| {
                    match seen {
                        Seen::Event(event) => return troubles.take(event, window),
                        Seen::Progress(step) => tell(Heard::Progress(step)),
                        Seen::Pause => {
                            let known = Answer::troubles(usage, troubles.so_far());
                            tell(Heard::Answer(known));
                        }
                    }
                    ControlFlow::Continue(())
                })
                .await?;
            }
        }
        Ok(Answer::troubles(usage, troubles.answer()))
    }

    /// Reads events, newest first, until there is nothing more, or nobody wants more.
    async fn read(
        &self,
        wanted: Wanted,
        mut visit: impl FnMut(Seen<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (out, items) = mpsc::channel(PIECES);
        let request = PageRequest {
            predicate: Arc::new(wanted.predicate),
            from: wanted.from,
            limit: Some(wanted.limit),
            payload: wanted.payload,
        };
        let visiting = async {
            // Dropped at the end: the store stops when nobody listens.
            let mut items = items;
            let mut paused = Instant::now();
            while let Some(item) = items.recv().await {
                match item {
                    PageItem::Events(events) => {
                        for event in &events {
                            visit(Seen::Event(event))?;
                        }
                    }
                    PageItem::Progress(step) => visit(Seen::Progress(step))?,
                }
                if self.hearing == Hearing::Parts && paused.elapsed() >= PAUSE {
                    paused = Instant::now();
                    visit(Seen::Pause)?;
                }
            }
            ControlFlow::Continue(())
        };
        let page = self.store.page(request, out, self.stop);
        let (end, visited) = tokio::join!(page, visiting);
        match end {
            Err(StoreError::Cancelled) if visited.is_break() && !self.stop.is_cancelled() => Ok(()),
            end => end.map(|_| ()),
        }
    }
}
