//! Did-you-mean: the known word closest to a mistyped one.

/// The candidate that differs from `word` by the fewest typing mistakes (a letter more, less,
/// different, or two swapped), if few enough that it may have been meant. Case does not count.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let typed: Vec<char> = word.to_lowercase().chars().collect();
    // A word this long is no slip, and comparing costs the square of its length.
    if typed.len() > 64 {
        return None;
    }
    let allowed = match typed.len() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let known: Vec<char> = candidate.to_lowercase().chars().collect();
            let mistakes = mistakes(&typed, &known);
            // Nothing of the word left is no likeness.
            (mistakes <= allowed && mistakes < typed.len().max(known.len()))
                .then_some((mistakes, candidate))
        })
        .min_by_key(|(mistakes, _)| *mistakes)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance, three rows at a time.
fn mistakes(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (row, x) in a.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, y) in b.iter().enumerate() {
            let mut best = (above[column] + usize::from(x != y))
                .min(above[column + 1] + 1)
                .min(current[column] + 1);
            if row > 0 && column > 0 && *x == b[column - 1] && a[row - 1] == *y {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let words = ["actor", "action", "outcome", "at"];
        for (typed, meant) in [
            ("acotr", Some("actor")),
            ("Actoin", Some("action")),
            ("outcom", Some("outcome")),
            ("ta", Some("at")),
            ("zebra", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
        assert_eq!(nearest(&"a".repeat(100_000), words), None);
    }
}
