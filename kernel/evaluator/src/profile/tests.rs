//! Tests of profiles of several processes, in all formats.

use super::{Format, Profile, flame_graph, show_profile, table};
use mosaic_abi::ProcessProfile;
use mosaic_message::Content;
use mosaic_sampler::{Frame, Sample, Samples, Stack, Thread};
use std::{fs, path::Path, time::Duration};

const LIBRARY: &str = "/s/code_3.so";

fn frame(function: &str, line: u32) -> Frame {
    Frame {
        function: function.to_owned(),
        file: Some("cell [3]".to_owned()),
        line: Some(line),
        library: LIBRARY.to_owned(),
    }
}

/// A process that used 1 s of CPU time in ten samples: `hot` in nine of them, and `cold` in one.
fn process(uid: &str) -> ProcessProfile {
    let stack = |frames: &[u32]| Stack {
        frames: frames.to_vec(),
        is_cut: false,
    };
    let samples = Samples {
        process: 7,
        began: Duration::from_secs(1_700_000_000),
        took: Duration::from_secs(2),
        cpu: Duration::from_secs(1),
        lost: 0,
        threads: vec![Thread {
            number: 7,
            name: "main".to_owned(),
        }],
        frames: vec![
            frame("ctx::run_user_code_2", 9),
            frame("ctx::hot", 1),
            frame("ctx::cold", 2),
        ],
        stacks: vec![stack(&[0, 1]), stack(&[0, 2])],
        samples: (0..10)
            .map(|index| Sample {
                at: Duration::from_millis(100 * index),
                thread: 0,
                stack: u32::from(index == 9),
            })
            .collect(),
    };
    ProcessProfile {
        process: uid.to_owned(),
        samples: Ok(mosaic_abi::encode(&samples).unwrap()),
    }
}

#[test]
fn a_flame_graph_has_the_processes_and_their_times() {
    let profile = Profile::new("cell [4]", &[process("head"), process("worker:0:1")]);
    assert_eq!(
        flame_graph::folded(&profile),
        [
            "cells;cell [3];cold (cell [3]) 100000",
            "cells;cell [3];hot (cell [3]) 900000",
            "worker:0:1;cell [3];cold (cell [3]) 100000",
            "worker:0:1;cell [3];hot (cell [3]) 900000",
        ]
    );
    let picture = flame_graph::picture(&profile, false).unwrap();
    assert!(
        picture.contains("<title>hot (cell [3]) (900,000 µs, 45.00%)</title>"),
        "{picture}"
    );
    let zooms = |picture: &str| picture.contains("function zoom");
    assert!(!zooms(&picture) && zooms(&flame_graph::picture(&profile, true).unwrap()));
}

#[test]
fn a_table_has_the_shares_of_functions_and_lines() {
    let profile = Profile::new("cell [4]", &[process("head"), process("worker:0:1")]);
    assert_eq!(
        table::text(&profile),
        "cell [4]: 20 samples of 2.000 s of CPU time, in 2.000 s\n\n   self   total  function\n \
         90.0 %   90.0 %  hot (cell [3])\n \
         10.0 %   10.0 %  cold (cell [3])\n  \
         0.0 %  100.0 %  cell [3]\n\n   self   total  line\n \
         90.0 %   90.0 %  cell [3]:1\n \
         10.0 %   10.0 %  cell [3]:2\n  \
         0.0 %  100.0 %  cell [3]:9\n"
    );
    assert!(table::html(&profile).contains("<code>hot (cell [3])</code>"));
}

#[test]
fn a_process_without_samples_is_named() {
    let lost = ProcessProfile {
        process: "worker:0:0".to_owned(),
        samples: Err("it ended".to_owned()),
    };
    let profile = Profile::new("cell [4]", &[lost]);
    assert!(profile.is_empty() && flame_graph::picture(&profile, false).is_none());
    let text = table::text(&profile);
    assert!(
        text.contains("worker:0:0 has no profile: it ended") && text.contains("no sample"),
        "{text}"
    );
}

#[test]
fn profiles_are_saved_by_the_names_of_their_files() {
    let directory = tempfile::tempdir().unwrap();
    let profile = Profile::new("cell [4]", &[process("head")]);
    let [svg, json, png] = ["p.svg", "p.json", "p.png"].map(|name| directory.path().join(name));
    profile.save(&svg).unwrap();
    assert!(fs::read_to_string(&svg).unwrap().contains("<svg"));
    profile.save(&json).unwrap();
    let saved: serde_json::Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(saved["threads"][0]["samples"]["length"], 10);
    assert!(saved.to_string().contains("hot (cell [3]) at cell [3]:1"));
    assert!(profile.save(&png).unwrap_err().contains("p.png"));
    assert!(
        profile
            .save(&directory.path().join("none/p.svg"))
            .unwrap_err()
            .contains("cannot write")
    );
    assert_eq!(Format::of(Path::new("a.svg")), Ok(Format::Svg));
}

#[test]
fn what_a_cell_shows_is_a_picture_and_a_text() {
    let encoded = mosaic_abi::encode(&vec![process("head")]).unwrap();
    let (contents, _) = show_profile(&encoded).into_parts();
    assert!(matches!(&contents["image/svg+xml"], Content::Text(svg) if svg.contains("hot")));
    assert!(matches!(&contents["text/plain"], Content::Text(text) if text.contains("90.0 %")));
    let (contents, _) = show_profile(&[255]).into_parts();
    assert!(matches!(&contents["text/plain"], Content::Text(text) if text.contains("cannot be read")));
}
