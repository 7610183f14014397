//! Production, read from the text: the sessions that wait for the new revisions, and the statements
//! of the running version that break. The codes are those of a rehearsal, whose findings replace
//! the ones made here.
//!
//! The text shows less than a rehearsal: no finding is made for work that Postgres may skip, for
//! code that cannot be followed, or about `lock_timeout`, which a role or a database may set.

use super::subject::Subject;
use super::tables::Tables;
use crate::effect::{Deed, Effect, Kind, Object, Whole};
use crate::production::{
    CHOSEN, Extent, Kind as Gone, Sizes, Work, blocked, fails, instead, instead_of, lasting,
    locked, lost, once_a_remedy, there, weigh,
};
use crate::schema_diff::{Declaration, declared, mentions};
use model::code::{self, Code, Severity};
use model::finding::Finding;
use model::production::Impact;
use model::transcript::Direction;

/// The number of rows below which no work on a table takes noticeable time.
const SMALL: u64 = 100;
/// What determines the time of work on a table.
const ITS_SIZE: &str = "its size";
/// Types of which one becomes another without a rewrite, or may.
const ALIKE: [&[&str]; 5] = [
    &["bpchar", "name", "text", "varchar", "xml"],
    &["timestamp", "timestamptz"],
    &["cidr", "inet"],
    &["bit", "varbit"],
    &["int4", "oid", "regclass"],
];

/// The lines of a finding, each with its word.
type Told = Vec<(&'static str, String)>;

/// The effects of the new revisions on a database in use.
pub(super) fn hazards(subject: &Subject<'_>) -> Vec<Finding> {
    let walk = subject.graph.walk.iter().rev().copied();
    let is_new = |index: &usize| subject.graph.revisions.get(*index).is_some_and(|r| r.new);
    let (new, old): (Vec<usize>, Vec<usize>) = walk.partition(is_new);
    // Without a base, several heads belong to no change.
    if subject.base.is_none() && new.len() > 1 {
        return Vec::new();
    }
    let mut tables = Tables::default();
    for index in old {
        deeds(subject, index).for_each(|deed| tables.take(deed, false));
    }
    let new: Vec<(usize, &Deed)> = new
        .into_iter()
        .flat_map(|index| deeds(subject, index).map(move |deed| (index, deed)))
        .collect();
    let mut found: Vec<Finding> = Vec::new();
    for (at, (index, deed)) in new.iter().enumerate() {
        if matches!(deed.effect, Effect::Opaque(None)) {
            break;
        }
        let later = new.get(at + 1..).unwrap_or_default();
        let reader = Reader { subject, tables: &tables, before: &new[..at], later, index: *index };
        let told = reader.read(deed).filter(|_| !deed.conditional);
        found.extend(told.filter(|told| !found.iter().any(|known| is_same(known, told))));
        tables.take(deed, true);
    }
    once_a_remedy(found)
}

fn is_same(one: &Finding, other: &Finding) -> bool {
    let table = |finding: &Finding| finding.impact.as_ref().map(|impact| impact.table.clone());
    one.code == other.code
        && one.revision == other.revision
        && table(one) == table(other)
        && (one.code != &code::BREAKS_RUNNING || one.message == other.message)
}

fn deeds<'s>(subject: &Subject<'s>, index: usize) -> impl Iterator<Item = &'s Deed> + use<'s> {
    let upgrade = subject.scripts.get(index).and_then(|script| script.body().upgrade.as_ref());
    upgrade.into_iter().flat_map(|function| &function.deeds)
}

/// One statement of the change, with its context.
struct Reader<'a, 's> {
    subject: &'a Subject<'s>,
    tables: &'a Tables,
    before: &'a [(usize, &'s Deed)],
    later: &'a [(usize, &'s Deed)],
    index: usize,
}

impl Reader<'_, '_> {
    fn read(&self, deed: &Deed) -> Option<Finding> {
        match &deed.effect {
            Effect::Whole { table, work } => self.whole(deed, table, work),
            Effect::Alter { object: Object { table: Some(table), name, .. }, type_, .. } => {
                let (known, _) = self.tables.columns.get(&(table.clone(), name.clone()))?;
                let is_other = rewrites(known.as_deref()?, type_.as_deref()?);
                is_other.then(|| self.waits(deed, table, Work::Rewrite))?
            }
            Effect::Drop { object, .. } => self.breaks(deed, object, None),
            Effect::Rename { object, to, .. } => self.breaks(deed, object, Some(to)),
            _ => None,
        }
    }

