//! Data folders at rest: what `initdb` makes takes most of a second, and is the same each time.
//!
//! So it is made once for each build of Postgres, kept as one file, and laid out anew for each run.
//! What `initdb` makes differently each time is the system identifier, by which servers tell whether
//! a log is theirs. Each copy gets its own: no tool sets it, so it is set where Postgres keeps it,
//! in the control file and in the log's first page, and only where both are found to hold what they
//! must. The server that starts on the copy is asked for it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::User;

use super::binaries::Binaries;
use super::cluster::{self, Cluster, LOCALE};
use super::session::Session;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::kept::{Kept, Key};
use crate::drivers::pack::Pack;

/// The kind of entry that a fresh data folder is.
const KIND: &str = "fresh";
/// Grows when another data folder would be made from the same things.
const FORMAT: &str = "1";
/// The control file lies in one sector of a disk, which is written whole or not at all.
const CONTROL_MAX: usize = 512;
/// Where the identifier lies in the first page of each segment of the log.
const IN_LOG: usize = 24;

/// A data folder that is not there yet.
#[derive(Clone)]
pub struct Resting {
    pack: Arc<Pack>,
}

impl Resting {
    /// Reads what lies in a folder on which no server runs.
    pub fn of_folder(data: &Utf8Path, note: String, interrupt: &Interrupt) -> Result<Resting> {
        Ok(Resting { pack: Arc::new(Pack::of_folder(data, note, &is_kept, interrupt)?) })
    }

    /// Reads the data folder of a server that runs, at a moment at which nobody writes to it. After a
    /// checkpoint all is in the files, and a server that starts on a copy finds nothing to do again
    /// in the log. Of the log, whose old segments Postgres keeps for later, that alone is taken.
    pub fn of_quiet(cluster: &Cluster, note: String, interrupt: &Interrupt) -> Result<Resting> {
        let mut session = Session::open(&cluster.endpoint, "postgres", interrupt)?;
        session.execute("CHECKPOINT")?;
        let log = session.rows(
            "SELECT pg_walfile_name(redo_lsn) AS first, \
             pg_walfile_name(pg_current_wal_insert_lsn()) AS last FROM pg_control_checkpoint()",
        )?;
        let [(_, first), (_, last)] = log.first().map_or(&[][..], Vec::as_slice) else {
            bail!("the server does not say where its log begins");
        };
        let wanted = |name: &str| {
            let log = !is_segment(name) || (first.as_str()..=last.as_str()).contains(&name);
            log && is_kept(name) && !name.starts_with("mmap.")
        };
        Ok(Resting { pack: Arc::new(Pack::of_folder(&cluster.data, note, &wanted, interrupt)?) })
    }

    /// Takes it from the cache; `None` where it is not there, or was damaged.
    pub fn take(cache: &Kept, kind: &str, key: &str) -> Option<Resting> {
        let (file, length) = cache.open(kind, key)?;
        let pack = Pack::from_file(file, length);
        if pack.is_none() {
            cache.discard(kind, key);
        }
        Some(Resting { pack: Arc::new(pack?) })
    }

    /// Puts it into the cache.
    pub fn keep_as(&self, cache: &Kept, kind: &str, key: &str) -> Result<()> {
        let (begins, rest) = self.pack.to_bytes()?;
        cache.write_parts(kind, key, &[&begins, rest])
    }

    /// Puts a fresh one into the cache.
    pub fn keep(&self, cache: &Kept, key: &str) -> Result<()> {
        self.keep_as(cache, KIND, key)
    }

    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        self.pack.size()
    }

    /// What was noted when it came to rest.
    pub fn note(&self) -> &str {
        self.pack.note()
    }

    /// Lays it out as the data folder of a server that runs as `user`, and returns the system
    /// identifier that it has now.
    pub fn lay_out(
        &self,
        data: &Utf8Path,
        user: Option<&User>,
        interrupt: &Interrupt,
    ) -> Result<u64> {
        let owner = user.map(|user| (user.uid.as_raw(), user.gid.as_raw()));
        self.pack.lay_out(data, owner, interrupt)?;
        let id = new_identifier();
        identify(data, id)
            .with_context(|| format!("cannot give `{data}` an identifier of its own"))?;
        Ok(id)
    }
}

/// The key of the data folder that a build of Postgres makes.
pub fn key_of_fresh(binaries: &Binaries) -> String {
    let mut key = Key::new(KIND).with("format", FORMAT).with("locale", LOCALE);
    for argument in cluster::INITDB_OPTIONS {
        key = key.with("option", argument);
    }
    for name in ["postgres", "initdb"] {
        key = key.with_stamp(&binaries.dir.join(name));
    }
    key.finish()
}

