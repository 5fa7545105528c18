//! The event list: aligned columns, day lines, the undated section, gaps.

mod columns;

use ratatui::layout::Rect;

use crate::app::histogram::is_failure;
use crate::app::layout::Regions;
use crate::app::paging::Paging;
use crate::app::timeline::view::{Line, Mark};
use crate::app::timeline::{Edge, Follow, Gap};
use crate::app::{App, Connection, Focus};
use crate::core::event::{Event, Field, Outcome};
use crate::core::instant::At;
use crate::ui::header::{CompleteShown, complete};
use crate::ui::list::columns::Layout;
use crate::ui::number::short;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;
use crate::ui::{Focused, pane_title, region, split_top};

/// From this width on there is room for the service, whose names are long and end in what differs.
const WIDE: u16 = 140;

/// Columns of one event, left to right, in cells.
#[derive(Clone, Copy, Debug)]
struct Columns {
    time: u16,
    outcome: u16,
    actor: u16,
    service: u16,
    action: u16,
}

/// Draws title and lines.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) {
    let (top, lines) = split_top(area, 1);
    let focused = Focused::of(app, Focus::List);
    let previous = app.shows_previous() && !app.timeline.is_empty();
    let title = match app.timeline.follow() {
        _ if previous => "events · previous result",
        // Nothing new comes, so there is nothing to follow.
        Follow::Following if app.is_archive() => "events · newest",
        Follow::Paused { .. } if app.is_archive() => "events",
        Follow::Following => "events · following",
        Follow::Paused { .. } => "events · paused",
    };
    let day = app.timeline.selected().and_then(|event| {
        let day = app.zone.day(event.at().instant()?)?;
        Some(day.format("%a %Y-%m-%d").to_string())
    });
    pane_title(pen, top, focused, title, &day.unwrap_or_default());
    let chosen = app.columns.chosen();
    let layout = (!chosen.is_empty()).then(|| Layout::of(chosen, lines.width));
    let (names, lines) = split_top(lines, u16::from(layout.is_some() && lines.height > 1));
    if let Some(layout) = layout.as_ref().filter(|_| names.height > 0) {
        layout.draw_names(pen, names, chosen);
    }
    regions.list = region(lines);
    let view = app.timeline.view(usize::from(lines.height), &app.zone);
    if view.is_empty() {
        return empty(pen, lines, app);
    }
    let columns = columns(app, lines.width);
    for (y, line) in (lines.y..).zip(view) {
        let row = Rect {
            y,
            height: 1,
            ..lines
        };
        match line {
            Line::Event { event, mark } => {
                match &layout {
                    Some(layout) => layout.draw_event(pen, row, app, event),
                    None => draw_event(pen, row, app, event, columns),
                }
                if previous {
                    let dim = pen.style(Role::Dim);
                    pen.buf.set_style(row, dim);
                }
                if mark == Mark::Selected {
                    select(pen, row, focused);
                }
                if app.inquiry.marks.find(&event.id).is_some() {
                    pen.put(row.x, row.y, 1, "◆", Role::Warning);
                }
            }
            Line::Day(day) => {
                let label = format!(" {} ", day.format("%A %Y-%m-%d"));
                heading(pen, row, &label, Role::Day);
            }
            Line::Undated => heading(pen, row, " without a usable time ", Role::Warning),
            Line::Gap(gap) => draw_gap(pen, row, app, gap),
        }
    }
}

fn select(pen: &mut Pen<'_>, row: Rect, focused: Focused) {
    let role = match focused {
        Focused::Yes => Role::Selection,
        Focused::No => Role::SelectionIdle,
    };
    pen.put(row.x, row.y, 1, "▌", Role::Prompt);
    let style = pen.style(role);
    pen.buf.set_style(row, style);
}

fn heading(pen: &mut Pen<'_>, row: Rect, label: &str, role: Role) {
    pen.put(row.x + 1, row.y, 2, "──", Role::Rule);
    let after = pen.put(row.x + 3, row.y, row.width.saturating_sub(4), label, role);
    let rest = Rect {
        x: after,
        width: row.right().saturating_sub(after + 1),
        ..row
    };
    pen.rule(rest, Role::Rule);
}

fn draw_gap(pen: &mut Pen<'_>, row: Rect, app: &App, gap: &Gap) {
    let label = format!(
        " ▲ gap {} to {}: events may be missing ({}) ",
        app.zone.clock(gap.from),
        app.zone.clock(gap.to),
        gap.because
    );
    heading(pen, row, &label, Role::Warning);
}

fn columns(app: &App, width: u16) -> Columns {
    let widest = app.timeline.widths();
    let fit = |cells: usize, least: u16, most: u16| {
        u16::try_from(cells)
            .unwrap_or(u16::MAX)
            .clamp(least, most.max(least))
    };
    let time = if width < 60 { 8 } else { 12 };
    let outcome = 7;
    let left = width.saturating_sub(time + outcome + 5);
    let service = if width >= WIDE && widest.service > 0 {
        fit(widest.service, 4, left / 5)
    } else {
        0
    };
    let left = left.saturating_sub(service);
    Columns {
        time,
        outcome,
        actor: fit(widest.actor, 5, left * 3 / 10),
        service,
        action: fit(widest.action, 6, left * 4 / 10),
    }
}

