//! A program outside notebooks: two workers solve the shots of a survey.

use mosaic::prelude::*;
use std::error::Error;

#[tessera]
struct Solver {
    scale: f64,
}

#[tessera]
impl Solver {
    fn new(scale: f64) -> Self {
        Solver { scale }
    }

    fn solve(&self, shot: u32) -> f64 {
        println!("shot {shot}");
        self.scale * f64::from(shot)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    mosaic_engine::run(survey)?
}

async fn survey() -> Result<(), Box<dyn Error>> {
    mosaic::interactive(On).num_workers(2).await?;
    let solvers = Solver::remote_array(2, 0.5).await?;
    let misfits = solvers
        .map_indexed(|index, solver| solver.solve(index as u32 + 1))
        .results()
        .await?;
    println!("the misfits are {misfits:?}");
    Ok(())
}
