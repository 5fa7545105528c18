//! What was asked of the store, and how far the answer is: the filter as it runs, pages, counts.
//!
//! The filter as it is being typed is `filter_bar`; the two differ while the text is not valid.

use std::sync::Arc;
use std::time::Duration;

use crate::app::brush::Brush;
use crate::app::histogram::{Counting, Histogram};
use crate::app::paging::{End, Paging};
use crate::app::timeline::Follow;
use crate::app::{App, Effect, Focus, Generation, Live, Page};
use crate::core::aggregate::even_edges;
use crate::core::event::Event;
use crate::core::instant::Micros;
use crate::core::query::parse::parse;
use crate::core::query::predicate::Predicate;
use crate::core::query::resolve::resolve;
use crate::store::{Count, PayloadNeed, TailFrom, TailRequest};

/// A pause in typing after which a filter runs.
pub(super) const PAUSE: Duration = Duration::from_millis(150);

/// A tail that says nothing for so long is late: a healthy one polls more often.
const NOTICED: Duration = Duration::from_secs(2);

/// The lag of a silent tail is drawn in these steps, at first and later.
const CLOSELY: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(5);

/// How long at first is, in microseconds.
const CLOSE_WATCH: i64 = 20 * Micros::SECOND;

/// A tail begins this long ago, so that nothing falls between it and the first page; what both
/// bring is one event by its id.
const TAIL_OVERLAP: i64 = 5 * Micros::SECOND;

/// Buckets while no histogram is on the screen: few, so that what is rare stands out among them.
const BUCKETS: usize = 60;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The filter's text, as it ran.
    pub text: String,
    /// What it means.
    pub predicate: Arc<Predicate>,
    /// Whether a page is being loaded.
    pub paging: Paging,
    /// How long the first page took.
    pub took: Option<Duration>,
    /// How many events match.
    pub count: Option<Count>,
    /// The window of a new question replaces the former one when its first answer is there.
    pub(super) reset: Option<End>,
    /// Events that came while a page forward was being loaded: that page may lack them.
    pub(super) arrived: u64,
    /// When it was asked, by the store's clock.
    pub(super) asked: Micros,
    pub(super) span: Option<(Micros, Micros)>,
    /// The event around which a window begins.
    pub(super) anchor: Option<Box<Event>>,
    pub(super) opening: Generation,
    pub(super) groups: Generation,
    pub(super) catalog: Generation,
    pub(super) page: Generation,
    pub(super) histogram: Generation,
    pub(super) counting: Generation,
    pub(super) spanning: Generation,
    pub(super) tail: Generation,
    pub(super) fetch: Generation,
    pub(super) explain: Generation,
    pub(super) pause: Generation,
    pub(super) watch: Generation,
    /// When the tail is begun again.
    pub(super) retry: Generation,
}

impl Default for Question {
    fn default() -> Self {
        let none = Generation::default();
        Self {
            text: String::new(),
            predicate: Arc::new(Predicate::All),
            paging: Paging::Idle,
            took: None,
            count: None,
            reset: None,
            arrived: 0,
            asked: Micros(0),
            span: None,
            anchor: None,
            opening: none,
            groups: none,
            catalog: none,
            page: none,
            histogram: none,
            counting: none,
            spanning: none,
            tail: none,
            fetch: none,
            explain: none,
            pause: none,
            watch: none,
            retry: none,
        }
    }
}

impl Question {
    /// The first instant of the log, where that was looked up.
    pub fn begin(&self) -> Option<Micros> {
        self.span.map(|(first, _)| first)
    }

    /// Whether the store is at work on a page.
    pub fn is_loading(&self) -> bool {
        matches!(self.paging, Paging::Running { .. })
    }

    /// Whether a number of events is still to come.
    pub fn is_counting(&self) -> bool {
        self.count.is_none() && self.counting != Generation::default()
    }
}

impl App {
    /// Whether the rows on the screen answer another question than the filter's line asks.
    pub fn shows_previous(&self) -> bool {
        self.filter.is_invalid() || self.question.reset.is_some()
    }

    /// Reads the filter's text again, after each change of it; a valid one runs after a pause.
    pub(super) fn filter_changed(&mut self) -> Vec<Effect> {
        self.filter.judge(&self.catalog, self.moment());
        let generation = self.next();
        self.question.pause = generation;
        vec![Effect::Wait(generation, PAUSE)]
    }

