//! Asks whose rows in the catalogues were written or are gone (`stamps.sql`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::OnceLock;

use anyhow::{Context, Result};

use super::pages::{Lsn, Page, Written};
use super::seen::Row;

const TEXT: &str = include_str!("stamps.sql");
/// What stands in it for the pages that are read.
const PAGES: &str = "$pages";

/// Where rows are that count: the number of the catalogue, and of the page in it.
pub(super) type Place = (u16, u32);
/// The oid of a relation whose rows they are, or one of these.
pub(super) type Owner = u32;
/// Belongs to no relation.
pub(super) const NONE: Owner = 0;
/// May be named by what does.
pub(super) const NAMED: Owner = 1;
/// For each owner the sum of the places of its rows.
pub(super) type Sums = Vec<(Owner, i64)>;

/// The statements of `stamps.sql`.
pub(super) struct Statements {
    /// Where a look is, and what is read each time.
    pub(super) now: &'static str,
    /// The catalogues' names.
    pub(super) names: Vec<&'static str>,
    /// Asks all catalogues what was written since $1.
    pub(super) whole: String,
    /// Asks each of them, of the rows whose places are in $2.
    pub(super) paged: Vec<String>,
}

/// What the catalogues say.
#[derive(Clone)]
pub(super) struct Stamps {
    /// The oid of the database: another one of that name has another; `None`: a copy that was not looked
    /// at yet.
    pub(super) database: Option<String>,
    /// Whether it was a superuser who looked.
    pub(super) superuser: bool,
    /// The oldest transaction whose effects a look may not have seen.
    pub(super) began: String,
    /// What all databases share that definitions may name.
    pub(super) names: String,
    /// Whether a text of a query belongs to no relation.
    pub(super) follows: bool,
    /// The pages that were read; `None`: all.
    pub(super) read: Option<BTreeSet<Place>>,
    /// What is in them.
    pub(super) sums: BTreeMap<Place, Sums>,
    /// Whose rows were written.
    pub(super) written: BTreeSet<Owner>,
    /// Where the log ended, and all before was over; `None`: that is not known.
    pub(super) lsn: Option<Lsn>,
}

impl Statements {
    /// The one copy of them.
    pub(super) fn get() -> &'static Statements {
        static ALL: OnceLock<Statements> = OnceLock::new();
        ALL.get_or_init(|| {
            let mut statements = TEXT.trim_end().trim_end_matches(';').split(";\n");
            let now = statements.next().unwrap_or_default();
            let catalogues: Vec<&str> = statements.collect();
            let name = |sql: &&'static str| {
                let head = sql.split(PAGES).next().unwrap_or_default();
                let from = head.rsplit("FROM ").next().unwrap_or_default();
                from.split_whitespace().next().unwrap_or_default()
            };
            let numbered = || catalogues.iter().enumerate();
            let whole = numbered().map(|(number, sql)| asked(number, sql, "true"));
            let paged = numbered().map(|(number, sql)| asked(number, sql, "ctid = ANY ($2)"));
            Statements {
                now,
                names: catalogues.iter().map(name).collect(),
                whole: whole.collect::<Vec<_>>().join(" UNION ALL\n"),
                paged: paged.collect(),
            }
        })
    }
}

/// Asks one catalogue: a line for each page and owner.
fn asked(number: usize, sql: &str, pages: &str) -> String {
    let rows = sql.replace(PAGES, pages);
    format!(
        "SELECT string_agg(concat_ws(' ', {number}, page, owner, coalesce(places::text, '-'), CASE WHEN is_new THEN 'new' END), E'\\n') AS stamps
  FROM (SELECT (ctid::text::point)[0]::int8 AS page, owner, sum(hashtid(ctid)) FILTER (WHERE counts) AS places, bool_or(age(xmin) <= age($1)) AS is_new
          FROM ({rows}) AS r
         WHERE owner IS NOT NULL AND (counts OR age(xmin) <= age($1)) GROUP BY 1, 2) AS p"
    )
}

/// The places of all rows that may be in some pages, as a literal.
pub(super) fn places(pages: &[Page]) -> String {
    let mut literal = "'{".to_owned();
    for (page, rows) in pages {
        for row in 1..=*rows {
            let comma = if literal.ends_with('{') { "" } else { "," };
            // Writing to a text does not fail.
            let _ = write!(literal, "{comma}\"({page},{row})\"");
        }
    }
    literal + "}'"
}

impl Stamps {
    /// Of the rows that the statements return.
    pub(super) fn of(rows: &[Row], written: Option<&Written>, lsn: Option<Lsn>) -> Result<Stamps> {
        let cells = || rows.iter().flatten();
        let cell = |name| cells().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let database = cell("database").context("no row says which database it is")?;
        let mut stamps = Stamps {
            database: Some(database.to_owned()),
            superuser: cell("superuser") == Some("t"),
            began: cell("began").context("no row says when a look began")?.to_owned(),
            names: cell("names").unwrap_or_default().to_owned(),
            follows: cell("follows") == Some("t"),
            read: written.map(Written::places),
            sums: BTreeMap::new(),
            written: BTreeSet::new(),
            lsn,
        };
        for line in cells().filter(|(name, _)| name == "stamps").flat_map(|(_, v)| v.lines()) {
            stamps.add(line).with_context(|| format!("cannot read what was written: {line}"))?;
        }
        Ok(stamps)
    }

    /// Takes in a line that [`asked`] asks for.
    fn add(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let place = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let owner = words.next()?.parse().ok()?;
        let sum = words.next()?;
        if sum != "-" {
            self.sums.entry(place).or_default().push((owner, sum.parse().ok()?));
        }
        if words.next().is_some() {
            self.written.insert(owner);
        }
        Some(())
    }
}

impl Written {
    fn places(&self) -> BTreeSet<Place> {
        let numbered = (0..).zip(&self.pages);
        numbered.flat_map(|(at, pages)| pages.iter().map(move |page| (at, page.0))).collect()
    }
}
