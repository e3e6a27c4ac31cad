//! Types that use serde's attributes in every way, and strategies that make values of them.

use proptest::{collection::vec, option, prelude::*};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
pub(super) struct Skips {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) a: Option<u8>,
    pub(super) b: u8,
    pub(super) c: Vec<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
pub(super) struct Unit;

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
pub(super) struct Newtype(pub(super) Option<Option<u8>>);

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
#[serde(transparent)]
pub(super) struct Transparent {
    inner: i16,
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
#[serde(untagged)]
pub(super) enum Untagged {
    Number(u8),
    Pair(i64, f32),
    Text(String),
    Address {
        at: IpAddr,
    },
    Bytes {
        bytes: Bytes,
        switch: Switch,
    },
    List(Vec<Untagged>),
    /// Any struct is this variant if it is none of the above, since a missing option is `None`.
    Nested {
        nested: Option<Option<Option<()>>>,
    },
    Nothing,
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Internal {
    NoFields,
    Fields { a: Option<Unit>, b: External },
    One(Skips),
    Map(BTreeMap<String, i8>),
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
#[serde(tag = "t", content = "c")]
pub(super) enum Adjacent {
    NoFields,
    One(Option<()>),
    Two(char, String),
    Fields { x: u128, y: i128 },
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
pub(super) enum External {
    #[serde(skip)]
    #[allow(dead_code, reason = "it shifts the numbers of the variants")]
    Hidden,
    NoFields,
    #[serde(rename = "one", alias = "uno")]
    One(u32),
    Two(Newtype, Transparent),
    Fields {
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        numbers: Vec<f64>,
        text: String,
    },
    #[serde(untagged)]
    Other(bool),
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
pub(super) struct Flattened {
    id: u64,
    #[serde(flatten)]
    internal: Internal,
    rest: Rest,
}

#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
pub(super) struct Rest {
    #[serde(flatten)]
    skips: Option<Skips>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Serialises as another type if the format is human-readable. The two types cannot be told apart in an untagged enum.
#[derive(PartialEq, Clone, Debug)]
pub(super) struct Switch(pub(super) u32);

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.serialize_u32(self.0),
            false => serializer.serialize_u32(!self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Switch, D::Error> {
        let is_human_readable = deserializer.is_human_readable();
        let number = u32::deserialize(deserializer)?;
        Ok(Switch(if is_human_readable { number } else { !number }))
    }
}

/// Bytes that are serialised as bytes.
#[derive(PartialEq, Clone, Debug)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

/// The bits of a float, which tell one NaN from another.
#[derive(PartialEq, Clone, Debug)]
pub(super) struct Bits(pub(super) u32, pub(super) u64);

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (f32::from_bits(self.0), f64::from_bits(self.1)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bits, D::Error> {
        let (single, double) = <(f32, f64)>::deserialize(deserializer)?;
        Ok(Bits(single.to_bits(), double.to_bits()))
    }
}

/// Everything, inside everything.
#[derive(Serialize, Deserialize, PartialEq, Clone, Debug)]
pub(super) struct All {
    skips: Vec<Skips>,
    untagged: Option<Untagged>,
    internal: (Internal, u8),
    adjacent: BTreeMap<(u8, char), Adjacent>,
    external: Vec<Option<External>>,
    flattened: Flattened,
    bits: [Bits; 2],
    units: (Option<()>, Option<Unit>, Option<Option<Newtype>>),
    value: Value,
    duration: Result<Duration, String>,
}

fn option_of_option() -> impl Strategy<Value = Option<Option<u8>>> {
    option::of(option::of(any::<u8>()))
}

pub(super) fn skips() -> impl Strategy<Value = Skips> {
    (option::of(any::<u8>()), any::<u8>(), vec(any::<u8>(), 0..20)).prop_map(|(a, b, c)| Skips { a, b, c })
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())),
    ]
}

pub(super) fn untagged() -> impl Strategy<Value = Untagged> {
    let leaf = prop_oneof![
        any::<u8>().prop_map(Untagged::Number),
        (
            any::<i64>(),
            proptest::num::f32::ANY.prop_filter("equal to itself", |it| !it.is_nan())
        )
            .prop_map(|(a, b)| Untagged::Pair(a, b)),
        any::<String>().prop_map(Untagged::Text),
        option::of(option::of(option::of(Just(())))).prop_map(|nested| Untagged::Nested { nested }),
        address().prop_map(|at| Untagged::Address { at }),
        (vec(any::<u8>(), 0..5), any::<u32>()).prop_map(|(bytes, switch)| Untagged::Bytes {
            bytes: Bytes(bytes),
            switch: Switch(switch)
        }),
        Just(Untagged::Nothing),
    ];
    // A list of two numbers would be a pair.
    leaf.prop_recursive(3, 20, 5, |inner| vec(inner, 3..6).prop_map(Untagged::List))
}

pub(super) fn external() -> impl Strategy<Value = External> {
    prop_oneof![
        Just(External::NoFields),
        any::<u32>().prop_map(External::One),
        (option_of_option(), any::<i16>())
            .prop_map(|(option, inner)| External::Two(Newtype(option), Transparent { inner })),
        (vec(-1e9..1e9, 0..12), any::<String>()).prop_map(|(numbers, text)| External::Fields { numbers, text }),
        any::<bool>().prop_map(External::Other),
    ]
}

pub(super) fn internal() -> impl Strategy<Value = Internal> {
    prop_oneof![
        Just(Internal::NoFields),
        (option::of(Just(Unit)), external()).prop_map(|(a, b)| Internal::Fields { a, b }),
        skips().prop_map(Internal::One),
    ]
}

/// A variant that would take the entries of a flattened map as well.
pub(super) fn internal_map() -> impl Strategy<Value = Internal> {
    proptest::collection::btree_map("[a-j]{1,3}", any::<i8>(), 0..4).prop_map(Internal::Map)
}

fn adjacent() -> impl Strategy<Value = Adjacent> {
    prop_oneof![
        Just(Adjacent::NoFields),
        option::of(Just(())).prop_map(Adjacent::One),
        (any::<char>(), any::<String>()).prop_map(|(a, b)| Adjacent::Two(a, b)),
        (any::<u128>(), any::<i128>()).prop_map(|(x, y)| Adjacent::Fields { x, y }),
    ]
}

pub(super) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 30, 12, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..12).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

pub(super) fn flattened() -> impl Strategy<Value = Flattened> {
    // The flattened names are none of the other fields'.
    let others = proptest::collection::btree_map("[m-z]{5,7}", json(), 0..3);
    let rest = (option::of(skips()), others).prop_map(|(skips, others)| Rest { skips, others });
    (any::<u64>(), internal(), rest).prop_map(|(id, internal, rest)| Flattened { id, internal, rest })
}

pub(super) fn bits() -> impl Strategy<Value = Bits> {
    let single = prop_oneof![any::<u32>(), (0x7fa0_0001..0x7fff_ffff_u32)];
    let double = prop_oneof![any::<u64>(), (0x7ff0_0000_0000_0001..0x7fff_ffff_ffff_ffff_u64)];
    (single, double).prop_map(|(single, double)| Bits(single, double))
}

pub(super) fn all() -> impl Strategy<Value = All> {
    let first = (
        vec(skips(), 0..10),
        option::of(untagged()),
        (prop_oneof![internal(), internal_map()], any::<u8>()),
        proptest::collection::btree_map((any::<u8>(), any::<char>()), adjacent(), 0..4),
        vec(option::of(external()), 0..10),
    );
    let units = (
        option::of(Just(())),
        option::of(Just(Unit)),
        option::of(option::of(option_of_option().prop_map(Newtype))),
    );
    let duration = prop_oneof![
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanoseconds)| Ok(Duration::new(seconds, nanoseconds))),
        any::<String>().prop_map(Err),
    ];
    let second = (flattened(), [bits(), bits()], units, json(), duration);
    (first, second).prop_map(|((skips, untagged, internal, adjacent, external), second)| {
        let (flattened, bits, units, value, duration) = second;
        All {
            skips,
            untagged,
            internal,
            adjacent,
            external,
            flattened,
            bits,
            units,
            value,
            duration,
        }
    })
}
