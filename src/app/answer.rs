//! What stores answer, taken in. Answers to questions that nobody asks any more are dropped here.

use std::sync::Arc;
use std::time::Duration;

use crate::app::archives::Known;
use crate::app::contrast::Reading;
use crate::app::dialog::steps::Proposal;
use crate::app::facets::facet::Counted;
use crate::app::histogram::{Counting, Histogram};
use crate::app::inquiry::Told;
use crate::app::inspector::{Body, Tree};
use crate::app::notice::Level;
use crate::app::overlay::{Overlay, Reader};
use crate::app::paging::{End, Paging};
use crate::app::question::Question;
use crate::app::timeline::{Edge, Gap};
use crate::app::work::Tidings;
use crate::app::{App, Connection, Effect, Generation, Live};
use crate::core::aggregate::Group;
use crate::core::event::Event;
use crate::core::group::Groups;
use crate::core::instant::Micros;
use crate::core::json::JsonError;
use crate::core::query::catalog::Catalog;
use crate::purge::fault::Fault;
use crate::store::{
    AggregateItem, Change, Count, Description, Explanation, PageEnd, PageItem, StoreError,
    TailEvent, TailItem,
};

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// The store is open; what it is, and its own clock minus ours where it could be asked.
    Opened(Arc<Description>, Option<i64>),
    /// It could not be opened.
    NotOpened(StoreError),
    /// Who is in which group, as the store itself says; `None` where it has no other tables.
    Groups(Result<Option<Arc<Groups>>, StoreError>),
    /// Names and values.
    Catalog(Result<Box<Catalog>, StoreError>),
    /// Part of a page.
    Page(PageItem),
    /// A page has ended, after this long.
    PageEnd(Result<PageEnd, StoreError>, Duration),
    /// Part of a histogram.
    Counts(AggregateItem),
    /// A histogram.
    CountsEnd(Result<Vec<Group>, StoreError>),
    /// Part of a part of a report.
    Usage(AggregateItem),
    /// What is known of a report that is read from events.
    UsageSoFar(Box<crate::core::usage::answer::Answer>),
    /// A part of a report, or all of it.
    UsageEnd(Result<crate::app::usage::Reply, StoreError>),
    /// What was found out about an event.
    Inquiry(Told),
    /// How far a facet is.
    Facet(AggregateItem),
    /// The values of a facet.
    FacetEnd(Result<Counted, StoreError>),
    /// What is different, as far as it is known.
    Contrast(Box<Reading>),
    /// The comparison has ended.
    ContrastEnd(Result<(), StoreError>),
    /// A number of events.
    Count(Result<Count, StoreError>),
    /// First and last instant.
    Span(Result<Option<(Micros, Micros)>, StoreError>),
    /// Part of a tail.
    Tail(TailItem),
    /// A tail has ended.
    TailEnd(Result<(), StoreError>),
    /// A whole record.
    Record(Result<Option<Box<Fetched>>, StoreError>),
    /// How a filter would be answered.
    Explained(Result<Explanation, StoreError>),
    /// What a purge would do.
    Surveyed(Result<Box<Proposal>, Fault>),
    /// Events over time, from the first to now.
    Overview(Result<Histogram, StoreError>),
    /// Of the work on a purge.
    Work(Tidings),
    /// The archives that are known.
    Archives(Vec<Known>),
}

/// An event with its whole record, taken apart where the loop is not held up by it.
#[derive(Debug)]
pub struct Fetched {
    /// The event as it is now.
    pub event: Event,
    /// Its record.
    pub tree: Result<Tree, JsonError>,
}

/// A tail that was silent for so long, in microseconds, has been drawn as late.
const LATE: i64 = 2 * Micros::SECOND;

