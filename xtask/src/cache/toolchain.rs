//! Place of Postgres, as an earlier run found it: asking `pg_config` and the server for its version
//! takes two processes, before which nothing else can start.

use camino::{Utf8Path, Utf8PathBuf};

use crate::os::interrupt::Interrupt;
use crate::os::store::{Key, Store, stamp};
use crate::postgres::binaries::{Binaries, Places};
use crate::postgres::provision::{self, Programs};
use model::report::Source;

/// The kind of entry that such a place is.
const KIND: &str = "postgres";
/// Programs that must be unchanged there.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

/// As [`provision::find`], from the answer of an earlier run if neither the places before nor the
/// programs have changed. Fails as that does.
pub fn find(
    places: &Places,
    allowed: bool,
    cache: Option<&Store>,
    interrupt: &Interrupt,
) -> anyhow::Result<Programs> {
    let Some(cache) = cache else { return provision::find(places, allowed, interrupt) };
    let key = key(places);
    let known = cache.read(KIND, &key).and_then(|known| String::from_utf8(known).ok());
    if let Some(dir) = known.as_deref().and_then(still_there) {
        return Ok(Programs::There(Binaries { dir, source: Source::Local }));
    }
    let found = provision::find(places, allowed, interrupt)?;
    if let Programs::There(Binaries { dir, source: Source::Local }) = &found {
        // A result that cannot be kept is looked for again.
        let _ = cache.write(KIND, &key, told(dir).as_bytes());
    }
    Ok(found)
}

/// The places to look at, as a key.
fn key(places: &Places) -> String {
    let path = places.path.clone().unwrap_or_default();
    let named = places.named.as_deref().map_or("", Utf8Path::as_str);
    let mut key = Key::new(KIND).with("path", path.as_encoded_bytes()).with("named", named);
    for name in ["postgres", "pg_config"] {
        let found = which::which_in_all(name, places.path.as_ref(), "/").into_iter().flatten();
        for program in found.filter_map(|program| Utf8PathBuf::from_path_buf(program).ok()) {
            key = key.with_stamp(&program);
        }
    }
    key.finish()
}

/// The folder and its programs, a line each.
fn told(dir: &Utf8Path) -> String {
    let stamps = PROGRAMS.map(|name| stamp(&dir.join(name)).unwrap_or_default());
    format!("{dir}\n{}", stamps.join("\n"))
}

fn still_there(known: &str) -> Option<Utf8PathBuf> {
    let dir = Utf8Path::new(known.lines().next()?);
    let there = PROGRAMS.iter().all(|name| dir.join(name).is_file());
    (there && told(dir) == known).then(|| dir.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use camino::Utf8Path;

    use super::{PROGRAMS, still_there, told};

    #[test]
    fn changed_programs_are_looked_for_again() {
        let dir = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(dir.path()).unwrap();
        assert_eq!(still_there(&told(dir)), None, "nothing is there");
        PROGRAMS.iter().for_each(|name| fs::write(dir.join(name), "").unwrap());
        let known = told(dir);
        assert_eq!(still_there(&known).as_deref(), Some(dir));
        fs::write(dir.join("postgres"), "another").unwrap();
        assert_eq!(still_there(&known), None);
        assert_eq!(still_there(""), None);
    }
}
