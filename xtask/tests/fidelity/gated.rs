//! The gate on a tree: cold, from its cache, and in a watch.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::support::report::Report;
use super::support::run::Gate;
use super::support::sandbox::Sandbox;
use super::tree::{Case, HEAD, StepOutcome};
use super::{Differences, World, touch};

/// No verdict of a watch on such a tree takes this long.
const NO_VERDICT_AFTER: Duration = Duration::from_secs(40);

/// Makes what later runs copy: the prepared data folder.
pub fn warm_up(world: &World) {
    let case = Case { name: "warm_up".into(), ..Case::default() };
    let (sandbox, tree) = (Sandbox::new(), world.copy(&case, "gate"));
    let ended = gate(world, &sandbox, &tree).args("--format json").run();
    assert_eq!(ended.code(), 0, "{}\n{}", ended.stdout, ended.stderr);
}

/// One form with nothing to reuse, and from the cache; the other where a result is there that must not serve.
/// Then a watch that begins with the other form, and whose saves run on a snapshot: the edit is taken back,
/// and made again where no run from the cache had it.
pub fn check(world: &World, case: &Case, differences: &Differences) {
    let (one, two) = case.gated();
    let (sandbox, tree) = (Sandbox::new(), world.copy(case, "gated"));
    let expect = |place: &str, is: &str, wanted: StepOutcome| {
        differences.expect(case, place, is, &format!("{wanted:?}"));
    };
    expect("cold", &run(world, &sandbox, &tree), one);
    touch(&tree.join(HEAD));
    expect("cached", &run(world, &sandbox, &tree), one);
    case.edit(&tree, false);
    // The content of a revision counts in any case.
    let is_head = case.edited() == HEAD;
    if !is_head {
        expect("cached, edited", &run(world, &sandbox, &tree), two);
    }
    let report = sandbox.path().join("report.json");
    let option = format!("--report=json={}", report.display());
    let mut watch = gate(world, &sandbox, &tree).arg("--watch").arg(option).spawn();
    expect("watched, edited", &verdict(&report), two);
    for (back, wanted) in [(true, one), (false, two)].into_iter().take(1 + usize::from(is_head)) {
        case.edit(&tree, back);
        if case.is_edited_outside() {
            let head = tree.join(HEAD);
            let text = fs::read_to_string(&head).unwrap();
            fs::write(head, text + "# saved\n").unwrap();
        }
        let place = if back { "watched, as before" } else { "watched, edited again" };
        expect(place, &verdict(&report), wanted);
    }
    watch.signal(Signal::INT);
    let code = watch.wait().code();
    differences.expect(case, "watched, interrupted", &code.to_string(), "130");
}

/// The next verdict of a watch, which takes its report away.
fn verdict(report: &Path) -> String {
    let deadline = Instant::now() + NO_VERDICT_AFTER;
    while Instant::now() < deadline {
        if let Some(text) = fs::read_to_string(report).ok().filter(|text| text.ends_with("}\n")) {
            fs::remove_file(report).unwrap();
            return said(&Report::parse(&text));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    "no verdict".to_owned()
}

fn gate<'a>(world: &World, sandbox: &'a Sandbox, tree: &Path) -> Gate<'a> {
    let gate = Gate::new(sandbox).with_postgres().env("XDG_CACHE_HOME", world.cache());
    gate.arg("--python")
        .arg(&world.python)
        .arg("--ini")
        .arg(tree.join("alembic.ini"))
        .args("--timeout 20")
}

fn run(world: &World, sandbox: &Sandbox, tree: &Path) -> String {
    let ended = gate(world, sandbox, tree).args("--format json").run();
    let report = ended.report();
    let is = said(&report);
    // The exit status and the report say the same.
    let wanted = if is == "Pass" { 0 } else { 1 };
    if ended.code() == wanted { is } else { format!("{is} with status {}", ended.code()) }
}

/// The step that failed, in the words of [`Outcome`]; what else is wrong, by its code.
fn said(report: &Report) -> String {
    if std::env::var_os("FIDELITY").is_some() {
        for finding in report.findings() {
            eprintln!("{} {}: {}", finding["code"], finding["step"], finding["message"]);
        }
    }
    let steps = report.0["trees"][0]["steps"].as_array().cloned().unwrap_or_default();
    let failed = steps.iter().find(|step| step["status"] == "failed");
    let outcome = failed.map(|step| {
        let name = step["name"].as_str().unwrap();
        let known = [
            ("round trip", StepOutcome::Again),
            ("downgrade -1", StepOutcome::Downgrade),
            ("upgrade head", StepOutcome::Upgrade),
        ];
        let known = known.iter().find(|(words, _)| name.contains(words));
        known.map_or_else(|| name.to_owned(), |(_, outcome)| format!("{outcome:?}"))
    });
    let codes = || {
        let codes = report.findings().iter().map(|finding| finding["code"].as_str().unwrap());
        codes.collect::<Vec<_>>().join(" ")
    };
    match (outcome, report.verdict()) {
        (Some(outcome), "fail") => outcome,
        (None, "pass") => format!("{:?}", StepOutcome::Pass),
        (_, verdict) => format!("{verdict} with {}", codes()),
    }
}
