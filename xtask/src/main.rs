//! The migration gate of this monorepo: `cargo xtask migration-gate`.
//!
//! The world speaks in transcripts, the gate thinks in findings, the reader sees one report.
//! `xtask/README.md` is the tour. Modules in reading order:

#[cfg(not(unix))]
compile_error!("the migration gate runs on Linux and macOS; on Windows, run it inside WSL");

mod flags;

mod commands;
mod gate;
mod lint;
mod recipes;
mod remedies;
mod steps;

mod production;

mod alembic;
mod cache;
mod os;
mod postgres;

mod edge;
mod progress;
mod render;
mod spans;

#[cfg(test)]
mod tidy;

use std::io::{IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::Parser;

use crate::commands::reports::Runner;
use crate::flags::{
    Command, Doctor, DoctorFormat, Format, Gate, Output, Replay, ReplayFormat, Verb, Xtask,
};
use crate::os::called::as_called;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::progress::Progress;
use crate::spans::Spans;
use model::event::Event;
use model::redact::{Secrets, redact};
use model::report::Report;
use model::shown::{self, Kind};
use model::watch::{Moment, Watch};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    os::sandbox::enter::enter_or_return();
    let Xtask { command: Command::MigrationGate(mut flags) } =
        Xtask::try_parse().unwrap_or_else(|err| {
            if err.use_stderr() {
                edge::misused(&err)
            }
            write_stdout(&err.render().ansi().to_string());
            std::process::exit(0)
        });
    let verb = flags.verb.take();
    let runner = Runner::of_this_job();
    let secrets = Secrets::of(commands::reports::secrets(&flags));
    let progress = Progress::new(|text| edge::note(&secrets.hide(text), runner.present));
    let code = Interrupt::install().map(|interrupt| {
        let spans = Spans::default();
        let (progress, runner, verbose) = (&progress, &runner, flags.verbose);
        let (interrupt, secrets) = (&interrupt, &secrets);
        let screen = Screen { progress, runner, interrupt, spans, secrets, verbose };
        // A panic unwinds, so that what was started is stopped; then it is a bug, and says so.
        let done = panic::catch_unwind(AssertUnwindSafe(|| screen.run(&mut flags, verb.as_ref())));
        done.unwrap_or_else(|_| {
            os::process::end_strays();
            progress.note("error: this is a bug in the gate; please report it");
            2
        })
    });
    ExitCode::from(code.unwrap_or_else(|err| {
        progress.note(&format!("error: {err:#}"));
        2
    }))
}

/// Where everything is shown.
struct Screen<'a> {
    progress: &'a Progress<'a>,
    runner: &'a Runner,
    interrupt: &'a Interrupt,
    /// Where the time went.
    spans: Spans,
    /// What is told to nobody.
    secrets: &'a Secrets,
    /// Whether what is reused is told.
    verbose: bool,
}

