//! Comparison of the gate's report on an incident with the expected report.

use std::collections::BTreeSet;

use model::code::Severity;
use model::finding::Finding;
use model::incident::Expected;
use model::replay::Observed;
use model::report::{Report, Verdict};
use model::step::Status;

/// The ids that exist when a revision is the newest: its own and those of its ancestors. Empty if
/// the revision does not exist. A chain is given as ids with their parents.
pub fn up_to<'a>(at: &'a str, chain: &'a [(String, Vec<String>)]) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![at];
    while let Some(id) = open.pop() {
        if let Some((id, parents)) = chain.iter().find(|(known, _)| known == id)
            && found.insert(id.as_str())
        {
            open.extend(parents.iter().map(String::as_str));
        }
    }
    found
}

/// The observed finding of the broken tree, and its difference from the expected one. The finding
/// must be present, and no error may have another code; warnings and notes are not compared.
pub fn of_broken(expect: &Expected, report: &Report) -> (Option<Observed>, Vec<String>) {
    let found: Vec<Observed> = report
        .findings
        .iter()
        .filter(|finding| counts(expect, finding))
        .map(|finding| Observed {
            step: finding.step.clone(),
            code: finding.code.id,
            message: finding.message.clone(),
        })
        .collect();
    let mut differences = Vec::new();
    let named = |o: &&Observed| o.step == expect.step && o.code == expect.code;
    let observed = found.iter().find(named).or(found.iter().find(|o| o.step == expect.step));
    let observed = observed.or(found.first()).cloned();
    match &observed {
        None => differences.push(format!("the gate said {}, and no finding", word(report))),
        Some(observed) => {
            let steps =
                [&expect.step, &observed.step].map(|step| step.as_deref().unwrap_or("none"));
            if steps[0] != steps[1] {
                differences.push(format!("step: expected {}, observed {}", steps[0], steps[1]));
            }
            if observed.code != expect.code {
                differences
                    .push(format!("code: expected {}, observed {}", expect.code, observed.code));
            }
            if !observed.message.contains(&expect.message) {
                let (expected, message) = (&expect.message, &observed.message);
                differences.push(format!("message: expected `{expected}` in `{message}`"));
            } else if observed.code != expect.code {
                differences.push(format!("message: `{}`", observed.message));
            }
        }
    }
    for other in found.iter().filter(|o| !expect.allows(o.code) && Some(*o) != observed.as_ref()) {
        let step = other.step.as_deref().unwrap_or("none");
        differences.push(format!("besides: {} in {step}: {}", other.code, other.message));
    }
    (observed, differences)
}

/// Whether the lints alone catch the fault, and how their findings differ from the expected ones.
pub fn of_lints(expect: &Expected, lints: &[Finding]) -> (bool, Vec<String>) {
    let caught = lints.iter().any(|finding| counts(expect, finding));
    let mut differences = Vec::new();
    if let Some(code) = &expect.lint
        && !lints.iter().any(|finding| finding.code.id == code)
    {
        differences.push(format!("lint: expected {code}, and no lint says so"));
    }
    for finding in lints {
        if counts(expect, finding) && !expect.allows(finding.code.id) {
            differences.push(format!("lint: {}: {}", finding.code.id, finding.message));
        }
    }
    (caught, differences)
}

/// Whether the gate is not green, or reports the expected finding.
pub fn is_caught(expect: &Expected, report: &Report) -> bool {
    report.verdict() != Verdict::Pass || report.findings.iter().any(|f| counts(expect, f))
}

/// Errors are compared, and so is an expected finding that is not an error.
fn counts(expect: &Expected, finding: &Finding) -> bool {
    finding.code.severity == Severity::Error || finding.code.id == expect.code
}

/// Why the fixed tree is not green; empty if it is.
pub fn of_fixed(report: &Report) -> Vec<String> {
    if report.verdict() == Verdict::Pass {
        return Vec::new();
    }
    let mut why: Vec<String> = report
        .findings
        .iter()
        .map(|finding| {
            let step = finding.step.as_deref().unwrap_or("no step");
            format!("fixed, yet {} in {step}: {}", finding.code.id, finding.message)
        })
        .collect();
    if why.is_empty() {
        let steps = report.trees.iter().flat_map(|tree| &tree.steps);
        why.extend(
            steps
                .filter(|step| step.status != Status::Passed)
                .map(|step| format!("fixed, yet `{}` did not pass", step.name)),
        );
    }
    why
}

fn word(report: &Report) -> &'static str {
    match report.verdict() {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::code;
    use model::finding::Finding;

    fn expected() -> Expected {
        Expected {
            step: Some("s".into()),
            code: "MG003".into(),
            message: "two".into(),
            ..Expected::default()
        }
    }

    fn report(findings: Vec<Finding>) -> Report {
        Report { findings, ..Report::default() }
    }

    fn finding(code: &'static code::Code, step: &str, message: &str) -> Finding {
        Finding { step: Some(step.into()), ..Finding::new(code, message) }
    }

    #[test]
    fn the_expected_finding_is_picked_among_its_like() {
        let both = report(vec![
            finding(&code::MULTIPLE_HEADS, "before", "heads"),
            finding(&code::MULTIPLE_HEADS, "s", "there are two"),
        ]);
        let (observed, differences) = of_broken(&expected(), &both);
        assert_eq!(observed.unwrap().message, "there are two");
        assert!(differences.is_empty(), "{differences:?}");
    }

    #[test]
    fn difference_from_the_incident_is_listed() {
        let (_, none) = of_broken(&expected(), &report(vec![]));
        assert_eq!(none.len(), 1);
        let other = report(vec![
            finding(&code::MULTIPLE_HEADS, "s", "two"),
            finding(&code::REFUSED, "later", "no"),
        ]);
        assert_eq!(of_broken(&expected(), &other).1, ["besides: MG114 in later: no"]);
        let misnamed = report(vec![finding(&code::REFUSED, "s", "two")]);
        let (_, differences) = of_broken(&expected(), &misnamed);
        assert_eq!(differences[0], "code: expected MG003, observed MG114");
    }

    #[test]
    fn later_revisions_are_left_out() {
        let chain: Vec<(String, Vec<String>)> = [("3", vec!["2"]), ("2", vec!["1"]), ("1", vec![])]
            .map(|(id, parents)| (id.into(), parents.into_iter().map(Into::into).collect()))
            .into();
        assert_eq!(up_to("2", &chain).into_iter().collect::<Vec<_>>(), ["1", "2"]);
        assert!(up_to("9", &chain).is_empty());
    }
}
