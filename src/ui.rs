//! Draws the state, and nothing else: `draw(frame, &App, &Theme) -> Regions`.
//!
//! ```text
//!  auditail  demo · clutch · RO   complete to 12:04:05.231 · lag 0.2 s · best effort    UTC   header
//!  filter ▸ is:error since:-24h                                       842 of ≈1.2M · 14 ms    filter_bar
//!  events ▁▁▂▁▁▂▃▅▇█▆▃▂▂▁▁▁▂▂▂▂▃▁▁▁                                                           histogram
//!  failed ▁   ▁  ▂▇
//! ▸ events · following · Fri 2026-11-20 ──────────┬▸ event 88412077 ──────────────────────   list, inspector
//!   12:04:05.118 ok      alice  DeletePod  pod-61 │ ▾ details {4}
//!   12:04:05.870 denied  alice  DeletePod  pod-60 │     code  7
//! ── 37 new below · G follows ────────────────────┴───────────────────────────────────────   list
//!  Enter open  Space pause  f filter  / search  : commands  ? keys                            footer
//! ```
//!
//! Narrow screens show the inspector over the list; tiny ones the list alone.

pub mod archives;
pub mod contrast;
pub mod dialog;
pub mod facets;
pub mod filter_bar;
pub mod footer;
pub mod header;
pub mod histogram;
pub mod inspector;
pub mod list;
pub mod number;
pub mod overlay;
pub mod panel;
pub mod pen;
pub mod sheet;
pub mod suggestions;
pub mod theme;
pub mod usage;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::facets::Shown;
use crate::app::inquiry::Panel;
use crate::app::layout::{Area, Regions};
use crate::app::{App, Connection, Focus, Overlay, Page};
use crate::ui::pen::Pen;
use crate::ui::theme::{Role, Theme};

/// From this width on list and inspector stand side by side.
const SIDE_BY_SIDE: u16 = 100;

/// From this width on the facets stand beside the list.
const BESIDE_FACETS: u16 = 110;

/// Columns of the facets beside the list, at least and at most.
const FACETS: (u16, u16) = (32, 44);

/// Below this size there is room for a list only.
const TINY: (u16, u16) = (60, 15);

/// From this height on the histogram has a line of labels.
const LABELS: u16 = 20;

/// What a value is called that an event does not have.
const NOTHING: &str = "(none)";

/// Where the cursor of the terminal stands, when there is a line to type into.
type Caret = Option<(u16, u16)>;

/// Draws one frame. Gives where its parts are.
pub fn draw(frame: &mut Frame, app: &App, theme: &Theme) -> Regions {
    let area = frame.area();
    let mut pen = Pen {
        buf: frame.buffer_mut(),
        theme,
    };
    let text = pen.style(Role::Text);
    pen.buf.set_style(area, text);
    let mut regions = Regions::default();
    let mut caret = None;
    if area.width < 10 || area.height < 3 {
        pen.put(area.x, area.y, area.width, "too small", Role::Dim);
    } else if let Connection::Failed(error) = &app.connection {
        overlay::failure(&mut pen, area, app, error);
    } else if app.page != Page::Events {
        caret = draw_page(&mut pen, area, app, &mut regions);
    } else if area.width < TINY.0 || area.height < TINY.1 {
        caret = draw_tiny(&mut pen, area, app, &mut regions);
    } else {
        caret = draw_full(&mut pen, area, app, &mut regions);
    }
    let over = overlay::draw(&mut pen, area, app, &mut regions);
    pen::to_ascii(pen.buf, theme);
    if let Some(at) = if app.overlays.is_empty() { caret } else { over } {
        frame.set_cursor_position(at);
    }
    regions
}

/// A page without a list of events.
fn draw_page(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) -> Caret {
    let header = u16::from(area.height >= TINY.1 && area.width >= TINY.0);
    let (top, rest) = split_top(area, header);
    if header > 0 {
        header::draw(pen, top, app);
    }
    let (body, last) = split_bottom(rest, 1);
    let caret = match app.page {
        Page::Usage => usage::draw(pen, body, app, regions),
        Page::Purge => dialog::draw(pen, body, app),
        Page::Archives => archives::draw(pen, body, app, regions),
        Page::Events => None,
    };
    footer::draw(pen, last, app);
    caret
}

fn draw_tiny(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) -> Caret {
    let (body, last) = split_bottom(area, 1);
    let caret = if app.focus == Focus::Filter {
        let (body, line) = split_bottom(body, 1);
        let caret = filter_bar::draw(pen, line, app, regions);
        body_panes(pen, body, app, regions);
        caret
    } else {
        body_panes(pen, body, app, regions)
    };
    footer::draw_alone(pen, last, app);
    caret
}

fn draw_full(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) -> Caret {
    let (top, rest) = split_top(area, 1);
    let complete_shown = header::draw(pen, top, app);
    let (bar, rest) = split_top(rest, filter_bar::height(app, area.width));
    let bars = match (app.focus, area.height) {
        (Focus::Timeline, LABELS..) => histogram::TALL + 1,
        (Focus::Timeline, _) | (_, LABELS..) => histogram::HEIGHT + 1,
        _ => histogram::HEIGHT,
    };
    let (strip, rest) = split_top(rest, bars);
    let (body, last) = split_bottom(rest, 1);
    let (body, bottom) = split_bottom(body, 1);
    histogram::draw(pen, strip, app, regions);
    let narrowing = body_panes(pen, body, app, regions);
    list::bottom_rule(pen, bottom, app, complete_shown);
    footer::draw(pen, last, app);
    // Last, because its suggestions lie over what is below.
    filter_bar::draw(pen, bar, app, regions).or(narrowing)
}

