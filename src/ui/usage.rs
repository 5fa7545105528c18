//! The Usage tab: the filter, and reports in one column or two. Heights do not depend on numbers, so
//! that nothing moves while they come in.

mod lines;
mod totals;
mod week;

use ratatui::layout::Rect;

use crate::app::App;
use crate::app::layout::Regions;
use crate::app::usage::{SECTIONS, Section, Side, State, rows_of};
use crate::core::aggregate::Certainty;
use crate::core::instant::Micros;
use crate::core::usage::Report;
use crate::core::usage::answer::Answer;
use crate::core::usage::plan::Window;
use crate::ui::filter_bar;
use crate::ui::number::short;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;
use crate::ui::usage::totals::Comparison;
use crate::ui::{Caret, Focused, pane_title, region, split_top};

/// From this width on reports stand in two columns.
const TWO_COLUMNS: u16 = 100;

/// Lines between reports.
const GAP: u16 = 1;

/// Where a report stands, from the first line of all on.
struct Block {
    number: usize,
    x: u16,
    width: u16,
    top: u16,
    height: u16,
}

impl Block {
    fn end(&self) -> u16 {
        self.top + self.height
    }
}

/// Draws the tab; gives where its caret stands.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) -> Caret {
    let (bar, rest) = split_top(area, filter_bar::height(app, area.width).min(area.height));
    let (title, body) = split_top(rest, 1);
    // A filter that cannot be understood does not ask anything.
    let name = if app.filter.is_invalid() && !app.is_waiting_for_filter() {
        "usage · previous result"
    } else {
        "usage"
    };
    pane_title(pen, title, focused(app), name, &note(app));
    regions.usage = region(body);
    let blocks = blocks(app, body);
    let first = scroll(app, &blocks, body.height);
    for block in &blocks {
        if block.end() <= first || block.top >= first + body.height {
            continue;
        }
        regions.sections.insert(block.number);
        if let Some(section) = app.usage.sections.get(block.number) {
            draw_section(pen, (body, first), block, section, app);
        }
    }
    filter_bar::draw(pen, bar, app, regions)
}

fn focused(app: &App) -> Focused {
    Focused::of(app, crate::app::Focus::List)
}

/// `2026-08-23 to 2026-11-21 UTC · counting, 4 of 11 whole`
fn note(app: &App) -> String {
    let board = &app.usage;
    let Some((since, until)) = board.range else {
        return "no store yet".to_owned();
    };
    let range = format!(
        "{} to {} {}",
        app.zone.minute(since),
        app.zone.minute(until),
        app.zone.name()
    );
    let is_open = |section: &&Section| matches!(section.state, State::Asking);
    let open = board.sections.iter().filter(is_open).count();
    if board.is_stopped() {
        format!("{range} · stopped; F5 asks again")
    } else if board.is_asking() {
        format!("{range} · counting, {open} to come")
    } else {
        range
    }
}

fn blocks(app: &App, body: Rect) -> Vec<Block> {
    let is_wide = body.width >= TWO_COLUMNS;
    let half = body.width / 2;
    let mut ends = [0_u16; 2];
    let mut blocks = Vec::with_capacity(SECTIONS.len());
    for (number, (report, _, side)) in SECTIONS.iter().enumerate() {
        let lacks = app
            .usage
            .sections
            .get(number)
            .is_some_and(|section| matches!(section.state, State::Lacking(_)));
        let height = 1 + if lacks { 1 } else { lines_of(*report) };
        let (column, width) = match side {
            Side::Right if is_wide => (1, body.width - half),
            Side::Left if is_wide => (0, half - 1),
            _ => (0, body.width),
        };
        let top = if is_wide && *side != Side::Both {
            ends[column]
        } else {
            ends[0].max(ends[1])
        };
        let end = top + height + GAP;
        if is_wide && *side != Side::Both {
            ends[column] = end;
        } else {
            ends = [end; 2];
        }
        blocks.push(Block {
            number,
            x: if column == 0 { 0 } else { half },
            width,
            top,
            height,
        });
    }
    blocks
}

/// Lines of a report below its title.
fn lines_of(report: Report) -> u16 {
    match report {
        Report::Totals => totals::HEIGHT,
        Report::Heatmap => week::HEIGHT,
        _ => u16::try_from(rows_of(report)).unwrap_or(u16::MAX),
    }
}

/// The first line that is shown, so that the selected report is seen with as much before it as fits.
fn scroll(app: &App, blocks: &[Block], height: u16) -> u16 {
    let (number, line) = app.usage.selected;
    let Some(block) = blocks.get(number) else {
        return 0;
    };
    let all = blocks.iter().map(Block::end).max().unwrap_or(0);
    let line = match SECTIONS.get(number).map(|(report, ..)| *report) {
        Some(Report::Totals) => 0,
        Some(Report::Heatmap) => week::BUSIEST,
        _ => line,
    };
    let line = block.top + 1 + u16::try_from(line).unwrap_or(0);
    let wanted = block
        .end()
        .min(line.saturating_sub(1) + height)
        .max(line + 1);
    wanted
        .saturating_sub(height)
        .min(all.saturating_sub(height))
}

