//! What is different under the brush: one line for each value whose share is another one there.

use ratatui::layout::Rect;

use crate::app::contrast::{Contrast, State};
use crate::app::filter_bar::term;
use crate::app::layout::Regions;
use crate::app::{App, Focus};
use crate::core::contrast::{
    FEWEST, Finding, Habits, POINTS, Share, Subject, UNSEEN_POINTS, Value, Verdict,
};
use crate::core::number::grouped;
use crate::ui::number::short;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;
use crate::ui::{Focused, NOTHING, pane_title, region, split_bottom, split_top};

/// Columns of a share: a bar and its percents.
const SHARE: u16 = 13;

/// Of them the bar's.
const BAR: u16 = 6;

/// Columns of the difference.
const DIFFERENCE: u16 = 6;

/// Lines below the list about the selected difference.
const DETAIL: u16 = 5;

/// Draws the pane.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, contrast: &Contrast, regions: &mut Regions) {
    let (title, body) = split_top(area, 1);
    let focused = Focused::of(app, Focus::Contrast);
    pane_title(
        pen,
        title,
        focused,
        "what is different",
        &note(app, contrast),
    );
    let findings = contrast.findings();
    if findings.is_empty() {
        regions.contrast = region(body);
        return message(pen, body, contrast);
    }
    let (head, rest) = split_top(body, 1);
    // On a low screen the list needs all there is.
    let lines = if rest.height >= 3 * DETAIL { DETAIL } else { 0 };
    let (list, detail) = split_bottom(rest, lines);
    regions.contrast = region(list);
    heading(pen, head, contrast);
    let height = usize::from(list.height).max(1);
    let first = contrast.selected.saturating_sub(height - 1);
    let shown = findings.iter().enumerate().skip(first).take(height);
    for (y, (number, finding)) in (list.y..).zip(shown) {
        let line = Rect {
            y,
            height: 1,
            ..list
        };
        row(pen, line, finding);
        if number == contrast.selected {
            pen.put(line.x, y, 1, "▌", Role::Key);
            let style = pen.style(Role::Selection);
            pen.buf.set_style(line, style);
        }
    }
    if let Some(finding) = findings.get(contrast.selected).filter(|_| lines > 0) {
        explain(pen, detail, finding, contrast);
    }
}

/// `2026-11-17 14:10 to 15:20 UTC · 611 of 12,956 events · reading, 8 of 60`
fn note(app: &App, contrast: &Contrast) -> String {
    let (here, _) = contrast.events;
    let until = app.zone.minute(contrast.until);
    let same_day = app.zone.day(contrast.since) == app.zone.day(contrast.until);
    let until = match until.split_once(' ') {
        Some((_, clock)) if same_day => clock,
        _ => &until,
    };
    let mut note = format!(
        "{} to {until} {} · {} of {} events",
        app.zone.minute(contrast.since),
        app.zone.name(),
        short(here),
        short(contrast.all)
    );
    let read = contrast.reading.as_ref();
    match &contrast.state {
        State::Reading => {
            let done = read.map_or(0, |reading| reading.stretches);
            note.push_str(&format!(" · reading, {done} of {}", contrast.stretches));
        }
        State::Stopped => note.push_str(" · stopped"),
        State::Failed(_) => note.push_str(" · not all was read"),
        State::Whole if contrast.is_sample() => {
            let (here, rest) = read.map_or((0, 0), |reading| reading.read);
            note.push_str(&format!(" · ~ {} of them read", short(here + rest)));
        }
        State::Whole => {}
    }
    note
}

fn heading(pen: &mut Pen<'_>, line: Rect, contrast: &Contrast) {
    let [here, rest, points] = columns(line);
    if let Some(unseen) = unseen(contrast) {
        let room = here.saturating_sub(line.x + 3);
        pen.put(line.x + 2, line.y, room, unseen, Role::Warning);
    }
    for (x, cells, word) in [
        (here, SHARE, "here"),
        (rest, SHARE, "elsewhere"),
        (points, DIFFERENCE, "points"),
    ] {
        let text = format!("{word:>width$}", width = usize::from(cells) - 1);
        pen.put(x, line.y, cells, &text, Role::Dim);
    }
}

