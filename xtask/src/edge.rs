//! Edge of the program: lines for stderr, misuse of the command line, and exit statuses.

use std::io::Write;
use std::os::fd::AsFd;

use clap::error::{ContextKind, ErrorKind};

use crate::os::interrupt::Interrupt;
use crate::os::terminal;
use crate::render::{self, github};
use model::report::{Report, Verdict};
use model::shown;

/// Fits the output to where it goes: as wide as the terminal, and coloured as `--color` says, else as the
/// terminal and NO_COLOR say.
pub fn dress(wanted: clap::ColorChoice, stdout: impl AsFd) {
    if let Some((columns, _)) = terminal::size(stdout) {
        render::fit(columns);
    }
    let choice = match wanted {
        clap::ColorChoice::Auto => return,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// A screen as a terminal draws it, over the one before or afresh. Moving about is no colour: it is done
/// where colour is not wanted, too.
pub fn drawn(text: &str, fresh: bool, is_plain: bool) -> String {
    let plain = is_plain.then(|| anstream::adapter::strip_str(text).to_string());
    let begin = if fresh { "\x1b[2J\x1b[H" } else { "\x1b[H" };
    // The old screen is overwritten line by line, so that it does not flicker.
    format!("{begin}{}\x1b[J", plain.as_deref().unwrap_or(text).replace('\n', "\x1b[K\n"))
}

/// A line for stderr, where GitHub's runner looks for commands too.
pub fn note(text: &str, is_github: bool) -> String {
    let text = shown::at_edge(text);
    if is_github { github::plain(&text).trim_end().to_owned() } else { text }
}

/// Says how a command line is wrong. A URL that stands where it does not belong may hold a password, and is
/// not repeated.
pub fn misused(mut err: clap::Error) -> ! {
    if err.kind() == ErrorKind::ArgumentConflict {
        // It would name the two together.
        err.remove(ContextKind::Usage);
    }
    let text = err.render().ansi().to_string();
    let is_url = |word: &&str| word.contains("://");
    let urls: Vec<&str> = text.split(['\'', '"', ' ', '\n']).filter(is_url).collect();
    let told = urls.iter().fold(text.clone(), |told, url| told.replace(url, "(a URL)"));
    let _ = write!(anstream::stderr(), "{}", shown::at_edge(&told));
    std::process::exit(2)
}

/// The exit status of a run; of one that a signal ended by the shell's convention, in spite of
/// findings.
pub fn exit_status(interrupted: bool, interrupt: &Interrupt, code: u8) -> u8 {
    let signal = interrupt.signal().filter(|_| interrupted);
    signal.map_or(code, |signal| u8::try_from(128 + signal).unwrap_or(2))
}

/// The exit status of a report's verdict.
pub fn exit_code(report: &Report) -> u8 {
    match report.verdict() {
        Verdict::Pass => 0,
        Verdict::Fail => 1,
        Verdict::Error => 2,
    }
}
