//! The mouse, when it is on: the wheel moves, a click selects.

use crate::app::command::Direction;
use crate::app::facets::Shown;
use crate::app::inspector::Inspector;
use crate::app::layout::Regions;
use crate::app::overlay::Overlay;
use crate::app::timeline::view::Line;
use crate::app::{App, Effect, Focus, Mouse, Page};

/// A movement of the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// Where.
    pub column: u16,
    /// Where.
    pub row: u16,
    /// What.
    pub kind: PointerKind,
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerKind {
    /// The left button went down.
    Click,
    /// The wheel turned away from the user.
    WheelUp,
    /// The wheel turned towards the user.
    WheelDown,
}

/// Lines that a turn of the wheel moves.
const WHEEL: isize = 3;

impl App {
    pub(super) fn toggle_mouse(&mut self) -> Vec<Effect> {
        self.mouse = match self.mouse {
            Mouse::Off => Mouse::On,
            Mouse::On => Mouse::Off,
        };
        vec![Effect::Mouse(self.mouse)]
    }

    pub(super) fn pointer(&mut self, pointer: Pointer) -> Vec<Effect> {
        let Pointer { column, row, kind } = pointer;
        let regions = self.regions;
        let wheel = match kind {
            PointerKind::WheelUp => Some(-WHEEL),
            PointerKind::WheelDown => Some(WHEEL),
            PointerKind::Click => None,
        };
        if let Some(overlay) = self.overlays.last_mut() {
            point_over(overlay, kind, &regions);
        } else if self.page == Page::Usage {
            self.usage.move_by(wheel.map_or(0, isize::signum));
        } else if self.page != Page::Events {
            // A click would be too easy a key here.
            self.archives.move_by(wheel.map_or(0, isize::signum));
        } else if self.inspector.is_some() && regions.inspector.contains(column, row) {
            let height = usize::from(regions.inspector.height);
            if let Some(tree) = self.inspector.as_mut().and_then(Inspector::tree_mut) {
                tree.move_by(wheel.unwrap_or(0), height);
            }
            self.focus = Focus::Inspector;
        } else if self.facets.shown == Shown::Yes && regions.facets.contains(column, row) {
            self.focus = Focus::Facets;
            self.facets.move_by(wheel.map_or(0, isize::signum));
        } else if regions.filter.contains(column, row) {
            self.focus = Focus::Filter;
        } else if regions.list.contains(column, row) {
            let height = usize::from(regions.list.height);
            self.focus = Focus::List;
            match wheel {
                Some(delta) => self.timeline.move_by(delta, height),
                None => self.click(usize::from(row - regions.list.y), height),
            }
            let mut effects = self.sync_inspector();
            effects.extend(self.load_more());
            return effects;
        }
        Vec::new()
    }

    fn click(&mut self, row: usize, height: usize) {
        let lines = self.timeline.view(height, &self.zone);
        if let Some(Line::Event { event, .. }) = lines.get(row) {
            let id = event.id.clone();
            self.timeline.pause();
            self.timeline.select(&id, row);
        }
    }
}

/// The mouse on what lies over the panes: what lies behind is out of reach.
fn point_over(overlay: &mut Overlay, kind: PointerKind, regions: &Regions) {
    let direction = match kind {
        PointerKind::WheelUp => Direction::Backward,
        PointerKind::WheelDown => Direction::Forward,
        PointerKind::Click => return,
    };
    let lines = match direction {
        Direction::Backward => -WHEEL,
        Direction::Forward => WHEEL,
    };
    let height = usize::from(regions.reader.height);
    match overlay {
        Overlay::Reader(reader) => reader.scroll_by(lines, height),
        Overlay::Panel(panel) => panel.move_by(lines, height),
        Overlay::Picker(picker) => picker.step(direction),
        Overlay::Columns(chooser) => chooser.step(direction),
        Overlay::Search { .. } | Overlay::Naming(_) => {}
    }
}
