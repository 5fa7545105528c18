//! The last line: the newest notice, the keys of an unfinished sequence, or the most useful keys.

use ratatui::layout::Rect;

use crate::app::command::{Availability, COMMANDS, Scope};
use crate::app::dialog::Step;
use crate::app::dialog::steps::Line;
use crate::app::keymap::{sequence, shown};
use crate::app::notice::Level;
use crate::app::work::Pausing;
use crate::app::{App, Connection, Focus, Overlay, Page, Way};
use crate::core::query::diagnostic::Severity;
use crate::purge::halt::Going;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use crate::ui::{filter_bar, header, panel};

/// On the histogram.
const BRUSH: &[(&str, &str)] = &[
    ("brush.apply", "only this time"),
    ("brush.toggle", "brush"),
    ("brush.spike", "next spike"),
    ("brush.different", "what is different"),
    ("brush.nearer", "closer"),
    ("brush.farther", "farther"),
    ("view.back", "before"),
    ("help.show", "keys"),
];

/// On the list of what is different.
const DIFFERENT: &[(&str, &str)] = &[
    ("different.with", "its events"),
    ("different.without", "without"),
    ("app.back", "close"),
    ("help.show", "keys"),
];

/// On the list of columns.
const COLUMNS: &[(&str, &str)] = &[
    ("filter.submit", "on or off"),
    ("columns.left", "to the left"),
    ("columns.right", "to the right"),
    ("columns.reset", "as usual"),
    ("line.back", "done"),
];

/// The most useful commands of a place, with a word for each.
fn useful(app: &App) -> &'static [(&'static str, &'static str)] {
    if let Some(Overlay::Panel(open)) = app.overlays.last() {
        return panel::useful(open);
    }
    if let Some(Overlay::Columns(_)) = app.overlays.last() {
        return COLUMNS;
    }
    match (&app.connection, app.focus) {
        (Connection::Failed(_), _) => &[("connection.retry", "retry"), ("connection.quit", "quit")],
        _ if app.page != Page::Events && !is_usage_filter(app) => useful_elsewhere(app),
        (_, Focus::List) if app.settings.way == Way::Back => &[
            ("app.leave", "back to the store"),
            ("event.open", "open"),
            ("filter.edit", "filter"),
            ("search.start", "search"),
            ("range.choose", "range"),
            ("failure.next", "failure"),
            ("palette.open", "commands"),
            ("help.show", "keys"),
        ],
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
            ("facets.show", "facets"),
            ("tab.usage", "usage"),
            ("tab.archives", "archives"),
            ("purge.open", "purge"),
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
        (_, Focus::Facets) => useful_in_facets(app),
        (_, Focus::Timeline) => BRUSH,
        (_, Focus::Contrast) => DIFFERENT,
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

fn useful_in_facets(app: &App) -> &'static [(&'static str, &'static str)] {
    if app.is_narrowing() {
        return &[
            ("filter.submit", "to the values"),
            ("line.back", "clear"),
            ("help.always", "keys"),
        ];
    }
    &[
        ("facets.enter", "with"),
        ("facets.without", "without"),
        ("facets.more", "more"),
        ("facets.narrow", "narrow"),
        ("facets.add", "add"),
        ("facets.remove", "remove"),
        ("facets.close", "close"),
        ("help.show", "keys"),
        ("facets.whole", "count all"),
    ]
}

fn is_usage_filter(app: &App) -> bool {
    app.page == Page::Usage && app.focus == Focus::Filter
}

/// The same on a page without a list of events.
fn useful_elsewhere(app: &App) -> &'static [(&'static str, &'static str)] {
    match app.page {
        Page::Usage => &[
            ("usage.enter", "events"),
            ("usage.without", "without"),
            ("usage.next", "next report"),
            ("usage.period", "day, week, month"),
            ("filter.edit", "filter"),
            ("range.choose", "range"),
            ("tab.events", "events"),
            ("help.show", "keys"),
        ],
        Page::Archives if app.archives.asking.is_some() => {
            &[("filter.submit", "restore"), ("line.back", "not now")]
        }
        Page::Archives if app.work.is_some() => &[
            ("app.interrupt", "stop"),
            ("tab.events", "events"),
            ("help.show", "keys"),
        ],
        Page::Archives => &[
            ("archive.open", "open"),
            ("archive.verify", "verify"),
            ("archive.restore", "restore"),
            ("archive.resume", "go on"),
            ("archive.forget", "off the list"),
            ("tab.events", "events"),
            ("help.show", "keys"),
        ],
        Page::Purge | Page::Events => useful_in_dialog(app),
    }
}

