//! The passfile (`~/.pgpass`): one line a password, read only when nobody else can read it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::store::postgres::place::{Host, Place};
use crate::store::secret::Secret;

/// What a passfile says about one place.
pub enum Found {
    /// The password.
    Password(Secret),
    /// Nothing; there may be no file.
    Nothing,
    /// The file was not read, and why; for the hint of a failed login.
    Refused(String),
}

/// Asks a passfile. A file that others can read is refused, as libpq does.
pub fn look_up(file: &Path, place: &Place, database: &str, user: &str) -> Found {
    let Ok(facts) = std::fs::metadata(file) else {
        return Found::Nothing;
    };
    if !facts.is_file() {
        return Found::Refused(format!(
            "the passfile {} is not a plain file",
            file.display()
        ));
    }
    if facts.permissions().mode() & 0o077 != 0 {
        return Found::Refused(format!(
            "the passfile {0} was not used because others can read it; run: chmod 600 {0}",
            file.display()
        ));
    }
    let host = match &place.host {
        Host::Tcp(name) => name.clone(),
        // libpq's word for a socket in the default directory; other directories by their path.
        Host::Unix(dir) if is_default_socket_dir(dir) => "localhost".to_owned(),
        Host::Unix(dir) => dir.display().to_string(),
    };
    let port = place.port.to_string();
    let Ok(text) = std::fs::read_to_string(file) else {
        return Found::Refused(format!("the passfile {} cannot be read", file.display()));
    };
    text.lines()
        .find_map(|line| password_of(line, [&host, &port, database, user]))
        .map_or(Found::Nothing, |password| {
            Found::Password(Secret::new(password))
        })
}

fn is_default_socket_dir(dir: &Path) -> bool {
    dir == Path::new("/var/run/postgresql") || dir == Path::new("/tmp")
}

fn password_of(line: &str, wanted: [&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => fields.last_mut()?.extend(chars.next()),
            ':' if fields.len() < 5 => fields.push(String::new()),
            c => fields.last_mut()?.push(c),
        }
    }
    let password = (fields.len() == 5).then(|| fields.pop()).flatten()?;
    let matches = fields
        .iter()
        .zip(wanted)
        .all(|(field, wanted)| field == "*" || field == wanted);
    matches.then_some(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_match_by_field_with_stars_and_escapes() {
        let wanted = ["h", "5432", "d", "u"];
        for (line, expected) in [
            ("h:5432:d:u:secret", Some("secret")),
            ("*:*:*:*:se:cr\\\\et", Some("se:cr\\et")),
            ("h:5432:d:u:a\\:b", Some("a:b")),
            ("h:5433:d:u:no", None),
            ("#h:5432:d:u:no", None),
            ("h:5432:d:u", None),
            ("", None),
        ] {
            assert_eq!(password_of(line, wanted).as_deref(), expected, "{line}");
        }
        assert_eq!(
            password_of("a\\:b:1:*:*:x", ["a:b", "1", "d", "u"]).as_deref(),
            Some("x")
        );
    }

    #[test]
    fn a_file_others_can_read_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("pass");
        std::fs::write(&file, "*:*:*:*:secret\n").expect("written");
        let place = Place {
            host: Host::Tcp("h".into()),
            addr: None,
            port: 1,
        };
        for (mode, readable) in [(0o600, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("mode");
            let found = look_up(&file, &place, "d", "u");
            assert_eq!(matches!(found, Found::Password(_)), readable, "{mode:o}");
            assert_eq!(matches!(found, Found::Refused(_)), !readable, "{mode:o}");
        }
    }
}
