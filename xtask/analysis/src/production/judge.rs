//! Findings about a change in production, and the notes for a change without findings.

use super::breaks::{Break, Kind, breaks, prepared};
use super::exceptions::Exceptions;
use super::fold::{lost_with_table, once_a_remedy, waits_once};
use super::instead::{instead, instead_of};
use super::place::{line_of, place, place_named};
use super::seen::seen;
use super::setting::{Judged, Setting};
use super::sizes::{Work, days};
use super::statements::Ran;
use super::view::View;
use super::waits::{Stand, stands};
use super::weight::weigh;
use super::wording::{
    CHOSEN, also, blocked, fails, grows_with, locked, lost, of_back, sound, there,
};
use crate::schema_diff::Declaration;
use model::code::{self, Code, Severity};
use model::finding::Finding;
use model::production::{Impact, Oid, Rehearsal, SHARE, Way};
use model::transcript::Direction;

/// Judges a change both ways.
pub fn judge(rehearsal: &Rehearsal, setting: &Setting<'_>) -> Judged {
    let mut judge =
        Judge { rehearsal, setting, judged: Judged::default(), exceptions: Exceptions::default() };
    let down = rehearsal.down.as_ref().map(|way| judge.view(way));
    let up = judge.view(&rehearsal.up);
    let back = down.as_ref().map(stands).unwrap_or_default();
    judge.way(&up, Direction::Upgrade, Some((&back, down.as_ref())));
    let is_sound = judge.judged.findings.is_empty();
    if let Some(down) = &down {
        judge.way(down, Direction::Downgrade, None);
    }
    if is_sound {
        // A way back that blocks statements has a finding of its own.
        let back = down.as_ref().filter(|_| judge.judged.findings.is_empty());
        judge.judged.lines = sound(setting.revisions, &up, back, rehearsal.tried());
    }
    let untried = rehearsal.untried_roles();
    let told =
        untried.iter().map(|(role, why)| format!("what breaks for `{role}` is not known: {why}"));
    judge.judged.lines.extend(told);
    judge.once(&up);
    judge.judged.findings = once_a_remedy(judge.judged.findings);
    if untried.is_empty() {
        let unneeded = judge.exceptions.unneeded(setting.revisions);
        judge.judged.findings.extend(unneeded);
    }
    judge.judged
}

