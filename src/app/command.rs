//! The one table of everything a user can do. Keymap, help, palette and the README's key table are
//! generated from it.
//!
//! Says what there is, not how it is done; that is `perform`.

mod action;
mod available;
mod scope;

use std::fmt::Write as _;

use tui_input::InputRequest;

pub use crate::app::command::action::{
    Action, BrushAction, ColumnAction, Direction, FacetAction, Fold, InquiryAction, Motion, Part,
    Polarity, PurgeAction, UsageAction, ViewAction,
};
use crate::app::command::available::{
    always, archive_known, archive_readable, archive_whole, brushable, comparable, comparing,
    connected, counted, deleting, differing, event_selected, extensible, faceting, filtered,
    grouped, idle, inspecting, leading, mark_selected, narrowing, offered, on_facet,
    purge_unfinished, purgeable, reopenable, searched, unconnected, valued, views_saved,
};
pub use crate::app::command::scope::{CONTEXTS, Scope, context};
use crate::app::keymap;
use crate::app::{App, Page};

/// Whether a command can do anything now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Yes,
    /// It cannot; why.
    No(&'static str),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name in configuration.
    pub id: &'static str,
    /// What it does, for people.
    pub title: &'static str,
    /// Its default keys, each a chord or a sequence of chords.
    pub keys: &'static [&'static str],
    /// Where the keys are open.
    pub scope: Scope,
    /// What it asks for.
    pub action: Action,
    /// Whether it can do anything now.
    pub available: fn(&App) -> Availability,
}

const fn row(
    id: &'static str,
    keys: &'static [&'static str],
    scope: Scope,
    action: Action,
    title: &'static str,
    available: fn(&App) -> Availability,
) -> Command {
    Command {
        id,
        title,
        keys,
        scope,
        action,
        available,
    }
}

