use super::*;
use crate::{
    display::{MimeContent, Rich},
    plot::histogram::counted,
};
use ndarray::{Array2, Array3, arr1};
use serde_json::Value;

const SVG: &str = "image/svg+xml";
const VEGA_LITE: &str = "application/vnd.vegalite.v5+json";

/// The specification and the picture of a plot, both well formed.
fn shown(plot: &Plot) -> (Value, String) {
    let (contents, metadata) = plot.mime_bundle().into_parts();
    assert!(metadata.is_empty() && contents.len() == 3);
    let (MimeContent::Json(json), MimeContent::Text(svg)) = (&contents[VEGA_LITE], &contents[SVG]) else {
        panic!("{contents:?}");
    };
    for wrong in ["NaN", "inf", "--"] {
        let numbers = svg
            .split('"')
            .filter(|it| it.starts_with('M') || it.parse::<f64>().is_ok());
        assert!(numbers.into_iter().all(|it| !it.contains(wrong)), "{wrong} in {svg}");
    }
    assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
    assert_eq!(svg.matches("<text ").count(), svg.matches("</text>").count());
    (serde_json::from_str(json).unwrap(), svg.clone())
}

/// The values that the layers of a specification hold, without those of the ground.
fn values(specification: &Value) -> Vec<Value> {
    let layers = specification["layer"].as_array().unwrap();
    let values = layers.iter().skip(1).map(|it| it["data"]["values"].as_array().unwrap());
    values.flatten().cloned().collect()
}

#[test]
fn series_have_labels_titles_and_axes() {
    let plot = line(&[0, 1, 2], &[0.0, 1.0, 4.0]).unwrap().label("squares");
    let plot = plot
        .scatter(&arr1(&[0.0, 2.0]), &arr1(&[1, 3]))
        .unwrap()
        .label("<measured>");
    let plot = plot.title("Growth & more").x_label("time in s").y_label("length in m");
    let (specification, svg) = shown(&plot);
    assert_eq!(specification["title"]["text"], "Growth & more");
    assert_eq!(specification["encoding"]["x"]["axis"]["title"], "time in s");
    assert_eq!(values(&specification).len(), 5);
    let legend = &specification["layer"][0]["encoding"]["color"]["legend"];
    assert_eq!(legend["labelExpr"], "[\"squares\",\"<measured>\"][datum.value]");
    for text in [
        "Growth &amp; more",
        "time in s",
        "length in m",
        "squares",
        "&lt;measured&gt;",
    ] {
        assert!(svg.contains(&format!(">{text}</text>")), "{text}: {svg}");
    }
    assert_eq!(
        format!("{plot:?}"),
        "Plot \"Growth & more\": line of 3 points \"squares\", 2 dots \"<measured>\""
    );
}

#[test]
fn lengths_that_differ_are_an_error_that_names_both() {
    for refused in [
        line(&[1, 2, 3], &[1.0]),
        scatter(&[1, 2, 3], &[1.0]),
        bar(&["a", "b", "c"], &[1.0]),
        line(&[1], &[1]).unwrap().line(&[1, 2, 3], &[1.0]),
        line(&[1], &[1]).unwrap().scatter(&[1, 2, 3], &[1.0]),
    ] {
        assert_eq!(refused, Err(Error::Lengths { xs: 3, ys: 1 }));
    }
    assert_eq!(histogram(&[1.0], 0), Err(Error::Bars { asked: 0, most: 2_000 }));
    assert!(histogram(&[1.0], 2_001).is_err() && bar(&(0..2_001), &(0..2_001)).is_err());
    assert!(image(&arr1(&[1.0])).is_err());
}

#[test]
fn plots_of_few_and_of_odd_values_are_well_formed() {
    let nothing: [f64; 0] = [];
    let odd = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        0.0,
        -0.0,
        5e-324,
    ];
    for values in [&nothing[..], &[1.0], &[5.0, 5.0], &[0.0, 0.0], &[f64::NAN], &odd] {
        let plots = [
            line(values, values).unwrap(),
            scatter(values, values).unwrap(),
            bar(values, values).unwrap(),
            histogram(values, 3).unwrap(),
            heat_map(&Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap()),
            image(&Array2::from_shape_vec((1, values.len()), values.to_vec()).unwrap()).unwrap(),
        ];
        for plot in plots {
            for plot in [
                plot.clone(),
                plot.clone().x_log().y_log(),
                plot.size(0, 0).title("t").label("l"),
            ] {
                let (specification, svg) = shown(&plot);
                assert!(svg.len() < 20_000 && specification["layer"].as_array().unwrap().len() >= 2);
            }
        }
    }
}

