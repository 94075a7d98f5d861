//! Figures of simple shapes, written as SVG or PNG.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use font8x8::UnicodeFonts;
use tiny_skia::{
    Color, FillRule, FilterQuality, LineJoin, Paint, PathBuilder, Pixmap, PixmapPaint, Rect, Stroke,
    Transform,
};

use super::escaped;
use crate::{Error, Result};

/// Red, green, blue, opacity.
pub type Colour = [u8; 4];

/// A figure in pixels; the origin is the upper left corner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    width: f32,
    height: f32,
    title: String,
    shapes: Vec<Shape>,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Rectangle { at: [f32; 4], fill: Colour },
    Line { points: Vec<(f32, f32)>, colour: Colour, width: f32 },
    Area { points: Vec<(f32, f32)>, fill: Colour },
    Text { at: (f32, f32), text: String, anchor: Anchor, upwards: bool, size: f32, colour: Colour },
    Cells { at: [f32; 4], columns: usize, colours: Vec<Colour> },
}

/// Which part of a text is at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// Width in pixels of a letter in PNGs, at size 12.
const LETTER: f32 = 7.0;
const TEXT_SIZE: f32 = 12.0;
/// PNG pixels per figure pixel, in each dimension.
const DENSITY: f32 = 2.0;
/// Maximum width and height of a PNG.
const MAX_PIXELS: f32 = 16_384.0;

impl Figure {
    /// An empty figure.
    pub fn new(title: &str, width: f32, height: f32) -> Self {
        Self { width, height, title: title.to_owned(), shapes: vec![] }
    }

    /// A filled rectangle: left, top, width, height.
    pub fn rectangle(&mut self, at: [f32; 4], fill: Colour) {
        self.shapes.push(Shape::Rectangle { at, fill });
    }

    /// A line through points.
    pub fn line(&mut self, points: Vec<(f32, f32)>, colour: Colour, width: f32) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, colour, width });
        }
    }

    /// A filled area.
    pub fn area(&mut self, points: Vec<(f32, f32)>, fill: Colour) {
        if points.len() > 2 {
            self.shapes.push(Shape::Area { points, fill });
        }
    }

    /// A text whose baseline starts, is centred or ends at a position.
    pub fn text(&mut self, at: (f32, f32), text: impl Into<String>, anchor: Anchor, colour: Colour) {
        let (text, upwards) = (text.into(), false);
        self.shapes.push(Shape::Text { at, text, anchor, upwards, size: TEXT_SIZE, colour });
    }

    /// A text rotated by 90 degrees, read upwards.
    pub fn text_upwards(&mut self, at: (f32, f32), text: impl Into<String>, colour: Colour) {
        let (text, anchor) = (text.into(), Anchor::Start);
        self.shapes.push(Shape::Text { at, text, anchor, upwards: true, size: TEXT_SIZE, colour });
    }

    /// A rectangle (left, top, width, height) of equal cells, row after row.
    pub fn cells(&mut self, at: [f32; 4], columns: usize, colours: Vec<Colour>) {
        if columns > 0 && colours.len() >= columns {
            self.shapes.push(Shape::Cells { at, columns, colours });
        }
    }

    /// As SVG, without a background.
    pub fn svg(&self) -> String {
        let (width, height) = (self.width, self.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"{TEXT_SIZE}\">\n<title>{}</title>\n",
            escaped(&self.title)
        );
        for shape in &self.shapes {
            // Writing to a string cannot fail.
            let _ = write_shape(&mut svg, shape);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// As PNG on white, at twice the size.
    ///
    /// # Errors
    /// [`Error::Input`] for a figure that is too large.
    pub fn png(&self) -> Result<Vec<u8>> {
        let size = [self.width, self.height].map(|x| (x * DENSITY).ceil());
        let too_large =
            || Error::malformed("figure", "is too large for a PNG", "choose fewer time steps, or SVG");
        if size.iter().any(|&x| x > MAX_PIXELS) {
            return Err(too_large());
        }
        let mut image = Pixmap::new(size[0] as u32, size[1] as u32).ok_or_else(too_large)?;
        image.fill(Color::WHITE);
        self.shapes.iter().for_each(|shape| draw(&mut image, shape));
        let mut png = vec![];
        let mut encoder = png::Encoder::new(&mut png, image.width(), image.height());
        encoder.set_color(png::ColorType::Rgba);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(image.data()));
        written.map_err(|error| {
            let found = format!("cannot be written as PNG ({error})");
            Error::malformed("figure", found, "choose SVG")
        })?;
        Ok(png)
    }
}

