//! The one sanitiser for text from outside: rows, names, server errors, files.
//!
//! Control characters, bidi overrides and zero-width characters are shown, never obeyed, never
//! dropped.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters a reader would not see, or that change how others are shown: format characters (Cf),
/// line and paragraph separators, fillers, variation selectors and the rest of what Unicode calls
/// default-ignorable. Combining marks are not here: they are part of how people write.
const HIDDEN: [(char, char); 35] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{1fffe}', '\u{1ffff}'),
    ('\u{2fffe}', '\u{2ffff}'),
    ('\u{3fffe}', '\u{3ffff}'),
    ('\u{4fffe}', '\u{4ffff}'),
    ('\u{5fffe}', '\u{5ffff}'),
    ('\u{6fffe}', '\u{dffff}'),
    ('\u{e0000}', '\u{effff}'),
    ('\u{ffffe}', '\u{fffff}'),
    ('\u{10fffe}', '\u{10ffff}'),
];

/// The text with every character that a terminal might obey, or a reader might not see, replaced by
/// a visible mark: `␛` and the other control pictures for C0, `␡` for DEL, `\x9b` for C1,
/// `⟨U+202E⟩` for bidi, zero-width and tag characters. Line breaks and tabs become `␊`, `␍`, `␉`.
/// Borrowed when nothing had to change.
pub fn safe(text: &str) -> Cow<'_, str> {
    let Some(first) = first_unsafe(text) else {
        return Cow::Borrowed(text);
    };
    let mut shown = String::with_capacity(text.len() + 16);
    shown.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_safe(c) {
            shown.push(c);
        } else {
            mark(&mut shown, c);
        }
    }
    Cow::Owned(shown)
}

fn first_unsafe(text: &str) -> Option<usize> {
    // Almost all text is plain ASCII, where one look at each byte is enough.
    let suspect = text.bytes().position(|byte| !matches!(byte, b' '..=b'~'))?;
    text[suspect..]
        .char_indices()
        .find(|(_, c)| !is_safe(*c))
        .map(|(at, _)| suspect + at)
}

fn is_safe(c: char) -> bool {
    if c < '\u{a0}' {
        return matches!(c, ' '..='~');
    }
    HIDDEN
        .binary_search_by(|(first, last)| {
            if c < *first {
                std::cmp::Ordering::Greater
            } else if c > *last {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Equal
            }
        })
        .is_err()
}

fn mark(shown: &mut String, c: char) {
    let code = u32::from(c);
    // Writing to a String cannot fail.
    let _ = match code {
        0..0x20 => {
            shown.push(char::from_u32(0x2400 + code).unwrap_or('␀'));
            Ok(())
        }
        0x7f => {
            shown.push('␡');
            Ok(())
        }
        0x80..0xa0 => write!(shown, "\\x{code:02x}"),
        _ => write!(shown, "⟨U+{code:04X}⟩"),
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        for (text, shown) in [
            ("\u{1b}]52;c;cm0=\u{7}", "␛]52;c;cm0=␇"),
            ("a\r\n\tb\u{7f}\0", "a␍␊␉b␡␀"),
            ("\u{9b}31m", "\\x9b31m"),
            ("user\u{202e}gpj.exe", "user⟨U+202E⟩gpj.exe"),
            ("pay\u{200b}pal", "pay⟨U+200B⟩pal"),
            ("a\u{2028}b", "a⟨U+2028⟩b"),
            ("\u{e0041}", "⟨U+E0041⟩"),
            ("\u{115f}\u{3164}", "⟨U+115F⟩⟨U+3164⟩"),
        ] {
            assert_eq!(safe(text), shown);
        }
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["", "plain ~text~", "Zoë e\u{301} 東京 नमस्ते 😀 ±", "\u{a0}"]
        {
            assert!(matches!(safe(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn ranges_are_in_order() {
        let ends: Vec<_> = HIDDEN.iter().flat_map(|(a, b)| [a, b]).collect();
        assert!(ends.is_sorted());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn nothing_obeyed_nothing_hidden(text in "(.|\\p{Cc}|\\p{Cf}|\\p{Zl}|\\p{Zp}|[\u{80}-\u{9f}]){0,20}") {
            let shown = safe(&text);
            prop_assert!(shown.chars().all(is_safe));
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(shown.chars().count() >= text.chars().count());
            prop_assert!(matches!(safe(&shown), Cow::Borrowed(_)));
        }

        #[test]
        fn format_characters_and_separators_are_marked(text in "[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]") {
            let shown = safe(&text);
            prop_assert_ne!(&*shown, &*text);
        }
    }
}
