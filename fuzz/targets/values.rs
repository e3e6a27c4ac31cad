//! Values that a corrupt worker sends: decoded or refused, whatever type is expected.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mosaic::{Portable, fuzzing};
use ndarray::{Array1, Array2, Array3, ArrayD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    name: String,
    numbers: Vec<f64>,
    #[serde(default)]
    nested: Option<Box<Record>>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Shape {
    Empty,
    One(u32),
    Two(i8, char),
    Named { x: f32, y: (u16, bool) },
    Tree(Vec<Shape>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    List(Vec<Untagged>),
    Map(BTreeMap<String, Untagged>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    A { x: u8 },
    B { list: Vec<Option<()>> },
}

#[derive(Debug, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

fuzz_target!(|data: &[u8]| {
    read::<()>(data);
    read::<String>(data);
    read::<Vec<u8>>(data);
    read::<Vec<f64>>(data);
    read::<Vec<i128>>(data);
    read::<Array1<f32>>(data);
    read::<Array2<f64>>(data);
    read::<Array3<u8>>(data);
    read::<ArrayD<i16>>(data);
    read::<Array2<String>>(data);
    read::<Record>(data);
    read::<Shape>(data);
    read::<Untagged>(data);
    read::<Tagged>(data);
    read::<Chain>(data);
    read::<serde_json::Value>(data);
    read::<Vec<()>>(data);
    read::<(u8, Option<char>, [i32; 3])>(data);
    read::<BTreeMap<u32, Vec<Option<String>>>>(data);
    read::<Vec<(u8, u8)>>(data);
    read::<(Vec<[f64; 3]>, Vec<Vec<u32>>)>(data);
    for index in [0, 1, 5] {
        fuzzing::decode_element::<Shape>(data, index);
    }
});

/// Decodes a value in both ways. What is decoded can be encoded and decoded again.
fn read<T: Portable>(data: &[u8]) {
    fuzzing::view::<T>(data);
    if let Some(value) = fuzzing::decode::<T>(data) {
        let bytes = fuzzing::encode(&value).expect("what was decoded can be encoded");
        let again = fuzzing::decode::<T>(&bytes).expect("what was encoded can be decoded");
        assert_eq!(fuzzing::encode(&again).as_deref(), Some(&*bytes));
    }
}
