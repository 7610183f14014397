//! Rows that have one key twice: those that were there, or that the revision makes itself.

use anyhow::Result;

use super::blame::shown;
use super::fixtures::FixtureSet;
use super::lane::{Lane, StairEnvironment};
use analysis::rows;
use model::code;
use model::finding::Finding;
use model::transcript::{Direction, Statement, Transcript};

/// How many further constraints of one revision are looked for.
const FURTHER_MAX: usize = 4;

impl Lane<'_> {
    /// Names the two rows that a finding about duplicates is about, as they were before the upgrade.
    /// Where there are none, and the revision writes to the table, the revision makes them.
    pub(super) fn name_colliding(&mut self, revision: &str, finding: &mut Finding) -> Result<()> {
        let is_up = finding.direction() == Some(Direction::Upgrade);
        let said = finding.transcript.as_deref().filter(|_| is_up);
        let Some(query) = said.and_then(rows::two_rows) else { return Ok(()) };
        self.clear_trial_of_roles()?;
        let trial = self.trial.database.clone();
        self.copy(None, &trial)?;
        self.fill(revision, FixtureSet::All)?;
        let found = self.trial.reader.ask(|session| match session.value(&query) {
            Ok(found) => Ok(Some(found)),
            // The table or a column has another name, or is not there yet.
            Err(_) => session.value("SELECT 1").map(|_| None),
        })?;
        self.context().interrupt.check()?;
        let makes_them = |said: &Transcript| {
            rows::writes_itself(said) && (found.is_some() || rows::adds_to_key(said))
        };
        if let Some(Some(two)) = &found {
            finding.message.push_str(&format!(": {}", shown(two)));
        } else if finding.transcript.as_deref().is_some_and(makes_them) {
            finding.code = &code::FAILS_ON_ROWS;
            finding.message.push_str(
                "; no two rows have this key before: the revision itself writes it into several \
                 rows, and must give each a key of its own",
            );
        }
        Ok(())
    }

    /// Adds the further keys of the revision that rows have twice: it is run again where those that are
    /// known come once.
    pub(super) fn name_further(
        &mut self,
        revision: &str,
        finding: &mut Finding,
        seen: &mut Vec<Statement>,
    ) -> Result<()> {
        let is_up = finding.direction() == Some(Direction::Upgrade);
        let is_of_rows = is_up && finding.code == &code::DUPLICATES_IN_ROWS;
        let mut said = finding.transcript.clone().filter(|_| is_of_rows);
        let mut apart = Vec::new();
        while let Some(sql) = said.as_deref().and_then(rows::one_of_each) {
            if apart.contains(&sql) || apart.len() == FURTHER_MAX {
                break;
            }
            apart.push(sql);
            self.clear_trial_of_roles()?;
            let trial = self.trial.database.clone();
            self.copy(None, &trial)?;
            self.fill(revision, FixtureSet::All)?;
            let mut session = self.context().session(&trial)?;
            let sql = format!("SET session_replication_role = replica;\n{}", apart.join(";\n"));
            let parted = session.execute(&sql);
            drop(session);
            self.context().interrupt.check()?;
            // A table may have another name by the time of the statement.
            if parted.is_err() {
                break;
            }
            let upgrade = ("upgrade", revision);
            let failed = self.run(upgrade, &trial, StairEnvironment::Here, seen)?.err();
            said = failed.and_then(|failed| failed.transcript);
            finding.also.extend(said.as_deref().and_then(rows::told_duplicates));
        }
        Ok(())
    }
}
