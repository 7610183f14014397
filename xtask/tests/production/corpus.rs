//! The measured corpus: each case is made on a copy of its base, and what is seen of it is what was
//! measured.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use super::rehearsal::Place;
use crate::alembic::{Alembic, Connection, Limits};
use crate::test_server::TestServer;
use analysis::production::{Facts, Setting, Text, breaks, judge, prepared};
use model::code::{SAFE_FORMS, SafeForm, Severity};
use model::finding::Finding;
use model::production::{Blocked, MODES, Oid, Rehearsal, Relation, Way};
use model::transcript::Direction;
use model::tree::Tree;

const ENV: &str = "\
import os, sqlalchemy
from alembic import context
engine = sqlalchemy.create_engine(os.environ['DATABASE_URL'], poolclass=sqlalchemy.pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=PER_MIGRATION)
    with context.begin_transaction():
        context.run_migrations()
";
const HEAD: &str = "\
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
";
/// Below it nothing that happens to a table takes time.
const SMALL: u64 = 100;

/// A revision on the base, and what was measured of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    before: Option<String>,
    together: Option<String>,
    up: String,
    down: String,
    seen_up: Seen,
    seen_down: Seen,
    /// Words of the safe form that the upgrade's first finding names.
    instead: Option<String>,
}

/// What a way does.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Seen {
    locks: BTreeMap<String, String>,
    rewrites: BTreeSet<String>,
    scans: BTreeSet<String>,
    blocks: BTreeMap<String, String>,
    through: BTreeMap<String, BTreeSet<(String, String)>>,
    breaks: BTreeSet<String>,
    prepared: BTreeSet<String>,
    held_over: BTreeMap<String, BTreeSet<String>>,
    rebuilt: BTreeSet<String>,
    row_locks: BTreeSet<String>,
    idle: BTreeSet<String>,
    two_tables: BTreeSet<String>,
    lost: BTreeSet<String>,
    lock_timeout: Option<String>,
    hazards: BTreeSet<String>,
}

/// How many rows a relation has, with those of its parts.
fn rows_of(way: &Way, r: &Relation) -> u64 {
    match r.kind {
        'v' => SMALL,
        'p' => {
            let parts =
                way.before.catalog.relations.iter().filter(|part| part.parent == Some(r.oid));
            parts.filter_map(|part| way.before.rows.get(&part.oid)).sum()
        }
        _ => way.before.rows.get(&r.oid).copied().unwrap_or_default(),
    }
}

/// What was seen of a way, in the words of the corpus.
fn seen(rehearsal: &Rehearsal, way: &Way, prepares: bool) -> Seen {
    let rows = |r: &Relation| rows_of(way, r);
    let facts = Facts::of(way, |r| rows(r) < SMALL);
    let relations: BTreeMap<Oid, &Relation> =
        way.before.catalog.relations.iter().map(|r| (r.oid, r)).collect();
    let name = |oid: &Oid| relations[oid].name.clone();
    let names = |oids: &BTreeSet<Oid>| -> BTreeSet<String> { oids.iter().map(name).collect() };
    let word = |what: Blocked| format!("{what:?}").to_lowercase();
    let uses = &rehearsal.uses;
    let failing = breaks(&rehearsal.first, uses, (&way.before, &way.after), &facts.lost);
    let is_first = |oid: &&Oid| rehearsal.first.relations.iter().any(|r| r.oid == **oid);
    let is_big = |oid: &&Oid| rows(relations[*oid]) >= SMALL;
    let lost: BTreeSet<Oid> = facts.lost.iter().filter(is_big).filter(is_first).copied().collect();
    let two = facts.two_steps.iter().flatten().map(|(_, oid)| name(oid)).collect::<BTreeSet<_>>();
    let blocking = |oid: &Oid| facts.locks.get(oid).is_some_and(|mode| *mode >= 5);
    let rewritten = |oid: &Oid| is_big(&oid) && blocking(oid) && !lost.contains(oid);
    let hazards = [
        ("rewrite", facts.rewrites.iter().any(rewritten)),
        ("scan", facts.scans.iter().any(|oid| is_big(&oid) && !facts.rewrites.contains(oid))),
        ("held_over", !facts.held_over.is_empty()),
        ("idle_while_holding", !facts.idle.is_empty()),
        ("row_locks", !facts.row_locks.is_empty()),
        ("two_tables", !two.is_empty()),
        ("breaks_old_app", !failing.is_empty()),
        ("loses_rows", !lost.is_empty()),
    ];
    let hazards = hazards.iter().filter(|(_, is)| *is).map(|(word, _)| (*word).to_owned());
    let tables = facts.locks.iter().filter(|(oid, _)| "rpmv".contains(relations[oid].kind));
    Seen {
        locks: tables
            .map(|(oid, mode)| (name(oid), MODES[usize::from(*mode) - 1].to_owned()))
            .collect(),
        rewrites: names(&facts.rewrites),
        scans: names(&facts.scans),
        blocks: facts.blocks.iter().map(|(oid, what)| (name(oid), word(*what))).collect(),
        through: facts
            .through
            .iter()
            .map(|(oid, all)| {
                (name(oid), all.iter().map(|(what, on)| (word(*what), name(on))).collect())
            })
            .collect(),
        breaks: failing.iter().map(ToString::to_string).collect(),
        prepared: match prepares {
            true => prepared(&rehearsal.first, &way.after.catalog)
                .into_iter()
                .map(|(oid, column)| format!("{}.{column}", name(&oid)))
                .collect(),
            false => BTreeSet::new(),
        },
        held_over: facts.held_over.iter().map(|(oid, all)| (name(oid), names(all))).collect(),
        rebuilt: names(&facts.rebuilt),
        row_locks: names(&facts.row_locks),
        idle: names(&facts.idle),
        two_tables: two,
        lost: names(&lost),
        lock_timeout: facts.lock_timeout.clone(),
        hazards: hazards.collect(),
    }
}

