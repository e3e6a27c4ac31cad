//! Axes: their ranges, and ticks at round numbers.

/// The most ticks of an axis, against endless loops where numbers are not exact.
const MOST_TICKS: i64 = 40;
/// A label up to this length is written without an exponent.
const PLAIN_LENGTH: usize = 7;
/// The share of the range that is left free beyond the values.
const PADDING: f64 = 0.03;
/// The smallest positive number.
const SMALLEST: f64 = f64::from_bits(1);

/// The range of an axis, and how it maps to the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) is_logarithmic: bool,
    /// The lowest value is at the right or top end.
    pub(super) is_reversed: bool,
}

/// The values that an axis has to show.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Extent {
    /// Of points, beyond which some room is left.
    points: Option<(f64, f64)>,
    /// Of bars and pictures, at which the axis may end.
    edges: Option<(f64, f64)>,
}

impl Extent {
    pub(super) fn add_point(&mut self, value: f64) {
        widen(&mut self.points, value);
    }

    pub(super) fn add_edge(&mut self, value: f64) {
        widen(&mut self.edges, value);
    }
}

fn widen(range: &mut Option<(f64, f64)>, value: f64) {
    let (low, high) = range.unwrap_or((value, value));
    *range = Some((low.min(value), high.max(value)));
}

impl Scale {
    /// Chooses the range of an axis.
    pub(super) fn new(extent: Extent, given: Option<(f64, f64)>, is_logarithmic: bool) -> Scale {
        let scale = |(low, high)| Scale {
            low,
            high,
            is_logarithmic,
            is_reversed: false,
        };
        if let Some((first, last)) = given
            && [first, last].iter().all(|it| scale((0.0, 1.0)).shows(*it))
        {
            let (low, high) = (first.min(last), first.max(last));
            // Ends between which nothing fits are none.
            if apart(low, high, is_logarithmic) == (low, high) {
                return Scale {
                    is_reversed: first > last,
                    ..scale((low, high))
                };
            }
        }
        let padded = extent.points.map(|range| padded(range, is_logarithmic));
        let (low, high) = match (padded, extent.edges) {
            (Some(padded), Some(edges)) => (padded.0.min(edges.0), padded.1.max(edges.1)),
            (Some(range), None) | (None, Some(range)) => range,
            (None, None) if is_logarithmic => (1.0, 10.0),
            (None, None) => (0.0, 1.0),
        };
        scale(apart(low, high, is_logarithmic))
    }

    /// Returns whether the axis can show a value.
    pub(super) fn shows(&self, value: f64) -> bool {
        value.is_finite() && (!self.is_logarithmic || value > 0.0)
    }

    /// Returns the place of a value: 0 at the beginning of the axis, 1 at its end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let [value, low, high] = [value, self.low, self.high].map(|it| self.transformed(it));
        let share = (value - low) / (high - low);
        // A value beyond the axis may be far beyond.
        let share = share.clamp(-100.0, 100.0);
        if self.is_reversed { 1.0 - share } else { share }
    }

    /// Returns a number that grows evenly along the axis. Half of it, as a difference of two can be too large for `f64`.
    fn transformed(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.ln() } else { value / 2.0 }
    }

    /// Returns about `count` ticks, with labels that tell them apart.
    pub(super) fn ticks(&self, count: usize) -> Vec<Tick> {
        let count = count.max(2) as f64;
        let decimals = if self.is_logarithmic {
            let ticks = logarithmic_ticks(self.low, self.high, count);
            if ticks.len() < 2 {
                linear_ticks(self.low, self.high, count)
            } else {
                ticks
            }
        } else {
            linear_ticks(self.low, self.high, count)
        };
        labelled(&decimals)
    }
}

/// Returns the range with some room at both ends.
fn padded((low, high): (f64, f64), is_logarithmic: bool) -> (f64, f64) {
    let (low, high) = apart(low, high, is_logarithmic);
    if is_logarithmic {
        let times = ((high.ln() - low.ln()) * PADDING).exp();
        return ((low / times).max(SMALLEST), finite(high * times));
    }
    let room = (high / 2.0 - low / 2.0) * PADDING * 2.0;
    (finite(low - room), finite(high + room))
}

/// Returns the range, or one around its only value.
fn apart(low: f64, high: f64, is_logarithmic: bool) -> (f64, f64) {
    if is_logarithmic {
        if high.ln() > low.ln() {
            return (low, high);
        }
        return ((low / 10.0).max(SMALLEST), finite(high * 10.0));
    }
    if high / 2.0 - low / 2.0 > 0.0 && high - low > low.abs().max(high.abs()) * f64::EPSILON * 8.0 {
        return (low, high);
    }
    let room = if low.abs().max(high.abs()) < f64::MIN_POSITIVE {
        1.0
    } else {
        low.abs() / 10.0
    };
    (finite(low - room), finite(high + room))
}

