//! Position of a line in a run: its tree, step and revision. Names in the log decide first, then
//! the commands that it shows, then the output of Alembic and psql.

use camino::Utf8Path;

use super::clean::Line;
use super::course::{Course, Kind, Start};
use model::transcript::{Direction, Frame};

/// The shortest piece of a supply's SQL that identifies the supply, in bytes.
const SQL_MIN: usize = 16;

/// Where in the run a line is.
#[derive(Clone, Default)]
pub(super) struct Position<'a> {
    courses: &'a [Course],
    /// The tree, as an index of `courses`.
    tree: Option<usize>,
    /// The step that the service's column names.
    column: Option<String>,
    /// The step that a line of the log names.
    told: Option<String>,
    /// The command that the log shows; empty: it shows none.
    pub(super) command: String,
    /// Whether the script of a command is being shown.
    in_script: bool,
    /// The number of commands so far.
    pub(super) commands: usize,
    /// The revision that was started last by this command.
    pub(super) start: Option<Start>,
    way: Way,
}

/// Progress of a tree so far.
#[derive(Clone, Default)]
struct Way {
    /// The last revision that an upgrade started.
    reached: String,
    /// Whether an upgrade continued from the pre-seed revision, or another began at it.
    past_seed: bool,
    supplied: bool,
    /// The step whose supply the script of this command holds.
    supply: Option<String>,
    counted: bool,
    downgraded: bool,
}

impl<'a> Position<'a> {
    pub(super) fn new(courses: &'a [Course]) -> Position<'a> {
        Position { courses, ..Position::default() }
    }

    pub(super) fn course(&self) -> Option<&'a Course> {
        self.courses.get(self.tree?)
    }

    /// The course of the tree that a step's name begins with.
    fn labelled(&self, step: &str) -> Option<usize> {
        self.courses.iter().position(|course| {
            step.strip_prefix(&course.label).is_some_and(|rest| rest.starts_with(" — "))
        })
    }

    /// Takes a line in.
    pub(super) fn read(&mut self, line: &Line) {
        let text = line.text.as_str();
        if line.step.is_some() && self.column != line.step {
            self.column.clone_from(&line.step);
            self.enter(self.column.clone());
            self.told = None;
        }
        let told = self.step_named_in(text);
        if told.is_some() && self.told != told {
            self.enter(told.clone());
            self.told = told;
        }
        if let Some(command) = command(line) {
            command.clone_into(&mut self.command);
            self.told = None;
            self.begin();
            self.in_script = line.group;
            self.find_tree_of(command);
        } else if text.starts_with("shell: ") {
            self.in_script = false;
        } else if text.starts_with("> ") || self.in_script && !(is_alembic(text) || is_psql(text)) {
            // SQL that the script hands to psql.
            self.find_tree_by_supply(text.trim_start_matches("> "));
        } else if self.in_script && (is_alembic(text) || is_psql(text)) {
            // The first line of a script need not be the one that calls.
            if !is_alembic(&self.command) && !is_psql(&self.command) {
                text.clone_into(&mut self.command);
            }
            self.find_tree_of(text);
        }
        self.locate(text);
        self.pass(text);
    }

    fn enter(&mut self, step: Option<String>) {
        if let Some(tree) = step.and_then(|step| self.labelled(&step)) {
            self.at_tree(tree);
        }
        self.command.clear();
        self.begin();
    }

    fn begin(&mut self) {
        self.start = None;
        self.way.supply = None;
        self.commands += 1;
    }

    fn named(&self) -> Option<&String> {
        self.column.as_ref().or(self.told.as_ref())
    }

    /// The tree of a command, if the command names it.
    fn find_tree_of(&mut self, command: &str) {
        if !is_alembic(command) {
            return;
        }
        let ini = option(command, &["-c", "--config"]).unwrap_or("alembic.ini");
        let is = |course: &Course| {
            Utf8Path::new(ini) == course.ini || Utf8Path::new(ini) == course.cwd.join(&course.ini)
        };
        if let Some(tree) = self.courses.iter().position(is) {
            self.at_tree(tree);
        }
    }

    /// The tree that a line identifies: by a file, a database, a label or a revision's title.
    fn locate(&mut self, text: &str) {
        let file = text.trim_start().strip_prefix("File \"");
        let start = Start::read(text);
        let word = |name: &str| {
            let edge = |c: char| !(c.is_alphanumeric() || c == '_');
            text.split(edge).any(|word| word == name)
        };
        let tells = |course: &Course| {
            file.is_some_and(|file| course.start_in(file).is_some())
                || text.starts_with(&format!("{} head count: ", course.label))
                || text.starts_with(&format!("ERROR: {} alembic has ", course.label))
                || start.as_ref().is_some_and(|start| {
                    let id = start.revision().id;
                    course.revisions.iter().any(|r| r.id == id && r.title == start.title)
                })
                || (file.is_none() && word(&course.database))
        };
        // A line that more than one tree could have written identifies none.
        let mut telling = (0..self.courses.len()).filter(|at| tells(&self.courses[*at]));
        if let (Some(tree), None) = (telling.next(), telling.next()) {
            self.at_tree(tree);
        }
    }

