//! Values arrive as they left.

mod bulk;
mod family;

use super::{Encoded, decode, decode_element};
use family::*;
use proptest::{collection::vec, prelude::*};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned, IgnoredAny, MapAccess},
    ser::{SerializeMap, SerializeSeq, SerializeStruct},
};
use std::{collections::BTreeMap, fmt, fmt::Debug};

/// Encodes a value without and with shared memory, which must not make a difference.
fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, String> {
    let Encoded::Unshared(bytes) = super::encode(value, |_, _| None)? else {
        panic!("there is no shared memory");
    };
    // What the memory held before must not matter.
    match super::encode(value, |len, _| Some(vec![0xaa; len].into()))? {
        Encoded::Shared(shared) => assert!(*shared == *bytes),
        Encoded::Unshared(unshared) => assert!(unshared == bytes),
    }
    Ok(bytes)
}

fn arrived<T: Serialize + DeserializeOwned>(value: &T) -> T {
    decode(&encode(value).unwrap()).unwrap()
}

/// Checks that a value arrives as it left, that fewer bytes are refused, and that it can be skipped.
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let bytes = encode(value).unwrap();
    assert_eq!(&decode::<T>(&bytes).unwrap(), value, "{bytes:?}");
    for len in (0..bytes.len()).step_by(1 + bytes.len() / 50) {
        assert!(decode::<T>(&bytes[..len]).is_err(), "{value:?} of {len} bytes");
    }
    decode::<IgnoredAny>(&bytes).unwrap();
    assert!(decode::<IgnoredAny>(&[&bytes[..], &[0]].concat()).is_err());
    assert_eq!(
        &decode_element::<T>(&encode(&(1_u8, value)).unwrap(), 1).unwrap(),
        value
    );
}

/// Checks that a value that does not arrive as it left arrives as it would in JSON.
fn check_as_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> T {
    let json: T = serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap();
    assert_eq!(arrived(value), json);
    assert_eq!(arrived(&vec![Some(json)]), vec![Some(arrived(value))]);
    arrived(value)
}

proptest! {
    #[test]
    fn all_attributes(value in all()) {
        check(&value);
        check(&vec![Some(value)]);
    }

    #[test]
    fn attributes_one_by_one(
        untagged in untagged(), internal in internal(), map in internal_map(), external in external(),
        flattened in flattened(), json in json(), skips in vec(skips(), 0..12),
    ) {
        check(&untagged);
        check(&Ok::<_, Untagged>(BTreeMap::from([(Some(1_i8), untagged)])));
        check(&(internal, map));
        check(&external);
        check(&Some(flattened));
        check(&json);
        check(&skips);
    }

    #[test]
    fn numbers(
        bytes: Vec<u8>, small: Vec<i16>, large: Vec<i128>, unsigned: Vec<u128>, bits in vec(bits(), 0..20),
        mixed: (i8, u16, i32, u32, i64, u64, usize), characters: Vec<char>, flags: Vec<bool>, array: [u64; 9],
    ) {
        check(&(bytes, small, large, unsigned));
        check(&vec![bits]);
        check(&(mixed, characters, flags, array));
    }
}

#[test]
fn options_keep_their_depth() {
    check(&[None, Some(None), Some(Some(None)), Some(Some(Some(())))]);
    check(&(Some(()), None::<()>, Some(Unit), None::<Unit>, Some(Newtype(None))));
    for nested in [None, Some(None), Some(Some(None)), Some(Some(Some(())))] {
        check(&Untagged::Nested { nested });
    }
}

#[test]
fn runs_end_where_another_type_begins() {
    let value = |length: usize| -> serde_json::Value {
        let mut values: Vec<serde_json::Value> = (0..length).map(serde_json::Value::from).collect();
        values.extend(["a".into(), 1.5.into(), (-1).into()]);
        values.into()
    };
    for length in [0, 1, 7, 8, 9, 300] {
        check(&value(length));
        check(&vec![vec![0.5_f32; length]; 2]);
    }
    // A number is no wider in a row than its type.
    assert_eq!(encode(&vec![1_u8; 1000]).unwrap().len(), 1000 + 10);
}

