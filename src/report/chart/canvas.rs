//! A few strokes over the SVG backend of plotters: whole pixels, words, hatches, dashes.
//!
//! In: places in pixels. Out: an SVG text with title and description. Refuses to know what is plotted.

use crate::report::text::{brief, html};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A place in pixels.
pub type Place = (i32, i32);

/// The paper.
pub const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// Near black, for words and axes.
pub const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
/// For lesser words.
pub const MUTED: RGBColor = RGBColor(0x57, 0x60, 0x6a);
/// For the grid.
pub const GRID: RGBColor = RGBColor(0xe3, 0xe6, 0xea);
/// For lanes and bars that carry marks.
pub const LANE: RGBColor = RGBColor(0xd6, 0xdf, 0xe8);
/// For objectives and failures.
pub const LIMIT: RGBColor = RGBColor(0x9a, 0x3b, 0x00);
/// For what is as it should be.
pub const GOOD: RGBColor = RGBColor(0x00, 0x66, 0x4b);
/// For reads, and all that is of the first kind.
pub const FIRST: RGBColor = RGBColor(0x1f, 0x6f, 0xb2);
/// For writes, and all that is of the second kind.
pub const SECOND: RGBColor = RGBColor(0x6b, 0x3f, 0xa0);
/// For the hatch of faults.
pub const FAULT: RGBColor = RGBColor(0xb0, 0x9c, 0x78);
/// For the ground of faults.
pub const FAULT_WASH: RGBColor = RGBColor(0xf6, 0xf1, 0xe7);
/// For the ground of what is wrong.
pub const LIMIT_WASH: RGBColor = RGBColor(0xfb, 0xea, 0xdd);
/// Words on dark bars; not the paper, which turns dark in the dark.
pub const ON_DARK: RGBColor = RGBColor(0xfe, 0xfe, 0xfe);
/// Dark bars.
pub const DEEP: RGBColor = RGBColor(0x1f, 0x3a, 0x5f);
/// Bars of a middle tone, under dark words.
pub const MIDDLE: RGBColor = RGBColor(0x9d, 0xb8, 0xd6);
/// Bars of a warm tone, under dark words.
pub const WARM: RGBColor = RGBColor(0xe6, 0xd3, 0xa8);
/// Bars that are nearly white, under dark words.
pub const PALE: RGBColor = RGBColor(0xf3, 0xf5, 0xf7);

/// What each colour becomes in the dark; what is not listed stays. Words keep a contrast of 4.5 to every ground that they may stand on.
pub const DARK: [(RGBColor, &str); 16] = [
    (PAPER, "#14171A"),
    (INK, "#E7EAED"),
    (MUTED, "#A3ACB5"),
    (GRID, "#2C3238"),
    (LANE, "#37424D"),
    (LIMIT, "#FF9D66"),
    (GOOD, "#5CD0AB"),
    (FIRST, "#79C2F2"),
    (SECOND, "#C3A6F0"),
    (FAULT, "#6B6250"),
    (FAULT_WASH, "#221F19"),
    (LIMIT_WASH, "#3A2415"),
    (DEEP, "#2F5C94"),
    (MIDDLE, "#2A4765"),
    (WARM, "#4D4128"),
    (PALE, "#23282D"),
];

