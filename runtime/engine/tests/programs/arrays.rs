//! Arrays that travel between processes, and the memory that the processes share for them.

use crate::{
    failing::kill,
    scenario,
    world::{Scenario, meeting_point, until},
};
use mosaic::{FailureKind, prelude::*};
use ndarray::{Array1, Array2, Array3, ArrayView2, s};
use num_complex::Complex;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(arrays_of_any_kind_travel),
        scenario!(large_rows_inside_of_values_travel),
        scenario!(arrays_are_lent_in_place),
        scenario!(complex_numbers_are_lent_in_place),
        scenario!(views_share_the_memory_of_their_values_and_outlive_them),
        scenario!(more_large_values_than_a_process_may_have_files_open),
        scenario!(shared_memory_goes_with_its_values),
        scenario!(shared_memory_of_a_killed_worker_is_freed),
    ]
}

/// Rows of numbers between values of other kinds.
#[derive(Serialize, Deserialize, Clone, PartialEq)]
struct Survey {
    name: String,
    shots: Vec<(f64, f64)>,
    spectrum: Array2<Complex<f64>>,
    traces: Vec<Array1<f32>>,
    notes: BTreeMap<u8, String>,
    normals: Option<Vec<[f32; 3]>>,
}

#[tessera]
struct Lender {
    kept: Vec<Array1<f32>>,
}

#[tessera]
impl Lender {
    fn new() -> Self {
        Lender { kept: Vec::new() }
    }

    fn echo(&self, array: Array3<f32>) -> Array3<f32> {
        array
    }

    fn doubled(&self, array: &Array2<f64>) -> Array2<f64> {
        2.0 * array
    }

    fn sum(&self, array: ArrayView2<f64>) -> f64 {
        array.sum()
    }

    fn total(&self, numbers: &[u64]) -> u64 {
        numbers.iter().sum()
    }

    fn ones(&self, len: usize) -> Array1<f32> {
        Array1::ones(len)
    }

    fn parts(&self, parts: (Array1<f32>, Vec<bool>)) -> (usize, Vec<bool>) {
        (parts.0.len(), parts.1)
    }

    fn survey(&self, survey: Survey) -> Survey {
        survey
    }

    /// Returns the address of an array's numbers, and their sum.
    fn place(&self, array: &Array1<f32>) -> (usize, f32) {
        (array.as_ptr().addr(), array.sum())
    }

    /// Returns the address of an array's complex numbers, and their sum.
    fn place_of_complex(&self, array: &Array1<Complex<f64>>) -> (usize, Complex<f64>) {
        (array.as_ptr().addr(), array.sum())
    }

    fn keep(&mut self, array: Array1<f32>) {
        self.kept.push(array);
    }

