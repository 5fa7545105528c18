//! `journal.log`: appended to, synced where it must be, mended at its end after a crash, and refused
//! when anything else about it is wrong.

use sha2::{Digest as _, Sha256};

use crate::archive::ArchiveError;
use crate::archive::disk::DiskFile;
use crate::archive::place::Place;
use crate::archive::segment::hexadecimal;
use crate::core::purge::journal::Entry;

/// The file's name.
pub const FILE: &str = "journal.log";

/// Longer journals are nobody's.
const MOST_BYTES: u64 = 1 << 30;

const FIRST: &str = "0000000000000000";

/// A journal that can be appended to.
#[derive(Debug)]
pub struct JournalFile {
    file: Box<dyn DiskFile>,
    chain: Chain,
    /// Bytes of the file.
    length: u64,
    /// After a failed write nothing is known about the file's end.
    is_broken: bool,
}

/// What the next line is chained to.
#[derive(Clone, Debug)]
struct Chain {
    number: u64,
    previous: String,
}

impl Chain {
    fn first() -> Self {
        Self {
            number: 0,
            previous: FIRST.to_owned(),
        }
    }

    fn line(&self, entry: &Entry) -> Result<String, serde_json::Error> {
        let json = serde_json::to_string(entry)?;
        let rest = format!("{} {} {json}", self.number, self.previous);
        Ok(format!("{:08x} {rest}\n", crc32c(rest.as_bytes())))
    }

    /// `line` is without its newline.
    fn read(&self, line: &[u8]) -> Result<Entry, &'static str> {
        let text = std::str::from_utf8(line).map_err(|_| "it is not text")?;
        let (crc, rest) = text.split_at_checked(9).ok_or("it is too short")?;
        if crc != format!("{:08x} ", crc32c(rest.as_bytes())) {
            return Err("its checksum differs");
        }
        let mut parts = rest.splitn(3, ' ');
        if parts.next() != Some(self.number.to_string().as_str()) {
            return Err("a line is missing before it");
        }
        if parts.next() != Some(self.previous.as_str()) {
            return Err("the line before it has been changed");
        }
        serde_json::from_str(parts.next().unwrap_or_default())
            .map_err(|_| "this version does not know what it says")
    }

    fn next(&mut self, line: &[u8]) {
        let digest = Sha256::digest(line);
        self.number += 1;
        self.previous = hexadecimal(&digest[..8]);
    }
}

/// Reads a journal: its entries, and how many bytes of it are good.
fn parse(place: &Place, bytes: &[u8]) -> Result<(Vec<Entry>, Chain, usize), ArchiveError> {
    let mut chain = Chain::first();
    let mut entries = Vec::new();
    let mut good = 0;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for (place_in_file, whole) in lines.iter().enumerate() {
        let is_last = place_in_file + 1 == lines.len();
        let Some(line) = whole.strip_suffix(b"\n") else {
            break;
        };
        match chain.read(line) {
            Ok(entry) => entries.push(entry),
            Err("its checksum differs" | "it is too short" | "it is not text") if is_last => break,
            Err(why) => {
                return Err(place.broken(FILE, format!("line {}: {why}", chain.number + 1)));
            }
        }
        chain.next(line);
        good += whole.len();
    }
    Ok((entries, chain, good))
}

/// Reads a journal without touching it; a torn last line is left out.
pub fn read(place: &Place) -> Result<Vec<Entry>, ArchiveError> {
    let bytes = place.get(FILE, MOST_BYTES)?;
    Ok(parse(place, &bytes)?.0)
}

impl JournalFile {
    /// A new one; it appears with its first entry, or not at all.
    pub fn create(place: &Place, first: &Entry) -> Result<(), ArchiveError> {
        let line = Chain::first()
            .line(first)
            .map_err(|error| place.broken(FILE, error.to_string()))?;
        place.put(FILE, line.as_bytes())
    }

