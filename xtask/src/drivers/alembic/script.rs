//! The worker, where Python finds it.
//!
//! In an environment of the gate's own it stays, and with it what Python made of it and of the regular
//! expressions of what it imports: to make that anew takes a tenth of a start. Anywhere else it is laid
//! into the folder of the run.

use std::io::Write;

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use crate::drivers::kept::Key;
use crate::drivers::python;
use crate::drivers::scratch::Scratch;

pub(super) const WORKER: &str = include_str!("worker.py");
/// The name of the file, and of a module that no tree has.
const NAME: &str = "migration_gate_worker";
/// Imports it from the folder that the first argument names. Where what Python compiled was damaged,
/// it is compiled anew.
const START: &str = "\
import sys
sys.path[0] = sys.argv.pop(1)
try:
    import migration_gate_worker as worker
except Exception:
    import shutil
    shutil.rmtree(sys.path[0] + '/__pycache__', ignore_errors=True)
    import migration_gate_worker as worker
worker.start(worker.__file__)";

/// What follows `python` in the command that starts the worker.
pub(super) fn lay(python: &Utf8Path, scratch: &Scratch) -> Result<Vec<String>> {
    if let Some(environment) = python::own_environment(python)
        && let Ok(folder) = keep(&environment)
    {
        return Ok(vec!["-c".into(), START.into(), folder.into_string()]);
    }
    let script = scratch.path().join(format!("{NAME}.py"));
    std::fs::write(&script, WORKER).with_context(|| format!("cannot write `{script}`"))?;
    Ok(vec![script.into_string()])
}

/// The folder in an environment that holds this worker, under a name of its own: Python knows what it
/// compiled by its second and its size.
fn keep(environment: &Utf8Path) -> Result<Utf8PathBuf> {
    let folder = environment.join("worker").join(Key::new("worker").with("", WORKER).finish());
    let file = folder.join(format!("{NAME}.py"));
    if std::fs::read(&file).is_ok_and(|there| there == WORKER.as_bytes()) {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder)?;
    // Whole or not there: other gates may be about to start.
    let mut made = tempfile::NamedTempFile::new_in(&folder)?;
    made.write_all(WORKER.as_bytes())?;
    made.persist(&file)?;
    Ok(folder)
}
