//! The last line: the newest notice, the keys of an unfinished sequence, or the most useful keys.

use ratatui::layout::Rect;

use crate::app::command::{COMMANDS, Scope};
use crate::app::keymap::{sequence, shown};
use crate::app::notice::Level;
use crate::app::{App, Connection, Focus, Overlay};
use crate::core::query::diagnostic::Severity;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use crate::ui::{filter_bar, header};

/// The most useful commands of a place, with a word for each.
fn useful(app: &App) -> &'static [(&'static str, &'static str)] {
    match (&app.connection, app.focus) {
        (Connection::Failed(_), _) => &[("connection.retry", "retry"), ("connection.quit", "quit")],
        (_, Focus::List) => &[
            ("event.open", "open"),
            ("list.pause", "pause"),
            ("filter.edit", "filter"),
            ("search.start", "search"),
            ("range.choose", "range"),
            ("failure.next", "failure"),
            ("palette.open", "commands"),
            ("help.show", "keys"),
            ("app.leave", "quit"),
        ],
        (_, Focus::Inspector) => &[
            ("app.back", "close"),
            ("tree.toggle", "fold"),
            ("search.start", "search"),
            ("value.with", "with"),
            ("value.without", "without"),
            ("copy.value", "copy"),
            ("tree.wrap", "wrap"),
            ("help.show", "keys"),
        ],
        (_, Focus::Filter) => &[
            ("filter.submit", "run"),
            ("line.complete", "complete"),
            ("line.previous", "before"),
            ("filter.history", "history"),
            ("line.back", "back"),
            ("help.always", "keys"),
        ],
    }
}

/// Draws the line where it is the only one beside the list: it says what header and filter would.
pub fn draw_alone(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let said = !app.pressed().is_empty() || app.notices.current().is_some();
    let room = area.width.saturating_sub(1);
    let (x, y) = (area.x + 1, area.y);
    let found = filter_bar::diagnostic(app);
    match (found, header::trouble(app)) {
        (Some(found), _) if !said => {
            let role = match found.severity {
                Severity::Error => Role::Error,
                Severity::Warning => Role::Warning,
            };
            pen.put(x, y, room, &filter_bar::sentence(found), role);
        }
        (None, Some((mark, word, role))) if !said => {
            pen.row(x, y, room, &[(mark, role), (&word, role)]);
        }
        _ => draw(pen, area, app),
    }
}

/// Draws the line.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let room = area.width.saturating_sub(1);
    if !app.pressed().is_empty() {
        return pending(pen, area, app);
    }
    if let Some(Overlay::Search { .. }) = app.overlays.last() {
        return;
    }
    if let Some(notice) = app.notices.current() {
        let role = match notice.level {
            Level::Info => Role::Warning,
            Level::Error => Role::Error,
        };
        let hint = notice.hint.as_ref().map(|hint| format!(" · {hint}"));
        let pieces = [
            (notice.level.word(), role),
            (": ", role),
            (notice.text.as_str(), Role::Text),
            (hint.as_deref().unwrap_or_default(), Role::Dim),
        ];
        pen.row(area.x + 1, area.y, room, &pieces);
        return;
    }
    let mut x = area.x + 1;
    for (id, word) in useful(app) {
        let key = COMMANDS
            .iter()
            .find(|command| command.id == *id)
            .and_then(|command| command.keys.first());
        let Some(key) = key else { continue };
        let key = shown(key);
        let cells = key.chars().count() + 1 + word.len();
        if x + u16::try_from(cells).unwrap_or(u16::MAX) >= area.right() {
            break;
        }
        x = pen.row(
            x,
            area.y,
            area.right() - x,
            &[
                (&key, Role::Key),
                (" ", Role::Text),
                (word, Role::Dim),
                ("  ", Role::Text),
            ],
        );
    }
}

/// What can follow the keys pressed so far.
fn pending(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let pressed = app.pressed();
    let so_far: Vec<_> = pressed.iter().map(ToString::to_string).collect();
    let room = area.width.saturating_sub(1);
    let mut x = pen.row(
        area.x + 1,
        area.y,
        room,
        &[(&so_far.join(" "), Role::Key), (" …  ", Role::Dim)],
    );
    let scopes: &[Scope] = app.scopes();
    for command in COMMANDS
        .iter()
        .filter(|command| scopes.contains(&command.scope))
    {
        for keys in command.keys {
            let keys = sequence(keys);
            if let Some([next, ..]) = keys.strip_prefix(pressed) {
                x = pen.row(
                    x,
                    area.y,
                    area.right().saturating_sub(x),
                    &[
                        (&next.to_string(), Role::Key),
                        (" ", Role::Text),
                        (command.title, Role::Dim),
                        ("  ", Role::Text),
                    ],
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_useful_command_is_in_the_table() {
        let settings = crate::app::Settings {
            target: String::new(),
            tz: chrono_tz::Tz::UTC,
            local: chrono_tz::Tz::UTC,
        };
        let (mut app, _) = App::new(settings);
        for focus in [Focus::List, Focus::Inspector, Focus::Filter] {
            app.focus = focus;
            for (id, _) in useful(&app) {
                assert!(COMMANDS.iter().any(|command| command.id == *id), "{id}");
            }
        }
    }
}
