//! A chain that is walked again shows what it would show anew.

use camino::Utf8Path;

use super::super::tests::shown;
use super::super::{Revision, walk};
use super::{Walked, walk_again};
use crate::script::Script;

/// Scripts that are read once, as who surveys a tree again and again reads them.
#[derive(Default)]
struct Read(Vec<(String, Script)>);

impl Read {
    /// Walks a chain again and anew: both must show the same.
    fn compare(&mut self, chain: &[&str], walked: &mut Option<Walked>) -> Vec<String> {
        for (number, body) in chain.iter().enumerate() {
            let id = format!("r{number}");
            let (up, down) = body.split_once("--").unwrap_or((body, "pass"));
            let text = format!(
                "from alembic import op\nimport sqlalchemy as sa\nrevision = '{id}'\ndown_revision = None\n\
                 def upgrade():\n    {}\ndef downgrade():\n    {}\n",
                up.trim(),
                down.trim()
            );
            if !self.0.iter().any(|(known, _)| *known == id.clone() + body) {
                let (script, _) = Script::read(Utf8Path::new("x.py"), text.as_bytes());
                self.0.push((id + body, script.unwrap()));
            }
        }
        let script = |(number, body): (usize, &&str)| {
            let key = format!("r{number}{body}");
            &self.0.iter().find(|(known, _)| *known == key).unwrap().1
        };
        let scripts: Vec<&Script> = chain.iter().enumerate().map(script).collect();
        let revisions: Vec<Revision<'_>> =
            scripts.iter().map(|s| Revision { id: &s.revision.text, body: s.body() }).collect();
        let anew = walk(&revisions, &[]);
        assert_eq!(walk_again(&scripts, &[], walked), anew, "{chain:?}");
        anew.iter().map(shown).collect()
    }
}

#[test]
fn a_chain_with_another_end_is_as_if_it_were_walked_anew() {
    let bodies = [
        "op.execute('CREATE TABLE a (x int)') -- op.execute('DROP TABLE a')",
        "op.execute('CREATE TABLE b (x int)') -- pass",
        "op.execute('ALTER TABLE c ADD y int') -- op.execute('DROP TABLE a')",
        "op.execute('CREATE TABLE c (x int)') -- op.execute('DROP TABLE c')",
        "op.execute('ALTER TABLE a ADD z int') -- op.execute('ALTER TABLE a DROP z')",
        "op.execute('ALTER TABLE a RENAME TO c') -- op.execute('ALTER TABLE c RENAME TO a')",
        "op.execute('DROP TABLE a CASCADE') -- op.execute('CREATE TABLE a (x int)')",
        "op.execute('DROP TABLE b') -- op.execute('CREATE TABLE b (x int)')",
        "op.create_index('i', 'a', ['x']) -- op.drop_index('i')",
        "op.execute(nobody_knows('a')) -- pass",
    ];
    let (mut read, mut walked, mut told) = (Read::default(), None, 0);
    // Every chain of three, and each of these goes on from the one before: with another end most often.
    for first in bodies {
        for second in bodies {
            for third in bodies {
                told += read.compare(&[first, second, third], &mut walked).len();
            }
            read.compare(&[first, second], &mut walked);
            read.compare(&[first, second, bodies[0], bodies[8]], &mut walked);
        }
    }
    assert!(told > 500, "hardly anything was told: {told}");
}

#[test]
fn what_is_missed_before_its_end_is_made_by_another_end() {
    let uses = "op.execute('ALTER TABLE c ADD y int')";
    let (mut read, mut walked) = (Read::default(), None);
    let never = ["0:6 used before made: table `c`, later false"];
    assert_eq!(read.compare(&[uses, "pass"], &mut walked), never);
    let later = read.compare(&[uses, "op.execute('CREATE TABLE c (x int)')"], &mut walked);
    assert_ne!(later.first().unwrap(), never[0], "it is made later");
    assert_eq!(read.compare(&[uses, "pass"], &mut walked), never);
}
