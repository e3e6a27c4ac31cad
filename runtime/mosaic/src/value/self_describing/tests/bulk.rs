//! Numbers in a row, which are copied in bulk, have the bytes and the values that serde would give them one by one.

use super::{
    super::{bulk::is_serdes, tag::TUPLES},
    Encoded, arrived, check, decode, encode,
};
use ndarray::{Array, Array1, Array2, Array3, ArrayD, Dimension, s};
use num_complex::Complex;
use proptest::{collection::vec, prelude::*};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned, IgnoredAny, SeqAccess, Visitor, value::Error},
    forward_to_deserialize_any,
    ser::SerializeSeq,
};
use serde_json::Value;
use std::{
    any::type_name,
    collections::{BTreeMap, VecDeque},
    fmt,
    fmt::Debug,
};

/// Numbers that serde writes one by one.
struct OneByOne<'a, A>(&'a [A]);

impl<A: Serialize> Serialize for OneByOne<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut elements = serializer.serialize_seq(Some(self.0.len()))?;
        for number in self.0 {
            elements.serialize_element(number)?;
        }
        elements.end()
    }
}

fn check_numbers<A>(numbers: &[A])
where
    A: Serialize + DeserializeOwned + Clone + PartialEq + Debug + 'static,
{
    let one_by_one = encode(&(OneByOne(numbers), 1_u8)).unwrap();
    assert_eq!(encode(&(numbers.to_vec(), 1_u8)).unwrap(), one_by_one);
    assert_eq!(encode(&(numbers, 1_u8)).unwrap(), one_by_one);
    check(&(numbers.to_vec(), 1_u8));
    check(&vec![numbers.to_vec(), numbers.to_vec()]);
    check_array(&Array1::from(numbers.to_vec()));
}

/// ndarray writes a view by itself, number by number.
fn check_array<A, D>(array: &Array<A, D>)
where
    A: Serialize + DeserializeOwned + Clone + PartialEq + Debug + 'static,
    D: Dimension + Serialize + DeserializeOwned,
{
    assert_eq!(encode(&(array, 1_u8)).unwrap(), encode(&(array.view(), 1_u8)).unwrap());
    check(&(array.clone(), 1_u8));
    check(&Some(array.clone()));
}

proptest! {
    #[test]
    fn vectors(
        a: Vec<u8>, b: Vec<u16>, c: Vec<u32>, d: Vec<u64>, e: Vec<u128>, f: Vec<usize>, g: Vec<i8>, h: Vec<i16>,
        i: Vec<i32>, j: Vec<i64>, k: Vec<i128>, l in vec(prop::num::f32::NORMAL, 0..40),
        m in vec(prop::num::f64::NORMAL, 0..40), n: Vec<isize>, flags: Vec<bool>, texts: Vec<String>,
    ) {
        check_numbers(&a);
        check_numbers(&b);
        check_numbers(&c);
        check_numbers(&d);
        check_numbers(&e);
        check_numbers(&f);
        check_numbers(&g);
        check_numbers(&h);
        check_numbers(&i);
        check_numbers(&j);
        check_numbers(&k);
        check_numbers(&l);
        check_numbers(&m);
        check_numbers(&n);
        check_numbers(&flags);
        check_numbers(&texts);
    }
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
enum Step {
    Start,
    Field { values: Array3<f32>, time: f64 },
    Pair(Array2<f64>, Array1<i64>),
    One(Vec<u32>),
}

#[test]
fn arrays_of_every_order_and_dimension() {
    let array = Array2::from_shape_fn((5, 7), |(i, j)| (i * 7 + j) as f32);
    check_array(&array);
    check_array(&array.clone().reversed_axes());
    check_array(&array.slice(s![.., ..;2]).to_owned());
    check_array(&ArrayD::<i16>::from_elem(vec![2, 3, 1, 4], -3));
    check_array(&Array3::<u128>::zeros((0, 2, 3)));
    check_array(&Array2::from_elem((3, 4), true));
    check_array(&Array1::from(vec![f64::MIN_POSITIVE, f64::INFINITY, -0.0]));
}

#[test]
fn arrays_inside_of_anything() {
    let values = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i + j * k) as f32);
    let pair = Step::Pair(Array2::eye(4), Array1::from_elem(9, -1));
    for step in [
        Step::Start,
        Step::Field { values, time: 0.5 },
        pair,
        Step::One((0..300).collect()),
    ] {
        check(&step);
        check(&vec![Ok::<_, String>(step.clone()), Err("none".to_owned())]);
        check(&BTreeMap::from([("step".to_owned(), Some(step))]));
    }
    // Large enough for several threads.
    let large: Vec<f64> = (0..3 << 20).map(f64::from).collect();
    let (arrived, text) = arrived(&(large.clone(), "text".to_owned()));
    assert!(arrived == large && text == "text");
}

