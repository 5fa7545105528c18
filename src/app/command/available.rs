//! When each command can be given, and what stands against it where it cannot.

use super::Availability;
use crate::app::histogram::Counting;
use crate::app::inquiry::Panel;
use crate::app::inquiry::sheet::Aim;
use crate::app::work::Pausing;
use crate::app::{App, Connection, Focus, Overlay};
use crate::purge::dossier::Phase;

pub(super) fn always(_: &App) -> Availability {
    Availability::Yes
}

pub(super) fn connected(app: &App) -> Availability {
    match app.connection {
        Connection::Ready(_) => Availability::Yes,
        _ => Availability::No("no store is connected"),
    }
}

pub(super) fn event_selected(app: &App) -> Availability {
    if app.timeline.selected().is_some() {
        Availability::Yes
    } else {
        Availability::No("no event is selected")
    }
}

pub(super) fn inspecting(app: &App) -> Availability {
    if app.inspector.is_some() {
        Availability::Yes
    } else {
        Availability::No("no event is open")
    }
}

pub(super) fn comparing(app: &App) -> Availability {
    match app.overlays.last() {
        Some(Overlay::Panel(panel)) if matches!(**panel, Panel::Compare(_)) => Availability::Yes,
        _ => Availability::No("no two events are compared"),
    }
}

pub(super) fn leading(app: &App) -> Availability {
    match aim(app) {
        Some(_) => Availability::Yes,
        None => Availability::No("no line that leads to events is selected"),
    }
}

pub(super) fn mark_selected(app: &App) -> Availability {
    match aim(app) {
        Some(Aim::Mark(_)) => Availability::Yes,
        _ => Availability::No("no mark is selected"),
    }
}

/// Where the selected line of the topmost panel leads.
fn aim(app: &App) -> Option<&Aim> {
    match app.overlays.last()? {
        Overlay::Panel(panel) => panel.sheet()?.row()?.aim.as_ref(),
        _ => None,
    }
}

pub(super) fn brushable(app: &App) -> Availability {
    if app.histogram.range().is_none() {
        Availability::No("there is nothing to see over time yet")
    } else if app.regions().histogram.width == 0 {
        Availability::No("the screen is too small for the histogram")
    } else {
        Availability::Yes
    }
}

pub(super) fn differing(app: &App) -> Availability {
    match &app.contrast {
        Some(contrast) if contrast.findings().is_empty() => {
            Availability::No("nothing that is different is selected")
        }
        Some(_) => extensible(app),
        None => Availability::No("nothing is compared; b, then d on the histogram"),
    }
}

/// Shares of numbers that still grow mean nothing.
pub(super) fn comparable(app: &App) -> Availability {
    match (brushable(app), &app.histogram.counting) {
        (Availability::Yes, Counting::Done) => Availability::Yes,
        (Availability::Yes, _) => Availability::No("events are still being counted"),
        (no, _) => no,
    }
}

/// What is added to a text that means nothing means nothing either.
pub(super) fn extensible(app: &App) -> Availability {
    if app.filter.is_invalid() {
        Availability::No("the filter's text has a mistake; f mends it, x removes it")
    } else {
        connected(app)
    }
}

pub(super) fn grouped(app: &App) -> Availability {
    if app.awaits_groups() {
        Availability::No("who is in which group is being read")
    } else if app.groups().is_none() {
        Availability::No(
            "who is in which group was not told: --groups FILE.csv tells it, or a profile's [groups]",
        )
    } else {
        connected(app)
    }
}

pub(super) fn views_saved(app: &App) -> Availability {
    if app.views.saved.is_empty() {
        Availability::No("no view is saved yet; V saves this one")
    } else {
        connected(app)
    }
}

pub(super) fn reopenable(app: &App) -> Availability {
    if app.settings.opening.words.is_empty() {
        Availability::No("this store is gone when the program ends")
    } else {
        extensible(app)
    }
}

pub(super) fn narrowing(app: &App) -> Availability {
    match extensible(app) {
        Availability::Yes => inspecting(app),
        no @ Availability::No(_) => no,
    }
}

pub(super) fn filtered(app: &App) -> Availability {
    if app.filter.text().is_empty() {
        Availability::No("there is no filter")
    } else {
        Availability::Yes
    }
}

pub(super) fn searched(app: &App) -> Availability {
    if app.needle.is_empty() {
        Availability::No("nothing was searched for yet")
    } else {
        Availability::Yes
    }
}

pub(super) fn unconnected(app: &App) -> Availability {
    match app.connection {
        Connection::Failed(_) => Availability::Yes,
        _ => Availability::No("the store is connected"),
    }
}

/// One purge at a time: two would press the server twice.
pub(super) fn idle(app: &App) -> Availability {
    match &app.work {
        Some(_) => Availability::No("work on a purge is under way; Ctrl-C stops it"),
        None => Availability::Yes,
    }
}

pub(super) fn offered(app: &App) -> Availability {
    match app.dialog.as_ref().and_then(|dialog| dialog.offer.as_ref()) {
        Some(_) => idle(app),
        None => Availability::No("no unfinished purge of this store is known"),
    }
}

pub(super) fn deleting(app: &App) -> Availability {
    match &app.work {
        Some(work) if work.pausing != Pausing::Never => Availability::Yes,
        _ => Availability::No("nothing is being deleted"),
    }
}

pub(super) fn archive_known(app: &App) -> Availability {
    match app.archives.selected() {
        Some(_) => idle(app),
        None => Availability::No("no archive is known"),
    }
}

pub(super) fn archive_whole(app: &App) -> Availability {
    match app.archives.facts() {
        Some(facts) if facts.root.is_some() => idle(app),
        Some(_) => Availability::No("its backup is not finished"),
        None => Availability::No("no archive that can be read is selected"),
    }
}

pub(super) fn archive_readable(app: &App) -> Availability {
    match app.archives.facts() {
        Some(facts) if facts.archived > 0 => idle(app),
        Some(_) => Availability::No("there is nothing in it yet"),
        None => Availability::No("no archive that can be read is selected"),
    }
}

/// What is to be purged has to be a store that changes.
pub(super) fn purgeable(app: &App) -> Availability {
    if app.is_archive() {
        Availability::No("an archive is kept as it is; P in the store itself purges")
    } else {
        connected(app)
    }
}

pub(super) fn purge_unfinished(app: &App) -> Availability {
    match app.archives.facts() {
        Some(facts) if facts.phase != Phase::Complete => idle(app),
        Some(_) => Availability::No("its purge is complete"),
        None => Availability::No("no purge that can be read is selected"),
    }
}

pub(super) fn counted(app: &App) -> Availability {
    let (number, line) = app.usage.selected;
    let section = app.usage.sections.get(number);
    if section.is_some_and(|section| line < section.aims().len()) {
        extensible(app)
    } else {
        Availability::No("no line that leads to events is selected")
    }
}

/// Keys of the facets do nothing to what the user does not see.
pub(super) fn faceting(app: &App) -> Availability {
    if app.focus == Focus::Facets {
        connected(app)
    } else {
        Availability::No("the facets do not have the keys; s goes there")
    }
}

pub(super) fn on_facet(app: &App) -> Availability {
    match (faceting(app), app.facets.focused()) {
        (Availability::Yes, None) => Availability::No("there is no facet; a adds one"),
        (found, _) => found,
    }
}

pub(super) fn valued(app: &App) -> Availability {
    match (faceting(app), app.facets.value()) {
        (Availability::Yes, Some(_)) => extensible(app),
        (Availability::Yes, None) => Availability::No("no value is selected"),
        (no, _) => no,
    }
}