struct Judge<'a> {
    rehearsal: &'a Rehearsal,
    setting: &'a Setting<'a>,
    judged: Judged,
    exceptions: Exceptions,
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
        // A table that only waits for the work on another one is a line of that one's finding.
        let (own, others): (Vec<Stand>, Vec<Stand>) =
            stands(view).into_iter().partition(Stand::works);
        for stand in own.iter().chain(&others) {
            self.stand(view, direction, stand, back);
        }
        let Rehearsal { first, uses, .. } = self.rehearsal;
        let broken = breaks(first, uses, (&view.way.before, &view.way.after), &view.facts.lost);
        self.breaks(view, direction, &broken);
        for steps in &view.facts.two_steps {
            self.deadlock(view, direction, steps);
        }
        let lost = view.facts.lost.iter().filter(|oid| view.is_big(**oid) && view.is_old(**oid));
        let lost: Vec<(Oid, bool)> = lost.map(|oid| (*oid, true)).collect();
        let held = view.facts.row_locks.iter().filter(|oid| !view.facts.lost.contains(oid));
        for (oid, is_lost) in held.map(|oid| (*oid, false)).chain(lost) {
            self.rows(view, direction, oid, is_lost);
        }
        let seen = seen(self.setting.revisions, view, direction, (&broken, self.rehearsal.tried()));
        self.judged.seen.push(seen);
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
        let parts: Vec<String> =
            stand.parts.iter().map(|part| format!("`{}`", view.name(*part))).collect();
        let parts = match parts.is_empty() {
            true => String::new(),
            false => format!(" ({})", parts.join(", ")),
        };
        let size = grows_with(view, stand);
        let message = blocked(stand.what(), &name, &parts, stand.seconds, &size);
        let mut told = vec![("seen", stand.seen(view))];
        told.extend(there(view.sizes, extent).map(|there| ("there", there)));
        told.extend(also(view, stand.table).map(|also| ("also", also)));
        told.extend(back.map(|(back, down)| ("back", of_back(stand, back, down))));
        told.push(("instead", stand.instead(view)));
        let weight = weigh(stand.seconds, extent, direction);
        let about = (direction, name.as_str());
        let mut finding = self.finding(&code::WHO_WAITS, about, weight, (message, told));
        place(self.setting.revisions, &mut finding, view, stand.statement);
        self.exceptions.excuse(
            self.setting.revisions,
            &mut finding,
            |d| matches!(d, Declaration::Blocks { table, .. } if *table == name),
        );
        if finding.allowed.is_none() && stand.is_chosen(view) {
            (finding.severity, finding.allowed) = (Some(Severity::Note), Some(CHOSEN.to_owned()));
        }
        let of: Vec<String> = stand.work.iter().map(|(on, _)| view.name(*on)).collect();
        let of = if stand.works() { Vec::new() } else { of };
        waits_once(&mut self.judged.findings, finding, &of);
    }

    /// MG501, and a note of prepared statements.
    fn breaks(&mut self, view: &View<'_>, direction: Direction, broken: &[Break]) {
        for broken in broken {
            let count = broken.count;
            let message = format!(
                "{} ({count} of {} statements tried)",
                fails(&broken.name, &broken.kind, &broken.said),
                self.rehearsal.tried()
            );
            let invented = matches!(broken.kind, Kind::Refused { .. } | Kind::Other { .. })
                && self.setting.filled.contains(&broken.name);
            // Without sizes, the tree may not be in production.
            let weight = match (direction, self.setting.sizes) {
                // The gate itself made the value up.
                _ if invented => Severity::Note,
                (Direction::Upgrade, Some(_)) => Severity::Error,
                (Direction::Upgrade, None) | (Direction::Downgrade, Some(_)) => Severity::Warning,
                (Direction::Downgrade, None) => Severity::Note,
            };
            let about = (direction, broken.name.as_str());
            let seen = format!("`{}`: {}", broken.sql, broken.said);
            let told = vec![("seen", seen), ("instead", instead_of(&broken.kind))];
            let mut finding = self.finding(&code::BREAKS_RUNNING, about, weight, (message, told));
            place_named(self.setting.revisions, &mut finding, view, broken);
            let dropped = match &broken.kind {
                Kind::ColumnDropped { column } => Some(format!("{}.{column}", broken.name)),
                Kind::TableDropped | Kind::ViewDropped => Some(broken.name.clone()),
                _ => None,
            };
            finding.subject.clone_from(&dropped);
            // A finding about a table covers all of its parts.
            let is = |what: &str| broken.name == what || dropped.as_deref() == Some(what);
            self.exceptions.excuse(
                self.setting.revisions,
                &mut finding,
                |d| matches!(d, Declaration::Unused { what, .. } if is(what)),
            );
            self.judged.findings.push(finding);
        }
        if direction == Direction::Upgrade {
            for (oid, column) in prepared(&self.rehearsal.first, &view.way.after.catalog) {
                let name = view.name(oid);
                let message = format!(
                    "prepared statements that read `{name}.{column}` fail once: its type changes"
                );
                let finding = self.finding(
                    &code::BREAKS_RUNNING,
                    (direction, &name),
                    Severity::Note,
                    (message, Vec::new()),
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
                let line = line_of(self.setting.revisions, view, *at)
                    .map(|(_, line)| format!(" from line {line} on"));
                format!("`{}` is blocked{}", view.name(*oid), line.unwrap_or_default())
            })
            .collect();
        let told = vec![
            ("seen", format!("{}, all until the commit", lines.join(", "))),
            (
                "instead",
                format!(
                    "one revision a table, each in a transaction of its own; or both at once, first: `LOCK TABLE {first}, {second} IN ACCESS EXCLUSIVE MODE`"
                ),
            ),
        ];
        let about = (direction, second.as_str());
        let weight = code::DEADLOCK.severity;
        let mut finding = self.finding(&code::DEADLOCK, about, weight, (message, told));
        place(self.setting.revisions, &mut finding, view, *last);
        let names: Vec<String> = steps.iter().map(|(_, oid)| view.name(*oid)).collect();
        self.exceptions.excuse(
            self.setting.revisions,
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
        let seconds = view.sizes.and_then(|sizes| sizes.seconds_of(Work::Update, extent));
        let message = match is_lost {
            true => lost("", &name),
            false => locked("most", &name, "until the commit"),
        };
        let weight = weigh(seconds, extent, direction);
        let mut told = Vec::new();
        told.extend(there(view.sizes, extent).map(|there| ("there", there)));
        told.push(("instead", instead(&[Work::Update])));
        let about = (direction, name.as_str());
        let mut finding = self.finding(&code::WHOLE_TABLE, about, weight, (message, told));
        if let Some(at) = at {
            place(self.setting.revisions, &mut finding, view, at);
        }
        self.exceptions.excuse(
            self.setting.revisions,
            &mut finding,
            |d| matches!(d, Declaration::Blocks { table, .. } if *table == name),
        );
        let is_told = match is_lost {
            true => lost_with_table(&mut self.judged.findings, &finding),
            false => self.is_told_beside(&finding),
        };
        if !is_told {
            self.judged.findings.push(finding);
        }
    }

    /// Whether the same statement makes the same table wait: that finding then covers its rows.
    fn is_told_beside(&mut self, rows: &Finding) -> bool {
        let table = |finding: &Finding| {
            finding.impact.as_ref().map(|impact| (impact.direction, impact.table.clone()))
        };
        let is_its = |f: &&mut Finding| {
            f.code == &code::WHO_WAITS
                && f.statement == rows.statement
                && f.place == rows.place
                && table(f) == table(rows)
        };
        let Some(known) = self.judged.findings.iter_mut().find(is_its) else { return false };
        known.also.push(format!("{}: {}", rows.code.id, rows.message));
        true
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
                    format!(
                        "it waits for the lock on `{table}` without limit: `lock_timeout` is set after it"
                    )
                }
                false => format!(
                    "it waits for the lock on `{table}` without limit, and whoever uses `{table}` meanwhile waits behind it: no `lock_timeout` is set"
                ),
            };
            let about = (Direction::Upgrade, table.as_str());
            let mut finding =
                self.finding(&code::NO_LOCK_TIMEOUT, about, Severity::Note, (message, Vec::new()));
            place(self.setting.revisions, &mut finding, view, at);
            finding.statement = None;
            self.judged.findings.push(finding);
        }
        let of_size = |f: &Finding| f.code == &code::WHO_WAITS || f.code == &code::WHOLE_TABLE;
        let needs =
            self.judged.findings.iter().any(|f| of_size(f) && f.severity() != Severity::Note);
        let message = match self.setting.sizes {
            None if needs => "there is no production.csv beside the tree's `versions`".to_owned(),
            Some(sizes) if days(&sizes.on).is_none() => {
                "production.csv does not say when it was exported, in a column `on`".to_owned()
            }
            Some(sizes) if sizes.is_old(self.setting.today) => {
                format!("production.csv is of {}: more than 90 days old", sizes.on)
            }
            _ => return,
        };
        let finding = Finding::new(&code::SIZES, message);
        self.judged.findings.push(finding);
    }

    fn finding(
        &self,
        code: &'static Code,
        (direction, table): (Direction, &str),
        weight: Severity,
        (message, told): (String, Vec<(&str, String)>),
    ) -> Finding {
        let told = told.into_iter().map(|(word, text)| (word.to_owned(), text)).collect();
        let impact = Impact { direction, table: table.to_owned(), told };
        let is_of_table = [&code::WHO_WAITS, &code::WHOLE_TABLE].contains(&code);
        Finding {
            subject: is_of_table.then(|| table.to_owned()),
            severity: Some(weight),
            impact: Some(Box::new(impact)),
            ..Finding::new(code, message)
        }
    }
}