impl Screen<'_> {
    fn run(&self, flags: &mut Gate, verb: Option<&Verb>) -> u8 {
        if !matches!(verb, Some(Verb::Doctor(_))) {
            // The doctor lists it first.
            os::run_dir::clear_dead_runs();
        }
        match verb {
            None if flags.watch => self.watch(flags),
            None | Some(Verb::Lint(_) | Verb::Workflow(_)) => self.report(flags, verb),
            Some(Verb::Graph(graph)) => {
                let (report, drawn) = commands::graph::run(graph, self.interrupt);
                let Some(drawn) = drawn else {
                    write_stdout(&render::human::summary(&report));
                    let code = edge::exit_code(&report);
                    return edge::exit_status(report.interrupted, self.interrupt, code);
                };
                self.text(Ok(drawn))
            }
            Some(Verb::Renumber(renumber)) => {
                match commands::renumber::run(renumber, self.interrupt) {
                    Ok(done) => {
                        done.notes.iter().for_each(|note| self.progress.note(note));
                        write_stdout(&done.text);
                        u8::from(!done.fixed)
                    }
                    Err(err) => self.text(Err(err)),
                }
            }
            Some(Verb::Collisions(args)) => match commands::collisions::run(args, self.interrupt) {
                Ok(told) => {
                    write_stdout(&told.text);
                    u8::from(told.collides)
                }
                Err(err) => self.text(Err(err)),
            },
            Some(Verb::New(new)) => self.text(commands::new::run(new, self.interrupt)),
            Some(Verb::Alembic(args)) => self.text(commands::alembic::run(args, self.interrupt)),
            Some(Verb::Replay(args)) => self.replay(flags, args),
            Some(Verb::Explain(explain)) => self.text(
                commands::explain::run(explain)
                    .map(|said| commands::explain::shown(&said, explain.format)),
            ),
            Some(Verb::Runbook(runbook)) => self.text(commands::runbook::run(runbook)),
            Some(Verb::Doctor(doctor)) => self.doctor(doctor),
        }
    }

    /// Runs what ends with a report.
    fn report(&self, flags: &Gate, verb: Option<&Verb>) -> u8 {
        let output = verb.and_then(Verb::output).unwrap_or(&flags.output);
        let here = if self.runner.present { Format::Github } else { Format::Human };
        let format = output.format.unwrap_or(here);
        // Until the real ones are there, the files say that there are none: a gate that is killed
        // outright leaves no report of an earlier run behind.
        for err in
            commands::reports::write(&commands::reports::unfinished(), &output.reports, self.runner)
        {
            self.progress.note(&format!("warning: {err:#}"));
        }
        // A panic becomes a report too.
        let report = panic::catch_unwind(AssertUnwindSafe(|| match verb {
            Some(Verb::Workflow(args)) => commands::workflow::run(args),
            Some(Verb::Lint(lint)) => commands::lint::run(lint, self.interrupt),
            _ => {
                if format == Format::Github {
                    let password = commands::reports::password(flags);
                    write_stdout(&render::github::mask(password.as_deref()));
                }
                let tell = |event: Event<'_>| self.show(event, format);
                commands::fix::run(
                    flags,
                    &|question| self.progress.ask(question),
                    self.interrupt,
                    &tell,
                )
            }
        }));
        let code =
            self.finish(&report.unwrap_or_else(|_| commands::reports::bug()), format, output);
        if flags.timings {
            self.show_timings();
        }
        code
    }

    /// Shows where the time went since it was shown last.
    fn show_timings(&self) {
        self.progress.note(render::timings::waterfall(&self.spans.take()).trim_end());
    }

    /// Stays and gates again at every save. The exit status is that of the last verdict.
    fn watch(&self, flags: &mut Gate) -> u8 {
        let screen = std::io::stdout().is_terminal() && progress::can_redraw();
        let reports = std::mem::take(&mut flags.output.reports);
        let (drawn, timings) = (AtomicU32::new(0), flags.timings);
        let show = |state: &Watch, moment: Moment| {
            if moment == Moment::Verdict
                && let Some(report) = &state.report
            {
                let hidden = report.clone().map_texts(&|text, _| self.secrets.hide(text));
                for err in commands::reports::write(&hidden, &reports, self.runner) {
                    self.progress.note(&format!("error: {err:#}"));
                }
            }
            if !screen {
                let line = render::watch::line(state, moment).unwrap_or_default();
                write_stdout(&self.secrets.hide(&line));
            } else if moment != Moment::Progress || state.runs > 0 {
                // A new screen where something new begins; else over the one that is there.
                let fresh = drawn.swap(state.runs, Ordering::Relaxed) != state.runs
                    || moment == Moment::Verdict;
                redraw(&shown::at_edge(&self.secrets.hide(&render::watch::screen(state))), fresh);
            }
            if timings && moment == Moment::Verdict {
                self.show_timings();
            }
        };
        let tell = |event: Event<'_>| match event {
            Event::Notice(text) => self.progress.note(text),
            Event::SetUpStarted { what } => self.progress.running(what, what.to_owned()),
            Event::SetUpEnded { what } => self.progress.ended(what),
            _ => self.spans.record(event),
        };
        match commands::watch::run(flags, self.interrupt, &tell, &show) {
            Ok(report) => edge::exit_code(&report),
            Err(err) => self.text(Err(err)),
        }
    }

    fn replay(&self, flags: &mut Gate, args: &Replay) -> u8 {
        commands::replay::gate_flags(flags, args);
        if args.list {
            let incidents = commands::replay::select(flags, args);
            let shown = match args.format {
                ReplayFormat::Json => render::replay::list_json,
                _ => render::replay::list,
            };
            return self.text(incidents.map(|incidents| shown(&incidents)));
        }
        let tell = |event: Event<'_>| self.show(event, Format::Json);
        let json = args.format == ReplayFormat::Json;
        if args.supplies {
            let uses = commands::replay::supplies::run(flags, self.interrupt, &tell);
            self.sick(&uses.sick);
            let shown = if json { render::replay::supplies_json } else { render::replay::supplies };
            write_stdout(&shown(&uses));
            return edge::exit_status(uses.interrupted, self.interrupt, uses.exit_status());
        }
        if args.mutants {
            let score = commands::replay::mutants::run(flags, args, self.interrupt, &tell);
            self.sick(&score.sick);
            let shown = if json { render::mutants::json } else { render::mutants::human };
            write_stdout(&shown(&score));
            return edge::exit_status(score.interrupted, self.interrupt, score.exit_status());
        }
        let replays = commands::replay::run(flags, args, self.interrupt, &tell);
        self.sick(&replays.sick);
        let shown = if json { render::replay::json } else { render::replay::human };
        write_stdout(&shown(&replays));
        edge::exit_status(replays.interrupted, self.interrupt, replays.exit_status())
    }

    fn sick(&self, errors: &[String]) {
        for error in errors {
            self.progress.note(&format!("error: {}", redact(error)));
        }
    }

    fn doctor(&self, args: &Doctor) -> u8 {
        match commands::doctor::run(args, self.interrupt) {
            Ok(checkup) => {
                write_stdout(&match args.format {
                    DoctorFormat::Human => render::doctor::human(&checkup),
                    DoctorFormat::Json => render::doctor::json(&checkup),
                });
                if checkup.can_run() { 0 } else { 2 }
            }
            Err(err) => self.text(Err(err)),
        }
    }

    /// Prints what a command that only reads and writes text has to say.
    fn text(&self, said: anyhow::Result<String>) -> u8 {
        match said {
            Ok(text) => {
                write_stdout(&text);
                0
            }
            Err(err) => {
                self.progress.note(&format!("error: {}", redact(&format!("{err:#}"))));
                edge::exit_status(err.is::<Interrupted>(), self.interrupt, 2)
            }
        }
    }

    /// Prints a report, writes the files that were asked for, and returns the exit status.
    fn finish(&self, report: &Report, format: Format, output: &Output) -> u8 {
        let mut code = edge::exit_code(report);
        let report = &report.clone().map_texts(&|text, _| self.secrets.hide(text));
        write_stdout(&match format {
            Format::Human => render::human::summary(&report.printable()),
            Format::Github => render::github::summary(&report.printable()),
            Format::Json => render::json::report(report),
        });
        if format == Format::Json {
            // A program reads the report; what is for a person still reaches one.
            for note in &report.notes {
                self.progress.note(note);
            }
        }
        // A file that cannot be written does not hide the verdict, but it is not green either.
        let mut unwritten = commands::reports::write(report, &output.reports, self.runner);
        unwritten.extend(commands::reports::summarise(report, self.runner).err());
        for err in unwritten {
            self.progress.note(&format!("error: {err:#}"));
            code = if code == 1 { 1 } else { 2 };
        }
        edge::exit_status(report.interrupted, self.interrupt, code)
    }

    /// A text as people may see it.
    fn shown(&self, text: &str, kind: Kind) -> String {
        shown::shown(&self.secrets.hide(text), kind)
    }

    fn show(&self, event: Event<'_>, format: Format) {
        let progress = self.progress;
        match event {
            Event::Notice(text) => progress.note(text),
            Event::Predicted(finding) => {
                let finding = finding.clone().map_texts(&|text, kind| self.shown(text, kind));
                let text = render::human::predicted(&finding);
                match format {
                    Format::Human => progress.suspend(|| write_stdout(&text)),
                    // Its annotation comes once, with the summary, in order of weight and with what
                    // it came to.
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
                let text = match format {
                    Format::Json if step.is_not_begun() => return,
                    Format::Human => render::human::step(&step),
                    Format::Github => render::github::step(&step),
                    Format::Json => return progress.note(render::human::step(&step).trim_end()),
                };
                progress.suspend(|| write_stdout(&text));
            }
        }
    }
}

/// Draws a screen. Moving about is no colour: it is done where colour is not wanted, too.
fn redraw(text: &str, fresh: bool) {
    let mut out = std::io::stdout().lock();
    let text = match anstream::AutoStream::choice(&out) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        _ => text.to_owned(),
    };
    let begin = if fresh { "\x1b[2J\x1b[H" } else { "\x1b[H" };
    // What is left of the screen before goes line by line, so that nothing flickers.
    let drawn = format!("{begin}{}\x1b[J", text.replace('\n', "\x1b[K\n"));
    let _ = out.write_all(drawn.as_bytes()).and_then(|()| out.flush());
}

fn write_stdout(text: &str) {
    let (mut stdout, text) = (anstream::stdout(), shown::at_edge(&as_called(text)));
    // A reader that has seen enough (`| head`) is no error, and the exit status still tells.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
