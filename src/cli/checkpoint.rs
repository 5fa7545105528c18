//! The file of `tail --resume`: where a tail stood, so that the next run goes on without a loss or
//! a repetition.
//!
//! Written beside its name and renamed, so that a crash leaves the former one.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::cli::failure::Failure;
use crate::cli::replacement::Replacement;
use crate::core::event::{EventId, Outcome};
use crate::core::instant::Micros;
use crate::store::Checkpoint;

/// A file that keeps the place of one tail.
#[derive(Clone, Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    /// Which store, filter and mode it belongs to.
    of: String,
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// For the store.
    pub checkpoint: Checkpoint,
    /// Events printed after it by `--settled`.
    pub told: Vec<(EventId, Option<Outcome>)>,
}

#[derive(Deserialize, Serialize)]
struct Text {
    auditail_checkpoint: u32,
    of: String,
    complete_to: String,
    seen: Vec<(String, String)>,
    told: Vec<(String, Option<String>)>,
}

const VERSION: u32 = 1;

impl CheckpointFile {
    /// The file at `path` for the tail described by `of`; it need not exist yet.
    pub fn new(path: &Path, of: String) -> Self {
        Self {
            path: path.to_owned(),
            of,
        }
    }

    /// Where the former run stood; `None` before the first.
    pub fn read(&self) -> Result<Option<Place>, Failure> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Failure::usage(format!(
                    "cannot read {}: {error}",
                    self.name()
                )));
            }
        };
        let unusable = |why: &str| {
            Failure::usage(format!("{} cannot be resumed from: {why}", self.name()))
                .hint("give another file, or delete this one to begin anew")
        };
        let text: Text =
            serde_json::from_str(&text).map_err(|error| unusable(&error.to_string()))?;
        if text.auditail_checkpoint != VERSION {
            return Err(unusable("another version of auditail wrote it"));
        }
        if text.of != self.of {
            return Err(unusable(&format!(
                "it belongs to the tail of {}, this is {}",
                text.of, self.of
            )));
        }
        let to = DateTime::parse_from_rfc3339(&text.complete_to)
            .map_err(|error| unusable(&error.to_string()))?;
        Ok(Some(Place {
            checkpoint: Checkpoint {
                to: Micros(to.timestamp_micros()),
                seen: text
                    .seen
                    .into_iter()
                    .map(|(id, version)| (EventId::new(id), version))
                    .collect(),
            },
            told: text
                .told
                .into_iter()
                .map(|(id, word)| {
                    let outcome = word.as_deref().and_then(Outcome::from_word);
                    (EventId::new(id), outcome)
                })
                .collect(),
        }))
    }

    /// Replaces what the file says.
    pub fn write(&self, place: &Place) -> io::Result<()> {
        let text = Text {
            auditail_checkpoint: VERSION,
            of: self.of.clone(),
            complete_to: place.checkpoint.to.to_string(),
            seen: place
                .checkpoint
                .seen
                .iter()
                .map(|(id, version)| (id.to_string(), version.clone()))
                .collect(),
            told: place
                .told
                .iter()
                .map(|(id, outcome)| (id.to_string(), outcome.map(|o| o.word().to_owned())))
                .collect(),
        };
        let mut file = Replacement::create(&self.path)?;
        serde_json::to_writer(&mut file, &text)?;
        file.write_all(b"\n")?;
        file.keep()
    }

    /// Its name for messages.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tail.json");
        let file = CheckpointFile::new(&path, "db public.t".to_owned());
        assert_eq!(file.read(), Ok(None));
        let place = Place {
            checkpoint: Checkpoint {
                to: Micros(1_767_323_045_678_901),
                seen: vec![(EventId::new("7\"\n"), "v1".to_owned())],
            },
            told: vec![
                (EventId::new("8"), Some(Outcome::Denied)),
                (EventId::new("9"), None),
            ],
        };
        file.write(&place).expect("a writable directory");
        assert_eq!(file.read(), Ok(Some(place)));
        let other = CheckpointFile::new(&path, "db public.u".to_owned());
        let refused = other.read().expect_err("another tail's file");
        assert!(refused.message.contains("public.t"), "{refused}");
        std::fs::write(&path, "{\"half\":").expect("writable");
        assert!(file.read().is_err());
    }
}
