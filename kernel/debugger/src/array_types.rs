//! ndarray's types by the aliases that users write: `Array2<f64>` in place of
//! `ArrayBase<OwnedRepr<f64>, Dim<[usize; 2]>, f64>`.

/// The types whose parameters say what an alias says.
const ARRAYS: [&str; 2] = ["ArrayBase<", "ArrayRef<"];
/// What owns the elements, the alias, and the most axes for which the alias has a number.
const OWNERS: [(&str, &str, u32); 5] = [
    ("OwnedRepr<", "Array", 6),
    ("ViewRepr<", "ArrayView", 6),
    ("OwnedArcRepr<", "ArcArray", 2),
    ("CowRepr<", "CowArray", 0),
    ("RawViewRepr<", "RawArrayView", 0),
];
/// `ArrayRef0` to `ArrayRef6`.
const REFERRED: (&str, u32) = ("ArrayRef", 6);

/// The type of an array.
#[derive(Debug)]
struct ArrayType {
    alias: &'static str,
    most_numbered: u32,
    /// The number of axes, if the type has one.
    axes: Option<u32>,
    element: String,
}

impl ArrayType {
    /// Reads a type that is an array's, without the paths of modules.
    fn read(name: &str) -> Option<ArrayType> {
        let (_, arguments) = ARRAYS
            .iter()
            .find_map(|array| Some((array, name.strip_prefix(array)?.strip_suffix('>')?)))?;
        let arguments = arguments_of(arguments);
        let (alias, most_numbered, axes, element) = match arguments[..] {
            [element, axes] if name.starts_with(ARRAYS[1]) => (REFERRED.0, REFERRED.1, axes, element),
            // Older versions have no parameter for the element.
            [owner, axes] | [owner, axes, _] => {
                let (begin, alias, most_numbered) = OWNERS.iter().find(|(begin, ..)| owner.starts_with(begin))?;
                let owned = owner.strip_prefix(begin)?.strip_suffix('>')?;
                (*alias, *most_numbered, axes, arguments.get(2).copied().unwrap_or(owned))
            }
            _ => return None,
        };
        Some(ArrayType {
            alias,
            most_numbered,
            axes: axes_of(axes)?,
            element: with_aliases(element),
        })
    }

    fn write(&self) -> String {
        let ArrayType {
            alias,
            most_numbered,
            axes,
            element,
        } = self;
        match axes {
            Some(axes) if axes <= most_numbered && *most_numbered > 0 => format!("{alias}{axes}<{element}>"),
            Some(axes) => format!("{alias}<{element}, Ix{axes}>"),
            None if [OWNERS[0].1, OWNERS[1].1].contains(alias) => format!("{alias}D<{element}>"),
            None => format!("{alias}<{element}, IxDyn>"),
        }
    }
}

/// Returns a type in which ndarray's aliases stand for its types. The type is without the paths of modules.
pub(crate) fn with_aliases(name: &str) -> String {
    let found = ARRAYS.iter().filter_map(|array| name.find(array)).min();
    let Some(start) = found else {
        return name.to_owned();
    };
    let length = end_of(&name[start..]);
    let (array, rest) = name[start..].split_at(length);
    let array = ArrayType::read(array).map_or_else(|| array.to_owned(), |array| array.write());
    format!("{}{array}{}", &name[..start], with_aliases(rest))
}

/// Returns the type of a row, if the type is that of an array with more axes than the value shows.
pub(crate) fn of_row(name: &str, value: &str) -> Option<String> {
    let mut array = ArrayType::read(name)?;
    let axes = lengths(value)?;
    if array.axes? <= axes {
        return None;
    }
    if array.alias != REFERRED.0 {
        (_, array.alias, array.most_numbered) = OWNERS[1];
    }
    array.axes = Some(axes);
    Some(array.write())
}

/// Returns the number of lengths at the end of a value, such as `[[1, 2]] (1, 2)`.
fn lengths(value: &str) -> Option<u32> {
    let (_, lengths) = value.strip_suffix(')')?.rsplit_once(" (")?;
    match lengths.is_empty() {
        true => Some(0),
        false => u32::try_from(lengths.split(", ").count()).ok(),
    }
}

/// Returns the number of axes of a `Dim`; the inner `None` if the type does not say it.
fn axes_of(dimension: &str) -> Option<Option<u32>> {
    let index = dimension.strip_prefix("Dim<")?.strip_suffix('>')?;
    if index == "IxDynImpl" {
        return Some(None);
    }
    // `u64[2]` is lldb's way to write `[usize; 2]`.
    let axes = match index.strip_suffix(']')?.rsplit_once("; ") {
        Some((_, axes)) => axes,
        None => index.strip_suffix(']')?.rsplit_once('[')?.1,
    };
    match axes.is_empty() {
        true => Some(Some(0)),
        false => Some(Some(axes.parse().ok()?)),
    }
}

/// Returns the length of the type at the beginning of a text, which ends with the bracket that closes its parameters.
fn end_of(text: &str) -> usize {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' if depth == 1 => return at + 1,
            '>' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Splits the arguments of a type.
fn arguments_of(text: &str) -> Vec<&str> {
    let (mut arguments, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in text.char_indices() {
        match character {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    arguments.push(text[start..].trim());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_have_their_aliases() {
        for (name, expected) in [
            ("ArrayBase<OwnedRepr<f64>, Dim<u64[1]>, f64>", "Array1<f64>"),
            ("ArrayBase<OwnedRepr<f64>, Dim<u64[]>, f64>", "Array0<f64>"),
            ("ArrayBase<OwnedRepr<f64>, Dim<u64[2]>>", "Array2<f64>"),
            (
                "&ArrayBase<OwnedRepr<(i32, f64)>, Dim<[usize; 2]>, (i32, f64)>",
                "&Array2<(i32, f64)>",
            ),
            ("ArrayBase<ViewRepr<&f64>, Dim<IxDynImpl>, f64>", "ArrayViewD<f64>"),
            ("ArrayBase<OwnedArcRepr<u8>, Dim<u64[2]>, u8>", "ArcArray2<u8>"),
            ("ArrayBase<OwnedArcRepr<u8>, Dim<u64[3]>, u8>", "ArcArray<u8, Ix3>"),
            ("ArrayBase<CowRepr<u8>, Dim<u64[1]>, u8>", "CowArray<u8, Ix1>"),
            ("&ArrayRef<f64, Dim<[usize; 1]>>", "&ArrayRef1<f64>"),
            (
                "(ArrayBase<OwnedRepr<ArrayBase<OwnedRepr<u8>, Dim<u64[1]>, u8>>, Dim<u64[1]>, \
                 ArrayBase<OwnedRepr<u8>, Dim<u64[1]>, u8>>, ArrayBase<OwnedRepr<u8>, Dim<u64[1]>, u8>)",
                "(Array1<Array1<u8>>, Array1<u8>)",
            ),
            ("ArrayBase<Own, Dim<u64[1]>, u8>", "ArrayBase<Own, Dim<u64[1]>, u8>"),
            ("ArrayBase<", "ArrayBase<"),
            ("Vec<f64>", "Vec<f64>"),
        ] {
            assert_eq!(with_aliases(name), expected);
        }
    }
}
