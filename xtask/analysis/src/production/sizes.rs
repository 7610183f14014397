//! Sizes of the tables in production, as `production.csv` has them, and how long work on them takes.

use std::collections::BTreeMap;

/// The days after which sizes are old.
const OLD: i64 = 90;
/// From how many reads or writes a second a table is hot.
const HOT: (f64, f64) = (100.0, 10.0);

/// Contents of `production.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sizes {
    tables: BTreeMap<String, Size>,
    rates: BTreeMap<Work, f64>,
    /// The day of the export, as written.
    pub on: String,
}

/// Size of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// About how many rows.
    pub rows: u64,
    /// Its bytes, without indexes.
    pub bytes: f64,
    /// The bytes of its indexes.
    pub index_bytes: f64,
    /// How often it is read in a second.
    pub reads: f64,
    /// The number of its rows written in a second.
    pub writes: f64,
}

/// How large a table is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Extent {
    /// By `production.csv`.
    Known(Size),
    /// The migrations themselves give it a few rows: in production it may be as small.
    Seeded(u64),
    /// Unknown.
    Unknown,
}

/// A kind of work on a whole table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// The table is read.
    Scan,
    /// Its rows are looked up elsewhere.
    ForeignKey,
    /// An index is built.
    Index,
    /// The table is rewritten.
    Rewrite,
    /// Its rows are changed.
    Update,
}

impl Work {
    /// The rates are medians in one digit, but for that of an update: bytes of a table (its 3 indexes: as
    /// many) in a second, on Postgres 15 with the settings of `initdb`, 8 million rows in 1.07 GB that the
    /// system had in memory, a local disk and 2 cores that others used too. A scan is SET NOT NULL or a
    /// check, 560 to 1300 MB; a foreign key points to 500,000 rows, 70 to 130; an index is on 64 random
    /// characters, 24 to 56 (on a bigint 120 to 240); a rewrite is integer to bigint without indexes, 52 to
    /// 102. An update sets one column of all rows, 16 to 37 with a primary key alone, 1 to 2 with two
    /// indexes more: its rate is chosen between the two.
    const ALL: [(Work, &'static str, f64); 5] = [
        (Work::Scan, "scan", 800e6),
        (Work::ForeignKey, "foreign_key", 90e6),
        (Work::Index, "index", 40e6),
        (Work::Rewrite, "rewrite", 70e6),
        (Work::Update, "update", 5e6),
    ];

    /// Bytes a second by default.
    fn rate(self) -> f64 {
        Work::ALL.iter().find(|(work, ..)| *work == self).map_or(1e6, |(.., rate)| *rate)
    }
}

impl Sizes {
    /// Reads the file. A line `# rate scan 200` gives the megabytes a second of a kind of work.
    /// Fails with the number of the line that cannot be read.
    pub fn read(text: &str) -> Result<Sizes, usize> {
        let mut sizes = Sizes::default();
        let mut names: Vec<String> = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                let words: Vec<&str> = comment.split_whitespace().collect();
                if let ["rate", name, rate] = words.as_slice() {
                    let work = Work::ALL.iter().find(|(_, known, _)| known == name);
                    let rate: Option<f64> = rate.parse().ok().filter(|rate| *rate > 0.0);
                    let (Some((work, ..)), Some(rate)) = (work, rate) else {
                        return Err(number + 1);
                    };
                    sizes.rates.insert(*work, rate * 1e6);
                }
                continue;
            }
            let cells = cells(line);
            if names.is_empty() {
                names = cells;
                continue;
            }
            let cell = |name: &str| {
                names.iter().position(|known| known == name).and_then(|at| cells.get(at))
            };
            let amount = |name: &str| cell(name).and_then(|text| text.parse::<f64>().ok());
            let (Some(table), Some(rows), Some(bytes)) =
                (cell("table"), amount("rows"), amount("bytes"))
            else {
                return Err(number + 1);
            };
            let size = Size {
                rows: rows as u64,
                bytes,
                index_bytes: amount("index_bytes").unwrap_or_default(),
                reads: amount("reads_per_s").unwrap_or_default(),
                writes: amount("writes_per_s").unwrap_or_default(),
            };
            sizes.tables.insert(table.clone(), size);
            sizes.on = cell("on").cloned().unwrap_or_default();
        }
        Ok(sizes)
    }

    /// The size of a table.
    pub fn of(&self, table: &str) -> Option<Size> {
        self.tables.get(table).copied()
    }

    /// Whether they were exported too long before a day, counted from 1970.
    pub fn is_old(&self, today: i64) -> bool {
        days(&self.on).is_none_or(|then| today - then > OLD)
    }

    /// The time that some work on a table of this extent takes, with its indexes; `None`: the time
    /// is unknown.
    pub(crate) fn seconds_of(&self, work: Work, extent: Extent) -> Option<f64> {
        let Extent::Known(size) = extent else { return None };
        let indexes = if work == Work::Rewrite { size.index_bytes } else { 0.0 };
        Some(self.seconds(work, size.bytes) + self.seconds(Work::Index, indexes))
    }

    /// The time that some work on so many bytes takes, in seconds.
    fn seconds(&self, work: Work, bytes: f64) -> f64 {
        bytes / self.rates.get(&work).copied().unwrap_or_else(|| work.rate())
    }
}

