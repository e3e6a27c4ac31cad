//! The rich formats of ndarray's arrays: the text of `{:?}`, and for one and two dimensions a table.

use crate::{
    MimeBundle, Rich,
    html::{Table, cut_debug, escape, folded},
    picture::heat_map,
};
use ndarray::{ArrayBase, Data, Dimension};
use std::{any::type_name, fmt::Debug};

/// The types of elements whose values a heat map shows.
const NUMBERS: [&str; 15] = [
    "bool", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize",
];
/// The fewest rows and columns of a heat map. The table shows fewer as well.
const FEWEST_OF_A_MAP: usize = 4;
/// The most rows and columns of a heat map. Of larger arrays, it shows some elements.
const MOST_OF_A_MAP: usize = 64;

impl<A: Debug, S: Data<Elem = A>, D: Dimension> Rich for ArrayBase<S, D> {
    fn mime_bundle(&self) -> MimeBundle {
        let text = MimeBundle::new().with_text("text/plain", format!("{self:?}"));
        let view = self.view().into_dyn();
        match *self.shape() {
            [length] => text.with_text("text/html", row(type_name::<A>(), length, &|at| &view[[at]])),
            [rows, columns] => text.with_text(
                "text/html",
                matrix(type_name::<A>(), rows, columns, &|row, column| &view[[row, column]]),
            ),
            _ => text,
        }
    }
}

/// The table of an array of one dimension. Behind `dyn`, so that cells need not compile it.
fn row<'a>(element: &str, length: usize, at: &dyn Fn(usize) -> &'a (dyn Debug + 'a)) -> String {
    let mut html = heading(element, &length.to_string());
    if length > 0 {
        let shown = folded(length);
        let mut table = Table::new(&names(&shown));
        let cells: Vec<String> = shown
            .iter()
            .map(|it| it.map_or("…".into(), |it| cut_debug(at(it))))
            .collect();
        table.row("", &cells);
        html.push_str(&table.html());
    }
    html + "</div>"
}

/// The table and the heat map of an array of two dimensions. Behind `dyn`, so that cells need not compile it.
fn matrix<'a>(element: &str, rows: usize, columns: usize, at: &dyn Fn(usize, usize) -> &'a (dyn Debug + 'a)) -> String {
    let mut html = heading(element, &format!("{rows} × {columns}"));
    if rows > 0 && columns > 0 {
        let (shown_rows, shown_columns) = (folded(rows), folded(columns));
        let mut table = Table::new(&names(&shown_columns));
        for row in shown_rows {
            let cell = |column: &Option<usize>| match (row, column) {
                (None, _) => "⋮".to_owned(),
                (_, None) => "…".to_owned(),
                (Some(row), Some(column)) => cut_debug(at(row, *column)),
            };
            let cells: Vec<String> = shown_columns.iter().map(cell).collect();
            table.row(&row.map_or("⋮".into(), |row| row.to_string()), &cells);
        }
        html.push_str(&table.html());
    }
    if NUMBERS.contains(&element) && rows.min(columns) >= FEWEST_OF_A_MAP {
        html.push_str(&map(rows, columns, at));
    }
    html + "</div>"
}

fn map<'a>(rows: usize, columns: usize, at: &dyn Fn(usize, usize) -> &'a (dyn Debug + 'a)) -> String {
    let (shown_rows, shown_columns) = (rows.min(MOST_OF_A_MAP), columns.min(MOST_OF_A_MAP));
    let mut values = Vec::with_capacity(shown_rows * shown_columns);
    for row in 0..shown_rows {
        for column in 0..shown_columns {
            let element = at(spread(row, shown_rows, rows), spread(column, shown_columns, columns));
            values.push(number(&format!("{element:?}")));
        }
    }
    let alternative = if (shown_rows, shown_columns) == (rows, columns) {
        "heat map".to_owned()
    } else {
        format!("heat map of {shown_rows} of the rows and {shown_columns} of the columns")
    };
    let caption = format!("<div><small>{}</small></div>", escape(&alternative));
    heat_map(shown_rows, shown_columns, &values, &alternative) + &caption
}

/// Returns the element of `count` that stands for number `at` of `shown`, from the first one to the last.
fn spread(at: usize, shown: usize, count: usize) -> usize {
    match shown {
        0 | 1 => 0,
        _ => (at as u128 * (count - 1) as u128 / (shown - 1) as u128) as usize,
    }
}

/// Reads a number as `{:?}` writes it.
fn number(text: &str) -> f64 {
    match text {
        "true" => 1.0,
        "false" => 0.0,
        _ => text.parse().unwrap_or(f64::NAN),
    }
}

