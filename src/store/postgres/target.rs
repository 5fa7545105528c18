//! The texts in which connection parameters come: URIs, keyword strings, service files.
//!
//! Does not know what parameters mean.

use std::collections::BTreeMap;

use crate::store::StoreError;
use crate::store::postgres::keyword;

/// Parameters by their libpq word.
pub type Given = BTreeMap<String, String>;

/// Whether a target is PostgreSQL's, by its spelling.
pub fn is_postgres(text: &str) -> bool {
    uri_body(text).is_some() || is_keyword_string(text)
}

fn uri_body(text: &str) -> Option<&str> {
    text.strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"))
}

/// `host=… dbname=…`: begins with a word of libpq's.
fn is_keyword_string(text: &str) -> bool {
    let word = text.split_once('=').map(|(word, _)| word.trim());
    word.is_some_and(|word| keyword::find(word).is_some())
}

/// Reads a URI or a keyword string.
pub fn parse(text: &str) -> Result<Given, StoreError> {
    match uri_body(text) {
        Some(body) => uri(body),
        None => keywords(text),
    }
}

fn uri(body: &str) -> Result<Given, StoreError> {
    let mut given = Given::new();
    let (main, query) = body.split_once('?').unwrap_or((body, ""));
    let (userinfo, rest) = match main.rsplit_once('@') {
        Some((userinfo, rest)) => (Some(userinfo), rest),
        None => (None, main),
    };
    if let Some(userinfo) = userinfo {
        let (user, password) = userinfo
            .split_once(':')
            .map_or((userinfo, None), |(u, p)| (u, Some(p)));
        insert(&mut given, "user", user)?;
        if let Some(password) = password {
            insert(&mut given, "password", password)?;
        }
    }
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    insert(&mut given, "dbname", database)?;
    let mut names = Vec::new();
    let mut ports = Vec::new();
    for part in hosts.split(',') {
        let (name, port) = host_and_port(part)?;
        names.push(decode(name)?);
        ports.push(port.to_owned());
    }
    given.insert("host".to_owned(), names.join(","));
    if ports.iter().any(|port| !port.is_empty()) {
        given.insert("port".to_owned(), ports.join(","));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((word, value)) = pair.split_once('=') else {
            return Err(unreadable("a parameter after ? has no value"));
        };
        match decode(word)?.as_str() {
            "ssl" if value == "true" => insert(&mut given, "sslmode", "require")?,
            word => insert(&mut given, word, value)?,
        }
    }
    given.retain(|_, value| !value.is_empty());
    Ok(given)
}

fn insert(given: &mut Given, word: &str, value: &str) -> Result<(), StoreError> {
    given.insert(word.to_owned(), decode(value)?);
    Ok(())
}

fn host_and_port(part: &str) -> Result<(&str, &str), StoreError> {
    if let Some(rest) = part.strip_prefix('[') {
        let (name, after) = rest
            .split_once(']')
            .ok_or_else(|| unreadable("an address in [ ] has no closing bracket"))?;
        return Ok((name, after.strip_prefix(':').unwrap_or("")));
    }
    Ok(part.split_once(':').unwrap_or((part, "")))
}

/// Percent-decodes one component. The text itself is not part of the error: it may be a password.
fn decode(text: &str) -> Result<String, StoreError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) if high + low > 0 => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            }
            _ => {
                return Err(unreadable(
                    "a % is not followed by two hexadecimal digits (write %25 for a %)",
                ));
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| unreadable("a percent-encoded part is not UTF-8"))
}

fn keywords(text: &str) -> Result<Given, StoreError> {
    Ok(in_order(text)?.into_iter().collect())
}

/// Words and values as they stand.
fn in_order(text: &str) -> Result<Vec<(String, String)>, StoreError> {
    let mut given = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(given);
        }
        let mut word = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_whitespace()) {
            word.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next() != Some('=') {
            // Not the word itself: after a password with a space in it, it is the rest of it.
            return Err(unreadable(&format!(
                "there is no = after word {}; a value with spaces is written 'in quotes'",
                given.len() + 1
            )));
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match chars.next() {
                Some('\\') => value.extend(chars.next()),
                Some('\'') if quoted => {
                    // libpq knows only the backslash here; a doubled quote is SQL habit.
                    if chars.next_if_eq(&'\'').is_some() {
                        value.push('\'');
                    } else {
                        break;
                    }
                }
                Some(c) if !quoted && c.is_whitespace() => break,
                Some(c) => value.push(c),
                None if quoted => return Err(unreadable("a quoted value has no closing quote")),
                None => break,
            }
        }
        given.push((word, value));
    }
}

