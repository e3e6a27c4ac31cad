//! The tutorial's solvers, and calls of them in all the ways that arguments can be passed.

use mosaic::prelude::*;
use mosaic::{TaskError, TaskProxy, tessera};
use ndarray::Array3;

#[tessera]
struct Solver1 {
    data: Array3<f32>,
}

#[tessera]
impl Solver1 {
    fn new(data: Array3<f32>) -> Self {
        Solver1 { data }
    }

    fn solve(&mut self, data: &Array3<f32>) -> Array3<f32> {
        self.data += data;
        self.data.clone()
    }

    fn solve_more(&mut self) {}
}

async fn calls(array: Array3<f32>) -> Result<(), Box<dyn std::error::Error>> {
    let solver_1 = Solver1::remote(&array);
    let solver_2 = Solver1::remote(array.clone()).await?;
    println!("{solver_1} {solver_1:?} {}", solver_1.uid());
    let task_1: TaskProxy<Array3<f32>> = solver_1.solve(&array);
    let task_2 = solver_2.solve(&task_1);
    let ready: Result<_, TaskError> = (&solver_1).await;
    let task_3: TaskProxy<()> = ready?.after(&task_2).solve_more();
    task_3.await?;
    println!("{:?}", task_2.result().await?.shape());
    mosaic::interactive(Off).await?;
    Ok(())
}

fn main() {
    let _ = calls;
}
