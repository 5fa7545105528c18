//! A text of labelled lines, written from top to bottom into an area: what does not fit is left out
//! at the bottom, what is long is wrapped or cut.

use ratatui::layout::Rect;
use tui_input::Input;

use crate::ui::Caret;
use crate::ui::overlay::wrapped;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;

/// Columns of the labels.
pub const LABEL: u16 = 11;

/// Columns of a line to type into before its note, where what is typed takes no more.
const NOTE: u16 = 14;

/// Where the next line goes.
pub struct Sheet<'p, 'f> {
    /// What writes.
    pub pen: &'p mut Pen<'f>,
    /// What is left.
    pub area: Rect,
}

impl Sheet<'_, '_> {
    /// The next line's area; `None` when there is no room for it.
    pub fn take_line(&mut self) -> Option<Rect> {
        if self.area.height == 0 {
            return None;
        }
        let line = Rect {
            height: 1,
            ..self.area
        };
        self.area.y += 1;
        self.area.height -= 1;
        Some(line)
    }

    /// Keeps the last lines free for what must not be cut off; gives how many those are, to be added
    /// to the area's height again.
    #[must_use]
    pub fn reserve(&mut self, lines: u16) -> u16 {
        let kept = lines.min(self.area.height);
        self.area.height -= kept;
        kept
    }

    /// An empty line.
    pub fn gap(&mut self) {
        let _ = self.take_line();
    }

    /// A line of pieces.
    pub fn line(&mut self, pieces: &[(&str, Role)]) {
        if let Some(line) = self.take_line() {
            self.pen.row(line.x, line.y, line.width, pieces);
        }
    }

    /// A label and a text of one line.
    pub fn fact(&mut self, label: &str, text: &str, role: Role) {
        if let Some(line) = self.take_line() {
            self.pen.put(line.x, line.y, LABEL, label, Role::Dim);
            let x = line.x + LABEL;
            self.pen
                .put(x, line.y, line.right().saturating_sub(x), text, role);
        }
    }

    /// A label and a text of as many lines as it takes.
    pub fn wrapped(&mut self, label: &str, text: &str, role: Role) {
        let room = usize::from(self.area.width.saturating_sub(LABEL)).max(1);
        for (place, line) in text
            .lines()
            .flat_map(|line| wrapped(line, room))
            .enumerate()
        {
            self.fact(if place == 0 { label } else { "" }, &line, role);
        }
    }

    /// Sentences without a label, of as many lines as they take.
    pub fn paragraph(&mut self, text: &str, role: Role) {
        let room = usize::from(self.area.width).max(1);
        for line in text.lines().flat_map(|line| wrapped(line, room)) {
            self.line(&[(&line, role)]);
        }
    }

    /// A line to type into. `note` stands to its right where there is room. Gives the caret.
    pub fn input(
        &mut self,
        label: &str,
        (input, shown): (&Input, &str),
        note: &str,
        keys: Keys,
    ) -> Caret {
        let line = self.take_line()?;
        let (mark, role) = match keys {
            Keys::Here => ("▸ ", Role::Prompt),
            Keys::Elsewhere => ("  ", Role::Dim),
        };
        self.pen.put(line.x, line.y, LABEL, label, Role::Dim);
        let x = self.pen.put(line.x + LABEL, line.y, 2, mark, role);
        let noted = u16::try_from(width(note)).unwrap_or(u16::MAX);
        let room = line.right().saturating_sub(x);
        // The text comes first: a note makes way for it.
        let typed = u16::try_from(width(shown)).unwrap_or(u16::MAX);
        let beside = typed.saturating_add(3).max(NOTE);
        let has_note = beside.saturating_add(noted) <= room;
        let scroll = input.visual_scroll(usize::from(room.max(2)) - 1);
        let seen: String = shown.chars().skip(scroll).collect();
        self.pen.put(x, line.y, room, &seen, Role::Text);
        if has_note {
            self.pen.put(x + beside, line.y, noted, note, Role::Dim);
        }
        let before: String = shown.chars().take(input.cursor()).skip(scroll).collect();
        let caret = x.saturating_add(u16::try_from(width(&before)).unwrap_or(u16::MAX));
        (keys == Keys::Here).then_some((caret.min(line.right().saturating_sub(1)), line.y))
    }

    /// How much of something is done, with words to the right of it.
    pub fn gauge(&mut self, (done, all): (u64, u64), words: &str) {
        let Some(line) = self.take_line() else { return };
        let columns = (line.width / 3).clamp(8, 40);
        let part = u128::from(done.min(all)) * u128::from(columns) / u128::from(all.max(1));
        let full = u16::try_from(part).unwrap_or(columns);
        for column in 0..columns {
            let (glyph, role) = if column < full {
                ("█", Role::Bar)
            } else {
                ("─", Role::Rule)
            };
            self.pen.put(line.x + column, line.y, 1, glyph, role);
        }
        let percent = u128::from(done.min(all)) * 100 / u128::from(all.max(1));
        let percent = format!("  {percent} %  ");
        let room = line.width.saturating_sub(columns);
        let pieces = [(percent.as_str(), Role::Title), (words, Role::Text)];
        self.pen.row(line.x + columns, line.y, room, &pieces);
    }
}

/// Whether a line has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// It has.
    Here,
    /// Another one has.
    Elsewhere,
}