impl Size {
    /// Whether it is read or written all the time.
    pub fn is_hot(&self) -> bool {
        self.reads > HOT.0 || self.writes > HOT.1
    }

    /// The size with that of another part of the table added.
    #[must_use]
    pub fn with(self, part: Size) -> Size {
        Size {
            rows: self.rows + part.rows,
            bytes: self.bytes + part.bytes,
            index_bytes: self.index_bytes + part.index_bytes,
            reads: self.reads + part.reads,
            writes: self.writes + part.writes,
        }
    }
}

impl Extent {
    /// The extent with that of another part of the table added.
    pub(crate) fn with(self, part: Extent) -> Extent {
        match (self, part) {
            (Extent::Known(one), Extent::Known(other)) => Extent::Known(one.with(other)),
            (Extent::Seeded(one), Extent::Seeded(other)) => Extent::Seeded(one + other),
            _ => Extent::Unknown,
        }
    }
}

/// The cells of a line; one with a comma or a quote is quoted.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let last = cells.len() - 1;
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cells[last].push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells[last].push(c),
        }
    }
    cells
}

/// The days from 1970 to a day of the Gregorian calendar, as `2026-11-20`.
pub fn days(day: &str) -> Option<i64> {
    let parts: Vec<i64> = day.split('-').filter_map(|part| part.parse().ok()).collect();
    let [year, month @ 1..=12, day @ 1..=31] = parts.as_slice() else { return None };
    // The year begins in March: the leap day is then its last.
    let (year, month) = if *month < 3 { (year - 1, month + 9) } else { (*year, month - 3) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// A time in words, with one digit: `about 4 min`.
pub fn about(seconds: f64) -> String {
    let units = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")];
    let unit = units.iter().find(|(length, _)| seconds >= *length);
    let Some((length, unit)) = unit else { return "less than a second".to_owned() };
    let count = seconds / length;
    let scale = 10_f64.powf(count.log10().floor());
    format!("about {} {unit}", (count / scale).round() * scale)
}

/// Bytes in words: `2.1 GB`.
pub fn amount(bytes: f64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let unit = units.iter().find(|(length, _)| bytes >= *length);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(length, unit)| format!("{} {unit}", (bytes / length * 10.0).round() / 10.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# rate scan 200
table,kind,rows,bytes,index_bytes,reads_per_s,writes_per_s,on
orders,r,9000000,2100000000,1200000000,310.5,45.0,2026-11-20
\"odd, \"\"name\"\"\",r,5,8192,16384,0.0,0.0,2026-11-20
";

    #[test]
    fn sizes_are_read_with_rates_and_a_day() {
        let sizes = Sizes::read(FILE).unwrap();
        let orders = sizes.of("orders").unwrap();
        assert!(orders.is_hot() && orders.rows == 9_000_000);
        assert!(!sizes.of("odd, \"name\"").unwrap().is_hot());
        assert_eq!(about(sizes.seconds(Work::Scan, orders.bytes)), "about 10 s");
        assert_eq!(about(sizes.seconds(Work::Rewrite, orders.bytes)), "about 30 s");
        let on = days("2026-11-20").unwrap();
        assert!(!sizes.is_old(on + 90) && sizes.is_old(on + 91));
        assert_eq!(Sizes::read("table,rows,bytes\norders,many,1\n"), Err(2));
        assert_eq!(Sizes::read("# rate thought 1\n"), Err(1));
    }

    #[test]
    fn times_and_amounts_have_few_digits() {
        assert_eq!(
            [about(0.4), about(1.2), about(254.0), about(4000.0)],
            ["less than a second", "about 1 s", "about 4 min", "about 1 h"]
        );
        assert_eq!([amount(512.0), amount(2.13e9)], ["512 bytes", "2.1 GB"]);
        assert_eq!(
            [days("1970-01-01"), days("2000-03-01"), days("2026-13-01")],
            [Some(0), Some(11_017), None]
        );
    }
}
