//! Globs of path filters: GitHub's own, those of the actions that detect changes, and git's.

/// How `*` and a plain path are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `paths:` of a workflow: `*` stays in a folder, and a folder is no file.
    GitHub,
    /// Words after `--`: `*` crosses folders, and a folder is all that it holds.
    Git,
}

/// Whether a list of patterns takes a path. The last that matches decides; `!` takes out again.
pub fn takes(patterns: &[String], path: &str, dialect: Dialect) -> bool {
    let mut taken = false;
    for pattern in patterns {
        let out = match dialect {
            Dialect::GitHub => pattern.strip_prefix('!'),
            Dialect::Git => pattern.strip_prefix(":!").or(pattern.strip_prefix(":(exclude)")),
        };
        if matches(out.unwrap_or(pattern), path, dialect) {
            taken = out.is_none();
        }
    }
    taken
}

fn matches(pattern: &str, path: &str, dialect: Dialect) -> bool {
    if dialect == Dialect::GitHub {
        return glob(pattern.as_bytes(), path.as_bytes(), false);
    }
    let pattern = pattern.trim_start_matches(":/").trim_start_matches("./");
    let folder = pattern.trim_end_matches('/');
    let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    folder.is_empty()
        || folder == "."
        || path.strip_prefix(folder).is_some_and(below)
        || glob(folder.as_bytes(), path.as_bytes(), true)
}

/// `*`, `**` and `?`; each byte of the path is looked at once for each star, and no more.
fn glob(pattern: &[u8], path: &[u8], crosses: bool) -> bool {
    // The prefixes of the pattern that match the path read so far.
    let stars = |at: usize| pattern[at..].iter().take_while(|byte| **byte == b'*').count();
    let mut states = vec![false; pattern.len() + 1];
    let settle = |states: &mut Vec<bool>| {
        for at in 0..pattern.len() {
            if states[at] && pattern[at] == b'*' {
                let count = stars(at);
                states[at + count] = true;
                // `**/` takes no folder, too.
                if count > 1 && pattern.get(at + count) == Some(&b'/') {
                    states[at + count + 1] = true;
                }
            }
        }
    };
    states[0] = true;
    settle(&mut states);
    for byte in path {
        let mut next = vec![false; pattern.len() + 1];
        for at in (0..pattern.len()).filter(|at| states[*at]) {
            match pattern[at] {
                b'*' if *byte != b'/' || crosses || stars(at) > 1 => next[at] = true,
                b'*' => {}
                b'?' if *byte != b'/' => next[at + 1] = true,
                literal if literal == *byte => next[at + 1] = true,
                _ => {}
            }
        }
        settle(&mut next);
        states = next;
    }
    states[pattern.len()]
}

#[cfg(test)]
mod tests {
    use super::{Dialect, takes};

    #[track_caller]
    fn check(patterns: &str, path: &str, dialect: Dialect, expected: bool) {
        let patterns: Vec<String> = patterns.split(' ').map(ToOwned::to_owned).collect();
        assert_eq!(takes(&patterns, path, dialect), expected, "{patterns:?} {path}");
    }

    #[test]
    fn patterns_take_what_github_and_git_take() {
        use Dialect::{Git, GitHub};
        check("console/migrations/**", "console/migrations/versions/1.py", GitHub, true);
        check("console/migrations/*", "console/migrations/versions/1.py", GitHub, false);
        check("console/migrations", "console/migrations/env.py", GitHub, false);
        check("**/*.py", "a.py", GitHub, true);
        check("**/env.py", "console/migrations/env.py", GitHub, true);
        check("** !xtask/**", "xtask/src/main.rs", GitHub, false);
        check("console/migrations", "console/migrations/env.py", Git, true);
        check("console/", "console2/x", Git, false);
        check("*.py", "console/migrations/env.py", Git, true);
        check(". :!xtask", "xtask/a", Git, false);
    }
}