#[test]
fn values_that_are_not_finite_are_gaps() {
    let (specification, svg) = shown(&line(&(0..5), &[1.0, 2.0, f64::NAN, 3.0, 4.0]).unwrap());
    let runs: Vec<u64> = values(&specification)
        .iter()
        .map(|it| it["run"].as_u64().unwrap())
        .collect();
    assert_eq!(runs, [0, 0, 1, 1]);
    let drawn = svg.split("<path d=\"").last().unwrap().split('"').next().unwrap();
    assert_eq!(
        (drawn.matches('M').count(), drawn.matches('L').count()),
        (2, 2),
        "{drawn}"
    );
    // On a logarithmic axis, so are values that are not positive.
    let (specification, _) = shown(&line(&(0..4), &[1, 0, -1, 10]).unwrap().y_log());
    assert_eq!(values(&specification).len(), 2);
}

#[test]
fn a_million_points_are_thinned() {
    let xs: Vec<f64> = (0..1_000_000).map(f64::from).collect();
    let ys: Vec<f64> = xs.iter().map(|x| (x / 1e4).sin()).collect();
    for (plot, note) in [
        (line(&xs, &ys).unwrap(), ""),
        (scatter(&xs, &ys).unwrap(), "of 1000000 dots"),
        (line(&ys, &ys).unwrap(), "simplified from 1000000 points"),
    ] {
        let (specification, svg) = shown(&plot);
        let shown = values(&specification).len();
        assert!(
            (100..=20_000).contains(&shown) && svg.len() < 400_000,
            "{shown} {}",
            svg.len()
        );
        let subtitle = specification["title"]["subtitle"].as_str().unwrap_or("");
        assert!(subtitle.contains(note) && svg.contains(note), "{subtitle}");
        assert_eq!(note.is_empty(), subtitle.is_empty());
    }
}

#[test]
fn values_are_counted_in_the_bin_in_which_they_are() {
    for (values, bins, expected) in [
        (&[0.0, 1.0, 2.0, 3.0, 4.0][..], 4, &[1, 1, 1, 2][..]),
        (&[0.0, 0.1, 0.2, 0.3], 3, &[1, 1, 2]),
        (&[], 2, &[0, 0]),
        (&[7.0, 7.0], 2, &[0, 2]),
        (&[f64::NAN, 1.0, f64::INFINITY, 2.0], 2, &[1, 1]),
        (&[f64::MIN, f64::MAX], 2, &[1, 1]),
    ] {
        let (edges, counts) = counted(values, bins);
        assert_eq!(counts, expected, "{values:?} {edges:?}");
        assert!(edges.iter().all(|it| it.is_finite()) && edges.len() == bins + 1);
    }
}

#[test]
fn bars_have_their_names_whatever_they_contain() {
    let names = ["\"'], alert(1), [\"", "</script>", "\u{1}\n"];
    let (specification, svg) = shown(&bar(&names, &[1, -2, 3]).unwrap());
    let bars = values(&specification);
    assert_eq!(
        (bars[1]["y"].as_f64(), bars[1]["height"].as_f64()),
        (Some(0.0), Some(-2.0))
    );
    let labels = specification["encoding"]["x"]["axis"]["labelExpr"].as_str().unwrap();
    let (list, _) = labels.rsplit_once("[indexof(").unwrap();
    let list: Vec<String> = serde_json::from_str(list).unwrap();
    assert_eq!(list, ["\"'], alert(1), [\"", "</script>", "  "]);
    assert!(!svg.contains("</script>") && svg.contains("&lt;/script&gt;"));
    // Many names take turns, slanted.
    let (specification, _) = shown(&bar(&(1000..1400), &(0..400)).unwrap());
    let ticks = specification["encoding"]["x"]["axis"]["values"]
        .as_array()
        .unwrap()
        .len();
    assert!((10..80).contains(&ticks), "{ticks}");
    assert_eq!(specification["encoding"]["x"]["axis"]["labelAngle"], -45);
}