fn write_shape(svg: &mut String, shape: &Shape) -> std::fmt::Result {
    match shape {
        Shape::Rectangle { at: [x, y, width, height], fill } => writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" {}/>",
            paint("fill", *fill)
        ),
        Shape::Line { points, colour, width } => writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke-width=\"{width}\" stroke-linejoin=\"round\" {}/>",
            listed(points),
            paint("stroke", *colour)
        ),
        Shape::Area { points, fill } => {
            writeln!(svg, "<polygon points=\"{}\" {}/>", listed(points), paint("fill", *fill))
        }
        Shape::Text { at: (x, y), text, anchor, upwards, size, colour } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            let turn =
                if *upwards { format!(" transform=\"rotate(-90 {x:.1} {y:.1})\"") } else { String::new() };
            let size = if *size == TEXT_SIZE { String::new() } else { format!(" font-size=\"{size}\"") };
            writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{turn}{size} {}>{}</text>",
                paint("fill", *colour),
                escaped(text)
            )
        }
        Shape::Cells { at: [x, y, width, height], columns, colours } => {
            let png = BASE64_STANDARD
                .encode(pixels(*columns, colours).and_then(|image| encoded(&image)).unwrap_or_default());
            writeln!(
                svg,
                "<image x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" preserveAspectRatio=\"none\" \
                 image-rendering=\"pixelated\" href=\"data:image/png;base64,{png}\"/>"
            )
        }
    }
}

fn listed(points: &[(f32, f32)]) -> String {
    points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

fn paint(what: &str, [red, green, blue, cover]: Colour) -> String {
    let opacity = match cover {
        255 => String::new(),
        _ => format!(" {what}-opacity=\"{:.2}\"", f32::from(cover) / 255.0),
    };
    format!("{what}=\"#{red:02x}{green:02x}{blue:02x}\"{opacity}")
}

fn draw(image: &mut Pixmap, shape: &Shape) {
    let scale = Transform::from_scale(DENSITY, DENSITY);
    let paint = |[red, green, blue, cover]: Colour| {
        let mut paint = Paint::default();
        paint.set_color_rgba8(red, green, blue, cover);
        paint
    };
    let path = |points: &[(f32, f32)], closed: bool| {
        let mut path = PathBuilder::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        if closed {
            path.close();
        }
        path.finish()
    };
    match shape {
        Shape::Rectangle { at: [x, y, width, height], fill } => {
            if let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) {
                image.fill_rect(rect, &paint(*fill), scale, None);
            }
        }
        Shape::Line { points, colour, width } => {
            if let Some(path) = path(points, false) {
                let stroke = Stroke { width: *width, line_join: LineJoin::Round, ..Stroke::default() };
                image.stroke_path(&path, &paint(*colour), &stroke, scale, None);
            }
        }
        Shape::Area { points, fill } => {
            if let Some(path) = path(points, true) {
                image.fill_path(&path, &paint(*fill), FillRule::Winding, scale, None);
            }
        }
        Shape::Text { at, text, anchor, upwards, size, colour } => {
            let letter = LETTER * size / TEXT_SIZE;
            let length = letter * text.chars().count() as f32;
            let back = match anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => length / 2.0,
                Anchor::End => length,
            };
            let turn = if *upwards { -90.0 } else { 0.0 };
            let place = scale.pre_translate(at.0, at.1).pre_rotate(turn).pre_translate(-back, -letter);
            for (i, c) in text.chars().enumerate() {
                let place = place.pre_translate(i as f32 * letter, 0.0).pre_scale(letter / 8.0, letter / 8.0);
                let (c, place) = match raised(c) {
                    // Superscript.
                    Some(c) => (c, place.pre_translate(0.0, -2.0).pre_scale(0.75, 0.75)),
                    None => (c, place),
                };
                draw_letter(image, c, place, &paint(*colour));
            }
        }
        Shape::Cells { at: [x, y, width, height], columns, colours } => {
            let Some(cells) = pixels(*columns, colours) else { return };
            let size = (width / cells.width() as f32, height / cells.height() as f32);
            let paint = PixmapPaint { quality: FilterQuality::Nearest, ..PixmapPaint::default() };
            let place = scale.pre_translate(*x, *y).pre_scale(size.0, size.1);
            image.draw_pixmap(0, 0, cells.as_ref(), &paint, place, None);
        }
    }
}

