//! The head on tables with rows, beside the official steps instead of between them.
//!
//! It is tried on a copy of the tree's database that was made before anybody waited for it, through an
//! Alembic of its own. It begins when the head has been applied, because by then its statements say
//! which tables it touches; or together with that, where it is known what it did the last time, which
//! is held against what it does now. It is waited for where its outcome is told. Only an outcome
//! without an error is taken, and that it ran past its time: whatever else comes of it is found out
//! once more, alone. So nothing is ever told wrong because two were in each other's way; and a head
//! that may change what all databases of a cluster share is not tried beside anything.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Result, bail};

use super::live::{Live, Outcome};
use super::reversal::Memory;
use crate::drivers::alembic::Description;
use crate::drivers::interrupt::Interrupt;
use crate::drivers::postgres::aside::{self, Copied};
use crate::drivers::postgres::rows;
use crate::drivers::postgres::session::VersionTable;
use analysis::rows::Touched;
use model::event::Event;
use model::transcript::Statement;
use model::used::Used;

/// The thread that tries the head, as the one that runs the steps sees it. What it does is given up
/// with this value.
pub struct Beside {
    begin: Sender<Begun>,
    done: Receiver<Result<Tried>>,
    /// What ends it, and what the head was found to touch when it was begun; `None`: it was not.
    begun: Option<(Interrupt, Touched)>,
}

/// The same, as the thread sees it.
pub struct Waiting {
    begun: Receiver<Begun>,
    done: Sender<Result<Tried>>,
}

/// What the thread needs to know of the steps.
pub struct Begun {
    /// The head.
    pub head: String,
    /// The revisions.
    pub graph: Description,
    /// Where the head's statements are in.
    pub memory: Memory,
    /// Where Alembic keeps its version.
    pub version_table: VersionTable,
    /// Where it is tried.
    pub copied: Copied,
}

/// What came of it.
#[derive(Default)]
pub struct Tried {
    /// `None`: something went wrong.
    outcome: Option<Outcome>,
    statements: Vec<Statement>,
    used: Used,
}

/// Both sides of a thread.
pub fn sides() -> (Beside, Waiting) {
    let ((begin, begun), (tell, done)) = (channel(), channel());
    (Beside { begin, done, begun: None }, Waiting { begun, done: tell })
}

impl Beside {
    /// Whether the head is being tried.
    pub(super) fn is_begun(&self) -> bool {
        self.begun.is_some()
    }
}

impl Waiting {
    /// Waits until it is to begin, if it ever is, and does it.
    pub fn work(self, work: impl FnOnce(Begun) -> Result<Tried>) {
        if let Ok(begun) = self.begun.recv() {
            // Who has given it up does not listen any more.
            let _ = self.done.send(work(begun));
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some((interrupt, _)) = &self.begun {
            interrupt.supersede();
        }
    }
}

impl Live<'_> {
    /// Has the head tried beside what follows, where it may be.
    pub(super) fn begin_beside(&mut self) {
        let (Some(_), Ok(graph)) = (&self.beside, &self.graph) else { return };
        let [head] = graph.heads.as_slice() else { return };
        if self.copied.is_none() {
            return;
        }
        if self.declared_irreversible(head).is_some() || self.reaches_others(head) {
            return;
        }
        let touches = self.touched_by(head);
        let Some(copied) = self.copied.take() else { return };
        let interrupt = copied.interrupt.clone();
        let begun = Begun {
            head: head.clone(),
            graph: graph.clone(),
            memory: Memory {
                statements: self.memory.statements.clone(),
                rows: self.memory.rows.clone(),
                roles: self.memory.roles.clone(),
                ..Memory::default()
            },
            version_table: self.alembic.version_table.clone(),
            copied,
        };
        if let Some(beside) = &mut self.beside
            && beside.begin.send(begun).is_ok()
        {
            beside.begun = Some((interrupt, touches));
            let what = format!("{}'s head is tried on rows beside the steps", self.tree.label);
            (self.tell)(Event::Reuse(&what));
        }
    }

    /// The same before the head is applied, by what it did when it was last run.
    pub(super) fn begin_beside_early(&mut self) {
        let (head, did) = (self.head(), std::mem::take(&mut self.did));
        if !did.iter().any(|statement| statement.revision.as_ref() == Some(&head)) {
            return;
        }
        let known = self.memory.statements.len();
        self.memory.statements.extend(did);
        self.begin_beside();
        self.memory.statements.truncate(known);
    }

    /// Fails where it was begun before the head was applied, and the head does what it should not have
    /// been begun beside: then nobody knows what came of which.
    pub(super) fn was_rightly_early(&self) -> Result<()> {
        if self.is_begun_beside() && self.reaches_others(&self.head()) {
            bail!("{}'s head does more than it did before", self.tree.label);
        }
        Ok(())
    }

    /// What came of it, waited for; `None`: it was not begun, it went wrong, or what was learnt of the
    /// head since leaves a doubt.
    pub(super) fn end_beside(
        &mut self,
        head: &str,
        seen: &mut Vec<Statement>,
    ) -> Result<Option<Outcome>> {
        let Some(beside) = self.beside.take() else { return Ok(None) };
        let Some((_, touches)) = &beside.begun else { return Ok(None) };
        // What it failed of is met again by who tries it alone.
        let tried = beside.done.recv().ok().and_then(Result::ok).unwrap_or_default();
        self.interrupt.check()?;
        self.alembic.used.join(tried.used);
        let doubted = self.reaches_others(head) || self.touches_more(head, touches)?;
        let Some(outcome) = tried.outcome.filter(|_| !doubted) else {
            let what = format!("{}'s head is tried on rows once more, alone", self.tree.label);
            (self.tell)(Event::Reuse(&what));
            return Ok(None);
        };
        seen.extend(tried.statements.iter().cloned());
        self.memory.statements.extend(tried.statements);
        Ok(Some(outcome))
    }

    /// Tries the head, as the thread does it.
    pub fn try_beside(&mut self, head: &str) -> Result<Tried> {
        let mut statements = Vec::new();
        let outcome = self.head_on_copied_rows(head, &mut statements)?;
        Ok(Tried { outcome, statements, used: std::mem::take(&mut self.alembic.used) })
    }

    /// Whether the head touches a table that it was not known to touch.
    fn touches_more(&self, head: &str, known: &Touched) -> Result<bool> {
        let now = self.touched_by(head);
        let mut words: BTreeSet<String> = now.emptied.difference(&known.emptied).cloned().collect();
        match (known.names.as_ref(), now.names) {
            (Some(known), Some(now)) => words.extend(now.difference(known).cloned()),
            (Some(_), None) => return Ok(true),
            (None, _) => {}
        }
        // Most words are names of something else.
        self.watch.borrow_mut().ask(|session| rows::any_table(session, &words))
    }

    fn reaches_others(&self, head: &str) -> bool {
        self.texts_of(head).iter().any(|text| aside::may_reach_others(text))
    }
}