#[test]
fn a_repeated_name_is_written_once() {
    let one = vec![
        Skips {
            a: Some(1),
            b: 2,
            c: vec![]
        };
        1
    ];
    let many = vec![one[0].clone(); 101];
    let grows = encode(&many).unwrap().len() - encode(&one).unwrap().len();
    // The run of the elements takes no more than tags, numbers of names and values.
    assert!(grows <= 100 * 13 + 2, "{grows}");
}

#[test]
fn fields_that_do_not_travel_get_their_defaults() {
    #[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Partly {
        #[serde(skip_serializing)]
        not_out: u8,
        first: u8,
        #[serde(skip)]
        neither: u8,
        second: Vec<u8>,
        #[serde(rename(serialize = "out", deserialize = "in"), alias = "out")]
        renamed: u16,
        #[serde(with = "as_text")]
        text: u32,
    }
    mod as_text {
        use super::*;
        pub(super) fn serialize<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(number)
        }
        pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        }
    }
    let left = Partly {
        not_out: 1,
        first: 2,
        neither: 3,
        second: vec![4],
        renamed: 5,
        text: 6,
    };
    let arrived = check_as_json(&left);
    assert_eq!(
        arrived,
        Partly {
            not_out: 0,
            neither: 0,
            ..left
        }
    );
}

#[test]
fn a_field_that_is_not_read_is_skipped() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct NotIn {
        #[serde(skip_deserializing)]
        not_in: Vec<Option<Skips>>,
        next: Skips,
    }
    let skips = Skips {
        a: None,
        b: 1,
        c: vec![0; 20],
    };
    let arrived = check_as_json(&NotIn {
        not_in: vec![Some(skips.clone()), None],
        next: skips.clone(),
    });
    assert_eq!(
        arrived,
        NotIn {
            not_in: vec![],
            next: skips
        }
    );
}

#[test]
fn an_unknown_variant_is_the_other_variant() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(tag = "t")]
    enum Tagged {
        #[serde(skip_deserializing)]
        Unknown {
            x: u8,
        },
        Known,
        #[serde(other)]
        Other,
    }
    assert_eq!(check_as_json(&Tagged::Known), Tagged::Known);
    assert_eq!(check_as_json(&Tagged::Unknown { x: 1 }), Tagged::Other);
}

#[test]
fn a_struct_that_reads_itself_as_a_map_or_another_type_travels() {
    #[derive(PartialEq, Debug)]
    struct ByHand(BTreeMap<String, u8>);
    impl Serialize for ByHand {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            // The number of fields is wrong, which JSON does not mind either.
            let mut fields = serializer.serialize_struct("ByHand", 7)?;
            fields.serialize_field("a", &self.0["a"])?;
            fields.skip_field("b")?;
            fields.serialize_field("c", &self.0["c"])?;
            fields.end()
        }
    }
    impl<'de> Deserialize<'de> for ByHand {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ByHand, D::Error> {
            struct Visitor;
            impl<'de> de::Visitor<'de> for Visitor {
                type Value = ByHand;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("fields")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<ByHand, A::Error> {
                    let mut read = BTreeMap::new();
                    while let Some((name, value)) = fields.next_entry()? {
                        read.insert(name, value);
                    }
                    Ok(ByHand(read))
                }
            }
            deserializer.deserialize_struct("ByHand", &["a", "b", "c"], Visitor)
        }
    }
    check(&ByHand(BTreeMap::from([("a".to_owned(), 1), ("c".to_owned(), 3)])));
}

#[test]
fn sequences_and_maps_without_a_length_travel() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Endless(Vec<u16>, BTreeMap<u16, u16>);
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            struct Numbers<'a>(&'a [u16]);
            impl Serialize for Numbers<'_> {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let mut numbers = serializer.serialize_seq(None)?;
                    self.0.iter().try_for_each(|number| numbers.serialize_element(number))?;
                    numbers.end()
                }
            }
            struct Entries<'a>(&'a BTreeMap<u16, u16>);
            impl Serialize for Entries<'_> {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let mut entries = serializer.serialize_map(None)?;
                    self.0
                        .iter()
                        .try_for_each(|(key, value)| entries.serialize_entry(key, value))?;
                    entries.end()
                }
            }
            (Numbers(&self.0), Entries(&self.1)).serialize(serializer)
        }
    }
    check(&Endless((0..20).collect(), BTreeMap::from([(1, 2), (3, 4)])));
    check(&Endless(vec![], BTreeMap::new()));
}

