//! Steps of a tree on a server, each with a check of the state that it left.
//!
//! No step trusts an exit status. After an upgrade or a downgrade `alembic_version` must hold
//! exactly what was asked for; after the seed the row must be there; after the role step the role
//! must exist and must not be able to log in. A `sys.exit(0)` in a revision leaves a shell script
//! green with nothing applied; here it is a failure of its step.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::{Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::errors::ServerDied;
use super::tree_context::{HeadPause, TreeContext};
use crate::alembic::{Alembic, Description, Limits, Pause, PausePoint};
use crate::os::interrupt::Interrupted;
use crate::os::process;
use crate::postgres::schema::SchemaReader;
use analysis::diagnosis::{self, Known};
use analysis::graph::stored::{Applied, Link};
use model::code::{self, Severity};
use model::event::{Event, timed};
use model::finding::Finding;
use model::supply::{Role, Row};
use model::transcript::{End, RevisionInFlight, Statement, Transcript};
use model::tree::Target;

/// How long a server may take from closing its connections to its end.
const DYING: Duration = Duration::from_secs(1);

/// Run of one tree: its Alembic, its server, and the statements so far.
pub struct TreeRun<'a> {
    /// Its surroundings.
    pub context: TreeContext<'a>,
    /// The tree's Alembic.
    pub alembic: Alembic,
    /// The revision graph as Alembic reads it, or the transcript of its failure.
    pub graph: Result<Description, Transcript>,
    /// Whether a seed is still to come.
    pub before_seed: bool,
    /// Reads the schema of the tree's database.
    pub reader: RefCell<SchemaReader<'a>>,
    /// Where `upgrade head` pauses, until it did.
    pub pause: Option<HeadPause<'a>>,
    /// Every statement that was run.
    pub statements: Vec<Statement>,
    /// The contents of the version table after the last step.
    pub version: Vec<String>,
}

/// Rows that the version table must hold after a call.
#[derive(Clone, Debug)]
pub(super) enum ExpectedVersions {
    /// Exactly these revisions.
    Exactly(Vec<String>),
    /// The heads.
    Heads,
    /// The parents of the head.
    ParentsOfHead,
}

/// Outcome of one step.
#[derive(Default)]
pub(super) struct StepOutcome {
    pub(super) notes: Vec<String>,
    pub(super) findings: Vec<Finding>,
}

impl StepOutcome {
    pub(super) fn failed(finding: Finding) -> StepOutcome {
        StepOutcome { findings: vec![finding], ..StepOutcome::default() }
    }

    /// The output and exceptions of the call that failed the step.
    pub(super) fn printed(&self) -> Option<String> {
        let said = self.error().and_then(|finding| finding.transcript.as_deref());
        said.map(Transcript::printed)
    }

    /// The first finding that fails the step.
    pub(super) fn error(&self) -> Option<&Finding> {
        // Findings about a database in use fail no step.
        let is_strict = |finding: &&Finding| {
            finding.severity == Some(Severity::Error) && !finding.code.id.starts_with("MG50")
        };
        let by_code = |finding: &&Finding| finding.code.severity == Severity::Error;
        self.findings.iter().find(|finding| by_code(finding) || is_strict(finding))
    }
}