    pub(super) fn waited(&mut self, generation: Generation) -> Vec<Effect> {
        if generation == self.question.pause {
            self.run_filter()
        } else if generation == self.facets.pause {
            self.facets_waited()
        } else if generation == self.question.watch {
            // The lag has grown: that is worth a frame, and another look later.
            let silent = self.clock.0.saturating_sub(self.heard.0);
            let next = if silent < CLOSE_WATCH {
                CLOSELY
            } else {
                SELDOM
            };
            vec![self.watch(next)]
        } else if generation == self.question.retry {
            self.begin_tail()
        } else {
            Vec::new()
        }
    }

    /// The tail has said something, or begins: only its silence makes another frame.
    pub(super) fn heard(&mut self) -> Effect {
        self.heard = self.clock;
        self.watch(NOTICED)
    }

    fn watch(&mut self, after: Duration) -> Effect {
        let generation = self.next();
        self.question.watch = generation;
        Effect::Watch(generation, after)
    }

    /// Nothing is expected of the tail any more.
    pub(super) fn unwatch(&mut self) {
        self.question.watch = self.next();
    }

    /// Runs the filter if it is valid and another one than the running one.
    pub(super) fn run_filter(&mut self) -> Vec<Effect> {
        if self.filter.text().trim() == self.question.text {
            return Vec::new();
        }
        self.ask()
    }

    /// Puts a text into the filter, runs it and remembers it.
    pub(super) fn set_filter(&mut self, text: &str) -> Vec<Effect> {
        self.set_filter_from(text, self.page)
    }

    /// The same, coming from a page.
    pub(super) fn set_filter_from(&mut self, text: &str, page: Page) -> Vec<Effect> {
        self.step_with(text, page);
        let mut effects = self.remember();
        effects.extend(self.run_filter());
        effects
    }

    /// Puts a text into the filter and runs it; a step on the way, which nobody looks for later.
    pub(super) fn pass_filter(&mut self, text: &str) -> Vec<Effect> {
        self.step_with(text, self.page);
        self.run_filter()
    }

    fn step_with(&mut self, text: &str, page: Page) {
        // What was typed before is left, too.
        self.step_to(page);
        self.filter.set(text);
        self.filter.judge(&self.catalog, self.moment());
        self.step_to(page);
    }

    /// Keeps the filter in the history if it is valid.
    pub(super) fn remember(&mut self) -> Vec<Effect> {
        self.step_to(self.page);
        let text = self.filter.text().trim().to_owned();
        if !self.filter.is_invalid() && self.filter.history.add(&text) {
            vec![Effect::Remember(text)]
        } else {
            Vec::new()
        }
    }

    /// Runs the filter with a window around an event.
    pub(super) fn ask_around(&mut self, anchor: Box<Event>) -> Vec<Effect> {
        self.timeline.pause();
        self.ask_from(Some(anchor))
    }

    /// Asks the store the filter's question, from now.
    pub(super) fn ask(&mut self) -> Vec<Effect> {
        self.ask_from(None)
    }

    fn ask_from(&mut self, anchor: Option<Box<Event>>) -> Vec<Effect> {
        if self.description().is_none() {
            return Vec::new();
        }
        self.filter.judge(&self.catalog, self.moment());
        let Some(predicate) = self.filter.predicate().cloned() else {
            return Vec::new();
        };
        self.leave_window();
        self.filter
            .text()
            .trim()
            .clone_into(&mut self.question.text);
        self.run(predicate, anchor)
    }

    /// Asks the running question again, from now; what is being typed stays as it is.
    pub(super) fn ask_again(&mut self) -> Vec<Effect> {
        let parsed = parse(&self.question.text);
        let again = resolve(&parsed, &self.catalog, self.moment()).predicate;
        let predicate = again.map_or_else(|| self.question.predicate.clone(), Arc::new);
        self.run(predicate, None)
    }

    fn run(&mut self, predicate: Arc<Predicate>, anchor: Option<Box<Event>>) -> Vec<Effect> {
        if self.description().is_none() {
            return Vec::new();
        }
        self.question.predicate = predicate;
        self.forget_anchor();
        // Another picture.
        self.brush = Brush::default();
        if self.focus == Focus::Contrast {
            // What was compared are other events.
            self.focus = Focus::List;
        }
        self.question.took = None;
        self.question.count = None;
        self.question.asked = self.now();
        let mut effects = self.follow_question();
        self.question.anchor = anchor;
        let begin = match self.question.anchor {
            Some(_) => End::Around,
            None => End::Newest,
        };
        effects.push(self.page(begin));
        effects.push(self.count());
        effects.extend(self.draw_over_time());
        if self.page == Page::Usage {
            effects.extend(self.begin_usage());
        }
        effects.extend(self.count_anew());
        effects
    }

