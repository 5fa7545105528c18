//! The brush on the histogram: a stretch of time chosen by keyboard, zoom, and the way to what is
//! different in it.
//!
//! Remembers instants, not columns: the picture moves along with new events and is drawn anew in
//! another width.

use crate::app::command::{BrushAction, Direction};
use crate::app::filter_bar::term;
use crate::app::histogram::Cell;
use crate::app::notice::Level;
use crate::app::{App, Effect, Focus};
use crate::core::instant::Micros;

/// A bar so many times as high as the usual one is a spike.
const SPIKE: u64 = 3;

/// Bars beside a spike that are so many times as high as the usual one belong to it.
const FOOT: u64 = 2;

/// And at least one so many-th of the spike.
const SLOPE: u64 = 4;

/// Bars of a large step.
const FAR: isize = 10;

/// How wide the range becomes when it is made wider or narrower.
const ZOOM: i64 = 2;

/// Nobody has a longer log, in microseconds: two hundred years.
const LONGEST: i64 = 200 * 365 * 24 * 3_600 * Micros::SECOND;

/// Where the brush is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brush {
    /// First instant of the cell with the cursor; `None` is the newest one.
    cursor: Option<Micros>,
    /// First instant of the cell where the brush was put down.
    anchor: Option<Micros>,
    /// How many spikes were gone to.
    spikes: usize,
}

/// Cells of a histogram under the brush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke {
    /// The one with the cursor.
    pub cursor: usize,
    /// First one.
    pub first: usize,
    /// Last one.
    pub last: usize,
    /// Whether the brush is down; it is one cell wide otherwise.
    pub is_down: bool,
}

impl Brush {
    /// What it covers of cells; `None` where there are none.
    pub fn stroke(&self, cells: &[Cell]) -> Option<Stroke> {
        let last = cells.len().checked_sub(1)?;
        let place = |at: Micros| {
            let after = cells.partition_point(|cell| cell.since <= at);
            after.saturating_sub(1).min(last)
        };
        let cursor = self.cursor.map_or(last, place);
        let other = self.anchor.map_or(cursor, place);
        Some(Stroke {
            cursor,
            first: cursor.min(other),
            last: cursor.max(other),
            is_down: self.anchor.is_some(),
        })
    }

    fn lift(&mut self) {
        self.anchor = None;
    }
}

/// Stretches of cells in which more happened than elsewhere, the highest first; then those in which
/// only more went wrong.
fn spikes(cells: &[Cell]) -> Vec<(usize, usize)> {
    let mut found = stand_out(cells, |cell| cell.events);
    let apart = |(first, last): &(usize, usize), others: &[(usize, usize)]| {
        others
            .iter()
            .all(|other| other.1 < *first || *last < other.0)
    };
    let failed = stand_out(cells, |cell| cell.failed);
    let new: Vec<_> = (failed.into_iter())
        .filter(|spike| apart(spike, &found))
        .collect();
    found.extend(new);
    found
}

/// Stretches of cells that are higher than the usual one, the highest first.
fn stand_out(cells: &[Cell], height: fn(&Cell) -> u64) -> Vec<(usize, usize)> {
    let mut heights: Vec<u64> = cells.iter().map(height).collect();
    heights.sort_unstable();
    heights.retain(|events| *events > 0);
    let Some(usual) = heights.get(heights.len() / 2).map(|usual| (*usual).max(1)) else {
        return Vec::new();
    };
    let mut found: Vec<(usize, usize)> = Vec::new();
    let is_free = |at: usize, found: &[(usize, usize)]| {
        found.iter().all(|(first, last)| at < *first || *last < at)
    };
    loop {
        let free = (0..cells.len()).filter(|at| is_free(*at, &found));
        // Of equally high ones the first.
        let Some(top) = free.max_by_key(|at| (height(&cells[*at]), std::cmp::Reverse(*at))) else {
            return found;
        };
        if height(&cells[top]) < SPIKE * usual {
            return found;
        }
        let foot = (FOOT * usual).max(height(&cells[top]) / SLOPE);
        let belongs = |at: &usize| height(&cells[*at]) >= foot && is_free(*at, &found);
        let after = (top + 1..cells.len()).take_while(belongs).count();
        let before = (0..top).rev().take_while(belongs).count();
        found.push((top - before, top + after));
    }
}

