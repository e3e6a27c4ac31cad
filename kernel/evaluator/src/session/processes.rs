//! The marks of the processes that a kernel starts, by which it finds and ends them; see
//! [`ProcessMark`].
//!
//! | mark | processes |
//! | --- | --- |
//! | `kernel` | everything that is started without another mark, such as cargo for rust-analyzer |
//! | `kernel/launchers` | what starts node processes on other hosts, such as ssh; see `mosaic_launch` |
//! | `cells` | the cell process, and what cells have started |
//! | `compilers` | cargo and rustc, as evcxr starts them for cells |
//! | `shell/N` | the shell commands of execution number N |
//! | `workers/…` | the workers, and what methods have started; see the engine's `monitor` |

use mosaic_engine::ProcessMark;
use std::path::Path;

/// The marks of a kernel's processes.
#[derive(Clone, Debug)]
pub(crate) struct KernelProcesses {
    all: ProcessMark,
}

impl KernelProcesses {
    /// Returns the marks of the kernel with this run directory.
    pub(crate) fn of_run(run_dir: &Path) -> KernelProcesses {
        KernelProcesses {
            all: ProcessMark::of_run(run_dir),
        }
    }

    /// Returns the mark of all processes of the kernel.
    pub(crate) fn all(&self) -> &ProcessMark {
        &self.all
    }

    /// Returns the mark of what is started without another mark.
    pub(crate) fn of_kernel(&self) -> ProcessMark {
        self.all.part("kernel")
    }

    /// Returns the mark of what starts node processes on other hosts.
    pub(crate) fn launchers(&self) -> ProcessMark {
        self.of_kernel().part("launchers")
    }

    /// Returns the mark of the cell process and of what cells have started.
    pub(crate) fn of_cells(&self) -> ProcessMark {
        self.all.part("cells")
    }

    /// Returns the mark of the compilers of cells.
    pub(crate) fn compilers(&self) -> ProcessMark {
        self.all.part("compilers")
    }

    /// Returns the mark of the shell commands of an execution.
    pub(crate) fn shell_commands(&self, execution: u64) -> ProcessMark {
        self.all.part("shell").part(&execution.to_string())
    }

    /// Kills what evcxr waits for in an execution: compilers and shell commands. The shell commands that earlier
    /// executions left in the background go on. Returns whether there was a process.
    pub(crate) fn kill_work_of(&self, execution: u64) -> bool {
        let compiled = self.compilers().kill();
        self.shell_commands(execution).kill() || compiled
    }
}
