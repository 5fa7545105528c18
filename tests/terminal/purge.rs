//! A purge by keyboard alone: through the dialog, and back from the Archives tab.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::pty::Terminal;

/// Every row as it is, in order.
fn rows(file: &Path) -> Vec<Vec<Value>> {
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a file");
    let mut statement = db
        .prepare("SELECT * FROM audit_events ORDER BY id")
        .expect("a table");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect());
    rows.expect("rows")
        .collect::<Result<_, _>>()
        .expect("values")
}

/// What stands before some words on the screen, back to the blank before it.
fn before(terminal: &Terminal, words: &str) -> String {
    terminal.see(words);
    let contents = terminal.contents();
    let (head, _) = contents.split_once(words).expect("it was seen");
    let number = head.trim_end().rsplit(char::is_whitespace).next();
    number.expect("a word").to_owned()
}

/// Types a directory over the one that is suggested.
fn into(terminal: &mut Terminal, archive: &Path) {
    terminal.see("Nothing is deleted");
    terminal.press("\u{15}");
    terminal.press(archive.to_str().expect("a plain path"));
    terminal.press("\r");
}

/// From the receipt to the Archives tab, into the archive and out of it, and the rows back, twice.
fn open_and_restore(terminal: &mut Terminal, number: &str) {
    terminal.press("\r");
    terminal.see("events · following");
    terminal.press("3");
    terminal.see("complete");
    // The archive is a store of its own, and leaving it leads back.
    terminal.press("o");
    terminal.see("journal and sizes checked");
    terminal.see("back to the store");
    terminal.press("f");
    terminal.press("has:user");
    terminal.press("\r");
    terminal.see("filter ▸ has:user");
    terminal.press("q");
    terminal.see("known on this machine");
    terminal.press("v");
    terminal.see("every byte read back");
    terminal.press("r");
    terminal.see("Into which store?");
    terminal.press("\r");
    terminal.see(&format!("{number} rows put back, 0 were there already"));
    // Again: nothing changes.
    terminal.press("r");
    terminal.see("Into which store?");
    terminal.press("\r");
    terminal.see(&format!("0 rows put back, {number} were there already"));
}

fn purge_and_restore(size: (u16, u16)) {
    let dir = TempDir::new().expect("a directory");
    let (kept, archive) = (dir.path().join("demo"), dir.path().join("archive"));
    let keep = kept.to_str().expect("a plain path");
    let demo = [
        "demo", "--events", "2000", "--rate", "0", "--seed", "7", "--keep", keep,
    ];
    let mut terminal = Terminal::auditail(&demo, size);
    terminal.see("● live");
    let file = kept.join("audit.db");
    let all = rows(&file);
    assert_eq!(all.len(), 2_000);

    terminal.press("P");
    let number = before(&terminal, "rows go");
    terminal.see("goes │ stays");
    terminal.press("\r");
    into(&mut terminal, &archive);
    terminal.see("type this");
    assert_eq!(rows(&file), all, "nothing goes before somebody says yes");
    terminal.press("delete everything\r");
    terminal.see("that is not the phrase");
    assert_eq!(rows(&file), all);
    // Leaving and coming back finds the line again.
    terminal.press("\u{1b}");
    terminal.see("events · following");
    terminal.press("P");
    terminal.see("type this");
    terminal.press("\u{15}");
    terminal.press(&format!("delete {number} rows from audit_events\r"));
    terminal.see("confirmed");
    terminal.see("receipt.json");
    let gone: usize = number.replace(',', "").parse().expect("a number");
    assert!(gone > 100, "{gone}");
    let left = rows(&file);
    assert_eq!(
        left,
        all[gone..],
        "the oldest rows have gone, and no others"
    );

    open_and_restore(&mut terminal, &number);
    assert_eq!(rows(&file), all, "every row is back as it was");
    terminal.press("qq");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_purge_through_the_dialog_and_back_80_24() {
    purge_and_restore((80, 24));
}

#[test]
fn a_purge_through_the_dialog_and_back_120_40() {
    purge_and_restore((120, 40));
}

#[test]
fn a_purge_that_was_left_is_found_at_its_place() {
    let dir = TempDir::new().expect("a directory");
    let (kept, archive) = (dir.path().join("demo"), dir.path().join("archive"));
    let keep = kept.to_str().expect("a plain path");
    let demo = [
        "demo", "--events", "2000", "--rate", "0", "--seed", "7", "--keep", keep,
    ];
    let mut terminal = Terminal::auditail(&demo, (80, 24));
    terminal.see("● live");
    terminal.press("P");
    let number = before(&terminal, "rows go");
    terminal.press("\r");
    into(&mut terminal, &archive);
    terminal.see("type this");
    terminal.signal("KILL");
    drop(terminal);

    let file = kept.join("audit.db");
    let all = rows(&file);
    let mut terminal = Terminal::auditail(&[file.to_str().expect("plain")], (80, 24));
    terminal.see("● live");
    terminal.press("P");
    terminal.see("rows go");
    terminal.press("\r");
    into(&mut terminal, &archive);
    terminal.see("an unfinished purge is in");
    terminal.press("\u{f}");
    terminal.see("type this");
    terminal.press(&format!("delete {number} rows from audit_events\r"));
    terminal.see("receipt.json");
    let gone: usize = number.replace(',', "").parse().expect("a number");
    assert_eq!(rows(&file), all[gone..]);
    terminal.press("\rq");
    assert_eq!(terminal.end(), 0);
}