    fn follow_question(&mut self) -> Vec<Effect> {
        let (_, until) = self.question.predicate.time_bounds();
        // Nobody waits any more to follow the former question again.
        self.question.retry = self.next();
        self.complete = None;
        if self.is_archive() || until.is_some_and(|until| until <= self.now()) {
            self.live = Live::Off;
            // What the former tail still says is about the former filter.
            self.question.tail = self.next();
            self.unwatch();
            return vec![Effect::StopTail];
        }
        self.live = Live::Starting;
        self.begin_tail()
    }

    /// Follows from where nothing was missed.
    fn begin_tail(&mut self) -> Vec<Effect> {
        let generation = self.next();
        self.question.tail = generation;
        let known = self.complete.as_ref();
        let since = known.map_or(self.question.asked, |complete| complete.to);
        let request = TailRequest {
            predicate: self.question.predicate.clone(),
            from: TailFrom::Since(since.plus(-TAIL_OVERLAP)),
            resume: None,
            payload: PayloadNeed::Head,
        };
        vec![Effect::Tail(generation, request), self.heard()]
    }

    pub(super) fn count(&mut self) -> Effect {
        let generation = self.next();
        self.question.counting = generation;
        Effect::Count(generation, self.question.predicate.clone())
    }

    /// Asks for the histogram; for the range of the data first when the filter does not bound it.
    pub(super) fn draw_over_time(&mut self) -> Vec<Effect> {
        let (since, until) = self.question.predicate.time_bounds();
        if since.is_none() && self.question.span.is_none() {
            let generation = self.next();
            self.question.spanning = generation;
            self.histogram.counting = Counting::Waiting;
            return vec![Effect::Span(generation)];
        }
        let now = self.now();
        let (first, last) = self.question.span.unwrap_or((now, now));
        let since = since.unwrap_or(first);
        // A log that ended long ago would be a speck beside the time since.
        let current = now.0.saturating_sub(last.0) <= last.0.saturating_sub(first.0);
        let end = if current {
            now.max(last.plus(1))
        } else {
            last.plus(1)
        };
        let until = until.unwrap_or(end);
        if since >= until {
            self.histogram = Histogram::default();
            self.histogram.counting = Counting::Done;
            return Vec::new();
        }
        let most = match usize::from(self.regions.histogram.width) {
            0 => BUCKETS,
            // Widths come from a ladder with large steps; two buckets may share a column.
            width => 2 * width,
        };
        self.histogram = Histogram::new(even_edges(since, until, most));
        let generation = self.next();
        self.question.histogram = generation;
        let request = self.histogram.request(self.question.predicate.clone());
        vec![Effect::Histogram(generation, request)]
    }

    pub(super) fn spanned(&mut self, span: Option<(Micros, Micros)>) -> Vec<Effect> {
        let now = self.now();
        self.question.span = Some(span.unwrap_or((now, now)));
        let mut effects = self.draw_over_time();
        effects.extend(self.report_anew());
        effects.extend(self.ask_for_panel());
        effects
    }

    /// Stops what the store is working on for the screen. Gives `None` when it is doing nothing.
    pub(super) fn stop_query(&mut self) -> Option<Vec<Effect>> {
        let counting = matches!(
            self.histogram.counting,
            Counting::Waiting | Counting::Partial(_)
        );
        let Paging::Running { progress, .. } = self.question.paging else {
            if !counting || self.description().is_none() {
                return None;
            }
            self.histogram.counting = Counting::Stopped;
            return Some(self.forget_query());
        };
        self.begin_window();
        self.question.paging = Paging::Stopped(progress);
        if counting {
            self.histogram.counting = Counting::Stopped;
        }
        Some(self.forget_query())
    }

    fn forget_query(&mut self) -> Vec<Effect> {
        let nobody = self.next();
        self.question.page = nobody;
        self.question.histogram = nobody;
        self.question.counting = Generation::default();
        self.question.spanning = nobody;
        vec![Effect::StopQuery]
    }

    /// Whether the newest event is shown and stays so.
    pub fn is_following(&self) -> bool {
        self.timeline.follow() == Follow::Following
    }
}
