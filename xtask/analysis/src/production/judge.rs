//! Findings about a change in production, and what is said where there are none.
//!
//! Long because the sentence of each code stands beside what it is judged by.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::breaks::{Break, Kind, breaks, prepared};
use super::sizes::{Sizes, Work, about, amount};
use super::statements::Ran;
use super::view::{Extent, View};
use super::waits::{Stand, stands};
use crate::schema_diff::{Declaration, declared, line_that_names};
use model::code::{self, Code, Severity};
use model::finding::{Finding, Place};
use model::production::{Blocked, Impact, MODES, Oid, Rehearsal, SHARE, Seen, Way};
use model::transcript::Direction;

/// From how many seconds on a finding is a warning, an error, and an error on a hot table.
const WEIGHS: (f64, f64, f64) = (0.5, 5.0, 1.0);

/// A revision of the change.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// Its id.
    pub revision: String,
    /// Its file, absolute.
    pub file: Utf8PathBuf,
    /// The same as it is shown.
    pub shown: Utf8PathBuf,
    /// What it says.
    pub text: String,
}

/// What a rehearsal is judged by.
pub struct Setting<'a> {
    /// The revisions of the change, parents first.
    pub revisions: &'a [Text],
    /// The sizes of production, where they are known.
    pub sizes: Option<&'a Sizes>,
    /// Today, in days from 1970.
    pub today: i64,
    /// The tables that the gate gave rows.
    pub filled: &'a BTreeSet<String>,
}

/// What is said of a change.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What there is to say where nothing is.
    pub lines: Vec<String>,
    /// What was seen, by name.
    pub seen: Vec<Seen>,
}

/// Judges a change both ways.
pub fn judge(rehearsal: &Rehearsal, setting: &Setting<'_>) -> Judged {
    let mut judge = Judge { rehearsal, setting, judged: Judged::default(), needed: Vec::new() };
    let down = rehearsal.down.as_ref().map(|way| judge.view(way));
    let up = judge.view(&rehearsal.up);
    let back = down.as_ref().map(stands).unwrap_or_default();
    judge.way(&up, Direction::Upgrade, Some((&back, down.as_ref())));
    let sound = judge.judged.findings.is_empty();
    if let Some(down) = &down {
        judge.way(down, Direction::Downgrade, None);
    }
    if sound {
        judge.judged.lines = judge.sound(&up, down.as_ref());
    }
    judge.once(&up);
    judge.unneeded();
    judge.judged
}

struct Judge<'a> {
    rehearsal: &'a Rehearsal,
    setting: &'a Setting<'a>,
    judged: Judged,
    /// The exceptions that a finding needed.
    needed: Vec<Declaration>,
}

