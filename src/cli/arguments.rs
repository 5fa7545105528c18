//! The arguments of every command, as `--help` shows them.
//!
//! Checks spelling only; whether a table or a field exists is the store's to say.

pub mod first;
pub mod purge;

use std::ffi::OsString;
use std::path::PathBuf;

use chrono_tz::Tz;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::arguments::first::First;
use crate::core::calendar::Period;
use crate::core::column::Names;
use crate::core::nearest::nearest;
use crate::core::usage::Report;

/// Tail, search and understand the audit log a product already writes to PostgreSQL,
/// MongoDB or SQLite.
#[derive(Debug, Parser)]
#[command(name = "auditail", version)]
#[command(
    after_help = "Exit codes: 0 ok · 1 failed · 2 usage or configuration · \
    3 connection or login · 4 refused by a safety check · 5 stopped part-way, resumable · \
    130, 141, 143 ended by a signal.\n\nTARGET is a postgres:// URL (what it leaves out comes from \
    PG* variables and the passfile), a mongodb:// or mongodb+srv:// URI, or the path of an SQLite \
    file; ?table=NAME or --table chooses a table or collection."
)]
pub struct Cli {
    /// Opens the screen on this store
    pub target: Option<String>,
    #[command(flatten)]
    pub first: First,
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command understands.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Profile to read the table with, instead of detecting one
    #[arg(long, global = true, value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// Table to open, instead of the one that looks most like an audit log
    #[arg(long, global = true, value_name = "NAME")]
    pub table: Option<String>,
    /// Zone of a time column that does not store one
    #[arg(long, global = true, value_name = "ZONE", value_parser = zone)]
    pub column_tz: Option<Tz>,
    /// Zone of times that are typed and of times that are shown to people  [default: UTC]
    #[arg(long = "tz", global = true, value_name = "ZONE", value_parser = zone)]
    pub typed_tz: Option<Tz>,
    /// CSV file of users and their groups, for `group:`
    #[arg(long, global = true, value_name = "FILE")]
    pub groups: Option<PathBuf>,
    /// Theme of the screen
    #[arg(long, global = true, value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub color: Color,
    /// Draws with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,
}

impl Common {
    /// Zone of times that are typed and of times that are shown to people.
    pub fn tz(&self) -> Tz {
        self.typed_tz.unwrap_or(Tz::UTC)
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows a generated audit log that keeps growing, or loads one into a database
    Demo(Demo),
    /// Prints events as they happen
    Tail(Tail),
    /// Prints events
    Query(Query),
    /// Prints how many events there are
    Count(Count),
    /// Prints the most frequent values of a field
    Facets(Facets),
    /// Prints who and what a store is used by, and how much
    Usage(Usage),
    /// Lists and shows profiles, or finds the one that fits a store
    Profiles(Profiles),
    /// Says what works with a store, what does not, and what would mend it
    Doctor(Doctor),
    /// Archives old events, verifies the archive, and deletes exactly what is in it
    Purge(purge::Purge),
    /// Puts the rows of a purge's archive back
    Restore(purge::Restore),
    /// Lists and shows themes
    Themes(Themes),
    /// Prints the completions of a shell, to be put where that shell looks for them
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Args, Debug)]
pub struct Demo {
    /// Whose audit log to generate
    #[arg(long, value_name = "NAME", default_value = "clutch")]
    pub system: String,
    /// How many events to begin with
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub events: u64,
    /// How many events a second are added; 0 adds none
    #[arg(long, value_name = "R")]
    pub rate: Option<f64>,
    /// Seed of the generator: begun at the same moment, the same seed gives the same events
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Keeps the store in this directory
    #[arg(long, value_name = "DIR", conflicts_with = "into")]
    pub keep: Option<PathBuf>,
    /// Creates the table in this database and loads the events; with --rate keeps writing
    #[arg(long, value_name = "URL")]
    pub into: Option<String>,
    #[command(flatten)]
    pub first: First,
}

/// Which events, of which store.
#[derive(Args, Debug)]
pub struct Selection {
    /// URL or file of the store
    pub target: String,
    /// Which events; all of them without
    pub filter: Option<String>,
}