    fn first(&self, array: &Array1<f32>) -> f32 {
        array[0]
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    /// Waits at a door while the array is borrowed.
    fn hold(&self, array: &Array1<f32>, door: &str) -> f32 {
        fs::File::open(door).unwrap();
        array[0]
    }
}

async fn on(workers: usize) {
    mosaic::interactive(On).num_workers(workers).await.unwrap();
}

async fn arrays_of_any_kind_travel() {
    on(2).await;
    let (a, b) = (Lender::remote(), Lender::remote());
    let array = Array3::from_shape_fn((128, 128, 128), |(i, j, k)| (i * j + k) as f32);
    assert!(a.echo(&array).result().await.unwrap() == array);
    assert!(b.echo(a.echo(&array)).result().await.unwrap() == array);
    let nothing = Array3::<f32>::zeros((0, 1 << 20, 3));
    assert!(a.echo(&nothing).result().await.unwrap() == nothing);
    let reversed = array.clone().reversed_axes();
    assert!(a.echo(&reversed).result().await.unwrap() == reversed);

    let parts = (
        Array1::ones(1 << 20),
        (0..1 << 20).map(|number| number % 3 == 0).collect::<Vec<bool>>(),
    );
    let (len, flags) = a.parts(&parts).result().await.unwrap();
    assert!(len == 1 << 20 && flags == parts.1);
    let stored = mosaic::put(&parts).await.unwrap();
    assert!(stored.view().await.unwrap().1 == parts.1);

    let plane = Array2::from_shape_fn((500, 300), |(i, j)| i as f64 - j as f64);
    let every_second = plane.slice(s![..;2, ..]);
    assert!(a.doubled(every_second).result().await.unwrap() == 2.0 * &every_second);
    assert!(a.doubled(&plane).result().await.unwrap() == 2.0 * &plane);
    assert_eq!(a.sum(plane.view()).result().await.unwrap(), plane.sum());
    assert_eq!(b.sum(a.doubled(&plane)).result().await.unwrap(), 2.0 * plane.sum());
    let numbers: Vec<u64> = (0..200_000).collect();
    assert_eq!(a.total(&numbers).result().await.unwrap(), numbers.iter().sum::<u64>());
}

async fn large_rows_inside_of_values_travel() {
    on(2).await;
    let (a, b) = (Lender::remote(), Lender::remote());
    let survey = Survey {
        name: "a name".to_owned(),
        shots: (0..200_000).map(|i| (f64::from(i), f64::from(-i))).collect(),
        spectrum: Array2::from_shape_fn((400, 300), |(i, j)| Complex::new(i as f64, j as f64)),
        traces: (0..4).map(|i| Array1::from_elem(i << 18, i as f32)).collect(),
        notes: (0..200).map(|i| (i, "a note".repeat(usize::from(i)))).collect(),
        normals: Some(vec![[0.5, -1.0, 2.0]; 100_000]),
    };
    for _ in 0..3 {
        assert!(a.survey(&survey).result().await.unwrap() == survey);
        assert!(b.survey(a.survey(&survey)).result().await.unwrap() == survey);
    }
    assert!(*mosaic::put(&survey).await.unwrap().view().await.unwrap() == survey);
}

async fn arrays_are_lent_in_place() {
    on(1).await;
    let lender = Lender::remote();
    let array = Array1::<f32>::ones(1 << 20);
    let stored = mosaic::put(&array).await.unwrap();
    let made = lender.ones(1 << 20);
    for places in [
        [lender.place(&stored), lender.place(&stored)],
        [lender.place(&made), lender.place(&made)],
    ] {
        let [first, second] = places;
        let (first, second) = (first.result().await.unwrap(), second.result().await.unwrap());
        assert_eq!(first, second, "the same array is not copied for each call");
        assert_eq!((first.0 % 64, first.1), (0, (1 << 20) as f32));
    }
}

/// Returns whether the memory at this address is shared by processes.
fn is_shared(address: usize) -> bool {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().any(|line| {
        let mut words = line.split(' ');
        let (begin, end) = words.next().unwrap().split_once('-').unwrap();
        let [begin, end] = [begin, end].map(|address| usize::from_str_radix(address, 16).unwrap());
        (begin..end).contains(&address) && words.next().unwrap().ends_with('s')
    })
}

async fn views_share_the_memory_of_their_values_and_outlive_them() {
    on(2).await;
    let lender = Lender::remote();
    let array = Array1::<f32>::ones(1 << 20);
    let (made, stored) = (lender.ones(1 << 20), mosaic::put(&array).await.unwrap());
    let (of_task, of_stored) = (made.view().await.unwrap(), stored.view().await.unwrap());
    for view in [&of_task, &of_stored] {
        assert!(is_shared(view.as_ptr().addr()), "it was copied");
    }
    assert_eq!(made.view().await.unwrap().as_ptr(), of_task.as_ptr());
    assert_eq!(lender.first(&of_task).result().await.unwrap(), 1.0);
    // A small value is copied.
    assert_eq!(*lender.first(&stored).view().await.unwrap(), 1.0);
    drop(made);
    stored.drop();
    kill(lender.pid().result().await.unwrap());
    (&lender.ones(1)).await.unwrap_err();
    mosaic::interactive(Off).await.unwrap();
    assert!(*of_task == array && *of_stored == array);
}

async fn complex_numbers_are_lent_in_place() {
    on(1).await;
    let lender = Lender::remote();
    let array = Array1::from_elem(1 << 20, Complex::new(0.5, -1.0));
    let stored = mosaic::put(&array).await.unwrap();
    let first = lender.place_of_complex(&stored).result().await.unwrap();
    assert_eq!(first.1, Complex::new(524_288.0, -1_048_576.0));
    assert_eq!(lender.place_of_complex(&stored).result().await.unwrap(), first);
    assert!(stored.get().await.unwrap() == array);
}

async fn more_large_values_than_a_process_may_have_files_open() {
    const LEN: usize = 70_000;
    on(2).await;
    let (a, b) = (Lender::remote(), Lender::remote());
    let made: Vec<_> = (0..300).map(|_| a.ones(LEN)).collect();
    let firsts: Vec<_> = made.iter().map(|array| b.first(array)).collect();
    for (array, first) in made.iter().zip(&firsts) {
        assert_eq!(first.result().await.unwrap(), 1.0);
        assert_eq!(array.result().await.unwrap().len(), LEN);
    }
    let sent: Vec<_> = (0..300).map(|i| a.first(Array1::from_elem(LEN, i as f32))).collect();
    for (i, first) in sent.iter().enumerate() {
        assert_eq!(first.result().await.unwrap(), i as f32);
    }
}

/// Returns the number of mappings of shared memory in a process.
fn mappings(pid: u32) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    maps.matches("memfd:mosaic-value").count()
}

async fn shared_memory_goes_with_its_values() {
    on(1).await;
    let lender = Lender::remote();
    let worker = lender.pid().result().await.unwrap();
    let made = lender.ones(4 << 20);
    assert_eq!(made.result().await.unwrap().len(), 4 << 20);
    lender.keep(Array1::zeros(4 << 20)).await.unwrap();
    assert!(mappings(worker) > 0 && mappings(std::process::id()) > 0);
    drop(made);
    // A method that keeps an array has a copy.
    until(|| mappings(worker) == 0 && mappings(std::process::id()) == 0);
    assert_eq!(lender.first(Array1::ones(4 << 20)).result().await.unwrap(), 1.0);
}

async fn shared_memory_of_a_killed_worker_is_freed() {
    on(2).await;
    let (a, b) = (Lender::remote(), Lender::remote());
    let pids = [a.pid().result().await.unwrap(), b.pid().result().await.unwrap()];
    let door = meeting_point("door");
    let made = a.ones(16 << 20);
    let held = b.hold(&made, &door);
    let sent = b.first(Array1::ones(16 << 20));
    (&made).await.unwrap();
    kill(pids[1]);
    assert_eq!(held.result().await.unwrap_err().kind(), FailureKind::WorkerLost);
    assert_eq!(sent.result().await.unwrap_err().kind(), FailureKind::WorkerLost);
    assert_eq!(a.first(&made).result().await.unwrap(), 1.0);
    drop((held, sent, made));
    assert_eq!(a.first(Array1::ones(16 << 20)).result().await.unwrap(), 1.0);
    until(|| mappings(pids[0]) == 0 && mappings(std::process::id()) == 0);
}
