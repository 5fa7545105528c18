//! Everything that can be asked for. Where its keys are open and what it is called is the table's
//! affair.

use tui_input::InputRequest;

use crate::app::Page;

/// A way to move in a list or a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// One line towards the end.
    Down,
    /// One line towards the beginning.
    Up,
    /// Half a page towards the end.
    HalfDown,
    /// Half a page towards the beginning.
    HalfUp,
    /// A page towards the end.
    PageDown,
    /// A page towards the beginning.
    PageUp,
    /// The very beginning.
    First,
    /// The very end.
    Last,
}

/// A way to look for the next of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards the end.
    Forward,
    /// Towards the beginning.
    Backward,
}

/// Part of a JSON tree to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `details.status.code`
    Path,
    /// The value as people read it.
    Value,
    /// The last key.
    Key,
    /// The value as JSON.
    Json,
    /// `.details.status.code:7`
    Term,
}

/// A change of folding in a JSON tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Folds the node, or moves to its parent.
    Collapse,
    /// Unfolds the node, or moves to its first child.
    Expand,
    /// Folds everything below the node.
    CollapseDeep,
    /// Unfolds everything below the node.
    ExpandDeep,
    /// Folds what is unfolded and the reverse.
    Toggle,
    /// Shows this many levels of the whole tree.
    Level(u8),
}

/// Whether a value is asked for or ruled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// Only events with it.
    With,
    /// Only events without it.
    Without,
}

/// Everything that a key or the palette can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Moves in the focused pane.
    Move(Motion),
    /// Opens the selected event.
    Open,
    /// Pauses or resumes following.
    TogglePause,
    /// Goes to the newest event and follows.
    Follow,
    /// Goes to another failed or denied event.
    Failure(Direction),
    /// Copies the selected event's id, its record or a term that finds it.
    CopyEvent(Part),
    /// Edits the filter.
    EditFilter,
    /// Removes the filter.
    ClearFilter,
    /// Chooses a time range.
    ChooseRange,
    /// Looks for text in what is loaded.
    Search,
    /// Goes to another match.
    SearchAgain(Direction),
    /// Cycles the zone of all times on the screen.
    CycleZone,
    /// Moves to another pane.
    NextPane(Direction),
    /// Shows the keys.
    Help,
    /// Offers every command.
    Palette,
    /// Shows every notice since the start.
    Notices,
    /// Shows how the store answers the filter.
    Explain,
    /// Switches the mouse on or off.
    ToggleMouse,
    /// Asks the store again.
    Refresh,
    /// Goes one level back.
    Back,
    /// Goes one level back, quits at the top.
    Leave,
    /// Quits.
    Quit,
    /// Stops the running query; quits when there is none.
    Interrupt,
    /// Gives the terminal back to the shell for a while.
    Suspend,
    /// Draws everything anew.
    Redraw,
    /// Connects again after a failure.
    Retry,
    /// Folds and unfolds.
    Fold(Fold),
    /// Adds the value under the cursor to the filter.
    FilterBy(Polarity),
    /// Copies a part of the value under the cursor.
    Copy(Part),
    /// Wraps long values.
    ToggleWrap,
    /// Edits the line.
    Edit(InputRequest),
    /// Accepts the line.
    Submit,
    /// Goes back in a list of suggestions, or in the history.
    Previous,
    /// Goes on in a list of suggestions, or in the history.
    Next,
    /// Takes the suggestion.
    Complete,
    /// Searches the history of filters.
    HistorySearch,
    /// Something about purges and archives.
    Purge(PurgeAction),
    /// Something about the Usage tab.
    Usage(UsageAction),
    /// Something about saved views.
    View(ViewAction),
    /// Something about the columns of the list.
    Columns(ColumnAction),
    /// Something about one event.
    Inquiry(InquiryAction),
    /// Something about the facets.
    Facets(FacetAction),
    /// Something about the histogram and the brush on it.
    Brush(BrushAction),
    /// Goes to the events of a difference, or to those without it.
    Differ(Polarity),
    /// Goes to the view before or after this one.
    Travel(Direction),
    /// Offers what happened around the event.
    Context,
}

/// What can be asked for about views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewAction {
    /// Offers the saved ones.
    Pick,
    /// Keeps this one under a name.
    Save,
    /// Copies a command line that opens this one.
    Copy,
    /// Deletes the chosen one.
    Delete,
}

/// What can be asked for about columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnAction {
    /// Offers them.
    Choose,
    /// Moves the one with the cursor, to the right or to the left.
    Shift(Direction),
    /// Shows those that a list has where nobody has chosen.
    Reset,
}

/// What can be asked about one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InquiryAction {
    /// Marks it, or changes its note.
    Mark,
    /// Compares it with the one that was marked last.
    DiffMarked,
    /// Compares it with the last one before it about the same resource.
    DiffPrevious,
    /// Shows or folds what is the same.
    Unchanged,
    /// Shows what is known of its user.
    User,
    /// Shows everything done to its resource.
    Resource,
    /// Goes where the selected line leads.
    Go,
    /// Lists the marks.
    Marks,
    /// Goes to the marked event before.
    NextMark,
    /// Forgets the selected mark.
    DropMark,
}

/// What can be asked for in the facets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FacetAction {
    /// Shows them and goes there.
    Show,
    /// Takes them away.
    Close,
    /// Asks for the value with the cursor; shows more of a facet.
    Enter,
    /// Asks for the value with the cursor, or rules it out.
    Filter(Polarity),
    /// Shows more values.
    More,
    /// Shows fewer values.
    Fewer,
    /// Types a part of a value.
    Narrow,
    /// Offers what else can be counted.
    Add,
    /// Takes a facet off.
    Remove,
    /// Counts all events.
    Whole,
}

/// What can be asked for on the Usage tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageAction {
    /// Goes to the events behind the selected line, or leaves them out of all numbers.
    Enter(Polarity),
    /// Goes to another report.
    NextSection(Direction),
    /// Counts by another period.
    Period,
    /// Tells users by their groups, or by themselves again.
    Groups,
}

/// What can be asked for on the histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrushAction {
    /// Gives it the keys.
    Focus,
    /// Goes to the next bar, to the right or to the left.
    Step(Direction),
    /// Goes ten bars further.
    Far(Direction),
    /// Puts the brush down, or lifts it.
    Toggle,
    /// Makes what is under the brush the time range.
    Apply,
    /// Puts the brush on another spike.
    Spike(Direction),
    /// Looks at a shorter range, or a longer one.
    Zoom(Direction),
    /// Looks at all time.
    Whole,
    /// Compares what is under the brush with the rest.
    Different,
}

/// What can be asked for in the purge dialog and in the archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeAction {
    /// Shows a page.
    Show(Page),
    /// Goes to another line of the dialog, or a step back.
    NextField(Direction),
    /// Takes the filter of the event list.
    TakeFilter,
    /// Goes on with the unfinished purge that is on offer.
    ResumeOffer,
    /// Leaves the purge of the dialog as it is and begins another one.
    Another,
    /// Goes on after a failure, or leaves the receipt.
    Proceed,
    /// Pauses the deletion, or lets it go on.
    Pause,
    /// Shows the selected archive's events.
    Open,
    /// Goes on with the selected purge.
    Resume,
    /// Reads the selected archive back.
    Verify,
    /// Puts the selected archive's rows back.
    Restore,
    /// Takes the selected directory off the list.
    Forget,
}