/// Where the columns of numbers begin.
fn columns(line: Rect) -> [u16; 3] {
    let points = line.right().saturating_sub(DIFFERENCE);
    let rest = points.saturating_sub(SHARE);
    [rest.saturating_sub(SHARE), rest, points]
}

fn row(pen: &mut Pen<'_>, line: Rect, finding: &Finding) {
    let [here, rest, points] = columns(line);
    let room = here.saturating_sub(line.x + 2);
    let name = term::name(&finding.subject);
    let names = (room * 2 / 5).max(8);
    pen.put(line.x + 2, line.y, names - 1, &name, Role::Dim);
    let (text, role) = shown(&finding.subject, &finding.value);
    let x = line.x + 2 + names;
    pen.put(x, line.y, here.saturating_sub(x + 1), &text, role);
    share(pen, (here, line.y), finding.here);
    share(pen, (rest, line.y), finding.rest);
    let difference = format!(
        "{:>+width$.0}",
        finding.difference() * 100.0,
        width = usize::from(DIFFERENCE) - 1
    );
    let role = if finding.difference() > 0.0 {
        Role::Text
    } else {
        Role::Dim
    };
    pen.put(points, line.y, DIFFERENCE, &difference, role);
}

fn share(pen: &mut Pen<'_>, (x, y): (u16, u16), share: Share) {
    let eighths = (share.fraction() * f64::from(BAR)).ceil();
    for column in 0..BAR {
        if f64::from(column) < eighths {
            pen.put(x + column, y, 1, "█", Role::Bar);
        }
    }
    let text = format!("{:>5} %", percents(share));
    pen.put(x + BAR, y, SHARE - BAR, &text, Role::Text);
}

/// `62`, `0.4`, `<0.1`: as exactly as it matters.
fn percents(share: Share) -> String {
    let percents = share.fraction() * 100.0;
    if share.events == 0 || share.events == share.of || percents >= 10.0 {
        format!("{percents:.0}")
    } else if percents >= 0.1 {
        format!("{percents:.1}")
    } else {
        "<0.1".to_owned()
    }
}

/// A value, and how it looks.
fn shown(subject: &Subject, value: &Value) -> (String, Role) {
    use crate::core::event::Field;
    match (value, subject) {
        (Value::Missing, _) => (NOTHING.to_owned(), Role::Unknown),
        (Value::Is(text), _) if text.is_empty() => ("(empty)".to_owned(), Role::Unknown),
        (Value::AtLeast(from), _) => (format!("{from} ms or longer"), Role::Text),
        (Value::Is(text), Subject::Field(Field::Actor)) => (text.clone(), Role::Actor),
        (Value::Is(text), Subject::Field(Field::Action)) => (text.clone(), Role::Action),
        (Value::Is(text), Subject::Field(Field::Service)) => (text.clone(), Role::Service),
        (Value::Is(text), Subject::Field(Field::Resource)) => (text.clone(), Role::Resource),
        (Value::Is(text), Subject::Outcome) if text == "ok" => (text.clone(), Role::Ok),
        (Value::Is(text), Subject::Outcome) if text == "denied" => (text.clone(), Role::Denied),
        (Value::Is(text), Subject::Outcome) if text == "failed" => (text.clone(), Role::Failed),
        (Value::Is(text), _) => (text.clone(), Role::Text),
    }
}

