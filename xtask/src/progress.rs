//! Progress on stderr: a live line for each tree on a terminal, plain lines elsewhere. Nothing depends
//! on it.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The display of one run.
pub struct Progress<'a> {
    /// Applied to a text before it is shown.
    edge: Box<dyn Fn(&str) -> String + Sync + 'a>,
    bars: MultiProgress,
    live: bool,
    running: Mutex<BTreeMap<String, ProgressBar>>,
}

/// Whether the terminal, if there is one, can do more than print line after line.
pub fn can_redraw() -> bool {
    std::env::var("TERM").is_ok_and(|term| term != "dumb")
}

impl<'a> Progress<'a> {
    /// Live on a terminal that can redraw a line.
    pub fn new(edge: impl Fn(&str) -> String + Sync + 'a) -> Progress<'a> {
        let live = std::io::stderr().is_terminal() && can_redraw();
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let (edge, bars) = (Box::new(edge), MultiProgress::with_draw_target(target));
        Progress { edge, bars, live, running: Mutex::default() }
    }

    /// Shows the current step of a tree.
    pub fn running(&self, label: &str, what: String) {
        if !self.live {
            return;
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = running.entry(label.to_owned()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            // The template is fixed and known to be good.
            let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        bar.set_message((self.edge)(&what.replace('\n', " ")));
    }

    /// Takes away a tree's live line.
    pub fn ended(&self, label: &str) {
        let bar = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(label);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }

    /// Writes something while no live line is in the way.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }

    /// Asks on a terminal, and returns the line that is typed; `None`: there is no terminal. `answered`: waits
    /// for a line, and says whether one came.
    pub fn ask(&self, question: &str, answered: &dyn Fn(BorrowedFd<'_>) -> bool) -> Option<String> {
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            return None;
        }
        self.note(question);
        if !answered(std::io::stdin().as_fd()) {
            return Some(String::new());
        }
        let mut answer = String::new();
        // An event that cannot be sent is dropped.
        let _ = std::io::stdin().read_line(&mut answer);
        Some(answer.trim().to_owned())
    }

    /// Writes a line to stderr.
    pub fn note(&self, text: &str) {
        self.suspend(|| {
            // A closed stderr is no error.
            let _ = writeln!(anstream::stderr(), "{}", (self.edge)(text));
        });
    }
}
