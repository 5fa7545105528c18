//! The line, its suggestions and its diagnostics.

use super::*;
use crate::core::instant::Micros;
use crate::core::profile::load;

fn bar(text: &str) -> (FilterBar, Catalog) {
    let profile = load::named("clutch").expect("built in");
    let mut bar = FilterBar::default();
    bar.set(text);
    (bar, Catalog::new("prod", &profile))
}

fn moment() -> Moment {
    Moment {
        now: Micros(1_768_478_645_000_000),
        tz: chrono_tz::Tz::UTC,
    }
}

#[test]
fn the_caret_is_a_byte_offset() {
    let (mut bar, _) = bar("é日x");
    assert_eq!(bar.caret(), 6);
    bar.edit(InputRequest::GoToPrevChar);
    assert_eq!(bar.caret(), 5);
    bar.edit(InputRequest::GoToStart);
    assert_eq!(bar.caret(), 0);
}

#[test]
fn errors_are_placed_and_forbid_running() {
    let (mut bar, catalog) = bar("usr:alice");
    bar.judge(&catalog, moment());
    assert!(bar.is_invalid());
    assert_eq!(bar.predicate(), None);
    assert_eq!(bar.diagnostics()[0].span.start, 0);
    bar.set("user:alice");
    bar.judge(&catalog, moment());
    assert!(!bar.is_invalid());
}

#[test]
fn suggestions_replace_what_was_typed_and_keep_the_rest() {
    let (mut bar, catalog) = bar("us is:error");
    bar.edit(InputRequest::SetCursor(2));
    bar.suggest(&catalog);
    assert!(bar.accept());
    assert_eq!(bar.text(), "user: is:error");
    assert_eq!(bar.caret(), 5);
    assert!(!bar.accept(), "no suggestions are left");
}

#[test]
fn stepping_goes_round() {
    let (mut bar, catalog) = bar("is:");
    bar.suggest(&catalog);
    let count = bar.popup().expect("suggestions").suggestions.len();
    bar.step(Direction::Backward);
    assert_eq!(bar.popup().and_then(|p| p.chosen), Some(count - 1));
    bar.step(Direction::Forward);
    assert_eq!(bar.popup().and_then(|p| p.chosen), Some(0));
}
