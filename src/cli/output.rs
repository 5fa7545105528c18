//! Where a command's data goes, and the printer that suits it.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::{Path, PathBuf};

use crate::cli::arguments::{Color, Common, QueryFormat};
use crate::cli::failure::Failure;
use crate::cli::replacement::Replacement;
use crate::core::column::Column;
use crate::core::sanitise::safe;
use crate::export::csv::CsvPrinter;
use crate::export::json::{JsonPrinter, Layout};
use crate::export::table::{Charset, Look, Paint, TablePrinter};
use crate::export::{Medium, Printer};

/// stdout, or a file that appears under its name only when it is complete.
pub enum Destination {
    /// The standard output.
    Stdout(BufWriter<Stdout>),
    /// What has a name.
    File {
        /// It, or what it will become.
        file: Replacement,
        /// The name as given.
        path: PathBuf,
    },
}

impl Destination {
    /// Opens what `--output` names, stdout without it.
    pub fn open(output: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = output else {
            return Ok(Self::stdout());
        };
        let file = Replacement::create(path)
            .map_err(|error| Failure::output(&path.display().to_string(), &error))?;
        Ok(Self::File {
            file,
            path: path.to_owned(),
        })
    }

    /// The standard output.
    pub fn stdout() -> Self {
        Self::Stdout(BufWriter::new(io::stdout()))
    }

    /// What to call it in an error.
    pub fn name(&self) -> String {
        match self {
            Self::Stdout(_) => "to stdout".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    /// Whether a person looks at it.
    pub fn medium(&self) -> Medium {
        match self {
            Self::Stdout(_) if io::stdout().is_terminal() => Medium::Terminal,
            Self::File { file, .. } if file.is_terminal() => Medium::Terminal,
            _ => Medium::Stream,
        }
    }

    /// Makes what was written final: a file gets its name.
    pub fn keep(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush(),
            Self::File { file, .. } => file.keep(),
        }
    }
}

impl Write for &mut Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Stdout(out) => out.write(bytes),
            Destination::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Destination::Stdout(out) => out.flush(),
            Destination::File { file, .. } => file.flush(),
        }
    }
}

/// The printer of a format.
pub fn printer<'d>(
    format: QueryFormat,
    destination: &'d mut Destination,
    columns: Vec<Column>,
    common: &Common,
) -> Box<dyn Printer + 'd> {
    let medium = destination.medium();
    match format {
        QueryFormat::Table => Box::new(TablePrinter::new(
            destination,
            look(medium, common),
            columns,
        )),
        QueryFormat::Ndjson => Box::new(JsonPrinter::new(
            destination,
            Layout::Lines,
            medium,
            columns,
        )),
        QueryFormat::Json => Box::new(JsonPrinter::new(
            destination,
            Layout::Array,
            medium,
            columns,
        )),
        QueryFormat::Csv => Box::new(CsvPrinter::new(destination, medium, columns)),
    }
}

/// How text for people looks on this medium.
pub fn look(medium: Medium, common: &Common) -> Look {
    let width = match medium {
        Medium::Terminal => crossterm::terminal::size()
            .ok()
            .map(|(columns, _)| usize::from(columns)),
        Medium::Stream => None,
    };
    let colour_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let paint = match common.color {
        Color::Always => Paint::Ansi,
        Color::Auto if medium == Medium::Terminal && !colour_refused => Paint::Ansi,
        Color::Auto | Color::Never => Paint::Plain,
    };
    Look {
        width,
        tz: common.tz(),
        paint,
        charset: charset(common),
    }
}

/// Which characters may be used.
pub fn charset(common: &Common) -> Charset {
    if common.ascii {
        Charset::Ascii
    } else {
        Charset::Unicode
    }
}

/// Prints lines of our own to stdout; on a terminal nothing in them is obeyed.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut destination = Destination::stdout();
    let medium = destination.medium();
    let mut out = &mut destination;
    let mut write = || -> io::Result<()> {
        for line in text.split_inclusive('\n') {
            match (medium, line.strip_suffix('\n')) {
                (Medium::Terminal, Some(line)) => writeln!(out, "{}", safe(line))?,
                (Medium::Terminal, None) => write!(out, "{}", safe(line))?,
                (Medium::Stream, _) => out.write_all(line.as_bytes())?,
            }
        }
        out.flush()
    };
    write().map_err(|error| Failure::output("to stdout", &error))
}