/// The worker's connection again, and what is wrong.
type Ran = (Connection, Vec<String>);

/// What both ways do.
struct Bench<'a> {
    server: &'a TestServer,
    folder: Utf8PathBuf,
}

impl Bench<'_> {
    fn write(&self, case: Option<&Case>) -> Tree {
        let folder = self.folder.join(case.map_or("base", |case| &case.name));
        fs::create_dir_all(folder.join("versions")).unwrap();
        let one = case.is_some_and(|case| case.together.as_deref() == Some("one"));
        let write = |file: &str, text: String| fs::write(folder.join(file), text).unwrap();
        write("alembic.ini", "[alembic]\nscript_location = %(here)s\n".into());
        write("env.py", ENV.replace("PER_MIGRATION", if one { "False" } else { "True" }));
        let revision = |id: &str, parent: &str, up: &str, down: &str| {
            let indent = |body: &str| body.trim_end().replace('\n', "\n    ");
            let text = format!(
                "{HEAD}\nrevision = '{id}'\ndown_revision = {parent}\n\n\ndef upgrade():\n    {}\n\n\ndef downgrade():\n    {}\n",
                indent(up),
                indent(down)
            );
            fs::write(folder.join(format!("versions/{id}.py")), text).unwrap();
        };
        let base = include_str!("../../test_data/production/base.sql");
        let base = serde_json::to_string(base).unwrap();
        revision("0001", "None", &format!("op.execute({base})"), "raise NotImplementedError");
        let Some(case) = case else { return self.tree(&folder) };
        let mut parent = "'0001'";
        if let Some(before) = &case.before {
            revision("0002", parent, before, "pass");
            parent = "'0002'";
        }
        revision("0003", parent, &case.up, &case.down);
        self.tree(&folder)
    }

    fn tree(&self, folder: &Utf8Path) -> Tree {
        let ini = folder.join("alembic.ini");
        Tree::plain(&ini, "alembic", None).unwrap()
    }

    fn alembic(&self, connection: Connection, tree: &Tree) -> Alembic {
        let TestServer { cluster, interrupt, .. } = self.server;
        Alembic::new(connection, tree, &cluster.endpoint, interrupt).unwrap()
    }

    /// Rehearses a case on a copy of the base.
    fn rehearse(&self, case: &Case, connection: Connection) -> (Connection, Rehearsal) {
        let mut tree = self.write(Some(case));
        let database = "case";
        tree.database = database.into();
        self.server.session("postgres").drop_database(database).unwrap();
        self.server
            .session("postgres")
            .create_database(database, Some("base"), Some("FILE_COPY"))
            .unwrap();
        let mut alembic = self.alembic(connection, &tree);
        let one = case.together.as_deref() == Some("one");
        let mut go = |up: bool, target: &str, look: Option<&dyn Fn(model::production::Look)>| {
            let limits = Limits { look, ..Limits::of(Duration::from_secs(60)) };
            let said = match up {
                true => alembic.upgrade(target, false, &limits).unwrap().0,
                false => alembic.downgrade(target, &limits).unwrap(),
            };
            assert!(said.ok(), "{}: {target}: {:?}", case.name, said.headline());
        };
        if case.before.is_some() && !one {
            go(true, "0002", None);
        }
        let tables = ["alembic_version".to_owned()];
        let place = Place {
            endpoint: &self.server.cluster.endpoint,
            database,
            interrupt: &self.server.interrupt,
            version_tables: &tables,
        };
        let rehearsal = place
            .rehearse(true, |up, look| {
                go(up, if up { "head" } else { "-1" }, Some(look));
                Ok(true)
            })
            .unwrap()
            .unwrap();
        (alembic.into_connection().unwrap(), rehearsal)
    }

    /// How what is seen of each way of a case differs from what was measured.
    fn run(&self, case: &Case, connection: Connection) -> Ran {
        let (connection, rehearsal) = self.rehearse(case, connection);
        let mut wrong = Vec::new();
        let down = rehearsal.down.as_ref().unwrap();
        let ways = [(&rehearsal.up, &case.seen_up, "up"), (down, &case.seen_down, "down")];
        for (way, measured, told) in ways {
            let seen = seen(&rehearsal, way, told == "up" && case.before.is_none());
            if seen != *measured {
                let (is, was) = (format!("{seen:#?}"), format!("{measured:#?}"));
                wrong.push(format!("{} {told}:\n{}", case.name, differing(&was, &is)));
            }
        }
        wrong.extend(judged(case, &rehearsal, &self.folder.join(&case.name)));
        (connection, wrong)
    }

    /// What is wrong with a safe form: its bad form must have the hazard, and its good one none, up and
    /// down.
    fn run_form(&self, form: &SafeForm, number: usize, connection: Connection) -> Ran {
        let case = |name: String, up: &str, down: &str| Case {
            name,
            before: None,
            together: None,
            up: up.into(),
            down: down.into(),
            seen_up: Seen::default(),
            seen_down: Seen::default(),
            instead: None,
        };
        let bad = case(format!("bad_{number}"), form.bad, "pass");
        let (connection, rehearsal) = self.rehearse(&bad, connection);
        let told = findings(&bad, &rehearsal, &self.folder.join(&bad.name));
        let is_told = told.iter().any(|f| tells(f, form.code.id) && f.severity() != Severity::Note);
        let lacks = (!is_told).then(|| format!("{}: {} is not told", form.what, form.code.id));
        let good = case(format!("good_{number}"), form.good, form.back);
        let (connection, rehearsal) = self.rehearse(&good, connection);
        let loud = judged(&good, &rehearsal, &self.folder.join(&good.name)).into_iter();
        (connection, lacks.into_iter().chain(loud).collect())
    }
}

