//! The conversion that a failing `?` of a cell calls, for all types of errors that a cell may return.
//!
//! evcxr converts whatever has `Display`, and so shows the outermost message alone. An error tells its causes only as a
//! `dyn Error`. Rust has no conversion for "an error if it is one, else a text", so there are several [`CONVERSIONS`].
//! Nearly all cells compile with the first. If rustc refuses an error of the cell, the wrapper compiles the cell with
//! the next one.

use crate::evcxr_text::markers::{
    USER_ERROR, USER_ERROR_BEGINS, USER_ERROR_DISPLAYED, USER_ERROR_FORMATTED, USER_ERROR_REPORT,
};
use std::borrow::Cow;

/// A conversion: the head of its implementation, and the statement that reports the error.
struct Conversion {
    head: &'static str,
    report: &'static str,
}

/// The conversions in the order in which they are tried. The errors that the user sees are those of the last one.
const CONVERSIONS: [Conversion; 5] = [
    // None: a cell without `?` needs none, and rustc looks at each conversion for some milliseconds.
    Conversion {
        head: "#[cfg(any())] impl<'a, T: ::std::convert::Into<::std::boxed::Box<dyn ::std::error::Error + 'a>>> \
               ::std::convert::From<T> for EvcxrUserCodeError {",
        report: "::mosaic_cell::question_mark_returned(error.into());",
    },
    // Errors, texts, `Box<dyn Error>`, and the errors of anyhow and eyre, which are no `Error` themselves.
    Conversion {
        head: "impl<'a, T: ::std::convert::Into<::std::boxed::Box<dyn ::std::error::Error + 'a>>> \
               ::std::convert::From<T> for EvcxrUserCodeError {",
        report: "::mosaic_cell::question_mark_returned(error.into());",
    },
    // `Box<dyn Error + Send + Sync>`.
    Conversion {
        head: "impl<'a, T: ::std::convert::Into<::std::boxed::Box<dyn ::std::error::Error + ::std::marker::Send + \
               ::std::marker::Sync + 'a>>> ::std::convert::From<T> for EvcxrUserCodeError {",
        report: "{ let error: ::std::boxed::Box<dyn ::std::error::Error + ::std::marker::Send + ::std::marker::Sync + \
                 'a> = error.into(); ::mosaic_cell::question_mark_returned(error); }",
    },
    // A type that is no error but may end `main`.
    Conversion {
        head: "impl<T: ::std::fmt::Debug> ::std::convert::From<T> for EvcxrUserCodeError {",
        report: "::mosaic_cell::question_mark_failed(::std::format_args!(\"{:?}\", error));",
    },
    // A type that has a text and no `Debug`. evcxr accepts it.
    Conversion {
        head: "impl<T: ::std::fmt::Display> ::std::convert::From<T> for EvcxrUserCodeError {",
        report: "::mosaic_cell::question_mark_failed(::std::format_args!(\"{}\", error));",
    },
];

/// Replaces the conversion that evcxr writes at the end of a cell's items, if the cell has one. Returns nothing if the
/// conversion is unknown. `function` is the code of the cell.
pub(super) fn replace_conversion<'i>(items: &'i str, function: &str) -> Option<Cow<'i, str>> {
    let Some(begin) = items.rfind(USER_ERROR_BEGINS) else {
        return Some(Cow::Borrowed(items));
    };
    let (before, conversion) = items.split_at(begin);
    let conversion = conversion.replacen(USER_ERROR_REPORT, "", 1);
    let [none, some, ..] = &CONVERSIONS;
    let first = if function.contains('?') { some } else { none };
    let replaced = if conversion.contains(USER_ERROR_DISPLAYED) {
        conversion
            .replacen(USER_ERROR_DISPLAYED, first.head, 1)
            .replacen(USER_ERROR_FORMATTED, first.report, 1)
    } else {
        // The user has chosen another format.
        let format = conversion.split_once("eprintln!(")?.1.split_once(", error);")?.0;
        conversion.replacen(
            &format!("eprintln!({format}, error);"),
            &format!("::mosaic_cell::question_mark_failed(::std::format_args!({format}, error));"),
            1,
        )
    };
    Some(Cow::Owned(format!("{before}{replaced}")))
}

