//! Types as Rust writes them.

use crate::array_types;

/// Arguments of types that nobody writes.
const DEFAULT_ARGUMENTS: [&str; 3] = ["Global", "RandomState", "DefaultHashBuilder"];
/// The names that lldb has for Rust's types.
const PRIMITIVE: [(&str, &str); 14] = [
    ("unsigned __int128", "u128"),
    ("__int128", "i128"),
    ("unsigned char", "u8"),
    ("unsigned short", "u16"),
    ("unsigned int", "u32"),
    ("unsigned long", "u64"),
    ("signed char", "i8"),
    ("char32_t", "char"),
    ("short", "i16"),
    ("int", "i32"),
    ("long", "i64"),
    ("float", "f32"),
    ("double", "f64"),
    ("void", "()"),
];

/// Returns the type of a variable that has this value as Rust writes it: without the paths of modules, without default
/// arguments, and with the aliases of ndarray. The value is needed since a row of an array has the array's type in lldb,
/// and fewer axes.
pub(crate) fn type_of(name: &str, value: &str) -> String {
    let plain = plain_name(name);
    array_types::of_row(&plain, value).unwrap_or_else(|| array_types::with_aliases(&plain))
}

fn plain_name(name: &str) -> String {
    if let Some(referred) = name.strip_suffix(" *").or_else(|| name.strip_suffix('*')) {
        return format!("&{}", plain_name(referred));
    }
    let mut short = String::new();
    let mut path = String::new();
    let mut rest = name;
    while let Some(character) = rest.chars().next() {
        let is_path = |it: char| it.is_alphanumeric() || it == '_';
        if rest.starts_with("::") {
            path.clear();
            rest = &rest[2..];
            continue;
        }
        if is_path(character) {
            let end = rest.find(|it| !is_path(it)).unwrap_or(rest.len());
            path.push_str(&rest[..end]);
            rest = &rest[end..];
            // A primitive type of lldb's may have two words.
            if rest.starts_with(' ') && ["unsigned", "signed"].contains(&path.as_str()) {
                path.push(' ');
                rest = &rest[1..];
            }
            continue;
        }
        short.push_str(primitive(&path));
        path.clear();
        short.push(character);
        rest = &rest[character.len_utf8()..];
    }
    short.push_str(primitive(&path));
    for argument in DEFAULT_ARGUMENTS {
        short = short.replace(&format!(", {argument}"), "");
    }
    // lldb's C++ has a space between two brackets.
    short.replace("> >", ">>")
}

fn primitive(name: &str) -> &str {
    let found = PRIMITIVE.iter().find(|(lldbs, _)| *lldbs == name);
    found.map_or(name, |(_, rusts)| rusts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_as_rust_writes_them() {
        for (lldbs, expected) in [
            ("alloc::vec::Vec<int, alloc::alloc::Global>", "Vec<i32>"),
            (
                "std::collections::hash::map::HashMap<alloc::string::String, unsigned long, \
                 std::hash::random::RandomState, alloc::alloc::Global>",
                "HashMap<String, u64>",
            ),
            ("core::option::Option<f64>", "Option<f64>"),
            ("(unsigned char, char32_t)", "(u8, char)"),
            ("&mut [ctx::Point]", "&mut [Point]"),
            ("ctx::Point", "Point"),
            ("ctx::Point *", "&Point"),
            ("int **", "&&i32"),
            ("unsigned __int128", "u128"),
            ("&str", "&str"),
            (
                "core::option::Option<ndarray::ArrayBase<ndarray::data_repr::OwnedRepr<i32>, \
                 ndarray::dimension::dim::Dim<[usize; 2]>, i32>>",
                "Option<Array2<i32>>",
            ),
        ] {
            assert_eq!(type_of(lldbs, ""), expected);
        }
    }

    #[test]
    fn a_row_has_the_type_of_a_row() {
        let array = "ndarray::ArrayBase<ndarray::data_repr::OwnedRepr<num_complex::Complex<double> >, \
                     ndarray::dimension::dim::Dim<unsigned long[3]>, num_complex::Complex<double> >";
        for (value, expected) in [
            ("[[[1]]] (1, 1, 1)", "Array3<Complex<f64>>"),
            ("[1, 2] (2)", "ArrayView1<Complex<f64>>"),
            ("no valid array", "Array3<Complex<f64>>"),
        ] {
            assert_eq!(type_of(array, value), expected);
        }
        assert_eq!(
            type_of("alloc::vec::Vec<int, alloc::alloc::Global>", "[1] (1)"),
            "Vec<i32>"
        );
    }
}