impl<'a> TreeRun<'a> {
    /// A run that has done nothing yet.
    pub fn new(
        context: TreeContext<'a>,
        alembic: Alembic,
        graph: Result<Description, Transcript>,
        pause: Option<HeadPause<'a>>,
    ) -> TreeRun<'a> {
        TreeRun {
            alembic,
            graph,
            before_seed: false,
            reader: RefCell::new(context.reader(&context.tree.database)),
            pause,
            statements: Vec::new(),
            version: Vec::new(),
            context,
        }
    }

    /// Inserts a row, and sees that it is there.
    pub(super) fn seed(&mut self, row: &Row) -> Result<StepOutcome> {
        let mut session = self.context.session(&self.context.tree.database)?;
        let said = session.transcribe(row.insert, self.context.timeout)?;
        if let Some(failed) = self.supply_failed(said) {
            return Ok(failed);
        }
        if session.value(row.exists)?.is_none() {
            let message = format!("the {} is not there after the insert", row.name);
            return Ok(StepOutcome::failed(Finding::new(&code::NOT_AS_ASKED, message)));
        }
        Ok(StepOutcome::default())
    }

    /// Creates a role, and sees that it is there and cannot log in.
    pub(super) fn create_role(&mut self, role: &Role) -> Result<StepOutcome> {
        let (database, timeout) = (&self.context.tree.database, self.context.timeout);
        let said =
            self.context.server.supply_role(role, database, timeout, self.context.interrupt)?;
        if let Some(failed) = self.supply_failed(said) {
            return Ok(failed);
        }
        let state = self.reader.borrow_mut().ask(|session| session.role(role.name))?;
        let wrong = match state {
            None => format!("there is no role {} after it was created", role.name),
            Some(state) if state.can_login => {
                format!("role {} can log in, which it cannot in production", role.name)
            }
            Some(_) => return Ok(StepOutcome::default()),
        };
        Ok(StepOutcome::failed(Finding::new(&code::NOT_AS_ASKED, wrong)))
    }

    /// The heads that `upgrade head` must reach; `None` where Alembic could not say.
    pub(super) fn heads(&self) -> Option<Vec<String>> {
        match self.context.tree.target {
            Target::Head => self.graph.as_ref().ok().map(|graph| graph.heads.clone()),
            Target::Heads => self.applied().map(|applied| applied.stored()),
        }
    }

    /// All revisions, applied.
    pub(super) fn applied(&self) -> Option<Applied<'_>> {
        let links = self.graph.as_ref().ok()?.revisions.iter().map(|revision| Link {
            revision: &revision.revision,
            parents: &revision.down_revision,
            requires: &revision.requires,
        });
        Some(Applied::all(links))
    }

    /// The downgrade target that takes this revision alone down, with these contents of the version
    /// table.
    pub(super) fn down_from(&self, revision: &str, stored: &[String]) -> String {
        let down = self.applied().and_then(|all| all.upgraded_to(stored).down(revision));
        down.map_or("-1".to_owned(), |down| down.target)
    }

    /// The contents of the version table right before the head.
    pub(super) fn parents_of_head(&self) -> Option<Vec<String>> {
        let [head] = self.graph.as_ref().ok()?.heads.as_slice() else { return None };
        Some(self.applied()?.down(head)?.stored)
    }

    /// The contents that the version table must have.
    fn resolve(&self, expected: &ExpectedVersions) -> Option<Vec<String>> {
        match expected {
            ExpectedVersions::Exactly(revisions) => Some(revisions.clone()),
            ExpectedVersions::Heads => self.heads(),
            ExpectedVersions::ParentsOfHead => self.parents_of_head(),
        }
    }

    /// Runs an Alembic command. Then checks that the version table holds the target, and that the
    /// revisions on the way were run.
    pub(super) fn run_alembic(
        &mut self,
        command: &str,
        revision: &str,
        expected: &ExpectedVersions,
        seen: &mut Vec<Statement>,
    ) -> Result<StepOutcome> {
        let said = self.call(command, revision)?;
        seen.extend(said.statements.iter().cloned());
        self.statements.extend(said.statements.iter().cloned());
        let by_hand = (self.context.by_hand)(&said.command);
        if let Some(refused) = &said.refused {
            let finding = self.foreign_database(refused)?;
            return Ok(StepOutcome::failed(Finding { by_hand, ..finding }));
        }
        if !said.ok() {
            if said.end != End::Raised {
                self.clear_away()?;
            }
            let finding = self.diagnose(said);
            return Ok(StepOutcome::failed(Finding { by_hand, ..finding }));
        }
        let expected = self.resolve(expected);
        let found = match self
            .alembic_version(expected.as_deref())
            .map_err(|err| self.explain_death(err))
        {
            // A server that died right after says nothing about the migrations.
            Err(err) if err.is::<ServerDied>() => return Err(err),
            found => found,
        };
        self.context.interrupt.check()?;
        if let Some(finding) =
            found.as_ref().ok().and_then(|(_, found)| self.nothing_committed(&said, found))
        {
            let transcript = Some(Box::new(said));
            return Ok(StepOutcome::failed(Finding { by_hand, transcript, ..finding }));
        }
        let way = (said.command.as_str(), command == "upgrade");
        let Some(message) = self.not_as_asked(way, &found, expected, &said.revisions) else {
            return Ok(StepOutcome::default());
        };
        let transcript = Some(Box::new(said));
        Ok(StepOutcome::failed(Finding {
            by_hand,
            transcript,
            ..Finding::new(&code::NOT_AS_ASKED, message)
        }))
    }

    /// The difference between the version table and the target of the call, in a sentence.
    fn not_as_asked(
        &mut self,
        (command, is_upgrade): (&str, bool),
        found: &Result<(String, Vec<String>)>,
        expected: Option<Vec<String>>,
        heard: &[RevisionInFlight],
    ) -> Option<String> {
        let holds = match found {
            Ok((name, found)) if expected.as_ref() == Some(found) => {
                let before = std::mem::replace(&mut self.version, found.clone());
                let missing = self.not_run(&before, heard, is_upgrade)?;
                return Some(format!(
                    "`{command}` exited 0 and {name} holds {}, but these revisions were never run: \
                     {missing}",
                    list(found)
                ));
            }
            Ok((name, found)) => format!("{name} holds {}", list(found)),
            Err(err) => format!("{} cannot be read: {err:#}", self.alembic.version_table.name),
        };
        let expected =
            expected.map_or("something that Alembic could not say".into(), |all| list(&all));
        Some(format!("`{command}` exited 0, but {holds}, expected {expected}"))
    }

    /// Calls Alembic. The first upgrade tells the graph as env.py leaves it, which counts from then on.
    fn call(&mut self, command: &str, revision: &str) -> Result<Transcript> {
        let context = self.context;
        let TreeContext { tree, tell, .. } = context;
        let label = &tree.label;
        let on_revision = |r: &RevisionInFlight| tell(Event::Revision { label, revision: r });
        let on_deadline = || {
            let session = context.session(&tree.database);
            // A server that does not answer any more is found out right after.
            session.ok()?.lock_holder().ok()?
        };
        let describe = command == "upgrade" && self.statements.is_empty();
        // The call pauses once.
        let at_head = command == "upgrade" && revision == tree.target.word();
        let pause = if at_head { self.pause.take() } else { None };
        let (alembic, reader, before) = (&mut self.alembic, &self.reader, &self.statements);
        let during = |stop: PausePoint<'_>| {
            if let Some(pause) = pause {
                (pause.during)(&mut reader.borrow_mut(), before, stop);
            }
        };
        let limits = Limits {
            timeout: context.timeout,
            on_revision: &on_revision,
            on_deadline: &on_deadline,
            pause: pause.map(|pause| Pause { before: pause.before, then: &during }),
            look: None,
        };
        let called =
            timed(tell, label, &format!("  alembic {command} {revision}"), || match command {
                "upgrade" => alembic.upgrade(revision, describe, &limits),
                _ => alembic.downgrade(revision, &limits).map(|said| (said, None)),
            });
        let (said, graph) = called?;
        if said.orphaned | (self.context.ends_strays && process::end_strays()) {
            self.clear_away()?;
        }
        let is_whole = self.graph.as_ref().map_or(true, |known| known.repeated.is_empty());
        if let Some(graph) = graph.filter(|_| is_whole) {
            self.graph = Ok(graph);
        }
        if let Some(pause) = pause {
            (pause.after)(self.alembic.version_tables.len());
        }
        Ok(said)
    }

    /// Ends the connections that a cut-off call left on the server.
    fn clear_away(&self) -> Result<()> {
        // Where the server cannot be reached any more, that is found out right after.
        if let Ok(mut session) = self.context.session(&self.context.tree.database) {
            let _ = session.end_others();
        }
        self.context.interrupt.check()
    }

    /// A supply's outcome, where it could not be created.
    pub(super) fn supply_failed(&self, said: Transcript) -> Option<StepOutcome> {
        if said.ok() {
            return None;
        }
        let message = said.headline().map(ToString::to_string).unwrap_or_default();
        // Without a word of the server's it is the way to it that failed, and not the supply.
        let lost = said.lost_connection() || said.sqlstate().is_none();
        let code = if lost { &code::CONNECTION_FAILED } else { &code::SUPPLY_FAILED };
        let transcript = Some(Box::new(said));
        Some(StepOutcome::failed(Finding { transcript, ..Finding::new(code, message) }))
    }

    pub(super) fn diagnose(&self, mut said: Transcript) -> Finding {
        // Reading the files failed in the same way without env.py, so the frames in env.py, which
        // any other call goes through, only lead astray.
        if let Err(unread) = &self.graph
            && said.revision.is_none()
            && said.headline() == unread.headline()
        {
            said.frames.clone_from(&unread.frames);
        }
        let before_seed = self.before_seed;
        let revisions = &self.revision_files();
        let known = Known { root: self.context.root, revisions, before_seed };
        let finding = self.with_schema_of_today(self.placed(diagnosis::diagnose(said, known)));
        let refuses = finding.code == &code::DOWNGRADE_FAILED && self.refuses(&finding);
        Finding { code: if refuses { &code::IRREVERSIBLE } else { finding.code }, ..finding }
    }

    /// Whether the revision of a finding refuses to be taken back there.
    fn refuses(&self, finding: &Finding) -> bool {
        let place = finding.place.as_ref().and_then(|place| Some((&place.file, place.line?)));
        place.is_some_and(|(file, line)| {
            let text = std::fs::read_to_string(self.context.root.join(file)).unwrap_or_default();
            diagnosis::refuses(&text, line)
        })
    }

    pub(super) fn revision_files(&self) -> Vec<(String, Utf8PathBuf)> {
        let revisions = self.graph.as_ref().map(|graph| &*graph.revisions);
        revisions.unwrap_or_default().iter().map(|r| (r.revision.clone(), r.file.clone())).collect()
    }

    /// The file of a revision.
    pub(super) fn file_of(&self, revision: &str) -> Option<&Utf8Path> {
        let mut revisions = self.graph.as_ref().ok()?.revisions.iter();
        revisions.find(|known| known.revision == revision).map(|known| known.file.as_path())
    }

    /// A step that failed because the server died says nothing about the migrations.
    pub(super) fn server_lives(&self, outcome: StepOutcome) -> Result<StepOutcome> {
        if let Some(finding) = outcome.error() {
            let lost = finding.transcript.as_deref().is_some_and(Transcript::lost_connection);
            let grace = if lost { DYING } else { Duration::ZERO };
            if let Some(death) = self.context.server.death(grace, self.context.interrupt) {
                bail!(ServerDied(death));
            }
        }
        Ok(outcome)
    }

    /// The server's death, where it is the reason for an error.
    pub(super) fn explain_death(&self, err: anyhow::Error) -> anyhow::Error {
        if err.is::<Interrupted>() || err.is::<ServerDied>() {
            return err;
        }
        match self.context.server.death(DYING, self.context.interrupt) {
            Some(death) => ServerDied(death).into(),
            None => err,
        }
    }
}

pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => "nothing".into(),
        items => items.join(", "),
    }
}
