//! The migration gate of this monorepo: `cargo xtask migration-gate`.
//!
//! The world speaks in transcripts, the gate thinks in findings, the reader sees one report.
//! `xtask/README.md` is the tour. Modules in reading order:

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

use crate::drivers::interrupt::Interrupt;
use crate::flags::{Command, Format, Gate, ReportFile, Verb, Xtask};
use crate::model::event::Event;
use crate::model::report::{Report, Verdict};
use crate::progress::Progress;

fn main() -> ExitCode {
    let Xtask { command: Command::MigrationGate(flags) } = Xtask::parse();
    // A panic unwinds, so that what was started is stopped; then it is a bug, and says so.
    let code = panic::catch_unwind(AssertUnwindSafe(|| gate(&flags)));
    code.unwrap_or_else(|_| {
        drivers::process::end_strays(&[]);
        let _ = writeln!(anstream::stderr(), "error: this is a bug in the gate; please report it");
        ExitCode::from(2)
    })
}

fn gate(flags: &Gate) -> ExitCode {
    let progress = Progress::new();
    let interrupt = match Interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(err) => {
            progress.note(&format!("error: {err:#}"));
            return ExitCode::from(2);
        }
    };
    let code = match &flags.verb {
        None => {
            let human = flags.format == Format::Human;
            let tell = |event: Event<'_>| show(event, human, &progress);
            let report = commands::gate::run(flags, &interrupt, &tell);
            finish(&report, flags.format, &flags.reports, &interrupt)
        }
        Some(Verb::Lint(lint)) => {
            let report = commands::lint::run(&lint.which, lint.since.as_deref(), &interrupt);
            finish(&report, lint.format, &lint.reports, &interrupt)
        }
        Some(Verb::Graph(graph)) => {
            let (report, drawn) = commands::graph::run(graph, &interrupt);
            match drawn {
                Some(drawn) => {
                    write_stdout(&drawn);
                    0
                }
                None => finish(&report, Format::Human, &[], &interrupt),
            }
        }
        Some(Verb::Renumber(renumber)) => match commands::renumber::run(renumber, &interrupt) {
            Ok(done) => {
                done.notes.iter().for_each(|note| progress.note(note));
                write_stdout(&done.text);
                u8::from(!done.mended)
            }
            Err(err) => {
                progress.note(&format!("error: {err:#}"));
                interrupt.signal().map_or(2, |signal| u8::try_from(128 + signal).unwrap_or(2))
            }
        },
    };
    ExitCode::from(code)
}

/// Prints a report, writes the files that were asked for, and returns the exit status.
fn finish(report: &Report, format: Format, files: &[ReportFile], interrupt: &Interrupt) -> u8 {
    let mut code = match report.verdict() {
        Verdict::Pass => 0,
        Verdict::Fail => 1,
        Verdict::Error => 2,
    };
    write_stdout(&match format {
        Format::Human => render::human::summary(report),
        Format::Json => render::json::report(report),
    });
    // A file that cannot be written does not hide the verdict, but it is not green either.
    for file in files {
        if let Err(err) = std::fs::write(&file.path, render::json::report(report)) {
            let _ = writeln!(
                anstream::stderr(),
                "error: cannot write the report `{}`: {err}",
                file.path
            );
            code = code.max(if code == 1 { 1 } else { 2 });
        }
    }
    exit_status(report, interrupt, code)
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

fn show(event: Event<'_>, human: bool, progress: &Progress) {
    match event {
        Event::Notice(text) => progress.note(text),
        Event::StepStarted { label, name } => progress.running(label, name.to_owned()),
        Event::Revision { label, revision } => {
            let what = format!("{label} — {} ({})", revision.id, revision.direction);
            progress.running(label, what);
        }
        Event::StepEnded { label, step } => {
            progress.ended(label);
            let text = render::human::step(step);
            if human {
                progress.suspend(|| write_stdout(&text));
            } else {
                progress.note(text.trim_end());
            }
        }
    }
}

fn write_stdout(text: &str) {
    let mut stdout = anstream::stdout();
    // A reader that has seen enough (`| head`) is no error, and the exit status still tells.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
