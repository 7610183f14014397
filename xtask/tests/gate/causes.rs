//! The remedies of the causes, run: what fails with a SQLSTATE or an exception, and the same with its
//! remedy, as `test_data/causes.yaml` has them. One revision tries them all, each in a savepoint.

use std::collections::BTreeSet;

use model::code::causes::CAUSES;
use serde_json::Value;

use crate::support::shop::Shop;

/// Those that need a transaction of their own, or two at a time: `test_data/fixes.yaml` has 25001 and 55P04.
const ELSEWHERE: &[&str] = &["25001", "55P04", "40001", "40P01", "42611"];

const UPGRADE: &str = include_str!("../../test_data/causes.py");

#[test]
fn each_remedy_of_a_cause_turns_the_failure_into_success() {
    let shop = Shop::new();
    // What one connection locks, another one must see.
    let table = "version_table=\"shop_version\"";
    shop.edit("env.py", table, &format!("{table}, transaction_per_migration=True"));
    let cases: Vec<Value> =
        serde_yaml::from_str(include_str!("../../test_data/causes.yaml")).unwrap();
    let file = shop.add("c3", "b2", UPGRADE, "pass");
    let text = serde_json::to_string(&serde_json::to_string(&cases).unwrap()).unwrap();
    shop.edit(&file, "def upgrade", &format!("CASES = {text}\n\n\ndef upgrade"));
    let report: Value = serde_json::from_str(&shop.gate().run().stdout).unwrap();
    let upgraded = &report["trees"][0]["steps"][0];
    assert_eq!(upgraded["status"], "passed", "{}", upgraded["reason"].as_str().unwrap_or_default());
    // Every SQLSTATE of the table was run.
    let ran: BTreeSet<&str> = cases
        .iter()
        .map(|case| case["raises"].as_str().unwrap())
        .chain(ELSEWHERE.iter().copied())
        .collect();
    let known = CAUSES.iter().map(|cause| cause.state).filter(|state| !state.is_empty());
    let left: BTreeSet<&str> = known.filter(|state| !ran.contains(state)).collect();
    assert_eq!(left, BTreeSet::new());
}