    /// One that is there; a torn last line is left out, and that is noted.
    ///
    /// What is read is written down anew. Bytes that a former process could not make durable can be
    /// read until the next loss of power, and no sync of the same file brings them to the disk.
    pub fn open(place: &Place) -> Result<(Self, Vec<Entry>), ArchiveError> {
        let mut bytes = place.get(FILE, MOST_BYTES)?;
        let (mut entries, mut chain, good) = parse(place, &bytes)?;
        let torn = bytes.len() - good;
        if torn > 0 {
            let mended = Entry::Mended { bytes: torn as u64 };
            let line = chain
                .line(&mended)
                .map_err(|error| place.broken(FILE, error.to_string()))?;
            bytes.truncate(good);
            bytes.extend_from_slice(line.as_bytes());
            chain.next(line.trim_end_matches('\n').as_bytes());
            entries.push(mended);
        }
        place.replace(FILE, &bytes)?;
        let journal = Self {
            file: place.append(FILE)?,
            length: bytes.len() as u64,
            chain,
            is_broken: false,
        };
        Ok((journal, entries))
    }

    /// Adds an entry; it is on stable storage afterwards when it must be.
    pub fn append(&mut self, place: &Place, entry: &Entry) -> Result<(), ArchiveError> {
        if self.is_broken {
            return Err(place.broken(FILE, "an earlier write to it failed"));
        }
        let line = self
            .chain
            .line(entry)
            .map_err(|error| place.broken(FILE, error.to_string()))?;
        self.is_broken = true;
        let written = self.file.write_all(line.as_bytes()).and_then(|()| {
            if entry.must_be_durable() {
                self.file.sync()
            } else {
                Ok(())
            }
        });
        let length = written.and_then(|()| self.file.length());
        self.length += line.len() as u64;
        if length.map_err(|error| place.io(FILE, error))? != self.length {
            return Err(place.broken(FILE, "somebody else has written to it, or bytes are lost"));
        }
        self.is_broken = false;
        self.chain.next(line.trim_end_matches('\n').as_bytes());
        Ok(())
    }
}

/// CRC-32C, a bit at a time: journals are short.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::archive::disk::System;

    fn journal(lines: u64) -> (tempfile::TempDir, Place) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("purge");
        let place = Place::create(&path, Arc::new(System)).expect("a place");
        JournalFile::create(&place, &Entry::Mended { bytes: 0 }).expect("a journal");
        let (mut journal, _) = JournalFile::open(&place).expect("a journal");
        for bytes in 1..lines {
            journal
                .append(&place, &Entry::Mended { bytes })
                .expect("written");
        }
        (directory, place)
    }

    fn change(place: &Place, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(place.path(FILE)).expect("there");
        change(&mut bytes);
        std::fs::write(place.path(FILE), bytes).expect("writable");
    }

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_torn_end_is_cut_off_and_noted() {
        let (_directory, place) = journal(3);
        let whole = std::fs::read(place.path(FILE)).expect("there").len();
        for cut in 1..30 {
            let (_directory, place) = journal(3);
            change(&place, |bytes| bytes.truncate(whole - cut));
            let (_, entries) = JournalFile::open(&place).expect("mended");
            assert_eq!(entries.len(), 3, "two whole lines and the note");
            assert!(matches!(entries[2], Entry::Mended { bytes } if bytes > 0));
            assert_eq!(read(&place).expect("whole").len(), 3);
        }
    }

    #[test]
    fn a_changed_byte_anywhere_before_the_last_line_is_refused() {
        let (_directory, place) = journal(3);
        let bytes = std::fs::read(place.path(FILE)).expect("there");
        let last = bytes[..bytes.len() - 1]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .expect("lines");
        for at in 0..last {
            change(&place, |bytes| bytes[at] ^= 1);
            assert!(read(&place).is_err(), "byte {at}");
            change(&place, |bytes| bytes[at] ^= 1);
        }
    }
}
