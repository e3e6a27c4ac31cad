use mosaic::prelude::*;
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
        println!("Solve 1");
        self.data += data;
        self.data.clone()
    }

    fn solve_more(&mut self) {
        println!("Solve More 1");
    }
}

#[tessera]
struct Solver2 {
    data: Array3<f32>,
}

#[tessera]
impl Solver2 {
    fn new() -> Self {
        Solver2 { data: Array3::zeros((1, 1, 1)) }
    }
}

let solver_1 = Solver1::remote(&Array3::zeros((1024, 1024, 1)));
solver_1
