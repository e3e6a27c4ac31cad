//! Tesserae with code in a shared object that has its own copy of the crate `mosaic`, as in a notebook.

use crate::{
    scenario,
    world::{Scenario, example},
};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use mosaic::{FailureKind, prelude::*};
use mosaic_abi::{CellEvent, GUEST_ENTRY, GuestEntry, Slice};
use std::path::PathBuf;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![scenario!(tesserae_of_a_shared_object, |ended| {
        assert_eq!(ended.code, Some(0));
        assert!(
            ended.stdout.ends_with("WORKER:0:0      hello is asked for\nafter\n"),
            "{}",
            ended.stdout
        );
    })]
}

unsafe extern "C" fn cell_event(_: CellEvent, _: Slice, _: Slice) {}

fn guest() -> Library {
    // SAFETY: the object has only the initialisers of the standard library.
    unsafe { Library::open(Some(example("guest")), RTLD_NOW | RTLD_LOCAL) }.unwrap()
}

async fn tesserae_of_a_shared_object() {
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let guest = guest();
    // The head exists already: this only returns its table.
    let monitor = PathBuf::new();
    let host = mosaic_engine::install_head(mosaic_engine::HeadOptions {
        monitor,
        cell_event,
        ask: drop,
    })
    .unwrap();
    // SAFETY: the symbol has this type, and the table is static.
    let table = unsafe { guest.get::<GuestEntry>(GUEST_ENTRY).unwrap()(host).as_ref() }.unwrap();
    // SAFETY: both come from the same build as this test, with the same compiler.
    let (greet, fail) = unsafe {
        (
            guest
                .get::<extern "Rust" fn(&str) -> TaskProxy<String>>("greet")
                .unwrap(),
            guest.get::<extern "Rust" fn() -> TaskProxy<()>>("fail").unwrap(),
        )
    };
    let task = greet("world").await.unwrap();
    println!("after");
    assert_eq!(task.result().await.unwrap(), "hello, world");
    let error = fail().await.unwrap_err();
    assert_eq!((error.kind(), error.worker()), (FailureKind::Panicked, "worker:0:1"));
    assert!(error.message().starts_with("no greeting, at "), "{error}");
    (table.flush)();
    // The library stays loaded: the guest's panic hook may still refer to its code.
    std::mem::forget(guest);
}
