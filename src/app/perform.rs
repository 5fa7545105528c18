//! What each action does. Which keys reach it is the command table's affair.

use crate::app::command::{Action, Direction, Fold, PurgeAction, UsageAction};
use crate::app::facets::Shown;
use crate::app::histogram::is_failure;
use crate::app::inspector::{Body, Inspector, Tree, Wrap};
use crate::app::notice::Level;
use crate::app::overlay::{Overlay, Picker, Reader};
use crate::app::timeline::Seek;
use crate::app::{App, Effect, Focus, Page};
use crate::core::event::{Event, Extent, Field};
use crate::core::json::FlatJson;

impl App {
    pub(super) fn perform(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Move(motion) => self.move_by(motion),
            Action::Open => self.open_selected(),
            Action::TogglePause if self.is_following() => {
                self.timeline.pause();
                Vec::new()
            }
            Action::TogglePause | Action::Follow => self.follow_newest(),
            Action::Failure(direction) => self.seek_failure(direction),
            Action::EditFilter => {
                self.focus = Focus::Filter;
                Vec::new()
            }
            Action::ClearFilter => self.set_filter(""),
            Action::ChooseRange => self.push(Overlay::Picker(Picker::ranges())),
            Action::Palette => self.push(Overlay::Picker(Picker::commands(self))),
            Action::HistorySearch => self.push(Overlay::Picker(Picker::history(
                self.filter.history.entries(),
            ))),
            Action::Help => self.push(Overlay::Reader(Reader::help(self))),
            Action::Notices => self.push(Overlay::Reader(self.all_notices())),
            Action::Explain => self.explain(),
            Action::Search => self.push(Overlay::Search {
                input: tui_input::Input::default(),
                within: self.focus,
            }),
            Action::SearchAgain(direction) => self.search(self.focus, direction),
            Action::CycleZone => self.cycle_zone(),
            Action::NextPane(direction) => self.next_pane(direction),
            Action::ToggleMouse => self.toggle_mouse(),
            Action::Refresh => self.refresh_page(),
            Action::Retry => self.open(),
            Action::Leave if self.is_at_top() => self.leave(),
            Action::Back | Action::Leave => self.back(),
            Action::Quit => vec![Effect::Quit],
            Action::Interrupt => self.interrupt(),
            Action::Suspend => vec![Effect::Suspend],
            Action::Redraw => vec![Effect::Redraw],
            Action::Fold(fold) => self.fold(fold),
            Action::FilterBy(polarity) => self.filter_by(polarity),
            Action::Copy(part) => self.copy_part(part),
            Action::CopyEvent(part) => self.copy_event(part),
            Action::ToggleWrap => self.toggle_wrap(),
            Action::Edit(request) => self.edit(request),
            Action::Submit => self.submit(),
            Action::Previous => self.step(Direction::Backward),
            Action::Next => self.step(Direction::Forward),
            Action::Complete => self.complete_line(),
            Action::Purge(action) => self.perform_on_purges(action),
            Action::Usage(action) => self.perform_on_usage(action),
            Action::View(action) => self.perform_on_views(action),
            Action::Columns(action) => self.perform_on_columns(action),
            Action::Inquiry(action) => self.perform_on_inquiry(action),
            Action::Facets(action) => self.perform_on_facets(action),
            Action::Brush(action) => self.perform_on_brush(action),
            Action::Differ(polarity) => self.enter_difference(polarity),
            Action::Travel(direction) => self.travel(direction),
            Action::Context => self.offer_context(),
        }
    }

    fn refresh_page(&mut self) -> Vec<Effect> {
        match self.page {
            Page::Archives => vec![self.list_archives()],
            Page::Usage => self.refresh_usage(),
            Page::Events | Page::Purge => self.refresh(),
        }
    }

    fn perform_on_purges(&mut self, action: PurgeAction) -> Vec<Effect> {
        use PurgeAction as P;
        match action {
            P::Show(Page::Events) if self.page == Page::Usage => self.leave_usage(),
            P::Show(Page::Events) => {
                self.page = Page::Events;
                Vec::new()
            }
            P::Show(Page::Usage) => self.show_usage(),
            P::Show(Page::Archives) => self.show_archives(),
            P::Show(Page::Purge) => self.open_dialog(),
            P::NextField(direction) => self.next_field(direction),
            P::TakeFilter => self.take_filter(),
            P::ResumeOffer => self.resume_offer(),
            P::Another => self.another_purge(),
            P::Proceed => self.proceed(),
            P::Pause => self.toggle_work(),
            P::Open => self.open_archive(),
            P::Resume => self.resume_selected(),
            P::Verify => self.verify_archive(),
            P::Restore => self.ask_for_store(),
            P::Forget => self.forget_archive(),
        }
    }

    fn perform_on_usage(&mut self, action: UsageAction) -> Vec<Effect> {
        match action {
            UsageAction::Enter(polarity) => self.enter_number(polarity),
            UsageAction::NextSection(direction) => self.next_section(direction),
            UsageAction::Period => self.cycle_period(),
            UsageAction::Groups => self.toggle_groups(),
        }
    }

    fn cycle_zone(&mut self) -> Vec<Effect> {
        self.zone.cycle();
        // Days and weeks begin somewhere else now.
        self.report_anew()
    }

    fn push(&mut self, overlay: Overlay) -> Vec<Effect> {
        self.overlays.push(overlay);
        Vec::new()
    }

    fn explain(&mut self) -> Vec<Effect> {
        let generation = self.next();
        self.question.explain = generation;
        vec![Effect::Explain(generation, self.question.predicate.clone())]
    }

    fn fold(&mut self, fold: Fold) -> Vec<Effect> {
        if let Some(tree) = self.inspector.as_mut().and_then(Inspector::tree_mut) {
            tree.fold(fold);
        }
        Vec::new()
    }

    fn toggle_wrap(&mut self) -> Vec<Effect> {
        self.wrap = match self.wrap {
            Wrap::Cut => Wrap::Lines,
            Wrap::Lines => Wrap::Cut,
        };
        if let Some(open) = &mut self.inspector {
            open.wrap = self.wrap;
        }
        Vec::new()
    }

    /// Out of the program; work on a purge is not left by a habit of the fingers.
    fn leave(&mut self) -> Vec<Effect> {
        let Some(work) = &self.work else {
            return vec![Effect::Quit];
        };
        let text = format!("{} is at work in {}", work.word, work.at.display());
        let hint = "Ctrl-C stops it where it can go on later; then q quits";
        self.notify(Level::Info, text, Some(hint.to_owned()));
        Vec::new()
    }

    /// Stops what is going on, the nearest first; quits when there is nothing.
    fn interrupt(&mut self) -> Vec<Effect> {
        if let Some(effects) = self.stop_comparing().or_else(|| self.stop_panel()) {
            return effects;
        }
        let near = match self.page {
            Page::Events => (self.stop_contrast())
                .or_else(|| self.stop_query())
                .or_else(|| self.stop_facets()),
            Page::Usage => self.stop_usage(),
            Page::Archives | Page::Purge => None,
        };
        near.or_else(|| self.stop_work())
            .unwrap_or_else(|| vec![Effect::Quit])
    }

    fn is_at_top(&self) -> bool {
        self.page == Page::Events
            && self.overlays.is_empty()
            && self.inspector.is_none()
            && self.focus == Focus::List
    }

    /// One level back: the topmost overlay, suggestions, the filter's line, the inspector.
    fn back(&mut self) -> Vec<Effect> {
        if let Some(gone) = self.overlays.pop() {
            return self.closed(&gone);
        }
        match self.page {
            Page::Usage if self.focus == Focus::List => return self.leave_usage(),
            Page::Events | Page::Usage => {}
            Page::Purge => return self.leave_dialog(),
            Page::Archives => {
                if self.archives.asking.take().is_none() {
                    self.page = Page::Events;
                }
                return Vec::new();
            }
        }
        match self.focus {
            Focus::Filter => {
                if !self.filter.close_popup() {
                    self.focus = Focus::List;
                    return self.remember();
                }
            }
            Focus::Facets => return self.leave_facets(),
            Focus::Timeline => self.lift_brush(),
            Focus::Contrast => self.focus = Focus::Timeline,
            Focus::Inspector | Focus::List => {
                self.inspector = None;
                self.focus = Focus::List;
            }
        }
        Vec::new()
    }

    fn next_pane(&mut self, direction: Direction) -> Vec<Effect> {
        let mut panes = vec![Focus::List];
        panes.extend(self.inspector.as_ref().map(|_| Focus::Inspector));
        panes.push(Focus::Filter);
        // Reached by its own key; left as the others are.
        panes.extend((self.focus == Focus::Timeline).then_some(Focus::Timeline));
        panes.extend((self.facets.shown == Shown::Yes).then_some(Focus::Facets));
        let at = panes.iter().position(|pane| *pane == self.focus);
        let step = match direction {
            Direction::Forward => 1,
            Direction::Backward => panes.len() - 1,
        };
        let left = std::mem::replace(
            &mut self.focus,
            panes[(at.unwrap_or(0) + step) % panes.len()],
        );
        match left {
            Focus::Filter => self.remember(),
            _ => Vec::new(),
        }
    }

    fn seek_failure(&mut self, direction: Direction) -> Vec<Effect> {
        let found = self
            .timeline
            .seek(seek(direction), |event| is_failure(event.outcome));
        if !found {
            let text = "no other failed or denied event in what is loaded";
            self.notify(Level::Info, text, None);
        }
        self.sync_inspector()
    }

    /// Looks for the needle in a pane.
    pub(super) fn search(&mut self, within: Focus, direction: Direction) -> Vec<Effect> {
        let needle = self.needle.clone();
        let tree = match within {
            Focus::Inspector => self.inspector.as_mut().and_then(Inspector::tree_mut),
            _ => None,
        };
        let found = if let Some(tree) = tree {
            tree.search(&needle, direction)
        } else {
            // In the list, the first match is the one above: the newest before the selection.
            let way = match direction {
                Direction::Forward => Seek::Older,
                Direction::Backward => Seek::Newer,
            };
            self.timeline.seek(way, |event| mentions(event, &needle))
        };
        if !found {
            self.notify(
                Level::Info,
                format!("“{needle}” is nowhere else in what is loaded"),
                Some("f filters in the store".to_owned()),
            );
        }
        self.sync_inspector()
    }

    fn open_selected(&mut self) -> Vec<Effect> {
        let Some(event) = self.timeline.selected().cloned() else {
            return Vec::new();
        };
        self.focus = Focus::Inspector;
        self.inspect(event)
    }

    /// Keeps an open inspector on the selected event.
    pub(super) fn sync_inspector(&mut self) -> Vec<Effect> {
        let Some((open, selected)) = self.inspector.as_ref().zip(self.timeline.selected()) else {
            return Vec::new();
        };
        // Reading goes on undisturbed while the list follows.
        if open.event.id == selected.id || self.focus == Focus::Inspector {
            return Vec::new();
        }
        let event = selected.clone();
        self.inspect(event)
    }

    /// Opens an event, or takes its new state in; fetches what the list does not hold.
    pub(super) fn inspect(&mut self, event: Event) -> Vec<Effect> {
        let generation = self.next();
        self.question.fetch = generation;
        let same = self
            .inspector
            .take()
            .filter(|open| open.event.id == event.id);
        let mut open = same.unwrap_or_else(|| Inspector::new(event.clone(), self.wrap));
        open.event = event.clone();
        let effects = match event.payload.extent {
            Extent::Whole => {
                match FlatJson::parse(event.payload.text.to_string()) {
                    Ok(json) => open.fill(Tree::new(json)),
                    Err(error) => open.body = Body::not_json(&error, &event.payload.text),
                }
                Vec::new()
            }
            Extent::Head { .. } => vec![Effect::Fetch(generation, Box::new(event))],
        };
        self.inspector = Some(open);
        effects
    }

    fn all_notices(&self) -> Reader {
        let mut lines = Vec::new();
        for notice in self.notices.all() {
            let word = format!("{} {}", self.zone.clock(notice.at), notice.level.word());
            lines.push((word, notice.text.clone()));
            if let Some(hint) = &notice.hint {
                lines.push((String::new(), format!("hint: {hint}")));
            }
        }
        if lines.is_empty() {
            lines.push((String::new(), "nothing has happened yet".to_owned()));
        }
        Reader {
            title: "notices".to_owned(),
            scroll: lines
                .len()
                .saturating_sub(usize::from(self.regions.list.height)),
            lines,
        }
    }

    pub(super) fn refresh(&mut self) -> Vec<Effect> {
        self.question.span = None;
        let mut effects = if self.filter.is_invalid() {
            self.ask_again()
        } else {
            self.ask()
        };
        effects.push(self.sample());
        effects.extend(self.refresh_listing());
        effects
    }
}

/// Whether an event's id, fields or the part of its record that is held contain a text, whatever
/// the case of ASCII letters.
pub fn mentions(event: &Event, needle: &str) -> bool {
    let needle = needle.to_ascii_lowercase();
    let holds = |text: &str| text.to_ascii_lowercase().contains(&needle);
    holds(event.id.as_str())
        || event.outcome.is_some_and(|outcome| holds(outcome.word()))
        || Field::ALL
            .into_iter()
            .flat_map(|field| event.all(field))
            .any(|value| holds(value.text()))
        || holds(&event.payload.text)
}

fn seek(direction: Direction) -> Seek {
    match direction {
        Direction::Forward => Seek::Newer,
        Direction::Backward => Seek::Older,
    }
}
