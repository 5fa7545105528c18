//! Rules of the house that a compiler does not know: which layer may use what, how long a file may
//! be, what the README promises.

use std::fs;
use std::path::{Path, PathBuf};

/// What a layer's files must not mention.
struct Layer {
    /// Directory or file stem below `src/`.
    name: &'static str,
    forbidden: &'static [&'static str],
}

const CLOCKS: [&str; 4] = ["Utc::now", "Local::now", "Instant::now", "SystemTime::now"];

const LAYERS: [Layer; 8] = [
    Layer {
        name: "core",
        forbidden: &[
            "tokio",
            "ratatui",
            "crossterm",
            "rusqlite",
            "std::fs",
            "std::io",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "crate::store",
            "crate::app",
            "crate::ui",
            "crate::runtime",
            "crate::cli",
            "crate::export",
            "crate::demo",
        ],
    },
    Layer {
        name: "app",
        forbidden: &[
            "tokio",
            "ratatui",
            "crossterm",
            "rusqlite",
            "std::fs",
            "std::io",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "crate::ui",
            "crate::runtime",
            "crate::cli",
            "store::postgres",
            "store::sqlite",
            "store::connect",
        ],
    },
    Layer {
        name: "ui",
        forbidden: &[
            "tokio",
            "rusqlite",
            "std::net",
            "std::process",
            "std::thread",
            "crate::runtime",
            "crate::cli",
            "store::postgres",
            "store::sqlite",
            "store::connect",
        ],
    },
    Layer {
        name: "runtime",
        forbidden: &["crate::cli", "rusqlite", "tokio_postgres"],
    },
    Layer {
        name: "store",
        forbidden: &[
            "ratatui",
            "crossterm",
            "crate::app",
            "crate::ui",
            "crate::runtime",
            "crate::cli",
            "crate::export",
        ],
    },
    Layer {
        name: "archive",
        forbidden: &[
            "tokio",
            "ratatui",
            "crossterm",
            "rusqlite",
            "std::net",
            "crate::store",
            "crate::purge",
            "crate::app",
            "crate::ui",
            "crate::runtime",
            "crate::cli",
            "crate::export",
        ],
    },
    Layer {
        name: "purge",
        forbidden: &[
            "ratatui",
            "crossterm",
            "rusqlite",
            "tokio_postgres",
            "store::postgres",
            "store::sqlite",
            "store::mongo",
            "crate::app",
            "crate::ui",
            "crate::runtime",
            "crate::cli",
            "crate::export",
        ],
    },
    Layer {
        name: "export",
        forbidden: &[
            "tokio",
            "ratatui",
            "crossterm",
            "rusqlite",
            "std::fs",
            "std::net",
            "crate::app",
            "crate::ui",
            "crate::runtime",
            "crate::cli",
        ],
    },
];

/// Layers without a clock: what they know of time they are told.
const TIMELESS: [&str; 4] = ["core", "app", "ui", "export"];

const MOST_LINES: usize = 400;
const MOST_LINES_OF_MAIN: usize = 40;
const NAMELESS: [&str; 6] = ["mod", "utils", "util", "common", "helpers", "manager"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file with this extension below a directory, as path from the root and text.
fn files(below: &str, extension: &str) -> Vec<(String, String)> {
    let mut waiting = vec![root().join(below)];
    let mut found = Vec::new();
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                found.push((relative(&path), text));
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("below the root");
    path.to_str().expect("plain names").to_owned()
}

/// The lines before the tests that are neither blank nor comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with("//")
        })
}

/// How many lines of code a file has; the rows of a constant table are data, however many.
fn length(text: &str) -> usize {
    const CONSTANTS: [&str; 4] = ["pub const ", "const ", "static ", "pub static "];
    let mut in_table = false;
    let mut length = 0;
    for (_, line) in code(text) {
        if in_table {
            in_table = !line.starts_with([']', '}']);
            continue;
        }
        in_table =
            CONSTANTS.iter().any(|word| line.starts_with(word)) && line.ends_with(['[', '{']);
        length += 1;
    }
    length
}

fn layer_of(path: &str) -> Option<&'static Layer> {
    let below = path.strip_prefix("src/")?;
    let name = below.split('/').next()?.trim_end_matches(".rs");
    LAYERS.iter().find(|layer| layer.name == name)
}

/// What a file says that its layer must not know of.
fn trespasses(path: &str, text: &str) -> Vec<String> {
    let Some(layer) = layer_of(path) else {
        return Vec::new();
    };
    let clocks: &[&str] = if TIMELESS.contains(&layer.name) {
        &CLOCKS
    } else {
        &[]
    };
    let mut found = Vec::new();
    for (line, code) in code(text) {
        for word in layer.forbidden.iter().chain(clocks) {
            if mentions(code, word) {
                found.push(format!(
                    "{path}:{}: {} must not use {word}",
                    line + 1,
                    layer.name
                ));
            }
        }
    }
    found
}

