//! The file of named views, as text. A mistake is refused with file, line, key and a suggestion.
//!
//! By example:
//!
//! ```toml
//! [[view]]
//! name = "failures of ci"
//! filter = "user:ci-bot is:error since:-24h"   # all events without
//! tab = "usage"                                # or events, archives; events without
//! columns = ["at", "user", ".details.code"]    # of the list of events; optional
//! period = "day"                               # or week, month; optional
//! by = "groups"                                # or users, as without; needs --groups
//! tz = "UTC"                                   # of times in the filter; optional
//! zone = "Europe/Berlin"                       # of times on the screen; optional
//! ```

use std::ops::Range;

use chrono_tz::Tz;
use toml::de::DeTable;

use crate::app::usage::By;
use crate::app::view::{Named, Tab, View};
use crate::core::calendar::Period;
use crate::core::strict::{Item, Mistake, Source, Table};

const KEYS: [&str; 8] = [
    "name", "filter", "columns", "tab", "period", "by", "tz", "zone",
];

/// Begins a view.
const HEADER: &str = "[[view]]";

/// Reads a file.
pub fn parse(text: &str, file: &str) -> Result<Vec<Named>, Mistake> {
    let source = Source::new(file.to_owned(), text);
    let document = DeTable::parse(text).map_err(|error| source.broken(&error))?;
    let document = Table::document(&source, document.get_ref(), &["view"])?;
    let Some(views) = document.get("view") else {
        return Ok(Vec::new());
    };
    let mut all: Vec<Named> = Vec::new();
    for item in views.list()? {
        let named = view(&item)?;
        if all.iter().any(|other| other.name == named.name) {
            let at = item.table(&KEYS)?.need("name")?;
            let message = format!("there is another view named {}", named.name);
            return Err(at.fail_with(message, Some("every view needs a name of its own".into())));
        }
        all.push(named);
    }
    Ok(all)
}

fn view(item: &Item<'_>) -> Result<Named, Mistake> {
    let table = item.table(&KEYS)?;
    let name = line(&table.need("name")?)?;
    if name.trim().is_empty() {
        let message = "a view needs a name";
        return Err(table.need("name")?.fail_with(message, None));
    }
    let tab = table.get("tab").map(|item| item.word(&Tab::ALL));
    let period = table.get("period").map(|item| item.word(&Period::ALL));
    let by = table.get("by").map(|item| item.word(&By::ALL));
    let view = View {
        filter: table
            .get("filter")
            .map_or(Ok(String::new()), |i| line(&i))?,
        columns: match table.get("columns") {
            Some(item) => columns(&item)?,
            None => Vec::new(),
        },
        event: None,
        tab: tab.transpose()?.unwrap_or_default(),
        period: period.transpose()?,
        by: by.transpose()?.unwrap_or_default(),
        tz: table.get("tz").map(|item| zone(&item)).transpose()?,
        zone: table.get("zone").map(|item| zone(&item)).transpose()?,
    };
    Ok(Named { name, view })
}

fn columns(item: &Item<'_>) -> Result<Vec<String>, Mistake> {
    let names = item.list()?;
    names.iter().map(line).collect()
}

fn line(item: &Item<'_>) -> Result<String, Mistake> {
    let text = item.text()?;
    if text.chars().any(char::is_control) {
        return Err(item.fail_with("it must be one line", None));
    }
    Ok(text.to_owned())
}

fn zone(item: &Item<'_>) -> Result<Tz, Mistake> {
    let text = item.text()?;
    text.parse().map_err(|_| {
        let hint = "write it like Europe/Berlin, or UTC".to_owned();
        item.fail_with(format!("`{text}` is no zone"), Some(hint))
    })
}

/// The text with a view put in: in the place of the one with its name, or at the end. Comments and
/// everything else stay as they are; the text must be one that [`parse`] reads.
pub fn put(text: &str, named: &Named) -> String {
    let block = print(named);
    if let Some(range) = place(text, &named.name) {
        return format!("{}{block}{}", &text[..range.start], &text[range.end..]);
    }
    let gap = match text {
        "" => "",
        text if text.ends_with("\n\n") => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{text}{gap}{block}")
}

/// The text without the view of this name.
pub fn cut(text: &str, name: &str) -> String {
    match place(text, name) {
        Some(range) => format!("{}{}", &text[..range.start], text[range.end..].trim_start()),
        None => text.to_owned(),
    }
}

/// Where a view stands: from its header to its last key. What follows as a comment is the next
/// one's.
fn place(text: &str, name: &str) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let views = document.get_ref().get("view")?.get_ref().as_array()?;
    let table = views.iter().find_map(|view| {
        let table = view.get_ref().as_table()?;
        (table.get("name")?.get_ref().as_str() == Some(name)).then_some(table)
    })?;
    let first = table.keys().map(|key| key.span().start).min()?;
    let last = table.values().map(|value| value.span().end).max()?;
    let starts = text[..first].split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    });
    let (start, _) = (starts.filter(|(_, line)| line.trim_start().starts_with(HEADER))).last()?;
    let end = text[last..]
        .find('\n')
        .map_or(text.len(), |at| last + at + 1);
    Some(start..end)
}