/// The width of all plots: small enough to be read on a page of paper, and on a phone.
pub const WIDTH: i32 = 640;
/// The size of words.
pub const TEXT: i32 = 14;
/// The size of words that must not grow where a plot is shown very small.
pub const FIXED_TEXT: i32 = 13;
/// The size that words take where a plot is shown very small; room is kept for it.
const NARROW_TEXT: i32 = 17;

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
        let (x, y) = at;
        let arms = vec![(x - size, y - size), (x + size, y + size), at, (x - size, y + size), (x + size, y - size)];
        let _ = self.area.draw(&PathElement::new(arms, color.stroke_width(2)));
    }

    /// An empty diamond.
    pub fn diamond(&self, at: Place, size: i32, color: RGBColor) {
        let (x, y) = at;
        let points = vec![(x, y - size), (x + size, y), (x, y + size), (x - size, y), (x, y - size)];
        let _ = self.area.draw(&PathElement::new(points, color.stroke_width(2)));
    }

    /// A line through places.
    pub fn path(&self, places: Vec<Place>, color: RGBColor, width: u32) {
        if places.len() > 1 {
            let _ = self.area.draw(&PathElement::new(places, color.stroke_width(width)));
        }
    }

    /// A filled shape.
    pub fn shape(&self, places: Vec<Place>, color: impl Into<RGBAColor>) {
        let color: RGBAColor = color.into();
        let _ = self.area.draw(&Polygon::new(places, color.filled()));
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

/// The room to keep for a text of the common size, also where it is shown very small.
#[must_use]
pub fn room(text: &str) -> i32 {
    width(text, NARROW_TEXT)
}

/// As much of a text as fits into so many pixels, also where it is shown very small.
#[must_use]
pub fn fit(text: &str, pixels: i32) -> String {
    brief(text, usize::try_from(pixels * 100 / (NARROW_TEXT * 55)).unwrap_or(1).max(2))
}

/// Draws on a sheet of some size, and gives it title and description.
pub fn draw(size: (u32, u32), title: &str, desc: &str, strokes: impl FnOnce(&Canvas<'_>)) -> String {
    let mut svg = String::new();
    {
        let canvas = Canvas { area: SVGBackend::with_string(&mut svg, size).into_drawing_area() };
        let _ = canvas.area.fill(&PAPER);
        strokes(&canvas);
        let _ = canvas.area.present();
    }
    finish(&svg, title, desc)
}

/// Adds role, title, description and the style for the dark and for small screens, rounds the font sizes that plotters divides, and leaves out what says
/// nothing.
fn finish(svg: &str, title: &str, desc: &str) -> String {
    let (open, rest) = svg.split_once(">\n").unwrap_or(("<svg xmlns=\"http://www.w3.org/2000/svg\"", "</svg>\n"));
    let mut out = format!(
        "{open} role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n<style>\n{}</style>\n",
        html(title),
        html(desc),
        style()
    );
    let mut parts = rest.split("font-size=\"");
    out.push_str(&tight(parts.next().unwrap_or_default()));
    for part in parts {
        let (size, tail) = part.split_once('"').unwrap_or((part, ""));
        let whole = size.parse::<f64>().map_or_else(|_| size.to_string(), |s| format!("{s:.0}"));
        out.push_str(&format!("font-size=\"{whole}\"{}", tight(tail)));
    }
    joined(&out)
}

/// With lines of one colour and width that follow one another joined into one path: hatching and crosses are thousands of them.
fn joined(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    let mut open: Option<&str> = None;
    for line in svg.split_inclusive('\n') {
        let stroke = stroke(line);
        let style = stroke.map(|s| s.0);
        if open.is_some() && open != style {
            out.push_str("\"/>\n");
        }
        match stroke {
            Some((style, points)) => {
                if open != Some(style) {
                    out.push_str(&format!("<path {style} d=\""));
                }
                out.push('M');
                out.push_str(&points.replace(' ', "L"));
            }
            None => out.push_str(line),
        }
        open = style;
    }
    out
}

/// The attributes and the points of a line of SVG that draws strokes alone.
fn stroke(line: &str) -> Option<(&str, &str)> {
    let (style, points) = line.strip_prefix("<polyline ")?.strip_suffix("\"/>\n")?.split_once(" points=\"")?;
    (style.starts_with("fill=\"none\"") && !style.contains("opacity")).then_some((style, points))
}

/// Without attributes that say what holds anyway. A quotation mark stands in markup only.
fn tight(svg: &str) -> String {
    svg.replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", "").replace(" \"/>", "\"/>").replace(" stroke-width=\"1\"", "")
}

/// Colours are attributes, which a style outranks: so the dark needs no second picture.
fn style() -> String {
    let mut dark = String::new();
    for (RGBColor(r, g, b), to) in DARK {
        let from = format!("#{r:02X}{g:02X}{b:02X}");
        dark.push_str(&format!("[fill=\"{from}\"]{{fill:{to}}}[stroke=\"{from}\"]{{stroke:{to}}}\n"));
    }
    format!(
        "text{{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Liberation Sans\",Arial,sans-serif;font-variant-numeric:tabular-nums}}\n\
         @media (max-width:480px){{text[font-size=\"{TEXT}\"]{{font-size:{NARROW_TEXT}px}}}}\n@media (prefers-color-scheme:dark){{\n{dark}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
        let part = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
    }

    fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn light(RGBColor(r, g, b): RGBColor) -> (u8, u8, u8) {
        (r, g, b)
    }

    fn dark(color: RGBColor) -> (u8, u8, u8) {
        let Some((_, hex)) = DARK.iter().find(|d| d.0 == color) else { return light(color) };
        let part = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
        (part(1), part(3), part(5))
    }

    #[test]
    fn words_and_marks_stand_out_in_light_and_dark() {
        for see in [light, dark] {
            for ground in [PAPER, FAULT_WASH, LIMIT_WASH, PALE] {
                for word in [INK, MUTED, LIMIT, GOOD] {
                    let seen = contrast(see(word), see(ground));
                    assert!(seen >= 4.5, "{word:?} on {ground:?}: {seen}");
                }
                for mark in [FIRST, SECOND] {
                    assert!(contrast(see(mark), see(ground)) >= 3.0, "{mark:?} on {ground:?}");
                }
            }
            for bar in [MIDDLE, WARM, PALE, LANE] {
                assert!(contrast(see(INK), see(bar)) >= 4.5, "words on {bar:?}");
            }
            assert!(contrast(see(ON_DARK), see(DEEP)) >= 4.5);
        }
    }

    #[test]
    fn lines_of_one_look_are_one_path() {
        let line = |colour: &str, points: &str| format!("<polyline fill=\"none\" stroke=\"{colour}\" points=\"{points}\"/>\n");
        let svg =
            [line("#1", "1,2 3,4"), line("#1", "5,6 7,8 9,9"), line("#2", "0,0 1,1"), "<a/>\n".into(), line("#2", "2,2 3,3")]
                .concat();
        let path = |colour: &str, d: &str| format!("<path fill=\"none\" stroke=\"{colour}\" d=\"{d}\"/>\n");
        let paths = [path("#1", "M1,2L3,4M5,6L7,8L9,9"), path("#2", "M0,0L1,1"), "<a/>\n".into(), path("#2", "M2,2L3,3")];
        assert_eq!(joined(&format!("{svg}</svg>\n")), paths.concat() + "</svg>\n");
    }

    #[test]
    fn hostile_words_stay_words() {
        let svg = draw((100, 100), "<script>", "a\"b", |canvas| {
            canvas.text((5, 5), "</text><script>alert(1)</script> opacity=\"1\"", 14, Tie::Start, INK);
        });
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
        assert!(svg.contains("opacity=&quot;1&quot;"), "{svg}");
    }
}
