//! The log of the runtime and of its users.

use crate::{
    scenario,
    tesserae::Counter,
    world::{Ended, Scenario},
};
use mosaic::{LogLevel, prelude::*};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(a_worker_is_quiet_by_default, |ended| {
            assert_eq!(
                said(ended),
                "HEAD            WARN  here\nWORKER:0:0      WARN  warn there\n"
            );
        }),
        scenario!(the_level_can_be_chosen, |ended| {
            let worker = "WORKER:0:0      ";
            assert_eq!(
                said(ended),
                format!("{worker}INFO  info there\n{worker}WARN  warn there\nHEAD            INFO  here\n")
            );
        }),
        scenario!(the_log_can_be_off, |ended| assert_eq!(said(ended), "")),
        scenario!(each_step_is_logged_with_its_time, |ended| {
            let said = said(ended);
            let said = |what: &str| {
                said.lines()
                    .find(|line| line.contains(what))
                    .unwrap_or_else(|| panic!("{said}"))
            };
            let called = said("DEBUG calls Counter::add(u64) -> u64");
            assert!(called.ends_with("-> u64"), "{called}");
            let time = called
                .strip_prefix("WORKER:0:0      ")
                .unwrap()
                .split(' ')
                .next()
                .unwrap();
            assert!(
                time.ends_with('Z') && time.contains('T') && time.contains('.'),
                "{time}"
            );
            assert!(said("is done: 9 bytes") > called);
            let failed = said("failed: no");
            assert!(failed.contains(" INFO  "), "{failed}");
        }),
    ]
}

fn said(ended: &Ended) -> String {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stderr.clone()
}

async fn on(level: LogLevel) {
    mosaic::interactive(On).num_workers(1).log_level(level).await.unwrap();
}

async fn a_worker_is_quiet_by_default() {
    mosaic::interactive(On).num_workers(1).await.unwrap();
    mosaic::info!("not {}", "here");
    mosaic::warn!("{}", "here");
    Counter::remote(1).log("there").await.unwrap();
}

async fn the_level_can_be_chosen() {
    on(LogLevel::Info).await;
    Counter::remote(1).log("there").await.unwrap();
    mosaic::log!(LogLevel::Info, "here");
    mosaic::trace!("{}", unreachable());
}

/// Panics: a log line below the level must not even be formatted.
fn unreachable() -> String {
    panic!("formatted")
}

async fn the_log_can_be_off() {
    on(LogLevel::Off).await;
    Counter::remote(1).log("there").await.unwrap();
    mosaic::error!("nothing");
}

async fn each_step_is_logged_with_its_time() {
    let on = mosaic::interactive(On).num_workers(1).log_level(LogLevel::Debug);
    on.log_timestamps(true).await.unwrap();
    let counter = Counter::remote(1);
    counter.add(1).await.unwrap();
    counter.fail("no").await.unwrap_err();
}
