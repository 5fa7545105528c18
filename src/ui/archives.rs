//! The Archives tab: the list, and below it the selected archive with what can be done.

use ratatui::layout::Rect;

use crate::app::App;
use crate::app::archives::{Known, Said, Whose};
use crate::app::layout::Regions;
use crate::core::number::{grouped, size};
use crate::purge::dossier::Phase;
use crate::purge::facts::Facts;
use crate::ui::dialog::{explain, working};
use crate::ui::pen::Pen;
use crate::ui::sheet::{Keys, Sheet};
use crate::ui::theme::Role;
use crate::ui::{Caret, Focused, pane_title, region, split_bottom, split_top};

/// Lines of what is told of the selected one.
const DETAIL: u16 = 12;

/// Draws the tab; gives where its caret stands.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) -> Caret {
    let (title, rest) = split_top(area, 1);
    let known = app.archives.known.as_deref();
    let note = match known {
        None => "looking…".to_owned(),
        Some(known) => format!("{} known on this machine", known.len()),
    };
    pane_title(pen, title, Focused::Yes, "archives", &note);
    let (list, detail) = split_bottom(rest, DETAIL.min(rest.height * 2 / 3));
    regions.archives = region(list);
    let known = known.unwrap_or_default();
    if known.is_empty() && app.archives.known.is_some() {
        let mut sheet = sheet(pen, list);
        sheet.gap();
        sheet.paragraph("No archive is known on this machine.", Role::Text);
        sheet.paragraph(
            "P begins a purge; what it archives, and what auditail purge archives, is listed here.",
            Role::Dim,
        );
        return None;
    }
    let shown = usize::from(list.height);
    let place = app.archives.place();
    let first = (place + 1).saturating_sub(shown);
    for (y, (number, entry)) in (list.y..list.bottom()).zip(known.iter().enumerate().skip(first)) {
        let line = Rect {
            y,
            height: 1,
            ..list
        };
        entry_line(pen, line, app, entry);
        if number == place {
            pen.put(line.x, y, 1, "▌", Role::Prompt);
            let style = pen.style(Role::Selection);
            pen.buf.set_style(line, style);
        }
    }
    let (rule, below) = split_top(detail, 1);
    pen.rule(rule, Role::Rule);
    let mut sheet = sheet(pen, below);
    match app.archives.selected() {
        Some(entry) => selected(&mut sheet, app, entry),
        None => None,
    }
}

fn sheet<'p, 'f>(pen: &'p mut Pen<'f>, area: Rect) -> Sheet<'p, 'f> {
    Sheet {
        pen,
        area: Rect {
            x: area.x + 1,
            width: area.width.saturating_sub(2),
            ..area
        },
    }
}

/// `complete  2026-08-23  1,203 rows  audit_events  /srv/archives/…`
fn entry_line(pen: &mut Pen<'_>, line: Rect, app: &App, entry: &Known) {
    // The whole path stands below for the selected one.
    let name = entry.directory.file_name().unwrap_or_default();
    let directory = name.to_string_lossy();
    let room = line.width.saturating_sub(2);
    let (state, role, about) = match &entry.found {
        Ok(facts) => {
            let (state, role) = if app.is_at_work_in(&entry.directory) {
                ("at work", Role::Pending)
            } else {
                match facts.phase {
                    Phase::Complete => ("complete", Role::Ok),
                    phase => (phase.word(), Role::Warning),
                }
            };
            let before = app.zone.minute(facts.plan.scope.cutoff);
            let day = before.split(' ').next().unwrap_or_default();
            let about = format!(
                "{:>12} rows before {day}  {}  ",
                grouped(facts.archived),
                facts.table()
            );
            (state, role, about)
        }
        Err(_) => ("unreadable", Role::Error, String::new()),
    };
    let state = format!("{state:<11}");
    pen.row(
        line.x + 2,
        line.y,
        room,
        &[
            (&state, role),
            (&about, Role::Text),
            (&directory, Role::Dim),
        ],
    );
}

