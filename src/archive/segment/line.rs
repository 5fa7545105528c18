//! A row as the sidecar tells it: one line of JSON.
//!
//! Lines are many, and nearly all of them plain numbers and plain ASCII: those are written and read
//! here, whatever else by the library.

use std::borrow::Cow;
use std::io;

use serde::Deserialize;
use serde_json::Value;

use crate::core::event::KeyPart;
use crate::core::instant::{At, Micros};
use crate::core::purge::key;
use crate::core::purge::row::{RowDigest, RowKey, RowMark, RowVersion};

/// Bytes of a line, about.
pub const LENGTH: usize = 128;

/// What it consists of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    key: Vec<Value>,
    version: Cow<'l, str>,
    digest: Cow<'l, str>,
    at: Option<i64>,
    length: u32,
    #[serde(default)]
    parent: Option<Vec<Value>>,
}

/// Appends the line of a row.
pub fn write(mark: &RowMark, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(b"{\"key\":");
    write_key(&mark.key, out)?;
    out.extend_from_slice(b",\"version\":");
    write_text(&mark.version.0, out)?;
    out.extend_from_slice(b",\"digest\":\"");
    out.extend_from_slice(&mark.digest.digits());
    out.extend_from_slice(b"\",\"at\":");
    serde_json::to_writer(&mut *out, &mark.at.instant().map(|at| at.0))?;
    out.extend_from_slice(b",\"length\":");
    serde_json::to_writer(&mut *out, &mark.length)?;
    if let Some(parent) = &mark.parent {
        out.extend_from_slice(b",\"parent\":");
        write_key(parent, out)?;
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn write_key(key: &RowKey, out: &mut Vec<u8>) -> io::Result<()> {
    let mut before = b'[';
    for part in &key.0 {
        out.push(before);
        before = b',';
        match part {
            KeyPart::Int(number) => serde_json::to_writer(&mut *out, number)?,
            KeyPart::Text(text) => write_text(text, out)?,
            part => serde_json::to_writer(&mut *out, &key::spelled(part))?,
        }
    }
    if before == b'[' {
        out.push(before);
    }
    out.push(b']');
    Ok(())
}

fn write_text(text: &str, out: &mut Vec<u8>) -> io::Result<()> {
    if text.bytes().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return Ok(());
    }
    Ok(serde_json::to_writer(&mut *out, text)?)
}

/// Whether a byte stands for itself between quotes.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Reads a line; says what is wrong with one that is none.
pub fn read(line: &[u8]) -> Result<RowMark, String> {
    Plain(line).mark().map_or_else(|| read_any(line), Ok)
}

fn read_any(line: &[u8]) -> Result<RowMark, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    mark(line).ok_or_else(|| "a line has no key".to_owned())
}

fn mark(line: Line<'_>) -> Option<RowMark> {
    Some(RowMark {
        key: key::read(&line.key)?,
        version: RowVersion(line.version.into_owned()),
        digest: RowDigest::read(&line.digest)?,
        at: line.at.map_or(At::Absent, |at| At::Instant(Micros(at))),
        length: line.length,
        parent: match line.parent {
            Some(parent) => Some(key::read(&parent)?),
            None => None,
        },
    })
}

/// The rest of a line that is exactly as [`write`] writes plain ones.
struct Plain<'l>(&'l [u8]);

impl<'l> Plain<'l> {
    fn mark(mut self) -> Option<RowMark> {
        self.pass(b"{\"key\":")?;
        let key = self.key()?;
        self.pass(b",\"version\":")?;
        let version = RowVersion(self.text()?.to_owned());
        self.pass(b",\"digest\":")?;
        let digest = RowDigest::read(self.text()?)?;
        self.pass(b",\"at\":")?;
        let at = match self.pass(b"null") {
            Some(()) => At::Absent,
            None => At::Instant(Micros(self.number()?)),
        };
        self.pass(b",\"length\":")?;
        let length = u32::try_from(self.number()?).ok()?;
        let parent = match self.pass(b",\"parent\":") {
            Some(()) => Some(self.key()?),
            None => None,
        };
        (self.0 == b"}\n").then_some(RowMark {
            key,
            version,
            digest,
            at,
            length,
            parent,
        })
    }