/// One section of a service file; `None` when it is not there.
pub fn service(text: &str, name: &str) -> Option<Given> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| {
        line.strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            == Some(name)
    })?;
    Some(
        lines
            .take_while(|line| !line.starts_with('['))
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .map(|(word, value)| (word.trim().to_owned(), value.trim().to_owned()))
            .collect(),
    )
}

fn unreadable(why: &str) -> StoreError {
    StoreError::Target {
        message: format!("the connection string cannot be read: {why}"),
        hint: Some("the form is postgres://USER@HOST:PORT/DATABASE?table=NAME".to_owned()),
    }
}

/// The same target with every password in it masked, for anything that is shown.
pub fn redact(text: &str) -> String {
    if is_keyword_string(text) {
        return redact_keywords(text);
    }
    let Some((scheme, body)) = text.split_once("://") else {
        return if text.to_lowercase().contains("password=") {
            redact_keywords(text)
        } else {
            text.to_owned()
        };
    };
    // Cut as `uri` does, or an @ in a parameter would be taken for the end of the user part.
    let (main, query) = match body.split_once('?') {
        Some((main, query)) => (main, Some(query)),
        None => (body, None),
    };
    let mut shown = format!("{scheme}://{}", redact_main(main));
    if let Some(query) = query {
        let pairs: Vec<String> = query.split('&').map(redact_pair).collect();
        shown = format!("{shown}?{}", pairs.join("&"));
    }
    shown
}

/// The part before the parameters. The last @ ends the user part even when a password contains one
/// unescaped: masking too much is the safe mistake.
fn redact_main(main: &str) -> String {
    if let Some((userinfo, rest)) = main.rsplit_once('@') {
        return match userinfo.split_once(':') {
            Some((user, _)) => format!("{user}:***@{rest}"),
            None => main.to_owned(),
        };
    }
    // Without an @, `user:password` looks like a host and its port.
    let (hosts, _) = main.split_once('/').unwrap_or((main, ""));
    let is_port = |part: &str| {
        host_and_port(part).is_ok_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if hosts.split(',').all(is_port) {
        return main.to_owned();
    }
    let (first, _) = main.split_once(':').unwrap_or(("", main));
    format!("{first}:***")
}

/// One parameter. A piece that has no value, or an @ where none belongs, may be the rest of a
/// password that was not escaped.
fn redact_pair(pair: &str) -> String {
    let Some((word, value)) = pair.split_once('=') else {
        return if pair.is_empty() { "" } else { "***" }.to_owned();
    };
    let Ok(name) = decode(word).map(|name| name.to_lowercase()) else {
        return "***".to_owned();
    };
    let is_secret = name != "passfile"
        && ["pass", "pwd", "secret", "token"]
            .iter()
            .any(|part| name.contains(part));
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return "***".to_owned();
    }
    if is_secret || (value.contains('@') && !name.starts_with("host")) {
        return format!("{word}=***");
    }
    pair.to_owned()
}

/// What a keyword string says, in its order; `None` where it cannot be taken apart for certain.
fn known_words(text: &str) -> Option<Vec<(String, String)>> {
    let said = in_order(text).ok()?;
    // A word nobody knows may be the rest of a password that was not quoted.
    let is_known = |(word, _): &(String, String)| keyword::find(&word.to_lowercase()).is_some();
    said.iter().all(is_known).then_some(said)
}

fn is_password(word: &str) -> bool {
    word.to_lowercase().ends_with("password")
}

fn redact_keywords(text: &str) -> String {
    let Some(said) = known_words(text) else {
        return "a keyword string that cannot be read".to_owned();
    };
    let masked = |(word, value): &(String, String)| {
        if is_password(word) {
            format!("{word}=***")
        } else {
            spelled(word, value)
        }
    };
    let words: Vec<String> = said.iter().map(masked).collect();
    words.join(" ")
}