/// Every command there is.
// One row, one line: it is a table.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &{
    use Action as A;
    use FacetAction as F;
    use BrushAction as B;
    use ColumnAction as C;
    use InputRequest as I;
    use InquiryAction as Q;
    use PurgeAction as P;
    use Scope as S;
    use UsageAction as U;
    use ViewAction as V;
    [
        row("event.open", &["enter"], S::List, A::Open, "Open the event", event_selected),
        row("list.pause", &["space"], S::List, A::TogglePause, "Pause or resume following", connected),
        row("list.follow", &["F"], S::List, A::Follow, "Follow the newest event", connected),
        row("failure.next", &["e"], S::List, A::Failure(Direction::Forward), "Next failed or denied event", event_selected),
        row("failure.previous", &["E"], S::List, A::Failure(Direction::Backward), "Previous failed or denied event", event_selected),
        row("event.copy-id", &["y i"], S::List, A::CopyEvent(Part::Key), "Copy the event's id", event_selected),
        row("event.copy-json", &["y j"], S::List, A::CopyEvent(Part::Json), "Copy the event as JSON", event_selected),
        row("event.copy-term", &["y q"], S::List, A::CopyEvent(Part::Term), "Copy a filter that finds the event", event_selected),
        row("event.mark", &["m"], S::Panes, A::Inquiry(Q::Mark), "Mark the event, with a note", event_selected),
        row("mark.next", &["'"], S::Panes, A::Inquiry(Q::NextMark), "The marked event before; after the oldest the newest", connected),
        row("mark.list", &["M"], S::Panes, A::Inquiry(Q::Marks), "All marks", connected),
        row("event.diff", &["d"], S::Panes, A::Inquiry(Q::DiffMarked), "What differs from the event marked last", event_selected),
        row("event.diff-previous", &["D"], S::Panes, A::Inquiry(Q::DiffPrevious), "What differs from the event before on the same resource", event_selected),
        row("event.resource", &["R"], S::Panes, A::Inquiry(Q::Resource), "Everything done to its resource, and by whom", event_selected),
        row("user.dossier", &["u"], S::Questions, A::Inquiry(Q::User), "The user: past, habits, what is unusual in this event", connected),
        row("context.show", &["c"], S::Panes, A::Context, "What happened around this event", event_selected),
        row("columns.choose", &["C"], S::Panes, A::Columns(C::Choose), "Choose the columns of the list", connected),
        row("view.back", &["[", "alt-left"], S::Questions, A::Travel(Direction::Backward), "View before", connected),
        row("view.forward", &["]", "alt-right"], S::Questions, A::Travel(Direction::Forward), "View after", connected),
        row("brush.left", &["h", "left"], S::Timeline, A::Brush(B::Step(Direction::Backward)), "A bar to the left", brushable),
        row("brush.right", &["l", "right"], S::Timeline, A::Brush(B::Step(Direction::Forward)), "A bar to the right", brushable),
        row("brush.far-left", &["H"], S::Timeline, A::Brush(B::Far(Direction::Backward)), "Ten bars to the left", brushable),
        row("brush.far-right", &["L"], S::Timeline, A::Brush(B::Far(Direction::Forward)), "Ten bars to the right", brushable),
        row("brush.toggle", &["space"], S::Timeline, A::Brush(B::Toggle), "Put the brush down, or lift it", brushable),
        row("brush.spike", &["e"], S::Timeline, A::Brush(B::Spike(Direction::Forward)), "Brush the next spike, the highest first", brushable),
        row("brush.spike-before", &["E"], S::Timeline, A::Brush(B::Spike(Direction::Backward)), "Brush the spike before", brushable),
        row("brush.apply", &["enter"], S::Timeline, A::Brush(B::Apply), "Only the time under the brush", extensible),
        row("brush.nearer", &["+"], S::Timeline, A::Brush(B::Zoom(Direction::Forward)), "Look closer", extensible),
        row("brush.farther", &["-"], S::Timeline, A::Brush(B::Zoom(Direction::Backward)), "Look from farther away", extensible),
        row("brush.whole", &["0"], S::Timeline, A::Brush(B::Whole), "All time", extensible),
        row("brush.facets", &["s"], S::Timeline, A::Facets(F::Show), "Facets: the most frequent values, with counts", connected),
        row("brush.different", &["d"], S::Timeline, A::Brush(B::Different), "What is different under the brush", comparable),
        row("different.with", &["enter", "+"], S::Contrast, A::Differ(Polarity::With), "The events with this value, under the brush", differing),
        row("different.without", &["-"], S::Contrast, A::Differ(Polarity::Without), "The events without this value, under the brush", differing),
        row("tree.collapse", &["h", "left"], S::Inspector, A::Fold(Fold::Collapse), "Fold, or go to the parent", inspecting),
        row("tree.expand", &["l", "right"], S::Inspector, A::Fold(Fold::Expand), "Unfold, or go to the first child", inspecting),
        row("tree.collapse-deep", &["H"], S::Inspector, A::Fold(Fold::CollapseDeep), "Fold all below", inspecting),
        row("tree.expand-deep", &["L"], S::Inspector, A::Fold(Fold::ExpandDeep), "Unfold all below", inspecting),
        row("tree.toggle", &["space"], S::Inspector, A::Fold(Fold::Toggle), "Fold or unfold", inspecting),
        row("tree.level-1", &["1"], S::Inspector, A::Fold(Fold::Level(1)), "Show 1 level", inspecting),
        row("tree.level-2", &["2"], S::Inspector, A::Fold(Fold::Level(2)), "Show 2 levels", inspecting),
        row("tree.level-3", &["3"], S::Inspector, A::Fold(Fold::Level(3)), "Show 3 levels", inspecting),
        row("tree.level-4", &["4"], S::Inspector, A::Fold(Fold::Level(4)), "Show 4 levels", inspecting),
        row("tree.level-5", &["5"], S::Inspector, A::Fold(Fold::Level(5)), "Show 5 levels", inspecting),
        row("tree.level-6", &["6"], S::Inspector, A::Fold(Fold::Level(6)), "Show 6 levels", inspecting),
        row("tree.level-7", &["7"], S::Inspector, A::Fold(Fold::Level(7)), "Show 7 levels", inspecting),
        row("tree.level-8", &["8"], S::Inspector, A::Fold(Fold::Level(8)), "Show 8 levels", inspecting),
        row("tree.level-9", &["9"], S::Inspector, A::Fold(Fold::Level(9)), "Show 9 levels", inspecting),
        row("value.with", &["enter", "+"], S::Inspector, A::FilterBy(Polarity::With), "Only events with this value", narrowing),
        row("value.without", &["-"], S::Inspector, A::FilterBy(Polarity::Without), "Only events without this value", narrowing),
        row("copy.path", &["y p"], S::Inspector, A::Copy(Part::Path), "Copy the path", inspecting),
        row("copy.value", &["y v"], S::Inspector, A::Copy(Part::Value), "Copy the value", inspecting),
        row("copy.key", &["y k"], S::Inspector, A::Copy(Part::Key), "Copy the key", inspecting),
        row("copy.json", &["y j"], S::Inspector, A::Copy(Part::Json), "Copy as JSON", inspecting),
        row("copy.term", &["y q"], S::Inspector, A::Copy(Part::Term), "Copy as a filter term", inspecting),
        row("tree.wrap", &["w"], S::Inspector, A::ToggleWrap, "Wrap long values", inspecting),
        row("move.down", &["j", "down"], S::Pages, A::Move(Motion::Down), "Down", always),
        row("move.up", &["k", "up"], S::Pages, A::Move(Motion::Up), "Up", always),
        row("move.half-down", &["ctrl-d"], S::Pages, A::Move(Motion::HalfDown), "Half a page down", always),
        row("move.half-up", &["ctrl-u"], S::Pages, A::Move(Motion::HalfUp), "Half a page up", always),
        row("move.page-down", &["pgdn", "ctrl-f"], S::Pages, A::Move(Motion::PageDown), "A page down", always),
        row("move.page-up", &["pgup", "ctrl-b"], S::Pages, A::Move(Motion::PageUp), "A page up", always),
        row("move.first", &["g g", "home"], S::Pages, A::Move(Motion::First), "To the beginning", always),
        row("move.last", &["G", "end"], S::Pages, A::Move(Motion::Last), "To the end; in the list follow", always),
        row("filter.edit", &["f"], S::Questions, A::EditFilter, "Edit the filter", connected),
        row("filter.clear", &["x"], S::Questions, A::ClearFilter, "Remove the filter", filtered),
        row("range.choose", &["t"], S::Questions, A::ChooseRange, "Choose a time range", extensible),
        row("search.start", &["/"], S::Panes, A::Search, "Search in what is loaded", connected),
        row("search.next", &["n"], S::Panes, A::SearchAgain(Direction::Forward), "Next match", searched),
        row("search.previous", &["N"], S::Panes, A::SearchAgain(Direction::Backward), "Previous match", searched),
        row("pane.next", &["tab"], S::Around, A::NextPane(Direction::Forward), "Next pane", always),
        row("pane.previous", &["backtab"], S::Around, A::NextPane(Direction::Backward), "Previous pane", always),
        row("brush.focus", &["b"], S::Around, A::Brush(B::Focus), "The histogram: brush, zoom, what is different; again leaves it", brushable),
        row("zone.cycle", &["z"], S::Pages, A::CycleZone, "Times in UTC or local", always),
        row("help.show", &["?"], S::Pages, A::Help, "Keys of the focused pane", always),
        row("palette.open", &[":"], S::Pages, A::Palette, "All commands", always),
        row("notices.show", &["!"], S::Pages, A::Notices, "All notices so far", always),
        row("filter.explain", &["X"], S::Panes, A::Explain, "How the store answers the filter", connected),
        row("app.leave", &["q"], S::Pages, A::Leave, "Back; quit at the top", always),
        row("app.back", &["esc"], S::Pages, A::Back, "One level back", always),
        row("facets.show", &["s"], S::Panes, A::Facets(F::Show), "Facets: the most frequent values, with counts", connected),
        row("facets.enter", &["enter"], S::Facets, A::Facets(F::Enter), "Only events with this value; more values of a facet", on_facet),
        row("facets.with", &["+"], S::Facets, A::Facets(F::Filter(Polarity::With)), "Only events with this value; again lets it go", valued),
        row("facets.without", &["-"], S::Facets, A::Facets(F::Filter(Polarity::Without)), "Only events without this value; again lets it go", valued),
        row("facets.more", &["l", "right"], S::Facets, A::Facets(F::More), "More values", on_facet),
        row("facets.fewer", &["h", "left"], S::Facets, A::Facets(F::Fewer), "Fewer values, then none", on_facet),
        row("facets.narrow", &["/"], S::Facets, A::Facets(F::Narrow), "Only values that contain a text, also rare ones", on_facet),
        row("facets.add", &["a"], S::Facets, A::Facets(F::Add), "Add a facet: a field or a key of the payload", faceting),
        row("facets.remove", &["x"], S::Facets, A::Facets(F::Remove), "Take the facet off", on_facet),
        row("facets.whole", &["c"], S::Facets, A::Facets(F::Whole), "Count all events where only the newest were (~)", on_facet),
        row("facets.close", &["s"], S::Facets, A::Facets(F::Close), "Close the facets", faceting),
        row("facets.back", &["[", "alt-left"], S::Facets, A::Travel(Direction::Backward), "View before", connected),
        row("facets.forward", &["]", "alt-right"], S::Facets, A::Travel(Direction::Forward), "View after", connected),
        row("facets.filter", &["f"], S::Facets, A::EditFilter, "Edit the filter", connected),
        row("facets.range", &["t"], S::Facets, A::ChooseRange, "Choose a time range", extensible),
        row("filter.submit", &["enter"], S::Line, A::Submit, "Accept", always),
        row("line.back", &["esc"], S::Line, A::Back, "Close suggestions, then the line", always),
        row("line.previous", &["up"], S::Line, A::Previous, "Suggestion or history before", always),
        row("line.next", &["down"], S::Line, A::Next, "Suggestion or history after", always),
        row("line.complete", &["tab"], S::Filter, A::Complete, "Take the suggestion", always),
        row("line.complete-previous", &["backtab"], S::Filter, A::Previous, "Suggestion before", always),
        row("filter.history", &["ctrl-r"], S::Filter, A::HistorySearch, "Search the history", always),
        row("line.left", &["left"], S::Line, A::Edit(I::GoToPrevChar), "Left", always),
        row("line.right", &["right", "ctrl-f"], S::Line, A::Edit(I::GoToNextChar), "Right", always),
        row("line.start", &["ctrl-a", "home"], S::Line, A::Edit(I::GoToStart), "Beginning of the line", always),
        row("line.end", &["ctrl-e", "end"], S::Line, A::Edit(I::GoToEnd), "End of the line", always),
        row("line.word-left", &["alt-b"], S::Line, A::Edit(I::GoToPrevWord), "A word to the left", always),
        row("line.word-right", &["alt-f"], S::Line, A::Edit(I::GoToNextWord), "A word to the right", always),
        row("line.delete-left", &["backspace", "ctrl-h"], S::Line, A::Edit(I::DeletePrevChar), "Delete to the left", always),
        row("line.delete-right", &["delete", "ctrl-d"], S::Line, A::Edit(I::DeleteNextChar), "Delete to the right", always),
        row("line.delete-word-left", &["ctrl-w"], S::Line, A::Edit(I::DeletePrevWord), "Delete the word to the left", always),
        row("line.delete-word-right", &["alt-d"], S::Line, A::Edit(I::DeleteNextWord), "Delete the word to the right", always),
        row("line.delete-start", &["ctrl-u"], S::Line, A::Edit(I::DeleteFromStart), "Delete to the beginning", always),
        row("line.delete-end", &["ctrl-k"], S::Line, A::Edit(I::DeleteTillEnd), "Delete to the end", always),
        row("line.yank", &["ctrl-y"], S::Line, A::Edit(I::Yank), "Put back what was deleted", always),
        row("reader.close", &["q", "esc", "enter", "?"], S::Reader, A::Back, "Close", always),
        row("reader.down", &["j", "down"], S::Reader, A::Move(Motion::Down), "Down", always),
        row("reader.up", &["k", "up"], S::Reader, A::Move(Motion::Up), "Up", always),
        row("reader.page-down", &["pgdn", "space"], S::Reader, A::Move(Motion::PageDown), "A page down", always),
        row("reader.page-up", &["pgup", "b"], S::Reader, A::Move(Motion::PageUp), "A page up", always),
        row("panel.close", &["q", "esc"], S::Panel, A::Back, "Close", always),
        row("panel.down", &["j", "down"], S::Panel, A::Move(Motion::Down), "Down", always),
        row("panel.up", &["k", "up"], S::Panel, A::Move(Motion::Up), "Up", always),
        row("panel.page-down", &["pgdn", "space"], S::Panel, A::Move(Motion::PageDown), "A page down", always),
        row("panel.page-up", &["pgup", "b"], S::Panel, A::Move(Motion::PageUp), "A page up", always),
        row("panel.first", &["g g", "home"], S::Panel, A::Move(Motion::First), "To the beginning", always),
        row("panel.last", &["G", "end"], S::Panel, A::Move(Motion::Last), "To the end", always),
        row("panel.go", &["enter"], S::Panel, A::Inquiry(Q::Go), "The events behind the selected line", leading),
        row("mark.drop", &["d"], S::Panel, A::Inquiry(Q::DropMark), "Forget the mark", mark_selected),
        row("panel.unchanged", &["u"], S::Panel, A::Inquiry(Q::Unchanged), "Show or fold what is the same", comparing),
        row("tab.events", &["1"], S::Tabs, A::Purge(P::Show(Page::Events)), "Events", always),
        row("tab.usage", &["2"], S::Tabs, A::Purge(P::Show(Page::Usage)), "Usage: who does what, how often, with which success", connected),
        row("usage.enter", &["enter"], S::Usage, A::Usage(U::Enter(Polarity::With)), "The events behind the selected line", counted),
        row("usage.without", &["-"], S::Usage, A::Usage(U::Enter(Polarity::Without)), "Leave these events out of all numbers", counted),
        row("usage.next", &["tab"], S::Usage, A::Usage(U::NextSection(Direction::Forward)), "Next report", connected),
        row("usage.previous", &["backtab"], S::Usage, A::Usage(U::NextSection(Direction::Backward)), "Report before", connected),
        row("usage.groups", &["o"], S::Usage, A::Usage(U::Groups), "Users, or the groups they are in", grouped),
        row("usage.period", &["p"], S::Usage, A::Usage(U::Period), "By day, week or month", connected),
        row("view.pick", &["v"], S::Questions, A::View(V::Pick), "Open a saved view", views_saved),
        row("view.save", &["V"], S::Questions, A::View(V::Save), "Save this view under a name", extensible),
        row("view.copy", &["Y"], S::Questions, A::View(V::Copy), "Copy a command line that opens this view", reopenable),
        row("view.delete", &["ctrl-x"], S::Views, A::View(V::Delete), "Delete the chosen view, when pressed twice", always),
        row("columns.left", &["<", "alt-left"], S::Columns, A::Columns(C::Shift(Direction::Backward)), "The column with the cursor one to the left", always),
        row("columns.right", &[">", "alt-right"], S::Columns, A::Columns(C::Shift(Direction::Forward)), "The column with the cursor one to the right", always),
        row("columns.reset", &["ctrl-r"], S::Columns, A::Columns(C::Reset), "The columns that a list has where nobody has chosen", always),
        row("tab.archives", &["3"], S::Tabs, A::Purge(P::Show(Page::Archives)), "Archives and unfinished purges", always),
        row("purge.open", &["P"], S::Tabs, A::Purge(P::Show(Page::Purge)), "Purge old events: archive, verify, confirm, delete", purgeable),
        row("archive.open", &["enter", "o"], S::Archives, A::Purge(P::Open), "Open it: its events, filters and all", archive_readable),
        row("archive.verify", &["v"], S::Archives, A::Purge(P::Verify), "Read the archive back", archive_whole),
        row("archive.restore", &["r"], S::Archives, A::Purge(P::Restore), "Put its rows back into a store", archive_whole),
        row("archive.resume", &["p"], S::Archives, A::Purge(P::Resume), "Go on with the unfinished purge", purge_unfinished),
        row("archive.forget", &["x"], S::Archives, A::Purge(P::Forget), "Take it off the list; files stay", archive_known),
        row("purge.next-line", &["tab"], S::Form, A::Purge(P::NextField(Direction::Forward)), "Next line", always),
        row("purge.previous-line", &["backtab"], S::Form, A::Purge(P::NextField(Direction::Backward)), "Line before, or a step back", always),
        row("purge.take-filter", &["ctrl-r"], S::Form, A::Purge(P::TakeFilter), "Take the filter of the event list", always),
        row("purge.resume", &["ctrl-o"], S::Form, A::Purge(P::ResumeOffer), "Go on with the unfinished purge", offered),
        row("purge.another", &["ctrl-n"], S::Form, A::Purge(P::Another), "Begin another purge; this one stays", idle),
        row("purge.proceed", &["enter"], S::Work, A::Purge(P::Proceed), "Try again after a failure; close the receipt", idle),
        row("purge.pause", &["space"], S::Work, A::Purge(P::Pause), "Pause the deletion, or let it go on", deleting),
        row("connection.retry", &["r"], S::Failure, A::Retry, "Connect again", unconnected),
        row("connection.quit", &["q", "esc"], S::Failure, A::Quit, "Quit", always),
        row("help.always", &["f1"], S::Always, A::Help, "Keys of the focused pane", always),
        row("mouse.toggle", &["f2"], S::Always, A::ToggleMouse, "Mouse on or off", always),
        row("store.refresh", &["f5"], S::Always, A::Refresh, "Ask the store again", connected),
        row("palette.always", &["ctrl-p"], S::Always, A::Palette, "All commands", always),
        row("app.interrupt", &["ctrl-c"], S::Always, A::Interrupt, "Stop the query; then quit", always),
        row("app.suspend", &["ctrl-z"], S::Always, A::Suspend, "Suspend", always),
        row("app.redraw", &["ctrl-l"], S::Always, A::Redraw, "Draw anew", always),
        row("app.quit", &[], S::Always, A::Quit, "Quit", always),
    ]
};

