//! The one sanitiser for text from outside: rows, names, server errors, files.
//!
//! Control characters, bidi overrides and zero-width characters are shown, never obeyed, never
//! dropped.

use std::borrow::Cow;

/// The text with every character that a terminal might obey, or a reader might not see, replaced by
/// a visible mark: `␛` and the other control pictures for C0, `␡` for DEL, `\x9b` for C1,
/// `⟨U+202E⟩` for bidi, zero-width and tag characters. Line breaks and tabs become `␊`, `␍`, `␉`.
/// Borrowed when nothing had to change.
pub fn safe(text: &str) -> Cow<'_, str> {
    todo!()
}