fn finite(value: f64) -> f64 {
    value.clamp(f64::MIN, f64::MAX)
}

/// A place on an axis that has a label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// The number `digits · 10^exponent`, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    digits: i64,
    exponent: i32,
}

impl Decimal {
    fn value(self) -> f64 {
        // The parser rounds right where a product would not.
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// Writes the number without an exponent.
    fn plain(self) -> String {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs();
        let Ok(behind_point) = usize::try_from(-self.exponent) else {
            let zeros = if digits == 0 { 0 } else { self.exponent as usize };
            return format!("{sign}{digits}{}", "0".repeat(zeros));
        };
        if behind_point == 0 {
            return format!("{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = behind_point + 1);
        let (before, behind) = padded.split_at(padded.len() - behind_point);
        format!("{sign}{before}.{behind}")
    }

    /// Writes the number with one digit before the point, and an exponent.
    fn scientific(self) -> String {
        if self.digits == 0 {
            return "0".to_owned();
        }
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs().to_string();
        let exponent = i64::from(self.exponent) + digits.len() as i64 - 1;
        let (first, others) = digits.split_at(1);
        let others = others.trim_end_matches('0');
        let point = if others.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{others}e{exponent}")
    }
}

/// Labels the ticks of an axis, all in the same way.
fn labelled(decimals: &[Decimal]) -> Vec<Tick> {
    let longest = |labels: &[String]| labels.iter().map(String::len).max().unwrap_or(0);
    let mut labels: Vec<String> = decimals.iter().map(|it| it.plain()).collect();
    if longest(&labels) > PLAIN_LENGTH {
        let scientific: Vec<String> = decimals.iter().map(|it| it.scientific()).collect();
        if longest(&scientific) < longest(&labels) {
            labels = scientific;
        }
    }
    let ticks = decimals.iter().zip(labels);
    ticks
        .map(|(decimal, label)| Tick {
            value: decimal.value(),
            label,
        })
        .collect()
}

/// Returns ticks whose distance is 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, count: f64) -> Vec<Decimal> {
    let rough = (high / 2.0 - low / 2.0) / count * 2.0;
    let mut exponent = (rough.log10().floor() as i32).clamp(-323, 308);
    let power = 10.0_f64.powi(exponent);
    let share = if power > 0.0 { rough / power } else { 1.0 };
    let mut digits = match share {
        _ if share < 1.5 => 1,
        _ if share < 3.5 => 2,
        _ if share < 7.5 => 5,
        _ => {
            exponent += 1;
            1
        }
    };
    if !(Decimal { digits, exponent }).value().is_finite() {
        (digits, exponent) = (1, 308);
    }
    let step = Decimal { digits, exponent }.value();
    if step <= 0.0 {
        return Vec::new();
    }
    // A quotient may be rounded past a tick at an end.
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    let (first, last) = (first.saturating_sub(1), last.saturating_add(1));
    let mut ticks: Vec<Decimal> = Vec::new();
    for number in first..=last.min(first.saturating_add(MOST_TICKS)) {
        let Some(digits) = number.checked_mul(digits) else {
            break;
        };
        let tick = Decimal { digits, exponent };
        let is_new = ticks.last().is_none_or(|before| before.value() < tick.value());
        if is_new && (low..=high).contains(&tick.value()) {
            ticks.push(tick);
        }
    }
    ticks
}

/// Returns ticks at powers of ten, or at 1, 2 and 5 times those if they are few.
fn logarithmic_ticks(low: f64, high: f64, count: f64) -> Vec<Decimal> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let distance = (f64::from(last - first) / count).ceil().max(1.0) as i32;
    let powers = (first.div_euclid(distance) * distance..=last).step_by(distance as usize);
    let within = |tick: &Decimal| (low..=high).contains(&tick.value());
    let tens = powers.map(|exponent| Decimal { digits: 1, exponent });
    let tens: Vec<Decimal> = tens.filter(within).collect();
    if tens.len() > 2 {
        return tens;
    }
    let all = (first..=last).flat_map(|exponent| [1, 2, 5].map(|digits| Decimal { digits, exponent }));
    all.filter(within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(low: f64, high: f64) -> Scale {
        Scale {
            low,
            high,
            is_logarithmic: false,
            is_reversed: false,
        }
    }

    fn labels(scale: Scale, count: usize) -> String {
        let labels: Vec<String> = scale.ticks(count).into_iter().map(|it| it.label).collect();
        labels.join(" ")
    }

    #[test]
    fn ticks_are_round_numbers_with_sensible_labels() {
        for (low, high, count, expected) in [
            (0.0, 10.0, 5, "0 2 4 6 8 10"),
            (0.0, 1.0, 5, "0.0 0.2 0.4 0.6 0.8 1.0"),
            (-1.0, 1.0, 4, "-1.0 -0.5 0.0 0.5 1.0"),
            (0.0, 100.0, 2, "0 50 100"),
            (-0.03, 3.03, 6, "0.0 0.5 1.0 1.5 2.0 2.5 3.0"),
            (0.0, 1e-9, 4, "0 2e-10 4e-10 6e-10 8e-10 1e-9"),
            (0.0, 3e9, 3, "0 1e9 2e9 3e9"),
            (0.0, 1e9, 4, "0 2e8 4e8 6e8 8e8 1e9"),
            (1e6, 3e6, 2, "1000000 2000000 3000000"),
            (0.0, 30_000.0, 3, "0 10000 20000 30000"),
            (1_234_567.0, 1_234_569.0, 2, "1234567 1234568 1234569"),
            (1_234_567.0, 1_234_568.0, 2, "1234567.0 1234567.5 1234568.0"),
            (1e9, 1e9 + 2.0, 2, "1000000000 1000000001 1000000002"),
            (0.0001, 0.0003, 2, "0.0001 0.0002 0.0003"),
            (1e-300, 3e-300, 2, "1e-300 2e-300 3e-300"),
            (f64::MIN, f64::MAX, 2, "-1e308 0 1e308"),
        ] {
            assert_eq!(labels(linear(low, high), count), expected, "{low} {high}");
        }
    }

    #[test]
    fn ticks_of_a_logarithmic_axis_are_powers_of_ten() {
        for (low, high, count, expected) in [
            (1.0, 1000.0, 5, "1 10 100 1000"),
            (1e-3, 1e3, 3, "0.01 1 100"),
            (1.0, 1e12, 4, "1e0 1e3 1e6 1e9 1e12"),
            (2.0, 9.0, 5, "2 5"),
            (2.0, 70.0, 5, "2 5 10 20 50"),
            (2.1, 2.9, 3, "2.2 2.4 2.6 2.8"),
            (f64::MIN_POSITIVE, f64::MAX, 4, "1e-155 1e0 1e155"),
        ] {
            let scale = Scale {
                is_logarithmic: true,
                ..linear(low, high)
            };
            assert_eq!(labels(scale, count), expected, "{low} {high}");
        }
    }

    #[test]
    fn ticks_of_ranges_that_are_not_exact_end() {
        for (low, high) in [
            (1e16, 1e16 + 4.0),
            (f64::MAX * 0.999_999_999, f64::MAX),
            (-5e-324, 5e-324),
            (1e300, 1.000_000_000_000_01e300),
        ] {
            let ticks = linear(low, high).ticks(8);
            assert!(ticks.len() < 50, "{low} {high}");
            assert!(ticks.iter().all(|it| it.value.is_finite()));
            assert!(ticks.windows(2).all(|two| two[0].value < two[1].value), "{ticks:?}");
        }
    }

    #[test]
    fn ranges_hold_their_values() {
        for (values, is_logarithmic) in [
            (&[][..], false),
            (&[0.0], false),
            (&[5.0], false),
            (&[-5.0, -5.0], false),
            (&[1e-9, 2e-9], false),
            (&[f64::MIN, f64::MAX], false),
            (&[f64::MAX], false),
            (&[f64::MIN], false),
            (&[5e-324], false),
            (&[0.0, 5e-324], false),
            (&[1e16, 1e16 + 2.0], false),
            (&[], true),
            (&[1.0], true),
            (&[5e-324, f64::MAX], true),
            (&[f64::MAX], true),
        ] {
            let mut extent = Extent::default();
            values.iter().for_each(|it| extent.add_point(*it));
            let scale = Scale::new(extent, None, is_logarithmic);
            assert!(
                scale.low < scale.high && scale.low.is_finite() && scale.high.is_finite(),
                "{scale:?}"
            );
            for value in values {
                let place = scale.place(*value);
                assert!((-0.01..=1.01).contains(&place), "{scale:?} {value} {place}");
            }
            assert!(scale.ticks(5).len() < 50);
        }
    }

    #[test]
    fn given_ranges_win_if_the_axis_can_show_them() {
        let mut extent = Extent::default();
        extent.add_edge(1.0);
        extent.add_edge(2.0);
        let range = |given, log| {
            let scale = Scale::new(extent, given, log);
            (scale.low, scale.high, scale.is_reversed)
        };
        assert_eq!(range(None, false), (1.0, 2.0, false));
        assert_eq!(range(Some((0.0, 5.0)), false), (0.0, 5.0, false));
        assert_eq!(range(Some((5.0, 0.0)), false), (0.0, 5.0, true));
        for given in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (3.0, 3.0), (-5e-324, 5e-324)] {
            assert_eq!(range(Some(given), false), (1.0, 2.0, false));
        }
        assert_eq!(range(Some((0.0, 5.0)), true), (1.0, 2.0, false));
    }
}