/// The facets beside or over what else there is.
fn body_panes(pen: &mut Pen<'_>, area: Rect, app: &App, regions: &mut Regions) -> Caret {
    if let Some(contrast) = &app.contrast {
        contrast::draw(pen, area, app, contrast, regions);
        return None;
    }
    let is_beside = app.facets.shown == Shown::Yes && area.width >= BESIDE_FACETS;
    if !is_beside && app.facets.shown == Shown::Yes && app.focus == Focus::Facets {
        hide_list(area, regions);
        return facets::draw(pen, area, app, regions);
    }
    if !is_beside {
        list_and_inspector(pen, area, app, regions, SIDE_BY_SIDE);
        return None;
    }
    let pane = Rect {
        width: (area.width / 4).clamp(FACETS.0, FACETS.1),
        ..area
    };
    let rest = Rect {
        x: pane.right() + 1,
        width: area.width - pane.width - 1,
        ..area
    };
    // Beside the facets both need less, as what matters most of them is at their left.
    list_and_inspector(pen, rest, app, regions, SIDE_BY_SIDE - FACETS.0);
    separator(pen, (pane.right(), area));
    facets::draw(pen, pane, app, regions)
}

/// The list goes on below what lies over it.
fn hide_list(area: Rect, regions: &mut Regions) {
    regions.list = Area {
        height: area.height.saturating_sub(1),
        ..Area::default()
    };
}

fn separator(pen: &mut Pen<'_>, (x, area): (u16, Rect)) {
    for y in area.top()..area.bottom() {
        let glyph = if y == area.top() { "┬" } else { "│" };
        pen.put(x, y, 1, glyph, Role::Rule);
    }
}

/// The list and, when an event is open, the inspector beside it from a width on, or over it.
fn list_and_inspector(
    pen: &mut Pen<'_>,
    area: Rect,
    app: &App,
    regions: &mut Regions,
    side_by_side: u16,
) {
    match &app.inspector {
        None => list::draw(pen, area, app, regions),
        Some(open) if area.width >= side_by_side => {
            let right = (area.width * 2 / 5).max(44);
            let left = Rect {
                width: area.width - right - 1,
                ..area
            };
            let pane = Rect {
                x: left.right() + 1,
                width: right,
                ..area
            };
            list::draw(pen, left, app, regions);
            separator(pen, (left.right(), area));
            inspector::draw(pen, pane, app, open, regions);
        }
        Some(open) if matches!(app.focus, Focus::List | Focus::Facets) => {
            // The list keeps the upper part, so that moving in it can be seen.
            let (upper, lower) = split_top(area, area.height / 2);
            list::draw(pen, upper, app, regions);
            inspector::draw(pen, lower, app, open, regions);
        }
        Some(open) => {
            hide_list(area, regions);
            inspector::draw(pen, area, app, open, regions);
        }
    }
}

/// The title line of a pane. Gives the column after the title.
fn pane_title(pen: &mut Pen<'_>, area: Rect, focus: Focused, title: &str, note: &str) {
    let (rule, text, mark) = match focus {
        Focused::Yes => (Role::RuleFocus, Role::TitleFocus, "▸ "),
        Focused::No => (Role::Rule, Role::Title, "─ "),
    };
    pen.rule(area, rule);
    let pieces = [(mark, rule), (title, text), (" ", rule)];
    let after = pen.row(area.x, area.y, area.width, &pieces);
    if !note.is_empty() {
        let room = area.right().saturating_sub(after + 1);
        pen.row(
            after,
            area.y,
            room,
            &[("· ", Role::Rule), (note, Role::Dim), (" ", rule)],
        );
    }
}

/// Whether a pane has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focused {
    Yes,
    No,
}

impl From<bool> for Focused {
    fn from(has_keys: bool) -> Self {
        if has_keys { Self::Yes } else { Self::No }
    }
}

impl Focused {
    fn of(app: &App, focus: Focus) -> Self {
        (app.focus == focus && app.overlays.is_empty()).into()
    }
}

fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let top = Rect { height, ..area };
    let rest = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (top, rest)
}

fn split_bottom(area: Rect, height: u16) -> (Rect, Rect) {
    split_top(area, area.height.saturating_sub(height))
}

fn region(area: Rect) -> Area {
    Area {
        x: area.x,
        y: area.y,
        width: area.width,
        height: area.height,
    }
}

/// Whether a text is being typed over the panes; the panes' cursor is hidden then.
fn typing_over(app: &App) -> bool {
    match app.overlays.last() {
        Some(
            Overlay::Picker(_) | Overlay::Search { .. } | Overlay::Naming(_) | Overlay::Columns(_),
        ) => true,
        Some(Overlay::Panel(open)) => matches!(**open, Panel::Note(_)),
        Some(Overlay::Reader(_)) | None => false,
    }
}

#[cfg(test)]
mod tests;
