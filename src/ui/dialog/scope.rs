//! The first step: what goes, typed in three lines, and what that means, counted by the store.

use ratatui::layout::Rect;

use crate::app::App;
use crate::app::dialog::steps::Line;
use crate::app::dialog::{Dialog, Field, Sights, Surveying};
use crate::core::number::{grouped, size};
use crate::core::purge::plan::{CountExactness, Plan};
use crate::core::query::diagnostic::Severity;
use crate::purge::confirm::rows;
use crate::ui::dialog::{explain, keys, offer, troubled};
use crate::ui::filter_bar::sentence;
use crate::ui::histogram::towers;
use crate::ui::pen::{Pen, width};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::{Caret, split_top};

/// Columns of the months.
const MONTHS: u16 = 34;

/// Draws the step; gives where its caret stands.
pub fn draw(sheet: &mut Sheet<'_, '_>, app: &App, dialog: &Dialog) -> Caret {
    let mut caret = None;
    for (field, word) in Field::ALL {
        let input = dialog.line(field);
        let note = note(app, dialog, field);
        let keys = keys(app, Line::Scope(field));
        let at = sheet.input(word, (input, input.value()), &note, keys);
        caret = caret.or(at);
    }
    if let Some(doubt) = dialog.doubts.first() {
        let role = match doubt.severity {
            Severity::Error => Role::Error,
            Severity::Warning => Role::Warning,
        };
        sheet.fact("", &sentence(doubt), role);
    } else {
        sheet.gap();
    }
    if dialog.offer.is_some() {
        offer(sheet, app, dialog);
        sheet.gap();
    }
    overview(sheet, app, dialog);
    match &dialog.surveying {
        Surveying::Waiting => sheet.line(&[("○ the store counts…", Role::Pending)]),
        Surveying::Failed(fault) => explain(sheet, fault),
        Surveying::Done(plan, sights) => surveyed(sheet, app, plan, sights),
    }
    troubled(sheet, app, dialog);
    caret
}

/// What stands beside a line.
fn note(app: &App, dialog: &Dialog, field: Field) -> String {
    let empty = dialog.line(field).value().trim().is_empty();
    match field {
        Field::Cutoff => match app.typed_cutoff() {
            Some(Ok(at)) => format!(
                "events before {} {} go",
                app.zone.minute(at),
                app.zone.name()
            ),
            Some(Err(fault)) => fault.to_string(),
            None => String::new(),
        },
        Field::Filter if empty && !app.question.text.is_empty() => {
            format!("every one of them · Ctrl-R takes {}", app.question.text)
        }
        Field::Filter if empty => "every one of them; or a filter".to_owned(),
        Field::Keep if empty => "nothing; or a filter: what it finds stays".to_owned(),
        Field::Filter | Field::Keep => String::new(),
    }
}

/// Events over time with the cutoff drawn in.
fn overview(sheet: &mut Sheet<'_, '_>, app: &App, dialog: &Dialog) {
    let high = match sheet.area.height {
        0..9 => return,
        9..14 => 2,
        14..24 => 3,
        _ => 6,
    };
    let (bars, rest) = split_top(sheet.area, high);
    let (labels, rest) = split_top(rest, 1);
    let Some((first, last)) = dialog.overview.range() else {
        sheet
            .pen
            .put(bars.x, bars.y, bars.width, "counting…", Role::Dim);
        sheet.area = rest;
        return;
    };
    let cutoff = app.typed_cutoff().and_then(Result::ok);
    let used = bars.width;
    towers(sheet.pen, bars, dialog.overview.all(), Role::Bar);
    let all = i128::from(last.0) - i128::from(first.0);
    let column = cutoff.map(|at| {
        let part = i128::from(at.0) - i128::from(first.0);
        let column = (part * i128::from(used) / all.max(1)).clamp(0, i128::from(used));
        u16::try_from(column).unwrap_or(used)
    });
    if let Some(column) = column {
        let going = Rect {
            width: column.min(bars.width),
            ..bars
        };
        let style = sheet.pen.style(Role::BarFailed);
        sheet.pen.buf.set_style(going, style);
        let x = bars.x + column.min(bars.width.saturating_sub(1));
        for y in bars.y..bars.bottom() {
            sheet.pen.put(x, y, 1, "│", Role::TitleFocus);
        }
    }
    axis(
        sheet.pen,
        labels,
        (&app.zone.minute(first), column.unwrap_or(0)),
        used,
    );
    sheet.area = rest;
}

