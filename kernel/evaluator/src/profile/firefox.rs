//! A profile as a file for Firefox's profiler.

use super::{
    Profile,
    stacks::{Owner, Process, ShownFrame},
};
use fxprof_processed_profile::{
    CategoryColor, CategoryHandle, CpuDelta, Frame, FrameFlags, FrameInfo, ProcessHandle, Profile as FirefoxProfile,
    ReferenceTimestamp, SamplingInterval, ThreadHandle, Timestamp,
};
use std::time::Duration;

/// Writes the profile in the format that Firefox calls a processed profile.
///
/// # Errors
///
/// The profile cannot be written as JSON.
pub(super) fn json(profile: &Profile) -> Result<String, String> {
    let began = profile
        .processes
        .iter()
        .map(|it| it.samples.began)
        .min()
        .unwrap_or_default();
    let interval = profile
        .processes
        .iter()
        .map(Process::time_of_sample)
        .max()
        .unwrap_or_default();
    let interval = u64::try_from(interval.as_nanos()).unwrap_or(0).max(1);
    let mut file = FirefoxProfile::new(
        &profile.title,
        ReferenceTimestamp::from_millis_since_unix_epoch(began.as_secs_f64() * 1e3),
        SamplingInterval::from_nanos(interval),
    );
    // The names are final: there are no libraries to look more of them up in.
    file.set_symbolicated(true);
    let categories = [
        (Owner::User, file.add_category("Notebook", CategoryColor::Orange)),
        (Owner::Crate, file.add_category("Crates", CategoryColor::Green)),
        (Owner::System, file.add_category("System", CategoryColor::Gray)),
        (Owner::Kernel, file.add_category("mosaic", CategoryColor::Blue)),
    ];
    for process in &profile.processes {
        add_process(&mut file, process, began, &categories);
    }
    serde_json::to_string(&file).map_err(|error| format!("the profile cannot be written: {error}"))
}

type Categories = [(Owner, CategoryHandle)];

fn add_process(file: &mut FirefoxProfile, process: &Process, began: Duration, categories: &Categories) {
    let samples = &process.samples;
    let offset = samples.began.saturating_sub(began);
    let handle: ProcessHandle = file.add_process(&process.name, samples.process, timestamp(offset));
    let mut threads: Vec<ThreadHandle> = Vec::new();
    for thread in &samples.threads {
        let number = thread.number.unsigned_abs();
        let added = file.add_thread(handle, number, timestamp(offset), number == samples.process);
        file.set_thread_name(added, &thread.name);
        threads.push(added);
    }
    let delta = u64::try_from(process.time_of_sample().as_nanos()).unwrap_or(0);
    for sample in &samples.samples {
        let (Some(thread), Some(frames)) = (
            threads.get(sample.thread as usize).copied(),
            process.stacks.get(sample.stack as usize),
        ) else {
            continue;
        };
        let infos: Vec<FrameInfo> = frames.iter().map(|frame| info(file, frame, categories)).collect();
        let stack = file.intern_stack_frames(thread, infos.into_iter());
        file.add_sample(
            thread,
            timestamp(offset + sample.at),
            stack,
            CpuDelta::from_nanos(delta),
            1,
        );
    }
}

fn info(file: &mut FirefoxProfile, frame: &ShownFrame, categories: &Categories) -> FrameInfo {
    let category = categories.iter().find(|(owner, _)| *owner == frame.owner);
    let name = match &frame.line {
        Some(line) => format!("{} at {line}", frame.name),
        None => frame.name.clone(),
    };
    FrameInfo {
        frame: Frame::Label(file.intern_string(&name)),
        category_pair: category.map_or(CategoryHandle::OTHER, |(_, category)| *category).into(),
        flags: FrameFlags::empty(),
    }
}

fn timestamp(time: Duration) -> Timestamp {
    Timestamp::from_nanos_since_reference(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
