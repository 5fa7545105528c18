//! One event: when and what became of it, and its record as a tree.

use std::collections::HashMap;

use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::app::inspector::{Body, Folding, Inspector, Tree, TreeLine, Wrap};
use crate::app::layout::Regions;
use crate::app::{App, Focus};
use crate::core::json::{FlatJson, Kind, NodeId};
use crate::core::sanitise::safe;
use crate::ui::list::outcome;
use crate::ui::pen::{Pen, width};
use crate::ui::theme::Role;
use crate::ui::{Focused, pane_title, region, split_top};

/// Keys of one object are aligned up to this width.
const KEY: usize = 24;

/// The most of one value that is looked at for drawing, in characters.
const VALUE: usize = 8_192;

/// Draws the pane.
pub fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, open: &Inspector, regions: &mut Regions) {
    let (top, rest) = split_top(area, 1);
    let focused = Focused::of(app, Focus::Inspector);
    pane_title(pen, top, focused, &format!("event {}", open.event.id), "");
    let (head, lines) = split_top(rest, 1);
    let (word, role) = outcome(open.event.outcome);
    let when = app.zone.full(open.event.at());
    let pieces = [
        (when.as_str(), Role::Time),
        ("  ", Role::Text),
        (word, role),
    ];
    pen.row(head.x + 1, head.y, head.width.saturating_sub(1), &pieces);
    regions.inspector = region(lines);
    match &open.body {
        Body::Tree(tree) => regions.below = draw_tree(pen, lines, app, tree, open.wrap, focused),
        Body::Loading => note(pen, lines, &[("loading the record…", Role::Dim)]),
        Body::Gone => {
            let text = "the store does not have this event any more";
            note(pen, lines, &[(text, Role::Warning)]);
        }
        Body::Failed(why) => note(pen, lines, &[(why, Role::Error)]),
        Body::NotJson { why, head } => {
            note(pen, lines, &[(why, Role::Warning), (head, Role::Text)]);
        }
    }
}

fn note(pen: &mut Pen<'_>, area: Rect, texts: &[(&str, Role)]) {
    let mut y = area.y;
    for (text, role) in texts {
        for chunk in chunks(text, usize::from(area.width.saturating_sub(2)).max(1)) {
            if y >= area.bottom() {
                return;
            }
            pen.put(area.x + 1, y, area.width.saturating_sub(1), chunk, *role);
            y += 1;
        }
    }
}

/// One line on the screen: a node's first line, or the continuation of a wrapped value.
struct Row {
    line: TreeLine,
    /// 0 for the line with key and fold mark, 1, 2 … for what is wrapped.
    part: usize,
    /// Column of the fold mark.
    indent: usize,
    /// Column of the value.
    column: usize,
    value: String,
    role: Role,
}

/// Draws the lines around the cursor. Gives how many of its node do not fit below.
fn draw_tree(
    pen: &mut Pen<'_>,
    area: Rect,
    app: &App,
    tree: &Tree,
    wrap: Wrap,
    focused: Focused,
) -> usize {
    let height = usize::from(area.height);
    let rows = rows(tree, height, usize::from(area.width), wrap);
    // Wrapped lines above the cursor may push it out; the upper ones give way, but its own first
    // line stays until the user scrolls within it.
    let own = |row: &Row| row.line.node == tree.cursor();
    let first = rows.iter().position(own).unwrap_or(0);
    let end = rows.iter().rposition(own).map_or(0, |last| last + 1);
    let pushed = end.saturating_sub(height);
    let skip = if pushed <= first {
        pushed
    } else {
        (first + tree.scrolled()).min(pushed)
    };
    for (y, row) in (area.y..area.bottom()).zip(rows.iter().skip(skip)) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        draw_row(pen, line, app, tree, row);
        if row.line.node == tree.cursor() {
            let role = match focused {
                Focused::Yes => Role::Selection,
                Focused::No => Role::SelectionIdle,
            };
            let style = pen.style(role);
            pen.put(line.x, y, 1, "▌", Role::Prompt);
            pen.buf.set_style(line, style);
        }
    }
    pushed.saturating_sub(skip)
}

fn rows(tree: &Tree, height: usize, columns: usize, wrap: Wrap) -> Vec<Row> {
    let lines = tree.view(height);
    let keys = key_widths(tree, &lines);
    let mut rows = Vec::new();
    for line in lines {
        let parent = tree.json().parent(line.node);
        let key = parent.and_then(|parent| keys.get(&parent)).copied();
        let (value, role) = shown(tree.json(), line);
        let indent = 1 + 2 * line.depth.min(columns / 4);
        let column = indent + 2 + key.map_or(0, |cells| cells + 2);
        let room = columns.saturating_sub(column + 1).max(4);
        let values = match wrap {
            Wrap::Cut => vec![value],
            Wrap::Lines => chunks(&value, room).map(str::to_owned).collect(),
        };
        rows.extend(values.into_iter().enumerate().map(|(part, value)| Row {
            line,
            part,
            indent,
            column,
            value,
            role,
        }));
    }
    rows
}

