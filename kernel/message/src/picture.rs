//! Pictures of pixels: files in PNG, addresses that contain them, and a scale of colours.

use crate::deflate::compressed;
use std::fmt::Write;

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];

/// A pixel: red, green, blue and opacity.
pub type Pixel = [u8; 4];

/// Returns the file of a picture in PNG. Rows follow each other from the top; pixels that lack are transparent.
///
/// ```
/// let file = mosaic_message::picture::png(1, 1, &[[255, 0, 0, 255]]);
/// assert_eq!(&file[1..4], b"PNG");
/// ```
pub fn png(width: u32, height: u32, pixels: &[Pixel]) -> Vec<u8> {
    let mut file = SIGNATURE.to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let is_opaque = pixels.len() == width as usize * height as usize && pixels.iter().all(|pixel| pixel[3] == 255);
    let (colours, channels) = if is_opaque { (2, 3) } else { (6, 4) };
    // Eight bits for each of the channels; the only methods there are; no interlacing.
    header.extend([8, colours, 0, 0, 0]);
    chunk(&mut file, *b"IHDR", &header);
    let rows = filtered(width as usize, height as usize, channels, pixels);
    chunk(&mut file, *b"IDAT", &compressed(&rows));
    chunk(&mut file, *b"IEND", &[]);
    file
}

/// Returns an address that contains a picture in PNG, for `src` and `href`.
///
/// ```
/// let address = mosaic_message::picture::address(&[0x89, b'P', b'N', b'G']);
/// assert_eq!(address, "data:image/png;base64,iVBORw==");
/// ```
pub fn address(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64(png))
}

/// Returns a colour of the scale viridis, from 0, dark, to 1, bright. It is transparent if the number is none.
///
/// ```
/// use mosaic_message::picture::colour;
/// assert_eq!(colour(f64::NAN)[3], 0);
/// assert!(colour(0.0)[1] < colour(1.0)[1]);
/// ```
pub fn colour(share: f64) -> Pixel {
    // The polynomials of Matt Zucker, `shadertoy.com/view/WlfXRN`, in the public domain.
    #[rustfmt::skip]
    const CHANNELS: [[f64; 7]; 3] = [
        [0.277_727_33, 0.105_093_04, -0.330_861_83, -4.634_230_5, 6.228_269_9, 4.776_385, -5.435_455_9],
        [0.005_407_344_5, 1.404_613_5, 0.214_847_56, -5.799_101, 14.179_933, -13.745_145, 4.645_852_6],
        [0.334_099_8, 1.384_590_2, 0.095_095_163, -19.332_441, 56.690_553, -65.353_033, 26.312_435],
    ];
    if share.is_nan() {
        return [0; 4];
    }
    let share = share.clamp(0.0, 1.0);
    let [red, green, blue] = CHANNELS.map(|channel| {
        let value = channel.iter().rev().fold(0.0, |sum, factor| sum * share + factor);
        (value * 255.0).round() as u8
    });
    [red, green, blue, 255]
}

/// Returns a colour as HTML and SVG write it.
///
/// ```
/// assert_eq!(mosaic_message::picture::hexadecimal([255, 127, 0, 255]), "#ff7f00");
/// ```
pub fn hexadecimal([red, green, blue, _]: Pixel) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Returns the bytes of all rows, each behind the number of its filter. A pixel has its first `channels`.
fn filtered(width: usize, height: usize, channels: usize, pixels: &[Pixel]) -> Vec<u8> {
    const LEFT: u8 = 1;
    const UP: u8 = 2;
    let length = width * channels;
    let mut above = vec![0; length];
    let mut row = Vec::with_capacity(length);
    let mut bytes = Vec::with_capacity((length + 1) * height);
    for number in 0..height {
        let begin = (number * width).min(pixels.len());
        let end = ((number + 1) * width).min(pixels.len());
        row.clear();
        for pixel in &pixels[begin..end] {
            row.extend_from_slice(&pixel[..channels]);
        }
        row.resize(length, 0);
        // Magnified pictures repeat rows. A row that repeats nothing differs least from its left neighbours.
        if row == above {
            bytes.push(UP);
            bytes.resize(bytes.len() + length, 0);
            continue;
        }
        bytes.push(LEFT);
        for (at, byte) in row.iter().enumerate() {
            let left = at.checked_sub(channels).map_or(0, |left| row[left]);
            bytes.push(byte.wrapping_sub(left));
        }
        above.clone_from(&row);
    }
    bytes
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let begin = file.len();
    file.extend(kind);
    file.extend(data);
    let sum = checksum(&file[begin..]);
    file.extend(sum.to_be_bytes());
}

