//! The filter's line, what is wrong with it, the result, and the suggestions.

use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::app::layout::Regions;
use crate::app::paging::Paging;
use crate::app::question::Question;
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

/// Columns that a text keeps beside the result.
const LEAST: u16 = 24;

/// Columns of the prompt.
fn prompt() -> u16 {
    u16::try_from(PROMPT.width()).unwrap_or(0)
}

/// How the line is divided.
struct Line {
    /// What the store answered, where it has room.
    result: Option<String>,
    /// Columns of the text.
    room: u16,
    /// Columns of the text that are scrolled away so that the caret is visible.
    scrolled: u16,
}

impl Line {
    fn new(app: &App, columns: u16) -> Self {
        let free = columns.saturating_sub(prompt());
        let result = result(app);
        let (text, cells) = (columns_of(app.filter.text()), columns_of(&result));
        // While typing the text has the room; the result comes back with the first column it leaves.
        // Afterwards the result stays, as long as enough of the text does.
        let is_typed = app.focus == Focus::Filter;
        let is_cut = !is_typed && !app.filter.is_invalid();
        let fits = text.saturating_add(cells).saturating_add(3) <= free
            || is_cut && cells.saturating_add(2 + LEAST) <= free;
        let room = if fits { free - cells - 2 } else { free };
        let caret = columns_of(&app.filter.text()[..app.filter.caret()]);
        // The beginning says what is asked for: `-user:x` without its sign is the opposite. What is
        // wrong has to be seen.
        let wrong = diagnostic(app).map_or(0, |found| {
            let text = app.filter.text();
            columns_of(&text[..text.ceil_char_boundary(found.span.end.min(text.len()))])
        });
        let reach = if is_typed { caret } else { wrong };
        Self {
            result: fits.then_some(result),
            room,
            scrolled: reach.saturating_sub(room.saturating_sub(1)),
        }
    }
}

/// Columns of a text.
fn columns_of(text: &str) -> u16 {
    u16::try_from(width(text)).unwrap_or(u16::MAX)
}

/// Lines it needs: one, and those of the first diagnostic.
pub fn height(app: &App, columns: u16) -> u16 {
    let line = Line::new(app, columns);
    match diagnostic(app) {
        Some(diagnostic) if fits_beside(app, &line, diagnostic, columns) => 2,
        Some(_) => 3,
        None => 1,
    }
}

/// The one diagnostic that is shown: the first error, otherwise the first of all.
pub fn diagnostic(app: &App) -> Option<&Diagnostic> {
    let all = app.filter.diagnostics();
    let error = all.iter().find(|found| found.severity == Severity::Error);
    error.or_else(|| all.first())
}

/// First column (of what is visible of the text) and visible columns of a diagnostic's place; no
/// columns when all of it is scrolled away.
fn place(app: &App, line: &Line, diagnostic: &Diagnostic) -> (u16, u16) {
    let text = app.filter.text();
    let start = text.floor_char_boundary(diagnostic.span.start.min(text.len()));
    let end = text.ceil_char_boundary(diagnostic.span.end.clamp(start, text.len()));
    let from = columns_of(&text[..start]);
    let to = from.saturating_add(columns_of(&text[start..end]).max(1));
    let visible = |column: u16| column.saturating_sub(line.scrolled).min(line.room);
    (visible(from), visible(to) - visible(from))
}

/// The sentence of a diagnostic.
pub fn sentence(diagnostic: &Diagnostic) -> String {
    match &diagnostic.hint {
        Some(hint) => format!("{} · {hint}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

fn fits_beside(app: &App, line: &Line, diagnostic: &Diagnostic, columns: u16) -> bool {
    let (column, marks) = place(app, line, diagnostic);
    let cells = width(&sentence(diagnostic));
    usize::from(prompt()) + usize::from(column) + usize::from(marks) + 1 + cells
        < usize::from(columns)
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
    let divided = Line::new(app, area.width);
    if let Some(result) = &divided.result {
        let but_one = Rect {
            width: top.width.saturating_sub(1),
            ..top
        };
        pen.right(but_one, &[(result, Role::Dim)]);
    }
    let line = Rect {
        x: after,
        width: divided.room,
        height: 1,
        ..top
    };
    regions.filter = region(line);
    text(pen, line, app, &divided);
    if let Some(found) = diagnostic(app).filter(|_| below.height > 0) {
        explain(pen, below, app, &divided, found);
    }
    let caret = columns_of(&app.filter.text()[..app.filter.caret()]);
    let caret = caret.saturating_sub(divided.scrolled);
    let x = (line.x + caret).min(line.right().saturating_sub(1));
    if focused {
        suggestions::draw(pen, top, x, app);
    }
    focused.then_some((x, line.y))
}

fn text(pen: &mut Pen<'_>, line: Rect, app: &App, divided: &Line) {
    let text = app.filter.text();
    if text.is_empty() && app.focus != Focus::Filter {
        pen.put(line.x, line.y, line.width, "all events", Role::Dim);
        return;
    }
    let mut hidden = 0;
    let cut = text
        .grapheme_indices(true)
        .find(|(_, grapheme)| {
            let reached = hidden >= usize::from(divided.scrolled);
            hidden += if reached { 0 } else { width(grapheme) };
            reached
        })
        .map_or(text.len(), |(at, _)| at);
    pen.put(line.x, line.y, line.width, &text[cut..], Role::Text);
    if cut > 0 {
        pen.put(line.x, line.y, 1, "…", Role::Dim);
    }
    // Of the diagnostics only those that are visible are worth measuring.
    let end = text[cut..]
        .char_indices()
        .nth(usize::from(line.width))
        .map_or(text.len(), |(at, _)| cut + at);
    let all = app.filter.diagnostics().iter();
    for found in all.filter(|found| found.span.start <= end && found.span.end >= cut) {
        let role = match found.severity {
            Severity::Error => Role::Error,
            Severity::Warning => Role::Warning,
        };
        let (column, columns) = place(app, divided, found);
        let x = line.x.saturating_add(column);
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
fn explain(pen: &mut Pen<'_>, area: Rect, app: &App, line: &Line, found: &Diagnostic) {
    let role = match found.severity {
        Severity::Error => Role::Error,
        Severity::Warning => Role::Warning,
    };
    let (column, marks) = place(app, line, found);
    let x = (area.x + prompt())
        .saturating_add(column)
        .min(area.right().saturating_sub(1));
    let marks = "^".repeat(usize::from(marks.min(area.right() - x)));
    let after = pen.put(x, area.y, area.right() - x, &marks, role);
    let sentence = sentence(found);
    if fits_beside(app, line, found, area.width) {
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
    if app.filter.is_invalid() && !app.is_waiting_for_filter() {
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
        (None, _) if app.question.is_counting() => parts.push("counting…".to_owned()),
        (None, _) => {}
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
