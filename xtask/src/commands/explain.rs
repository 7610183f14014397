//! `explain`: names the failure in a log, or says all that is known of a code or a mode.
//!
//! A JSON report names its findings by code already; a log is read into transcripts and named by the
//! same recognisers as a live run.

use std::io::Read;

use anyhow::{Context, Result};
use camino::Utf8Path;

use crate::analysis::diagnosis::{self, Known};
use crate::analysis::log;
use crate::flags::Explain;
use crate::model::code::{self, Code};
use crate::model::finding::Finding;

/// The longest input that is read, in bytes. CI services cut their logs long before.
const INPUT_MAX: u64 = 256 * 1024 * 1024;

/// What there is to say.
pub enum Explanation {
    /// Of one code.
    Code(&'static Code),
    /// Of what was found in a log or a report, in order.
    Findings(Vec<Finding>),
}

/// Explains a code, a mode, a file or standard input. Fails where there is no such thing, or it
/// cannot be read.
pub fn run(flags: &Explain) -> Result<Explanation> {
    let what = flags.what.as_str();
    if what != "-" && !Utf8Path::new(what).exists() {
        return code::find(what).map(Explanation::Code).with_context(|| {
            format!(
                "cannot explain `{what}`: it is neither a file nor a code (MG001 …) nor a failure \
                 mode (A to F)"
            )
        });
    }
    let mut bytes = Vec::new();
    let read = if what == "-" {
        std::io::stdin().take(INPUT_MAX).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(what).and_then(|file| file.take(INPUT_MAX).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read `{what}`"))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(Explanation::Findings(of_report(&text).unwrap_or_else(|| of_log(&text))))
}

/// The findings of a JSON report, as far as their codes are known here.
fn of_report(text: &str) -> Option<Vec<Finding>> {
    let report: serde_json::Value = serde_json::from_str(text).ok()?;
    let findings = report.get("findings")?.as_array()?;
    let field = |finding: &serde_json::Value, name: &str| {
        finding.get(name).and_then(|value| value.as_str()).map(str::to_owned)
    };
    let known = findings.iter().filter_map(|finding| {
        let code = code::find(finding.get("code")?.as_str()?)?;
        Some(Finding {
            tree: field(finding, "tree"),
            step: field(finding, "step"),
            revision: field(finding, "revision"),
            ..Finding::new(code, field(finding, "message").unwrap_or_default())
        })
    });
    Some(known.collect())
}

fn of_log(text: &str) -> Vec<Finding> {
    log::failures(text)
        .into_iter()
        .map(|failure| {
            let before_seed = failure.step.as_ref().is_some_and(|s| s.contains("(pre-seed)"));
            let known = Known { root: Utf8Path::new(""), revisions: &[], before_seed };
            Finding { step: failure.step, ..diagnosis::diagnose(failure.said, known) }
        })
        .collect()
}
