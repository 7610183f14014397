//! Screen of a run: each event as it is shown, live or line by line.

use crate::commands::reports::Runner;
use crate::flags::Format;
use crate::os::interrupt::Interrupt;
use crate::progress::Progress;
use crate::spans::Spans;
use crate::{render, write_stdout};
use model::event::Event;
use model::redact::Secrets;
use model::shown::{self, Kind};
use model::step::{Status, Step};

/// Where everything is shown.
pub struct Screen<'a> {
    /// Live lines and notes on stderr.
    pub progress: &'a Progress<'a>,
    /// The runner of the job that this is, if it is one.
    pub runner: &'a Runner,
    /// Whether a signal came.
    pub interrupt: &'a Interrupt,
    /// Where the time went.
    pub spans: Spans,
    /// Values that are never printed.
    pub secrets: &'a Secrets,
    /// Whether reuse is reported.
    pub verbose: bool,
    /// Whether only errors and the verdict are reported.
    pub quiet: bool,
}

impl Screen<'_> {
    /// Whether the reason of a skipped step is reported elsewhere: the verdict names the
    /// interrupted step, and a finding the error of the gate.
    fn is_told(&self, step: &Step) -> bool {
        step.is_not_begun() || (step.status == Status::Skipped && self.interrupt.signal().is_some())
    }

    /// Shows where the time went since it was shown last.
    pub fn show_timings(&self) {
        self.progress.note(render::timings::waterfall(&self.spans.take()).trim_end());
    }

    /// A text as people may see it.
    fn shown(&self, text: &str, kind: Kind) -> String {
        shown::shown(&self.secrets.hide(text), kind)
    }

    /// Shows an event.
    pub fn show(&self, event: Event<'_>, format: Format) {
        let progress = self.progress;
        match event {
            _ if self.quiet => self.spans.record(event),
            Event::Notice(text) => progress.note(text),
            Event::Predicted(finding) => {
                let finding = finding.clone().map_texts(&|text, kind| self.shown(text, kind));
                let text = render::human::predicted(&finding);
                match format {
                    Format::Human => progress.suspend(|| write_stdout(&text)),
                    // Its annotation comes once, with the summary, in order of weight.
                    Format::Github => {
                        let text = anstream::adapter::strip_str(&text).to_string();
                        progress.suspend(|| write_stdout(&render::github::plain(&text)));
                    }
                    Format::Json => progress.note(text.trim_end()),
                }
            }
            Event::Replaying { id, what } => progress.running(id, what.to_owned()),
            Event::Replayed { replayed, done, total } => {
                progress.ended(&replayed.incident.id);
                progress.note(&render::replay::progress(replayed, done, total));
            }
            Event::Judged { judged, done, total } => {
                progress.ended(&judged.mutant.incident.id);
                progress.note(&render::mutants::progress(judged, done, total));
            }
            Event::SetUpStarted { what } => progress.running(what, what.to_owned()),
            Event::SetUpEnded { what } => progress.ended(what),
            // Told where it is asked for.
            Event::Reuse(text) if self.verbose => progress.note(text),
            Event::Reuse(_) => {}
            Event::Spent { .. } => self.spans.record(event),
            Event::StepStarted { label, name } => {
                progress.running(label, name.to_owned());
                self.spans.record(event);
            }
            Event::Revision { label, revision } => {
                let what = format!("{label} — {} ({})", revision.id, revision.direction);
                progress.running(label, what);
            }
            Event::StepEnded { label, step } => {
                progress.ended(label);
                self.spans.record(event);
                let step = step.clone().map_texts(&|text, kind| self.shown(text, kind));
                if self.is_told(&step) {
                    return;
                }
                let text = match format {
                    Format::Human => render::human::step(&step),
                    Format::Github => render::github::step(&step),
                    Format::Json => return progress.note(render::human::step(&step).trim_end()),
                };
                progress.suspend(|| write_stdout(&text));
            }
        }
    }
}
