//! The confirmation: a phrase that cannot be typed by accident, or options that name the number of
//! rows.

use std::os::unix::fs::MetadataExt as _;
use std::str::FromStr;

use crate::core::number::grouped;
use crate::core::purge::journal::Entry;
use crate::purge::dossier::Dossier;
use crate::purge::engine::Engine;
use crate::purge::fault::Fault;
use crate::purge::receipt::qualified;

/// How somebody says yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// By typing this.
    Typed(String),
    /// By `--yes --expect-count`.
    Expected(Expected),
}

/// How many rows are expected to be in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// At least.
    pub least: u64,
    /// At most.
    pub most: u64,
}

impl FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let digits: String = text
                .trim()
                .chars()
                .filter(|c| !matches!(c, ',' | '_'))
                .collect();
            digits
                .parse::<u64>()
                .map_err(|_| format!("{text} is not a number of rows; write 1200 or 1000..1500"))
        };
        let (least, most) = match text.split_once("..") {
            Some((least, most)) => (number(least)?, number(most)?),
            None => (number(text)?, number(text)?),
        };
        if least > most {
            return Err(format!("{least} is more than {most}"));
        }
        Ok(Self { least, most })
    }
}

/// Who says yes, as far as the machine knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The operating system's user.
    pub who: String,
    /// The machine.
    pub host: String,
}

impl Person {
    /// Who runs this, as the kernel and the machine's own files say.
    pub fn of_this_process() -> Self {
        let uid = std::fs::metadata("/proc/self")
            .map(|process| process.uid())
            .ok();
        let name = uid.and_then(|uid| {
            let users = std::fs::read_to_string("/etc/passwd").ok()?;
            users.lines().find_map(|line| {
                let mut parts = line.split(':');
                let name = parts.next()?;
                (parts.nth(1)? == uid.to_string()).then(|| name.to_owned())
            })
        });
        let number = || uid.map_or("unknown".to_owned(), |uid| format!("uid {uid}"));
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
        Self {
            who: name.unwrap_or_else(number),
            host: host.map_or_else(|_| "unknown".to_owned(), |host| host.trim().to_owned()),
        }
    }
}

/// What has to be typed.
pub fn phrase(dossier: &Dossier) -> String {
    let relation = dossier.plan().relations.first();
    let table = relation.map(qualified).unwrap_or_default();
    let rows = dossier.archived();
    let noun = if rows == 1 { "row" } else { "rows" };
    format!("delete {} {noun} from {table}", grouped(rows))
}

/// `1 row`, `1,203 rows`.
pub fn rows(number: u64) -> String {
    match number {
        1 => "1 row".to_owned(),
        number => format!("{} rows", grouped(number)),
    }
}

impl Engine<'_> {
    /// Writes down that somebody said yes to exactly this archive.
    pub fn confirm(
        &self,
        dossier: &mut Dossier,
        consent: &Consent,
        person: &Person,
    ) -> Result<(), Fault> {
        if dossier.is_confirmed() {
            return Ok(());
        }
        let Some((root, _)) = dossier.verified() else {
            return Err(Fault::refused(
                "the archive is not verified; nothing will be deleted by it",
                "run auditail purge verify on the same directory",
            ));
        };
        let rows = dossier.archived();
        let how = match consent {
            Consent::Typed(text) if text.trim() == phrase(dossier) => text.trim().to_owned(),
            Consent::Typed(_) => {
                return Err(Fault::refused(
                    "that is not the phrase; nothing was deleted",
                    format!("type exactly: {}", phrase(dossier)),
                ));
            }
            Consent::Expected(expected) => {
                if !(expected.least..=expected.most).contains(&rows) {
                    return Err(Fault::refused(
                        format!(
                            "{} rows are in the archive, and {}..{} were expected; nothing was deleted",
                            grouped(rows),
                            expected.least,
                            expected.most
                        ),
                        "look at auditail purge status on the same directory",
                    ));
                }
                format!("--yes --expect-count {}..{}", expected.least, expected.most)
            }
        };
        dossier.record(Entry::Confirmed {
            root,
            plan: dossier.hash().to_owned(),
            who: person.who.clone(),
            host: person.host.clone(),
            when: self.clock.now(),
            how,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_counts_are_a_number_or_a_range() {
        let expected = |least, most| Ok(Expected { least, most });
        assert_eq!("1,200".parse(), expected(1_200, 1_200));
        assert_eq!("10..20".parse(), expected(10, 20));
        for wrong in ["", "x", "20..10", "1..", "-1"] {
            assert!(wrong.parse::<Expected>().is_err(), "{wrong}");
        }
    }
}
