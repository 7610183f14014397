//! Entry of the table of codes.

use serde::{Deserialize, Serialize};

use crate::called;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Severity {
    /// It keeps the gate from being green.
    Error,
    /// It is worth a look and may be right.
    Warning,
    /// It is worth knowing.
    Note,
}

/// How to reach the operator (runbook, 'Escalation').
pub const OPERATOR: &str = "kris@moosequest.net, Slack #ops or a direct message to D0AJ7K184TV";

/// Who fixes it (runbook, 'Escalation').
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Owner {
    /// Site reliability: supplies, collisions, infrastructure.
    Sre,
    /// The author of the migration.
    FeatureDev,
    /// Whoever answers for production, and for a gate that is bypassed.
    Operator,
}

/// What is the same for every finding of one kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `MG003`.
    pub id: &'static str,
    /// A few words, lower case.
    pub title: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// The runbook's failure mode, `A` to `F`.
    pub mode: Option<char>,
    /// Who fixes it.
    pub owner: Owner,
    /// How one meets it: in a log, or as a SQLSTATE.
    pub symptom: &'static str,
    /// Why it happens, in a sentence or two.
    pub why: &'static str,
    /// How it looks wrong and right; `None` where the fault lies in no file.
    pub example: Option<Example>,
    /// How, step by step.
    pub remedy: &'static [&'static str],
    /// How, in a tree that has neither a recipe nor an operator of its own; nothing: the same.
    pub remedy_elsewhere: &'static [&'static str],
    /// How one sees that it is fixed.
    pub verify: &'static str,
    /// Whether it says that the gate could not do its work, rather than that a migration is wrong.
    pub infrastructure: bool,
}

impl Code {
    /// How it is fixed, step by step, with commands as they are called here.
    pub fn steps(&self) -> Vec<String> {
        self.remedy.iter().map(|step| called::named(step)).collect()
    }

    /// How one sees that it is fixed, with commands as they are called here.
    pub fn check(&self) -> String {
        called::named(self.verify)
    }
}

/// Wrong and right, as code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// What has the fault.
    pub bad: &'static str,
    /// The same without it.
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

/// Defaults of the codes that say that the gate could not do its work.
pub(super) const INFRASTRUCTURE: Code = Code {
    owner: Owner::Sre,
    remedy: &[],
    verify: "run the gate again: every step must run",
    infrastructure: true,
    ..MIGRATION
};
