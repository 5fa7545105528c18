//! Where keys are open: the scopes, and those that are open together where a user can be.

use crate::app::{App, Connection, Focus, Overlay, Page};

/// Where a command's keys are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere, also while typing.
    Always,
    /// In the event list and the inspector.
    Panes,
    /// In every pane, the facets and the histogram, too.
    Around,
    /// In every pane and on the Usage tab.
    Questions,
    /// On the Usage tab.
    Usage,
    /// In the facets.
    Facets,
    /// In the event list.
    List,
    /// On the histogram.
    Timeline,
    /// On the list of what is different.
    Contrast,
    /// In the inspector.
    Inspector,
    /// On the screen that says why there is no connection.
    Failure,
    /// In every line of text.
    Line,
    /// In the filter.
    Filter,
    /// In help and other texts to read.
    Reader,
    /// In what says more about an event.
    Panel,
    /// On every page, but not while typing.
    Pages,
    /// In the event list and the archives.
    Tabs,
    /// In the list of saved views.
    Views,
    /// In the list of columns.
    Columns,
    /// In the lines of the purge dialog.
    Form,
    /// In the purge dialog while it works or waits.
    Work,
    /// In the archives.
    Archives,
}

impl Scope {
    /// The heading in help and README.
    pub fn title(self) -> &'static str {
        match self {
            Self::Always => "Everywhere",
            Self::Panes => "List and inspector",
            Self::Around => "Every pane",
            Self::Questions => "Events and usage",
            Self::Usage => "Usage",
            Self::Facets => "Facets",
            Self::List => "Events",
            Self::Timeline => "Histogram",
            Self::Contrast => "What is different",
            Self::Inspector => "Inspector",
            Self::Failure => "No connection",
            Self::Line => "Lines of text",
            Self::Filter => "Filter",
            Self::Reader => "Help and notices",
            Self::Panel => "More about an event",
            Self::Pages => "Pages",
            Self::Tabs => "Tabs",
            Self::Views => "Saved views",
            Self::Columns => "Columns",
            Self::Form => "Purge: lines",
            Self::Work => "Purge: work",
            Self::Archives => "Archives",
        }
    }

    /// Every scope, in the order of help.
    pub const ALL: [Self; 22] = [
        Self::List,
        Self::Timeline,
        Self::Contrast,
        Self::Inspector,
        Self::Facets,
        Self::Usage,
        Self::Around,
        Self::Panes,
        Self::Questions,
        Self::Tabs,
        Self::Pages,
        Self::Archives,
        Self::Form,
        Self::Work,
        Self::Filter,
        Self::Views,
        Self::Columns,
        Self::Line,
        Self::Always,
        Self::Panel,
        Self::Reader,
        Self::Failure,
    ];
}

/// The scopes that are open together, by the place a user is in.
mod place {
    use super::Scope as S;

    pub const LIST: &[S] = &[
        S::List,
        S::Panes,
        S::Around,
        S::Questions,
        S::Tabs,
        S::Pages,
        S::Always,
    ];
    pub const TIMELINE: &[S] = &[
        S::Timeline,
        S::Around,
        S::Questions,
        S::Tabs,
        S::Pages,
        S::Always,
    ];
    pub const CONTRAST: &[S] = &[S::Contrast, S::Questions, S::Tabs, S::Pages, S::Always];
    pub const INSPECTOR: &[S] = &[
        S::Inspector,
        S::Panes,
        S::Around,
        S::Questions,
        S::Pages,
        S::Always,
    ];
    pub const FILTER: &[S] = &[S::Filter, S::Line, S::Always];
    pub const LINE: &[S] = &[S::Line, S::Always];
    pub const COLUMNS: &[S] = &[S::Columns, S::Line, S::Always];
    pub const VIEWS: &[S] = &[S::Views, S::Line, S::Always];
    pub const FACETS: &[S] = &[S::Facets, S::Around, S::Tabs, S::Pages, S::Always];
    pub const PANEL: &[S] = &[S::Panel, S::Always];
    pub const READER: &[S] = &[S::Reader, S::Always];
    pub const FAILURE: &[S] = &[S::Failure, S::Always];
    pub const ARCHIVES: &[S] = &[S::Archives, S::Tabs, S::Pages, S::Always];
    pub const FORM: &[S] = &[S::Form, S::Line, S::Always];
    pub const WORK: &[S] = &[S::Work, S::Tabs, S::Pages, S::Always];
    pub const USAGE: &[S] = &[S::Usage, S::Questions, S::Tabs, S::Pages, S::Always];
}

/// One row for each place a user can be in.
pub const CONTEXTS: &[&[Scope]] = &[
    place::LIST,
    place::TIMELINE,
    place::CONTRAST,
    place::INSPECTOR,
    place::FILTER,
    place::LINE,
    place::VIEWS,
    place::COLUMNS,
    place::READER,
    place::FAILURE,
    place::ARCHIVES,
    place::FORM,
    place::WORK,
    place::USAGE,
    place::PANEL,
    place::FACETS,
];

/// The row of [`CONTEXTS`] where the user is.
pub fn context(app: &App) -> &'static [Scope] {
    match (app.overlays.last(), &app.connection, app.page) {
        (Some(Overlay::Reader(_)), _, _) => place::READER,
        (Some(Overlay::Picker(picker)), _, _) if picker.of_views() => place::VIEWS,
        (Some(Overlay::Columns(_)), _, _) => place::COLUMNS,
        (Some(Overlay::Panel(panel)), _, _) => panel.scopes(),
        (Some(_), _, _) => place::LINE,
        (None, Connection::Failed(_), _) => place::FAILURE,
        (None, _, Page::Archives) if app.archives.asking.is_some() => place::LINE,
        (None, _, Page::Archives) => place::ARCHIVES,
        (None, _, Page::Purge) if app.dialog_line().is_some() => place::FORM,
        (None, _, Page::Purge) => place::WORK,
        (None, _, Page::Usage) if app.focus == Focus::Filter => place::FILTER,
        (None, _, Page::Usage) => place::USAGE,
        (None, _, Page::Events) => match app.focus {
            Focus::Filter => place::FILTER,
            Focus::Inspector => place::INSPECTOR,
            Focus::List => place::LIST,
            Focus::Timeline => place::TIMELINE,
            Focus::Contrast => place::CONTRAST,
            Focus::Facets if app.is_narrowing() => place::LINE,
            Focus::Facets => place::FACETS,
        },
    }
}