    fn at_tree(&mut self, tree: usize) {
        if self.tree.is_some_and(|known| known != tree) {
            self.way = Way::default();
            self.start = None;
        }
        self.tree = Some(tree);
    }

    /// Takes the progress that a line shows.
    fn pass(&mut self, text: &str) {
        let pre_seed = self.course().and_then(Course::pre_seed);
        if is_new_run(text) {
            // Alembic has connected: another of its commands begins.
            self.way.past_seed |= pre_seed.as_ref() == Some(&self.way.reached);
            if self.start.take().is_some() || self.command.is_empty() {
                self.commands += 1;
            }
        }
        if let Some(start) = Start::read(text) {
            self.go(start);
        }
        let text = text.trim_end();
        self.way.supplied |= text.starts_with("INSERT 0 ") || text == "DO";
        let heads = text.ends_with(" (head)") || text.contains(" head count: ");
        self.way.counted |= heads && !text.contains("ERROR");
        if !self.command.is_empty() && self.kind_of_command() == Some(Kind::Downgrade) {
            self.way.downgraded = true;
        }
    }

    /// A revision is started.
    fn go(&mut self, start: Start) {
        let pre_seed = self.course().and_then(Course::pre_seed);
        match start.direction {
            Direction::Downgrade => self.way.downgraded = true,
            Direction::Upgrade => {
                self.way.past_seed |= pre_seed.as_ref() == Some(&start.from);
                start.to.clone_into(&mut self.way.reached);
            }
        }
        self.start = Some(start);
    }

    fn kind_of_command(&self) -> Option<Kind> {
        let command = self.command.as_str();
        if is_psql(command) {
            return Some(Kind::Supply);
        }
        if !is_alembic(command) {
            return None;
        }
        let words: Vec<&str> = command.split_whitespace().collect();
        let after = |verb: &str| {
            let at = words.iter().position(|word| *word == verb)?;
            Some(words.get(at + 1).copied().unwrap_or_default())
        };
        match (after("upgrade"), after("downgrade")) {
            (Some("head" | "heads"), _) => Some(self.upgrade_to_head()),
            (Some(to), _) => Some(Kind::UpgradeTo(to.to_owned())),
            (None, Some(_)) => Some(Kind::Downgrade),
            (None, None) => after("heads").map(|_| Kind::Heads),
        }
    }

    /// The current kind of step: by the command, else by the progress so far.
    pub(super) fn kind(&self) -> Option<Kind> {
        if !self.command.is_empty() {
            return self.kind_of_command();
        }
        let course = self.course()?;
        if let Some(named) = self.named() {
            return course.kind_of(named);
        }
        let down = self.start.as_ref().is_some_and(|start| start.direction == Direction::Downgrade);
        let past = |pre_seed: &String| {
            let reached = &self.way.reached;
            self.way.past_seed
                || self.way.supplied
                || (!reached.is_empty() && course.comes_after(reached, pre_seed))
        };
        let pre_seed = course.pre_seed().filter(|pre_seed| !past(pre_seed));
        Some(match pre_seed {
            _ if down => Kind::Downgrade,
            _ if self.way.downgraded => Kind::Again,
            _ if self.way.counted => Kind::Downgrade,
            Some(revision) => Kind::UpgradeTo(revision),
            None => Kind::Upgrade,
        })
    }

    /// The step that an `upgrade head` is at this point.
    pub(super) fn upgrade_to_head(&self) -> Kind {
        if self.way.downgraded { Kind::Again } else { Kind::Upgrade }
    }

    /// The step, as far as known. `sql`: the SQL that psql was running.
    pub(super) fn step(&self, kind: Option<&Kind>, sql: Option<&str>) -> Option<String> {
        if let Some(named) = self.named() {
            return Some(named.clone());
        }
        match (kind, self.course()) {
            (Some(Kind::Supply), Some(_)) if self.way.supply.is_some() => self.way.supply.clone(),
            (Some(kind), Some(course)) => course.step(kind, sql),
            _ => (!self.command.is_empty()).then(|| self.command.clone()),
        }
    }

