//! The purge dialog: six steps one below the other, the one that is under way opened.
//!
//! Decides nothing; what a step shows is in the files below.

mod finish;
mod scope;

use ratatui::layout::Rect;

use crate::app::App;
use crate::app::dialog::steps::Line;
use crate::app::dialog::{Dialog, Step};
use crate::app::work::{Pausing, Stopping, Work};
use crate::app::zone::length;
use crate::core::instant::Micros;
use crate::core::number::{grouped, size};
use crate::purge::confirm::rows;
use crate::purge::facts::Facts;
use crate::purge::fault::Fault;
use crate::purge::halt::Going;
use crate::purge::progress::Progress;
use crate::ui::pen::Pen;
use crate::ui::sheet::{Keys, Sheet};
use crate::ui::theme::Role;
use crate::ui::{Caret, Focused, pane_title, split_top};

/// Columns before what a step shows.
const INDENT: u16 = 3;

/// Columns of a step's mark and word.
const WORD: u16 = 12;

/// Draws the dialog; gives where its caret stands.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Caret {
    let dialog = app.dialog.as_ref()?;
    let (title, mut rest) = split_top(area, 1);
    let table = dialog.stands.as_ref().map_or_else(
        || app.description().map(|found| found.relation.clone()),
        |facts| Some(facts.table()),
    );
    let heading = format!("purge of {}", table.unwrap_or_default());
    pane_title(
        pen,
        title,
        Focused::Yes,
        &heading,
        "Esc leaves, P comes back",
    );
    let mut caret = None;
    for (step, word) in Step::ALL {
        if step > dialog.step {
            break;
        }
        let (line, below) = split_top(rest, 1);
        rest = below;
        let x = mark(pen, line, dialog, (step, word));
        let room = line.right().saturating_sub(x);
        if step < dialog.step {
            pen.put(x, line.y, room, &summary(dialog, app, step), Role::Text);
            continue;
        }
        let later = Step::ALL.iter().filter(|(known, _)| *known > step).count();
        let (open, below) = split_top(rest, rest.height.saturating_sub(u16::from(later > 0)));
        let mut sheet = Sheet {
            pen: &mut *pen,
            area: Rect {
                x: open.x + INDENT,
                width: open.width.saturating_sub(INDENT + 1),
                ..open
            },
        };
        caret = section(&mut sheet, app, dialog);
        // What was not needed stays empty at the bottom of the screen.
        let left = sheet.area.height.saturating_sub(1);
        rest = Rect {
            y: below.y - left,
            height: below.height + left,
            ..below
        };
    }
    steps_to_come(pen, rest, dialog);
    caret
}

/// A step's mark and word; gives where what is to be said of it begins.
fn mark(pen: &mut Pen<'_>, line: Rect, dialog: &Dialog, (step, word): (Step, &str)) -> u16 {
    let (mark, role) = match step.cmp(&dialog.step) {
        std::cmp::Ordering::Less => ("● ", Role::Ok),
        std::cmp::Ordering::Equal => ("▸ ", Role::TitleFocus),
        std::cmp::Ordering::Greater => ("○ ", Role::Dim),
    };
    let x = pen.row(line.x + 1, line.y, WORD, &[(mark, role), (word, role)]);
    x.max(line.x + 1 + WORD)
}

/// They share a line: the step that is under way needs the others.
fn steps_to_come(pen: &mut Pen<'_>, area: Rect, dialog: &Dialog) {
    let (mut line, _) = split_top(area, 1);
    for (step, word) in Step::ALL {
        if step > dialog.step && line.height > 0 && line.width > WORD {
            let x = mark(pen, line, dialog, (step, word));
            line.width = line.right().saturating_sub(x);
            line.x = x;
        }
    }
}

fn section(sheet: &mut Sheet<'_, '_>, app: &App, dialog: &Dialog) -> Caret {
    match dialog.step {
        Step::Scope => scope::draw(sheet, app, dialog),
        Step::Place => place(sheet, app, dialog),
        Step::BackUp | Step::Verify => {
            working(sheet, app);
            troubled(sheet, app, dialog);
            None
        }
        Step::Delete => finish::delete(sheet, app, dialog),
        Step::Receipt => {
            finish::receipt(sheet, app, dialog);
            None
        }
    }
}

/// What a finished step came to, in a line.
fn summary(dialog: &Dialog, app: &App, step: Step) -> String {
    match step {
        Step::Scope => dialog.plan().map_or_else(String::new, |plan| {
            let only = match plan.scope.filter.as_str() {
                "" => String::new(),
                filter => format!(" · only {filter}"),
            };
            let keep = plan.scope.keep.iter().map(|text| format!(" · keep {text}"));
            let extras: String = std::iter::once(only).chain(keep).collect();
            let before = app.zone.minute(plan.scope.cutoff);
            format!(
                "{} events before {before}{extras}",
                grouped(plan.survey.selected)
            )
        }),
        Step::Place => dialog.stands.as_ref().map_or_else(
            || dialog.place.value().to_owned(),
            |facts| facts.directory.display().to_string(),
        ),
        Step::BackUp => facts_of(dialog, |facts| {
            format!("{} · {}", rows(facts.archived), size(facts.bytes))
        }),
        Step::Verify => facts_of(dialog, |facts| match &facts.verified {
            Some(counts) => format!("every byte read back · {} equal", rows(counts.archived)),
            None => String::new(),
        }),
        Step::Delete => facts_of(dialog, |facts| {
            format!("{} deleted", rows(facts.tally.deleted))
        }),
        Step::Receipt => String::new(),
    }
}