/// CRC-32, by bits: pictures are small.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        for digit in 0..4 {
            if digit > three.len() {
                text.push('=');
            } else {
                text.push(char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
            }
        }
    }
    text
}

/// Returns the picture of values as an element of HTML: a pixel for each value, magnified. The scale of colours goes from
/// the lowest to the highest finite value.
pub(crate) fn heat_map(rows: usize, columns: usize, values: &[f64], alternative: &str) -> String {
    const LONGEST_SIDE: usize = 160;
    let finite = || values.iter().copied().filter(|it| it.is_finite());
    let (low, high) = (finite().fold(f64::MAX, f64::min), finite().fold(f64::MIN, f64::max));
    let share = |value: f64| match high / 2.0 - low / 2.0 {
        _ if !value.is_finite() => f64::NAN,
        half if half > 0.0 => (value / 2.0 - low / 2.0) / half,
        _ => 0.5,
    };
    let times = (LONGEST_SIDE / rows.max(columns).max(1)).max(1);
    let (width, height) = (columns * times, rows * times);
    let mut pixels = Vec::with_capacity(width * height);
    for row in 0..height {
        pixels.extend((0..width).map(|column| colour(share(values[row / times * columns + column / times]))));
    }
    let mut html = String::new();
    let file = png(width as u32, height as u32, &pixels);
    let _ = write!(
        html,
        "<img alt=\"{}\" width=\"{width}\" height=\"{height}\" src=\"{}\">",
        crate::html::escape(alternative),
        address(&file)
    );
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_rfc_4648_has_them() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_checksum_is_that_of_png() {
        assert_eq!(checksum(b"IEND"), 0xae42_6082);
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn rows_are_filtered_so_that_a_decoder_restores_them() {
        let pixels: Vec<Pixel> = (0..6).map(|it| [it * 40, 7, 255 - it, 255]).collect();
        let rows = filtered(2, 4, 4, &[&pixels[..2], &pixels[..2], &pixels[2..]].concat());
        let mut above = [0_u8; 8];
        let mut restored = Vec::new();
        for row in rows.chunks(9) {
            let mut bytes = [0_u8; 8];
            for at in 0..8 {
                let left = if at < 4 { 0 } else { bytes[at - 4] };
                bytes[at] = row[1 + at].wrapping_add(if row[0] == 1 { left } else { above[at] });
            }
            above = bytes;
            restored.extend(bytes);
        }
        assert_eq!(
            restored,
            [&pixels[..2], &pixels[..2], &pixels[2..]].concat().as_flattened()
        );
        assert_eq!(filtered(1, 2, 4, &[]).len(), 10, "pixels that lack are transparent");
        assert_eq!(filtered(1, 1, 3, &[[1, 2, 3, 255]]), [1, 1, 2, 3]);
        assert_eq!([png(1, 1, &[[1, 2, 3, 255]])[25], png(1, 1, &[])[25]], [2, 6]);
    }

    #[test]
    fn colours_are_those_of_viridis() {
        for (share, expected) in [(0.0, [68, 1, 84]), (0.5, [33, 145, 140]), (1.0, [253, 231, 37])] {
            let pixel = colour(share);
            for (channel, expected) in pixel.iter().zip(expected) {
                assert!(channel.abs_diff(expected) < 8, "{share}: {pixel:?}");
            }
        }
        assert_eq!((colour(-1.0), colour(2.0)), (colour(0.0), colour(1.0)));
    }

    #[test]
    fn heat_maps_of_any_values_have_a_picture() {
        for values in [[1.0; 4], [f64::NAN; 4], [f64::MIN, f64::MAX, f64::INFINITY, 0.0]] {
            assert!(heat_map(2, 2, &values, "<it>").contains("alt=\"&lt;it&gt;\" width=\"160\""));
        }
    }
}
