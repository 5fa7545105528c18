//! What says more about an event, over the list.

pub mod compare;
mod list;
mod note;

use ratatui::layout::Rect;

use crate::app::App;
use crate::app::inquiry::Panel;
use crate::app::inquiry::sheet::Sheet;
use crate::app::layout::Regions;
use crate::ui::overlay::boxed;
use crate::ui::pen::Pen;
use crate::ui::{Caret, region, split_bottom};

/// The most useful keys of a panel.
pub fn useful(open: &Panel) -> &'static [(&'static str, &'static str)] {
    match open {
        Panel::Note(_) => &[("filter.submit", "mark"), ("line.back", "not now")],
        Panel::List(_) => &[
            ("panel.close", "close"),
            ("panel.go", "events"),
            ("panel.down", "down"),
            ("panel.up", "up"),
            ("app.interrupt", "stop"),
        ],
        Panel::Marks(_) => &[
            ("panel.close", "close"),
            ("panel.go", "go there"),
            ("mark.drop", "forget"),
            ("panel.down", "down"),
            ("panel.up", "up"),
        ],
        Panel::Compare(_) => &[
            ("panel.close", "close"),
            ("panel.unchanged", "unchanged parts"),
            ("panel.down", "down"),
            ("panel.up", "up"),
            ("panel.page-down", "page down"),
        ],
    }
}

/// Draws a panel; gives where its caret stands.
pub fn draw(
    pen: &mut Pen<'_>,
    area: Rect,
    app: &App,
    open: &Panel,
    regions: &mut Regions,
) -> Caret {
    let (area, _) = split_bottom(area, 1);
    match open {
        Panel::Note(note) => note::draw(pen, area, app, note),
        Panel::Compare(compare) => {
            let inner = boxed(pen, area, "what differs");
            regions.reader = region(compare::draw(pen, inner, app, compare));
            None
        }
        Panel::List(listing) => draw_sheet(pen, area, &listing.sheet, regions),
        Panel::Marks(sheet) => draw_sheet(pen, area, sheet, regions),
    }
}

fn draw_sheet(pen: &mut Pen<'_>, area: Rect, sheet: &Sheet, regions: &mut Regions) -> Caret {
    let inner = boxed(pen, area, &sheet.title);
    regions.reader = region(inner);
    list::draw(pen, inner, sheet);
    None
}
