//! The real sidecar, with a stand-in for the Python package of Ray.

use super::Ray;
use crate::{
    Order,
    event::{Events, LaunchEvent},
    launch::Launcher,
};
use rustix::process::Signal;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

struct World {
    directory: tempfile::TempDir,
    ray: Ray,
    events: Receiver<LaunchEvent>,
}

impl World {
    fn new(executable: &[u8], address: Option<&str>) -> World {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("executable");
        fs::write(&path, executable).unwrap();
        let mut order = Order::new(&path);
        order.arguments = vec!["it's".into()];
        order.environment = vec![("WORDS".into(), "a \"b\"".into())];
        let (sender, events) = channel();
        let events_of_launch = Events::new(move |event| sender.send(event).unwrap_or_default());
        let mut python = Command::new("python3");
        let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ray_stand_in");
        python.env("PYTHONPATH", stand_in).env("PYTHONDONTWRITEBYTECODE", "1");
        python
            .env("HOME", directory.path())
            .env_remove("XDG_CACHE_HOME")
            .env_remove("RAY_ADDRESS");
        let address = address.map(str::to_owned);
        let ray = Ray::start_with(|| Ok(python), address, &order, events_of_launch).unwrap();
        World { directory, ray, events }
    }

    fn next(&self) -> LaunchEvent {
        self.events
            .recv_timeout(Duration::from_secs(60))
            .expect("an event comes")
    }

    /// Waits for the start of hosts, and returns how many lines they have written meanwhile.
    fn wait_for_starts(&self, count: usize) -> usize {
        let (mut started, mut lines) = (0, 0);
        while started < count {
            match self.next() {
                LaunchEvent::Started { .. } => started += 1,
                LaunchEvent::Line { .. } => lines += 1,
                LaunchEvent::Says { text } if text.starts_with("copying the program to host ") => {}
                event => panic!("{event:?}"),
            }
        }
        lines
    }

    fn lines(&self, count: usize) -> Vec<(u32, String)> {
        let line = |event| match event {
            LaunchEvent::Line { host, line } => (host, line),
            event => panic!("{event:?}"),
        };
        (0..count).map(|_| line(self.next())).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.ray.stop();
    }
}

const ECHO: &str = "#!/bin/sh\necho \"$1 $WORDS $MOSAIC_NODE\"\nexec cat\n";

fn ended(host: u32) -> LaunchEvent {
    LaunchEvent::Ended {
        host,
        reason: "ended".to_owned(),
    }
}

#[test]
fn node_processes_are_started_followed_replaced_and_ended() {
    let world = World::new(ECHO.as_bytes(), None);
    assert_eq!(world.next(), LaunchEvent::Planned { hosts: 2 });
    world.ray.send(1, "sent before the start").unwrap();
    let lines = world.wait_for_starts(2);
    world.lines(3 - lines);
    world.ray.send(0, "sent after the start").unwrap();
    assert_eq!(world.lines(1), [(0, "sent after the start".to_owned())]);

    world.ray.end_host(1);
    assert_eq!(world.next(), ended(1));
    assert!(world.ray.send(1, "too late").is_err());
    assert_eq!(world.ray.replace(1).unwrap(), 2);
    assert_eq!(world.wait_for_starts(1), 0);
    assert_eq!(world.lines(1), [(2, "it's a \"b\" 1".to_owned())]);

    world.ray.stop();
    let mut ends = [world.next(), world.next()];
    ends.sort_by_key(|event| matches!(event, LaunchEvent::Ended { host: 2, .. }));
    assert_eq!(ends, [ended(0), ended(2)]);
    assert!(world.ray.replace(0).is_err());
    assert!(world.events.try_recv().is_err());

    let cache = world.directory.path().join(".cache/mosaic-node");
    let cached: Vec<_> = fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(cached.len(), 1, "{cached:?}");
    assert_eq!(fs::read(&cached[0]).unwrap(), ECHO.as_bytes());
    for path in [&cached[0], &cache] {
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o700,
            "{path:?}"
        );
    }
}

#[test]
fn a_node_process_that_fails_is_explained() {
    let world = World::new(b"#!/bin/sh\necho why >&2\nexit 3\n", None);
    let mut ended = 0;
    let mut is_said = false;
    while ended < 2 {
        match world.next() {
            LaunchEvent::Ended { reason, .. } => {
                assert_eq!(reason, "ended with code 3: why");
                ended += 1;
            }
            LaunchEvent::Says { text } => is_said |= text.ends_with(": why"),
            LaunchEvent::Planned { .. } | LaunchEvent::Started { .. } => {}
            event => panic!("{event:?}"),
        }
    }
    assert!(is_said);
}

#[test]
fn hosts_of_another_architecture_are_refused() {
    let mut executable = fs::read("/bin/cat").unwrap();
    // The machine in the header, which becomes the respective other one.
    executable[18] = if executable[18] == 0x3e { 0xb7 } else { 0x3e };
    let world = World::new(&executable, None);
    assert_eq!(world.next(), LaunchEvent::Planned { hosts: 2 });
    for _ in 0..2 {
        match world.next() {
            LaunchEvent::Refused { reason, .. } => assert!(reason.contains(" is a machine of type "), "{reason}"),
            event => panic!("{event:?}"),
        }
    }
}

#[test]
fn a_cluster_that_is_missing_and_a_sidecar_that_was_killed_are_reported() {
    let world = World::new(ECHO.as_bytes(), Some("missing"));
    let expected = "cannot connect to Ray at the address missing: nothing listens; ";
    match world.next() {
        LaunchEvent::Gone { reason } => assert!(reason.starts_with(expected), "{reason}"),
        event => panic!("{event:?}"),
    }

    let world = World::new(ECHO.as_bytes(), None);
    assert_eq!(world.next(), LaunchEvent::Planned { hosts: 2 });
    let lines = world.wait_for_starts(2);
    world.lines(2 - lines);
    let sidecar = world.ray.0.state().sidecar.clone().unwrap();
    sidecar.signal(Signal::KILL);
    // What Ray has printed explains it best.
    let reason =
        "the Python program that talks to Ray is gone (killed by signal 9): (raylet) something that is no event";
    let reason = reason.to_owned();
    for host in 0..2 {
        assert_eq!(
            world.next(),
            LaunchEvent::Ended {
                host,
                reason: reason.clone()
            }
        );
    }
    assert_eq!(world.next(), LaunchEvent::Gone { reason });
}
