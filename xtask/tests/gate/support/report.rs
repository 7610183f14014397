//! Report of a run: its JSON, asked in the contract's words.

use serde_json::Value;

/// The steps of the contract, in order; a recipe may supply more among those before the head.
pub const STEPS: [(&str, &[&str]); 2] = [
    (
        "console",
        &[
            "Console — alembic upgrade to 0015 (pre-seed)",
            "Console — seed kris@ admin row (required by 0016)",
            "Console — alembic upgrade head",
            "Console — assert single head",
            "Console — downgrade -1 (reversibility check)",
            "Console — alembic upgrade head (round trip)",
        ],
    ),
    (
        "raptor",
        &[
            "Raptor — create raptor_app role (required by 0002+)",
            "Raptor — alembic upgrade head",
            "Raptor — assert single head",
            "Raptor — downgrade -1 (reversibility check)",
            "Raptor — alembic upgrade head (round trip)",
        ],
    ),
];

/// A JSON report.
#[derive(Debug)]
pub struct Report(pub Value);

impl Report {
    /// A report less the notes about production, which green runs have too.
    #[track_caller]
    pub fn parse(text: &str) -> Report {
        let mut report: Value =
            serde_json::from_str(text).unwrap_or_else(|err| panic!("{err} in:\n{text}"));
        let is_note = |f: &Value| {
            f["severity"] == "note"
                && f["code"].as_str().is_some_and(|code| code.starts_with("MG50"))
        };
        if let Some(findings) = report["findings"].as_array_mut() {
            findings.retain(|finding| !is_note(finding));
        }
        Report(report)
    }

    pub fn verdict(&self) -> &str {
        self.0["verdict"].as_str().unwrap()
    }

    /// One tree's part.
    #[track_caller]
    pub fn tree(&self, id: &str) -> &Value {
        let tree = self.list("trees").iter().find(|tree| tree["tree"] == id);
        tree.unwrap_or_else(|| panic!("no tree {id} in {:#}", self.0))
    }

    /// The names of a tree's steps.
    #[track_caller]
    pub fn names(&self, tree: &str) -> Vec<&str> {
        self.steps(tree).iter().map(|step| step["name"].as_str().unwrap()).collect()
    }

    /// Fails unless a tree has the steps of the contract, in its order.
    #[track_caller]
    pub fn assert_has_steps(&self, tree: &str) {
        let (_, expected) = STEPS.iter().find(|(id, _)| *id == tree).unwrap();
        let names = self.names(tree);
        let kept: Vec<&str> = names.iter().copied().filter(|it| expected.contains(it)).collect();
        assert_eq!(kept, *expected, "{names:?}");
    }

    /// How a tree's steps ended, in order. Those with which its recipe leads up to the head, and the upgrade
    /// to it, are told as one: `passed passed failed skipped`.
    #[track_caller]
    pub fn statuses(&self, tree: &str) -> String {
        let steps = self
            .steps(tree)
            .iter()
            .map(|step| (step["name"].as_str().unwrap(), step["status"].as_str().unwrap()));
        let steps: Vec<(&str, &str)> = steps.collect();
        let head = steps.iter().position(|(name, _)| name.ends_with(" — alembic upgrade head"));
        let (up, rest) = steps.split_at(head.unwrap() + 1);
        // After the first that did not pass, all are skipped.
        let mut ended = up.iter().map(|(_, status)| *status).skip_while(|it| *it == "passed");
        let up = ended.next().unwrap_or("passed");
        assert!(ended.all(|status| status == "skipped"), "{steps:?}");
        let rest = rest.iter().map(|(_, status)| *status);
        std::iter::once(up).chain(rest).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    pub fn steps(&self, tree: &str) -> &[Value] {
        self.tree(tree)["steps"].as_array().unwrap()
    }

    pub fn findings(&self) -> &[Value] {
        self.list("findings")
    }

    /// The only finding, beside what the lints predicted and what did not come true.
    #[track_caller]
    pub fn finding(&self) -> &Value {
        let lint = |finding: &&Value| finding["code"].as_str().unwrap().starts_with("MG2");
        let findings: Vec<&Value> = self.findings().iter().filter(|f| !lint(f)).collect();
        assert_eq!(findings.len(), 1, "one finding is wanted: {findings:#?}");
        findings[0]
    }

    /// The findings about a tree, beside what the lints predicted and what did not come true.
    pub fn findings_of(&self, tree: &str) -> Vec<&Value> {
        let lint = |finding: &Value| finding["code"].as_str().unwrap().starts_with("MG2");
        self.findings().iter().filter(|f| f["tree"] == tree && !lint(f)).collect()
    }

    /// Fails unless each step of a tree passed and no finding names it.
    #[track_caller]
    pub fn assert_green(&self, tree: &str) {
        let mut steps = self.steps(tree).iter();
        assert!(steps.all(|step| step["status"] == "passed"), "{tree}: {:#}", self.0);
        assert!(self.findings().iter().all(|finding| finding["tree"] != tree), "{:#}", self.0);
    }

    fn list(&self, key: &str) -> &[Value] {
        self.0[key].as_array().unwrap()
    }
}

/// Fails unless a finding holds these values; a key that is not named may hold anything. What stands
/// under `says` must be in the message.
#[track_caller]
pub fn assert_holds(finding: &Value, expected: &Value) {
    for (key, value) in expected.as_object().unwrap() {
        if let Some(words) = value.as_array().filter(|_| key == "says") {
            let message = finding["message"].as_str().unwrap();
            let lacks = |word: &&Value| !message.contains(word.as_str().unwrap());
            assert_eq!(words.iter().find(lacks), None, "in `{message}`");
            continue;
        }
        assert_eq!(&finding[key], value, "`{key}` of {finding:#}");
    }
}
