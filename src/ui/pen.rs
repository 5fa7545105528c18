//! Puts text into cells. The only place of the screen where text meets the terminal: it is made
//! safe here, measured here and cut here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::core::sanitise::safe;
use crate::ui::theme::{Glyphs, Role, Theme};

/// Writes into the cells of one frame with the styles of one theme.
pub struct Pen<'f> {
    /// The cells.
    pub buf: &'f mut Buffer,
    /// The styles.
    pub theme: &'f Theme,
}

/// Cells a text takes, after it was made safe.
pub fn width(text: &str) -> usize {
    safe(text).width()
}

impl Pen<'_> {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Writes a text into at most `room` cells from (x, y), cut with `…` where it is longer. Gives
    /// the first column after it.
    pub fn put(&mut self, x: u16, y: u16, room: u16, text: &str, role: Role) -> u16 {
        self.put_hits(x, y, room, text, (role, &[]))
    }

    /// As [`Pen::put`], with the characters that were searched for marked by their numbers.
    pub fn put_hits(
        &mut self,
        x: u16,
        y: u16,
        room: u16,
        text: &str,
        (role, hits): (Role, &[usize]),
    ) -> u16 {
        let all = *self.buf.area();
        if y < all.top() || y >= all.bottom() {
            return x;
        }
        let (mut at, end) = (x, x.saturating_add(room).min(all.right()).max(x));
        let style = self.style(role);
        let mut number = 0;
        for grapheme in text.graphemes(true) {
            let shown = safe(grapheme);
            let style = match shown {
                std::borrow::Cow::Owned(_) => self.style(Role::Hostile),
                std::borrow::Cow::Borrowed(_) if hits.contains(&number) => {
                    style.patch(self.style(Role::Match))
                }
                std::borrow::Cow::Borrowed(_) => style,
            };
            number += grapheme.chars().count();
            let cells = u16::try_from(shown.width()).unwrap_or(u16::MAX);
            if at.saturating_add(cells) > end {
                if end > x {
                    self.buf.set_stringn(end - 1, y, "…", 1, style);
                }
                return end;
            }
            self.buf
                .set_stringn(at, y, &shown, usize::from(cells), style);
            at += cells;
        }
        at
    }

    /// Writes pieces one after the other. Gives the first column after them.
    pub fn row(&mut self, x: u16, y: u16, room: u16, pieces: &[(&str, Role)]) -> u16 {
        let end = x.saturating_add(room);
        pieces
            .iter()
            .fold(x, |at, (text, role)| self.put(at, y, end - at, text, *role))
    }

    /// Writes pieces so that they end at the right edge of an area, in its first line. Gives the
    /// first column they take.
    pub fn right(&mut self, area: Rect, pieces: &[(&str, Role)]) -> u16 {
        let cells: usize = pieces.iter().map(|(text, _)| width(text)).sum();
        let cells = u16::try_from(cells).unwrap_or(u16::MAX).min(area.width);
        let x = area.right() - cells;
        self.row(x, area.y, cells, pieces);
        x
    }

    /// A line across the first line of an area.
    pub fn rule(&mut self, area: Rect, role: Role) {
        let style = self.style(role);
        let area = area.intersection(*self.buf.area());
        if area.is_empty() {
            return;
        }
        for x in area.left()..area.right() {
            self.buf.set_stringn(x, area.y, "─", 1, style);
        }
    }

    /// A bar for a number beside the largest one, of at most so many columns, in halves of them.
    pub fn bar(&mut self, (x, y): (u16, u16), room: u16, (size, most): (u64, u64)) {
        const SHORTEST: u16 = 3;
        const LONGEST: u16 = 24;
        let room = room.min(LONGEST);
        if room < SHORTEST {
            return;
        }
        let halves = (u128::from(size) * u128::from(room) * 2).div_ceil(u128::from(most.max(1)));
        let halves = u16::try_from(halves).unwrap_or(0);
        for column in 0..halves / 2 {
            self.put(x + column, y, 1, "█", Role::Bar);
        }
        if halves % 2 == 1 {
            self.put(x + halves / 2, y, 1, "▌", Role::Bar);
        }
    }

    /// Empties an area.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(*self.buf.area());
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buf[(x, y)].reset();
            }
        }
        let text = self.style(Role::Text);
        self.buf.set_style(area, text);
    }
}

/// What stands for our own characters where only ASCII can be shown.
const ASCII: [(&str, &str); 39] = [
    ("▒", "%"),
    ("×", "x"),
    ("✓", "+"),
    ("≥", ">"),
    ("─", "-"),
    ("│", "|"),
    ("┌", "+"),
    ("┐", "+"),
    ("└", "+"),
    ("┘", "+"),
    ("┬", "+"),
    ("┴", "+"),
    ("·", "-"),
    ("…", "~"),
    ("—", "-"),
    ("≈", "~"),
    ("“", "\""),
    ("”", "\""),
    ("▸", ">"),
    ("▾", "v"),
    ("▌", ">"),
    ("●", "*"),
    ("◆", "#"),
    ("−", "-"),
    ("↕", "^"),
    ("○", "o"),
    ("▲", "^"),
    ("△", "/"),
    ("↑", "^"),
    ("↓", "v"),
    ("←", "<"),
    ("→", ">"),
    ("▁", "."),
    ("▂", ":"),
    ("▃", "-"),
    ("▄", "="),
    ("▅", "+"),
    ("▆", "*"),
    ("▇", "#"),
];

/// Replaces every cell that is not ASCII: our own characters by their likes, others by a marked
/// question mark, so that nothing looks like what it is not.
pub fn to_ascii(buf: &mut Buffer, theme: &Theme) {
    if theme.glyphs == Glyphs::Unicode {
        return;
    }
    let hostile = theme.style(Role::Hostile);
    for cell in &mut buf.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let symbol = cell.symbol().to_owned();
        if let Some((_, ascii)) = ASCII.iter().find(|(known, _)| *known == symbol) {
            cell.set_symbol(ascii);
        } else if symbol == "█" {
            cell.set_symbol("@");
        } else {
            let cells = symbol.width().max(1);
            cell.set_symbol(&"?".repeat(cells.min(1)));
            cell.set_style(hostile);
        }
    }
}
