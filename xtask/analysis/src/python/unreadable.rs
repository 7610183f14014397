//! Reasons why a file cannot be read.

/// The largest file that is parsed; CPython takes seconds for one of this size.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// Why a file cannot be read. CPython refuses each of these too, but for the first and the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The file is longer than the limit for parsing.
    TooLarge,
    /// The file holds a NUL byte, on this line.
    Nul(u32),
    /// The file is not in its declared encoding (UTF-8 by default), on this line.
    NotInEncoding(u32),
    /// The file names an encoding that is not supported here.
    UnknownEncoding(String),
    /// Its brackets nest deeper than Python's own limit, on this line.
    TooDeep(u32),
    /// The file is so broken that parsing it takes too long.
    TooBroken,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::TooLarge => write!(f, "it is longer than {} MiB", MAX_BYTES >> 20),
            Unreadable::Nul(line) => write!(f, "it holds a NUL byte, line {line}"),
            Unreadable::NotInEncoding(line) => {
                write!(f, "its bytes are not text in its encoding, line {line}")
            }
            Unreadable::UnknownEncoding(name) => {
                write!(f, "it declares the encoding `{name}`, which the gate cannot read")
            }
            Unreadable::TooDeep(line) => {
                write!(f, "its brackets nest deeper than Python's limit, line {line}")
            }
            Unreadable::TooBroken => write!(f, "its text is too broken to be parsed"),
        }
    }
}

impl Unreadable {
    /// The line at which it shows, from 1.
    pub fn line(&self) -> Option<u32> {
        match self {
            Unreadable::Nul(line) | Unreadable::NotInEncoding(line) | Unreadable::TooDeep(line) => {
                Some(*line)
            }
            _ => None,
        }
    }
}

pub(super) fn line_at(bytes: &[u8], at: usize) -> u32 {
    let before = bytes.iter().take(at).filter(|byte| **byte == b'\n').count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}
