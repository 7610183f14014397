//! The file of a new revision: its id, its name, and its text as the tree's own template has it.
//!
//! `script.py.mako` is a program in a language of its own. Only the constructs of Alembic's own
//! templates are read; a template with others is not used.

use std::hash::{BuildHasher, RandomState};

use super::script::Script;
use model::graph::Graph;

/// The longest number that an id ends in; hashes may end in longer ones.
const MOST_DIGITS: usize = 8;

/// A new revision.
pub struct NewRevision<'a> {
    /// Its id.
    pub id: &'a str,
    /// The ids of its parents.
    pub parents: &'a [String],
    /// Its message, in one line.
    pub message: &'a str,
    /// When it was made: `2026-06-12 15:40:26.312479`.
    pub created: &'a str,
}

/// The number after the greatest, written as a head's is, where all ids are numbers with the same letters
/// before them, if any; else an id as Alembic makes them.
pub fn next_id(graph: &Graph) -> String {
    let Some(head) = graph.heads.first() else { return random_id() };
    let Some((prefix, digits)) = numbered(graph.id(*head)) else { return random_id() };
    let numbers = graph.revisions.iter().map(|revision| {
        let (before, digits) = numbered(&revision.id)?;
        digits.parse::<u64>().ok().filter(|_| before == prefix)
    });
    match numbers.collect::<Option<Vec<u64>>>() {
        // One id alone does not show whether all ids have its letters.
        Some(numbers) if prefix.is_empty() || numbers.len() > 1 => {
            let next = numbers.iter().max().map_or(1, |last| last + 1);
            format!("{prefix}{next:0width$}", width = digits.len())
        }
        _ => random_id(),
    }
}

/// The letters before the number at the end of an id, and the number.
fn numbered(id: &str) -> Option<(&str, &str)> {
    let prefix = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &id[prefix.len()..];
    (1..=MOST_DIGITS).contains(&digits.len()).then_some((prefix, digits))
}

/// Twelve hexadecimal digits, as Alembic makes them.
fn random_id() -> String {
    // The standard library's own hashes begin with random numbers.
    format!("{:016x}", RandomState::new().hash_one(0))[..12].to_owned()
}

