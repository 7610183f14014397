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
mod screen;
mod spans;

#[cfg(test)]
#[path = "../tests/common/test_server.rs"]
mod test_server;
#[cfg(test)]
mod tidy;

use std::io::{IsTerminal, Write};
use std::os::fd::BorrowedFd;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::{CommandFactory, FromArgMatches};

use crate::commands::reports::Runner;
use crate::flags::{
    Command, Doctor, DoctorFormat, Format, Gate, Output, Replay, ReplayFormat, Verb, Xtask,
};
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::progress::Progress;
use crate::screen::Screen;
use crate::spans::Spans;
use model::called;
use model::event::Event;
use model::redact::{Secrets, redact};
use model::report::Report;
use model::shown;
use model::watch::{Moment, Watch};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    os::sandbox::enter::enter_or_return();
    if let Some(name) = os::called::installed_name() {
        called::installed_as(name);
    }
    let Xtask { command: Command::MigrationGate(mut flags) } =
        command_line().unwrap_or_else(|err| {
            if err.use_stderr() {
                edge::misused(err)
            }
            write_stdout(&err.render().ansi().to_string());
            std::process::exit(0)
        });
    edge::dress(flags.color, std::io::stdout());
    let verb = flags.verb.take();
    let runner = Runner::of_this_job();
    let secrets = Secrets::of(commands::reports::secrets(&flags));
    let progress = Progress::new(|text| edge::note(&secrets.hide(text), runner.present));
    let code = Interrupt::install().map(|interrupt| {
        let spans = Spans::default();
        let (progress, runner, interrupt, secrets) = (&progress, &runner, &interrupt, &secrets);
        let (verbose, quiet) = (flags.verbose, flags.output.quiet);
        let screen = Screen { progress, runner, interrupt, spans, secrets, verbose, quiet };
        // A panic unwinds, so that processes are stopped; then it is reported as a bug.
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

/// What the command line asks for, read under the name by which this program is called.
fn command_line() -> Result<Xtask, clap::Error> {
    let named = |gate: clap::Command| {
        let examples = gate.get_after_help().map(ToString::to_string).unwrap_or_default();
        gate.after_help(called::named(&examples))
    };
    let mut command = Xtask::command()
        .bin_name(called::program())
        .display_name(called::program())
        .mut_subcommand("migration-gate", named);
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Xtask::from_arg_matches(&matches).map_err(|err| err.format(&mut command))
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
                let (report, text, is_there) = commands::graph::run(graph, self.interrupt);
                write_stdout(&text);
                if is_there { 0 } else { self.exit(report.interrupted, edge::exit_code(&report)) }
            }
            Some(Verb::Renumber(renumber)) => {
                match commands::renumber::run(renumber, flags, self.interrupt) {
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
                    told.status()
                }
                Err(err) => self.text(Err(err)),
            },
            Some(Verb::New(new)) => self.text(commands::new::run(new, self.interrupt)),
            Some(Verb::Alembic(args)) => self.text(commands::alembic::run(args, self.interrupt)),
            Some(Verb::Replay(args)) => self.replay(flags, args),
            Some(Verb::Explain(explain)) => self.text(
                commands::explain::run(explain, self.interrupt, &|text| self.progress.note(text))
                    .map(|said| commands::explain::shown(&said, explain.format)),
            ),
            Some(Verb::Runbook(runbook)) => self.text(commands::runbook::run(runbook)),
            Some(Verb::Doctor(doctor)) => self.doctor(doctor),
            Some(Verb::Completions(args)) => self.text(Ok(commands::completions::run(args))),
        }
    }

    /// Runs a command that ends with a report.
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
            Some(Verb::Workflow(args)) => commands::workflow::run(args, self.interrupt),
            Some(Verb::Lint(lint)) => commands::lint::run(lint, self.interrupt),
            _ => {
                if format == Format::Github {
                    let password = commands::reports::password(flags);
                    write_stdout(&render::github::mask(password.as_deref()));
                }
                let tell = |event: Event<'_>| self.show(event, format);
                let answered = |stdin: BorrowedFd<'_>| self.interrupt.wait_for(stdin);
                let ask = |patch: &str| self.progress.ask(patch, &answered);
                commands::fix::run(flags, &ask, self.interrupt, &tell)
            }
        }));
        let code =
            self.finish(&report.unwrap_or_else(|_| commands::reports::bug()), format, output);
        if flags.timings {
            self.show_timings();
        }
        code
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
            let size = os::terminal::size(std::io::stdout());
            size.iter().for_each(|(columns, _)| render::fit(*columns));
            if !screen {
                let line = render::watch::line(state, moment).unwrap_or_default();
                write_stdout(&self.secrets.hide(&line));
            } else if moment != Moment::Progress || state.runs > 0 {
                // A new screen where something new begins; else over the one that is there.
                let fresh = drawn.swap(state.runs, Ordering::Relaxed) != state.runs
                    || matches!(moment, Moment::Verdict | Moment::Rehearsed | Moment::Answer);
                let drawn = render::watch::screen(state, size);
                redraw(&shown::at_edge(&self.secrets.hide(&drawn)), fresh);
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
            Err(err) if err.is::<Interrupted>() => edge::exit_status(true, self.interrupt, 2),
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
            let shown = if json { render::replay::supplies_json } else { render::replay::supplies };
            return self.tried(&uses.sick, &shown(&uses), uses.interrupted, uses.exit_status());
        }
        if args.mutants {
            let score = commands::replay::mutants::run(flags, args, self.interrupt, &tell);
            let shown = if json { render::mutants::json } else { render::mutants::human };
            return self.tried(&score.sick, &shown(&score), score.interrupted, score.exit_status());
        }
        let replays = commands::replay::run(flags, args, self.interrupt, &tell);
        let shown = if json { render::replay::json } else { render::replay::human };
        self.tried(&replays.sick, &shown(&replays), replays.interrupted, replays.exit_status())
    }

    /// Reports a signal that the command has not reported, and returns the exit status.
    fn exit(&self, interrupted: bool, code: u8) -> u8 {
        if let Some(signal) = self.interrupt.signal().filter(|_| interrupted) {
            self.progress.note(&format!("error: {}", Interrupted { signal }));
        }
        edge::exit_status(interrupted, self.interrupt, code)
    }

    /// Prints the errors of a replay, then its result.
    fn tried(&self, sick: &[String], told: &str, interrupted: bool, code: u8) -> u8 {
        sick.iter().for_each(|error| self.progress.note(&format!("error: {}", redact(error))));
        write_stdout(told);
        self.exit(interrupted, code)
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

    /// Prints the text of a command, or its error.
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
        let printable = report.printable();
        let told = match output.quiet {
            true => render::human::errors(&printable),
            false => render::human::summary(&printable),
        };
        write_stdout(&match format {
            Format::Human => told,
            Format::Github => render::github::summary(&printable, &told),
            Format::Json => render::json::report(report),
        });
        if format == Format::Json {
            // A program reads the report; notes for a person go to stderr.
            if report.interrupted {
                self.progress.note(render::human::interrupted(report).trim_end());
            }
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
}

fn redraw(text: &str, fresh: bool) {
    let mut out = std::io::stdout().lock();
    let is_plain = anstream::AutoStream::choice(&out) == anstream::ColorChoice::Never;
    let drawn = edge::drawn(text, fresh, is_plain);
    let _ = out.write_all(drawn.as_bytes()).and_then(|()| out.flush());
}

fn write_stdout(text: &str) {
    let (mut stdout, text) = (anstream::stdout(), shown::at_edge(text));
    // A reader that has seen enough (`| head`) is no error, and the exit status still tells.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
