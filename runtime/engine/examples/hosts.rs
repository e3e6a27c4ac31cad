//! A program on several hosts: says where its functions run.
//!
//! ```sh
//! MOSAIC_ON=ssh:alpha,beta cargo run --release --package mosaic-engine --example hosts
//! ```

use mosaic::prelude::*;
use std::io;

/// An array, and where it lies.
#[tessera]
struct Field(Vec<f64>);

#[tessera]
impl Field {
    fn new(len: usize) -> Self {
        Field((0..len).map(|index| index as f64).collect())
    }

    fn values(&self) -> Vec<f64> {
        self.0.clone()
    }

    fn sum_with(&mut self, other: Vec<f64>) -> f64 {
        println!("adding {} numbers to {}", other.len(), self.0.len());
        self.0.iter().chain(&other).sum()
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    println!("here is {}", name.trim());
    name.trim().to_owned()
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    mosaic::interactive(On).num_workers(2).await?;
    print!("{}", mosaic::status().await?);
    let workers = mosaic::workers().await?;
    for worker in &workers {
        let there = mosaic::with(Options::new().worker(worker.uid.clone()));
        println!("{} runs on {}", worker.uid, there.spawn(host_name, ()).result().await?);
    }
    let (first, last) = (&workers[0].uid, &workers[workers.len() - 1].uid);
    for len in [10, 1 << 20, 1 << 23] {
        let one = Field::with(Options::new().worker(first)).remote(len);
        let two = Field::with(Options::new().worker(last)).remote(len);
        let sum = two.sum_with(one.values()).result().await?;
        println!("{len}: {sum} {}", one.values().result().await?.len());
        let stored = mosaic::put(&(0..len).map(|index| index as f64).collect::<Vec<f64>>()).await?;
        println!("stored: {}", two.sum_with(&stored).result().await?);
    }
    mosaic::interactive(Off).await?;
    Ok(())
}

fn main() -> io::Result<()> {
    if let Err(error) = mosaic_engine::run(run)? {
        eprintln!("{error}");
        std::process::exit(1);
    }
    Ok(())
}