impl App {
    /// The bars of the histogram as they are on the screen.
    pub fn cells(&self) -> Vec<Cell> {
        let columns = usize::from(self.regions.histogram.width);
        self.histogram.cells(columns)
    }

    /// What the brush covers, where the histogram has the keys.
    pub fn stroke(&self) -> Option<Stroke> {
        self.brush.stroke(&self.cells())
    }

    /// The time under the brush: first instant, the instant after the last.
    pub(super) fn brushed(&self) -> Option<(Micros, Micros)> {
        let cells = self.cells();
        let stroke = self.brush.stroke(&cells)?;
        Some((cells[stroke.first].since, cells[stroke.last].until))
    }

    /// The same with the bar before it and the bar after it.
    pub(super) fn around_brush(&self) -> Option<(Micros, Micros)> {
        let cells = self.cells();
        let stroke = self.brush.stroke(&cells)?;
        let last = (stroke.last + 1).min(cells.len() - 1);
        Some((
            cells[stroke.first.saturating_sub(1)].since,
            cells[last].until,
        ))
    }

    pub(super) fn perform_on_brush(&mut self, action: BrushAction) -> Vec<Effect> {
        match action {
            BrushAction::Focus => {
                self.focus = match self.focus {
                    Focus::Timeline => Focus::List,
                    _ => Focus::Timeline,
                };
                Vec::new()
            }
            BrushAction::Step(direction) => self.step_brush(direction, 1),
            BrushAction::Far(direction) => self.step_brush(direction, FAR),
            BrushAction::Toggle => self.toggle_brush(),
            BrushAction::Apply => self.apply_brush(),
            BrushAction::Spike(direction) => self.next_spike(direction),
            BrushAction::Zoom(direction) => self.zoom(direction),
            BrushAction::Whole => {
                let text = term::with_range(self.filter.text(), None);
                self.pass_filter(&text)
            }
            BrushAction::Different => self.find_differences(),
        }
    }

    /// Moves the cursor by so many bars.
    pub(super) fn move_brush(&mut self, delta: isize) {
        let cells = self.cells();
        if let Some(stroke) = self.brush.stroke(&cells) {
            let at = stroke.cursor.saturating_add_signed(delta);
            let at = at.min(cells.len() - 1);
            self.brush.cursor = Some(cells[at].since);
        }
    }

    fn step_brush(&mut self, direction: Direction, bars: isize) -> Vec<Effect> {
        self.move_brush(match direction {
            Direction::Forward => bars,
            Direction::Backward => -bars,
        });
        Vec::new()
    }

    fn toggle_brush(&mut self) -> Vec<Effect> {
        let cells = self.cells();
        self.brush.anchor = match (self.brush.anchor, self.brush.stroke(&cells)) {
            (None, Some(stroke)) => Some(cells[stroke.cursor].since),
            _ => None,
        };
        Vec::new()
    }

    /// The first thing that going back means here: the brush is lifted.
    pub(super) fn lift_brush(&mut self) {
        if self.brush.anchor.is_some() {
            self.brush.lift();
        } else {
            self.focus = Focus::List;
        }
    }

    fn apply_brush(&mut self) -> Vec<Effect> {
        match self.brushed() {
            Some((since, until)) => self.set_filter(&self.ranged(since, until)),
            None => Vec::new(),
        }
    }

    /// The filter with a stretch of time; what reaches to now stays open.
    fn ranged(&self, since: Micros, until: Micros) -> String {
        let range = if until > self.now() {
            format!("since:{since}")
        } else {
            format!("since:{since} until:{until}")
        };
        term::with_range(self.filter.text(), Some(&range))
    }

