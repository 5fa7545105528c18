//! Colours a terminal can show, and the nearest one to a colour it cannot.

use ratatui::style::Color;

/// How many colours a terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The sixteen that users choose themselves.
    Sixteen,
    /// 256, of which 240 are fixed.
    Indexed,
    /// 24 bits.
    True,
}

/// The sixteen colours as most terminals show them, in the order of their numbers.
const SIXTEEN: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [170, 0, 0]),
    (Color::Green, [0, 170, 0]),
    (Color::Yellow, [170, 130, 0]),
    (Color::Blue, [0, 0, 170]),
    (Color::Magenta, [170, 0, 170]),
    (Color::Cyan, [0, 170, 170]),
    (Color::Gray, [170, 170, 170]),
    (Color::DarkGray, [85, 85, 85]),
    (Color::LightRed, [255, 85, 85]),
    (Color::LightGreen, [85, 255, 85]),
    (Color::LightYellow, [255, 255, 85]),
    (Color::LightBlue, [85, 85, 255]),
    (Color::LightMagenta, [255, 85, 255]),
    (Color::LightCyan, [85, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// Steps of the colour cube of the 256.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

impl Depth {
    /// The colour of this depth that is nearest to `color`.
    pub fn nearest(self, color: Color) -> Color {
        match (self, color) {
            (Self::Indexed, Color::Rgb(r, g, b)) => Color::Indexed(indexed([r, g, b])),
            (Self::Sixteen, Color::Rgb(r, g, b)) => sixteen([r, g, b]),
            (Self::Sixteen, Color::Indexed(number)) => sixteen(components(number)),
            (_, color) => color,
        }
    }
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter()
        .zip(b)
        .map(|(a, b)| u32::from(a.abs_diff(b)).pow(2))
        .sum()
}

/// The sixteen differ most in hue: a pale green must become green, not grey, so what a colour has
/// beyond grey is doubled before the nearest is taken.
fn sixteen(color: [u8; 3]) -> Color {
    let grey = color.iter().map(|part| i32::from(*part)).sum::<i32>() / 3;
    let vivid = color.map(|part| {
        u8::try_from((grey + (i32::from(part) - grey) * 2).clamp(0, 255)).unwrap_or(u8::MAX)
    });
    SIXTEEN
        .iter()
        .min_by_key(|(_, shown)| distance(*shown, vivid))
        .map_or(Color::Reset, |(name, _)| *name)
}

fn indexed(color: [u8; 3]) -> u8 {
    (16..=255)
        .min_by_key(|number| distance(components(*number), color))
        .unwrap_or(15)
}

fn components(number: u8) -> [u8; 3] {
    match number {
        0..16 => SIXTEEN[usize::from(number)].1,
        16..232 => {
            let cube = usize::from(number - 16);
            [STEPS[cube / 36], STEPS[cube / 6 % 6], STEPS[cube % 6]]
        }
        232.. => [8 + 10 * (number - 232); 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_fall_back_to_near_ones() {
        let green = Color::Rgb(0x7f, 0xc8, 0x7f);
        assert_eq!(Depth::True.nearest(green), green);
        assert_eq!(
            Depth::Indexed.nearest(Color::Rgb(255, 0, 0)),
            Color::Indexed(196)
        );
        assert_eq!(
            Depth::Indexed.nearest(Color::Rgb(18, 18, 18)),
            Color::Indexed(233)
        );
        assert!(matches!(
            Depth::Sixteen.nearest(green),
            Color::Green | Color::LightGreen
        ));
        assert!(matches!(
            Depth::Sixteen.nearest(Color::Indexed(196)),
            Color::LightRed | Color::Red
        ));
    }
}