impl Question {
    /// Whose answers of this kind are still wanted; `None` where that is not a question's affair.
    fn awaits(&self, answer: &Answer) -> Option<Generation> {
        Some(match answer {
            Answer::Opened(..) | Answer::NotOpened(_) => self.opening,
            Answer::Groups(_) => self.groups,
            Answer::Catalog(_) => self.catalog,
            Answer::Page(_) | Answer::PageEnd(..) => self.page,
            Answer::Counts(_) | Answer::CountsEnd(_) => self.histogram,
            Answer::Count(_) => self.counting,
            Answer::Span(_) => self.spanning,
            Answer::Tail(_) | Answer::TailEnd(_) => self.tail,
            Answer::Record(_) => self.fetch,
            Answer::Explained(_) => self.explain,
            // Others wait for those.
            _ => return None,
        })
    }
}

impl App {
    pub(super) fn answer(&mut self, generation: Generation, answer: Answer) -> Vec<Effect> {
        if self.awaits(&answer) != Some(generation) {
            return Vec::new();
        }
        match answer {
            Answer::Opened(description, skew) => self.opened(description, skew),
            Answer::Groups(result) => self.told_groups(result),
            Answer::NotOpened(error) => {
                self.connection = Connection::Failed(error);
                Vec::new()
            }
            Answer::Catalog(result) => self.learned(result),
            Answer::Page(item) => self.page_item(item),
            Answer::PageEnd(result, took) => self.page_ended(result, took),
            Answer::Counts(AggregateItem::Partial(groups, progress)) => {
                let counting = Counting::Partial(progress.fraction);
                self.histogram.fill(&groups, counting);
                Vec::new()
            }
            Answer::CountsEnd(result) => self.counts_ended(result),
            Answer::Usage(AggregateItem::Partial(groups, _)) => self.usage_partly(groups),
            Answer::UsageSoFar(answer) => self.usage_so_far(*answer),
            Answer::UsageEnd(result) => self.usage_told(result),
            Answer::Inquiry(told) => self.inquiry_told(told),
            Answer::Facet(item) => self.facet_partly(&item),
            Answer::FacetEnd(result) => self.facet_told(result),
            Answer::Contrast(reading) => self.told_differences(*reading),
            Answer::ContrastEnd(result) => self.differences_ended(result),
            Answer::Count(result) => self.count_told(result),
            Answer::Span(Ok(span)) => self.spanned(span),
            Answer::Span(Err(error)) => self.counts_ended(Err(error)),
            Answer::Tail(item) => {
                let watch = self.heard();
                let mut effects = self.tail_item(item);
                effects.push(watch);
                effects
            }
            Answer::TailEnd(result) => self.tail_ended(result),
            Answer::Record(result) => self.fetched(result),
            Answer::Explained(result) => self.explained(result),
            Answer::Surveyed(result) => self.told_survey(result),
            Answer::Overview(result) => self.told_overview(result),
            Answer::Work(tidings) => self.heard_of_work(tidings),
            Answer::Archives(known) => self.listed(known),
        }
    }

    /// Whose answers of this kind are still wanted.
    fn awaits(&self, answer: &Answer) -> Option<Generation> {
        let dialog = self.dialog.as_ref();
        match answer {
            Answer::Surveyed(_) => dialog.map(|dialog| dialog.surveyed),
            Answer::Overview(_) => dialog.map(|dialog| dialog.overviewed),
            Answer::Work(_) => self.work.as_ref().map(|work| work.generation),
            Answer::Archives(_) => Some(self.archives.listed),
            Answer::Usage(_) | Answer::UsageSoFar(_) | Answer::UsageEnd(_) => {
                Some(self.usage.asked)
            }
            Answer::Inquiry(told) => Some(self.inquiry.awaits(told)),
            Answer::Facet(_) | Answer::FacetEnd(_) => Some(self.facets.asked),
            Answer::Contrast(_) | Answer::ContrastEnd(_) => self.contrast_asked(),
            answer => self.question.awaits(answer),
        }
    }

