//! Launches an executable on several hosts and prints each event as a line of JSON. Administrators can check a cluster
//! with it, for example by `launch ssh:alpha,beta /bin/cat`.
//!
//! It reads commands from its standard input: `send HOST LINE`, `replace HOST` and `end HOST`. At the end of its
//! standard input it stops the launch.

use mosaic_launch::{Launch, LaunchEvent, Order, launch};
use std::{
    env,
    error::Error,
    ffi::OsString,
    io::{self, BufRead, Write},
    process::ExitCode,
};

const USAGE: &str = "usage: launch [--hosts N] [--cpus N] PLACE EXECUTABLE [ARGUMENT]...";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (place, order) = arguments()?;
    let launch = launch(place.parse()?, order, print)?;
    for line in io::stdin().lock().lines() {
        if let Err(error) = obey(&launch, &line?) {
            eprintln!("{error}");
        }
    }
    launch.stop();
    Ok(())
}

fn arguments() -> Result<(String, Order), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).peekable();
    let (mut hosts, mut cpus) = (None, None);
    while let Some(option) = arguments.next_if(|it| it.to_string_lossy().starts_with("--")) {
        let number = text(arguments.next())?.parse()?;
        match option.to_str() {
            Some("--hosts") => hosts = Some(number),
            Some("--cpus") => cpus = Some(number),
            _ => return Err(USAGE.into()),
        }
    }
    let place = text(arguments.next())?;
    let mut order = Order::new(arguments.next().ok_or(USAGE)?);
    order.arguments = arguments.collect();
    order.hosts = hosts;
    order.cpus = cpus;
    Ok((place, order))
}

fn text(argument: Option<OsString>) -> Result<String, &'static str> {
    argument.and_then(|it| it.into_string().ok()).ok_or(USAGE)
}

fn print(event: LaunchEvent) {
    let line = serde_json::to_string(&event).expect("an event is JSON");
    // Whoever reads may have left.
    let _ = writeln!(io::stdout(), "{line}");
}

fn obey(launch: &Launch, line: &str) -> Result<(), Box<dyn Error>> {
    let mut words = line.splitn(3, ' ');
    let command = words.next().unwrap_or_default();
    let host: u32 = words.next().ok_or("the number of the host is missing")?.parse()?;
    match command {
        "send" => launch.send(host, words.next().unwrap_or_default())?,
        "replace" => eprintln!("the new host is {}", launch.replace(host)?),
        "end" => launch.end_host(host),
        _ => return Err("the commands are `send HOST LINE`, `replace HOST` and `end HOST`".into()),
    }
    Ok(())
}