/// What is said of a case, where no sizes are known.
fn findings(case: &Case, rehearsal: &Rehearsal, folder: &Utf8Path) -> Vec<Finding> {
    let text = |id: &str| {
        let file = folder.join(format!("versions/{id}.py"));
        let text = fs::read_to_string(&file).unwrap();
        Text { revision: id.into(), shown: file.clone(), file, text }
    };
    let one = case.together.as_deref() == Some("one");
    let revisions: Vec<Text> =
        one.then(|| text("0002")).into_iter().chain([text("0003")]).collect();
    let filled = BTreeSet::new();
    let setting = Setting { revisions: &revisions, sizes: None, today: 0, filled: &filled };
    judge(rehearsal, &setting).findings
}

/// Whether a finding is of a code. Rows of a table that waits for the same statement are told beside that.
fn tells(finding: &Finding, code: &str) -> bool {
    finding.code.id == code || finding.also.iter().any(|also| also.starts_with(code))
}

/// What is wrong with what is said of a case, where no sizes are known: each hazard has its code, a line
/// and a table, and of a way without hazards nothing is said above a note.
fn judged(case: &Case, rehearsal: &Rehearsal, folder: &Utf8Path) -> Vec<String> {
    let told = findings(case, rehearsal, folder);
    let mut wrong = Vec::new();
    let named = told.first().and_then(|finding| finding.remedies().into_iter().next());
    if let Some(form) = &case.instead
        && !named.as_ref().is_some_and(|named| named.contains(form))
    {
        wrong.push(format!("{}: {form} is not named, but {named:?}", case.name));
    }
    for (direction, measured) in
        [(Direction::Upgrade, &case.seen_up), (Direction::Downgrade, &case.seen_down)]
    {
        let of = |f: &&Finding| f.impact.as_ref().is_some_and(|i| i.direction == direction);
        let findings: Vec<&Finding> = told.iter().filter(of).collect();
        for hazard in &measured.hazards {
            let (code, tables): (&str, BTreeSet<&String>) = match hazard.as_str() {
                "rewrite" => ("MG500", measured.rewrites.iter().collect()),
                "scan" => ("MG500", measured.scans.iter().collect()),
                "held_over" => ("MG500", measured.held_over.keys().collect()),
                "idle_while_holding" => ("MG500", measured.idle.iter().collect()),
                "row_locks" => ("MG503", measured.row_locks.iter().collect()),
                "loses_rows" => ("MG503", measured.lost.iter().collect()),
                "two_tables" => ("MG502", measured.two_tables.iter().collect()),
                _ => ("MG501", BTreeSet::new()),
            };
            let found = findings.iter().find(|f| {
                let lines: Vec<&String> = f.also.iter().chain([&f.message]).collect();
                let names =
                    |table: &&String| lines.iter().any(|line| line.contains(&format!("`{table}`")));
                let is_one = tables.is_empty() || tables.iter().any(names);
                tells(f, code) && is_one && f.place.as_ref().is_some_and(|p| p.line.is_some())
            });
            if found.is_none() {
                wrong.push(format!("{} {direction}: {hazard} is not told", case.name));
            }
        }
        let loud = findings.iter().find(|f| f.severity() != Severity::Note);
        if let (true, Some(finding)) = (measured.hazards.is_empty(), loud) {
            wrong.push(format!("{} {direction}: {}", case.name, finding.message));
        }
    }
    wrong
}

