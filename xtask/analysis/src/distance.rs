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
    strsim::osa_distance(a, b)
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
