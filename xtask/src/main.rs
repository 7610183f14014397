//! The migration gate of this monorepo: `cargo xtask migration-gate`.
//!
//! The world speaks in transcripts, the gate thinks in findings, the reader sees one report.
//! `xtask/README.md` is the tour. Modules in reading order:

#[cfg(not(unix))]
compile_error!("the migration gate runs on Linux and macOS; on Windows, run it inside WSL");

mod flags;
mod model;

mod commands;
mod recipes;

mod analysis;
mod drivers;

mod progress;
mod render;

#[cfg(test)]
mod tidy;

use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;

use crate::commands::reports::Runner;
use crate::drivers::interrupt::Interrupt;
use crate::flags::{Command, Format, Gate, Output, Verb, Xtask};
use crate::model::event::Event;
use crate::model::report::{Report, Verdict};
use crate::progress::Progress;

fn main() -> ExitCode {
    let Xtask { command: Command::MigrationGate(flags) } = Xtask::parse();
    let progress = Progress::new();
    let code = Interrupt::install().and_then(|interrupt| {
        let runner = Runner::of_this_job();
        let screen = Screen { progress: &progress, runner: &runner, interrupt: &interrupt };
        screen.run(&flags)
    });
    ExitCode::from(code.unwrap_or_else(|err| {
        progress.note(&format!("error: {err:#}"));
        2
    }))
}

/// Where everything is shown.
struct Screen<'a> {
    progress: &'a Progress,
    runner: &'a Runner,
    interrupt: &'a Interrupt,
}

impl Screen<'_> {
    fn run(&self, flags: &Gate) -> anyhow::Result<u8> {
        let output = flags.verb.as_ref().map_or(&flags.output, Verb::output);
        let here = if self.runner.present { Format::Github } else { Format::Human };
        let format = output.format.unwrap_or(here);
        // Until the real ones are there, the files say that there are none: a gate that is killed
        // outright leaves no report of an earlier run behind.
        for err in
            commands::reports::write(&commands::gate::unfinished(), &output.reports, self.runner)
        {
            self.progress.note(&format!("warning: {err:#}"));
        }
        // A panic unwinds, so that what was started is stopped; then it is a bug, and says so.
        let report = panic::catch_unwind(AssertUnwindSafe(|| match &flags.verb {
            Some(Verb::Workflow(args)) => commands::workflow::run(args),
            None => {
                if format == Format::Github {
                    let password = commands::gate::password(flags);
                    write_stdout(&render::github::mask(password.as_deref()));
                }
                let tell = |event: Event<'_>| self.show(event, format);
                commands::gate::run(flags, self.interrupt, &tell)
            }
        }));
        Ok(self.finish(&report.unwrap_or_else(|_| commands::gate::bug()), format, output))
    }

    /// Prints a report, writes the files that were asked for, and returns the exit status.
    fn finish(&self, report: &Report, format: Format, output: &Output) -> u8 {
        let mut code = match report.verdict() {
            Verdict::Pass => 0,
            Verdict::Fail => 1,
            Verdict::Error => 2,
        };
        write_stdout(&match format {
            Format::Human => render::human::summary(report),
            Format::Github => render::github::summary(report),
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
        exit_status(report, self.interrupt, code)
    }

    fn show(&self, event: Event<'_>, format: Format) {
        let progress = self.progress;
        match event {
            Event::Notice(text) => progress.note(text),
            Event::SetUpStarted { what } => progress.running(what, what.to_owned()),
            Event::SetUpEnded { what } => progress.ended(what),
            Event::StepStarted { label, name } => progress.running(label, name.to_owned()),
            Event::Revision { label, revision } => {
                let what = format!("{label} — {} ({})", revision.id, revision.direction);
                progress.running(label, what);
            }
            Event::StepEnded { label, step } => {
                progress.ended(label);
                let text = match format {
                    Format::Human => render::human::step(step),
                    Format::Github => render::github::step(step),
                    Format::Json => return progress.note(render::human::step(step).trim_end()),
                };
                progress.suspend(|| write_stdout(&text));
            }
        }
    }
}

/// A run that a signal ended says so by the shell's convention, whatever it found until then.
fn exit_status(report: &Report, interrupt: &Interrupt, code: u8) -> u8 {
    match interrupt.signal().filter(|_| report.interrupted) {
        Some(signal) => {
            let _ = writeln!(
                anstream::stderr(),
                "error: {}",
                drivers::interrupt::Interrupted { signal }
            );
            u8::try_from(128 + signal).unwrap_or(2)
        }
        None => code,
    }
}

fn write_stdout(text: &str) {
    let mut stdout = anstream::stdout();
    // A reader that has seen enough (`| head`) is no error, and the exit status still tells.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