#[derive(Args, Debug)]
pub struct Tail {
    #[command(flatten)]
    pub selection: Selection,
    /// Begins with the events since then, instead of now
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Ends after this long: 30s, 5m, 2h
    #[arg(long = "for", value_name = "DURATION")]
    pub duration: Option<String>,
    /// Holds events back until their outcome is final
    #[arg(long)]
    pub settled: bool,
    /// Goes on where the last run with this file ended, and keeps the place in it
    #[arg(long, value_name = "FILE", conflicts_with = "since")]
    pub resume: Option<PathBuf>,
    /// Adds lines that tell to which instant the output is complete, and gaps (NDJSON)
    #[arg(long)]
    pub with_ledger: bool,
    /// Form of the output
    #[arg(short = 'o', long = "format", value_enum, default_value = "text")]
    pub format: TailFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TailFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Ndjson,
}

#[derive(Args, Debug)]
pub struct Query {
    #[command(flatten)]
    pub selection: Selection,
    /// Events at or after this: RFC 3339, 2026-08, today, -3h, 90d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Events before this
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// How many at most, or `all`  [default: 200 for a table, all otherwise]
    #[arg(long, value_name = "N|all")]
    pub limit: Option<Limit>,
    /// Which come first
    #[arg(long, value_enum, default_value = "newest")]
    pub order: Order,
    /// Columns, by event field, profile field or .payload.path
    #[arg(long, value_name = "A,B,…", value_parser = names)]
    pub columns: Vec<Names>,
    /// Form of the output
    #[arg(short = 'o', long = "format", value_enum, default_value = "table")]
    pub format: QueryFormat,
    /// Writes to this file instead of stdout; the file appears when it is complete
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Shows the statement, the server's plan and the index it uses, and no events
    #[arg(long)]
    pub explain: bool,
}

/// How many events at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// This many.
    Most(usize),
    /// All there are.
    All,
}

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.trim()
            .parse()
            .map(Self::Most)
            .map_err(|_| "a whole number or `all` is needed".to_owned())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// The newest event first.
    Newest,
    /// The oldest event first.
    Oldest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// Aligned columns for people.
    Table,
    /// A JSON object a line.
    Ndjson,
    /// One JSON array.
    Json,
    /// Comma-separated values.
    Csv,
}

#[derive(Args, Debug)]
pub struct Count {
    #[command(flatten)]
    pub selection: Selection,
    /// Counts every row instead of asking the store for an estimate
    #[arg(long)]
    pub exact: bool,
}