impl<'a> Judge<'a> {
    fn view(&self, way: &'a Way) -> View<'a> {
        View::new((self.rehearsal, way), self.setting.sizes, self.setting.filled)
    }

    fn way(
        &mut self,
        view: &View<'_>,
        direction: Direction,
        back: Option<(&[Stand], Option<&View<'_>>)>,
    ) {
        for stand in stands(view) {
            self.stand(view, direction, &stand, back);
        }
        self.breaks(view, direction);
        for steps in &view.facts.two_steps {
            self.deadlock(view, direction, steps);
        }
        let lost = view.facts.lost.iter().filter(|oid| view.is_big(**oid) && view.is_old(**oid));
        let lost: Vec<(Oid, bool)> = lost.map(|oid| (*oid, true)).collect();
        let held = view.facts.row_locks.iter().filter(|oid| !view.facts.lost.contains(oid));
        for (oid, is_lost) in held.map(|oid| (*oid, false)).chain(lost) {
            self.rows(view, direction, oid, is_lost);
        }
        self.judged.seen.push(self.seen(view, direction));
    }

    /// MG500.
    fn stand(
        &mut self,
        view: &View<'_>,
        direction: Direction,
        stand: &Stand,
        back: Option<(&[Stand], Option<&View<'_>>)>,
    ) {
        let (name, extent) = (view.name(stand.table), view.extent(stand.table));
        let time = stand.seconds.map(|seconds| format!(" for {}", about(seconds)));
        let parts: Vec<String> =
            stand.parts.iter().map(|part| format!("`{}`", view.name(*part))).collect();
        let parts = match parts.is_empty() {
            true => String::new(),
            false => format!(" ({})", parts.join(", ")),
        };
        let message = format!(
            "nobody can {} `{name}`{parts}{}",
            stand.what(),
            time.unwrap_or_else(|| ", for as long as its size takes".to_owned())
        );
        let mut told = vec![("seen", stand.seen(view))];
        told.extend(there(view, extent).map(|there| ("there", there)));
        told.extend(also(view, stand.table).map(|also| ("also", also)));
        told.extend(back.map(|(back, down)| ("back", of_back(stand, back, down))));
        told.push(("instead", stand.instead().to_owned()));
        let weight = weigh(stand.seconds, extent, direction);
        let mut finding = self.finding(&code::WHO_WAITS, (direction, &name), weight, message);
        finding.impact_of(told);
        self.place(&mut finding, view, stand.statement);
        self.excuse(
            &mut finding,
            |d| matches!(d, Declaration::Blocks { table, .. } if *table == name),
        );
        self.judged.findings.push(finding);
    }

    /// MG501, and a note of prepared statements.
    fn breaks(&mut self, view: &View<'_>, direction: Direction) {
        let Rehearsal { first, uses, .. } = self.rehearsal;
        let way = view.way;
        for broken in breaks(first, uses, (&way.before, &way.after), &view.facts.lost) {
            let count = broken.count;
            let message =
                format!("the running version fails: {} ({count} of its statements)", said(&broken));
            let invented = matches!(broken.kind, Kind::Refused { .. } | Kind::Other { .. })
                && self.setting.filled.contains(&broken.name);
            // Without its sizes, nothing says that the tree is in production.
            let weight = match (direction, self.setting.sizes) {
                // The gate itself made the value up.
                _ if invented => Severity::Note,
                (Direction::Upgrade, Some(_)) => Severity::Error,
                (Direction::Upgrade, None) | (Direction::Downgrade, Some(_)) => Severity::Warning,
                (Direction::Downgrade, None) => Severity::Note,
            };
            let about = (direction, broken.name.as_str());
            let mut finding = self.finding(&code::BREAKS_RUNNING, about, weight, message);
            let seen = format!("`{}`: {}", broken.sql, broken.said);
            finding
                .impact_of(vec![("seen", seen), ("instead", instead_of(&broken.kind).to_owned())]);
            self.place_named(&mut finding, view, &broken);
            let dropped = match &broken.kind {
                Kind::ColumnDropped { column } => Some(format!("{}.{column}", broken.name)),
                _ => None,
            };
            // What is said of a table is said of all of it.
            let is = |what: &str| broken.name == what || dropped.as_deref() == Some(what);
            self.excuse(
                &mut finding,
                |d| matches!(d, Declaration::Unused { what, .. } if is(what)),
            );
            self.judged.findings.push(finding);
        }
        if direction == Direction::Upgrade {
            for (oid, column) in prepared(first, &way.after.catalog) {
                let name = view.name(oid);
                let message = format!(
                    "prepared statements that read `{name}.{column}` fail once: its type changes"
                );
                let finding = self.finding(
                    &code::BREAKS_RUNNING,
                    (direction, &name),
                    Severity::Note,
                    message,
                );
                self.judged.findings.push(finding);
            }
        }
    }

    /// MG502.
    fn deadlock(&mut self, view: &View<'_>, direction: Direction, steps: &[(usize, Oid)]) {
        let (Some((_, first)), Some((last, second))) = (steps.first(), steps.last()) else {
            return;
        };
        let (first, second) = (view.name(*first), view.name(*second));
        let message = format!(
            "an application that uses `{second}` and then `{first}` in one transaction can deadlock with the {direction}"
        );
        let lines: Vec<String> = steps
            .iter()
            .map(|(at, oid)| {
                let line = self.line_of(view, *at).map(|(_, line)| format!(" from line {line} on"));
                format!("`{}` is blocked{}", view.name(*oid), line.unwrap_or_default())
            })
            .collect();
        let weight = lower(Severity::Warning, direction);
        let mut finding = self.finding(&code::DEADLOCK, (direction, &second), weight, message);
        finding.impact_of(vec![
            ("seen", format!("{}, all until the commit", lines.join(", "))),
            ("instead", "one revision a table".to_owned()),
        ]);
        self.place(&mut finding, view, *last);
        let names: Vec<String> = steps.iter().map(|(_, oid)| view.name(*oid)).collect();
        self.excuse(
            &mut finding,
            |d| matches!(d, Declaration::Blocks { table, .. } if names.contains(table)),
        );
        self.judged.findings.push(finding);
    }

    /// MG503.
    fn rows(&mut self, view: &View<'_>, direction: Direction, oid: Oid, is_lost: bool) {
        let (name, extent) = (view.name(oid), view.extent(oid));
        let position = |is: &dyn Fn(&Ran) -> bool| view.facts.statements.iter().position(is);
        let at = position(&|ran| ran.changed.contains_key(&oid) || ran.rewritten.contains(&oid))
            .or_else(|| position(&|ran| ran.locks.get(&oid).is_some_and(|mode| *mode >= SHARE)))
            .or_else(|| position(&|ran| ran.locks.contains_key(&oid)));
        let seconds = view.sizes.and_then(|sizes| match extent {
            Extent::Known(size) => Some(sizes.seconds(Work::Update, size.bytes)),
            _ => None,
        });
        let message = match is_lost {
            true => format!("rows of `{name}` are lost"),
            false => format!(
                "most rows of `{name}` are held until the commit: who writes one of them waits"
            ),
        };
        let weight = weigh(seconds, extent, direction);
        let mut finding = self.finding(&code::WHOLE_TABLE, (direction, &name), weight, message);
        let mut told = Vec::new();
        told.extend(there(view, extent).map(|there| ("there", there)));
        told.push((
            "instead",
            "in batches, each with a commit of its own, in an `autocommit_block()`".to_owned(),
        ));
        finding.impact_of(told);
        if let Some(at) = at {
            self.place(&mut finding, view, at);
        }
        self.excuse(
            &mut finding,
            |d| matches!(d, Declaration::Blocks { table, .. } if *table == name),
        );
        self.judged.findings.push(finding);
    }

    /// MG504 and MG505, once a tree.
    fn once(&mut self, view: &View<'_>) {
        if view.facts.lock_timeout.as_deref() == Some("0") {
            let blocks = |ran: &Ran| !view.blocking(ran).is_empty();
            let at = view.facts.statements.iter().position(blocks).unwrap_or_default();
            let later =
                view.facts.statements.iter().skip(at + 1).any(|ran| ran.lock_timeout != "0");
            let ran = view.facts.statements.get(at);
            let table = ran.and_then(|ran| view.blocking(ran).first().map(|oid| view.name(*oid)));
            let table = table.unwrap_or_default();
            let message = match later {
                true => {
                    format!("`{table}` is waited for without limit: `lock_timeout` is set after it")
                }
                false => format!(
                    "`{table}` is waited for without limit, and everything after it waits behind it"
                ),
            };
            let about = (Direction::Upgrade, table.as_str());
            let mut finding = self.finding(&code::NO_LOCK_TIMEOUT, about, Severity::Note, message);
            self.place(&mut finding, view, at);
            finding.statement = None;
            self.judged.findings.push(finding);
        }
        let of_size = |f: &Finding| f.code == &code::WHO_WAITS || f.code == &code::WHOLE_TABLE;
        let needs =
            self.judged.findings.iter().any(|f| of_size(f) && f.severity() != Severity::Note);
        let message = match self.setting.sizes {
            None if needs => "there is no production.csv beside the tree's `versions`".to_owned(),
            Some(sizes) if sizes.is_old(self.setting.today) => {
                format!("production.csv is of {}: more than 90 days old", sizes.on)
            }
            _ => return,
        };
        let finding = Finding::new(&code::SIZES, message);
        self.judged.findings.push(finding);
    }

    /// Exceptions that nothing needed.
    fn unneeded(&mut self) {
        for text in self.setting.revisions {
            for declaration in declared(&text.text) {
                let (verb, what) = match &declaration {
                    Declaration::Blocks { table, .. } => ("blocks", table),
                    Declaration::Unused { what, .. } => ("unused", what),
                    _ => continue,
                };
                if self.needed.contains(&declaration) {
                    continue;
                }
                let mark = format!("migration-gate: {verb} {what}");
                let line = text.text.lines().zip(1..).find(|(line, _)| line.contains(&mark));
                let place = Place {
                    file: text.shown.clone(),
                    line: line.map(|(_, number)| number),
                    source: line.map(|(source, _)| source.to_owned()),
                };
                let message = format!("`{verb} {what}` is not needed: nothing of it was found");
                let mut finding = Finding::new(&code::UNUSED_ALLOW, message);
                (finding.revision, finding.place) = (Some(text.revision.clone()), Some(place));
                self.judged.findings.push(finding);
            }
        }
    }

    fn finding(
        &self,
        code: &'static Code,
        (direction, table): (Direction, &str),
        weight: Severity,
        message: String,
    ) -> Finding {
        let impact = Impact { direction, table: table.to_owned(), told: Vec::new() };
        Finding {
            severity: Some(weight),
            impact: Some(Box::new(impact)),
            ..Finding::new(code, message)
        }
    }

    /// Makes a note of what the revision says is meant.
    fn excuse(&mut self, finding: &mut Finding, is: impl Fn(&Declaration) -> bool) {
        for text in self.setting.revisions {
            for declaration in declared(&text.text).into_iter().filter(|d| is(d)) {
                if let Declaration::Blocks { reason, .. } | Declaration::Unused { reason, .. } =
                    &declaration
                {
                    finding.severity = Some(Severity::Note);
                    finding.allowed = Some(reason.clone());
                }
                self.needed.push(declaration);
            }
        }
    }

    /// The file and the line of a statement.
    fn line_of(&self, view: &View<'_>, at: usize) -> Option<(&Text, u32)> {
        let ran = view.facts.statements.get(at)?;
        let of = |text: &'_ &Text| Some(&text.revision) == ran.revision.as_ref();
        let text = self.setting.revisions.iter().find(of)?;
        let line = ran.lines.iter().find(|(file, _)| *file == text.file).map(|(_, line)| *line);
        Some((text, line?))
    }

    fn place(&self, finding: &mut Finding, view: &View<'_>, at: usize) {
        let ran = view.facts.statements.get(at);
        finding.revision = ran.and_then(|ran| ran.revision.clone());
        finding.statement = ran.and_then(|ran| ran.sql.clone());
        if let Some((text, line)) = self.line_of(view, at) {
            let source = text.text.lines().nth(line as usize - 1).map(str::to_owned);
            finding.place = Some(Place { file: text.shown.clone(), line: Some(line), source });
            return;
        }
        // What a driver's own cursor ran is known by what it left alone.
        let names = finding.impact.as_ref().map(|impact| vec![impact.table.clone()]);
        let of = |text: &&Text| Some(&text.revision) == finding.revision.as_ref();
        if let (Some(names), Some(text)) = (names, self.setting.revisions.iter().find(of))
            && let Some((line, source)) = line_that_names(&text.text, &names)
        {
            let (file, source) = (text.shown.clone(), Some(source.to_owned()));
            finding.place = Some(Place { file, line: Some(line), source });
        }
    }

    /// The statement that names what breaks, else the one that locks it, else the line that names it.
    fn place_named(&self, finding: &mut Finding, view: &View<'_>, broken: &Break) {
        let bare =
            |name: &str| name.rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned();
        let table = bare(&broken.name);
        let column = match &broken.kind {
            Kind::ColumnRenamed { column, .. }
            | Kind::ColumnDropped { column }
            | Kind::NotNull { column }
            | Kind::TypeChanged { column, .. } => Some(column.clone()),
            Kind::Refused { constraint } => Some(bare(constraint)),
            Kind::LabelGone { label } => Some(label.clone()),
            _ => None,
        };
        let mut of_revisions =
            view.facts.statements.iter().enumerate().filter(|(_, ran)| ran.revision.is_some());
        let names = |sql: &str, name: &str| words(sql).any(|word| word == name);
        let both = |ran: &Ran| {
            ran.sql.as_deref().is_some_and(|sql| {
                names(sql, &table) && column.as_ref().is_none_or(|column| names(sql, column))
            })
        };
        let locks = |ran: &Ran| ran.locks.get(&broken.relation).is_some_and(|mode| *mode >= SHARE);
        let of = of_revisions
            .clone()
            .find(|(_, ran)| both(ran))
            .or_else(|| of_revisions.find(|(_, ran)| locks(ran)));
        if let Some((at, _)) = of {
            return self.place(finding, view, at);
        }
        let wanted: Vec<String> = column.into_iter().chain([table]).collect();
        for text in self.setting.revisions {
            if let Some((line, source)) = line_that_names(&text.text, &wanted) {
                finding.revision = Some(text.revision.clone());
                let (file, source) = (text.shown.clone(), Some(source.to_owned()));
                finding.place = Some(Place { file, line: Some(line), source });
                return;
            }
        }
        // A right on a schema, say, names no table.
        let any = |ran: &Ran| ran.revision.is_some();
        if let Some(at) = view.facts.statements.iter().position(any) {
            self.place(finding, view, at);
        }
    }

    /// What waits for a moment, and that the running version keeps working.
    fn sound(&self, up: &View<'_>, down: Option<&View<'_>>) -> Vec<String> {
        let ids: Vec<&str> =
            self.setting.revisions.iter().map(|text| text.revision.as_str()).collect();
        let mut lines = vec![
            format!("{} on a database in use: {}", ids.join(", "), moments(up)),
            format!(
                "  nothing read whole, nothing rewritten; the version before keeps working ({} statements tried)",
                self.rehearsal.uses.len()
            ),
        ];
        lines.extend(down.map(|down| format!("  back: {}", moments(down))));
        lines
    }

    fn seen(&self, view: &View<'_>, direction: Direction) -> Seen {
        let name = |oid: &Oid| view.relation(*oid).map(|r| r.name.clone()).unwrap_or_default();
        let is_table = |oid: &Oid| view.relation(*oid).is_some_and(|r| "rpmv".contains(r.kind));
        let word = |what: Blocked| format!("{what:?}").to_lowercase();
        let facts = &view.facts;
        let mode =
            |mode: u8| MODES.get(usize::from(mode).saturating_sub(1)).map(|m| (*m).to_owned());
        let Rehearsal { first, uses, .. } = self.rehearsal;
        let broken = breaks(first, uses, (&view.way.before, &view.way.after), &facts.lost);
        Seen {
            direction: direction.to_string(),
            revisions: self.setting.revisions.iter().map(|text| text.revision.clone()).collect(),
            locks: facts
                .locks
                .iter()
                .filter(|(oid, _)| is_table(oid))
                .filter_map(|(oid, m)| Some((name(oid), mode(*m)?)))
                .collect(),
            rewrites: facts.rewrites.iter().map(name).collect(),
            scans: facts.scans.iter().map(name).collect(),
            blocks: facts.blocks.iter().map(|(oid, what)| (name(oid), word(*what))).collect(),
            blocks_through: facts
                .through
                .iter()
                .map(|(oid, all)| {
                    (name(oid), all.iter().map(|(what, on)| (word(*what), name(on))).collect())
                })
                .collect(),
            breaks: broken.iter().map(ToString::to_string).collect(),
            statements: uses.len(),
            lock_timeout: facts.lock_timeout.clone(),
        }
    }
}

/// The words of a statement.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Who waits for a moment.
fn moments(view: &View<'_>) -> String {
    let of = |wanted: Blocked| -> Vec<String> {
        let all =
            view.facts.blocks.iter().filter(|(oid, what)| **what == wanted && view.is_old(**oid));
        all.map(|(oid, _)| format!("`{}`", view.name(*oid))).collect()
    };
    let (reads, writes) = (of(Blocked::Reads), of(Blocked::Writes));
    let mut told = Vec::new();
    if !reads.is_empty() {
        told.push(format!("{}: reads and writes wait for a moment", reads.join(", ")));
    }
    if !writes.is_empty() {
        told.push(format!("{}: writes wait for a moment, reads pass", writes.join(", ")));
    }
    if told.is_empty() { "nobody waits".to_owned() } else { told.join("; ") }
}

fn there(view: &View<'_>, extent: Extent) -> Option<String> {
    match extent {
        Extent::Known(size) => Some(format!(
            "{} and {} of indexes, {} reads and {} writes a second (production.csv of {})",
            amount(size.bytes),
            amount(size.index_bytes),
            size.reads.round(),
            size.writes.round(),
            view.sizes.map(|sizes| sizes.on.clone()).unwrap_or_default()
        )),
        Extent::Seeded(rows) => Some(format!(
            "{rows} rows, which the migrations themselves put there; production.csv would say how many there are"
        )),
        Extent::Unknown => None,
    }
}

/// Who waits because of a table.
fn also(view: &View<'_>, table: Oid) -> Option<String> {
    let waits = view.facts.through.iter().flat_map(|(oid, all)| {
        all.iter().filter(move |(_, on)| view.whole(*on) == table).map(move |(what, _)| {
            let is_view = view.relation(*oid).is_some_and(|r| "vm".contains(r.kind));
            let (what, why) = match (is_view, what) {
                (true, _) => ("reads of", "it reads"),
                (_, Blocked::Reads) => ("reads of", "it is a part of"),
                _ => ("writes to", "its foreign key asks"),
            };
            format!("{what} `{}` wait, {why} `{}`", view.name(*oid), view.name(table))
        })
    });
    let waits: Vec<String> = waits.collect();
    (!waits.is_empty()).then(|| waits.join("; "))
}

/// What the way back does to the table of a finding.
fn of_back(stand: &Stand, back: &[Stand], down: Option<&View<'_>>) -> String {
    let Some(down) = down else { return "there is no way back".to_owned() };
    let same = back.iter().find(|other| other.table == stand.table);
    match same {
        Some(other) if other.work == stand.work => "the downgrade does the same".to_owned(),
        Some(other) => format!("the downgrade too: {}", other.seen(down)),
        None => "the downgrade does not make it stand still".to_owned(),
    }
}

/// What became of what the running version uses, in words.
fn said(broken: &Break) -> String {
    let name = &broken.name;
    match &broken.kind {
        Kind::TableRenamed { to } => format!("`{name}` is called `{to}`"),
        Kind::TableDropped | Kind::ViewDropped => format!("`{name}` is gone"),
        Kind::TypeGone => format!("the type `{name}` is gone or has another name"),
        Kind::ColumnRenamed { column, to } => format!("`{name}.{column}` is called `{to}`"),
        Kind::ColumnDropped { column } => format!("`{name}.{column}` is gone"),
        Kind::NotNull { column } => format!("`{name}.{column}` must be given a value"),
        Kind::Refused { constraint } => {
            format!("`{constraint}` refuses rows of `{name}` that were allowed")
        }
        Kind::NoRight { act: None } => format!("its role may not use `{name}` any more"),
        Kind::NoRight { act: Some(act) } => format!("its role may not {act} `{name}` any more"),
        Kind::RowRefused => format!("row security refuses its rows of `{name}`"),
        Kind::RowsHidden => format!("row security hides all rows of `{name}` from it"),
        Kind::NoKey => format!("no unique index of `{name}` finds its conflicts any more"),
        Kind::LabelGone { label } => format!("`{name}` has no label '{label}' any more"),
        Kind::TypeChanged { column, from, to } => {
            format!("`{name}.{column}` was {from} and is {to}")
        }
        Kind::GeneratedAlways => format!("a column of `{name}` that it gives takes no value"),
        Kind::Trigger => format!("a trigger of `{name}` refuses"),
        Kind::Other { message, .. } => format!("`{name}`: {message}"),
    }
}

fn instead_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::NotNull { .. } => {
            "give it a server_default, or make it NOT NULL when every version gives it"
        }
        Kind::NoRight { .. } | Kind::RowRefused | Kind::RowsHidden => {
            "grant in the same revision what the running version's role had"
        }
        Kind::ColumnDropped { .. } | Kind::TableDropped | Kind::ViewDropped => {
            "drop it when no running version uses it; where none does, `# migration-gate: unused TABLE.COLUMN, reason`"
        }
        _ => {
            "expand first and contract later: add what is new, and take the old away in a later revision"
        }
    }
}

fn weigh(seconds: Option<f64>, extent: Extent, direction: Direction) -> Severity {
    let (warns, fails, fails_hot) = WEIGHS;
    let is_hot = matches!(extent, Extent::Known(size) if size.is_hot());
    let weight = match (seconds, extent) {
        (_, Extent::Seeded(_)) => Severity::Note,
        (None, _) => Severity::Warning,
        (Some(seconds), _) if seconds < warns => Severity::Note,
        (Some(seconds), _) if seconds >= fails || is_hot && seconds >= fails_hot => Severity::Error,
        _ => Severity::Warning,
    };
    lower(weight, direction)
}

/// A downgrade weighs one less.
fn lower(weight: Severity, direction: Direction) -> Severity {
    match (weight, direction) {
        (weight, Direction::Upgrade) => weight,
        (Severity::Error, Direction::Downgrade) => Severity::Warning,
        (_, Direction::Downgrade) => Severity::Note,
    }
}

/// A finding that is told in more than one sentence.
trait Told {
    fn impact_of(&mut self, told: Vec<(&str, String)>);
}

impl Told for Finding {
    fn impact_of(&mut self, told: Vec<(&str, String)>) {
        if let Some(impact) = &mut self.impact {
            impact.told = told.into_iter().map(|(word, text)| (word.to_owned(), text)).collect();
        }
    }
}

/// The place of the sizes: beside the folder that holds the revisions.
pub fn sizes_of(revision: &Utf8Path) -> Option<Utf8PathBuf> {
    Some(revision.parent()?.parent()?.join("production.csv"))
}