    fn whole(&self, deed: &Deed, table: &str, work: &Whole) -> Option<Finding> {
        let is_old = |column: &String| self.tables.is_old(Some(table), column);
        match work {
            Whole::Index => self.waits(deed, table, Work::Index),
            Whole::Rewrite => self.waits(deed, table, Work::Rewrite),
            Whole::Check => self.waits(deed, table, Work::Scan),
            Whole::NotNull(column) => {
                let known = self.tables.columns.get(&(table.to_owned(), column.clone()))?;
                let is_open = !known.1 && !self.is_checked(column);
                is_open.then(|| self.waits(deed, table, Work::Scan))?
            }
            Whole::ForeignKey { columns, target } => {
                let other = target.as_deref().is_some_and(|to| self.tables.is_old(None, to));
                let is_known = other && !columns.is_empty() && columns.iter().all(is_old);
                is_known.then(|| self.waits(deed, table, Work::ForeignKey))?
            }
            Whole::Update | Whole::Empty => self.rows(deed, table, *work == Whole::Empty),
        }
    }

    /// Whether some revision speaks of a check by which Postgres knows that a column has no NULL.
    fn is_checked(&self, column: &str) -> bool {
        let check = format!("{} is not null", column.to_lowercase());
        let says = |text: &str| {
            let words: Vec<&str> = text.split_whitespace().collect();
            words.join(" ").to_lowercase().contains(&check)
        };
        self.subject.scripts.iter().any(|script| says(script.module.source()))
    }

    /// MG500.
    fn waits(&self, deed: &Deed, table: &str, work: Work) -> Option<Finding> {
        let (what, why) = match work {
            Work::Index => ("write", "an index of it is built"),
            Work::ForeignKey => ("write", "its foreign key is checked"),
            Work::Rewrite => ("read or write", "it is written anew"),
            Work::Scan | Work::Update => ("read or write", "its rows are checked"),
        };
        let seconds = |sizes: &Sizes, extent| sizes.seconds_of(work, extent);
        let (weight, seconds, mut told) = self.weight(table, seconds)?;
        told.push(("instead", instead(&[work])));
        let message = blocked(what, table, &format!(" while {why},"), seconds, ITS_SIZE);
        let lock = Effect::Lock(table.to_owned());
        let mut own = self.before.iter().filter(|(index, _)| *index == self.index);
        let is_chosen = seconds.is_none() && own.any(|(_, deed)| deed.effect == lock);
        let weight = if is_chosen { Severity::Note } else { weight };
        let about = (&code::WHO_WAITS, deed);
        let found = self.finding(about, (table, table), weight, (message, told))?;
        Some(Finding { allowed: is_chosen.then(|| CHOSEN.to_owned()), ..found })
    }

    /// MG503.
    fn rows(&self, deed: &Deed, table: &str, is_lost: bool) -> Option<Finding> {
        let fills =
            |deed: &Deed| matches!(&deed.effect, Effect::Insert(rows) if rows.table == table);
        if is_lost && self.later.iter().any(|(_, deed)| fills(deed)) {
            return None;
        }
        let seconds = |sizes: &Sizes, extent| sizes.seconds_of(Work::Update, extent);
        let (weight, seconds, mut told) = self.weight(table, seconds)?;
        told.push(("instead", instead(&[Work::Update])));
        let message = match is_lost {
            true => lost("all ", table),
            false => locked("all", table, &lasting(seconds, ITS_SIZE)),
        };
        self.finding((&code::WHOLE_TABLE, deed), (table, table), weight, (message, told))
    }

    /// The weight of work on a table, its duration, and the size of the table; `None`: the table is
    /// not of the running version, is too small, or is declared as one that may be blocked.
    fn weight(
        &self,
        table: &str,
        seconds: impl Fn(&Sizes, Extent) -> Option<f64>,
    ) -> Option<(Severity, Option<f64>, Told)> {
        let sizes = self.subject.files.sizes.as_ref();
        let extent = self.tables.extent(table, sizes);
        let is_small = matches!(extent, Extent::Known(size) if size.rows < SMALL);
        let is_meant =
            |d: &Declaration| matches!(d, Declaration::Blocks { table: of, .. } if of == table);
        let is_view = self.tables.views.contains(table);
        if is_small || is_view || !self.is_certain(None, table) || self.declares(is_meant) {
            return None;
        }
        let seconds = sizes.and_then(|sizes| seconds(sizes, extent));
        // If migrations insert rows, these may be all rows of the table.
        let weight = match sizes.is_none() && self.tables.seeded.contains(table) {
            true => Severity::Note,
            false => weigh(seconds, extent, Direction::Upgrade),
        };
        let there = there(sizes, extent).map(|there| ("there", there));
        Some((weight, seconds, there.into_iter().collect()))
    }

