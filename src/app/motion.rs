//! Moving up and down, wherever the keys are.

use crate::app::command::Motion;
use crate::app::inspector::Inspector;
use crate::app::overlay::Overlay;
use crate::app::{App, Effect, Focus, Page};

/// Bars that are a page.
const BARS: usize = 20;

impl App {
    pub(super) fn move_by(&mut self, motion: Motion) -> Vec<Effect> {
        if let Some(Overlay::Reader(reader)) = self.overlays.last_mut() {
            let height = usize::from(self.regions.reader.height);
            reader.scroll_by(delta(motion, height), height);
            return Vec::new();
        }
        if self.panel_mut().is_some() {
            return self.move_panel(motion);
        }
        match self.page {
            Page::Events => {}
            Page::Purge => return Vec::new(),
            Page::Usage => {
                self.usage.go(motion, self.regions.sections);
                return Vec::new();
            }
            Page::Archives => {
                let height = usize::from(self.regions.archives.height);
                self.archives.move_by(delta(motion, height));
                return Vec::new();
            }
        }
        match self.focus {
            Focus::Timeline => self.move_brush(delta(motion, BARS)),
            Focus::Contrast => {
                let height = usize::from(self.regions.contrast.height);
                if let Some(contrast) = &mut self.contrast {
                    contrast.move_by(delta(motion, height));
                }
            }
            Focus::Facets => {
                let height = usize::from(self.regions.facets.height);
                self.facets.move_by(delta(motion, height));
            }
            Focus::Inspector => self.move_in_tree(motion),
            Focus::List | Focus::Filter => return self.move_in_list(motion),
        }
        Vec::new()
    }

    fn move_in_tree(&mut self, motion: Motion) {
        let height = usize::from(self.regions.inspector.height).max(1);
        if let Some(tree) = self.inspector.as_mut().and_then(Inspector::tree_mut) {
            match motion {
                Motion::First => tree.move_first(),
                Motion::Last => tree.move_last(height),
                _ => tree.read_on(delta(motion, height), height, self.regions.below),
            }
        }
    }

    fn move_in_list(&mut self, motion: Motion) -> Vec<Effect> {
        self.resume_paging();
        let height = usize::from(self.regions.list.height).max(1);
        let mut effects = match motion {
            Motion::First => self.go_to_oldest(),
            Motion::Last => self.follow_newest(),
            _ => {
                self.timeline.move_by(delta(motion, height), height);
                Vec::new()
            }
        };
        effects.extend(self.sync_inspector());
        effects
    }
}

/// A motion as a number of lines in a pane of `height` lines; ends are as far as one can go.
pub(super) fn delta(motion: Motion, height: usize) -> isize {
    let page = isize::try_from(height.saturating_sub(1).max(1)).unwrap_or(1);
    match motion {
        Motion::Down => 1,
        Motion::Up => -1,
        Motion::HalfDown => (page / 2).max(1),
        Motion::HalfUp => -(page / 2).max(1),
        Motion::PageDown => page,
        Motion::PageUp => -page,
        Motion::First => isize::MIN,
        Motion::Last => isize::MAX,
    }
}
