//! Which pages of the catalogues were written since a look, by the files of a private cluster.
//!
//! A page begins with the place in the log where its last change ends. So what there is to look at is
//! known without asking Postgres for every row of its catalogues: at 2,000 tables they are 100,000, and
//! one migration writes thirty. After a checkpoint the files hold what Postgres does.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::session::Session;

/// A place in the log, in bytes from its beginning.
pub(super) type Lsn = u64;
/// Says where the log ends, and then whether somebody writes to this database who was not done by then;
/// also how large a page is.
const WHERE: &str = "\
SELECT pg_current_wal_insert_lsn() - '0/0' AS lsn, current_setting('block_size') AS size;
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL) AS busy";
/// What of a page's header is read: the log's place, and where its line pointers end, which begin here.
const HEADER: usize = 24;
/// The size of a line pointer.
const POINTER: usize = 4;

/// One page, and how many line pointers it has.
pub(super) type Page = (u32, u16);

/// What was written.
pub(super) struct Written {
    /// How many pages each catalogue has.
    pub(super) lengths: Vec<u32>,
    /// The pages of each that were written.
    pub(super) pages: Vec<Vec<Page>>,
}

impl Written {
    /// What was written in these catalogues since, as far as the files say it: where they do not, all of
    /// them are read. And up to where in the log everything is over by now; `None`: others still write.
    pub(super) fn since(
        lsn: Option<Lsn>,
        data: &Path,
        session: &mut Session<'_>,
        catalogues: &[&str],
    ) -> Result<(Option<Lsn>, Option<Written>)> {
        let names = catalogues.join(",");
        let asked = format!(
            "{WHERE};\nSELECT pg_relation_filepath(c) AS path \
             FROM unnest('{{{names}}}'::regclass[]) WITH ORDINALITY u(c, n) ORDER BY n;\nCHECKPOINT"
        );
        // There may be no room for a checkpoint, and there is enough for a look.
        let all = lsn.and_then(|_| session.rows(&asked).ok());
        let rows = all.map_or_else(|| session.rows(WHERE), Ok)?;
        let cells = || rows.iter().flatten();
        let cell = |name| cells().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let now = cell("lsn").and_then(|text| text.parse().ok());
        let now: Lsn = now.context("no row says where the log ends")?;
        let size = cell("size").and_then(|text| text.parse().ok());
        let size: usize = size.context("no row says how large a page is")?;
        let paths = cells().filter(|(name, _)| name == "path").map(|(_, path)| data.join(path));
        let paths: Vec<PathBuf> = paths.collect();
        // Where it is later than now, it is of another log.
        let since = lsn.filter(|lsn| *lsn <= now && paths.len() == catalogues.len());
        let written = since.and_then(|since| {
            let read = paths.iter().map(|path| read(path, size, since));
            let (lengths, pages) = read.collect::<io::Result<Vec<_>>>().ok()?.into_iter().unzip();
            Some(Written { lengths, pages })
        });
        Ok(((cell("busy") == Some("f")).then_some(now), written))
    }
}

/// How many pages a file has, and which of them were written since.
fn read(path: &PathBuf, size: usize, since: Lsn) -> io::Result<(u32, Vec<Page>)> {
    let file = File::open(path)?;
    let length = file.metadata()?.len() / size as u64;
    let length = u32::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut pages = Vec::new();
    for page in 0..length {
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, u64::from(page) * size as u64)?;
        let [a, b, c, d, e, f, g, h, _, _, _, _, low, high, ..] = header;
        let half = |bytes| u64::from(u32::from_ne_bytes(bytes));
        if half([a, b, c, d]) << 32 | half([e, f, g, h]) > since {
            let end = usize::from(u16::from_ne_bytes([low, high]));
            let pointers = end.saturating_sub(HEADER) / POINTER;
            pages.push((page, u16::try_from(pointers).unwrap_or(u16::MAX)));
        }
    }
    Ok((length, pages))
}
