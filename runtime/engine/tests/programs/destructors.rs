//! Destructors of the user's that block: the worker's other tesserae and its control go on.

use crate::{
    scenario,
    tesserae::Counter,
    world::{Scenario, meeting_point},
};
use mosaic::{FailureKind, prelude::*};
use std::fs::{File, OpenOptions};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(a_cancelled_method_whose_future_blocks_holds_up_nothing_else),
        scenario!(a_cancelled_function_whose_future_blocks_holds_up_nothing_else),
        scenario!(a_dropped_tessera_that_blocks_holds_up_nothing_else),
        scenario!(a_worker_ends_although_a_destructor_blocks),
    ]
}

/// A value whose destructor says that it runs, and then waits for a door to be opened.
struct Blocking {
    entered: String,
    door: String,
}

impl Drop for Blocking {
    fn drop(&mut self) {
        OpenOptions::new().write(true).open(&self.entered).unwrap();
        File::open(&self.door).unwrap();
    }
}

#[tessera]
struct Holder(Option<Blocking>);

#[tessera]
impl Holder {
    fn new() -> Self {
        Holder(None)
    }

    fn hold(&mut self, entered: String, door: String) {
        self.0 = Some(Blocking { entered, door });
    }

    async fn wait(&self, begun: String, entered: String, door: String) {
        wait(begun, entered, door).await;
    }

    fn holds(&self) -> bool {
        self.0.is_some()
    }
}

async fn wait(begun: String, entered: String, door: String) {
    let _blocking = Blocking { entered, door };
    OpenOptions::new().write(true).open(begun).unwrap();
    std::future::pending::<()>().await;
}

async fn on() -> [String; 3] {
    mosaic::interactive(On).num_workers(1).await.unwrap();
    ["begun", "entered", "door"].map(meeting_point)
}

/// Waits until the destructor blocks, checks that the worker does everything else, and lets the destructor end.
async fn goes_on_while_the_destructor_blocks([_, entered, door]: &[String; 3]) {
    File::open(entered).unwrap();
    assert_eq!(Counter::remote(1).add(1).result().await.unwrap(), 2);
    assert_eq!(mosaic::spawn(|n: u64| n + 1, (1,)).result().await.unwrap(), 2);
    assert_eq!(mosaic::workers().await.unwrap().len(), 1);
    mosaic::tesserae().await.unwrap();
    OpenOptions::new().write(true).open(door).unwrap();
}

async fn a_cancelled_method_whose_future_blocks_holds_up_nothing_else() {
    let places = on().await;
    let holder = Holder::remote();
    let [begun, entered, door] = &places;
    let task = holder.wait(begun, entered, door);
    File::open(begun).unwrap();
    task.cancel();
    goes_on_while_the_destructor_blocks(&places).await;
    assert_eq!(task.await.unwrap_err().kind(), FailureKind::Cancelled);
    assert!(!holder.holds().result().await.unwrap());
}

async fn a_cancelled_function_whose_future_blocks_holds_up_nothing_else() {
    let places = on().await;
    let [begun, entered, door] = &places;
    let task = mosaic::spawn_async(wait, (begun, entered, door));
    File::open(begun).unwrap();
    task.cancel();
    goes_on_while_the_destructor_blocks(&places).await;
    assert_eq!(task.await.unwrap_err().kind(), FailureKind::Cancelled);
}

async fn a_dropped_tessera_that_blocks_holds_up_nothing_else() {
    let places = on().await;
    let holder = Holder::remote();
    holder.hold(&places[1], &places[2]).await.unwrap();
    drop(holder);
    goes_on_while_the_destructor_blocks(&places).await;
}

async fn a_worker_ends_although_a_destructor_blocks() {
    let [begun, entered, door] = &on().await;
    let task = Holder::remote().wait(begun, entered, door);
    File::open(begun).unwrap();
    task.cancel();
    File::open(entered).unwrap();
    mosaic::interactive(Off).await.unwrap();
    assert!(task.await.is_err());
}