    fn counts_ended(&mut self, result: Result<Vec<Group>, StoreError>) -> Vec<Effect> {
        match result {
            Ok(groups) => {
                self.counted(&groups);
                Vec::new()
            }
            Err(error) => {
                self.histogram.counting = Counting::Failed(error.to_string());
                self.failed(&error)
            }
        }
    }

    fn count_told(&mut self, result: Result<Count, StoreError>) -> Vec<Effect> {
        self.question.counting = Generation::default();
        match result {
            // What was counted event by event is better than any estimate.
            Ok(Count::Estimate(_)) if self.histogram.counting == Counting::Done => Vec::new(),
            Ok(count) => {
                self.question.count = Some(count);
                Vec::new()
            }
            Err(error) => self.failed(&error),
        }
    }

    /// The histogram is complete: its total is the number of events, so that there are not two. It
    /// is exact where the filter asks for a time; otherwise rows without one are missing in it.
    fn counted(&mut self, groups: &[Group]) {
        self.histogram.fill(groups, Counting::Done);
        if matches!(self.question.count, Some(Count::Exact(_))) {
            return;
        }
        let (since, until) = self.question.predicate.time_bounds();
        let count = match since.or(until) {
            Some(_) => Count::Exact,
            None => Count::Estimate,
        };
        self.question.count = Some(count(self.histogram.total()));
    }

    /// Says that something failed; a request that was stopped is no failure.
    pub(super) fn failed(&mut self, error: &StoreError) -> Vec<Effect> {
        if !matches!(error, StoreError::Cancelled) {
            self.notify(
                Level::Error,
                error.to_string(),
                error.hint().map(str::to_owned),
            );
        }
        Vec::new()
    }

    fn page_item(&mut self, item: PageItem) -> Vec<Effect> {
        match item {
            PageItem::Events(events) => {
                self.begin_window();
                let first = self.timeline.is_empty();
                self.columns.measure(&events);
                self.timeline.insert_page(events);
                // Later pieces of the page leave the selection where the user has moved it.
                if let Paging::Running {
                    end: End::Oldest, ..
                } = self.question.paging
                    && first
                {
                    self.timeline.select_oldest();
                }
                self.sync_inspector()
            }
            PageItem::Progress(reached) => {
                self.begin_window();
                if let Paging::Running { progress, .. } = &mut self.question.paging {
                    *progress = Some(reached);
                }
                Vec::new()
            }
        }
    }

    fn page_ended(&mut self, result: Result<PageEnd, StoreError>, took: Duration) -> Vec<Effect> {
        let Paging::Running { end, .. } = self.question.paging else {
            return Vec::new();
        };
        match result {
            Ok(page_end) => {
                self.begin_window();
                self.question.paging = Paging::Idle;
                self.question.took.get_or_insert(took);
                let forward = matches!(end, End::Oldest | End::Newer);
                match (page_end, forward) {
                    (PageEnd::Exhausted, false) => self.timeline.older = Edge::End,
                    // What arrived while the page was read may stand after its last event: read on.
                    (PageEnd::Exhausted, true) if self.question.arrived == 0 => {
                        self.timeline.newer = Edge::End;
                    }
                    _ => {}
                }
                self.load_more()
            }
            Err(error) => {
                // The former window stays until the question gets an answer: the two never mix.
                self.question.paging = Paging::Failed;
                self.failed(&error)
            }
        }
    }

    /// A message of the tail that changes nothing but how late "complete" is.
    pub(super) fn is_still(&self, item: &TailItem) -> bool {
        match item {
            TailItem::Checkpoint(_) => true,
            TailItem::Events(events) => events.is_empty(),
            TailItem::Complete(complete) => {
                let known = self.complete.as_ref();
                // After a silence the screen shows a lag that is over.
                let late = self.clock.0.saturating_sub(self.heard.0) >= LATE;
                !late
                    && self.live == Live::On
                    && known.is_some_and(|known| known.level == complete.level)
            }
            _ => false,
        }
    }

