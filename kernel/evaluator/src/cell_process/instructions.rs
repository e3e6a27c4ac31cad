//! Follows the instructions that the kernel sends over the link.

use crate::{
    cell_process::{channels::report, evaluate::Work, output, profile, questions, running_cell},
    session::{
        frames::receive,
        link::{Instruction, Report},
        run_directory::CellPaths,
    },
};
use anyhow::{Context, Result};
use mosaic_engine::ProcessMark;
use std::{io, os::unix::net::UnixStream, sync::mpsc::Sender, thread};

/// Waits for the kernel's first instruction and follows it. Returns the link.
///
/// # Errors
///
/// The kernel closes the link.
pub(super) fn follow_first(mut link: UnixStream, paths: &CellPaths, work: &Sender<Work>) -> Result<UnixStream> {
    let instruction = receive(&mut link).context("the kernel sends no instruction")?;
    follow(instruction, paths, work);
    Ok(link)
}

/// Starts the thread that follows all further instructions, and that ends the process once the kernel is gone, with
/// everything that cells have started.
///
/// # Errors
///
/// The thread cannot be started.
pub(super) fn start(mut link: UnixStream, paths: CellPaths, work: Sender<Work>) -> io::Result<()> {
    let thread = thread::Builder::new().name("link".into());
    thread.spawn(move || {
        while let Ok(instruction) = receive::<Instruction>(&mut link) {
            follow(instruction, &paths, &work);
        }
        if let Some(mark) = ProcessMark::of_this_process() {
            mark.end();
        }
        // Not `exit`, which runs destructors of the user's: they may never return.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
    })?;
    Ok(())
}

fn follow(instruction: Instruction, paths: &CellPaths, work: &Sender<Work>) {
    match instruction {
        Instruction::Idle => {}
        Instruction::Begin { execution } => {
            running_cell::expect(execution);
            // The cell of an earlier execution may not have begun.
            profile::expect(false);
            if let Err(error) = output::connect(paths) {
                report(&Report::OutputLost {
                    message: error.to_string(),
                });
            }
        }
        Instruction::Answer => report(&Report::Answered),
        Instruction::Interrupt { execution } => {
            running_cell::interrupt(execution);
            report(&Report::Heard);
        }
        Instruction::Reply { number, answer } => questions::answer(number, answer),
        Instruction::Profile => profile::expect(true),
        Instruction::Deliver { message } => questions::deliver(&message),
        // The main thread takes all work as long as the process lives.
        Instruction::DropVariables => drop(work.send(Work::DropVariables)),
    }
}
