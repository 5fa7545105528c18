//! The range as a whole: a card for each number, with the range before below it.

use ratatui::layout::Rect;

use crate::core::aggregate::Certainty;
use crate::core::usage::answer::{Compared, Totals};
use crate::ui::number::short;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;

/// Lines it takes.
pub const HEIGHT: u16 = 2;

const CARDS: u16 = 4;

/// Where a card stands on its line.
pub fn card(line: Rect, place: usize) -> Rect {
    let width = line.width / CARDS;
    let place = u16::try_from(place).unwrap_or(0).min(CARDS - 1);
    Rect {
        x: line.x + place * width,
        width,
        ..line
    }
}

/// Whether the numbers of a range can be held against those of the range before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// They are still being counted.
    Coming,
    /// The log began within the range before.
    Partial,
    /// They can.
    Fair,
}

/// Draws the cards side by side.
pub fn draw(pen: &mut Pen<'_>, lines: &[Option<Rect>], totals: &Totals, comparison: Comparison) {
    let cards = totals.lines();
    let [Some(Some(top)), below] = [lines.first(), lines.get(1)] else {
        return;
    };
    let width = top.width / CARDS;
    let sign = match totals.certainty {
        Certainty::Exact => "",
        Certainty::AtLeast { .. } => "≥",
    };
    let is_whole = comparison != Comparison::Coming;
    let mut x = top.x + 2;
    for (name, number) in cards {
        let room = width.saturating_sub(1);
        let is_bad = name == "failures" && number.is_some_and(|number| number.now > 0);
        let role = if is_bad { Role::Failed } else { Role::Text };
        match number {
            // They come after the events.
            Some(_) if !is_whole && matches!(name, "users" | "new users" | "failures") => {
                pen.row(x, top.y, room, &[("… ", Role::Dim), (name, Role::Dim)]);
            }
            Some(number) => {
                let text = format!("{sign}{}", short(number.now));
                pen.row(
                    x,
                    top.y,
                    room,
                    &[(&text, role), (" ", role), (name, Role::Dim)],
                );
                if let (true, Some(Some(line))) = (is_whole && name != "new users", below) {
                    let text = match comparison {
                        Comparison::Fair => change(number),
                        Comparison::Coming | Comparison::Partial => {
                            "no full time before".to_owned()
                        }
                    };
                    pen.put(x, line.y, room, &text, Role::Dim);
                }
            }
            None => {
                pen.row(x, top.y, room, &[("— ", Role::Unknown), (name, Role::Dim)]);
            }
        }
        x += width;
    }
}

/// `+12 %, 1,203 before`
fn change(number: Compared) -> String {
    let Compared { now, before } = number;
    if before == 0 {
        return "none before".to_owned();
    }
    let difference = i128::from(now) - i128::from(before);
    let percent = difference * 100 / i128::from(before);
    let sign = if difference < 0 { "" } else { "+" };
    format!("{sign}{percent} %, {} before", short(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_its_direction() {
        for (now, before, said) in [
            (112, 100, "+12 %, 100 before"),
            (50, 100, "-50 %, 100 before"),
            (100, 100, "+0 %, 100 before"),
            (5, 0, "none before"),
        ] {
            assert_eq!(change(Compared { now, before }), said);
        }
    }
}