fn useful_in_dialog(app: &App) -> &'static [(&'static str, &'static str)] {
    match (
        app.dialog_line(),
        app.work.as_ref().map(|work| work.pausing),
    ) {
        (Some(Line::Scope(_)), _) => &[
            ("filter.submit", "go on"),
            ("purge.next-line", "next line"),
            ("purge.resume", "unfinished one"),
            ("line.back", "leave"),
            ("help.always", "keys"),
        ],
        (Some(Line::Place), _) => &[
            ("filter.submit", "archive"),
            ("purge.previous-line", "back to the scope"),
            ("purge.resume", "unfinished one"),
            ("line.back", "leave"),
            ("help.always", "keys"),
        ],
        (Some(Line::Phrase), _) => &[
            ("filter.submit", "delete"),
            ("line.back", "leave it for later"),
            ("purge.another", "another purge"),
            ("help.always", "keys"),
        ],
        (Some(Line::Role), _) => &[
            ("filter.submit", "delete"),
            ("purge.previous-line", "back"),
            ("line.back", "leave it for later"),
            ("help.always", "keys"),
        ],
        (None, Some(Pausing::Never)) => &[
            ("app.interrupt", "stop"),
            ("app.back", "leave it at work"),
            ("help.show", "keys"),
        ],
        (None, Some(Pausing::Possible(Going::On))) => &[
            ("purge.pause", "pause"),
            ("app.interrupt", "stop after this batch"),
            ("app.back", "leave it at work"),
            ("help.show", "keys"),
        ],
        (None, Some(Pausing::Possible(Going::Paused))) => &[
            ("purge.pause", "go on"),
            ("app.interrupt", "stop"),
            ("help.show", "keys"),
        ],
        (None, None) if is_done(app) => &[
            ("purge.proceed", "close"),
            ("tab.archives", "archives"),
            ("help.show", "keys"),
        ],
        (None, None) => &[
            ("purge.proceed", "try again"),
            ("app.back", "leave"),
            ("help.show", "keys"),
        ],
    }
}

fn is_done(app: &App) -> bool {
    let dialog = app.dialog.as_ref();
    dialog.is_some_and(|dialog| dialog.step == Step::Receipt)
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
    if let Some(Overlay::Search { .. } | Overlay::Naming(_)) = app.overlays.last() {
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
    if let Some(work) = app.work.as_ref().filter(|_| app.page == Page::Events) {
        let far = work.rows().map_or(String::new(), |(rows, of)| {
            format!(" {} %", u128::from(rows) * 100 / u128::from(of.max(1)))
        });
        let text = format!("{}{far}", work.word);
        let pieces = [
            ("● ", Role::Pending),
            (&text, Role::Pending),
            ("   ", Role::Text),
        ];
        x = pen.row(x, area.y, room, &pieces);
    }
    for (id, word) in useful(app) {
        let command = COMMANDS.iter().find(|command| command.id == *id);
        let Some(command) = command else { continue };
        // Elsewhere what cannot be done now is not offered.
        let is_idle = app.page != Page::Events && (command.available)(app) != Availability::Yes;
        let Some(key) = command.keys.first().filter(|_| !is_idle) else {
            continue;
        };
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
            way: Way::Out,
            opening: crate::app::view::Opening::default(),
            groups: None,
        };
        let (mut app, _) = App::new(settings);
        for focus in [Focus::List, Focus::Inspector, Focus::Filter, Focus::Facets] {
            app.focus = focus;
            for (id, _) in useful(&app) {
                assert!(COMMANDS.iter().any(|command| command.id == *id), "{id}");
            }
        }
    }
}
