//! The last steps: the confirmation and the deletion, and what was done.

use crate::app::App;
use crate::app::dialog::steps::Line;
use crate::app::dialog::{Dialog, GO_ON};
use crate::app::secret::SecretLine;
use crate::app::work::Work;
use crate::core::number::{grouped, size};
use crate::core::purge::journal::Tally;
use crate::purge::confirm::rows;
use crate::purge::facts::Facts;
use crate::purge::progress::Progress;
use crate::purge::receipt::space;
use crate::ui::Caret;
use crate::ui::dialog::{keys, progress, remarks, troubled, working};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;

/// The confirmation, or the deletion once it is under way.
pub fn delete(sheet: &mut Sheet<'_, '_>, app: &App, dialog: &Dialog) -> Caret {
    let facts = dialog.stands.as_deref()?;
    if let Some(work) = &app.work {
        deleting(sheet, app, facts, work);
        return None;
    }
    if let Some(line) = &dialog.role {
        return another_role(sheet, app, dialog, line);
    }
    let demanded = dialog.demanded()?;
    // Whatever there is to be read, the line to type into is on the screen.
    let kept = sheet.reserve(if dialog.fault.is_some() { 8 } else { 3 });
    if demanded == GO_ON {
        let text = "This deletion was confirmed before; it goes on where it stopped.";
        sheet.paragraph(text, Role::Text);
    }
    if facts.tally.archived > 0 {
        tally(sheet, &facts.tally);
    }
    before(sheet, facts);
    sheet.area.height += kept;
    sheet.gap();
    sheet.fact("type this", &format!("  {demanded}"), Role::Key);
    let shown = (&dialog.phrase, dialog.phrase.value());
    let caret = sheet.input("", shown, "", keys(app, Line::Phrase));
    troubled(sheet, app, dialog);
    caret
}

fn another_role(sheet: &mut Sheet<'_, '_>, app: &App, dialog: &Dialog, line: &SecretLine) -> Caret {
    troubled(sheet, app, dialog);
    sheet.gap();
    sheet.paragraph(
        "Who may delete? The URL of another role, with its password unless the passfile has it. \
         It is used for this deletion and never written down.",
        Role::Text,
    );
    let masked = line.masked();
    let shown = (&line.input, masked.as_str());
    sheet.input("delete as", shown, "", keys(app, Line::Role))
}

/// What somebody should have read who says yes.
fn before(sheet: &mut Sheet<'_, '_>, facts: &Facts) {
    if let Some(counts) = &facts.verified {
        let numbers = [counts.archived, counts.planned, counts.server];
        let text = if numbers.iter().all(|number| *number == counts.archived) {
            format!(
                "{} planned, archived and read back, and still on the server",
                grouped(counts.archived)
            )
        } else {
            format!(
                "{} archived and read back · {} planned · {} on the server",
                grouped(counts.archived),
                grouped(counts.planned),
                grouped(counts.server)
            )
        };
        sheet.wrapped("rows", &text, Role::Text);
        for difference in &counts.differences {
            sheet.wrapped("because", difference, Role::Warning);
        }
    }
    for warning in &facts.plan.warnings {
        sheet.wrapped("note", warning, Role::Warning);
    }
    sheet.wrapped(
        "stays",
        "any row that was changed or locked by somebody since the backup",
        Role::Text,
    );
    sheet.wrapped(
        "undo",
        "only by restoring this archive: Archives tab, or auditail restore",
        Role::Text,
    );
    sheet.wrapped("space", space(facts.plan.encoding), Role::Dim);
}

fn deleting(sheet: &mut Sheet<'_, '_>, app: &App, facts: &Facts, work: &Work) {
    let Some(Progress::Deleting {
        tally: sums,
        batch,
        rate,
        replica_seconds,
        replica_bytes,
        sessions_waiting,
        unseen,
    }) = &work.progress
    else {
        return working(sheet, app);
    };
    progress(sheet, app, work, (sums.archived, facts.archived));
    let speed = format!(
        "{} rows/s in batches of {}",
        grouped(whole(*rate)),
        grouped(*batch as u64)
    );
    sheet.fact("speed", &speed, Role::Text);
    let mut pressure = Vec::new();
    if let Some(seconds) = replica_seconds {
        pressure.push(format!("slowest replica {seconds:.1} s behind"));
    }
    if let Some(bytes) = replica_bytes {
        pressure.push(format!("{} behind", size(*bytes)));
    }
    if let Some(waiting) = sessions_waiting {
        pressure.push(match waiting {
            1 => "1 session waits for a lock".to_owned(),
            waiting => format!("{waiting} sessions wait for locks"),
        });
    }
    if pressure.is_empty() {
        pressure.push("none that this store shows".to_owned());
    }
    sheet.wrapped("pressure", &pressure.join(" · "), Role::Text);
    if !unseen.is_empty() {
        sheet.wrapped("unwatched", &unseen.join(", "), Role::Warning);
    }
    tally(sheet, sums);
    remarks(sheet, work);
}

/// A rate as a number of rows.
fn whole(rate: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are positive and far below 2^53"
    )]
    let rows = rate.max(0.0).round() as u64;
    rows
}

/// What became of the rows that had their turn.
fn tally(sheet: &mut Sheet<'_, '_>, tally: &Tally) {
    let related: u64 = tally.related.iter().sum();
    let words: Vec<String> = [
        (related, "related with them"),
        (tally.gone, "gone before"),
        (tally.changed, "changed, so kept"),
        (tally.locked, "locked, so kept"),
        (tally.held, "held, so kept"),
        (tally.refused, "kept by the server"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!(" · {} {what}", grouped(number)))
    .collect();
    let text = format!("{}{}", rows(tally.deleted), words.concat());
    sheet.wrapped("deleted", &text, Role::Text);
}

/// What was done.
pub fn receipt(sheet: &mut Sheet<'_, '_>, app: &App, dialog: &Dialog) {
    let Some(facts) = dialog.stands.as_deref() else {
        return;
    };
    tally(sheet, &facts.tally);
    let Some(receipt) = &facts.receipt else {
        return;
    };
    if let Some(yes) = &receipt.confirmed {
        let when = app.zone.minute(yes.when);
        let text = format!("{} on {}, {when}: {}", yes.who, yes.host, yes.how);
        sheet.wrapped("confirmed", &text, Role::Text);
    }
    sheet.wrapped("checksum", &receipt.root, Role::Text);
    let why = "of the whole archive; note it elsewhere, it tells whether the archive was altered";
    sheet.wrapped("", why, Role::Dim);
    let at = facts.directory.join(crate::purge::dossier::RECEIPT);
    sheet.wrapped("receipt", &at.display().to_string(), Role::Text);
    for (word, ids) in [
        ("changed", &receipt.changed),
        ("locked", &receipt.locked),
        ("held", &receipt.held),
        ("kept", &receipt.refused),
    ] {
        if !ids.is_empty() {
            let some: Vec<&str> = ids.iter().take(8).map(String::as_str).collect();
            let more = match ids.len() - some.len() {
                0 => String::new(),
                more => format!(" and {} more, in the receipt", grouped(more as u64)),
            };
            let text = format!("ids {}{more}", some.join(", "));
            sheet.wrapped(word, &text, Role::Warning);
        }
    }
    for remark in receipt.remarks.iter().take(3) {
        sheet.wrapped("remark", remark, Role::Warning);
    }
    sheet.wrapped("space", &receipt.space, Role::Dim);
    sheet.gap();
    sheet.line(&[
        ("3", Role::Key),
        (
            " shows the archive: open it, verify it, restore it",
            Role::Dim,
        ),
    ]);
}
