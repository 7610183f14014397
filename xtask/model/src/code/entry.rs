//! Entry of the table of codes.

use serde::{Deserialize, Serialize};

use crate::called;

/// Weight of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Severity {
    /// The finding keeps the gate from being green.
    Error,
    /// The finding is worth a look and may be right.
    Warning,
    /// The finding is worth knowing.
    Note,
}

/// How to reach the operator (runbook, 'Escalation').
pub const OPERATOR: &str = "kris@moosequest.net, Slack #ops or a direct message to D0AJ7K184TV";

/// Role that fixes a finding (runbook, 'Escalation').
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Owner {
    /// Site reliability: supplies, collisions, infrastructure.
    Sre,
    /// The author of the migration.
    FeatureDev,
    /// The person responsible for production, and for a gate that is bypassed.
    Operator,
}

/// Properties that all findings of one kind share.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `MG003`.
    pub id: &'static str,
    /// A few words, lower case.
    pub title: &'static str,
    /// The weight of its findings.
    pub severity: Severity,
    /// The runbook's failure mode, `A` to `F`.
    pub mode: Option<char>,
    /// The role that fixes it.
    pub owner: Owner,
    /// The symptom: a line of a log, or a SQLSTATE.
    pub symptom: &'static str,
    /// The reason, in a sentence or two.
    pub why: &'static str,
    /// The fault as code, wrong and right; `None` where the fault lies in no file.
    pub example: Option<Example>,
    /// The fix, step by step.
    pub remedy: &'static [&'static str],
    /// The fix for a tree that has neither a recipe nor an operator of its own; empty: the same.
    pub remedy_elsewhere: &'static [&'static str],
    /// A check that the fault is fixed.
    pub verify: &'static str,
    /// Whether the code means that the gate could not do its work, rather than that a migration is
    /// wrong.
    pub infrastructure: bool,
}

impl Code {
    /// The fix, step by step, with commands as they are called here.
    pub fn steps(&self) -> Vec<String> {
        self.remedy.iter().map(|step| called::named(step)).collect()
    }

    /// The check that the fault is fixed, with commands as they are called here.
    pub fn check(&self) -> String {
        called::named(self.verify)
    }
}

/// Wrong and right, as code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The code that has the fault.
    pub bad: &'static str,
    /// The same code without the fault.
    pub good: &'static str,
}

/// Defaults of the codes of faults of migrations.
pub(super) const MIGRATION: Code = Code {
    id: "",
    title: "",
    severity: Severity::Error,
    mode: None,
    owner: Owner::FeatureDev,
    symptom: "",
    why: "",
    example: None,
    remedy: &[],
    remedy_elsewhere: &[],
    verify: "run the gate again: the step must pass",
    infrastructure: false,
};

/// Defaults of the codes for a gate that could not do its work.
pub(super) const INFRASTRUCTURE: Code = Code {
    owner: Owner::Sre,
    remedy: &[],
    verify: "run the gate again: every step must run",
    infrastructure: true,
    ..MIGRATION
};
