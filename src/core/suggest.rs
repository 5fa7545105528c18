//! Did-you-mean: the known word nearest to a mistyped one.
//!
//! Does not rank completions; those match what was typed as a subsequence.

/// The known word that was probably meant: equal but for case, or few edits away (one in every
/// three characters, a swap of neighbours being one). `None` when nothing is near.
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let folded = typed.to_lowercase();
    let most = folded.chars().count().div_ceil(3);
    known
        .into_iter()
        .map(|word| (strsim::osa_distance(&folded, &word.to_lowercase()), word))
        .filter(|(edits, _)| *edits <= most)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["actor", "action", "user", "outcome"];
        for (typed, meant) in [
            ("usr", Some("user")),
            ("User", Some("user")),
            ("acotr", Some("actor")),
            ("outcmoe", Some("outcome")),
            ("x", None),
            ("flavour", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }
}
