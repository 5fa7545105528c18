//! A view that is saved, left, found again, picked and copied, in a real terminal.

use tempfile::TempDir;

use super::pty::Terminal;
use super::store;

const SIZE: (u16, u16) = (120, 40);

#[test]
fn a_store_opens_as_it_was_left_and_at_saved_views() {
    let (_dir, target) = store(60);
    let home = TempDir::new().expect("a directory");
    let mut terminal = Terminal::auditail_at(home.path(), &[&target], SIZE);
    terminal.see(" 60 · ");
    terminal.press("fis:denied\r");
    terminal.see("20 of ");
    terminal.press("Vthe denied\r");
    terminal.see("saved as the denied in ");
    terminal.press("x");
    terminal.see(" 60 · ");
    terminal.press("f-user:alice\r");
    terminal.see("1 of ");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    let mut terminal = Terminal::auditail_at(home.path(), &[&target], SIZE);
    terminal.see("filter ▸ -user:alice");
    terminal.see("as left ");
    terminal.see("x removes the filter");
    terminal.see("1 of ");
    terminal.press("v");
    terminal.see("saved views");
    terminal.press("denied\r");
    terminal.see("filter ▸ is:denied");
    terminal.see("20 of ");
    terminal.press("Y");
    let line = format!("auditail {target} --filter is:denied --tz UTC");
    terminal.see(&format!("copied: {line}"));
    assert_eq!(terminal.copied().as_deref(), Some(line.as_str()));
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    let fresh = [target.as_str(), "--fresh"];
    let mut terminal = Terminal::auditail_at(home.path(), &fresh, SIZE);
    terminal.see(" 60 · ");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);

    let at_view = [target.as_str(), "--view", "the denied", "--tab", "usage"];
    let mut terminal = Terminal::auditail_at(home.path(), &at_view, SIZE);
    terminal.see("is:denied");
    terminal.see("20 failures");
    terminal.press("qq");
    assert_eq!(terminal.end(), 0);

    let unknown = [target.as_str(), "--view", "the denid"];
    let terminal = Terminal::auditail_at(home.path(), &unknown, SIZE);
    terminal.see("there is no view named the denid");
    terminal.see("did you mean the denied?");
    assert_eq!(terminal.end(), 2);
}