    fn pass(&mut self, word: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    fn key(&mut self) -> Option<RowKey> {
        self.pass(b"[")?;
        let mut parts = Vec::with_capacity(2);
        while self.pass(b"]").is_none() {
            if !parts.is_empty() {
                self.pass(b",")?;
            }
            parts.push(match self.0.first()? {
                b'"' => KeyPart::Text(self.text()?.into()),
                _ => KeyPart::Int(self.number()?),
            });
        }
        Some(RowKey(parts))
    }

    fn text(&mut self) -> Option<&'l str> {
        self.pass(b"\"")?;
        let end = self.0.iter().position(|byte| !is_plain(*byte))?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        self.pass(b"\"")?;
        std::str::from_utf8(text).ok()
    }

    fn number(&mut self) -> Option<i64> {
        let digits = self.0.strip_prefix(b"-").unwrap_or(self.0);
        let count = digits.iter().position(|byte| !byte.is_ascii_digit())?;
        // JSON has one zero, and no number begins with it.
        let is_zero = digits.first() == Some(&b'0');
        if is_zero && (count > 1 || digits.len() < self.0.len()) {
            return None;
        }
        let (number, rest) = self.0.split_at(self.0.len() - digits.len() + count);
        self.0 = rest;
        std::str::from_utf8(number).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Vec<RowMark> {
        let keys = [
            vec![],
            vec![KeyPart::Int(0)],
            vec![KeyPart::Int(i64::MIN), KeyPart::Text("".into())],
            vec![
                KeyPart::Int(35),
                KeyPart::Text("68f0c0ffee0123456789abcd".into()),
            ],
            vec![KeyPart::Text("é \"quoted\" \\ \n\u{7f}".into())],
            vec![KeyPart::Null, KeyPart::Number("1.10".into())],
            vec![
                KeyPart::Bytes([1, 2].into()),
                KeyPart::RawText([255].into()),
            ],
        ];
        let keys = keys.map(RowKey);
        let marks = keys.iter().zip(0..).map(|(key, n)| RowMark {
            key: key.clone(),
            version: RowVersion(["", "742", "v\t"][n as usize % 3].to_owned()),
            digest: RowDigest::of(&[n]),
            at: match n % 3 {
                0 => At::Absent,
                n => At::Instant(Micros(i64::from(n) * 1_000_000 - 1_500_000)),
            },
            length: u32::from(n) * 1_000_000,
            parent: (n % 2 == 1).then(|| keys[usize::from(n) - 1].clone()),
        });
        marks.collect()
    }

    #[test]
    fn lines_say_what_the_library_would_say() {
        for mark in marks() {
            let mut line = Vec::new();
            write(&mark, &mut line).unwrap();
            let value: Value = serde_json::from_slice(&line).unwrap();
            assert_eq!(value["key"], Value::from(key::spell(&mark.key)));
            assert_eq!(value["version"], mark.version.0.as_str());
            assert_eq!(value["digest"], mark.digest.to_string());
            assert_eq!(value["length"], mark.length);
            assert_eq!(read_any(&line).unwrap(), mark);
            assert_eq!(read(&line).unwrap(), mark);
        }
    }

    /// Whatever becomes of a line, the quick way reads it as the library does, or leaves it alone.
    #[test]
    fn a_changed_line_means_what_it_means_to_the_library() {
        let mut quick = 0;
        for mark in marks() {
            let mut line = Vec::new();
            write(&mark, &mut line).unwrap();
            for place in 0..line.len() {
                for byte in [b'"', b'\\', b'0', b'-', b'7', b',', b']', b' ', 0, 0xc3] {
                    let mut other = line.clone();
                    other[place] = byte;
                    let mut longer = line.clone();
                    longer.insert(place, byte);
                    for line in [other, longer] {
                        if let Some(read) = Plain(&line).mark() {
                            assert_eq!(read_any(&line), Ok(read));
                            quick += 1;
                        }
                    }
                }
            }
        }
        assert!(quick > 100);
    }
}
