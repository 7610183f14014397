//! An ini file as Python's `ConfigParser` reads it, as far as Alembic uses that.

use std::collections::BTreeMap;

/// How deep a value may refer to values that refer to values: Python's own limit.
const MAX_DEPTH: u32 = 10;

/// The sections of an ini file.
#[derive(Clone, Debug, Default)]
pub struct Ini {
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

impl Ini {
    /// Reads the text of an ini file. Lines that are no section, option or comment are passed over,
    /// although Python would refuse the file.
    pub fn parse(text: &str) -> Ini {
        let mut ini = Ini::default();
        let mut section: Option<String> = None;
        // The option that an indented line belongs to, and how far it was indented itself.
        let mut open: Option<(String, usize)> = None;
        for line in text.trim_start_matches('\u{feff}').lines() {
            let trimmed = line.trim();
            let indent = line.len() - line.trim_start().len();
            if trimmed.starts_with(['#', ';']) {
                continue;
            }
            let current = section.as_ref().and_then(|name| ini.sections.get_mut(name));
            if let (Some((option, at)), Some(current)) = (&open, current)
                && (trimmed.is_empty() || indent > *at)
            {
                let value = current.entry(option.clone()).or_default();
                value.push('\n');
                value.push_str(trimmed);
                continue;
            }
            if trimmed.is_empty() {
                continue;
            }
            open = None;
            if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                ini.sections.entry(name.0.to_owned()).or_default();
                section = Some(name.0.to_owned());
            } else if let (Some(name), Some(at)) = (&section, trimmed.find(['=', ':'])) {
                let option = trimmed[..at].trim().to_lowercase();
                let value = trimmed[at + 1..].trim().to_owned();
                ini.sections.entry(name.clone()).or_default().insert(option.clone(), value);
                open = Some((option, indent));
            }
        }
        for value in ini.sections.values_mut().flat_map(BTreeMap::values_mut) {
            value.truncate(value.trim_end().len());
        }
        ini
    }

    /// Whether the ini has a section of this name.
    pub fn has(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    /// The names of the sections.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    /// The names of a section's own options.
    pub fn options(&self, section: &str) -> impl Iterator<Item = &str> {
        self.sections.get(section).into_iter().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// The value of an option with its references resolved: first from its section, then from
    /// `[DEFAULT]`, then from `defaults`. `Err` with a sentence for a reference without a target.
    pub fn get(
        &self,
        section: &str,
        option: &str,
        defaults: &[(&str, &str)],
    ) -> Result<Option<String>, String> {
        if !self.has(section) {
            return Ok(None);
        }
        match self.raw(section, option, defaults) {
            None => Ok(None),
            Some(raw) => self.fill_in(section, option, raw, defaults, 0).map(Some),
        }
    }

    fn raw<'a>(
        &'a self,
        section: &str,
        option: &str,
        defaults: &[(&'a str, &'a str)],
    ) -> Option<&'a str> {
        let of = |section: &str| self.sections.get(section)?.get(option).map(String::as_str);
        let default = || defaults.iter().find(|(name, _)| *name == option).map(|(_, value)| *value);
        of(section).or_else(|| of("DEFAULT")).or_else(default)
    }

    fn fill_in(
        &self,
        section: &str,
        option: &str,
        raw: &str,
        defaults: &[(&str, &str)],
        depth: u32,
    ) -> Result<String, String> {
        let bad = |what: &str| Err(format!("`{option}` {what}"));
        if depth > MAX_DEPTH {
            return bad("refers to itself");
        }
        let mut out = String::new();
        let mut rest = raw;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                out.push('%');
                rest = after;
            } else if let Some((name, after)) =
                rest.strip_prefix('(').and_then(|rest| rest.split_once(")s"))
            {
                let Some(value) = self.raw(section, &name.to_lowercase(), defaults) else {
                    return bad(&format!("refers to `{name}`, which is not set"));
                };
                out.push_str(&self.fill_in(section, option, value, defaults, depth + 1)?);
                rest = after;
            } else {
                return bad("has a `%` that is neither `%%` nor `%(name)s`");
            }
        }
        out.push_str(rest);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::Ini;

    #[track_caller]
    fn check(text: &str, option: &str, expected: Result<Option<&str>, &str>) {
        let found = Ini::parse(text).get("alembic", option, &[("here", "/h")]);
        let expected = expected.map(|v| v.map(str::to_owned)).map_err(str::to_owned);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values_are_read_as_python_reads_them() {
        check("[alembic]\nA = b # c\n", "a", Ok(Some("b # c")));
        check("[alembic]\na: b=c\n", "a", Ok(Some("b=c")));
        check("[alembic]\n# x\na = b\n  c\n\n  d\n\n[e]\na = f\n", "a", Ok(Some("b\nc\n\nd")));
        check("[alembic]\na =\n  b\n  # x\n  c\n", "a", Ok(Some("\nb\nc")));
        check("[other]\na = b\n", "a", Ok(None));
        check("[DEFAULT]\na = b\n[alembic]\n", "a", Ok(Some("b")));
        check("[alembic]\na = b\na = c\n", "a", Ok(Some("c")));
    }

    #[test]
    fn references_are_filled_in() {
        check("[alembic]\na = %(here)s/m\n", "a", Ok(Some("/h/m")));
        check("[alembic]\nb = x\na = %(B)s%%%(here)s\n", "a", Ok(Some("x%/h")));
        check("[alembic]\na = %(no)s\n", "a", Err("`a` refers to `no`, which is not set"));
        check("[alembic]\na = %(a)s\n", "a", Err("`a` refers to itself"));
        check(
            "[alembic]\na = 50%\n",
            "a",
            Err("`a` has a `%` that is neither `%%` nor `%(name)s`"),
        );
    }
}
