//! A row as the sidecar tells it: one line of JSON.

use std::borrow::Cow;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::instant::{At, Micros};
use crate::core::purge::key;
use crate::core::purge::row::{RowDigest, RowMark, RowVersion};

/// Bytes of a line, about.
pub const LENGTH: usize = 128;

/// What it consists of.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    key: Vec<Value>,
    version: Cow<'l, str>,
    digest: Cow<'l, str>,
    at: Option<i64>,
    length: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Vec<Value>>,
}

/// Appends the line of a row.
pub fn write(mark: &RowMark, out: &mut Vec<u8>) -> io::Result<()> {
    let line = Line {
        key: key::spell(&mark.key),
        version: Cow::Borrowed(&mark.version.0),
        digest: Cow::Owned(mark.digest.to_string()),
        at: mark.at.instant().map(|at| at.0),
        length: mark.length,
        parent: mark.parent.as_ref().map(key::spell),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}

/// Reads a line; says what is wrong with one that is none.
pub fn read(line: &[u8]) -> Result<RowMark, String> {
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
