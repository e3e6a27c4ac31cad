//! A plot as a specification in Vega-Lite 5.
//!
//! The front end chooses the colours of axes and texts, which differ between light and dark themes.

use crate::plot::{
    colours,
    drawing::{Drawing, DrawnAxis, Layer, Shape},
    scale::Tick,
    thin::{Line, Point},
};
use serde_json::{Value, json};

/// Writes the specification.
pub(super) fn specification(drawing: &Drawing) -> Value {
    let mut layers = vec![ground(drawing)];
    let bars = |it: &&Layer| matches!(it.shape, Shape::Bars(_));
    let opacity = if drawing.layers.iter().filter(bars).count() > 1 {
        0.6
    } else {
        0.9
    };
    for (number, layer) in drawing.layers.iter().enumerate() {
        match &layer.shape {
            Shape::Line(line) => {
                layers.push(path(line, number, layer.colour));
                if !line.alone.is_empty() {
                    layers.push(dots(&line.alone, number, layer.colour, 9));
                }
            }
            Shape::Dots(points) => layers.push(dots(points, number, layer.colour, 25)),
            Shape::Bars(bars) => layers.push(rectangles(bars, number, layer.colour, opacity)),
            Shape::Picture { corners, address } => layers.push(picture(drawing, *corners, address)),
        }
    }
    let mut specification = json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": drawing.area.width,
        "height": drawing.area.height,
        "encoding": {
            "x": axis("x", &drawing.x, if drawing.x.is_slanted { -45 } else { 0 }),
            "y": axis("y", &drawing.y, 0),
        },
        "layer": layers,
    });
    if !drawing.title.is_empty() || !drawing.note.is_empty() {
        specification["title"] = json!({ "text": drawing.title, "subtitle": drawing.note });
    }
    specification
}

/// The layer that holds the ranges of the axes, and with them what stands beside the plot. It shows nothing.
fn ground(drawing: &Drawing) -> Value {
    let (x, y) = (&drawing.x.scale, &drawing.y.scale);
    let mut ends = json!([{ "x": x.low, "y": y.low }, { "x": x.high, "y": y.high }]);
    let mut encoding = json!({ "tooltip": null });
    let labels: Vec<&str> = drawing
        .layers
        .iter()
        .map(|it| it.label.as_deref().unwrap_or(""))
        .collect();
    if labels.iter().any(|it| !it.is_empty()) {
        let numbers = 0..labels.len();
        let labelled: Vec<usize> = numbers
            .clone()
            .filter(|it| drawing.layers[*it].label.is_some())
            .collect();
        let colours: Vec<&str> = drawing.layers.iter().map(|it| it.colour).collect();
        encoding["color"] = json!({
            "datum": labelled[0],
            "type": "nominal",
            "scale": { "domain": numbers.collect::<Vec<_>>(), "range": colours },
            "legend": {
                "title": null,
                "values": labelled,
                "labelExpr": format!("{}[datum.value]", json!(labels)),
                "symbolType": "circle",
                "symbolOpacity": 1,
            },
        });
    } else if let Some((scale, ticks)) = &drawing.colour_bar {
        ends[0]["value"] = json!(scale.low);
        ends[1]["value"] = json!(scale.high);
        encoding["color"] = json!({
            "field": "value",
            "type": "quantitative",
            "scale": { "domain": [scale.low, scale.high], "range": colours::steps() },
            "legend": {
                "title": null,
                "gradientLength": drawing.area.height,
                "values": values(ticks),
                "labelExpr": label_of(ticks),
            },
        });
    }
    json!({
        "data": { "values": ends },
        "mark": { "type": "point", "filled": true, "opacity": 0, "tooltip": null },
        "encoding": encoding,
    })
}

fn axis(field: &str, axis: &DrawnAxis, angle: i32) -> Value {
    let scale = &axis.scale;
    let kind = if scale.is_logarithmic { "log" } else { "linear" };
    let title = if axis.label.is_empty() {
        Value::Null
    } else {
        json!(axis.label)
    };
    let mut drawn = json!({
        "title": title,
        "values": values(&axis.ticks),
        "labelExpr": label_of(&axis.ticks),
        "labelOverlap": false,
        "labelLimit": 400,
        "zindex": 0,
    });
    if angle != 0 {
        drawn["labelAngle"] = json!(angle);
        drawn["labelAlign"] = json!("right");
    }
    json!({
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {
            "type": kind,
            "domain": [scale.low, scale.high],
            "reverse": scale.is_reversed,
            "nice": false,
            "zero": false,
        },
        "axis": drawn,
    })
}

fn values(ticks: &[Tick]) -> Vec<f64> {
    ticks.iter().map(|it| it.value).collect()
}

/// An expression that finds the label of a tick by its value.
fn label_of(ticks: &[Tick]) -> String {
    let labels: Vec<&str> = ticks.iter().map(|it| it.label.as_str()).collect();
    format!("{}[indexof({}, datum.value)]", json!(labels), json!(values(ticks)))
}

fn path(line: &Line, number: usize, colour: &str) -> Value {
    let mut values = Vec::new();
    for (run, points) in line.runs.iter().enumerate() {
        let points = points.iter().enumerate();
        values.extend(points.map(|(at, (x, y))| json!({ "x": x, "y": y, "run": run, "at": at })));
    }
    json!({
        "name": format!("series_{number}"),
        "data": { "values": values },
        "mark": { "type": "line", "color": colour, "clip": true, "tooltip": null },
        "encoding": {
            // Vega-Lite joins points over gaps and sorts them by x, unless it is told otherwise.
            "detail": { "field": "run", "type": "nominal" },
            "order": { "field": "at", "type": "quantitative" },
        },
    })
}

fn dots(points: &[Point], number: usize, colour: &str, size: u32) -> Value {
    let values: Vec<Value> = points.iter().map(|(x, y)| json!({ "x": x, "y": y })).collect();
    json!({
        "name": format!("series_{number}_dots"),
        "data": { "values": values },
        "mark": { "type": "circle", "color": colour, "size": size, "opacity": 1, "clip": true, "tooltip": true },
    })
}

fn rectangles(bars: &[(Point, Point)], number: usize, colour: &str, opacity: f64) -> Value {
    let value = |(first, last): &(Point, Point)| json!({ "x": first.0, "to": last.0, "y": first.1, "height": last.1 });
    let values: Vec<Value> = bars.iter().map(value).collect();
    json!({
        "name": format!("series_{number}"),
        "data": { "values": values },
        "mark": { "type": "rect", "color": colour, "opacity": opacity, "clip": true },
        "encoding": {
            "x2": { "field": "to" },
            "y2": { "field": "height" },
            "tooltip": [{ "field": "height", "type": "quantitative", "title": "height" }],
        },
    })
}

fn picture(drawing: &Drawing, corners: (Point, Point), address: &str) -> Value {
    let (first, last) = (
        drawing.area.place(drawing, corners.0),
        drawing.area.place(drawing, corners.1),
    );
    json!({
        "data": { "values": [{}] },
        "mark": {
            "type": "image",
            "align": "left",
            "baseline": "top",
            "aspect": false,
            "width": (last.0 - first.0).abs(),
            "height": (last.1 - first.1).abs(),
            "clip": true,
        },
        "encoding": {
            "url": { "value": address },
            "x": { "value": first.0.min(last.0) },
            "y": { "value": first.1.min(last.1) },
        },
    })
}