impl NewRevision<'_> {
    /// The name of its file, by the ini's `file_template` and `truncate_slug_length`; `None` if the
    /// template uses a value that is unknown here.
    pub fn file_name(&self, template: &str, slug_length: usize) -> Option<String> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let words = self.message.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        let mut slug = words.collect::<Vec<_>>().join("_").to_lowercase();
        if let Some((end, _)) = slug.char_indices().nth(slug_length) {
            slug.truncate(end);
            slug = format!("{}_", slug.rsplit_once('_').map_or(slug.as_str(), |(kept, _)| kept));
        }
        let dates: Vec<&str> = self.created.split(|c: char| !c.is_ascii_digit()).collect();
        let date = |at: usize| dates.get(at).map(|digits| (*digits).to_owned());
        let (mut name, mut rest) = (String::new(), template);
        while let Some((before, after)) = rest.split_once("%(") {
            let (field, after) = after.split_once(')')?;
            let end = after.find(['d', 's'])?;
            let (width, number) = (after[..end].trim_start_matches('.'), &after[end..=end] == "d");
            let width: usize = if width.is_empty() { 0 } else { width.parse().ok()? };
            let value = match field {
                "rev" => self.id.to_owned(),
                "slug" => slug.clone(),
                "year" => date(0)?,
                "month" => date(1)?,
                "day" => date(2)?,
                "hour" => date(3)?,
                "minute" => date(4)?,
                "second" => date(5)?,
                _ => return None,
            };
            let value = match number {
                true => format!("{:0width$}", value.parse::<u64>().ok()?),
                false => value,
            };
            name.extend([before, value.as_str()]);
            rest = &after[end + 1..];
        }
        Some(format!("{name}{rest}.py"))
    }

    /// Its text by the tree's template; the usual one where that cannot be followed.
    pub fn text(&self, template: Option<&str>) -> String {
        let followed = template.and_then(|template| self.follow(template));
        followed.filter(|text| self.is_in(text)).unwrap_or_else(|| self.usual())
    }

    /// Whether a file with this text is this revision.
    fn is_in(&self, text: &str) -> bool {
        let (script, troubles) = Script::read("new.py".into(), text.as_bytes());
        script.is_some_and(|script| {
            let parents = script.down_revision.names.iter().map(|name| &name.text);
            let is_ours = script.revision.text == self.id && parents.eq(self.parents.iter());
            is_ours && troubles.is_empty() && script.syntax().is_none()
        })
    }

    /// A revision in the words of Alembic's own template.
    fn usual(&self) -> String {
        let (id, message) = (self.id, self.docstring());
        format!(
            "\"\"\"{message}\n\nRevision ID: {id}\nRevises: {}\nCreate Date: {}\n\n\"\"\"\n\n\
             import sqlalchemy as sa\nfrom alembic import op\n\nrevision = {}\ndown_revision = {}\n\
             branch_labels = None\ndepends_on = None\n\n\ndef upgrade() -> None:\n    pass\n\n\n\
             def downgrade() -> None:\n    pass\n",
            self.parents.join(", "),
            self.created,
            quoted(id, '"'),
            self.down_revision('"'),
        )
    }

    fn docstring(&self) -> String {
        self.message.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"")
    }

    fn down_revision(&self, quote: char) -> String {
        match self.parents {
            [] => "None".to_owned(),
            [one] => quoted(one, quote),
            several => {
                let several: Vec<String> = several.iter().map(|id| quoted(id, quote)).collect();
                format!("({})", several.join(", "))
            }
        }
    }

    /// The template with its expressions filled in; `None` where it holds anything else.
    fn follow(&self, template: &str) -> Option<String> {
        let is_control = |line: &str| line.trim_start().starts_with('%') && !line.contains("%>");
        let (mut text, mut rest) = (String::new(), template);
        while let Some(at) = rest.find(['$', '<']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(expression) = rest.strip_prefix("${") {
                let (expression, after) = expression.split_once('}')?;
                text.push_str(&self.value(expression)?);
                rest = after;
            } else if rest.starts_with("<%!") {
                rest = rest.split_once("%>")?.1;
            } else if rest.starts_with("<%") {
                return None;
            } else {
                text.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        text.push_str(rest);
        let text = text.replace("\\\n", "");
        (!text.lines().any(is_control)).then_some(text)
    }

    /// The value of an expression of a template.
    fn value(&self, expression: &str) -> Option<String> {
        let expression = expression.trim();
        if let Some((_, otherwise)) = expression.split_once(" else ") {
            // No id is generated here: a choice between a generated value and a default is the
            // default.
            return Some(otherwise.trim().trim_matches(['"', '\'']).to_owned());
        }
        let call = expression.strip_suffix(')').and_then(|call| call.split_once('('));
        if let Some((function, name)) = call {
            let quote = if function == "repr" { '\'' } else { '"' };
            return match name {
                "up_revision" => Some(quoted(self.id, quote)),
                "down_revision" => Some(self.down_revision(quote)),
                "branch_labels" | "depends_on" => Some("None".to_owned()),
                _ => None,
            };
        }
        match expression.split('|').next()?.trim() {
            "message" => Some(self.docstring()),
            "up_revision" => Some(self.id.to_owned()),
            "down_revision" => Some(self.parents.join(", ")),
            "create_date" => Some(self.created.to_owned()),
            _ => None,
        }
    }
}

fn quoted(text: &str, quote: char) -> String {
    format!("{quote}{text}{quote}")
}

#[cfg(test)]
mod tests {
    use super::{NewRevision, next_id};
    use crate::graph;
    use crate::script::Script;

    /// The text of Alembic's own templates.
    const GENERIC: &str = "\"\"\"${message}\n\nRevision ID: ${up_revision}\nRevises: ${down_revision | comma,n}\n\
        Create Date: ${create_date}\n\n\"\"\"\nfrom alembic import op\n${imports if imports else \"\"}\n\
        revision: str = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n\
        depends_on = ${repr(depends_on)}\n\n\ndef upgrade() -> None:\n    \
        ${upgrades if upgrades else \"pass\"}\n";

    fn new<'a>(parents: &'a [String], message: &'a str) -> NewRevision<'a> {
        NewRevision { id: "0045", parents, message, created: "2026-06-02 05:40:26.312479" }
    }

    #[test]
    fn id_follows_those_of_the_tree() {
        let next = |ids: &[&str]| {
            let script = |at: usize| {
                let parent = at.checked_sub(1).map(|before| ids[before]);
                let parent = parent.map_or("None".to_owned(), |id| format!("{id:?}"));
                let text = format!("revision = {:?}\ndown_revision = {parent}\n", ids[at]);
                Script::read("a.py".into(), text.as_bytes()).0.unwrap()
            };
            let scripts: Vec<Script> = (0..ids.len()).map(script).collect();
            next_id(&graph::build(&scripts.iter().collect::<Vec<_>>()))
        };
        assert_eq!(next(&["0001", "0002"]), "0003");
        assert_eq!(next(&["0099", "9999"]), "10000");
        assert_eq!(next(&["7"]), "8");
        assert_eq!(next(&["rev_008", "rev_009"]), "rev_010");
        let hashes: [&[&str]; 4] =
            [&[], &["a1b2c3d4e5f6"], &["123456789012"], &["0001", "b2c3d4e5f6a7"]];
        for hash in hashes.map(next) {
            assert!(hash.len() == 12 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
        }
    }

    #[test]
    fn file_name_is_that_of_alembic() {
        let name = |template, message| new(&[], message).file_name(template, 20);
        for (template, message, expected) in [
            ("%(rev)s_%(slug)s", "Add a \"Région\", or two", Some("0045_add_a_région_or_two.py")),
            (
                "%(rev)s_%(slug)s",
                "what it does to the orders",
                Some("0045_what_it_does_to_the_.py"),
            ),
            ("%(slug)s", "onewordthatislongerthantwenty", Some("onewordthatislongert_.py")),
            (
                "%(year)d/%(month).2d-%(day).2d_%(hour)02d%(minute).2d-%(rev)s",
                "a",
                Some("2026/06-02_0540-0045.py"),
            ),
            ("%(epoch)s_%(rev)s", "a", None),
            ("%(rev)q", "a", None),
        ] {
            assert_eq!(name(template, message).as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn text_follows_a_template_that_is_understood_and_no_other() {
        let parents = ["0044".to_owned()];
        let followed = new(&parents, "what \\ \"\"\" does").text(Some(GENERIC));
        assert!(followed.starts_with("\"\"\"what \\\\ \\\"\\\"\\\" does\n"), "{followed}");
        assert!(
            followed.contains("revision: str = '0045'\ndown_revision = '0044'\n"),
            "{followed}"
        );
        let usual = new(&parents, "a").text(None);
        assert!(usual.contains("\nrevision = \"0045\"\ndown_revision = \"0044\"\n"), "{usual}");
        for template in [
            "",
            "% for engine in engines:\n% endfor\nrevision = ${repr(up_revision)}\ndown_revision = '0044'\n",
            "revision = ${repr(up_revision)}\ndown_revision = ${unknown}\n",
            "revision = ${repr(up_revision)}\ndown_revision = '0043'\n",
            "revision = ${repr(up_revision)}\ndown_revision = '0044'\n<%def name=\"x()\">a</%def>\n",
            "revision = ${repr(up_revision)}\ndown_revision = '0044'\ndef (\n",
        ] {
            assert_eq!(new(&parents, "a").text(Some(template)), usual, "{template}");
        }
    }
}
