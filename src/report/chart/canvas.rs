//! A few strokes over the SVG backend of plotters: whole pixels, words, hatches, dashes.
//!
//! In: places in pixels. Out: an SVG text with title and description. Refuses to know what is plotted.

use crate::report::text::html;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A place in pixels.
pub type Place = (i32, i32);

/// Near black, for words and axes.
pub const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
/// For lesser words.
pub const MUTED: RGBColor = RGBColor(0x57, 0x60, 0x6a);
/// For the grid.
pub const GRID: RGBColor = RGBColor(0xe3, 0xe6, 0xea);
/// For objectives and failures.
pub const LIMIT: RGBColor = RGBColor(0x9a, 0x3b, 0x00);

/// Where a text is tied to its place.
#[derive(Debug, Clone, Copy)]
pub enum Tie {
    /// The text begins there.
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// A white sheet to draw on. Strokes that the backend refuses are lost without harm: it writes to memory only.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Canvas<'_> {
    /// A line of some width.
    pub fn line(&self, a: Place, b: Place, color: RGBColor, width: u32) {
        let _ = self.area.draw(&PathElement::new(vec![a, b], color.stroke_width(width)));
    }

    /// A broken line.
    pub fn dashed(&self, a: Place, b: Place, color: RGBColor, width: u32) {
        let along = (b.0 - a.0).abs().max((b.1 - a.1).abs());
        let at = |i: i32| (a.0 + (b.0 - a.0) * i / along.max(1), a.1 + (b.1 - a.1) * i / along.max(1));
        let mut i = 0;
        while i < along {
            self.line(at(i), at((i + 6).min(along)), color, width);
            i += 10;
        }
    }

    /// A filled rectangle.
    pub fn fill(&self, a: Place, b: Place, color: impl Into<RGBAColor>) {
        let color: RGBAColor = color.into();
        let _ = self.area.draw(&Rectangle::new([a, b], color.filled()));
    }

    /// The border of a rectangle.
    pub fn frame(&self, a: Place, b: Place, color: RGBColor) {
        let _ = self.area.draw(&Rectangle::new([a, b], color.stroke_width(1)));
    }

    /// Slanting lines in a rectangle, `gap` pixels apart; `back` slants them the other way.
    pub fn hatch(&self, a: Place, b: Place, gap: i32, back: bool, color: RGBColor) {
        let (width, height) = (b.0 - a.0, b.1 - a.1);
        let mut offset = gap;
        while offset < width + height {
            let low = (offset.min(width), offset - offset.min(width));
            let high = (offset - offset.min(height), offset.min(height));
            let turn = |p: Place| if back { (b.0 - p.0, a.1 + p.1) } else { (a.0 + p.0, a.1 + p.1) };
            self.line(turn(low), turn(high), color, 1);
            offset += gap;
        }
    }

    /// A disc.
    pub fn dot(&self, at: Place, radius: i32, color: RGBColor) {
        let _ = self.area.draw(&Circle::new(at, radius, color.filled()));
    }

    /// A filled triangle.
    pub fn triangle(&self, at: Place, size: i32, color: RGBColor) {
        let points = vec![(at.0, at.1 - size), (at.0 + size, at.1 + size), (at.0 - size, at.1 + size)];
        let _ = self.area.draw(&Polygon::new(points, color.filled()));
    }

    /// A cross.
    pub fn cross(&self, at: Place, size: i32, color: RGBColor) {
        self.line((at.0 - size, at.1 - size), (at.0 + size, at.1 + size), color, 2);
        self.line((at.0 - size, at.1 + size), (at.0 + size, at.1 - size), color, 2);
    }

    /// An empty diamond.
    pub fn diamond(&self, at: Place, size: i32, color: RGBColor) {
        let points =
            vec![(at.0, at.1 - size), (at.0 + size, at.1), (at.0, at.1 + size), (at.0 - size, at.1), (at.0, at.1 - size)];
        let _ = self.area.draw(&Polygon::new(points.clone(), WHITE.filled()));
        let _ = self.area.draw(&PathElement::new(points, color.stroke_width(2)));
    }

    /// Words, centred on their height.
    pub fn text(&self, at: Place, text: &str, size: i32, tie: Tie, color: RGBColor) {
        self.words(at, text, size, tie, color, FontTransform::None);
    }

    /// Words that run upwards.
    pub fn upright(&self, at: Place, text: &str, size: i32, color: RGBColor) {
        self.words(at, text, size, Tie::Middle, color, FontTransform::Rotate270);
    }

    fn words(&self, at: Place, text: &str, size: i32, tie: Tie, color: RGBColor, turn: FontTransform) {
        let h = match tie {
            Tie::Start => HPos::Left,
            Tie::Middle => HPos::Center,
            Tie::End => HPos::Right,
        };
        let font = ("sans-serif", f64::from(size) * 1.24).into_font().transform(turn);
        let style = font.color(&color).pos(Pos::new(h, VPos::Center));
        let _ = self.area.draw_text(text, &style, at);
    }
}

/// About how wide a text is.
#[must_use]
pub fn width(text: &str, size: i32) -> i32 {
    i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 100).saturating_mul(size) * 55 / 100
}

/// Draws on a sheet of some size, and gives it title and description.
pub fn draw(size: (u32, u32), title: &str, desc: &str, strokes: impl FnOnce(&Canvas<'_>)) -> String {
    let mut svg = String::new();
    {
        let canvas = Canvas { area: SVGBackend::with_string(&mut svg, size).into_drawing_area() };
        let _ = canvas.area.fill(&WHITE);
        strokes(&canvas);
        let _ = canvas.area.present();
    }
    finish(&svg, title, desc)
}

/// Adds role, title and description, and rounds the font sizes that plotters divides.
fn finish(svg: &str, title: &str, desc: &str) -> String {
    let (open, rest) = svg.split_once(">\n").unwrap_or(("<svg xmlns=\"http://www.w3.org/2000/svg\"", "</svg>\n"));
    let mut out = format!(
        "{open} role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n",
        html(title),
        html(desc)
    );
    let mut parts = rest.split("font-size=\"");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (size, tail) = part.split_once('"').unwrap_or((part, ""));
        let whole = size.parse::<f64>().map_or_else(|_| size.to_string(), |s| format!("{s:.0}"));
        out.push_str(&format!("font-size=\"{whole}\"{tail}"));
    }
    out.replace(" opacity=\"1\"", "")
}