/// Whether a path or a word stands in a line of code, also inside braces: `use crate::{core, ui}`.
fn mentions(code: &str, word: &str) -> bool {
    let grouped = word.strip_prefix("crate::").is_some_and(|name| {
        code.trim_start().starts_with("use crate::{")
            && code.split(['{', ',', ' ']).any(|part| {
                part.trim_end_matches(['}', ';'])
                    .split("::")
                    .next()
                    .is_some_and(|first| first == name)
            })
    });
    let boundary = |at: Option<char>| at.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    grouped
        || code.match_indices(word).any(|(at, _)| {
            let is_path = code[at + word.len()..].starts_with("::") || word.contains("::");
            is_path
                && boundary(code[..at].chars().next_back())
                && boundary(code[at + word.len()..].chars().next())
        })
}

#[test]
fn layers_know_only_what_is_below_them() {
    let found: Vec<String> = files("src", "rs")
        .iter()
        .flat_map(|(path, text)| trespasses(path, text))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_trespass_would_be_found() {
    for (path, text) in [
        ("src/core/event.rs", "use tokio::sync::mpsc;"),
        ("src/core.rs", "use crate::{core, store::Store};"),
        ("src/app/list.rs", "    let frame: ratatui::Frame = x;"),
        ("src/app.rs", "let now = Utc::now();"),
        ("src/ui/list.rs", "use crate::runtime;"),
        ("src/store/sqlite/open.rs", "use crate::app::App;"),
        ("src/archive/lock.rs", "use tokio::sync::watch;"),
        ("src/purge/delete.rs", "use crate::store::sqlite::open;"),
    ] {
        assert_eq!(trespasses(path, text).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("src/core/event.rs", "// tokio::sync is not used here"),
        ("src/core/event.rs", "#[cfg(test)]\nuse std::fs;"),
        ("src/runtime.rs", "use tokio::sync::mpsc;"),
        ("src/core/event.rs", "use crate::core::uid;"),
    ] {
        assert!(trespasses(path, text).is_empty(), "{path}: {text}");
    }
}

#[test]
fn files_are_short_and_named_after_what_they_guard() {
    let mut found = Vec::new();
    for (path, text) in files("src", "rs").into_iter().chain(files("tests", "rs")) {
        let stem = PathBuf::from(&path);
        let stem = stem
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or("");
        if NAMELESS.contains(&stem) {
            found.push(format!("{path}: the name says nothing"));
        }
        let most = if path == "src/main.rs" {
            MOST_LINES_OF_MAIN
        } else {
            MOST_LINES
        };
        let lines = length(&text);
        if lines > most {
            found.push(format!(
                "{path}: {lines} lines of code, at most {most} are allowed"
            ));
        }
        if !text.starts_with("//!") {
            found.push(format!("{path}: does not say what it is for"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_speaks_of_the_machine_it_was_written_on() {
    let places = ["/work/", "/root/", "/home/"];
    let mut found = Vec::new();
    for (below, extension) in [
        ("src", "rs"),
        ("src", "toml"),
        ("tests", "rs"),
        ("benches", "rs"),
        ("benches", "py"),
        ("themes", "toml"),
        ("demo-data", "toml"),
    ] {
        for (path, text) in files(below, extension) {
            for (number, line) in text.lines().enumerate() {
                let is_this_rule = path == "tests/tidy.rs";
                if !is_this_rule && places.iter().any(|place| line.contains(place)) {
                    found.push(format!("{path}:{}: {line}", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The files that a Markdown text links to.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.starts_with('#'))
        .collect()
}

#[test]
fn the_readme_links_to_what_exists() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let links = links(&readme);
    assert!(!links.is_empty(), "the README says where to read what");
    for link in links {
        let path = link.split('#').next().unwrap_or(link);
        assert!(
            root().join(path).exists(),
            "README links to {path}, which does not exist"
        );
    }
}

#[test]
fn tables_are_as_long_as_they_must_be() {
    let table = "const T: &[u8] = &[\n    1,\n    2,\n];\nfn f() {\n    // why\n}\n\nfn g() {}\n";
    assert_eq!(length(table), 4);
}

#[test]
fn the_readme_lists_the_keys_of_the_program() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let listed = readme
        .split_once("<!-- keys -->\n")
        .and_then(|(_, rest)| rest.split_once("<!-- /keys -->"))
        .map(|(listed, _)| listed.trim());
    let keys = auditail::app::command::key_table();
    assert_eq!(
        listed,
        Some(keys.trim()),
        "put this between the marks:\n{keys}"
    );
}