/// What is told of the selected one.
fn selected(sheet: &mut Sheet<'_, '_>, app: &App, entry: &Known) -> Caret {
    let directory = entry.directory.display().to_string();
    sheet.wrapped("directory", &directory, Role::Title);
    let facts = match &entry.found {
        Ok(facts) => facts,
        Err(fault) => {
            explain(sheet, fault);
            sheet.line(&[("x", Role::Key), (" takes it off the list", Role::Dim)]);
            return None;
        }
    };
    told(sheet, app, entry, facts);
    if app.is_at_work_in(&entry.directory) {
        let word = app.work.as_ref().map_or("", |work| work.word);
        sheet.fact("at work", word, Role::Pending);
        working(sheet, app);
        return None;
    }
    if let Some(line) = &app.archives.asking {
        let masked = line.masked();
        sheet.paragraph(
            "Into which store? Missing rows are put back, others are left alone.",
            Role::Text,
        );
        let keys = if app.overlays.is_empty() {
            Keys::Here
        } else {
            Keys::Elsewhere
        };
        return sheet.input("into", (&line.input, &masked), "", keys);
    }
    if let Some((at, said)) = &app.archives.said
        && *at == entry.directory
    {
        came_of_it(sheet, said);
    }
    None
}

fn told(sheet: &mut Sheet<'_, '_>, app: &App, entry: &Known, facts: &Facts) {
    let plan = &facts.plan;
    let whose = match entry.whose {
        Whose::ThisStore => " (the one on the screen)",
        Whose::Another => "",
    };
    sheet.fact("store", &format!("{}{whose}", plan.target), Role::Text);
    let mut scope = format!("before {}", app.zone.minute(plan.scope.cutoff));
    if !plan.scope.filter.is_empty() {
        scope.push_str(&format!(" · only {}", plan.scope.filter));
    }
    for keep in &plan.scope.keep {
        scope.push_str(&format!(" · keep {keep}"));
    }
    sheet.fact("events", &scope, Role::Text);
    let mut rows = format!("{} · {}", grouped(facts.archived), size(facts.bytes));
    if let Some((first, last)) = facts.range {
        let (first, last) = (app.zone.minute(first), app.zone.minute(last));
        rows.push_str(&format!(" · {first} to {last}"));
    }
    sheet.fact("rows", &rows, Role::Text);
    let next = match facts.phase {
        Phase::Complete => format!("{} deleted", grouped(facts.tally.deleted)),
        Phase::Planned | Phase::BackedUp => format!("{} · p goes on with it", facts.phase.word()),
        Phase::Verified => "verified · p goes on to the confirmation".to_owned(),
        Phase::Confirmed | Phase::Deleting => format!(
            "{}, {} deleted so far · p goes on with it",
            facts.phase.word(),
            grouped(facts.tally.deleted)
        ),
    };
    sheet.fact("purge", &next, Role::Text);
}

fn came_of_it(sheet: &mut Sheet<'_, '_>, said: &Said) {
    match said {
        Said::Verified(rows) => {
            let text = format!(
                "every byte read back; {} rows are as archived",
                grouped(*rows)
            );
            sheet.wrapped("● verified", &text, Role::Ok);
        }
        Said::Restored(report) => {
            let text = format!(
                "{} rows put back, {} were there already, of {} archived",
                grouped(report.inserted),
                grouped(report.equal),
                grouped(report.archived)
            );
            sheet.wrapped("● restored", &text, Role::Ok);
            for (word, ids) in [
                ("left alone", &report.conflicts),
                ("altered", &report.altered),
            ] {
                if let Some(first) = ids.first() {
                    let text = format!(
                        "{} rows have other contents than archived, {first} first",
                        grouped(ids.len() as u64)
                    );
                    sheet.wrapped(word, &text, Role::Warning);
                }
            }
        }
        Said::Failed(word, fault) => {
            sheet.fact("failed", word, Role::Error);
            explain(sheet, fault);
        }
    }
}
