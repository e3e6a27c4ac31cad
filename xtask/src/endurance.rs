//! Tests that take as long as they are given: the soak and the faults.

use crate::{
    SetUp, kernel,
    run::{run, step},
};
use anyhow::Result;

/// Uses one kernel for this number of minutes, and writes a table and a plot into the target directory.
pub(crate) fn soak(set_up: &SetUp, minutes: f64, seed: Option<u32>) -> Result<()> {
    step(&format!("using a kernel for {minutes} minutes"));
    let output = kernel::target(&set_up.root)?.join("soak");
    let minutes = minutes.to_string();
    endure(
        set_up,
        "soak.py",
        &["--minutes", &minutes, "--output", &output.to_string_lossy()],
        seed,
    )
}

/// Kills and stops processes of kernels this number of times.
pub(crate) fn faults(set_up: &SetUp, rounds: u32, seed: Option<u32>) -> Result<()> {
    step(&format!("killing and stopping processes {rounds} times"));
    endure(set_up, "faults.py", &["--rounds", &rounds.to_string()], seed)
}

fn endure(set_up: &SetUp, script: &str, arguments: &[&str], seed: Option<u32>) -> Result<()> {
    let mut command = set_up.python.python();
    command.arg(set_up.root.join("tests").join(script)).args(arguments);
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    run(&mut command)
}
