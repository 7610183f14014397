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

use crate::commands::explain::Explanation;
use crate::drivers::interrupt::{Interrupt, Interrupted};
use crate::flags::{Command, Format, Gate, Replay, ReportFile, Verb, Xtask};
use crate::model::event::Event;
use crate::model::redact::redact;
use crate::model::report::{Report, Verdict};
use crate::progress::Progress;

fn main() -> ExitCode {
    let Xtask { command: Command::MigrationGate(mut flags) } = Xtask::parse();
    let verb = flags.verb.take();
    // A panic unwinds, so that what was started is stopped; then it is a bug, and says so.
    let code = panic::catch_unwind(AssertUnwindSafe(|| run(&mut flags, verb)));
    code.unwrap_or_else(|_| {
        drivers::process::end_strays(&[]);
        note("error: this is a bug in the gate; please report it");
        ExitCode::from(2)
    })
}

/// Prints what a command that only reads and writes text has to say.
fn text(said: anyhow::Result<String>) -> u8 {
    match said {
        Ok(text) => {
            write_stdout(&text);
            0
        }
        Err(err) => {
            note(&format!("error: {}", redact(&format!("{err:#}"))));
            2
        }
    }
}

fn explained(explanation: Explanation) -> String {
    match explanation {
        Explanation::Code(code) => render::human::code(code),
        Explanation::Findings(findings) if findings.is_empty() => "no failure found\n".to_owned(),
        Explanation::Findings(findings) => {
            findings.iter().map(render::human::finding).collect::<Vec<_>>().join("\n")
        }
    }
}

fn run(flags: &mut Gate, verb: Option<Verb>) -> ExitCode {
    let progress = Progress::new();
    let interrupt = match Interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(err) => {
            progress.note(&format!("error: {err:#}"));
            return ExitCode::from(2);
        }
    };
    let code = match &verb {
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
        Some(Verb::Replay(args)) => replay(flags, args, &interrupt, &progress),
        Some(Verb::Explain(explain)) => text(commands::explain::run(explain).map(explained)),
        Some(Verb::Runbook(runbook)) => text(commands::runbook::run(runbook)),
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
    if format != Format::Human {
        // A program reads the report; what is for a person still reaches one.
        report.notes.iter().for_each(|text| note(text));
    }
    // A file that cannot be written does not hide the verdict, but it is not green either.
    for file in files {
        if let Err(err) = std::fs::write(&file.path, render::json::report(report)) {
            note(&format!("error: cannot write the report `{}`: {err}", file.path));
            code = code.max(if code == 1 { 1 } else { 2 });
        }
    }
    exit_status(report.interrupted, interrupt, code)
}

fn replay(flags: &mut Gate, args: &Replay, interrupt: &Interrupt, progress: &Progress) -> u8 {
    commands::replay::gate_flags(flags, args);
    if args.list {
        let incidents = commands::replay::select(flags, args);
        return text(incidents.map(|incidents| render::replay::list(&incidents)));
    }
    let tell = |event: Event<'_>| show(event, false, progress);
    if args.mutants {
        let score = commands::replay::mutants::run(flags, args, interrupt, &tell);
        for sick in &score.sick {
            progress.note(&format!("error: {}", redact(sick)));
        }
        write_stdout(&match args.format {
            Format::Human => render::mutants::human(&score),
            Format::Json => render::mutants::json(&score),
        });
        return exit_status(score.interrupted, interrupt, score.exit_status());
    }
    let replays = commands::replay::run(flags, args, interrupt, &tell);
    for sick in &replays.sick {
        progress.note(&format!("error: {}", redact(sick)));
    }
    write_stdout(&match args.format {
        Format::Human => render::replay::human(&replays),
        Format::Json => render::replay::json(&replays),
    });
    exit_status(replays.interrupted, interrupt, replays.exit_status())
}

/// A run that a signal ended says so by the shell's convention, whatever it found until then.
fn exit_status(interrupted: bool, interrupt: &Interrupt, code: u8) -> u8 {
    match interrupt.signal().filter(|_| interrupted) {
        Some(signal) => {
            note(&format!("error: {}", Interrupted { signal }));
            u8::try_from(128 + signal).unwrap_or(2)
        }
        None => code,
    }
}

fn show(event: Event<'_>, human: bool, progress: &Progress) {
    match event {
        Event::Notice(text) => progress.note(text),
        Event::Predicted(finding) => {
            let text = render::human::predicted(finding);
            if human {
                progress.suspend(|| write_stdout(&text));
            } else {
                progress.note(text.trim_end());
            }
        }
        Event::SetUpStarted { what } => progress.running(what, what.to_owned()),
        Event::SetUpEnded { what } => progress.ended(what),
        Event::StepStarted { label, name } => progress.running(label, name.to_owned()),
        Event::Revision { label, revision } => {
            let what = format!("{label} — {} ({})", revision.id, revision.direction);
            progress.running(label, what);
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

fn note(text: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(anstream::stderr(), "{text}");
}

fn write_stdout(text: &str) {
    let mut stdout = anstream::stdout();
    // A reader that has seen enough (`| head`) is no error, and the exit status still tells.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