    fn next_spike(&mut self, direction: Direction) -> Vec<Effect> {
        let cells = self.cells();
        let spikes = spikes(&cells);
        if spikes.is_empty() {
            let text = format!("no bar is {SPIKE} times as high as the usual one");
            let hint = "+ looks closer: what is short stands out there";
            self.notify(Level::Info, text, Some(hint.to_owned()));
            return Vec::new();
        }
        let is_new = self.brush.anchor.is_none();
        let place = match direction {
            Direction::Forward if is_new => 0,
            Direction::Forward => self.brush.spikes + 1,
            Direction::Backward => self.brush.spikes + spikes.len() - 1,
        } % spikes.len();
        let (first, last) = spikes[place];
        self.brush = Brush {
            cursor: Some(cells[last].since),
            anchor: Some(cells[first].since),
            spikes: place,
        };
        Vec::new()
    }

    /// Twice as near around the cursor, or twice as far.
    fn zoom(&mut self, direction: Direction) -> Vec<Effect> {
        let Some(((since, until), stroke)) = self.histogram.range().zip(self.stroke()) else {
            return Vec::new();
        };
        let length = until.0.saturating_sub(since.0);
        if direction == Direction::Forward && stroke.is_down {
            return self.apply_brush();
        }
        let is_all = self.question.begin().is_some_and(|begin| since <= begin);
        if direction == Direction::Backward && (is_all && until >= self.now() || length >= LONGEST)
        {
            self.notify(Level::Info, "this is all the time there is", None);
            return Vec::new();
        }
        let (middle, half) = match direction {
            Direction::Forward => {
                let cell = self.cells()[stroke.cursor];
                let middle = cell.since.0.midpoint(cell.until.0);
                (middle, length / ZOOM / 2)
            }
            Direction::Backward => (since.0.midpoint(until.0), length.saturating_mul(ZOOM) / 2),
        };
        if half < Micros::SECOND {
            self.notify(Level::Info, "there is nothing nearer than this", None);
            return Vec::new();
        }
        let text = self.ranged(
            Micros(middle.saturating_sub(half)),
            Micros(middle.saturating_add(half)),
        );
        self.pass_filter(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(events: &[u64]) -> Vec<Cell> {
        let cell = |(place, events): (usize, &u64)| {
            let since = Micros(i64::try_from(place).expect("few") * 10);
            Cell {
                since,
                until: since.plus(10),
                events: *events,
                failed: 0,
            }
        };
        events.iter().enumerate().map(cell).collect()
    }

    #[test]
    fn a_spike_is_far_above_the_usual_with_its_feet() {
        let heights = cells(&[4, 5, 0, 11, 40, 12, 5, 4, 20, 5]);
        assert_eq!(spikes(&heights), [(3, 5), (8, 8)]);
        assert_eq!(spikes(&cells(&[4, 5, 6, 5])), []);
        assert_eq!(spikes(&cells(&[0, 0])), []);
        assert_eq!(spikes(&[]), []);
        let mut wrong = cells(&[4, 5, 40, 5, 4, 6]);
        wrong[2].failed = 3;
        wrong[4].failed = 4;
        for place in [0, 1, 5] {
            wrong[place].failed = 1;
        }
        assert_eq!(spikes(&wrong), [(2, 2), (4, 4)]);
    }

    #[test]
    fn the_brush_stays_where_it_was_when_the_picture_moves() {
        let mut heights = cells(&[1, 2, 3, 4, 5]);
        let brush = Brush {
            cursor: Some(Micros(30)),
            anchor: Some(Micros(10)),
            spikes: 0,
        };
        let stroke = brush.stroke(&heights).expect("there are cells");
        assert_eq!((stroke.first, stroke.last, stroke.cursor), (1, 3, 3));
        heights.remove(0);
        let stroke = brush.stroke(&heights).expect("there are cells");
        assert_eq!((stroke.first, stroke.last), (0, 2));
        assert_eq!(brush.stroke(&[]), None);
        // What has moved out of the picture is at its end.
        assert_eq!(
            brush.stroke(&heights[3..]).map(|stroke| stroke.last),
            Some(0)
        );
    }
}
