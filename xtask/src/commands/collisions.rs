//! `cargo xtask migration-gate collisions`: what will collide once other branches are merged.

use anyhow::{Result, bail};

use crate::flags::Collisions;
use crate::gate::lint;
use crate::lint::Terms;
use crate::os::interrupt::Interrupt;

/// What was found.
pub struct Told {
    /// For stdout.
    pub text: String,
    /// Whether a revision of this branch collides.
    pub collides: bool,
}

/// Looks at the branches that were fetched. Fails where there is no repository to look at.
pub fn run(flags: &Collisions, interrupt: &Interrupt) -> Result<Told> {
    let terms = Terms { others: true, every_branch: true, ..Terms::since(flags.since.as_deref()) };
    let (_, surveys) = lint::surveys(&flags.which, terms, interrupt)?;
    let mut told = Told { text: String::new(), collides: false };
    for (tree, survey) in &surveys {
        let Some(rev) = &survey.base.rev else {
            bail!(
                "cannot say what collides: {}",
                survey.base.reason.as_deref().unwrap_or_default()
            );
        };
        let label = &tree.label;
        if survey.collisions.is_empty() {
            told.text.push_str(&format!("{label}: no other branch collides with it or {rev}\n"));
        }
        for collision in &survey.collisions {
            let (what, who, remedy) = (&collision.what, &collision.who, &collision.remedy);
            told.text.push_str(&format!("{label}: {what} ({who})\n    {remedy}\n"));
            told.collides |= collision.ours;
        }
        // What the base itself has by now collides as well.
        let taken =
            survey.findings.iter().filter(|finding| ID_OR_PARENT.contains(&finding.code.id));
        for finding in taken {
            told.text.push_str(&format!("{label}: {}: {}\n", finding.code.id, finding.message));
            told.collides = true;
        }
    }
    Ok(told)
}

/// The findings that say that the base has gone on.
const ID_OR_PARENT: [&str; 2] = ["MG206", "MG216"];
