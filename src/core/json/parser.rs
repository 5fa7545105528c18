//! JSON text in, nodes out: one pass, no recursion, no copies.
//!
//! Accepts what RFC 8259 accepts. Numbers of any size are kept as text, so `1e400` is fine here
//! though no float holds it. Half a surrogate pair, which a `json` column may hold and jsonb
//! refuses, stands for U+FFFD.

use super::nodes::{Escapes, Nodes};
use super::{JsonError, LONGEST, NO_PARENT, Node};

/// What may come next.
enum Next {
    /// A value, or nothing but the end of an array when it has just begun.
    ValueOrClose,
    /// A value.
    Value,
    /// A key, or nothing but the end of an object when it has just begun.
    KeyOrClose,
    /// A key.
    Key,
    /// A comma or the end of the container; the end of the text outside all of them.
    Separator,
}

struct Parser<'t> {
    bytes: &'t [u8],
    at: usize,
    nodes: Nodes,
}

/// Parses one JSON value with nothing but white space around it, into a cleared `nodes`.
pub(super) fn parse(bytes: &[u8], nodes: Vec<Node>) -> Result<Vec<Node>, JsonError> {
    if bytes.len() > LONGEST {
        return Err(JsonError {
            offset: LONGEST,
            expected: "a text below 4 GiB",
        });
    }
    let mut parser = Parser {
        bytes,
        at: 0,
        nodes: Nodes::reusing(nodes),
    };
    let mut next = Next::Value;
    loop {
        parser.skip_space();
        next = match next {
            Next::ValueOrClose if parser.peek() == Some(b']') => parser.close(),
            Next::Value | Next::ValueOrClose => parser.value()?,
            Next::KeyOrClose if parser.peek() == Some(b'}') => parser.close(),
            Next::Key | Next::KeyOrClose => parser.key()?,
            Next::Separator if parser.nodes.open == NO_PARENT => {
                return match parser.peek() {
                    None => Ok(parser.nodes.all),
                    Some(_) => parser.fail("the end of the text"),
                };
            }
            Next::Separator => parser.separator()?,
        };
    }
}

/// The character of `uXXXX` (or of a surrogate pair `uXXXX\uXXXX`) and the length of what was
/// read: `None` and 5 for half a pair, `None` and 1 when there are no four digits.
pub(super) fn code_point(escape: &[u8]) -> (Option<char>, usize) {
    let Some(high) = hex(escape.get(1..5)) else {
        return (None, 1);
    };
    if !(0xD800..0xE000).contains(&high) {
        return (char::from_u32(high), 5);
    }
    let low = (escape.get(5..7) == Some(b"\\u"))
        .then(|| hex(escape.get(7..11)))
        .flatten();
    match low {
        Some(low @ 0xDC00..0xE000) if high < 0xDC00 => {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(code), 11)
        }
        _ => (None, 5),
    }
}

fn hex(digits: Option<&[u8]>) -> Option<u32> {
    digits?.iter().try_fold(0, |value, byte| {
        Some(value << 4 | char::from(*byte).to_digit(16)?)
    })
}

impl Parser<'_> {
    fn fail<T>(&self, expected: &'static str) -> Result<T, JsonError> {
        Err(JsonError {
            offset: self.at,
            expected,
        })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Next, JsonError> {
        let start = self.at;
        let mut escapes = Escapes::None;
        match self.peek() {
            Some(b'"') => escapes = self.string()?,
            Some(b'{') => return Ok(self.open(Next::KeyOrClose)),
            Some(b'[') => return Ok(self.open(Next::ValueOrClose)),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            _ => return self.fail("a value"),
        }
        self.nodes.leaf(start, self.at, escapes);
        Ok(Next::Separator)
    }

    fn open(&mut self, next: Next) -> Next {
        self.nodes.open(self.at);
        self.at += 1;
        next
    }

    fn close(&mut self) -> Next {
        self.at += 1;
        self.nodes.close(self.at);
        Next::Separator
    }

    fn separator(&mut self) -> Result<Next, JsonError> {
        let in_object = self.bytes[self.nodes.all[self.nodes.open as usize].start as usize] == b'{';
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(if in_object { Next::Key } else { Next::Value })
            }
            Some(b'}') if in_object => Ok(self.close()),
            Some(b']') if !in_object => Ok(self.close()),
            _ if in_object => self.fail("`,` or `}`"),
            _ => self.fail("`,` or `]`"),
        }
    }

    fn key(&mut self) -> Result<Next, JsonError> {
        if self.peek() != Some(b'"') {
            return self.fail("a key in quotes");
        }
        let start = self.at + 1;
        let escapes = self.string()?;
        self.nodes.key(start, escapes);
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.fail("`:`");
        }
        self.at += 1;
        Ok(Next::Value)
    }

    fn word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if !self.bytes[self.at..].starts_with(word) {
            return self.fail("`true`, `false` or `null`");
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == from {
            return self.fail("a digit");
        }
        Ok(())
    }

    /// Passes a string, both quotes included.
    fn string(&mut self) -> Result<Escapes, JsonError> {
        self.at += 1;
        let mut escapes = Escapes::None;
        loop {
            self.at += plain_bytes(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escapes);
                }
                Some(b'\\') => {
                    escapes = Escapes::Some;
                    self.escape()?;
                }
                Some(_) => return self.fail("an escape instead of a control character"),
                None => return self.fail("the closing quote"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let after = &self.bytes[self.at + 1..];
        let length = match after.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 1,
            Some(b'u') => match code_point(after) {
                (None, 1) => return self.fail("an escaped character"),
                (_, length) => length,
            },
            _ => return self.fail("an escape"),
        };
        self.at += 1 + length;
        Ok(())
    }
}

/// How many bytes at the front are neither a quote, nor a backslash, nor a control character.
/// Eight at a time: strings are most of what a payload is made of.
pub(in crate::core) fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    let mut passed = 0;
    let (chunks, tail) = bytes.as_chunks::<8>();
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        // The classic "has a zero byte" and "has a byte below n" tests; borrows only travel
        // upwards, so the lowest mark is always right.
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        let special = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let marks = special & HIGHS;
        if marks != 0 {
            return passed + (marks.trailing_zeros() / 8) as usize;
        }
        passed += 8;
    }
    passed
        + tail
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
            .unwrap_or(tail.len())
}
