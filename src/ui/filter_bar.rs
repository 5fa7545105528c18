//! The filter's line, what is wrong with it, the result, and the suggestions.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use crate::app::layout::Regions;
use crate::app::question::{Paging, Question};
use crate::app::{App, Focus};
use crate::core::instant::At;
use crate::core::query::diagnostic::{Diagnostic, Severity};
use crate::store::{Count, Progress};
use crate::ui::number;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;
use crate::ui::{Caret, region, split_top, suggestions};

/// In front of the text.
const PROMPT: &str = " filter ▸ ";

/// Columns of the prompt.
fn prompt() -> u16 {
    u16::try_from(PROMPT.width()).unwrap_or(0)
}

/// Lines it needs: one, and those of the first diagnostic.
pub fn height(app: &App, columns: u16) -> u16 {
    match diagnostic(app) {
        Some(diagnostic) if fits_beside(app, diagnostic, columns) => 2,
        Some(_) => 3,
        None => 1,
    }
}

/// The one diagnostic that is shown: the first error, otherwise the first of all.
fn diagnostic(app: &App) -> Option<&Diagnostic> {
    let all = app.filter.diagnostics();
    let error = all.iter().find(|found| found.severity == Severity::Error);
    error.or_else(|| all.first())
}

/// First column (from the beginning of the text) and columns of a diagnostic's place.
fn place(app: &App, diagnostic: &Diagnostic) -> (u16, u16) {
    let text = app.filter.text();
    let start = text.floor_char_boundary(diagnostic.span.start.min(text.len()));
    let end = text.ceil_char_boundary(diagnostic.span.end.clamp(start, text.len()));
    let column = width(&text[..start]);
    let columns = width(&text[start..end]).max(1);
    let scroll = usize::from(scroll(app, u16::MAX));
    let cells = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    (cells(column.saturating_sub(scroll)), cells(columns))
}

