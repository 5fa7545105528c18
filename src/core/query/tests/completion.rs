//! What is offered where, and that taking an offer never breaks a text.

use proptest::prelude::*;
use rstest::rstest;

use super::fixture::catalog;
use super::properties::query_like;
use crate::core::query::complete::{Completion, complete};
use crate::core::query::diagnostic::Severity;
use crate::core::query::parse::parse;

/// Offers at `|`.
fn offers(marked: &str) -> (String, String, Vec<Completion>) {
    let caret = marked.find('|').expect("a caret");
    let text = marked.replacen('|', "", 1);
    let completions = complete(&text, caret, &catalog());
    (text, completions.typed, completions.candidates)
}

fn taken(text: &str, completion: &Completion) -> String {
    let mut text = text.to_owned();
    text.replace_range(completion.replaces.clone(), &completion.insert);
    text
}

#[rstest]
#[case::start("|", "user", "user:")]
#[case::after_space("user:alice |", "outcome", "user:alice outcome:")]
#[case::alias("us|", "user", "user:")]
#[case::negated("-us|", "user", "-user:")]
#[case::in_brackets("(a OR us|) b", "user", "(a OR user:) b")]
#[case::before_colon("us|:alice", "actor", "actor:alice")]
#[case::middle_of_name("us|ex:alice b", "user", "user:alice b")]
#[case::open_quote("\"us|", "user", "user:")]
#[case::own("co|", "code", "code:")]
#[case::path("sta|", "details.status.code", "details.status.code:")]
#[case::forced_path(".sta|", ".details.status.code", ".details.status.code:")]
#[case::odd_path("email|", "details.\"user-email x\"", "details.\"user-email x\":")]
#[case::shadowed_path("id|", ".id", ".id:")]
#[case::value("user:|", "alice", "user:alice")]
#[case::value_typed("user:al|", "alice", "user:alice")]
#[case::value_in_open_quote("user:\"al| b", "alice", "user:alice b")]
#[case::value_in_quotes("user:\"al|\" b", "alice", "user:alice b")]
#[case::quoted_value("action:two|", "two words", "action:\"two words\"")]
#[case::bracket_value("service:|", "k8s(1)", "service:\"k8s(1)\"")]
#[case::after_operator("user:!=al|", "alice", "user:!=alice")]
#[case::list("user:(bob, |", "alice", "user:(bob, alice")]
#[case::list_end("user:(bob |", ",", "user:(bob, ")]
#[case::own_value("code:|", "7", "code:7")]
#[case::path_value(".details.type:R|", "READ", ".details.type:READ")]
#[case::operator("code:|", ">=", "code:>=")]
#[case::outcome("outcome:f|", "failed", "outcome:failed")]
#[case::is("-is:|", "error", "-is:error")]
#[case::has("has:det|", "details.status", "has:details.status")]
#[case::time("since:-|", "-24h", "since:-24h")]
#[case::range_end("at:yesterday..|", "today", "at:yesterday..today")]
#[case::length("older:|", "30s", "older:30s")]
#[case::store("store:p|", "prod-pg", "store:prod-pg")]
#[case::or("a |", "OR", "a OR ")]
fn offered(#[case] marked: &str, #[case] label: &str, #[case] result: &str) {
    let (text, _, candidates) = offers(marked);
    let labels: Vec<_> = candidates.iter().map(|c| c.label.as_str()).collect();
    let candidate = candidates.iter().find(|candidate| candidate.label == label);
    let candidate = candidate.unwrap_or_else(|| panic!("{label} is not among {labels:?}"));
    assert_eq!(taken(&text, candidate), result);
}

#[rstest]
#[case::or_needs_a_term("(|", "OR")]
#[case::no_order_of_outcomes("outcome:|", ">")]
#[case::containers_have_no_values("|", "details.status")]
#[case::no_such_name("nope:|", "alice")]
#[case::glued_to_the_next("|(a)", "user")]
#[case::before_an_operator("has:|>=..user:..", "user")]
#[case::inside_an_operator("has:!|=..user:..", "user")]
fn not_offered(#[case] marked: &str, #[case] label: &str) {
    let (_, _, candidates) = offers(marked);
    assert!(candidates.iter().all(|candidate| candidate.label != label));
}

#[test]
fn what_was_typed_is_what_ranks() {
    assert_eq!(offers("user:\"al|ice").1, "al");
    assert_eq!(offers("-.det|").1, ".det");
}

fn errors(text: &str) -> usize {
    let diagnostics = parse(text).diagnostics;
    diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .count()
}

/// The text with a candidate taken and, where it only begins something, an `x` typed after it.
fn taken_and_finished(text: &str, candidate: &Completion) -> String {
    let mut finished = candidate.clone();
    let begins = finished.insert.ends_with([':', ' ', '=', '<', '>', '~']);
    let next = text[candidate.replaces.end..].chars().next();
    if begins && next.is_none_or(|c| c.is_whitespace() || c == ')') {
        finished.insert.push('x');
    }
    taken(text, &finished)
}

proptest! {
    #[test]
    fn taking_an_offer_never_breaks_a_text(text in query_like(), at in any::<prop::sample::Index>()) {
        let caret = text.floor_char_boundary(at.index(text.len() + 1));
        let before = errors(&text);
        // What stands behind the caret of a broken text may be broken in ways of its own.
        let (text, caret) = if before == 0 { (text.as_str(), caret) } else { (&text[..caret], caret) };
        let before = errors(text);
        for candidate in complete(text, caret, &catalog()).candidates {
            let after = taken_and_finished(text, &candidate);
            prop_assert!(errors(&after) <= before, "{text:?} at {caret} → {after:?}");
        }
    }

    #[test]
    fn completing_any_text_is_harmless(text in any::<String>(), caret in 0..40_usize) {
        for candidate in complete(&text, caret, &catalog()).candidates {
            prop_assert!(text.get(candidate.replaces).is_some());
        }
    }
}