/// The word and the role of an outcome; what a store does not say is a dash, never `ok`.
pub fn outcome(outcome: Option<Outcome>) -> (&'static str, Role) {
    match outcome {
        Some(Outcome::Ok) => ("ok", Role::Ok),
        Some(Outcome::Failed) => ("failed", Role::Failed),
        Some(Outcome::Denied) => ("denied", Role::Denied),
        Some(Outcome::Pending) => ("pending", Role::Pending),
        None => ("—", Role::Unknown),
    }
}

/// When an event was, on the day that stands above it.
fn time(app: &App, event: &Event) -> String {
    match event.at() {
        At::Instant(at) => app.zone.clock(at),
        At::NegInfinity => "-infinity".to_owned(),
        At::PosInfinity => "infinity".to_owned(),
        At::Absent => "no time".to_owned(),
    }
}

fn draw_event(pen: &mut Pen<'_>, row: Rect, app: &App, event: &Event, columns: Columns) {
    let time = time(app, event);
    let (word, role) = outcome(event.outcome);
    let mut x = row.x + 1;
    let mut cell = |pen: &mut Pen<'_>, cells: u16, text: &str, role: Role| {
        let room = cells.min(row.right().saturating_sub(x));
        if room > 0 {
            pen.put(x, row.y, room, text, role);
            x += room + 1;
        }
    };
    let time: String = time.chars().take(usize::from(columns.time)).collect();
    cell(pen, columns.time, &time, Role::Time);
    cell(pen, columns.outcome, word, role);
    cell(
        pen,
        columns.actor,
        &listed(event, Field::Actor),
        Role::Actor,
    );
    cell(
        pen,
        columns.service,
        &listed(event, Field::Service),
        Role::Service,
    );
    cell(
        pen,
        columns.action,
        &listed(event, Field::Action),
        Role::Action,
    );
    let resource = listed(event, Field::Resource);
    let why = event
        .first(Field::Status)
        .filter(|_| is_failure(event.outcome));
    match why {
        // What went wrong is worth the room that the resource leaves.
        Some(why) => {
            let cells = u16::try_from(width(&resource)).unwrap_or(u16::MAX);
            cell(pen, cells, &resource, Role::Resource);
            cell(pen, u16::MAX, why, role);
        }
        None => cell(pen, u16::MAX, &resource, Role::Resource),
    }
}

/// The values of a field; several are counted, because one alone would hide the others.
fn listed(event: &Event, field: Field) -> String {
    match (event.first(field), event.all(field).len()) {
        (None, _) => "—".to_owned(),
        (Some(one), 1) => one.to_owned(),
        (Some(first), all) => format!("{first} +{}", all - 1),
    }
}

fn empty(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let (text, hint) = match (&app.connection, &app.question.paging) {
        (Connection::Opening, _) => ("connecting…", ""),
        (_, Paging::Running { .. }) => ("loading…", "Ctrl-c stops"),
        (_, Paging::Stopped(_)) => ("stopped", "F5 asks again"),
        (_, Paging::Failed) => ("the store did not answer", "F5 asks again, ! shows why"),
        (_, Paging::Idle) if app.question.text.is_empty() => {
            ("no events yet", "new ones appear here")
        }
        (_, Paging::Idle) => (
            "no event matches the filter",
            "x removes it, t changes the range",
        ),
    };
    let y = area.y + area.height / 3;
    if area.height > 0 {
        pen.put(
            area.x + 2,
            y,
            area.width.saturating_sub(2),
            text,
            Role::Title,
        );
    }
    if area.height > 1 {
        let y = (y + 1).min(area.bottom() - 1);
        pen.put(area.x + 2, y, area.width.saturating_sub(2), hint, Role::Dim);
    }
}

/// The line below the list: events that wait, and how complete it is when the header had no room.
pub fn bottom_rule(pen: &mut Pen<'_>, area: Rect, app: &App, shown: CompleteShown) {
    pen.rule(area, Role::Rule);
    let mut x = area.x + 2;
    let room = |x: u16| area.right().saturating_sub(x + 1);
    if let Follow::Paused { new } = app.timeline.follow() {
        let waiting = match (new, app.timeline.newer) {
            (0, Edge::End) if app.is_archive() => " G goes to the newest ".to_owned(),
            (0, Edge::End) => " paused · G follows ".to_owned(),
            (0, Edge::Open) => " more below · G goes to the newest ".to_owned(),
            (new, _) => format!(" {} new below · G follows ", short(new)),
        };
        x = pen.put(x, area.y, room(x), &waiting, Role::Paused) + 1;
    }
    if shown == CompleteShown::No {
        let complete = complete(app);
        if !complete.is_empty() {
            pen.put(x, area.y, room(x), &format!(" {complete} "), Role::Dim);
        }
    }
}
