//! Edge of the program: lines for stderr, misuse of the command line, and exit statuses.

use std::io::Write;

use crate::os::called::as_called;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::render::github;
use model::report::{Report, Verdict};
use model::shown;

/// A line for stderr, where GitHub's runner looks for commands too.
pub fn note(text: &str, is_github: bool) -> String {
    let text = shown::at_edge(&as_called(text));
    if is_github { github::plain(&text).trim_end().to_owned() } else { text }
}

/// Says how a command line is wrong. A URL that stands where it does
/// not belong may hold a password, and is not repeated.
pub fn misused(err: &clap::Error) -> ! {
    let text = err.render().ansi().to_string();
    let is_url = |word: &&str| word.contains("://");
    let urls: Vec<&str> = text.split(['\'', '"', ' ', '\n']).filter(is_url).collect();
    let told = urls.iter().fold(text.clone(), |told, url| told.replace(url, "(a URL)"));
    let _ = write!(anstream::stderr(), "{}", shown::at_edge(&as_called(&told)));
    std::process::exit(2)
}

/// A run that a signal ended says so by the shell's convention, whatever it found until then.
pub fn exit_status(interrupted: bool, interrupt: &Interrupt, code: u8) -> u8 {
    match interrupt.signal().filter(|_| interrupted) {
        Some(signal) => {
            let _ = writeln!(anstream::stderr(), "error: {}", Interrupted { signal });
            u8::try_from(128 + signal).unwrap_or(2)
        }
        None => code,
    }
}

/// The exit status of a report's verdict.
pub fn exit_code(report: &Report) -> u8 {
    match report.verdict() {
        Verdict::Pass => 0,
        Verdict::Fail => 1,
        Verdict::Error => 2,
    }
}