/// A keyword string without its passwords, to be used again; `None` for other targets.
pub fn without_password(text: &str) -> Option<String> {
    if uri_body(text).is_some() || !is_keyword_string(text) {
        return None;
    }
    let Some(said) = known_words(text) else {
        return Some(redact_keywords(text));
    };
    let words: Vec<String> = (said.iter())
        .filter(|(word, _)| !is_password(word))
        .map(|(word, value)| spelled(word, value))
        .collect();
    Some(words.join(" "))
}

/// A word and its value as [`keywords`] reads them back.
fn spelled(word: &str, value: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && c != '\'' && c != '\\';
    if !value.is_empty() && value.chars().all(is_plain) {
        return format!("{word}={value}");
    }
    let escaped = value.replace('\\', r"\\").replace('\'', r"\'");
    format!("{word}='{escaped}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        for text in [
            "postgres://u:hunter2@h/db",
            "postgres://u:hun@hunter2@h/db",
            "postgres://u:hunter2/x@h/db",
            "postgres://u@h/db?password=hunter2&sslmode=require",
            "postgres://u@h/db?sslmode=require&password=hunter2",
            "postgres://u:hunter2@/db?host=/run/x@y",
            "host=h password=hunter2 dbname=x",
            "host=h password='a hunter2' dbname=x",
            "host=h password=a://hunter2 dbname=x",
            "mongodb://u:hunter2@h/db",
            "postgres://postgres@:54999/db?host=/run/pg&password=a@hunter2",
            "postgres://u@h/db?p%61ssword=hunter2",
            "postgres://u:hunter2/db",
            "postgres://u:hun?x@hunter2@h/db",
            "postgres://u:hun?x@hunter2=1@h/db",
            "mysql://h/db?pwd=hunter2",
        ] {
            let shown = redact(text);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("***"), "{shown}");
        }
        assert_eq!(
            redact("postgres://u@h/db?table=t"),
            "postgres://u@h/db?table=t"
        );
        assert_eq!(redact("some/file.db"), "some/file.db");
        assert_eq!(
            redact("postgres://h:1,[::1]:2/db?host=/run/x@y"),
            "postgres://h:1,[::1]:2/db?host=/run/x@y"
        );
        // What cannot be taken apart is not shown at all.
        for text in [
            "password=my hunter2 dbname=x",
            "password=my hunter2=x dbname=x",
            "Password=hunter2",
        ] {
            assert!(!redact(text).contains("hunter2"), "{}", redact(text));
        }
    }

    #[test]
    fn a_keyword_string_without_its_password_says_the_same() {
        for text in [
            "host=h dbname='a b' user=u",
            r"dbname='it\'s \\ a' host=/run/pg options='-c a=b'",
            "application_name='' host=h",
            "connect_timeout=3 host=h dbname=a?b&c=d",
            "host=h password='a b' table='audit events' dbname=x",
        ] {
            let mut wanted = keywords(text).expect("readable");
            wanted.remove("password");
            for again in [without_password(text).expect("keywords"), redact(text)] {
                assert!(is_postgres(&again), "{again}");
                let mut found = keywords(&again).expect("readable");
                found.remove("password");
                assert_eq!(found, wanted, "{again}");
            }
        }
        assert_eq!(without_password("postgres://h/db"), None);
    }

    #[test]
    fn services_are_sections() {
        let text = "# mine\n[one]\nhost=a\n\n[two]\nhost = b\n# no\nport=7\n[three]\n";
        let found = service(text, "two").expect("there");
        assert_eq!(found["host"], "b");
        assert_eq!(found["port"], "7");
        assert_eq!(found.len(), 2);
        assert!(service(text, "four").is_none());
    }

    #[test]
    fn paths_are_not_ours() {
        for text in ["audit.db", "./host=x", "mongodb://h", "C:/x"] {
            assert!(!is_postgres(text), "{text}");
        }
        assert!(is_postgres("host=x"));
        assert!(is_postgres("postgresql://"));
    }
}
