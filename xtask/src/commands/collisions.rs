//! `cargo xtask migration-gate collisions`: revisions that will collide once other branches are
//! merged.

use anyhow::{Result, bail};

use crate::flags::Collisions;
use crate::gate::lint;
use crate::lint::LintOptions;
use crate::os::interrupt::Interrupt;
use crate::os::process::quote_all;
use analysis::collisions::Collision;
use model::called;
use model::code;

/// Report of `collisions`.
pub struct CollisionsReport {
    /// For stdout.
    pub text: String,
    /// Whether a revision of this branch collides.
    pub collides: bool,
    /// Whether some of the other branches could not be looked at.
    pub unseen: bool,
}

impl CollisionsReport {
    /// The exit status.
    pub fn status(&self) -> u8 {
        match (self.collides, self.unseen) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 0,
        }
    }
}

/// Looks at the branches that were fetched. Fails where there is no repository to look at.
pub fn run(flags: &Collisions, interrupt: &Interrupt) -> Result<CollisionsReport> {
    let terms = LintOptions {
        others: true,
        every_branch: true,
        ..LintOptions::since(flags.since.as_deref())
    };
    let (_, surveys) = lint::surveys(&flags.which, terms, interrupt)?;
    let mut told = CollisionsReport { text: String::new(), collides: false, unseen: false };
    for (tree, survey) in &surveys {
        if survey.graph.revisions.is_empty() {
            let found = survey.findings.first().map(|finding| finding.message.as_str());
            bail!("{} has no revision: {}", tree.label, found.unwrap_or_default());
        }
        let Some(rev) = &survey.base.rev else {
            bail!(
                "cannot say what collides: {}",
                survey.base.reason.as_deref().unwrap_or_default()
            );
        };
        let (label, named) = (&tree.label, quote_all(tree.arguments().iter()));
        let mut lines: Vec<String> = survey
            .collisions
            .iter()
            .map(|Collision { what, who, remedy, .. }| format!("{what} ({who})\n    {remedy}"))
            .collect();
        told.collides |= survey.collisions.iter().any(|collision| collision.ours);
        // The base branch itself may have colliding revisions by now.
        let on_base = [&code::ID_TAKEN, &code::NOT_ON_BASE_HEAD];
        for finding in survey.findings.iter().filter(|finding| on_base.contains(&finding.code)) {
            let message = &finding.message;
            lines.push(format!(
                "{message}\n    rebase on {rev}, then `{} renumber {named}`",
                called::gate()
            ));
            told.collides = true;
        }
        let reason = survey.base.reason.as_ref().map(|reason| format!("{rev}: {reason}"));
        let unseen: Vec<String> = reason.into_iter().chain(survey.unseen.clone()).collect();
        if lines.is_empty() {
            lines.push(match unseen.is_empty() {
                true => {
                    format!("no revision of another branch collides with one of yours or of {rev}")
                }
                false => "cannot say whether another branch collides:".to_owned(),
            });
        }
        told.unseen |= !unseen.is_empty();
        lines.extend(unseen);
        told.text.extend(lines.iter().map(|line| format!("{label}: {line}\n")));
    }
    Ok(told)
}
