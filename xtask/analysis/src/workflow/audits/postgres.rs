//! Postgres that the gate runs on, where the workflow brings one.

use crate::workflow::calls::Call;
use crate::workflow::document::{Document, Job, key, mapping, text};
use crate::workflow::repository::{Found, Repository};
use model::code;

/// Checks that the gate is given Postgres 15.
pub(in crate::workflow) fn not_15(repository: &Repository<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for call in &repository.calls {
        let Some((document, job)) = call.job() else { continue };
        if is_given(call, document, job) {
            found.extend(services(document, job));
        }
        found.extend(binaries(call));
    }
    found
}

/// Whether the gate uses a server that the workflow brings.
fn is_given(call: &Call<'_>, document: &Document<'_>, job: &Job) -> bool {
    let name = "MIGRATION_GATE_POSTGRES_URL";
    let mut environments = vec![&document.value["env"], &job.value["env"]];
    environments.extend(call.steps.iter().map(|(_, step)| &step.value["env"]));
    call.option("--postgres-url").is_some() || environments.iter().any(|env| !env[name].is_null())
}

fn services(document: &Document<'_>, job: &Job) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, service) in mapping(&job.value["services"]) {
        let Some(image) = text(&service["image"]).or_else(|| text(service)) else { continue };
        let path = [job.at("services"), vec![key(&text(name).unwrap_or_default()), key("image")]];
        let line = document.line(&path.concat());
        for image in job.expand(&image) {
            let (wrong, message) = match major(&image) {
                Major::Is(15) | Major::OtherProgram => continue,
                Major::Is(other) => (true, format!("`{image}` is Postgres {other}")),
                Major::Newest => (true, format!("`{image}` is whatever Postgres is newest")),
                Major::Unknown => (false, format!("which Postgres `{image}` is")),
            };
            let code = if wrong { &code::NOT_POSTGRES_15 } else { &code::UNKNOWN };
            let found_here = Found::at(code, (document, line), message);
            let source = document.source.text.lines().nth(line.saturating_sub(1) as usize);
            let fixed = source.filter(|_| wrong).and_then(|source| {
                let (before, _) = source.split_once(&image)?;
                let program = image.split([':', '@']).next()?;
                Some(format!("{before}{program}:15"))
            });
            found.push(match fixed {
                Some(line) => found_here.suggest(line),
                None => found_here,
            });
        }
    }
    found
}

/// Version of an image.
enum Major {
    Is(u32),
    Newest,
    Unknown,
    OtherProgram,
}

fn major(image: &str) -> Major {
    let named = image.split('@').next().unwrap_or(image);
    let last = named.rsplit('/').next().unwrap_or(named);
    let (program, tag) = last.split_once(':').map_or((last, None), |(p, t)| (p, Some(t)));
    if image.contains("${{") {
        return Major::Unknown;
    }
    if !["postgres", "postgresql", "postgis", "pgvector", "timescaledb"].contains(&program) {
        return Major::OtherProgram;
    }
    match tag {
        None if image.contains('@') => Major::Unknown,
        None | Some("latest" | "alpine" | "bookworm" | "trixie") => Major::Newest,
        Some(tag) => {
            let digits: String =
                tag.trim_start_matches("pg").chars().take_while(char::is_ascii_digit).collect();
            digits.parse().map_or(Major::Unknown, Major::Is)
        }
    }
}

/// `--postgres-bin /usr/lib/postgresql/16/bin`.
fn binaries(call: &Call<'_>) -> Option<Found> {
    let folder = call.option("--postgres-bin")?;
    let numbers = folder.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u32>().ok());
    let other = numbers.into_iter().find(|number| (9..=99).contains(number) && *number != 15)?;
    let message = format!("`--postgres-bin {folder}` is Postgres {other}");
    Some(Found::at(&code::NOT_POSTGRES_15, call.place(), message))
}