fn draw_row(pen: &mut Pen<'_>, area: Rect, app: &App, tree: &Tree, row: &Row) {
    let at = |column: usize| {
        let column = u16::try_from(column).unwrap_or(u16::MAX);
        area.x.saturating_add(column)
    };
    let room = |column: usize| area.right().saturating_sub(at(column));
    if row.part == 0 {
        let mark = match row.line.folding {
            Folding::Leaf => " ",
            Folding::Unfolded => "▾",
            Folding::Folded => "▸",
        };
        pen.put(at(row.indent), area.y, room(row.indent), mark, Role::Dim);
        let (key, role) = key(tree.json(), row.line.node);
        let hits = hits(&key, &app.needle);
        let x = row.indent + 2;
        let cells = u16::try_from(row.column.saturating_sub(x + 1)).unwrap_or(u16::MAX);
        pen.put_hits(at(x), area.y, room(x).min(cells), &key, (role, &hits));
    }
    let hits = hits(&row.value, &app.needle);
    let x = row.column;
    pen.put_hits(at(x), area.y, room(x), &row.value, (row.role, &hits));
}

/// The widest key among the visible children of each parent.
fn key_widths(tree: &Tree, lines: &[TreeLine]) -> HashMap<NodeId, usize> {
    let mut widths = HashMap::new();
    for line in lines {
        if let Some(parent) = tree.json().parent(line.node) {
            let cells = width(&key(tree.json(), line.node).0).min(KEY);
            let widest = widths.entry(parent).or_insert(0);
            *widest = cells.max(*widest);
        }
    }
    widths
}

/// The key of a member, the number of an element.
fn key(json: &FlatJson<'_>, node: NodeId) -> (String, Role) {
    if let Some(key) = json.key(node) {
        return (key.into_owned(), Role::JsonKey);
    }
    let Some(parent) = json.parent(node) else {
        return (String::new(), Role::Dim);
    };
    // Long arrays are not counted through for every line of every frame.
    let place = json
        .children(parent)
        .take(10_000)
        .position(|child| child == node);
    let number = place.map_or_else(|| "…".to_owned(), |place| place.to_string());
    (number, Role::Dim)
}

fn shown(json: &FlatJson<'_>, line: TreeLine) -> (String, Role) {
    let count = |brackets: [char; 2]| {
        let count = json.children(line.node).count();
        (format!("{}{count}{}", brackets[0], brackets[1]), Role::Dim)
    };
    let value = |role: Role| {
        let text = json.scalar(line.node).map(|value| value.text().to_owned());
        (text.unwrap_or_default(), role)
    };
    match json.kind(line.node) {
        Kind::Object => count(['{', '}']),
        Kind::Array => count(['[', ']']),
        Kind::Null => ("null".to_owned(), Role::JsonWord),
        Kind::Bool => value(Role::JsonWord),
        Kind::Number => value(Role::JsonNumber),
        Kind::Text => {
            let scalar = json.scalar(line.node);
            let text = scalar.as_ref().map_or("", |value| value.text());
            let cut = text
                .char_indices()
                .nth(VALUE)
                .map_or(text.len(), |(at, _)| at);
            let end = if cut < text.len() {
                "… (y v copies all of it)"
            } else {
                "\""
            };
            (format!("\"{}{end}", &text[..cut]), Role::JsonText)
        }
    }
}

/// Numbers of the characters that match what was searched for.
fn hits(text: &str, needle: &str) -> Vec<usize> {
    if needle.is_empty() {
        return Vec::new();
    }
    let (text, needle) = (text.to_ascii_lowercase(), needle.to_ascii_lowercase());
    let count = needle.chars().count();
    text.match_indices(&needle)
        .flat_map(|(at, _)| {
            let first = text[..at].chars().count();
            first..first + count
        })
        .collect()
}

/// A text in pieces of at most `cells` cells.
fn chunks(text: &str, cells: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let mut first = true;
    std::iter::from_fn(move || {
        if rest.is_empty() && !first {
            return None;
        }
        first = false;
        let mut taken = 0;
        let cut = rest
            .grapheme_indices(true)
            .find(|(_, grapheme)| {
                taken += safe(grapheme).width();
                taken > cells
            })
            .map_or(rest.len(), |(at, grapheme)| {
                at.max(if at == 0 { grapheme.len() } else { 0 })
            });
        let (piece, after) = rest.split_at(cut);
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_fit_and_lose_nothing() {
        let text = "日本語 and more";
        let pieces: Vec<_> = chunks(text, 5).collect();
        assert!(pieces.iter().all(|piece| piece.width() <= 5), "{pieces:?}");
        assert_eq!(pieces.concat(), text);
        assert_eq!(chunks("", 5).count(), 1);
        assert_eq!(chunks("日", 1).collect::<Vec<_>>(), ["日"]);
    }

    #[test]
    fn hits_ignore_case_and_count_characters() {
        assert_eq!(hits("éDenied", "den"), [1, 2, 3]);
        assert!(hits("x", "").is_empty());
    }
}