/// A report, of which the lines above `first` are out of sight.
fn draw_section(
    pen: &mut Pen<'_>,
    (body, first): (Rect, u16),
    block: &Block,
    section: &Section,
    app: &App,
) {
    let line_at = |line: u16| {
        let at = block.top + line;
        (at >= first && at - first < body.height).then(|| Rect {
            x: body.x + block.x,
            y: body.y + at - first,
            width: block.width,
            height: 1,
        })
    };
    let is_selected = app.usage.selected.0 == block.number;
    if let Some(line) = line_at(0) {
        draw_title(pen, line, block.number, section, is_selected.into());
    }
    let lines: Vec<Option<Rect>> = (1..block.height).map(line_at).collect();
    let say = |pen: &mut Pen<'_>, text: &str, role| {
        if let Some(Some(line)) = lines.first() {
            pen.put(line.x + 2, line.y, line.width.saturating_sub(2), text, role);
        }
    };
    match (&section.state, &section.answer) {
        (State::Lacking(what), _) => {
            say(pen, &format!("the store does not say {what}"), Role::Dim);
        }
        (State::TooLong(error), _) => say(pen, &error.to_string(), Role::Warning),
        (State::Failed(error), None) => say(pen, &error.to_string(), Role::Error),
        (State::Asking | State::Whole, None) => say(pen, "…", Role::Dim),
        // Before the range before is known, everything would be new.
        (State::Asking, Some(_)) if section.compares() => {
            say(pen, "comparing with the time before…", Role::Dim);
        }
        (_, Some(Answer::Totals(numbers))) => {
            totals::draw(pen, &lines, numbers, comparison(app, section));
        }
        (_, Some(Answer::Week(numbers))) => week::draw(pen, &lines, numbers, section.usage().tz),
        (state, Some(answer)) => {
            let shown = lines::lines(answer, section);
            if shown.is_empty() && matches!(state, State::Whole) {
                say(pen, "none", Role::Dim);
            }
            lines::draw(pen, &lines, &shown);
        }
    }
    let place = app.usage.selected.1;
    let leads = place < section.aims().len();
    if is_selected && leads && app.focus == crate::app::Focus::List {
        let line = |place: usize| lines.get(place).copied().flatten();
        let at = match section.usage().report {
            Report::Totals => line(0).map(|line| totals::card(line, place)),
            Report::Heatmap => line(week::BUSIEST),
            _ => line(place),
        };
        if let Some(line) = at {
            pen.put(line.x, line.y, 1, "▌", Role::Prompt);
            let style = pen.style(Role::Selection);
            pen.buf.set_style(line, style);
        }
    }
}

/// Whether the numbers of the range before say something.
fn comparison(app: &App, section: &Section) -> Comparison {
    let before = section.usage().window(Window::Before).since;
    if !matches!(section.state, State::Whole) {
        Comparison::Coming
    } else if app.question.begin().is_some_and(|first| first > before) {
        Comparison::Partial
    } else {
        Comparison::Fair
    }
}

/// The title, and at the right what the columns are, or how far counting is.
fn draw_title(pen: &mut Pen<'_>, line: Rect, number: usize, section: &Section, focused: Focused) {
    let (_, title, _) = SECTIONS[number];
    let (mark, edge, role) = match focused {
        Focused::Yes => ("▸ ", Role::RuleFocus, Role::TitleFocus),
        Focused::No => ("─ ", Role::Rule, Role::Title),
    };
    let period = section.usage().period.word();
    let title = match section.usage().report {
        Report::Users => format!("{title} by {period}"),
        Report::TopUsers if section.usage().groups.is_some() => "groups".to_owned(),
        _ => title.to_owned(),
    };
    pen.rule(line, Role::Rule);
    let x = pen.row(
        line.x,
        line.y,
        line.width,
        &[(mark, edge), (&title, role), (" ", Role::Rule)],
    );
    let sampled = section.answer.as_ref().and_then(Answer::sampled_since);
    let sampled = sampled.and_then(Micros::to_utc);
    let x = match &section.state {
        State::Asking if section.fraction() > 0.0 => {
            let far = format!("{:.0} % ", section.fraction() * 100.0);
            pen.put(
                x,
                line.y,
                line.right().saturating_sub(x),
                &far,
                Role::Pending,
            )
        }
        State::Asking if section.usage().report.is_read() && section.answer.is_some() => {
            let room = line.right().saturating_sub(x);
            pen.put(x, line.y, room, "so far ", Role::Pending)
        }
        State::Failed(_) if section.answer.is_some() => pen.put(
            x,
            line.y,
            line.right().saturating_sub(x),
            "failed ",
            Role::Error,
        ),
        State::Whole if let Some(since) = sampled => {
            let since = since.with_timezone(&section.usage().tz);
            let part = since.format("~ since %m-%d %H:%M ").to_string();
            let room = line.right().saturating_sub(x);
            pen.put(x, line.y, room, &part, Role::Pending)
        }
        _ => x,
    };
    let x = match in_all(section) {
        // The titles of the columns say more.
        Some(of)
            if x.saturating_add(width(&of).try_into().unwrap_or(u16::MAX))
                <= lines::titled_from(line, section) =>
        {
            pen.put(x, line.y, line.right().saturating_sub(x), &of, Role::Dim)
        }
        _ => x,
    };
    lines::titles(pen, line, x, section);
}

/// `· 6 of 14 `; nothing where all are shown, or nobody has counted them.
fn in_all(section: &Section) -> Option<String> {
    let (all, certainty) = match section.answer.as_ref()? {
        Answer::Series(buckets) => (buckets.len(), Certainty::Exact),
        Answer::Activity(days) => (days.len(), Certainty::Exact),
        Answer::Ranking(ranking) => (ranking.total, ranking.certainty),
        Answer::Latency(ranking) => (ranking.total, ranking.certainty),
        Answer::Followed { ranking, .. } => (ranking.total, ranking.certainty),
        Answer::Troubles { ranking, .. } => (ranking.total, ranking.certainty),
        _ => return None,
    };
    let shown = rows_of(section.usage().report);
    let is_whole = matches!(section.state, State::Whole) && certainty == Certainty::Exact;
    let is_told = is_whole && all > shown;
    is_told.then(|| format!("· {shown} of {} ", short(all as u64)))
}
