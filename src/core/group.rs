//! Which users belong to which groups, from a table of two columns.
//!
//! Reads no file and asks no store.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::sanitise::safe;
use crate::core::words::Words;

/// Users of groups are told like this where they belong to none.
pub const NO_GROUP: &str = "(no group)";

/// Which users belong to which groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    names: Vec<Arc<str>>,
    members: Vec<Arc<Words>>,
    /// User and place of the group, sorted.
    of: Vec<(Arc<str>, u32)>,
    everybody: Arc<Words>,
}

/// Why a table of groups cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct GroupsError {
    /// The file.
    pub file: String,
    /// 1-based.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
}

impl Groups {
    /// Reads lines of `user,group`, quoted as CSV is, the first of which may be a header. A user may
    /// have many lines.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, GroupsError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let fail = |at: Option<&csv::Position>, message: String| GroupsError {
            file: file.to_owned(),
            line: line(bytes, at),
            message,
        };
        let mut pairs = Vec::new();
        let mut record = csv::StringRecord::new();
        let mut is_first = true;
        loop {
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    return Err(fail(error.position(), "this is no UTF-8 text".to_owned()));
                }
            }
            let at = record.position();
            let is_header = std::mem::take(&mut is_first) && is_header(&record);
            let fields: Vec<&str> = record.iter().collect();
            match fields.as_slice() {
                _ if is_header => {}
                ["", ""] | [""] => {}
                ["", group] => {
                    let message = format!("no user stands before the group {}", safe(group));
                    return Err(fail(at, message));
                }
                [user, ""] => {
                    let message = format!("no group stands behind the user {}", safe(user));
                    return Err(fail(at, message));
                }
                [user, group] => {
                    pairs.push((Arc::from(*user), Arc::from(*group)));
                }
                fields => {
                    let message = format!(
                        "two columns are needed, user and group, and here is {}",
                        fields.len()
                    );
                    return Err(fail(at, message));
                }
            }
        }
        if pairs.is_empty() {
            return Err(fail(None, "nobody is in any group here".to_owned()));
        }
        Ok(Self::told(pairs))
    }

    /// Whether anybody is in several groups.
    pub fn overlap(&self) -> bool {
        self.of.windows(2).any(|pair| pair[0].0 == pair[1].0)
    }

    /// Of users and their groups.
    pub fn told(members: Vec<(Arc<str>, Arc<str>)>) -> Self {
        let mut names: BTreeMap<Arc<str>, u32> = BTreeMap::new();
        let mut pairs = Vec::with_capacity(members.len());
        for (user, group) in members {
            let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
            pairs.push((user, *names.entry(group).or_insert(next)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut members = vec![Vec::new(); names.len()];
        for (user, place) in &pairs {
            if let Some(members) = members.get_mut(*place as usize) {
                members.push(Arc::clone(user));
            }
        }
        let mut by_place: Vec<(u32, Arc<str>)> = names
            .into_iter()
            .map(|(name, place)| (place, name))
            .collect();
        by_place.sort_unstable();
        Self {
            everybody: Arc::new(pairs.iter().map(|(user, _)| Arc::clone(user)).collect()),
            names: by_place.into_iter().map(|(_, name)| name).collect(),
            members: members
                .into_iter()
                .map(|users| Arc::new(users.into_iter().collect()))
                .collect(),
            of: pairs,
        }
    }

    /// Every group with its users, as the table first names them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Words>)> {
        let names = self.names.iter().map(|name| &**name);
        names.zip(&self.members)
    }

    /// All users of all groups.
    pub fn everybody(&self) -> &Arc<Words> {
        &self.everybody
    }

    /// The groups of a user; none for a user that the table does not name.
    pub fn of<'g>(&'g self, user: &str) -> impl Iterator<Item = &'g str> {
        let first = self.of.partition_point(|(known, _)| **known < *user);
        let until = self.of.partition_point(|(known, _)| **known <= *user);
        let places = self.of[first..until].iter().map(|(_, place)| *place);
        places.filter_map(|place| Some(&**self.names.get(place as usize)?))
    }
}

/// The line of a record, from 1: the position of one may be that of empty lines before it.
fn line(bytes: &[u8], at: Option<&csv::Position>) -> u64 {
    let start = at
        .and_then(|at| usize::try_from(at.byte()).ok())
        .unwrap_or(0);
    let (before, rest) = bytes.split_at(start.min(bytes.len()));
    let empty = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
    let ends = before.iter().chain(empty).filter(|byte| **byte == b'\n');
    ends.count() as u64 + 1
}

/// Whether a line names the columns: neither of the two words is anybody's.
fn is_header(record: &csv::StringRecord) -> bool {
    const USER: [&str; 8] = [
        "user",
        "users",
        "user_name",
        "username",
        "actor",
        "login",
        "email",
        "member",
    ];
    const GROUP: [&str; 6] = [
        "group",
        "groups",
        "group_name",
        "team",
        "department",
        "role",
    ];
    let is_one = |place: usize, of: &[&str]| {
        let field = record.get(place).unwrap_or_default().to_ascii_lowercase();
        of.contains(&field.as_str())
    };
    record.len() == 2 && is_one(0, &USER) && is_one(1, &GROUP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Groups {
        Groups::parse(text.as_bytes(), "groups.csv").expect(text)
    }

    #[test]
    fn tables_are_read_as_spreadsheets_write_them() {
        let plain = read("alice,ops\nbob,ops\nalice,dev\n");
        assert_eq!(plain.of("alice").collect::<Vec<_>>(), ["ops", "dev"]);
        assert_eq!(plain.of("bob").collect::<Vec<_>>(), ["ops"]);
        assert_eq!(plain.of("carol").count(), 0);
        for text in [
            "\u{feff}user,group\r\nalice,ops\r\nbob,ops\r\n\r\nalice,dev\r\n",
            "User,Team\n\"alice\",\"ops\"\n bob , ops\nalice,dev\nalice,dev",
        ] {
            assert_eq!(read(text), plain, "{text:?}");
        }
        let odd = read("\"Doe, Jane\",\"a \"\"b\"\"\"\n");
        assert_eq!(odd.of("Doe, Jane").collect::<Vec<_>>(), ["a \"b\""]);
    }

    #[test]
    fn mistakes_name_file_and_line() {
        for (text, line, says) in [
            ("alice,ops\nbob\n", 2, "here is 1"),
            ("alice,ops,x\n", 1, "here is 3"),
            (
                "alice,ops\n\nbob,\n",
                3,
                "no group stands behind the user bob",
            ),
            (",ops\n", 1, "no user stands before the group ops"),
            ("user,group\n", 1, "nobody is in any group"),
            ("", 1, "nobody is in any group"),
        ] {
            let error = Groups::parse(text.as_bytes(), "g.csv").expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.to_string().contains(says), "{error}");
        }
        let error = Groups::parse(b"a,b\n\xff,c\n", "g.csv").expect_err("no text");
        assert_eq!(error.line, 2, "{error}");
    }

    #[test]
    fn a_million_lines_are_fine() {
        let mut text = String::new();
        for n in 0..1_000_000 {
            text += &format!("user-{n},group-{}\n", n % 1_000);
        }
        let groups = read(&text);
        assert_eq!(groups.iter().count(), 1_000);
        assert_eq!(groups.of("user-999999").collect::<Vec<_>>(), ["group-999"]);
        assert_eq!(groups.everybody().iter().len(), 1_000_000);
    }
}
