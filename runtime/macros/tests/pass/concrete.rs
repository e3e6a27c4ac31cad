//! Concrete `impl`s of a generic type, an enum, and items within modules and from macros.

use mosaic::tessera;

#[tessera]
struct Cell<T>(T);

#[tessera]
impl Cell<f32> {
    fn new(value: f32) -> Self {
        Cell(value)
    }
    fn get(&self) -> f32 {
        self.0
    }
}

#[tessera]
impl Cell<Vec<u8>> {
    fn new(value: Vec<u8>) -> Cell<Vec<u8>> {
        Cell(value)
    }
    fn get(&self) -> Vec<u8> {
        self.0.clone()
    }
}

mod inner {
    #[mosaic::tessera]
    pub enum Switch {
        On,
    }

    pub struct Current;

    #[mosaic::tessera]
    impl self::Switch {
        fn new() -> Self {
            Switch::On
        }
        fn flip(&self, _by: Vec<super::Flips>) {}
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Flips;

macro_rules! counter {
    ($name:ident, $ty:ty) => {
        struct $name($ty);

        #[tessera]
        impl $name {
            fn new(start: $ty) -> Self {
                $name(start)
            }
            fn add(&mut self, n: $ty) -> $ty {
                self.0 += n;
                self.0
            }
        }
    };
}
counter!(Small, u8);

fn main() {
    let _ = || {
        Cell::<f32>::remote(1.0).get();
        Cell::<Vec<u8>>::remote([1]).get();
        inner::Switch::remote().flip(vec![Flips]);
        Small::remote(1).add(2);
        let _ = inner::Current;
    };
}