/// Keys of a command as people read them: `g g, Home`.
pub fn keys_shown(command: &Command) -> String {
    let keys: Vec<_> = command
        .keys
        .iter()
        .map(|keys| keymap::shown(keys))
        .collect();
    keys.join(", ")
}

/// The key table of the README, in Markdown.
pub fn key_table() -> String {
    let mut out = String::new();
    for scope in Scope::ALL {
        let _ = writeln!(out, "\n**{}**\n\n| Keys | |\n|---|---|", scope.title());
        for command in COMMANDS.iter().filter(|command| command.scope == scope) {
            if command.keys.is_empty() {
                continue;
            }
            let keys: Vec<_> = command
                .keys
                .iter()
                .map(|keys| format!("`{}`", keymap::shown(keys)))
                .collect();
            let _ = writeln!(out, "| {} | {} |", keys.join(" "), command.title);
        }
    }
    out.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_titles_say_something() {
        let mut seen = HashSet::new();
        for command in COMMANDS {
            assert!(seen.insert(command.id), "{} is there twice", command.id);
            assert!(!command.title.is_empty(), "{}", command.id);
        }
    }

    #[test]
    fn the_key_table_names_every_bound_command() {
        let table = key_table();
        for command in COMMANDS.iter().filter(|command| !command.keys.is_empty()) {
            assert!(table.contains(command.title), "{}", command.id);
        }
    }
}