fn facts_of(dialog: &Dialog, say: impl FnOnce(&Facts) -> String) -> String {
    dialog.stands.as_deref().map_or_else(String::new, say)
}

fn place(sheet: &mut Sheet<'_, '_>, app: &App, dialog: &Dialog) -> Caret {
    let keys = keys(app, Line::Place);
    let shown = dialog.place.value();
    let caret = sheet.input("into", (&dialog.place, shown), "", keys);
    if let Some(plan) = dialog.plan() {
        let bytes = size(plan.survey.bytes);
        let text = format!(
            "A directory that does not exist yet, or an empty one; only you can read it. About \
             {bytes} before compression."
        );
        sheet.paragraph(&text, Role::Dim);
    }
    sheet.gap();
    if app.work.is_some() {
        working(sheet, app);
    } else if dialog.offer.is_some() {
        offer(sheet, app, dialog);
    } else {
        let next = "Enter writes the archive and reads it back. Nothing is deleted yet.";
        sheet.paragraph(next, Role::Text);
    }
    troubled(sheet, app, dialog);
    caret
}

/// Another purge that could be gone on with.
fn offer(sheet: &mut Sheet<'_, '_>, app: &App, dialog: &Dialog) {
    let Some(facts) = &dialog.offer else { return };
    let what = format!(
        "an unfinished purge is in {}: {}, events before {}",
        facts.directory.display(),
        facts.phase.word(),
        app.zone.minute(facts.plan.scope.cutoff)
    );
    sheet.wrapped("found", &what, Role::Warning);
    sheet.fact("", "Ctrl-O goes on with it", Role::Text);
}

/// Whether a line has the keys.
fn keys(app: &App, line: Line) -> Keys {
    if app.overlays.is_empty() && app.dialog_line() == Some(line) {
        Keys::Here
    } else {
        Keys::Elsewhere
    }
}

/// What went wrong, and what to do.
fn troubled(sheet: &mut Sheet<'_, '_>, app: &App, dialog: &Dialog) {
    let Some(fault) = dialog.fault.as_ref().filter(|_| app.work.is_none()) else {
        return;
    };
    sheet.gap();
    explain(sheet, fault);
    if app.dialog_line().is_none() {
        sheet.fact("", "Enter tries again", Role::Text);
    }
}

/// A fault and its hint.
pub fn explain(sheet: &mut Sheet<'_, '_>, fault: &Fault) {
    match fault {
        Fault::Stopped { because } => {
            sheet.wrapped("stopped", because, Role::Warning);
        }
        fault => {
            sheet.wrapped("▲ error", &fault.to_string(), Role::Error);
            if let Some(hint) = fault.hint() {
                sheet.wrapped("hint", hint, Role::Warning);
            }
        }
    }
}

/// How far the work under way is.
pub fn working(sheet: &mut Sheet<'_, '_>, app: &App) {
    let Some(work) = &app.work else { return };
    sheet.line(&[("○ ", Role::Pending), (doing(work), Role::Pending)]);
    if let Some((done, of)) = work.rows() {
        progress(sheet, app, work, (done, of));
    }
    if let Some(Progress::BackingUp {
        segments, bytes, ..
    }) = &work.progress
    {
        let files = match segments {
            0 => String::new(),
            1 => " · 1 file is finished".to_owned(),
            segments => format!(" · {segments} files are finished"),
        };
        let written = format!("{} before compression{files}", size(*bytes));
        sheet.fact("read", &written, Role::Text);
    }
    remarks(sheet, work);
}

/// The gauge with rows, speed and the time that is left.
fn progress(sheet: &mut Sheet<'_, '_>, app: &App, work: &Work, (done, of): (u64, u64)) {
    let left = match work.left((done, of), app.clock()) {
        Some(left) if done < of => format!(" · {} left", length(whole_seconds(left))),
        _ => String::new(),
    };
    let words = format!("{} of {}{left}", grouped(done), rows(of));
    sheet.gauge((done, of), &words);
}

/// Tenths of a second would only flicker.
fn whole_seconds(micros: i64) -> i64 {
    let seconds = micros.max(0) / Micros::SECOND + 1;
    seconds * Micros::SECOND
}

fn doing(work: &Work) -> &'static str {
    match (&work.progress, work.word) {
        (Some(Progress::BackingUp { .. }), _) => "reading rows and writing them down",
        (Some(Progress::BackedUp { .. } | Progress::Verifying { .. }), _) => {
            "reading every byte of the archive back"
        }
        (Some(Progress::Reconciling { .. }), _) => "looking for archived rows that are still there",
        (Some(Progress::Restoring { .. }), _) => "putting rows back",
        (_, "backup") => "looking at the store",
        (_, "delete") => "logging in and comparing the store with the plan",
        (_, "restore") => "opening the store",
        _ => "reading the archive",
    }
}

/// What holds the work up, and what a person should know.
fn remarks(sheet: &mut Sheet<'_, '_>, work: &Work) {
    if work.stopping == Stopping::Asked {
        let text = "stopping where it can go on later…";
        sheet.fact("stopping", text, Role::Warning);
    } else if work.pausing == Pausing::Possible(Going::Paused) {
        let text = "nothing is being deleted · Space goes on";
        sheet.fact("paused", text, Role::Paused);
    } else if let Some(because) = &work.waiting {
        sheet.wrapped("waiting", because, Role::Pending);
    }
    if let Some(note) = work.notes.last() {
        sheet.wrapped("note", note, Role::Warning);
    }
}
