//! The first line: which store, whether it is followed, how complete the screen is, which zone.

use ratatui::layout::Rect;

use crate::app::zone::length;
use crate::app::{App, Connection, Live};
use crate::store::{Access, TailLevel};
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;

/// Whether the header had room for how complete the screen is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompleteShown {
    /// It is there.
    Yes,
    /// It must be shown elsewhere.
    No,
}

/// Draws the header.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> CompleteShown {
    let (name, profile, access) = source(app);
    let (mark, word, role) = live(app);
    let zone = format!("{}  ", app.zone.name());
    let right = [
        (zone.as_str(), Role::Time),
        ("?", Role::Key),
        (" help ", Role::Dim),
    ];
    let end = pen.right(area, &right);
    let room = end.saturating_sub(area.x + 1);
    let pieces = [
        ("auditail  ", Role::Brand),
        (name.as_str(), Role::Title),
        (profile.as_str(), Role::Dim),
        access,
        ("  ", Role::Text),
        (mark, role),
        (word.as_str(), role),
        ("  ", Role::Text),
    ];
    let after = pen.row(area.x + 1, area.y, room, &pieces);
    let complete = complete(app);
    let cells = u16::try_from(width(&complete)).unwrap_or(u16::MAX);
    if complete.is_empty() || after.saturating_add(cells + 2) > end {
        return CompleteShown::No;
    }
    pen.put(end - cells - 2, area.y, cells, &complete, Role::Dim);
    CompleteShown::Yes
}

/// The store's name, its profile, and what the role could do to it.
fn source(app: &App) -> (String, String, (&'static str, Role)) {
    let Some(description) = app.description() else {
        return (app.settings.target.clone(), String::new(), ("", Role::Dim));
    };
    let access = match description.access {
        Access::ReadOnly => ("RO", Role::Dim),
        Access::RoleCanWrite => ("role can write", Role::Warning),
    };
    let profile = format!(" · {} · ", description.profile.name);
    (description.name.clone(), profile, access)
}

/// How following goes: a shape, a word and a role.
fn live(app: &App) -> (&'static str, String, Role) {
    match (&app.connection, &app.live) {
        (Connection::Opening, _) => ("○ ", "connecting…".to_owned(), Role::Pending),
        (_, Live::Off) => ("○ ", "not following".to_owned(), Role::Dim),
        (_, Live::Starting) => ("○ ", "starting".to_owned(), Role::Pending),
        (_, Live::On) => ("● ", "live".to_owned(), Role::Live),
        (_, Live::Reconnecting { attempt, .. }) => (
            "▲ ",
            format!("reconnecting, attempt {attempt}"),
            Role::Error,
        ),
        (_, Live::Ended) => (
            "▲ ",
            "tail ended, F5 starts it again".to_owned(),
            Role::Error,
        ),
    }
}

/// `complete to 12:04:05.231 · lag 0.2 s · best effort (60 s overlap)`; empty as long as nothing is
/// known.
pub fn complete(app: &App) -> String {
    let (Some(complete), Some(lag)) = (&app.complete, app.lag()) else {
        return String::new();
    };
    let level = match &complete.level {
        TailLevel::Exact(means) => format!("exact ({means})"),
        TailLevel::BestEffort { overlap } => {
            format!("best effort ({} s overlap)", overlap.as_secs())
        }
    };
    let to = app.zone.clock(complete.to);
    format!("complete to {to} · lag {} · {level}", length(lag))
}