fn heading(element: &str, shape: &str) -> String {
    format!("<div><div>{shape} of <code>{}</code></div>", escape(&short(element)))
}

fn names(shown: &[Option<usize>]) -> Vec<String> {
    shown
        .iter()
        .map(|it| it.map_or("…".into(), |it| it.to_string()))
        .collect()
}

/// Returns the name of a type without the modules in which it and its parameters are.
fn short(name: &str) -> String {
    let mut shortened = String::new();
    for part in name.split("::") {
        let module = shortened
            .trim_end_matches(|it: char| it.is_alphanumeric() || it == '_')
            .len();
        // A path begins anew behind each of its separators.
        shortened.truncate(module);
        shortened.push_str(part);
    }
    shortened
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Content;
    use ndarray::{Array, Array1, Array2, Array3, ArrayView2, arr0, array};

    fn html(array: &impl Rich) -> Option<String> {
        let (mut contents, _) = array.mime_bundle().into_parts();
        match contents.remove("text/html") {
            Some(Content::Text(html)) => Some(html),
            _ => None,
        }
    }

    #[test]
    fn the_text_is_that_of_debug() {
        let array = array![[1, 2], [3, 4]];
        let (contents, _) = array.mime_bundle().into_parts();
        assert_eq!(contents["text/plain"], Content::Text(format!("{array:?}")));
        let (contents, _) = array.t().mime_bundle().into_parts();
        assert_eq!(contents["text/plain"], Content::Text(format!("{:?}", array.t())));
    }

    #[test]
    fn one_and_two_dimensions_are_tables() {
        let table = html(&array![1.5, f64::NAN]).unwrap();
        assert!(table.contains("2 of <code>f64</code>"), "{table}");
        assert!(table.contains("<td>1.5</td><td>NaN</td>"), "{table}");
        let table = html(&array![["<b>", "x"]]).unwrap();
        assert!(table.contains("1 × 2 of <code>&amp;str</code>"), "{table}");
        assert!(table.contains("<td>&quot;&lt;b&gt;&quot;</td>"), "{table}");
        assert!(html(&arr0(1)).is_none() && html(&Array3::<u8>::zeros((2, 2, 2))).is_none());
        assert!(html(&Array2::<u8>::zeros((2, 2)).into_dyn()).is_some());
    }

    #[test]
    fn empty_arrays_say_their_shape() {
        for (shown, shape) in [
            (html(&Array1::<u8>::zeros(0)), "0 of"),
            (html(&Array2::<u8>::zeros((0, 3))), "0 × 3 of"),
            (html(&Array2::<u8>::zeros((3, 0))), "3 × 0 of"),
        ] {
            let shown = shown.unwrap();
            assert!(shown.contains(shape) && !shown.contains("<table"), "{shown}");
        }
    }

    #[test]
    fn large_arrays_are_folded_and_not_copied() {
        // All elements are one, which a copy would need 80 GB for.
        let element = [7.0];
        let large = ArrayView2::from_shape((1, 1), &element).unwrap();
        let large = large.broadcast((100_000, 100_000)).unwrap();
        let shown = html(&large).unwrap();
        assert!(shown.len() < 40_000, "{}", shown.len());
        assert!(
            shown.contains("<th>99999</th>") && shown.contains("64 of the rows"),
            "{shown}"
        );
        let shown = html(&Array::range(0.0, 1e6, 1.0)).unwrap();
        assert!(shown.len() < 2_000 && shown.contains("<td>999999.0</td>"), "{shown}");
    }

    #[test]
    fn only_numbers_have_a_heat_map() {
        assert!(html(&Array2::<i64>::zeros((4, 4))).unwrap().contains("<img"));
        assert!(html(&Array2::from_elem((4, 4), true)).unwrap().contains("<img"));
        assert!(!html(&Array2::from_elem((4, 4), "4")).unwrap().contains("<img"));
        assert!(!html(&Array2::<i64>::zeros((2, 400))).unwrap().contains("<img"));
    }

    #[test]
    fn the_elements_of_a_map_reach_from_end_to_end() {
        for (at, shown, count, expected) in [(0, 64, 1000, 0), (63, 64, 1000, 999), (1, 2, 2, 1), (0, 1, 5, 0)] {
            assert_eq!(spread(at, shown, count), expected);
        }
        assert_eq!((number("true"), number("1e3"), number("-2")), (1.0, 1000.0, -2.0));
    }

    #[test]
    fn types_are_named_without_modules() {
        for (name, expected) in [
            ("f64", "f64"),
            ("&str", "&str"),
            ("alloc::string::String", "String"),
            ("a::B<c::d::E, (f::G, h::I)>", "B<E, (G, I)>"),
        ] {
            assert_eq!(short(name), expected);
        }
    }
}
