//! A workflow, or the action that a step uses, as the audits read it.

use camino::Utf8PathBuf;
use serde_yaml::{Mapping, Value};

use super::locate::{self, Seg};
use model::finding::Place;

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Relative to the root.
    pub file: Utf8PathBuf,
    /// Its content.
    pub text: String,
}

/// A workflow or an action.
pub struct Document<'a> {
    /// The file.
    pub source: &'a Source,
    /// Its value.
    pub value: Value,
    /// Its jobs; an action has one, which is called `runs`.
    pub jobs: Vec<Job>,
}

/// A job.
pub struct Job {
    /// Its key.
    pub id: String,
    /// Its value.
    pub value: Value,
    /// Where.
    pub path: Vec<Seg>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step.
pub struct Step {
    /// Its value.
    pub value: Value,
    /// Where.
    pub path: Vec<Seg>,
}

impl<'a> Document<'a> {
    /// Reads a file. `Err`: the fault and its line.
    pub fn read(source: &'a Source) -> Result<Document<'a>, (String, Option<u32>)> {
        let parsed: Result<Value, _> = serde_yaml::from_str(&source.text);
        let mut value = parsed.map_err(|err| {
            let line = err.location().and_then(|at| u32::try_from(at.line()).ok());
            (err.to_string(), line)
        })?;
        // A merge that is none stays a key called `<<`, which no audit asks for.
        let _ = value.apply_merge();
        if !value.is_mapping() {
            return Err(("it is no mapping".to_owned(), Some(1)));
        }
        let mut jobs: Vec<Job> = mapping(&value["jobs"])
            .filter_map(|(key, job)| Some((key.as_str()?, job)))
            .map(|(id, job)| Job::new(id, job, vec![key("jobs"), key(id)]))
            .collect();
        if value["runs"].is_mapping() {
            jobs.push(Job::new("runs", &value["runs"], vec![key("runs")]));
        }
        Ok(Document { source, value, jobs })
    }

    /// The line of a value, from 1.
    pub fn line(&self, path: &[Seg]) -> u32 {
        locate::line(&self.source.text, path)
    }

    /// A place in the file.
    pub fn place(&self, line: u32) -> Place {
        let index = usize::try_from(line).unwrap_or(1).saturating_sub(1);
        Place {
            file: self.source.file.clone(),
            line: Some(line),
            source: self.source.text.lines().nth(index).map(ToOwned::to_owned),
        }
    }

    /// Its triggers, each with its settings.
    pub fn triggers(&self) -> Vec<(String, Value)> {
        // YAML 1.1 reads the key `on` as true; a file may quote it or not.
        match &self.value["on"] {
            Value::String(name) => vec![(name.clone(), Value::Null)],
            Value::Sequence(names) => {
                names.iter().filter_map(text).map(|name| (name, Value::Null)).collect()
            }
            on => mapping(on).filter_map(|(k, v)| Some((text(k)?, v.clone()))).collect(),
        }
    }

    /// The settings of a trigger.
    pub fn trigger(&self, name: &str) -> Option<Value> {
        self.triggers().into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// A job by its key.
    pub fn job(&self, id: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// Every job that a job needs, directly or not.
    pub fn upstream(&self, job: &Job) -> Vec<&Job> {
        let mut found: Vec<&Job> = Vec::new();
        let mut todo = job.needs();
        while let Some(id) = todo.pop() {
            let known = found.iter().any(|job| job.id == id);
            if let Some(job) = self.job(&id).filter(|_| !known) {
                found.push(job);
                todo.extend(job.needs());
            }
        }
        found
    }
}

impl Job {
    fn new(id: &str, value: &Value, path: Vec<Seg>) -> Job {
        let steps = value["steps"].as_sequence().map(Vec::as_slice).unwrap_or_default();
        let step = |(index, value): (usize, &Value)| Step {
            value: value.clone(),
            path: [path.clone(), vec![key("steps"), Seg::Item(index)]].concat(),
        };
        let steps = steps.iter().enumerate().map(step).collect();
        Job { id: id.to_owned(), value: value.clone(), path, steps }
    }

    /// The jobs that it needs.
    pub fn needs(&self) -> Vec<String> {
        texts(&self.value["needs"])
    }

    /// Its `if:`.
    pub fn condition(&self) -> Option<String> {
        text(&self.value["if"])
    }

    /// The place of one of its keys.
    pub fn at(&self, name: &str) -> Vec<Seg> {
        [self.path.clone(), vec![key(name)]].concat()
    }

    /// The values of `${{ matrix.NAME }}`; `None`: not known.
    pub fn matrix(&self, name: &str) -> Option<Vec<String>> {
        let matrix = &self.value["strategy"]["matrix"];
        let mut values = match &matrix[name] {
            Value::Sequence(values) => values.iter().map(text).collect::<Option<Vec<_>>>()?,
            Value::Null => Vec::new(),
            _ => return None,
        };
        let included = matrix["include"].as_sequence().map(Vec::as_slice).unwrap_or_default();
        values.extend(included.iter().filter_map(|include| text(&include[name])));
        (!values.is_empty()).then_some(values)
    }

    /// A text with each `${{ matrix.NAME }}` in every value that it can have.
    pub fn expand(&self, template: &str) -> Vec<String> {
        let mut done = vec![template.to_owned()];
        loop {
            let Some((start, end, name)) = done.iter().find_map(|text| matrix_reference(text))
            else {
                return done;
            };
            let Some(values) = self.matrix(&name) else { return done };
            let reference = done
                .iter()
                .find(|text| matrix_reference(text).is_some())
                .and_then(|text| text.get(start..end))
                .unwrap_or_default()
                .to_owned();
            done = done
                .iter()
                .flat_map(|text| values.iter().map(|value| text.replace(&reference, value)))
                .collect();
            done.sort();
            done.dedup();
            // A value that is an expression itself would be expanded for ever.
            if done.len() > 256 || values.iter().any(|value| value.contains("${{")) {
                return done;
            }
        }
    }
}

impl Step {
    /// Its script.
    pub fn run(&self) -> Option<&str> {
        self.value["run"].as_str()
    }

    /// The action that it uses, without the version.
    pub fn uses(&self) -> Option<&str> {
        let uses = self.value["uses"].as_str()?;
        Some(uses.split('@').next().unwrap_or(uses))
    }

    /// The place of one of its keys.
    pub fn at(&self, name: &str) -> Vec<Seg> {
        [self.path.clone(), vec![key(name)]].concat()
    }

    /// The line of the file for a line of its script.
    pub fn script_line(&self, document: &Document<'_>, line: usize) -> u32 {
        let at = document.line(&self.at("run"));
        let index = usize::try_from(at).unwrap_or(1).saturating_sub(1);
        let head = document.source.text.lines().nth(index).unwrap_or_default();
        let value = head.split_once("run:").map(|(_, value)| value.trim()).unwrap_or_default();
        let below = u32::try_from(line).unwrap_or(0);
        match value.chars().next() {
            Some('|') => at + 1 + below,
            // Folded lines are one line of the script.
            Some('>') => at + 1,
            _ => at,
        }
    }
}

/// The first `${{ matrix.NAME }}` of a text: where it begins and ends, and the name.
fn matrix_reference(text: &str) -> Option<(usize, usize, String)> {
    let start = text.find("${{")?;
    let end = start + text[start..].find("}}")? + 2;
    let inner = text[start + 3..end - 2].trim();
    let name = inner.strip_prefix("matrix.")?;
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    plain.then(|| (start, end, name.to_owned()))
}

/// The key of a path.
pub fn key(name: &str) -> Seg {
    Seg::Key(name.to_owned())
}

/// The entries of a mapping; of anything else, none.
pub fn mapping(value: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    value.as_mapping().into_iter().flat_map(Mapping::iter)
}

/// A scalar as written.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A scalar, or a sequence of them.
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(items) => items.iter().filter_map(text).collect(),
        other => text(other).into_iter().collect(),
    }
}

/// Calls `see` with every text of a value and the text's place.
pub fn walk(value: &Value, path: &mut Vec<Seg>, see: &mut impl FnMut(&[Seg], &str)) {
    match value {
        Value::String(text) => see(path, text),
        Value::Mapping(entries) => {
            for (name, value) in entries {
                path.push(Seg::Key(text(name).unwrap_or_default()));
                walk(value, path, see);
                path.pop();
            }
        }
        Value::Sequence(items) => {
            for (index, value) in items.iter().enumerate() {
                path.push(Seg::Item(index));
                walk(value, path, see);
                path.pop();
            }
        }
        _ => {}
    }
}