fn sentence(diagnostic: &Diagnostic) -> String {
    match &diagnostic.hint {
        Some(hint) => format!("{} · {hint}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

fn fits_beside(app: &App, diagnostic: &Diagnostic, columns: u16) -> bool {
    let (column, marks) = place(app, diagnostic);
    let cells = width(&sentence(diagnostic));
    usize::from(prompt()) + usize::from(column) + usize::from(marks) + 1 + cells
        < usize::from(columns)
}

/// Columns that are scrolled away so that the caret is visible.
fn scroll(app: &App, room: u16) -> u16 {
    let caret = width(&app.filter.text()[..app.filter.caret()]);
    let caret = u16::try_from(caret).unwrap_or(u16::MAX);
    caret.saturating_sub(room.saturating_sub(1))
}

/// Draws the line; gives where the caret stands when it has the keys.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) -> Caret {
    if area.height == 0 {
        return None;
    }
    let (top, below) = split_top(area, 1);
    let focused = app.focus == Focus::Filter;
    let role = if focused { Role::Prompt } else { Role::Dim };
    let after = pen.put(top.x, top.y, top.width, PROMPT, role);
    let result = result(app);
    let result_cells = u16::try_from(width(&result)).unwrap_or(u16::MAX);
    // While typing the text has the room; the result comes back with the first column it leaves.
    let text_cells = u16::try_from(width(app.filter.text())).unwrap_or(u16::MAX);
    let free = top.right().saturating_sub(after);
    let mut end = top.right();
    if text_cells.saturating_add(result_cells).saturating_add(3) <= free {
        pen.right(
            Rect {
                width: top.width.saturating_sub(1),
                ..top
            },
            &[(&result, Role::Dim)],
        );
        end = top.right().saturating_sub(result_cells + 2);
    }
    let line = Rect {
        x: after,
        width: end.saturating_sub(after),
        height: 1,
        ..top
    };
    regions.filter = region(line);
    let scrolled = scroll(app, line.width);
    text(pen, line, app, scrolled);
    if let Some(found) = diagnostic(app).filter(|_| below.height > 0) {
        explain(pen, below, app, found);
    }
    let caret = width(&app.filter.text()[..app.filter.caret()]);
    let caret = u16::try_from(caret)
        .unwrap_or(u16::MAX)
        .saturating_sub(scrolled);
    let x = (line.x + caret).min(line.right().saturating_sub(1));
    if focused {
        suggestions::draw(pen, top, x, app);
    }
    focused.then_some((x, line.y))
}

fn text(pen: &mut Pen<'_>, line: Rect, app: &App, scrolled: u16) {
    let text = app.filter.text();
    if text.is_empty() && app.focus != Focus::Filter {
        pen.put(line.x, line.y, line.width, "all events", Role::Dim);
        return;
    }
    let mut hidden = usize::from(scrolled);
    let cut = text
        .char_indices()
        .find(|(at, _)| hidden <= width(&text[..*at]))
        .map_or(text.len(), |(at, _)| at);
    hidden = width(&text[..cut]);
    pen.put(line.x, line.y, line.width, &text[cut..], Role::Text);
    for found in app.filter.diagnostics() {
        let role = match found.severity {
            Severity::Error => Role::Error,
            Severity::Warning => Role::Warning,
        };
        let start = width(&text[..text.floor_char_boundary(found.span.start.min(text.len()))]);
        let (_, columns) = place(app, found);
        let x = start.saturating_sub(hidden);
        let x = line.x.saturating_add(u16::try_from(x).unwrap_or(u16::MAX));
        let room = line.right().saturating_sub(x.min(line.right()));
        let style = pen.style(role);
        let marked = Rect {
            x,
            y: line.y,
            width: columns.min(room),
            height: 1,
        };
        pen.buf
            .set_style(marked.intersection(*pen.buf.area()), style);
    }
}

/// Carets under the place and the sentence beside or below them.
fn explain(pen: &mut Pen<'_>, area: Rect, app: &App, found: &Diagnostic) {
    let role = match found.severity {
        Severity::Error => Role::Error,
        Severity::Warning => Role::Warning,
    };
    let (column, marks) = place(app, found);
    let x = (area.x + prompt())
        .saturating_add(column)
        .min(area.right().saturating_sub(1));
    let marks = "^".repeat(usize::from(marks.min(area.right() - x)));
    let after = pen.put(x, area.y, area.right() - x, &marks, role);
    let sentence = sentence(found);
    if fits_beside(app, found, area.width) {
        pen.put(
            after + 1,
            area.y,
            area.right().saturating_sub(after + 1),
            &sentence,
            role,
        );
    } else if area.height > 1 {
        pen.put(
            area.x + 1,
            area.y + 1,
            area.width.saturating_sub(1),
            &sentence,
            role,
        );
    }
}

/// `842 of ≈1.2M · 14 ms`, or how far a search has come.
fn result(app: &App) -> String {
    let Some(description) = app.description() else {
        return String::new();
    };
    let Question {
        paging,
        count,
        took,
        text,
        ..
    } = &app.question;
    let mut parts = Vec::new();
    if app.filter.is_invalid() {
        parts.push("previous result".to_owned());
    }
    match paging {
        Paging::Running {
            progress: Some(progress),
            ..
        } => parts.push(looked(app, *progress)),
        Paging::Running { .. } if app.question.took.is_none() => {
            parts.push("searching…".to_owned());
        }
        Paging::Stopped(Some(progress)) => {
            parts.push(format!("stopped, {}", looked(app, *progress)));
        }
        Paging::Stopped(None) => parts.push("stopped".to_owned()),
        Paging::Failed => parts.push("failed, ! shows why".to_owned()),
        Paging::Running { .. } | Paging::Idle => {}
    }
    let total = description.estimate.map(Count::Estimate).map(number::count);
    match (count, total) {
        (Some(count), Some(total)) if !text.is_empty() => {
            parts.push(format!("{} of {total}", number::count(*count)));
        }
        (Some(count), _) => parts.push(number::count(*count)),
        (None, Some(total)) => parts.push(format!("of {total}")),
        (None, None) => {}
    }
    if let Some(took) = took {
        parts.push(format!("{} ms", took.as_millis().max(1)));
    }
    parts.join(" · ")
}

fn looked(app: &App, progress: Progress) -> String {
    let to = match progress.looked_to {
        At::Instant(at) => app.zone.minute(at),
        other => app.zone.full(other),
    };
    match progress.fraction {
        Some(share) => format!("looked back to {to}, {:.0} %", share * 100.0),
        None => format!("looked back to {to}"),
    }
}