    /// MG501.
    fn breaks(&self, deed: &Deed, object: &Object, to: Option<&String>) -> Option<Finding> {
        let Object { kind, name, table } = object;
        let of = table.as_deref();
        let is_one =
            matches!(kind, Kind::Table | Kind::View | Kind::MaterializedView) && table.is_none();
        if !(is_one || *kind == Kind::Column && of.is_some_and(|of| self.tables.is_old(None, of))) {
            return None;
        }
        let relation = of.unwrap_or(name);
        let shown = of.map_or_else(|| name.clone(), |table| format!("{table}.{name}"));
        let is_back = self.later.iter().any(|(_, deed)| is_named_so(&deed.effect, of, name));
        let is_meant = |d: &Declaration| matches!(d, Declaration::Unused { what, .. } if *what == shown || *what == relation);
        if is_back
            || self.tables.parts.contains_key(name) && is_one
            || !self.tables.is_used(relation)
            || !self.is_certain(of, name)
            || self.declares(is_meant)
        {
            return None;
        }
        let column = name.clone();
        let gone = match (of, to) {
            (None, None) => Gone::TableDropped,
            (None, Some(to)) => Gone::TableRenamed { to: to.clone() },
            (Some(_), None) => Gone::ColumnDropped { column },
            (Some(_), Some(to)) => Gone::ColumnRenamed { column, to: to.clone() },
        };
        let weight = match self.subject.files.sizes {
            Some(_) => Severity::Error,
            None => Severity::Warning,
        };
        let message = fails(relation, &gone, "");
        let told = vec![("instead", instead_of(&gone))];
        self.finding((&code::BREAKS_RUNNING, deed), (relation, &shown), weight, (message, told))
    }

    /// Whether an object existed before the change, and no code that cannot be followed touched it
    /// since.
    fn is_certain(&self, table: Option<&str>, name: &str) -> bool {
        let is_unknown = |deed: &Deed| matches!(&deed.effect, Effect::Opaque(Some(text)) if mentions(text, table.unwrap_or(name)));
        self.tables.is_old(table, name) && !self.before.iter().any(|(_, deed)| is_unknown(deed))
    }

    fn declares(&self, is: impl Fn(&Declaration) -> bool) -> bool {
        let script = self.subject.scripts.get(self.index);
        script.is_some_and(|script| declared(script.module.source()).iter().any(is))
    }

    fn finding(
        &self,
        (code, deed): (&'static Code, &Deed),
        (table, subject): (&str, &str),
        weight: Severity,
        (message, told): (String, Told),
    ) -> Option<Finding> {
        let told = told.into_iter().map(|(word, text)| (word.to_owned(), text)).collect();
        let impact = Impact { direction: Direction::Upgrade, table: table.to_owned(), told };
        Some(Finding {
            subject: Some(subject.to_owned()),
            severity: Some(weight),
            impact: Some(Box::new(impact)),
            ..self.subject.in_script(code, self.index, deed.line, message)
        })
    }
}

/// Whether an object has this name after an effect, or may have it.
fn is_named_so(effect: &Effect, table: Option<&str>, name: &str) -> bool {
    match effect {
        Effect::Create(object, _) => object.table.as_deref() == table && object.name == *name,
        Effect::Rename { object, to, .. } => object.table.as_deref() == table && to == name,
        Effect::Opaque(text) => text.as_ref().is_none_or(|text| mentions(text, name)),
        _ => false,
    }
}

/// Whether a column that changes its type is written anew for certain.
fn rewrites(from: &str, to: &str) -> bool {
    let (from, to) = (from.trim_start_matches('_'), to.trim_start_matches('_'));
    let own = |name: &str| crate::sql::types::is_own(name);
    from != to
        && own(from)
        && own(to)
        && !ALIKE.iter().any(|a| a.contains(&from) && a.contains(&to))
}