/// The plain character of a superscript one.
fn raised(c: char) -> Option<char> {
    const RAISED: [char; 11] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹', '⁻'];
    const PLAIN: [char; 11] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-'];
    RAISED.iter().position(|&raised| raised == c).map(|place| PLAIN[place])
}

/// A letter of 8 by 8 squares; an empty box if the font has none.
fn draw_letter(image: &mut Pixmap, c: char, place: Transform, paint: &Paint<'_>) {
    let fonts = [
        font8x8::BASIC_FONTS.get(c),
        font8x8::LATIN_FONTS.get(c),
        font8x8::GREEK_FONTS.get(c),
        font8x8::MISC_FONTS.get(c),
        font8x8::BOX_FONTS.get(c),
        font8x8::HIRAGANA_FONTS.get(c),
    ];
    let minus = matches!(c, '\u{2212}' | '\u{2014}').then(|| font8x8::BASIC_FONTS.get('-')).flatten();
    let rows = fonts.into_iter().flatten().next().or(minus);
    let rows = rows.unwrap_or([0, 0x7e, 0x42, 0x42, 0x42, 0x42, 0x7e, 0]);
    for (y, row) in (0_u8..).zip(rows) {
        for x in (0_u8..8).filter(|x| row >> x & 1 == 1) {
            if let Some(square) = Rect::from_xywh(x.into(), y.into(), 1.0, 1.0) {
                image.fill_rect(square, paint, place, None);
            }
        }
    }
}

/// One pixel per cell.
fn pixels(columns: usize, colours: &[Colour]) -> Option<Pixmap> {
    let mut image = Pixmap::new(columns as u32, (colours.len() / columns) as u32)?;
    for (pixel, &[red, green, blue, cover]) in image.pixels_mut().iter_mut().zip(colours) {
        *pixel = tiny_skia::ColorU8::from_rgba(red, green, blue, cover).premultiply();
    }
    Some(image)
}

/// As PNG with transparency.
fn encoded(image: &Pixmap) -> Option<Vec<u8>> {
    let data: Vec<u8> = (image.pixels().iter())
        .map(|pixel| pixel.demultiply())
        .flat_map(|c| [c.red(), c.green(), c.blue(), c.alpha()])
        .collect();
    let mut png = vec![];
    let mut encoder = png::Encoder::new(&mut png, image.width(), image.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().ok()?.write_image_data(&data).ok()?;
    Some(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure() -> Figure {
        let mut figure = Figure::new("a <title>", 60.0, 40.0);
        figure.rectangle([0.0, 0.0, 10.0, 10.0], [255, 0, 0, 255]);
        figure.line(vec![(0.0, 20.0), (60.0, 20.0)], [0, 0, 255, 255], 2.0);
        figure.area(vec![(40.0, 0.0), (60.0, 0.0), (60.0, 10.0)], [0, 128, 0, 128]);
        figure.text((2.0, 38.0), "x & \u{4e2d}", Anchor::Start, [0, 0, 0, 255]);
        figure.text_upwards((58.0, 38.0), "up", [0, 0, 0, 255]);
        figure.cells([20.0, 0.0, 16.0, 8.0], 2, vec![[1, 2, 3, 255], [4, 5, 6, 255]]);
        figure
    }

    #[test]
    fn svg_is_escaped_and_has_every_shape() {
        let svg = figure().svg();
        for part in [
            "a &lt;title&gt;",
            "<rect",
            "<polyline",
            "<polygon",
            "x &amp; \u{4e2d}",
            "rotate(-90",
            "data:image/png;base64,",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }

    #[test]
    fn a_png_shows_the_shapes_where_they_are() {
        let png = figure().png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut data).unwrap();
        assert_eq!((info.width, info.height), (120, 80));
        let at = |x: usize, y: usize| &data[(y * 120 + x) * 4..][..3];
        assert_eq!(
            (at(5, 5), at(60, 40), at(100, 60)),
            (&[255, 0, 0][..], &[0, 0, 255][..], &[255, 255, 255][..])
        );
        assert_eq!((at(44, 8), at(68, 8)), (&[1, 2, 3][..], &[4, 5, 6][..]));
        assert!((62..76).any(|y| (0..40).any(|x| at(x, y)[0] < 100)), "the text");
    }

    #[test]
    fn a_figure_too_large_for_a_png_is_refused() {
        assert!(Figure::new("", 1e6, 10.0).png().is_err() && Figure::new("", 0.0, 0.0).png().is_err());
    }
}
