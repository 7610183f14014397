//! Stairs: revisions that were stepped down and up again, each by itself.

use serde::{Deserialize, Serialize};

/// The revisions that were to be tried: each is in one of the three lists, in the order of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stairs {
    /// Revisions without a failure and with the expected schema each time.
    pub exact: Vec<String>,
    /// Revisions with a fault.
    pub wrong: Vec<String>,
    /// Revisions that were not tried, each with the reason.
    pub untried: Vec<(String, String)>,
    /// Data that their downgrades lose because they drop additions of the upgrade: the revision,
    /// and the data.
    pub lost_down: Vec<(String, String)>,
    /// Data that their upgrades lose because they drop its table or column.
    pub lost_up: Vec<(String, String)>,
    /// Tables and columns that their downgrades drop, with the data written there since.
    pub dropped_down: Vec<(String, String)>,
}

impl Stairs {
    /// The number of revisions tried.
    pub fn tried(&self) -> usize {
        self.exact.len() + self.wrong.len()
    }

    /// The number of revisions to be tried.
    pub fn count(&self) -> usize {
        self.tried() + self.untried.len()
    }

    /// The number of revisions tried, and a line for each reason with the revisions not tried.
    pub fn told(&self) -> Vec<String> {
        let mut lines = vec![format!("{} of {} revisions tried", self.tried(), self.count())];
        let mut reasons: Vec<&str> = Vec::new();
        for (_, reason) in &self.untried {
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
        lines.extend(reasons.into_iter().map(|reason| {
            let of = self.untried.iter().filter(|(_, why)| why == reason);
            let of: Vec<&str> = of.map(|(revision, _)| revision.as_str()).collect();
            format!("not tried: {}: {reason}", of.join(", "))
        }));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::Stairs;

    #[test]
    fn untried_stairs_have_a_line_for_each_reason() {
        let untried = [("3", "time ran out"), ("4", "x"), ("5", "time ran out")];
        let untried = untried.map(|(revision, why)| (revision.to_owned(), why.to_owned())).to_vec();
        let stairs = Stairs {
            exact: vec!["1".into()],
            wrong: vec!["2".into()],
            untried,
            ..Stairs::default()
        };
        let told = ["2 of 5 revisions tried", "not tried: 3, 5: time ran out", "not tried: 4: x"];
        assert_eq!(stairs.told(), told);
    }
}