/// The numbers of the selected difference, and what else the same events have.
fn explain(pen: &mut Pen<'_>, area: Rect, finding: &Finding, contrast: &Contrast) {
    pen.rule(area, Role::Rule);
    let sample = if contrast.is_sample() { "~ " } else { "" };
    let of = |share: Share| format!("{} of {}", grouped(share.events), grouped(share.of));
    let numbers = format!(
        "{sample}{} events here, {} elsewhere",
        of(finding.here),
        of(finding.rest)
    );
    let inner = Rect {
        x: area.x + 2,
        width: area.width.saturating_sub(3),
        ..area
    };
    let term = term::of(&finding.subject, &finding.value);
    pen.put(inner.x, area.y + 1, inner.width, &term, Role::Text);
    pen.put(inner.x, area.y + 2, inner.width, &numbers, Role::Text);
    let mut y = area.y + 3;
    let mut x = pen.put(inner.x, y, inner.width, same(finding), Role::Dim);
    for (subject, value) in &finding.also {
        let text = format!(" {} ", term::of(subject, value));
        let cells = u16::try_from(width(&text)).unwrap_or(u16::MAX);
        if x + cells > inner.right() && y + 1 < area.bottom() {
            (x, y) = (inner.x, y + 1);
        }
        x = pen.put(x, y, inner.right().saturating_sub(x), &text, Role::Text);
    }
}

fn same(finding: &Finding) -> &'static str {
    if finding.also.is_empty() {
        ""
    } else {
        "the same events:"
    }
}

/// Why there is no line.
fn message(pen: &mut Pen<'_>, area: Rect, contrast: &Contrast) {
    let lines: Vec<(String, Role)> = match (&contrast.state, verdict(contrast)) {
        (State::Failed(error), _) => vec![
            (error.to_string(), Role::Error),
            (error.hint().unwrap_or_default().to_owned(), Role::Dim),
        ],
        (_, Some(Verdict::TooFew(here, rest))) if !is_reading(contrast) => vec![(
            format!(
                "too few events to compare: {here} here, {rest} in the rest; {FEWEST} of each are needed"
            ),
            Role::Text,
        )],
        (State::Reading, _) => vec![("comparing…".to_owned(), Role::Dim)],
        (State::Stopped, _) => vec![("stopped before anything was found".to_owned(), Role::Dim)],
        (State::Whole, _) => vec![
            (nothing(contrast), Role::Text),
            (
                "Who, what, where and all else in the records is mixed much as in the rest."
                    .to_owned(),
                Role::Text,
            ),
            (rates(contrast), Role::Text),
            (failures(contrast), Role::Text),
            (
                "What took only a part of this time shows under a brush as short.".to_owned(),
                Role::Dim,
            ),
            (
                unseen(contrast).unwrap_or_default().to_owned(),
                Role::Warning,
            ),
        ],
    };
    for (y, (text, role)) in (area.y + 1..area.bottom()).zip(lines) {
        pen.put(area.x + 2, y, area.width.saturating_sub(3), &text, role);
    }
}

/// What cannot be told of too few stretches.
fn unseen(contrast: &Contrast) -> Option<&'static str> {
    let reading = contrast.reading.as_ref()?;
    let is_told = reading.habits == Habits::Unseen && !is_reading(contrast);
    is_told.then_some("what varies anyway was not seen")
}

fn verdict(contrast: &Contrast) -> Option<&Verdict> {
    contrast.reading.as_ref().map(|reading| &reading.verdict)
}

fn is_reading(contrast: &Contrast) -> bool {
    matches!(contrast.state, State::Reading)
}

/// `nothing is different here by 10 points beyond what varies anyway`
fn nothing(contrast: &Contrast) -> String {
    let habits = contrast.reading.as_ref().map(|reading| reading.habits);
    let (points, beyond) = match habits {
        Some(Habits::Unseen) => (UNSEEN_POINTS, ""),
        Some(Habits::Seen) | None => (POINTS, " beyond what varies anyway"),
    };
    format!(
        "nothing is different here by {:.0} points{beyond}",
        points * 100.0
    )
}

/// `Failures are 13.3 % of the events here, 4.6 % of the others.`
fn failures(contrast: &Contrast) -> String {
    contrast
        .failures
        .map_or_else(String::new, |(here, others)| {
            let (here, others) = (here * 100.0, others * 100.0);
            format!("Failures are {here:.1} % of the events here, {others:.1} % of the others.")
        })
}

/// `There are just more events: 8.10 a minute here, 1.20 in the rest.`
fn rates(contrast: &Contrast) -> String {
    let (here, rest) = contrast.rates;
    let word = if here > rest { "just more" } else { "no more" };
    format!("There are {word} events: {here:.2} a minute here, {rest:.2} in the rest.")
}
