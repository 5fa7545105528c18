//! What tells rows of one instant apart: columns that really do, else the row's place.
//!
//! Does not know what an id is made of; see `rows`.

use crate::core::event::KeyPart;
use crate::core::profile::{ColumnKind, Profile};
use crate::store::StoreError;
use crate::store::postgres::catalogue::{Table, TableColumn};
use crate::store::postgres::sql::quote::{hex, ident, text};

/// One part of the key.
#[derive(Clone, Debug)]
pub struct KeyColumn {
    /// Where its value comes from.
    pub source: KeySource,
    /// The expression by which it is ordered; for columns it gives what records hold.
    pub sql: String,
    /// The expression by which it is compared for equality, which an index can serve.
    pub same: String,
}

/// Where a part of the key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A column, as in records.
    Column(String),
    /// The table the row is stored in: of several that are read as one.
    Relation,
    /// The row's place in its table.
    Place,
}

impl KeyColumn {
    /// The column in records; `None` for what is selected apart.
    pub fn name(&self) -> Option<&str> {
        match &self.source {
            KeySource::Column(name) => Some(name),
            KeySource::Relation | KeySource::Place => None,
        }
    }

    /// The part's value in what [`super::Layout::place`] selects; `None` for columns.
    pub fn in_place(&self, place: &str) -> Option<i64> {
        let at = place.find('(')?;
        match self.source {
            KeySource::Column(_) => None,
            KeySource::Relation => place[..at].parse().ok(),
            KeySource::Place => row_place(&place[at..]),
        }
    }

    /// A value as a literal to compare with.
    pub fn literal(&self, part: &KeyPart) -> String {
        match (&self.source, part) {
            (KeySource::Place, KeyPart::Int(place)) => {
                format!("'({},{})'", place >> 16, place & 0xffff)
            }
            _ => literal(part),
        }
    }

    /// The part that is a column.
    pub fn column(table: &Table, name: &str) -> Self {
        let bare = format!("t.{}", ident(name));
        let column = table.column(name);
        let type_name = column.map_or("", |column| column.base.as_str());
        let kind = column.map_or(ColumnKind::Other, TableColumn::kind);
        let is_label = column.is_some_and(|column| column.class == "e");
        let is_folding = column.is_some_and(|column| column.folding);
        let sql = match kind {
            ColumnKind::Text if matches!(type_name, "text" | "varchar") => {
                format!("{bare} COLLATE \"C\"")
            }
            ColumnKind::Int
            | ColumnKind::Number
            | ColumnKind::Uuid
            | ColumnKind::Timestamptz
            | ColumnKind::Timestamp
            | ColumnKind::Date
            | ColumnKind::Bytes => bare.clone(),
            // As records spell it, which a cast to text does not always do: char(n), inet.
            _ => format!("(to_json({bare}) #>> '{{}}') COLLATE \"C\""),
        };
        let has_own_equality = sql == bare
            || is_label
            || (matches!(type_name, "text" | "varchar" | "bpchar") && !is_folding)
            || matches!(type_name, "name" | "bool" | "inet" | "cidr" | "macaddr");
        Self {
            source: KeySource::Column(name.to_owned()),
            same: if has_own_equality { bare } else { sql.clone() },
            sql,
        }
    }

    fn apart(source: KeySource, sql: &str) -> Self {
        Self {
            source,
            sql: sql.to_owned(),
            same: sql.to_owned(),
        }
    }
}

/// A value as a literal. Quoted and so without a type: the column on the other side gives it one.
pub fn literal(part: &KeyPart) -> String {
    match part {
        KeyPart::Null => "NULL".to_owned(),
        KeyPart::Int(number) => format!("'{number}'"),
        KeyPart::Number(value) | KeyPart::Text(value) => text(value),
        KeyPart::RawText(bytes) | KeyPart::Bytes(bytes) => {
            format!("'{}'", hex(bytes))
        }
    }
}

/// The key of a table. A profile's is taken at its word only where nothing can be known: elsewhere
/// a unique index must stand behind it, or what really tells rows apart is added.
pub fn key(table: &Table, profile: &Profile) -> Result<Vec<KeyColumn>, StoreError> {
    let exists = |name: &String| table.column(name).is_some();
    let is_usable = !profile.key.is_empty() && profile.key.iter().all(exists);
    let mut names = if is_usable {
        profile.key.clone()
    } else {
        Vec::new()
    };
    let is_stored = matches!(table.kind.as_str(), "r" | "m" | "p") && table.oid != 0;
    if is_stored {
        // A row with a NULL in its key compares with nothing and would be lost between two pages.
        names.retain(|name| table.column(name).is_some_and(|column| column.not_null));
    }
    if names.is_empty() || (is_stored && !table.tells_apart(&names)) {
        let own = table.key().unwrap_or_default();
        names.extend(
            own.into_iter()
                .filter(|name| !names.contains(name))
                .collect::<Vec<_>>(),
        );
    }
    let mut key: Vec<KeyColumn> = names
        .iter()
        .map(|name| KeyColumn::column(table, name))
        .collect();
    // An index of a parent knows nothing of the rows of its children.
    let is_parent = table.kind == "r" && table.has_children;
    if is_stored && (is_parent || !table.tells_apart(&names)) {
        if is_parent || table.kind == "p" {
            key.push(KeyColumn::apart(KeySource::Relation, "t.tableoid"));
        }
        key.push(KeyColumn::apart(KeySource::Place, "t.ctid"));
    }
    if key.is_empty() {
        return Err(StoreError::Failed {
            message: format!("{} has no key that tells its rows apart", table.label()),
            hint: Some("name the key columns in a profile: key = [\"…\"]".to_owned()),
        });
    }
    Ok(key)
}

/// Reads `(block,offset)`.
fn row_place(text: &str) -> Option<i64> {
    let (block, offset) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    Some((block.parse::<i64>().ok()? << 16) | offset.parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_leaves_the_primary_key_its_use() {
        let table = Table::assumed("t", vec![TableColumn::assumed("id", ColumnKind::Text)]);
        let key = KeyColumn::column(&table, "id");
        assert_eq!(key.same, "t.\"id\"");
        assert_eq!(key.sql, "t.\"id\" COLLATE \"C\"");
    }

    #[test]
    fn places_are_numbers() {
        assert_eq!(row_place("(3,7)"), Some(3 * 65_536 + 7));
        assert_eq!(row_place("3,7"), None);
        let place = KeyColumn::apart(KeySource::Place, "t.ctid");
        let relation = KeyColumn::apart(KeySource::Relation, "t.tableoid");
        assert_eq!(place.in_place("16385(0,1)"), Some(1));
        assert_eq!(relation.in_place("16385(0,1)"), Some(16_385));
        assert_eq!(place.literal(&KeyPart::Int(3 * 65_536 + 7)), "'(3,7)'");
    }
}