fn print(named: &Named) -> String {
    let view = &named.view;
    let text = |text: &str| toml::Value::String(text.to_owned());
    let columns: Vec<_> = view.columns.iter().map(|name| text(name)).collect();
    let pairs = [
        ("name", Some(text(&named.name))),
        ("filter", Some(text(&view.filter))),
        (
            "columns",
            (!columns.is_empty()).then_some(toml::Value::Array(columns)),
        ),
        ("tab", Some(text(view.tab.word()))),
        ("period", view.period.map(|period| text(period.word()))),
        ("by", (view.by == By::Groups).then(|| text("groups"))),
        ("tz", view.tz.map(|tz| text(tz.name()))),
        ("zone", view.zone.map(|zone| text(zone.name()))),
    ];
    let mut out = format!("{HEADER}\n");
    for (key, value) in pairs {
        if let Some(value) = value {
            out += &format!("{key} = {value}\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> (usize, String, String, String) {
        let mistake = parse(text, "views.toml").expect_err(text);
        assert_eq!(mistake.file, "views.toml");
        let hint = mistake.hint.unwrap_or_default();
        (mistake.line, mistake.key, mistake.message, hint)
    }

    /// A file, the line and key at fault, and parts of message and hint.
    #[rustfmt::skip]
    const MISTAKES: &[(&str, usize, &str, &str, &str)] = &[
        ("[[veiw]]\nname = \"a\"\n", 1, "veiw", "no such key", "`view`"),
        ("[[view]]\nfilter = \"a\"\n", 1, "view.1.name", "missing", ""),
        ("[[view]]\nname = \"a\"\ntab = \"useage\"\n", 3, "view.1.tab", "`useage`", "`usage`"),
        ("[[view]]\nname = \"a\"\nfiltre = \"\"\n", 3, "view.1.filtre", "no such key", "`filter`"),
        ("[[view]]\nname = \"a\"\n[[view]]\nname = \"a\"\n", 4, "view.2.name", "another view", "own"),
        ("[[view]]\nname = \"a\"\nzone = \"Berlin\"\n", 3, "view.1.zone", "no zone", "Europe/Berlin"),
        ("[[view]]\nname = \"a\"\nfilter = \"a\\nb\"\n", 3, "view.1.filter", "one line", ""),
        ("[[view]]\nname = \"a\"\ncolumns = \"at\"\n", 3, "view.1.columns", "a list is needed", ""),
        ("[[view]]\nname = \" \"\n", 2, "view.1.name", "needs a name", ""),
        ("[[view]\n", 1, "[[view]", "", ""),
    ];

    #[test]
    fn mistakes_name_line_key_and_a_suggestion() {
        for (text, line, key, says, suggests) in MISTAKES {
            let (at, name, message, hint) = refused(text);
            assert_eq!((at, name.as_str()), (*line, *key), "{text}{message}");
            assert!(message.contains(says), "{text}{message}");
            assert!(hint.contains(suggests), "{text}{hint}");
        }
    }

    const FILE: &str = "# mine\n\n[[view]]\n# first\nname = \"a\" # the name\nfilter = \"[[view]]\"\n\n# of b\n[[view]]\ntab = \"usage\"\nname = 'b'\n# end\n";

    #[test]
    fn what_is_written_leaves_the_rest_as_it_is() {
        let named = |name: &str, filter: &str| Named {
            name: name.to_owned(),
            view: View {
                filter: filter.to_owned(),
                ..View::default()
            },
        };
        let more = put(FILE, &named("c", "is:error"));
        assert!(more.starts_with(FILE), "{more}");
        assert_eq!(parse(&more, "f").expect("reads").len(), 3);
        let other = put(FILE, &named("b", "x"));
        assert!(other.contains("# of b\n[[view]]\nname = \"b\""), "{other}");
        assert!(other.ends_with("tab = \"events\"\n# end\n"), "{other}");
        assert!(
            other.starts_with("# mine\n\n[[view]]\n# first\n"),
            "{other}"
        );
        let less = cut(FILE, "a");
        assert_eq!(
            less,
            "# mine\n\n# of b\n[[view]]\ntab = \"usage\"\nname = 'b'\n# end\n"
        );
        assert_eq!(cut(FILE, "z"), FILE);
        assert_eq!(
            put("", &named("b", "x")),
            cut(&put("", &named("b", "x")), "z")
        );
    }

    fn views() -> impl Strategy<Value = Named> {
        let words = r#"[a-z "'\\\[\]=#é]{0,12}"#;
        let zones = || prop::option::of(prop::sample::select(vec![Tz::UTC, Tz::Asia__Kolkata]));
        let tab = prop::sample::select(Tab::ALL.map(|(tab, _)| tab).to_vec());
        let period = prop::sample::select(Period::ALL.map(|(period, _)| period).to_vec());
        let columns = prop::collection::vec(r#"[a-z."',\]\\]{0,6}"#, 0..3);
        let by = prop::sample::select(By::ALL.map(|(by, _)| by).to_vec());
        let look = (columns, tab, prop::option::of(period), by, zones(), zones());
        ("[a-c]", words, look).prop_map(|(name, filter, (columns, tab, period, by, tz, zone))| {
            let view = View {
                filter,
                columns,
                event: None,
                tab,
                period,
                by,
                tz,
                zone,
            };
            Named { name, view }
        })
    }

    proptest! {
        /// Whatever is put in and cut out, the file holds what a list of names would.
        #[test]
        fn a_file_is_a_list(steps in prop::collection::vec((views(), any::<bool>()), 0..8)) {
            let (mut text, mut list) = (String::new(), Vec::<Named>::new());
            for (named, puts) in steps {
                if puts {
                    text = put(&text, &named);
                    match list.iter_mut().find(|other| other.name == named.name) {
                        Some(other) => *other = named,
                        None => list.push(named),
                    }
                } else {
                    text = cut(&text, &named.name);
                    list.retain(|other| other.name != named.name);
                }
                prop_assert_eq!(&parse(&text, "f").expect("reads"), &list);
            }
        }
    }
}