/// Numbers that a visitor of the type's own changes.
#[derive(PartialEq, Debug, Serialize)]
struct Negated(Vec<f64>);

impl<'de> Deserialize<'de> for Negated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Negated, D::Error> {
        struct Negating;

        impl<'de> Visitor<'de> for Negating {
            type Value = Vec<f64>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<f64>, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = elements.next_element::<f64>()? {
                    numbers.push(-number);
                }
                Ok(numbers)
            }
        }

        deserializer.deserialize_seq(Negating).map(Negated)
    }
}

#[test]
fn a_visitor_of_the_types_own_sees_each_number() {
    let numbers: Vec<f64> = (0..20).map(f64::from).collect();
    let negated: Vec<f64> = numbers.iter().map(|number| -number).collect();
    assert_eq!(arrived(&Negated(numbers)), Negated(negated));
}

/// Reports the name of the visitor that a type gives it for a sequence.
struct NameOfVisitor;

impl<'de> Deserializer<'de> for NameOfVisitor {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(de::Error::custom("no sequence"))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(de::Error::custom(type_name::<V>()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// If serde gives its visitors another name, vectors are read number by number, which takes long.
#[test]
fn serdes_visitor_of_vectors_is_known_by_its_name() {
    let name = Vec::<f64>::deserialize(NameOfVisitor).unwrap_err().to_string();
    assert!(is_serdes(&name), "{name}");
}

/// Checks that tuples of numbers arrive as they left, alone and inside of others, for each way to read them.
fn check_tuples<T>(tuples: &[T])
where
    T: Serialize + DeserializeOwned + Clone + PartialEq + Debug + 'static,
{
    check(&tuples.to_vec());
    check(&(tuples.to_vec(), 1_u8));
    check(&vec![Some(tuples.to_vec()), None, Some(tuples.to_vec())]);
    let one_by_one = encode(&OneByOne(tuples)).unwrap();
    assert_eq!(decode::<Vec<T>>(&one_by_one).unwrap(), tuples);
    let in_a_run = encode(&tuples).unwrap();
    assert_eq!(decode::<VecDeque<T>>(&in_a_run).unwrap(), tuples);
    assert_eq!(
        decode::<Value>(&in_a_run).unwrap(),
        serde_json::to_value(tuples).unwrap()
    );
}

fn two<A: Copy, const N: usize>(rows: &[[A; N]]) -> Vec<(A, A)> {
    rows.iter().map(|row| (row[0], row[1])).collect()
}

fn three<A: Copy, const N: usize>(rows: &[[A; N]]) -> Vec<(A, A, A)> {
    rows.iter().map(|row| (row[0], row[1], row[2])).collect()
}

fn check_rows<A>(rows: &[[A; 4]])
where
    A: Serialize + DeserializeOwned + Copy + PartialEq + Debug + 'static,
{
    let pairs: Vec<[A; 2]> = two(rows).into_iter().map(Into::into).collect();
    let triples: Vec<[A; 3]> = three(rows).into_iter().map(Into::into).collect();
    check_tuples(rows);
    check_tuples(&pairs);
    check_tuples(&triples);
    check_tuples(&two(rows));
    check_tuples(&three(rows));
    // Another width or another type of numbers is read one by one.
    let bytes = encode(&pairs).unwrap();
    assert!(decode::<Vec<[A; 3]>>(&bytes).is_err() || rows.is_empty());
    let longer: Vec<Vec<A>> = pairs.iter().map(|pair| pair.to_vec()).collect();
    assert_eq!(decode::<Vec<Vec<A>>>(&bytes).unwrap(), longer);
    assert_eq!(decode::<Vec<[A; 2]>>(&encode(&longer).unwrap()).unwrap(), pairs);
}

proptest! {
    #[test]
    fn tuples(
        a: Vec<[u8; 4]>, b: Vec<[i32; 4]>, c: Vec<[u32; 4]>, d: Vec<[i64; 4]>, e: Vec<[u64; 4]>, f: Vec<[usize; 4]>,
        g in vec(prop::array::uniform4(prop::num::f32::NORMAL), 0..40),
        h in vec(prop::array::uniform4(prop::num::f64::NORMAL), 0..40), i: Vec<[i16; 4]>, j: Vec<[bool; 4]>,
    ) {
        check_rows(&a);
        check_rows(&b);
        check_rows(&c);
        check_rows(&d);
        check_rows(&e);
        check_rows(&f);
        check_rows(&g);
        check_rows(&h);
        check_rows(&i);
        check_rows(&j);
        let complex: Vec<Complex<f32>> = g.iter().map(|row| Complex::new(row[0], row[1])).collect();
        check_tuples(&complex);
        let complex: Vec<Complex<f64>> = h.iter().map(|row| Complex::new(row[0], row[1])).collect();
        check_tuples(&complex);
        check(&Some(Array1::from(complex)));
    }
}

#[test]
fn numbers_of_another_type_are_read_one_by_one() {
    let pairs: Vec<(u32, u32)> = (0..20).map(|i| (i, 3 * i)).collect();
    let wider: Vec<(u64, i64)> = pairs.iter().map(|(a, b)| (u64::from(*a), i64::from(*b))).collect();
    assert_eq!(decode::<Vec<(u64, i64)>>(&encode(&pairs).unwrap()).unwrap(), wider);
    let mixed: Vec<(u64, f64)> = wider.iter().map(|(a, b)| (*a, *b as f64)).collect();
    assert_eq!(decode::<Vec<(u64, f64)>>(&encode(&pairs).unwrap()).unwrap(), mixed);
    check(&mixed);
    assert!(decode::<Vec<u32>>(&encode(&pairs).unwrap()).is_err());
    assert!(decode::<Vec<(u32, String)>>(&encode(&pairs).unwrap()).is_err());
}

#[test]
fn complex_arrays_of_every_order() {
    let array = Array2::from_shape_fn((5, 7), |(i, j)| Complex::new(i as f64, -(j as f64)));
    for array in [
        array.clone(),
        array.clone().reversed_axes(),
        array.slice(s![.., ..;2]).to_owned(),
    ] {
        check(&(array.clone(), "text".to_owned()));
        check(&vec![array]);
    }
}

#[test]
fn a_run_of_tuples_without_numbers_is_refused() {
    let bytes = encode(&vec![[1_u8, 2]; 9]).unwrap();
    let begin = bytes.iter().position(|byte| *byte == TUPLES).unwrap();
    for (at, byte) in [
        (begin + 1, 0),
        (begin + 2, 0),
        (begin + 2, u8::MAX),
        (begin + 3, 0),
        (begin + 3, 10),
    ] {
        let mut malformed = bytes.clone();
        malformed[at] = byte;
        assert!(decode::<Vec<[u8; 2]>>(&malformed).is_err(), "{malformed:?}");
        assert!(decode::<IgnoredAny>(&malformed).is_err(), "{malformed:?}");
    }
}

#[test]
fn large_rows_move_a_value_to_shared_memory() {
    let row = |len: usize| -> Vec<f64> { (0..len).map(|i| i as f64).collect() };
    let large = row(100_000);
    let encoded = super::super::encode(&(&large, 1_u8), |len, _| Some(vec![0; len].into()));
    assert!(matches!(encoded, Ok(Encoded::Shared(_))));
    // The counts of runs that began before and behind a large row.
    let run = [1_u8, 2, 3, 4, 5, 6, 7, 8, 9];
    check(&(run, large.clone(), run));
    check(&(
        (1_u8, 2_u8, 3_u8, 4_u8, 5_u8, 6_u8, 7_u8, 8_u8, large.clone()),
        large.clone(),
    ));
    // More than the memory has room for, and texts that do not fit behind.
    check(
        &(0..5)
            .map(|i| (row(40_000 * i), "a text".to_owned()))
            .collect::<Vec<_>>(),
    );
    check(&(large, "x".repeat(10_000)));
    check(&vec![(row(50_000), vec![Some("y".repeat(3_000)); 4]); 3]);
    check(&Array2::from_shape_fn((300, 200), |(i, j)| {
        Complex::new(i as f64, j as f64)
    }));
}