/// Returns the source of a cell with the next conversion, if rustc's messages on the source refuse to convert an error.
pub(crate) fn with_next_conversion(source: &str, messages: &[u8]) -> Option<String> {
    if !is_refused(&String::from_utf8_lossy(messages)) {
        return None;
    }
    let at = source.rfind(USER_ERROR_BEGINS)?;
    let (before, rest) = source.split_at(at);
    CONVERSIONS.windows(2).find_map(|pair| {
        let [this, next] = pair else { return None };
        let others = rest.replacen(this.head, next.head, 1);
        (others.len() != rest.len()).then(|| format!("{before}{}", others.replacen(this.report, next.report, 1)))
    })
}

/// Returns analysis code in which errors need no text. What a cell shows of an error does not change its types.
pub(crate) fn for_analysis(source: &str) -> Cow<'_, str> {
    match source.rfind(USER_ERROR_BEGINS) {
        Some(at) if source[at..].contains(USER_ERROR_DISPLAYED) => {
            let debug = "impl<T: std::fmt::Debug> From<T> for EvcxrUserCodeError {";
            let conversion = source[at..].replacen(USER_ERROR_DISPLAYED, debug, 1);
            let conversion = conversion.replacen(USER_ERROR_FORMATTED, "eprintln!(\"{:?}\", error);", 1);
            Cow::Owned(format!("{}{conversion}", &source[..at]))
        }
        _ => Cow::Borrowed(source),
    }
}

/// Reports whether one of rustc's messages, each a line of JSON, says that an error cannot be converted.
fn is_refused(messages: &str) -> bool {
    messages
        .lines()
        .any(|line| line.contains("couldn't convert the error") && line.contains(USER_ERROR))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(head: &str, report: &str) -> String {
        format!(
            "fn item() {{}}\n            {USER_ERROR_BEGINS}\n            {head}\n                fn from(error: T) -> Self {{\n\
             {report}\n  {USER_ERROR_REPORT}\n EvcxrUserCodeError {{}} }} }}\n"
        )
    }

    const REFUSED: &[u8] = br#"{"message":"`?` couldn't convert the error","children":["EvcxrUserCodeError"]}"#;

    #[test]
    fn the_conversions_follow_each_other_and_no_line_moves() {
        let mut source = replace_conversion(&cell(USER_ERROR_DISPLAYED, USER_ERROR_FORMATTED), "f()")
            .unwrap()
            .into_owned();
        for (index, conversion) in CONVERSIONS.iter().enumerate() {
            assert!(
                source.contains(conversion.head) && source.contains(conversion.report),
                "{source}"
            );
            assert!(
                source.starts_with("fn item() {}\n") && source.lines().count() == 7,
                "{source}"
            );
            assert_eq!(
                with_next_conversion(&source, b"{\"message\":\"mismatched types\"}"),
                None
            );
            match with_next_conversion(&source, REFUSED) {
                Some(next) => source = next,
                None => assert_eq!(index, CONVERSIONS.len() - 1),
            }
        }
    }

    #[test]
    fn a_format_that_the_user_chose_stays() {
        let head = "impl<T: std::fmt::Debug> From<T> for EvcxrUserCodeError {";
        let source = cell(head, "eprintln!(\"{:#?}\", error);");
        let replaced = replace_conversion(&source, "f()").unwrap().into_owned();
        assert!(replaced.contains(head) && replaced.contains("question_mark_failed(::std::format_args!(\"{:#?}\""));
        assert_eq!(with_next_conversion(&replaced, REFUSED), None);
        assert_eq!(for_analysis(&source), source);
        assert_eq!(
            replace_conversion("fn f() {}", "f()?"),
            Some(Cow::Borrowed("fn f() {}"))
        );
    }

    #[test]
    fn a_cell_has_a_conversion_if_it_may_need_one() {
        let cell = cell(USER_ERROR_DISPLAYED, USER_ERROR_FORMATTED);
        for (function, needs) in [("f();", false), ("f()?;", true), ("try!(f())", false)] {
            let replaced = replace_conversion(&cell, function).unwrap();
            assert_eq!(!replaced.contains("#[cfg(any())]"), needs, "{function}");
        }
    }

    #[test]
    fn errors_need_no_text_in_analysis_code() {
        let analysis = for_analysis(&cell(USER_ERROR_DISPLAYED, USER_ERROR_FORMATTED)).into_owned();
        assert!(
            analysis.contains("Debug> From<T>") && analysis.contains("{:?}"),
            "{analysis}"
        );
    }
}
