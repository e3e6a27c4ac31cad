//! The sizes of texts in a plot. No font is known, so they are estimated.

/// The size of texts in pixels, except for the title.
pub(super) const TEXT_SIZE: f64 = 11.0;
/// The most characters of a text beside the plot.
const MOST_CHARACTERS: usize = 24;

/// Returns a text as it stands beside the plot.
pub(super) fn cut_label(text: &str) -> String {
    cut(text, MOST_CHARACTERS)
}

/// Returns a text on one line, cut if it is longer than `most` characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = text.replace(char::is_control, " ");
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// Returns the width of the widest text in pixels.
pub(super) fn longest<'a>(texts: impl IntoIterator<Item = &'a str>) -> f64 {
    texts.into_iter().map(text_width).fold(0.0, f64::max)
}

/// Estimates the width of a text in pixels, rather too wide.
pub(super) fn text_width(text: &str) -> f64 {
    let width = |it: char| match it {
        'i' | 'j' | 'l' | 't' | 'f' | '.' | ',' | ' ' | '-' => 0.4,
        'm' | 'w' | 'M' | 'W' => 0.95,
        _ if it.is_ascii_uppercase() => 0.75,
        _ if it.is_ascii() => 0.6,
        _ if u32::from(it) > 0x1100 => 1.05,
        _ => 0.7,
    };
    text.chars().map(width).sum::<f64>() * TEXT_SIZE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_to_one_short_line() {
        for (text, most, expected) in [("a\nb", 9, "a b"), ("abcd", 4, "abcd"), ("éüöäå", 4, "éüö…")] {
            assert_eq!(cut(text, most), expected);
        }
        assert!(text_width("iii") < text_width("mmm"));
        assert_eq!(longest(["1", "100"]), text_width("100"));
    }
}
