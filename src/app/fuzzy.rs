//! Ranks candidates by what was typed. The only file that names the crate fuzzy-matcher.

use fuzzy_matcher::FuzzyMatcher as _;
use fuzzy_matcher::skim::SkimMatcherV2;

/// A candidate that matches, and which of its characters do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// Its place in the list that was ranked.
    pub index: usize,
    /// Matched characters, by number of the character.
    pub hits: Vec<usize>,
}

/// The candidates that match, best first; all of them, as they stand, when nothing was typed.
/// Candidates of equal rank keep their order.
pub fn rank<'c>(typed: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<Ranked> {
    let matcher = SkimMatcherV2::default().ignore_case();
    let mut scored: Vec<_> = candidates
        .into_iter()
        .enumerate()
        .filter_map(|(index, candidate)| {
            if typed.is_empty() {
                return Some((
                    0,
                    Ranked {
                        index,
                        hits: Vec::new(),
                    },
                ));
            }
            let (score, hits) = matcher.fuzzy_indices(candidate, typed)?;
            Some((score, Ranked { index, hits }))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, ranked)| ranked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_match_comes_first_and_others_go() {
        let ranked = rank("dlp", ["DescribePod", "DeletePod", "Login"]);
        let order: Vec<_> = ranked.iter().map(|ranked| ranked.index).collect();
        assert_eq!(order.first(), Some(&1));
        assert!(!order.contains(&2));
    }

    #[test]
    fn nothing_typed_keeps_the_order() {
        let ranked = rank("", ["b", "a"]);
        assert_eq!(ranked.iter().map(|r| r.index).collect::<Vec<_>>(), [0, 1]);
    }
}
