//! A plot as a picture in SVG.
//!
//! The picture is on white: pages show it as an image, which cannot tell whether its page is light or dark.

use crate::plot::{
    colours::{self, STEPS},
    drawing::{COLOUR_BAR_WIDTH, Drawing, GAP, LINE_HEIGHT, Layer, Shape, TITLE_SIZE},
    labels::TEXT_SIZE,
    thin::Point,
};
use mosaic_cell::message::html::escape;
use std::fmt::Write;

const TEXT: &str = "#333";
const AXIS: &str = "#888";
const GRID: &str = "#e2e2e2";
const DOT_SIZE: f64 = 5.0;

/// Writes the picture.
pub(super) fn write(drawing: &Drawing) -> String {
    let mut svg = Svg {
        text: String::new(),
        drawing,
    };
    svg.titles();
    svg.grid();
    let marks = svg.marks();
    svg.frame();
    svg.axis_labels();
    svg.legend();
    svg.colour_bar();
    // The name of the clipping path is that of the marks, so that two plots on a page cannot use each other's.
    let name = format!("marks-{:016x}", hash(&marks));
    let area = drawing.area;
    let (width, height) = (number(drawing.width), number(drawing.height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"{TEXT_SIZE}\" fill=\"{TEXT}\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\
         <defs><clipPath id=\"{name}\"><rect width=\"{}\" height=\"{}\"/></clipPath></defs>{}\
         <g transform=\"translate({} {})\" clip-path=\"url(#{name})\">{marks}</g></svg>",
        number(area.width),
        number(area.height),
        svg.text,
        number(area.left),
        number(area.top),
    )
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A number of pixels, to a tenth.
fn number(pixels: f64) -> String {
    let text = format!("{pixels:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

struct Svg<'a> {
    text: String,
    drawing: &'a Drawing,
}

impl Svg<'_> {
    /// Writes a text. `more` are attributes.
    fn words(&mut self, x: f64, y: f64, more: &str, words: &str) {
        let _ = write!(
            self.text,
            "<text x=\"{}\" y=\"{}\" {more}>{}</text>",
            number(x),
            number(y),
            escape(words)
        );
    }

    fn titles(&mut self) {
        let area = self.drawing.area;
        let middle = area.left + area.width / 2.0;
        let mut y = GAP;
        if !self.drawing.title.is_empty() {
            y += LINE_HEIGHT;
            let style = format!("text-anchor=\"middle\" font-weight=\"bold\" font-size=\"{TITLE_SIZE}\"");
            self.words(middle, y - 3.0, &style, &self.drawing.title);
        }
        if !self.drawing.note.is_empty() {
            let style = format!("text-anchor=\"middle\" fill=\"{AXIS}\"");
            self.words(middle, area.top - 5.0, &style, &self.drawing.note);
        }
    }

    /// Writes the lines of the grid, and the labels of the ticks.
    fn grid(&mut self) {
        let Drawing { area, x, y, .. } = self.drawing;
        let (right, bottom) = (area.left + area.width, area.top + area.height);
        let mut lines = String::new();
        for tick in &x.ticks {
            let at = area.left + x.scale.place(tick.value) * area.width;
            let _ = write!(lines, "M{} {}V{}", number(at), number(area.top), number(bottom + 4.0));
            if x.is_slanted {
                let turn = format!(
                    "text-anchor=\"end\" transform=\"rotate(-45 {} {})\"",
                    number(at),
                    number(bottom + 12.0)
                );
                self.words(at, bottom + 14.0, &turn, &tick.label);
            } else {
                self.words(at, bottom + 16.0, "text-anchor=\"middle\"", &tick.label);
            }
        }
        for tick in &y.ticks {
            let at = area.top + (1.0 - y.scale.place(tick.value)) * area.height;
            let _ = write!(lines, "M{} {}H{}", number(area.left - 4.0), number(at), number(right));
            self.words(area.left - 7.0, at + 4.0, "text-anchor=\"end\"", &tick.label);
        }
        let _ = write!(self.text, "<path d=\"{lines}\" stroke=\"{GRID}\" fill=\"none\"/>");
    }

    fn frame(&mut self) {
        let area = self.drawing.area;
        let (left, top) = (number(area.left), number(area.top));
        let _ = write!(
            self.text,
            "<path d=\"M{left} {top}V{}H{}\" stroke=\"{AXIS}\" fill=\"none\"/>",
            number(area.top + area.height),
            number(area.left + area.width)
        );
    }

    fn axis_labels(&mut self) {
        let Drawing { area, x, y, height, .. } = self.drawing;
        if !x.label.is_empty() {
            let middle = area.left + area.width / 2.0;
            self.words(
                middle,
                height - GAP + 1.0,
                "text-anchor=\"middle\" font-weight=\"bold\"",
                &x.label,
            );
        }
        if !y.label.is_empty() {
            let (left, middle) = (GAP + TEXT_SIZE - 2.0, area.top + area.height / 2.0);
            let turn = format!(
                "text-anchor=\"middle\" font-weight=\"bold\" transform=\"rotate(-90 {} {})\"",
                number(left),
                number(middle)
            );
            self.words(left, middle, &turn, &y.label);
        }
    }

    fn legend(&mut self) {
        let area = self.drawing.area;
        let labelled = self
            .drawing
            .layers
            .iter()
            .filter_map(|it| Some((it, it.label.as_ref()?)));
        for (number_of_label, (layer, label)) in labelled.enumerate() {
            let (x, y) = (
                area.left + area.width + 1.5 * GAP,
                area.top + GAP + number_of_label as f64 * LINE_HEIGHT,
            );
            let _ = write!(
                self.text,
                "<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{}\"/>",
                number(x),
                number(y),
                layer.colour
            );
            self.words(x + GAP, y + 4.0, "", label);
        }
    }

    fn colour_bar(&mut self) {
        let Some((scale, ticks)) = &self.drawing.colour_bar else {
            return;
        };
        let area = self.drawing.area;
        if self.drawing.layers.iter().any(|it| it.label.is_some()) {
            return;
        }
        let left = area.left + area.width + 1.5 * GAP;
        let height = area.height / STEPS as f64;
        for (step, colour) in colours::steps().iter().enumerate() {
            let top = area.top + area.height - (step + 1) as f64 * height;
            // Higher than its step, so that no line shows between two steps.
            let _ = write!(
                self.text,
                "<rect x=\"{}\" y=\"{}\" width=\"{COLOUR_BAR_WIDTH}\" height=\"{}\" fill=\"{colour}\"/>",
                number(left),
                number(top),
                number(height + if step > 0 { 0.5 } else { 0.0 })
            );
        }
        for tick in ticks {
            let at = area.top + (1.0 - scale.place(tick.value)) * area.height;
            self.words(left + COLOUR_BAR_WIDTH + 5.0, at + 4.0, "", &tick.label);
        }
    }

    /// Returns the series, within the area.
    fn marks(&self) -> String {
        let mut marks = String::new();
        let bars = |it: &&Layer| matches!(it.shape, Shape::Bars(_));
        let opacity = if self.drawing.layers.iter().filter(bars).count() > 1 {
            0.6
        } else {
            0.9
        };
        for layer in &self.drawing.layers {
            let colour = layer.colour;
            match &layer.shape {
                Shape::Line(line) => {
                    let path: String = line.runs.iter().map(|run| self.path(run)).collect();
                    let _ = write!(
                        marks,
                        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" stroke-linejoin=\"round\"/>"
                    );
                    self.dots(&mut marks, &line.alone, colour, 3.0);
                }
                Shape::Dots(dots) => self.dots(&mut marks, dots, colour, DOT_SIZE),
                Shape::Bars(bars) => {
                    let path: String = bars.iter().map(|corners| self.bar(corners)).collect();
                    let _ = write!(
                        marks,
                        "<path d=\"{path}\" fill=\"{colour}\" fill-opacity=\"{opacity}\"/>"
                    );
                }
                Shape::Picture { corners, address } => {
                    let (first, last) = (self.place(corners.0), self.place(corners.1));
                    let _ = write!(
                        marks,
                        "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" href=\"{address}\"/>",
                        number(first.0.min(last.0)),
                        number(first.1.min(last.1)),
                        number((last.0 - first.0).abs()),
                        number((last.1 - first.1).abs())
                    );
                }
            }
        }
        marks
    }

    fn place(&self, point: Point) -> Point {
        self.drawing.area.place(self.drawing, point)
    }

    fn path(&self, points: &[Point]) -> String {
        let mut path = String::new();
        for (at, point) in points.iter().enumerate() {
            let (x, y) = self.place(*point);
            let _ = write!(path, "{}{} {}", if at == 0 { 'M' } else { 'L' }, number(x), number(y));
        }
        path
    }

    /// Writes dots as lines without length, whose ends are round.
    fn dots(&self, marks: &mut String, points: &[Point], colour: &str, size: f64) {
        if points.is_empty() {
            return;
        }
        let mut path = String::new();
        for point in points {
            let (x, y) = self.place(*point);
            let _ = write!(path, "M{} {}h0", number(x), number(y));
        }
        let _ = write!(
            marks,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{size}\" stroke-linecap=\"round\"/>"
        );
    }

    fn bar(&self, (first, last): &(Point, Point)) -> String {
        let (first, last) = (self.place(*first), self.place(*last));
        format!(
            "M{} {}V{}H{}V{}Z",
            number(first.0),
            number(first.1),
            number(last.1),
            number(last.0),
            number(first.1)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (pixels, text) in [
            (1.0, "1"),
            (0.04, "0"),
            (-0.04, "0"),
            (1.25, "1.2"),
            (-3.35, "-3.4"),
            (1e4, "10000"),
        ] {
            assert_eq!(number(pixels), text);
        }
    }
}
