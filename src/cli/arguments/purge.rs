//! The arguments of `auditail purge` and `auditail restore`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

use crate::purge::confirm::Expected;
use crate::purge::pace::{Limits, Share};

#[derive(Args, Debug)]
pub struct Purge {
    #[command(subcommand)]
    pub command: PurgeCommand,
}

#[derive(Debug, Subcommand)]
pub enum PurgeCommand {
    /// Decides what would go, writes it down and deletes nothing
    Plan(Planning),
    /// Archives what the plan names
    Backup(Resumption),
    /// Reads the archive back and counts the rows three ways
    Verify(Verify),
    /// Deletes what the verified archive holds, row by row as archived
    Delete(Delete),
    /// Says how far a purge has come
    Status(Status),
    /// Plans, archives, verifies and deletes, one after the other
    Run(Run),
}

#[derive(Args, Debug)]
pub struct Planning {
    /// URL or file of the store
    pub target: String,
    /// Which of the events before the cutoff go; all of them without
    pub filter: Option<String>,
    #[command(flatten)]
    pub cutoff: Cutoff,
    /// Events that stay, however old; may be given several times
    #[arg(long, value_name = "FILTER")]
    pub keep: Vec<String>,
    /// The directory of the archive; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Prints what would go and writes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Form of the output
    #[arg(short = 'o', long = "format", value_enum, default_value = "text")]
    pub format: Form,
}

/// There is no default: somebody has to say what is old.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Cutoff {
    /// Events older than this by the server's clock go: 90d, 26w
    #[arg(long, value_name = "LENGTH")]
    pub older_than: Option<String>,
    /// Events before this go; a month or a day means its beginning
    #[arg(long, value_name = "TIME")]
    pub before: Option<String>,
}

/// A purge that was begun.
#[derive(Args, Debug)]
pub struct Resumption {
    /// The purge's directory
    pub dir: PathBuf,
    /// The store again, where its URL needs a password or has changed
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Form of the output
    #[arg(short = 'o', long = "format", value_enum, default_value = "text")]
    pub format: Form,
}

#[derive(Args, Debug)]
pub struct Status {
    /// The purge's directory
    pub dir: PathBuf,
    /// Looks in this store for every archived row, also where another server has taken over; as a
    /// role that may delete, while no purge of the table is running
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Form of the output
    #[arg(short = 'o', long = "format", value_enum, default_value = "text")]
    pub format: Form,
}

#[derive(Args, Debug)]
pub struct Verify {
    #[command(flatten)]
    pub which: Resumption,
    /// Restores everything into a scratch table, too, and reads it back
    #[arg(long)]
    pub drill: bool,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    pub which: Resumption,
    #[command(flatten)]
    pub how: Deletion,
    /// Says what would be deleted and how, and deletes nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How to delete.
#[derive(Args, Debug)]
pub struct Deletion {
    /// Who deletes, where the reading role may not
    #[arg(long, value_name = "URL")]
    pub delete_as: Option<String>,
    #[command(flatten)]
    pub answer: Answer,
    /// How hard the store is worked: a share of the time (5%), rows a second (500), bytes of
    /// write-ahead log a second (10MB), `none` for as fast as it goes, or `gentle`: 1% of a
    /// server's time, a quarter of a file's, and 10MB
    #[arg(long, value_name = "RATE", default_value = "gentle")]
    pub max_rate: Rate,
    /// Batches at a time, with `--max-rate none`: 2 is faster, and harder on who writes meanwhile
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub jobs: u8,
}

impl Deletion {
    /// As the engine takes it.
    pub fn limits(&self) -> Limits {
        Limits {
            jobs: self.jobs,
            ..self.max_rate.limits()
        }
    }
}

/// What stands for the typed phrase.
#[derive(Args, Clone, Copy, Debug)]
pub struct Answer {
    /// Confirms without a terminal; needs --expect-count
    #[arg(long, requires = "expect_count")]
    pub yes: bool,
    /// How many rows the archive must have: N, or A..B
    #[arg(long, value_name = "N|A..B")]
    pub expect_count: Option<Expected>,
}

#[derive(Args, Debug)]
pub struct Run {
    #[command(flatten)]
    pub planning: Planning,
    /// Restores everything into a scratch table before anything is deleted
    #[arg(long)]
    pub drill: bool,
    #[command(flatten)]
    pub how: Deletion,
}

#[derive(Args, Debug)]
pub struct Restore {
    /// The archive's directory
    pub dir: PathBuf,
    /// URL or file of the store
    pub target: String,
    /// Form of the output
    #[arg(short = 'o', long = "format", value_enum, default_value = "text")]
    pub format: Form,
}

/// Form of what a purge tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What a deletion may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// What others hardly notice.
    Gentle,
    /// Percent of the time.
    Share(u32),
    /// Rows a second.
    Rows(u32),
    /// Bytes of write-ahead log a second, where the store tells.
    Wal(u32),
    /// As fast as it goes, replicas or not.
    None,
}

impl Rate {
    /// As the engine takes it.
    pub fn limits(self) -> Limits {
        let whole = Limits {
            share: Share::Whole,
            wal: None,
            ..Limits::default()
        };
        match self {
            Self::Gentle => Limits::default(),
            Self::Share(percent) => Limits {
                share: Share::Of(f64::from(percent) / 100.0),
                ..whole
            },
            Self::Rows(rows) => Limits {
                rows: Some(f64::from(rows)),
                ..whole
            },
            Self::Wal(bytes) => Limits {
                wal: Some(f64::from(bytes)),
                ..whole
            },
            Self::None => Limits::none(),
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => return Ok(Self::None),
            "gentle" => return Ok(Self::Gentle),
            _ => {}
        }
        let wrong = || {
            format!("{text} is no rate: 5%, rows a second, 10MB of log a second, gentle or none")
        };
        let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
            Some(end) => text.split_at(end),
            None => (text, ""),
        };
        let number: u32 = digits.parse().map_err(|_| wrong())?;
        let scaled = |by: u32| number.checked_mul(by).ok_or_else(wrong);
        let rate = match unit {
            "" => Self::Rows(number),
            "%" if number <= 100 => Self::Share(number),
            "kB" | "KB" => Self::Wal(scaled(1_000)?),
            "MB" => Self::Wal(scaled(1_000_000)?),
            _ => return Err(wrong()),
        };
        if matches!(rate, Self::Rows(0) | Self::Wal(0) | Self::Share(0)) {
            return Err(format!("{text} would never end"));
        }
        Ok(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_shares_rows_or_bytes() {
        assert_eq!("gentle".parse(), Ok(Rate::Gentle));
        assert_eq!("5%".parse(), Ok(Rate::Share(5)));
        assert_eq!("500".parse(), Ok(Rate::Rows(500)));
        assert_eq!("10MB".parse(), Ok(Rate::Wal(10_000_000)));
        assert_eq!("none".parse(), Ok(Rate::None));
        for wrong in ["", "0", "MB", "-5", "10GB", "9999MBx", "0%", "101%", "%"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