#[test]
fn pictures_are_as_large_as_their_place() {
    let grid = Array2::from_shape_fn((3, 4), |(row, column)| row as f64 - column as f64);
    let (specification, svg) = shown(&heat_map(&grid));
    assert_eq!(specification["encoding"]["y"]["scale"]["reverse"], true);
    assert_eq!(specification["layer"][1]["mark"]["width"], specification["width"]);
    assert_eq!(
        specification["layer"][0]["encoding"]["color"]["scale"]["domain"],
        serde_json::json!([-3.0, 2.0])
    );
    assert!(svg.contains("href=\"data:image/png;base64,iVBOR"));
    // The pixels of an image are squares.
    let (specification, _) = shown(&image(&Array3::<u8>::zeros((10, 40, 3))).unwrap());
    let [width, height] = ["width", "height"].map(|it| specification[it].as_f64().unwrap());
    assert!((width / height - 4.0).abs() < 1e-9, "{width} {height}");
}

#[test]
fn large_grids_are_means() {
    let grid = Array2::from_shape_fn((3_000, 2_000), |(row, _)| (row % 2) as f32);
    let (specification, svg) = shown(&heat_map(&grid));
    assert_eq!(specification["title"]["subtitle"], "means of 3000 × 2000 values");
    assert!(svg.len() < 200_000, "{}", svg.len());
}

#[test]
fn ranges_that_are_given_clip() {
    let (specification, svg) = shown(&line(&[0, 10], &[0, 10]).unwrap().x_range(2.0, 4.0).y_range(4.0, 2.0));
    assert_eq!(
        specification["encoding"]["x"]["scale"]["domain"],
        serde_json::json!([2.0, 4.0])
    );
    assert_eq!(specification["encoding"]["y"]["scale"]["reverse"], true);
    assert!(svg.contains("clip-path=\"url(#marks-"));
}

#[test]
fn an_update_shows_another_plot_in_the_same_place() {
    let shown = line(&[0, 1], &[0, 1]).unwrap().display();
    shown.update(&line(&[0, 1], &[1, 0]).unwrap());
}

#[test]
#[ignore = "writes pictures to look at into the directory that the variable PLOTS names"]
fn pictures_to_look_at() {
    let directory = std::path::PathBuf::from(std::env::var_os("PLOTS").unwrap());
    let xs: Vec<f64> = (0..=100).map(|it| f64::from(it) / 10.0).collect();
    let waves = line(&xs, &xs.iter().map(|x| x.sin() * 1e-9).collect::<Vec<_>>())
        .unwrap()
        .label("sine");
    let waves = waves
        .line(&xs, &xs.iter().map(|x| x.cos() * 1e-9).collect::<Vec<_>>())
        .unwrap()
        .label("cosine");
    let noise: Vec<f64> = (0..3_000)
        .map(|it: i32| (f64::from(it) * 12.9898).sin() * 43_758.545 % 1.0)
        .collect();
    let grid = Array2::from_shape_fn((30, 50), |(row, column)| {
        (row as f64 / 5.0).sin() * (column as f64 / 8.0).cos()
    });
    let colours = Array3::from_shape_fn((80, 120, 3), |(y, x, channel)| [x * 2, y * 3, 128][channel] as u8);
    for (name, plot) in [
        (
            "line",
            waves.title("Two waves").x_label("time in s").y_label("current in A"),
        ),
        (
            "scatter",
            scatter(&noise[1..], &noise[..2_999]).unwrap().y_range(-2.0, 0.5),
        ),
        (
            "bar",
            bar(&["helium", "neon", "argon"], &[4.2, 27.1, 87.3])
                .unwrap()
                .y_label("boiling point in K"),
        ),
        (
            "names",
            bar(&["a rather long name"; 12], &(1..=12)).unwrap().x_label("x"),
        ),
        (
            "histogram",
            histogram(&noise, 30)
                .unwrap()
                .label("a")
                .histogram(&noise[..1_000], 20)
                .unwrap()
                .label("b"),
        ),
        (
            "heat_map",
            heat_map(&grid).title("Heat").x_label("column").y_label("row"),
        ),
        ("image", image(&colours).unwrap().title("Image")),
        ("log", line(&(1..1000), &(1..1000)).unwrap().x_log().y_log()),
        ("empty", scatter(&[0.0; 0], &[0.0; 0]).unwrap().title("nothing")),
    ] {
        std::fs::write(directory.join(format!("{name}.svg")), plot.to_svg()).unwrap();
    }
}