    fn tail_item(&mut self, item: TailItem) -> Vec<Effect> {
        match item {
            TailItem::Events(events) => return self.tailed(events),
            TailItem::Complete(complete) => {
                let before = std::mem::replace(&mut self.live, Live::On);
                self.complete = Some(complete);
                if matches!(before, Live::Reconnecting { .. }) {
                    self.say_connected();
                    return self.recover();
                }
            }
            TailItem::Checkpoint(_) => {}
            TailItem::Reconnecting { attempt, error, .. } => {
                if attempt == 1 {
                    self.notify(Level::Error, error.clone(), None);
                }
                self.live = Live::Reconnecting { attempt, error };
            }
            TailItem::Reconnected => {
                self.live = Live::On;
                self.say_connected();
                return self.recover();
            }
            TailItem::Gap { from, to, because } => {
                self.timeline.insert_gap(Gap { from, to, because });
            }
        }
        Vec::new()
    }

    fn say_connected(&mut self) {
        let text = "connected again; the overlap is read again, nothing is lost";
        self.notify(Level::Info, text, None);
    }

    fn tailed(&mut self, events: Vec<TailEvent>) -> Vec<Effect> {
        for TailEvent { change, event } in &events {
            let known = self.timeline.find(&event.id);
            match (event.at().instant(), change, known) {
                (at, Change::New, None) if self.is_news(event) => {
                    if let Some(at) = at {
                        self.histogram.add(at, event.outcome);
                    }
                    if let Some(Count::Exact(count) | Count::Estimate(count)) =
                        &mut self.question.count
                    {
                        *count += 1;
                    }
                }
                (Some(at), Change::Update, Some(known)) => {
                    self.histogram.change(at, known.outcome, event.outcome);
                }
                _ => {}
            }
        }
        let open = self.inspector.as_ref().map(|open| open.event.id.clone());
        let changed = events
            .iter()
            .rev()
            .find(|changed| Some(&changed.event.id) == open.as_ref())
            .map(|changed| changed.event.clone());
        // A new question's window begins with its first page, so that the two do not mix.
        if self.question.reset.is_some() {
            self.begin_window();
        }
        self.columns
            .measure(events.iter().map(|tailed| &tailed.event));
        self.question.arrived += self.timeline.insert_tail(events);
        match changed {
            Some(event) => self.inspect(event),
            None => self.sync_inspector(),
        }
    }

    /// Whether an event that is not held has come after what was counted. The tail begins a little
    /// before the question, and what it brings from there was counted already; only a window that
    /// would hold such an event shows that it is late instead.
    fn is_news(&self, event: &Event) -> bool {
        let at = event.at().instant();
        let begun = self.question.took.is_some() && self.question.reset.is_none();
        at.is_some_and(|at| at > self.question.asked)
            || begun && self.timeline.covers(&event.cursor)
    }

    fn fetched(&mut self, result: Result<Option<Box<Fetched>>, StoreError>) -> Vec<Effect> {
        let Some(open) = &mut self.inspector else {
            return Vec::new();
        };
        match result {
            Ok(Some(fetched)) => {
                let Fetched { event, tree } = *fetched;
                match tree {
                    Ok(tree) => open.fill(tree),
                    Err(error) => open.body = Body::not_json(&error, &event.payload.text),
                }
                open.event = event;
            }
            Ok(None) => open.body = Body::Gone,
            Err(error) => open.body = Body::Failed(error.to_string()),
        }
        Vec::new()
    }

    fn explained(&mut self, result: Result<Explanation, StoreError>) -> Vec<Effect> {
        let explanation = match result {
            Ok(explanation) => explanation,
            Err(error) => return self.failed(&error),
        };
        let reader = Reader::explanation(&explanation);
        self.overlays.push(Overlay::Reader(reader));
        Vec::new()
    }
}
