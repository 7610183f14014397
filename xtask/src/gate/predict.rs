//! Lint run of the gate, while Alembic is imported, and its comparison with the steps.

use anyhow::Result;

use super::context::{GateContext, TreeLints};
use crate::alembic::Description;
use crate::lint::{self, LintOptions, TreeLint};
use analysis::graph::compare;
use analysis::predicted::{self, Proofs};
use analysis::{elsewhere, later, once};
use model::code;
use model::event::{Event, timed};
use model::finding::{Finding, Standing};
use model::report::Report;
use model::step::{Status, Step};
use model::tree::Tree;

impl GateContext<'_> {
    /// The lint results; waits for them.
    pub fn surveys(&self) -> Option<&Result<TreeLints>> {
        let surveys = self.surveys?;
        Some(surveys.get_or_init(|| timed(self.tell, "Gate", "lints", || self.lint())))
    }

    /// The lint result of one tree.
    pub fn survey(&self, index: usize) -> Option<&TreeLint> {
        let surveys = self.surveys()?.as_ref().ok()?;
        surveys.iter().find(|(known, _)| *known == index).map(|(_, survey)| survey)
    }

    /// Lints the trees, which takes milliseconds, and reports the findings while the interpreter
    /// starts. The steps run all the same, so that the proof stands beside the prediction.
    fn lint(&self) -> Result<TreeLints> {
        // A tree whose ini cannot be read is a finding of its own.
        let readable: Vec<usize> =
            (0..self.trees.len()).filter(|i| self.trees[*i].ini_path().is_file()).collect();
        let trees: Vec<Tree> = readable.iter().map(|index| self.trees[*index].clone()).collect();
        let terms = LintOptions {
            since: self.flags.since.as_deref(),
            supplies: self.setting.supplies,
            in_repository: self.setting.in_repository,
            all: self.flags.all,
            others: self.setting.asks_branches,
            every_branch: false,
        };
        let surveys = lint::survey(&trees, self.root, terms, self.interrupt)?;
        let findings = surveys.iter().flat_map(|survey| &survey.findings);
        // What a database in use meets is rehearsed.
        let is_told =
            |f: &&Finding| f.standing == Standing::Counts && !predicted::is_of_production(f);
        for finding in findings.filter(is_told) {
            (self.tell)(Event::Predicted(finding));
        }
        Ok(readable.into_iter().zip(surveys).collect())
    }

    /// Puts the lints' findings beside those of the steps, and compares their graphs with Alembic's
    /// own.
    pub fn add_lints(
        &self,
        surveys: &[(usize, TreeLint)],
        described: &[(usize, Description)],
        report: &mut Report,
    ) {
        for (index, survey) in surveys {
            let tree = &self.trees[*index];
            report.compared_with(&survey.base);
            // Trees with a known result were linted too.
            if report.trees[*index].steps.iter().any(|step| step.known_since.is_some())
                && report.trees[*index].steps.iter().all(|step| step.known_since.is_some())
            {
                continue;
            }
            report.trees[*index].wrong_graph = survey.wrong_graph();
            let told = described.iter().find(|(known, _)| known == index);
            if let Some((_, description)) = told {
                let revisions = description.revisions.iter();
                let links = revisions.map(|r| (r.revision.as_str(), r.down_revision.as_slice()));
                let differs = compare::with_alembic(&survey.graph, &description.heads, links);
                report.findings.extend(differs.map(|message| Finding {
                    tree: Some(tree.id.clone()),
                    ..Finding::new(&code::READ_DIFFERENTLY, message)
                }));
            }
            report.allowed.extend(survey.allowed.iter().cloned());
            let tree = &report.trees[*index];
            let went_up = |step: &Step| {
                step.name.ends_with(" — alembic upgrade head") && step.status == Status::Passed
            };
            let went_up = tree.steps.iter().any(went_up);
            let exact = tree.stairs.as_ref().map(|s| s.exact.clone()).unwrap_or_default();
            let proofs = Proofs { went_up, exact: &exact };
            let id = Some(&tree.tree);
            for finding in report.findings.iter_mut().filter(|found| found.tree.as_ref() == id) {
                later::name_the_maker(finding, &survey.scripts, &survey.graph);
                elsewhere::tell(finding, &survey.scripts, &survey.graph);
            }
            let mut lints = survey.findings.clone();
            let may_predict = self.setting.rehearses && tree.production.is_empty();
            lints.retain(|f| may_predict || !predicted::is_of_production(f));
            predicted::join(&mut report.findings, lints, proofs);
        }
        once::fold(&mut report.findings);
    }
}