/// The data folder that a build of Postgres makes, from the cache.
pub fn fresh(cache: &Kept, binaries: &Binaries) -> Option<Resting> {
    Resting::take(cache, KIND, &key_of_fresh(binaries))
}

/// Keeps what `initdb` made, before a server runs on it.
pub fn keep_fresh(
    cache: &Kept,
    binaries: &Binaries,
    data: &Utf8Path,
    interrupt: &Interrupt,
) -> Result<()> {
    let resting = Resting::of_folder(data, binaries.dir.join("initdb").to_string(), interrupt)?;
    resting.keep(cache, &key_of_fresh(binaries))
}

/// Forgets what turned out to be of no use.
pub fn discard_fresh(cache: &Kept, binaries: &Binaries) {
    cache.discard(KIND, &key_of_fresh(binaries));
}

/// As Postgres makes one: the seconds, the microseconds, and the end of the process id.
fn new_identifier() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_secs() << 32)
        | (u64::from(now.subsec_micros()) << 12)
        | u64::from(std::process::id() & 0xfff)
}

/// Sets the system identifier of a data folder.
fn identify(data: &Utf8Path, id: u64) -> Result<()> {
    let path = data.join("global/pg_control");
    let mut control = fs::read(&path).with_context(|| format!("cannot read `{path}`"))?;
    let old = control.first_chunk::<8>().copied().context("the control file is empty")?;
    let sum_at = sum_place(&control).context("the control file has no checksum")?;
    let mut segments = 0;
    for segment in segments_of(&data.join("pg_wal"))? {
        let file = File::options().read(true).write(true).open(&segment);
        let file = file.with_context(|| format!("cannot open `{segment}`"))?;
        let mut there = [0; 8];
        file.read_exact_at(&mut there, IN_LOG as u64)
            .with_context(|| format!("cannot read `{segment}`"))?;
        // A segment that is not in use yet holds none.
        if there == old {
            file.write_all_at(&id.to_ne_bytes(), IN_LOG as u64)
                .with_context(|| format!("cannot write `{segment}`"))?;
            segments += 1;
        }
    }
    if segments == 0 {
        bail!("the log does not hold the identifier of the control file");
    }
    control[..8].copy_from_slice(&id.to_ne_bytes());
    let sum = crc32c(&control[..sum_at]);
    control[sum_at..sum_at + 4].copy_from_slice(&sum.to_ne_bytes());
    // In place, so that its owner stays.
    let file = File::options().write(true).open(&path);
    file.and_then(|file| file.write_all_at(&control, 0))
        .with_context(|| format!("cannot write `{path}`"))
}

fn segments_of(log: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    let entries = log.read_dir_utf8().with_context(|| format!("cannot read `{log}`"))?;
    let segments = entries.filter_map(|entry| Some(entry.ok()?.into_path()));
    Ok(segments.filter(|path| path.file_name().is_some_and(is_segment)).collect())
}

/// Whether it is what a segment of the log is called.
fn is_segment(name: &str) -> bool {
    name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether it belongs to a data folder and not to the server on it.
fn is_kept(name: &str) -> bool {
    name != "postmaster.pid" && name != "postmaster.opts"
}

/// Where the checksum of a control file lies: where a number is the checksum of all before it.
fn sum_place(control: &[u8]) -> Option<usize> {
    let mut sum = !0_u32;
    for (at, word) in control.chunks_exact(4).enumerate().take(CONTROL_MAX / 4) {
        if at > 2 && word == (!sum).to_ne_bytes() {
            return Some(at * 4);
        }
        sum = more_of_crc32c(sum, word);
    }
    None
}

/// The checksum that Postgres protects its control file with (CRC-32C).
fn crc32c(bytes: &[u8]) -> u32 {
    !more_of_crc32c(!0, bytes)
}

fn more_of_crc32c(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0x82f6_3b78 & 0_u32.wrapping_sub(sum & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{crc32c, sum_place};

    #[test]
    fn the_checksum_is_found_where_it_is() {
        // The check value of CRC-32C.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        let mut control: Vec<u8> = (0..200).collect();
        assert_eq!(sum_place(&control), None);
        let sum = crc32c(&control[..120]);
        control[120..124].copy_from_slice(&sum.to_ne_bytes());
        assert_eq!(sum_place(&control), Some(120));
    }
}
