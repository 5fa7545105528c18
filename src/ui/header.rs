//! The first line: which store, whether it is followed, how complete the screen is, which zone.

use ratatui::layout::Rect;

use crate::app::zone::length;
use crate::app::{App, Connection, Live};
use crate::core::instant::Micros;
use crate::store::{Access, Archived, TailLevel};
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
    // The state is never cut; the name comes next, then what the role could do, then the profile.
    let brand = "auditail  ";
    let cells = |text: &str| u16::try_from(width(text)).unwrap_or(u16::MAX);
    let state = cells(mark).saturating_add(cells(&word));
    let mut left = room.saturating_sub(cells(brand) + 2 + state);
    let mut x = pen.put(area.x + 1, area.y, room, brand, Role::Brand);
    let named = x;
    x = pen.put(x, area.y, left, &name, Role::Title);
    left = left.saturating_sub(x - named);
    let (could, may) = access;
    let could = format!(" · {could}");
    let access_fits = !access.0.is_empty() && cells(&could) <= left;
    if access_fits {
        left -= cells(&could);
        if cells(&profile) <= left {
            x = pen.put(x, area.y, room, &profile, Role::Dim);
        }
        x = pen.put(x, area.y, room, " · ", Role::Dim);
        x = pen.put(x, area.y, room, access.0, may);
    }
    let pieces = [
        ("  ", Role::Text),
        (mark, role),
        (word.as_str(), role),
        ("  ", Role::Text),
    ];
    let after = pen.row(x, area.y, end.saturating_sub(x), &pieces);
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
        Access::Generated => ("generated", Role::Dim),
        Access::Archive(_) => ("archive · RO", Role::Dim),
        Access::RoleCanWrite => ("role can write", Role::Warning),
    };
    let profile = format!(" · {}", description.profile.name);
    (description.name.clone(), profile, access)
}

/// What is to be known where there is no room for a header: that new events do not arrive.
pub fn trouble(app: &App) -> Option<(&'static str, String, Role)> {
    Some(live(app)).filter(|(_, _, role)| *role == Role::Error)
}

/// How following goes: a shape, a word and a role.
fn live(app: &App) -> (&'static str, String, Role) {
    if let Some(silent) = app.silence() {
        let seconds = silent / Micros::SECOND;
        return ("▲ ", format!("no answer for {seconds} s"), Role::Error);
    }
    match (&app.connection, &app.live) {
        (Connection::Opening, _) => ("○ ", "connecting…".to_owned(), Role::Pending),
        (Connection::Ready(description), Live::Off) => match description.access {
            Access::Archive(Archived::Whole) => ("■ ", "nothing new comes".to_owned(), Role::Dim),
            Access::Archive(Archived::Unfinished) => {
                ("▲ ", "backup not finished".to_owned(), Role::Warning)
            }
            _ => ("○ ", "not following".to_owned(), Role::Dim),
        },
        (_, Live::Off) => ("○ ", "not following".to_owned(), Role::Dim),
        (_, Live::Starting) => ("○ ", "starting".to_owned(), Role::Pending),
        (_, Live::On) => ("● ", "live".to_owned(), Role::Live),
        (_, Live::Reconnecting { attempt, .. }) => (
            "▲ ",
            format!("reconnecting, attempt {attempt}"),
            Role::Error,
        ),
        (_, Live::Ended) => ("▲ ", "ended · F5".to_owned(), Role::Error),
    }
}

/// `complete to 12:04:05.231 · lag 0.2 s · best effort (60 s overlap)`; empty as long as nothing is
/// known.
pub fn complete(app: &App) -> String {
    if app.is_archive() {
        return "journal and sizes checked".to_owned();
    }
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
