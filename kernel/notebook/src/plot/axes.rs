//! The ranges and the ticks of a plot's axes.

use crate::plot::{
    Plot,
    drawing::{GAP, LINE_HEIGHT, TICK_DISTANCES},
    figure::Marks,
    labels::{cut_label, longest, text_width},
    raster::Raster,
    scale::{Extent, Scale, Tick},
};

/// Chooses the ranges of both axes.
pub(super) fn scales(plot: &Plot) -> (Scale, Scale) {
    let (mut x, mut y) = (Extent::default(), Extent::default());
    let (x_log, y_log) = (plot.x.is_logarithmic, plot.y.is_logarithmic);
    let shows = |value: f64, is_logarithmic: bool| value.is_finite() && (!is_logarithmic || value > 0.0);
    let mut from_top = false;
    for series in &plot.series {
        match &series.marks {
            Marks::Line { xs, ys } | Marks::Scatter { xs, ys } => {
                let points = xs.iter().zip(ys);
                for (at, value) in points.filter(|(at, value)| shows(**at, x_log) && shows(**value, y_log)) {
                    x.add_point(*at);
                    y.add_point(*value);
                }
            }
            Marks::Bars { heights, .. } => {
                // Room for half a bar and some more.
                let ends = [-0.6, heights.len() as f64 - 0.4];
                ends.iter()
                    .filter(|it| shows(**it, x_log))
                    .for_each(|it| x.add_edge(*it));
                heights
                    .iter()
                    .filter(|it| shows(**it, y_log))
                    .for_each(|it| y.add_point(*it));
                if !y_log {
                    y.add_edge(0.0);
                }
            }
            Marks::Histogram { edges, counts } => {
                edges
                    .iter()
                    .filter(|it| shows(**it, x_log))
                    .for_each(|it| x.add_edge(*it));
                let counts = counts.iter().map(|it| *it as f64).filter(|it| *it > 0.0);
                counts.for_each(|it| y.add_point(it));
                // A bar of a single value is visible above the ground.
                y.add_edge(if y_log { 0.5 } else { 0.0 });
            }
            Marks::HeatMap(Raster { rows, columns, .. }) | Marks::Image(Raster { rows, columns, .. }) => {
                from_top = true;
                for (extent, count) in [(&mut x, *columns), (&mut y, *rows)] {
                    extent.add_edge(-0.5);
                    extent.add_edge(count.max(1) as f64 - 0.5);
                }
            }
        }
    }
    // Rows and columns have numbers that no logarithmic axis can show.
    let x = Scale::new(x, plot.x.range, x_log && !from_top);
    let mut y = Scale::new(y, plot.y.range, y_log && !from_top);
    y.is_reversed ^= from_top;
    (x, y)
}

/// Returns the scale of colours with its ticks, if the plot has a heat map.
pub(super) fn colour_bar(plot: &Plot) -> Option<(Scale, Vec<Tick>)> {
    let mut extent = Extent::default();
    let mut is_needed = false;
    for series in &plot.series {
        if let Marks::HeatMap(raster) = &series.marks {
            is_needed = true;
            for value in raster.range().map_or([None; 2], |(low, high)| [Some(low), Some(high)]) {
                value.into_iter().for_each(|it| extent.add_edge(it));
            }
        }
    }
    let scale = Scale::new(extent, None, false);
    let count = f64::from(plot.size.1) * 0.7 / TICK_DISTANCES.1;
    is_needed.then(|| (scale, scale.ticks(count as usize)))
}

/// Returns the ticks of the axis of x, as many as fit, and whether their labels are slanted.
pub(super) fn x_ticks(plot: &Plot, scale: &Scale, width: f64) -> (Vec<Tick>, bool) {
    let names = plot.series.iter().find_map(|series| match &series.marks {
        Marks::Bars { names, .. } => Some(names),
        _ => None,
    });
    let Some(names) = names else {
        let mut count = ((width / TICK_DISTANCES.0) as usize).max(2);
        loop {
            let ticks = scale.ticks(count);
            let needed: f64 = ticks.iter().map(|it| text_width(&it.label) + 2.0 * GAP).sum();
            if needed <= width || count == 2 {
                return (ticks, false);
            }
            count -= 1;
        }
    };
    let named = names.iter().enumerate().map(|(number, name)| Tick {
        value: number as f64,
        label: cut_label(name),
    });
    let shown = |tick: &Tick| (scale.low..=scale.high).contains(&tick.value);
    let ticks: Vec<Tick> = named.filter(shown).collect();
    let place = width / (scale.high - scale.low);
    let is_slanted = longest(ticks.iter().map(|it| it.label.as_str())) + GAP > place;
    let distance = if is_slanted {
        (LINE_HEIGHT / place).ceil().max(1.0) as usize
    } else {
        1
    };
    (ticks.into_iter().step_by(distance).collect(), is_slanted)
}