/// The lines that only one of two texts has.
fn differing(was: &str, is: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (was, is) = (lines(was), lines(is));
    let only = |of: &[String], other: &[String], mark: &str| -> String {
        of.iter().filter(|l| !other.contains(l)).map(|l| format!("  {mark}{l}\n")).collect()
    };
    only(&was, &is, "measured ") + &only(&is, &was, "seen     ")
}

/// Makes the base, and fails with what differs in what runs on copies of it.
fn check<T>(all: &[T], mut run: impl FnMut(&Bench<'_>, usize, &T, Connection) -> Ran) {
    let server = TestServer::start();
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap();
    let bench = Bench { server: &server, folder: path };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let console = crate::recipes::console::TREE.at(&Utf8PathBuf::from_path_buf(root).unwrap());
    let (interpreter, connection) = server.worker(&console);
    server.session("postgres").create_database("base", None, None).unwrap();
    let mut tree = bench.write(None);
    tree.database = "base".into();
    let mut alembic = bench.alembic(connection, &tree);
    let limits = Limits::of(Duration::from_secs(120));
    let said = alembic.upgrade("0001", false, &limits).unwrap().0;
    assert!(said.ok(), "{:?}", said.headline());
    let mut connection = alembic.into_connection().unwrap();
    let mut wrong = Vec::new();
    for (number, one) in all.iter().enumerate() {
        let (free, differs) = run(&bench, number, one, connection);
        connection = free;
        wrong.extend(differs);
    }
    drop((connection, interpreter));
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn each_case_is_seen_as_it_was_measured() {
    let text = include_str!("../../test_data/production/cases.yaml");
    let mut cases: Vec<Case> = serde_yaml::from_str(text).unwrap();
    let only = std::env::var("PRODUCTION_CASE").unwrap_or_default();
    cases.retain(|case| case.name.contains(&only));
    let check = |half| check(half, |bench, _, case, free| bench.run(case, free));
    // No other test of the binary takes as long.
    let halves = cases.chunks(cases.len().div_ceil(2));
    std::thread::scope(|scope| halves.for_each(|half| drop(scope.spawn(move || check(half)))));
}

/// Beside the cases, on a server of its own: both take turns with one worker each.
#[test]
fn each_safe_form_is_told_from_its_hazard() {
    check(SAFE_FORMS, |bench, number, form, connection| bench.run_form(form, number, connection));
}
