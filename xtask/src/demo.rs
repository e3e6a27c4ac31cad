//! Runs the tutorial headless, opens JupyterLab, and takes the README's picture.

use crate::{
    SetUp, kernel,
    run::{run, step},
};
use anyhow::{Context, Result};
use std::fs;

/// Runs the tutorial with nbconvert and says where the result lies.
pub(crate) fn demo(set_up: &SetUp) -> Result<()> {
    let results = kernel::target(&set_up.root)?.join("demo");
    fs::create_dir_all(&results).with_context(|| format!("cannot make {}", results.display()))?;
    let notebook = set_up.root.join("notebooks").join("parallelism.ipynb");
    let executed = results.join("parallelism.ipynb");
    let page = results.join("parallelism.html");

    step("running notebooks/parallelism.ipynb");
    // The configuration prints each cell when it is done.
    run(set_up
        .python
        .python()
        .args([
            "-m",
            "nbconvert",
            "--log-level=WARN",
            "--to=notebook",
            "--execute",
            "--config",
        ])
        .arg(set_up.root.join("xtask").join("progress.py"))
        .arg(format!("--output-dir={}", results.display()))
        .arg(&notebook))?;
    run(set_up
        .python
        .python()
        .args(["-m", "nbconvert", "--log-level=WARN", "--to=html"])
        .arg(&executed))?;
    println!(
        "\nexecuted notebook: {}\nas a page:         {}",
        executed.display(),
        page.display()
    );
    Ok(())
}

/// Opens JupyterLab and returns when it is closed.
pub(crate) fn lab(set_up: &SetUp, arguments: &[String]) -> Result<()> {
    step("opening JupyterLab");
    run(set_up
        .python
        .python()
        .args(["-m", "jupyterlab"])
        .args(arguments)
        .current_dir(set_up.root.join("notebooks")))
}

/// Takes the picture of JupyterLab that the README shows.
pub(crate) fn screenshot(set_up: &SetUp) -> Result<()> {
    step("taking the picture");
    let picture = set_up.root.join("docs").join("src").join("images").join("notebook.png");
    run(set_up
        .python
        .python()
        .arg(set_up.root.join("tests").join("screenshot.py"))
        .arg(&picture))
}
