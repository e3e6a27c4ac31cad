//! Panics of the link: each costs the command that it happened in.

use super::{
    super::{
        command::Command,
        state::{Action, HeadState},
    },
    Link,
    undelivered::Asked,
};
use crate::{id::Id, panics::caught_async};
use mosaic_abi::{Failure, Handle};

/// What a command is to bring about.
#[derive(Clone, Copy)]
enum Request {
    /// The end of a wait.
    Wait(Handle),
    /// The value for a wait.
    Load(Handle),
    Place(Id),
    Find(Id),
    Sync(Handle),
    Store(Id),
    Message(Asked),
    /// Nobody waits for anything.
    Nothing,
}

impl Request {
    /// Returns what a command is to bring about.
    fn of(command: &Command) -> Request {
        match command {
            Command::Start { wait, .. } | Command::Stop { wait } => Request::Wait(*wait),
            Command::Act(action) => match action {
                Action::Query { wait, .. } => Request::Wait(*wait),
                Action::Load { wait, .. } => Request::Load(*wait),
                Action::Place { tessera, .. } | Action::PlaceHere { tessera } => Request::Place(*tessera),
                Action::FindLost { tessera } => Request::Find(*tessera),
                Action::Sync { object } => Request::Sync(*object),
                Action::Store { ware, .. } => Request::Store(*ware),
                Action::Send { frame, .. } | Action::SendWithin { frame, .. } => {
                    Request::Message(Asked::by(&frame.message))
                }
                _ => Request::Nothing,
            },
        }
    }

    /// Fails it.
    fn fail(self, state: &mut HeadState, failure: Failure) {
        match self {
            Request::Wait(wait) => state.end_wait(wait, Err(failure)),
            Request::Load(wait) => state.fetched(wait, Err(failure)),
            Request::Place(tessera) => state.placed(tessera, Err(failure)),
            Request::Find(tessera) => state.tessera_is_missing(tessera, None),
            Request::Sync(object) => state.synced(object),
            Request::Store(ware) => state.stored(ware, Err(failure)),
            Request::Message(asked) => asked.fail(state, failure),
            Request::Nothing => {}
        }
    }
}

impl Link {
    /// Carries out a command. If that panics, what the command was to bring about fails.
    pub(super) async fn run_or_fail(&mut self, command: Command) {
        let request = Request::of(&command);
        if let Err(failure) = caught_async("head", self.run_command(command)).await {
            self.head.change(|state| request.fail(state, failure));
        }
    }
}
