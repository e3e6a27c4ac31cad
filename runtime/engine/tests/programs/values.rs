//! Values arrive as they left, however their types use serde.

use crate::{scenario, world::Scenario};
use mosaic::{Portable, prelude::*};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::HashMap, fmt::Debug, net::IpAddr};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(values_of_all_kinds_arrive_as_they_left),
        scenario!(a_tessera_keeps_what_serde_skips_and_tags),
    ]
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
struct Skips {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    a: Option<u8>,
    b: u8,
    c: Vec<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
#[serde(untagged)]
enum Untagged {
    Number(i32),
    Text(String),
    Address { at: IpAddr },
    Fields { inner: Option<Option<Skips>> },
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
#[serde(tag = "kind")]
enum Tagged {
    Nothing,
    Circle { radius: f32 },
    Other(Skips),
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
struct Flattened {
    id: u64,
    #[serde(flatten)]
    tagged: Tagged,
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
enum Variants {
    #[serde(skip)]
    #[allow(dead_code, reason = "it shifts the numbers of the variants")]
    Hidden,
    First,
    Second,
}

fn skips() -> Skips {
    Skips {
        a: None,
        b: 1,
        c: vec![0, 0],
    }
}

fn tagged() -> Vec<Tagged> {
    vec![Tagged::Nothing, Tagged::Circle { radius: 1.5 }, Tagged::Other(skips())]
}

fn untagged() -> Vec<Untagged> {
    vec![
        Untagged::Number(-1),
        Untagged::Text("one".to_owned()),
        Untagged::Address {
            at: [1, 2, 3, 4].into(),
        },
        Untagged::Fields {
            inner: Some(Some(skips())),
        },
    ]
}

fn flattened() -> HashMap<u8, Option<Flattened>> {
    let flattened = |(id, tagged): (u8, Tagged)| (id, Some(Flattened { id: id.into(), tagged }));
    (1..).zip(tagged()).map(flattened).chain([(0, None)]).collect()
}

fn same<T: Portable>(value: T) -> T {
    value
}

fn number_of_options<T: Portable>(option: &Option<Vec<T>>) -> usize {
    option.iter().len()
}

/// Checks that a value arrives as an argument, a result, a stored value, a parameter and an output.
async fn check<T: Portable + PartialEq + Clone + Debug + Send>(value: T) {
    let there = mosaic::spawn(same::<T>, (&value,));
    assert_eq!(there.result().await.unwrap(), value);
    let nested = Some(vec![value.clone(), value.clone()]);
    assert_eq!(
        mosaic::spawn(same::<Option<Vec<T>>>, (&nested,))
            .result()
            .await
            .unwrap(),
        nested
    );
    let read = mosaic::spawn(number_of_options::<T>, (&nested,));
    assert_eq!(read.result().await.unwrap(), 1);
    let stored = mosaic::put(&value).await.unwrap();
    assert_eq!(stored.get().await.unwrap(), value);
    assert_eq!(*stored.view().await.unwrap(), value);
    assert_eq!(mosaic::spawn(same::<T>, (&stored,)).result().await.unwrap(), value);
    let mut parameter = mosaic::parameter(value.clone()).await.unwrap();
    parameter.pull().await.unwrap();
    assert_eq!(*parameter, value);
    let (first, second) = mosaic::spawn(same::<(Vec<T>, T)>, (&(vec![], value.clone()),)).outputs();
    assert_eq!(second.result().await.unwrap(), value);
    assert_eq!(first.result().await.unwrap(), []);
}

async fn values_of_all_kinds_arrive_as_they_left() {
    mosaic::interactive(On).num_workers(2).await.unwrap();
    check(skips()).await;
    check(untagged()).await;
    check(tagged()).await;
    check(flattened()).await;
    check((Variants::First, Some(Variants::Second))).await;
    check((Some(()), None::<()>, Some(None::<u8>), Some(Some(7_u8)))).await;
    check(json!({ "a": [1, -1, 1.5, null, true, "text"], "b": { "c": {} } })).await;
    check(HashMap::from([((1_u8, 'c'), (i128::MIN, u128::MAX))])).await;
    check("text".to_owned()).await;
    check(()).await;
}

/// A tessera that is moved with its fields.
#[tessera]
#[derive(Serialize, Deserialize)]
struct Drawing {
    skips: Skips,
    tagged: Vec<Tagged>,
    rest: Value,
}

#[tessera]
impl Drawing {
    fn new(skips: Skips, tagged: Vec<Tagged>) -> Self {
        let rest = Value::Null;
        Drawing { skips, tagged, rest }
    }

    fn parts(&self) -> (Skips, Vec<Tagged>, Value) {
        (self.skips.clone(), self.tagged.clone(), self.rest.clone())
    }

    fn replace(&mut self, skips: &Skips, rest: &Value) -> Option<Value> {
        self.skips = skips.clone();
        Some(std::mem::replace(&mut self.rest, rest.clone()))
    }

    async fn only(&mut self, tagged: Tagged) -> Tagged {
        self.tagged = vec![tagged.clone()];
        tagged
    }
}

async fn a_tessera_keeps_what_serde_skips_and_tags() {
    mosaic::interactive(On).num_workers(2).await.unwrap();
    let drawing = Drawing::remote(skips(), tagged());
    assert_eq!(
        drawing.parts().result().await.unwrap(),
        (skips(), tagged(), Value::Null)
    );
    let (other, rest) = (Skips { a: Some(7), ..skips() }, json!([{ "x": 1 }, []]));
    assert_eq!(
        drawing.replace(&other, &rest).result().await.unwrap(),
        Some(Value::Null)
    );
    let only = drawing.only(Tagged::Other(skips()));
    assert_eq!(only.result().await.unwrap(), Tagged::Other(skips()));
    let parts = drawing.parts().result().await.unwrap();
    assert_eq!(parts, (other, vec![Tagged::Other(skips())], rest));
    // The fields travel from one worker to the other.
    let made = mosaic::spawn(
        |skips: Skips, tagged: Vec<Tagged>| Drawing {
            skips,
            tagged,
            rest: json!({ "k": null }),
        },
        (skips(), tagged()),
    );
    let moved = made.remote();
    let expected = (skips(), tagged(), json!({ "k": null }));
    assert_eq!(moved.parts().result().await.unwrap(), expected);
}
