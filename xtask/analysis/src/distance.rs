//! Distance of two words, for the search of the intended one.

/// The number of characters to insert, delete, replace or swap with their neighbour. Numbers that
/// differ only in leading zeros have the least distance.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        digits.then(|| text.trim_start_matches('0').to_owned())
    };
    if let (Some(a), Some(b)) = (number(a), number(b))
        && a == b
    {
        return 0;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("a", "a", 0), ("12", "0012", 0), ("abcd", "abdc", 1), ("ab", "b", 1), ("", "ab", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
