//! Objects of the repository, many in one call.

use std::io::{Seek, Write};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::repository::Git;
use crate::os::process;

impl Git<'_> {
    /// The bytes of objects by their names (`COMMIT:FILE`), in order; `None` for those that are not
    /// here.
    pub(super) fn objects(&self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        let said = self.batch("--batch", names)?;
        let (mut rest, mut found) = (said.as_slice(), Vec::new());
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (header, after) = rest.split_at(end);
            rest = &after[1..];
            let Some(size) = size(header) else {
                found.push(None);
                continue;
            };
            let bytes = rest.get(..size).context("git ended in the middle of an object")?;
            found.push(Some(bytes.to_vec()));
            rest = rest.get(size + 1..).unwrap_or_default();
        }
        Ok(found)
    }

    /// The ids of objects by their names, in order; `None` for those that are not here.
    pub(super) fn ids(&self, names: &[String]) -> Result<Vec<Option<String>>> {
        let said = self.batch("--batch-check", names)?;
        let lines = said.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let id = |line: &[u8]| {
            size(line)?;
            let id = line.split(|byte| *byte == b' ').next()?;
            Some(String::from_utf8_lossy(id).into_owned())
        };
        Ok(lines.map(id).collect())
    }

    fn batch(&self, how: &str, names: &[String]) -> Result<Vec<u8>> {
        self.feed(&["cat-file", how], names)
    }

    /// The output of a call that reads these lines.
    pub(super) fn feed(&self, arguments: &[&str], names: &[String]) -> Result<Vec<u8>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut input = tempfile::tempfile().context("cannot make a temporary file")?;
        for name in names {
            // A name with a line break in it would be read as two; such a file is not there.
            writeln!(input, "{}", name.replace('\n', "?")).context("cannot ask git")?;
        }
        input.rewind().context("cannot ask git")?;
        process::answer(self.command(arguments), Stdio::from(input), self.limits())
    }
}

/// The size in `ID TYPE SIZE`; `None` where it says that there is no such object.
fn size(header: &[u8]) -> Option<usize> {
    let header = std::str::from_utf8(header).ok()?;
    if header.ends_with(" missing") || header.ends_with(" ambiguous") {
        return None;
    }
    header.rsplit(' ').next()?.parse().ok()
}
