//! Loading the window of events, page by page, at its ends.

use crate::app::timeline::{Edge, Timeline};
use crate::app::{App, Effect};
use crate::core::event::Event;
use crate::store::{PageFrom, PageRequest, PayloadNeed, Progress};

/// Events asked for at once.
const PAGE: usize = 500;

/// The end of the window at which a page is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A new window, from the newest event back.
    Newest,
    /// A new window, from the oldest event forward.
    Oldest,
    /// A new window around the event of [`crate::app::question::Question`], from it back.
    Around,
    /// The old end.
    Older,
    /// The new end.
    Newer,
}

/// Whether a page is being loaded.
#[derive(Clone, Debug, PartialEq)]
pub enum Paging {
    /// No.
    Idle,
    /// Yes.
    Running {
        /// Where.
        end: End,
        /// How far it has looked, where no index helps.
        progress: Option<Progress>,
    },
    /// It was stopped by the user; how far it had looked.
    Stopped(Option<Progress>),
    /// It failed; the sentence is among the notices.
    Failed,
}

impl App {
    /// Begins to load a page at an end of the window.
    pub(super) fn page(&mut self, end: End) -> Effect {
        let generation = self.next();
        self.question.page = generation;
        self.question.arrived = 0;
        self.question.paging = Paging::Running {
            end,
            progress: None,
        };
        if matches!(end, End::Newest | End::Oldest | End::Around) {
            self.question.reset = Some(end);
        }
        let cursor = |event: Option<&Event>| event.map(|e| e.cursor.clone());
        let from = match end {
            End::Newest => PageFrom::Newest,
            End::Oldest => PageFrom::Oldest,
            End::Around => {
                cursor(self.question.anchor.as_deref()).map_or(PageFrom::Newest, PageFrom::Before)
            }
            End::Older => cursor(self.timeline.oldest()).map_or(PageFrom::Newest, PageFrom::Before),
            End::Newer => cursor(self.timeline.newest()).map_or(PageFrom::Oldest, PageFrom::After),
        };
        let request = PageRequest {
            predicate: self.question.predicate.clone(),
            from,
            limit: Some(PAGE),
            payload: PayloadNeed::Head,
        };
        Effect::Page(generation, request)
    }

    /// Replaces the window of the former question by that of the new one, once.
    pub(super) fn begin_window(&mut self) {
        let Some(end) = self.question.reset.take() else {
            return;
        };
        self.timeline = Timeline::default();
        self.columns.forget_widths();
        match (end, self.question.anchor.take()) {
            (End::Oldest, _) => {
                self.timeline.pause();
                self.timeline.older = Edge::End;
                self.timeline.newer = Edge::Open;
            }
            (End::Around, Some(anchor)) => {
                let height = usize::from(self.regions.list.height);
                self.columns.measure([&*anchor]);
                self.timeline.begin_around(*anchor, height / 2);
            }
            _ => {}
        }
    }

    /// Loads the next page when the selection comes near an end of the window.
    pub(super) fn load_more(&mut self) -> Vec<Effect> {
        if self.question.paging != Paging::Idle {
            return Vec::new();
        }
        // The first page of the question has failed, and the user goes on all the same.
        if let Some(end) = self.question.reset {
            return vec![self.page(end)];
        }
        if self.timeline.is_empty() {
            return Vec::new();
        }
        let near = 2 * usize::from(self.regions.list.height.max(10));
        if self.timeline.older == Edge::Open && self.timeline.above() < near {
            return vec![self.page(End::Older)];
        }
        if self.timeline.newer == Edge::Open && self.timeline.below() < near {
            return vec![self.page(End::Newer)];
        }
        Vec::new()
    }

    /// Goes to the newest event of the store and follows.
    pub(super) fn follow_newest(&mut self) -> Vec<Effect> {
        self.forget_anchor();
        match self.question.reset {
            None if self.timeline.newer != Edge::End => vec![self.page(End::Newest)],
            Some(End::Oldest | End::Around) => vec![self.page(End::Newest)],
            _ => {
                self.timeline.resume();
                Vec::new()
            }
        }
    }

    /// Goes to the oldest event of the store.
    pub(super) fn go_to_oldest(&mut self) -> Vec<Effect> {
        // The ends of a window that is about to be replaced say nothing.
        if self.timeline.older == Edge::End && self.question.reset.is_none() {
            self.timeline.select_oldest();
            return Vec::new();
        }
        vec![self.page(End::Oldest)]
    }

    /// A page that was stopped or failed goes on when the user moves on.
    pub(super) fn resume_paging(&mut self) {
        if matches!(self.question.paging, Paging::Stopped(_) | Paging::Failed) {
            self.question.paging = Paging::Idle;
        }
    }
}