    /// The revision in flight by a traceback, where the log does not begin early enough to hold the
    /// line in which Alembic started it.
    pub(super) fn start_by(&mut self, frames: &[Frame]) {
        let Some(course) = self.course().filter(|_| self.start.is_none()) else { return };
        let innermost = frames.iter().rev().find_map(|frame| {
            let direction = match frame.function.as_str() {
                "upgrade" => Direction::Upgrade,
                "downgrade" => Direction::Downgrade,
                _ => return None,
            };
            let file = frame.file.as_str();
            let file = Utf8Path::new(&file[course.start_in(file)?..]);
            (file.parent()?.file_name()? == "versions").then(|| (file.to_owned(), direction))
        });
        let Some((file, direction)) = innermost else { return };
        // Both trees put the id before the first underscore of a file's name.
        let known = course.revisions.iter().find(|revision| revision.file == file);
        let (id, title) = match known {
            Some(revision) => (revision.id.clone(), revision.title.clone()),
            None => {
                let stem = file.file_stem().unwrap_or_default();
                (stem.split('_').next().unwrap_or_default().to_owned(), String::new())
            }
        };
        let (from, to) = match direction {
            Direction::Upgrade => (String::new(), id),
            Direction::Downgrade => (id, String::new()),
        };
        self.go(Start { from, to, title, direction });
    }

    /// The steps of this kind, where the log does not say which of them it is: the tree is not known, or
    /// it has several supplies.
    pub(super) fn candidates(&self, kind: Option<&Kind>, sql: Option<&str>) -> Vec<String> {
        let Some(kind) = kind else { return Vec::new() };
        let courses = match self.course() {
            Some(course) if course.supplies.len() > 1 && *kind == Kind::Supply => {
                std::slice::from_ref(course)
            }
            Some(_) => return Vec::new(),
            None => self.courses,
        };
        let known = self.named().or(self.way.supply.as_ref()).is_some();
        let given = sql.is_some_and(|sql| courses.iter().any(|course| course.gives(sql)));
        match self.course().is_some() && (known || given) {
            true => Vec::new(),
            false => courses.iter().flat_map(|course| course.steps_of(kind)).cloned().collect(),
        }
    }

    /// Finds the tree by the SQL of a supply that psql was running.
    pub(super) fn find_tree_by_supply(&mut self, sql: &str) {
        // A bracket or an `END` occurs in all of them.
        if sql.trim().len() < SQL_MIN {
            return;
        }
        if let Some(tree) = self.courses.iter().position(|course| course.gives(sql)) {
            self.at_tree(tree);
        }
        let all = self.courses.iter().flat_map(|course| &course.supplies);
        let mut steps = all.filter(|(_, all)| all.contains(sql)).map(|(step, _)| step);
        // What several have in common tells nothing.
        if let (Some(step), None) = (steps.next(), steps.next()) {
            self.way.supply = Some(step.clone());
        }
    }

    /// The files of frames as they lie below the root, where the tree is known.
    pub(super) fn shorten(&self, frames: &mut [Frame]) {
        let Some(course) = self.course() else { return };
        for frame in frames {
            if let Some(start) = course.start_in(frame.file.as_str()) {
                frame.file = frame.file.as_str()[start..].into();
            }
        }
    }

    /// A step of a course that a line names. The longest name counts: one is the start of another.
    fn step_named_in(&self, line: &str) -> Option<String> {
        let names = self.courses.iter().flat_map(|course| &course.steps);
        let found = names.filter(|name| {
            line.match_indices(name.as_str()).any(|(at, _)| {
                // A reason in back-ticks speaks of another step.
                line[..at].chars().next_back().is_none_or(char::is_whitespace)
            })
        });
        found.max_by_key(|name| name.len()).cloned()
    }
}

/// A command in a log: GitHub's `Run …`, a prompt, or the output of `set -x`.
fn command(line: &Line) -> Option<&str> {
    let text = line.text.trim_start();
    let run = text.strip_prefix("Run ").filter(|_| line.group);
    // A plus is the start of many a line that is no command.
    let traced = text.strip_prefix("+ ").filter(|text| is_alembic(text) || is_psql(text));
    let command = run.or(traced).or_else(|| text.strip_prefix("$ "))?.trim();
    (!command.is_empty()).then_some(command)
}

fn is_alembic(text: &str) -> bool {
    let verbs = ["upgrade", "downgrade", "heads", "current", "history", "stamp", "check"];
    let mut words = text.split(|c: char| c.is_whitespace() || "()|;&$`".contains(c));
    // A message of Alembic names itself otherwise: `[alembic.runtime.migration]`.
    words.any(|word| word == "alembic" || word.ends_with("/alembic"))
        && text.split(|c: char| c.is_whitespace() || c == ')').any(|word| verbs.contains(&word))
}

fn is_psql(text: &str) -> bool {
    text.split_whitespace().any(|word| word == "psql") && !text.starts_with("psql: ")
}

fn is_new_run(text: &str) -> bool {
    text.contains("[alembic.runtime.migration] Context impl ")
}

/// The value of an option of a command.
fn option<'t>(command: &'t str, names: &[&str]) -> Option<&'t str> {
    let mut words = command.split_whitespace();
    words.find(|word| names.contains(word))?;
    words.next()
}