#[derive(Args, Debug)]
pub struct Facets {
    /// URL or file of the store
    pub target: String,
    /// Event field, profile field or .payload.path
    pub field: String,
    /// Which events; all of them without
    pub filter: Option<String>,
    /// How many values at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    /// Form of the output
    #[arg(short = 'o', long = "format", value_enum, default_value = "table")]
    pub format: FacetFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FacetFormat {
    /// Aligned columns for people.
    Table,
    /// One JSON array.
    Json,
}

#[derive(Args, Debug)]
pub struct Usage {
    /// URL or file of the store
    pub target: String,
    #[arg(value_parser = report, help = reports())]
    pub report: Report,
    /// Which events; all of them without
    pub filter: Option<String>,
    /// Only events at or after this time; 90 days ago without, 7 for activity
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Only events before the end of this time; now without
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Part of the calendar that is counted in one; a week without, a day for activity
    #[arg(long, value_parser = period)]
    pub period: Option<Period>,
    /// How many rows at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = rows)]
    pub top: usize,
    /// Tells by groups of users: in one table, or once for each group
    #[arg(long)]
    pub by_group: bool,
    /// Of rankings, events alone: each is looked at once, for its value
    #[arg(long)]
    pub brief: bool,
    /// Form of the output
    #[arg(short = 'o', long = "format", value_enum, default_value = "table")]
    pub format: UsageFormat,
}

/// What the help says of the reports there are.
fn reports() -> String {
    let names = Report::ALL.map(|(_, name)| name);
    format!("Which report: {}", names.join(", "))
}

fn report(name: &str) -> Result<Report, String> {
    named(&Report::ALL, name)
}

fn rows(number: &str) -> Result<usize, String> {
    match number.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1 is needed".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn names(text: &str) -> Result<Names, String> {
    let names = Names::from(text);
    let is_empty = |name: &String| name.trim().is_empty();
    if names.0.iter().any(is_empty) {
        return Err("each column needs a name".to_owned());
    }
    Ok(names)
}

/// A zone by its name.
fn zone(name: &str) -> Result<Tz, String> {
    let all = || chrono_tz::TZ_VARIANTS.iter();
    let found = all().find(|tz| tz.name().eq_ignore_ascii_case(name));
    found.copied().ok_or_else(|| {
        let of_city = |tz: &&Tz| {
            let city = tz.name().rsplit('/').next();
            city.is_some_and(|city| city.eq_ignore_ascii_case(name))
        };
        let of_city = all().find(of_city).map(|tz| tz.name());
        match of_city.or_else(|| nearest(name, all().map(|tz| tz.name()))) {
            Some(near) => format!("did you mean {near}?"),
            None => "a name such as Europe/Berlin, Asia/Kolkata or UTC is needed".to_owned(),
        }
    })
}

fn period(name: &str) -> Result<Period, String> {
    named(&Period::ALL, name)
}

/// One of a table by its name; else the names there are.
fn named<T: Copy>(all: &[(T, &str)], name: &str) -> Result<T, String> {
    let found = all.iter().find(|(_, known)| *known == name);
    found.map(|(found, _)| *found).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(_, name)| *name).collect();
        format!("one of {} is needed", names.join(", "))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UsageFormat {
    /// Aligned columns for people.
    Table,
    /// One JSON object.
    Json,
    /// Comma-separated values.
    Csv,
}

#[derive(Args, Debug)]
pub struct Profiles {
    #[command(subcommand)]
    pub command: ProfilesCommand,
}

#[derive(Debug, Subcommand)]
pub enum ProfilesCommand {
    /// Lists the profiles
    List,
    /// Prints a profile as TOML
    Show {
        /// Its name, or a file
        name: String,
    },
    /// Tells which tables of a store look like an audit log, and why
    Detect {
        /// URL or file of the store
        target: String,
    },
}

#[derive(Args, Debug)]
pub struct Doctor {
    /// URL or file of the store
    pub target: String,
}

#[derive(Args, Debug)]
pub struct Themes {
    #[command(subcommand)]
    pub command: ThemesCommand,
}

#[derive(Debug, Subcommand)]
pub enum ThemesCommand {
    /// Lists the themes
    List,
    /// Prints a theme as TOML
    Show {
        /// Its name, or a file
        name: String,
    },
}

/// Lets filters and times begin with a minus sign (`-action:Describe*`, `--since -3h`), although
/// options do, too: such an argument gets a space in front, which filters and times ignore.
///
/// Left alone are `-h`, `-V`, `-o` with or without its value, everything that begins with `--`, and
/// everything after `--`.
pub fn spare_filters(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut options_ended = false;
    arguments
        .into_iter()
        .map(|argument| {
            options_ended |= argument == "--";
            match argument.to_str() {
                Some(text) if !options_ended && looks_like_a_term(text) => {
                    format!(" {text}").into()
                }
                _ => argument,
            }
        })
        .collect()
}

fn looks_like_a_term(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('-') else {
        return false;
    };
    let option = match rest.strip_prefix('o') {
        Some(value) => {
            let value = value.trim_start_matches('=');
            value.is_empty()
                || QueryFormat::from_str(value, false).is_ok()
                || TailFormat::from_str(value, false).is_ok()
        }
        None => matches!(rest, "" | "h" | "V") || rest.starts_with('-'),
    };
    !option
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_description_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn filters_may_begin_with_a_minus() {
        for filter in [
            "-action:Describe*",
            "-outcome:ok",
            "-older:3m",
            "-h:x",
            "-(a OR b)",
            "-x",
        ] {
            let line = [
                "auditail", "query", "db", filter, "-o", "json", "--since", "-3h",
            ];
            let spared = spare_filters(line.map(OsString::from));
            let cli = Cli::try_parse_from(spared).expect(filter);
            let Some(Command::Query(query)) = cli.command else {
                panic!("{filter}: not a query");
            };
            let found = query.selection.filter.expect("a filter");
            assert_eq!(found.trim_start(), filter);
            assert_eq!(query.format, QueryFormat::Json);
            assert_eq!(query.since.as_deref().map(str::trim), Some("-3h"));
        }
    }

    #[test]
    fn options_stay_options() {
        for option in [
            "-ojson",
            "-o=csv",
            "-o",
            "-h",
            "-V",
            "--",
            "--explain",
            "-",
            "query",
        ] {
            let spared = spare_filters([OsString::from(option)]);
            assert_eq!(spared, [option]);
        }
        let after = spare_filters(["--", "-x"].map(OsString::from));
        assert_eq!(after, ["--", "-x"]);
    }

    #[test]
    fn a_target_alone_opens_the_screen() {
        let cli = Cli::try_parse_from(["auditail", "postgres://db/x", "--tz", "Europe/Berlin"])
            .expect("a target");
        assert_eq!(cli.target.as_deref(), Some("postgres://db/x"));
        assert_eq!(cli.common.tz(), Tz::Europe__Berlin);
    }
}