/// What the two sides of the cutoff are.
fn axis(pen: &mut Pen<'_>, line: Rect, (first, column): (&str, u16), used: u16) {
    let cells = |text: &str| u16::try_from(width(text)).unwrap_or(0);
    let (goes, stays) = ("goes ", " stays");
    let x = line.x + column.min(line.width.saturating_sub(1));
    let mut begin = line.x;
    if column > cells(first) + cells(goes) {
        begin = pen.put(line.x, line.y, line.width, first, Role::Dim);
    }
    if x >= begin + cells(goes) {
        pen.put(x - cells(goes), line.y, line.width, goes, Role::Failed);
    }
    pen.put(x, line.y, 1, "│", Role::TitleFocus);
    let end = line.x + used.min(line.width);
    let after = pen.put(
        x + 1,
        line.y,
        line.right().saturating_sub(x + 1),
        stays,
        Role::Ok,
    );
    if end >= after + 4 {
        pen.put(end - 3, line.y, 3, "now", Role::Dim);
    }
}

/// The numbers of the store.
fn surveyed(sheet: &mut Sheet<'_, '_>, app: &App, plan: &Plan, sights: &Sights) {
    let survey = &plan.survey;
    let most = match survey.exactness {
        CountExactness::Exact => "",
        CountExactness::AtMost => "at most ",
    };
    let goes = match survey.selected {
        1 => format!("{most}1 row goes"),
        many => format!("{most}{} rows go", grouped(many)),
    };
    let about = format!(" · about {} before compression · ", size(survey.bytes));
    let (next, role) = if app.is_surveyed() {
        ("Enter goes on", Role::Key)
    } else {
        ("typed anew: Enter counts", Role::Warning)
    };
    sheet.line(&[(&goes, Role::Title), (&about, Role::Dim), (next, role)]);
    for (word, sight) in [
        ("oldest", &sights.oldest),
        ("newest", &sights.newest),
        ("first kept", &sights.kept),
    ] {
        if let Some(sight) = sight {
            let at = sight.at.map_or(String::new(), |at| app.zone.minute(at));
            sheet.fact(word, &format!("{at}  {}", sight.words), Role::Text);
        }
    }
    if sheet.area.height > 5 {
        sheet.gap();
    }
    let (months, others) = halves(sheet.area);
    let remarks = remarks(plan);
    let wide = if remarks.is_empty() {
        sheet.area
    } else {
        months
    };
    let used = by_month(sheet, wide, plan);
    let area = std::mem::replace(&mut sheet.area, others);
    for (word, text, role) in &remarks {
        sheet.wrapped(word, text, *role);
    }
    let used = used.max(sheet.area.y);
    sheet.area = Rect {
        y: used,
        height: area.bottom().saturating_sub(used),
        ..area
    };
}

fn halves(area: Rect) -> (Rect, Rect) {
    let left = MONTHS.min(area.width / 2);
    let months = Rect {
        width: left,
        ..area
    };
    let others = Rect {
        x: area.x + left + 1,
        width: area.width.saturating_sub(left + 1),
        ..area
    };
    (months, others)
}

/// Gives the line below.
fn by_month(sheet: &mut Sheet<'_, '_>, area: Rect, plan: &Plan) -> u16 {
    let mut y = area.y;
    for (month, text) in months(plan, usize::from(area.height)) {
        let pieces = [(month.as_str(), Role::Time), (text.as_str(), Role::Text)];
        sheet.pen.row(area.x, y, area.width, &pieces);
        y += 1;
    }
    y
}

/// Rows by month in at most so many lines; months long ago share a line.
fn months(plan: &Plan, room: usize) -> Vec<(String, String)> {
    let all = &plan.survey.months;
    let surplus = if all.len() > room {
        all.len() + 1 - room
    } else {
        0
    };
    let numbers = |going: u64, staying: u64| {
        let going = match going {
            0 => String::new(),
            going => format!("{} go", grouped(going)),
        };
        match staying {
            0 => format!("{going:>12}"),
            staying => format!("{going:>12}{:>9} stay", grouped(staying)),
        }
    };
    let mut lines = Vec::new();
    let (early, late) = all.split_at(surplus.min(all.len()));
    if let Some(last) = early.last() {
        let going = early.iter().map(|month| month.going).sum();
        let staying = early.iter().map(|month| month.staying).sum();
        lines.push((format!("to {}", last.month), numbers(going, staying)));
    }
    for month in late {
        let numbers = numbers(month.going, month.staying);
        lines.push((month.month.clone(), numbers));
    }
    lines
}

/// What else is to be known of the rows that stay and of those that go.
fn remarks(plan: &Plan) -> Vec<(&'static str, String, Role)> {
    let survey = &plan.survey;
    let held = survey.held.iter();
    let held = held.map(|(hold, number)| ("held", format!("{}: {hold}", rows(*number))));
    let timeless = survey.timeless.iter();
    let timeless = timeless.map(|(kind, number)| {
        let text = format!("{} whose time is {kind}", rows(*number));
        ("also stay", text)
    });
    let related = survey.related.iter();
    let related =
        related.map(|(name, number)| ("go as well", format!("{} of {name}", rows(*number))));
    let facts = held.chain(timeless).chain(related);
    let facts = facts.map(|(word, text)| (word, text, Role::Text));
    let warnings = plan.warnings.iter();
    let warnings = warnings.map(|warning| ("note", warning.clone(), Role::Warning));
    facts.chain(warnings).collect()
}