#[test]
fn a_type_that_does_not_read_what_it_wrote_is_refused() {
    #[derive(PartialEq, Debug)]
    struct Careless;
    impl Serialize for Careless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u8(7)
        }
    }
    impl<'de> Deserialize<'de> for Careless {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Careless, D::Error> {
            Ok(Careless)
        }
    }
    fn refused<T: Serialize + DeserializeOwned>(value: T) -> String {
        decode::<T>(&encode(&value).unwrap()).err().expect("it is refused")
    }
    assert!(refused(Careless).contains("more elements"));
    for length in [1, 20] {
        let careless = || (0..length).map(|_| Careless);
        assert!(refused(careless().collect::<Vec<_>>()).contains("did not read an element"));
    }
    assert!(refused(BTreeMap::from([(1_u8, Careless)])).contains("did not read a value"));
    assert!(refused(Some(Ok::<Careless, u8>(Careless))).contains("more elements"));
    let too_short = encode(&(1_u8, 2_u8, 3_u8)).unwrap();
    assert!(decode::<(u8, u8)>(&too_short).unwrap_err().contains("more elements"));
    assert!(
        decode::<(u8, u8, u8, u8)>(&too_short)
            .unwrap_err()
            .contains("invalid length 3")
    );
    let error = decode::<Skips>(&encode(&Unit).unwrap()).unwrap_err();
    assert_eq!(error, "invalid type: unit value, expected struct Skips");
}

#[test]
fn a_value_that_refuses_says_why() {
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never on Sundays"))
        }
    }
    assert_eq!(encode(&(1, Refuses)).unwrap_err(), "never on Sundays");
}

proptest! {
    #[test]
    fn bytes_that_encode_no_value_are_refused_without_a_panic(bytes: Vec<u8>, at: usize, value in all()) {
        let _ = decode::<All>(&bytes);
        let _ = decode::<serde_json::Value>(&bytes);
        let mut damaged = encode(&value).unwrap();
        let at = at % damaged.len();
        damaged[at] ^= bytes.first().copied().unwrap_or(1);
        let _ = decode::<All>(&damaged);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Link(Option<Box<Link>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Branch {
    Leaf,
    Node(Vec<Branch>),
    Field { next: Box<Branch> },
}

fn chain(links: usize) -> Link {
    (0..links).fold(Link(None), |link, _| Link(Some(Box::new(link))))
}

#[test]
fn values_that_nest_too_deep_are_refused_in_both_directions() {
    let links = chain(500);
    assert_eq!(decode::<Link>(&encode(&links).unwrap()).unwrap(), links);
    // On a thread as small as any: an overflow would end the tests.
    let refused = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        // Never dropped, which would recurse as well.
        let deep = (0..200_000).fold(Branch::Leaf, |inner, _| Branch::Node(vec![inner]));
        let deep = std::mem::ManuallyDrop::new(deep);
        let error = encode(&*deep).map(|bytes| bytes.len()).unwrap_err();
        assert!(error.contains("nests too deep"), "{error}");
        let repeated = |opens: &[u8], count: usize| opens.repeat(count);
        let node = encode(&Branch::Node(vec![Branch::Leaf])).unwrap();
        let sequence = encode(&vec![vec![0_u8]]).unwrap();
        let field = encode(&Branch::Field {
            next: Box::new(Branch::Leaf),
        })
        .unwrap();
        for opens in [&encode(&Some(())).unwrap()[..1], &sequence[..2], &node[..1], &field[..]] {
            let bytes = repeated(opens, 200_000);
            assert!(decode::<Link>(&bytes).is_err());
            assert!(decode::<Branch>(&bytes).is_err());
            assert!(decode::<serde_json::Value>(&bytes).is_err());
            assert!(decode::<IgnoredAny>(&bytes).is_err());
        }
    });
    refused.unwrap().join().unwrap();
}
