//! Draws a chart as SVG: one line a contestant over the lengths of streams, or one bar each; both axes of lines are logarithmic.

use std::fmt::Write;

use crate::contestant::Contestant;
use crate::findings::LENGTHS;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 44.0;

/// One line: a value for each length, where there is one.
pub struct Line {
    /// Whose.
    pub contestant: Contestant,
    /// Dashed lines are of the other transport.
    pub dashed: bool,
    /// In the order of the lengths.
    pub values: [Option<f64>; 4],
}

/// The contestant's colour: told apart by those who do not see red or green, too.
fn colour(contestant: Contestant) -> &'static str {
    match contestant {
        Contestant::Annals => "#0072b2",
        Contestant::AnnalsBusy => "#56b4e9",
        Contestant::Cqrs => "#d55e00",
        Contestant::CqrsSnapshots => "#e69f00",
        Contestant::Adapter => "#009e73",
        Contestant::Castore => "#cc79a7",
    }
}

fn begin(title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>{title}</title>\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{title}</text>\n"
    )
}

/// Lines over the lengths of streams.
pub fn lines(title: &str, unit: &str, lines: &[Line]) -> String {
    let values = || lines.iter().flat_map(|line| line.values.into_iter().flatten()).filter(|value| *value > 0.0);
    let low = values().fold(f64::INFINITY, f64::min).log10().floor();
    let high = values().fold(0.0f64, f64::max).log10().ceil().max(low + 1.0);
    let x = |place: usize| LEFT + (WIDTH - LEFT - RIGHT) * place as f64 / (LENGTHS.len() - 1) as f64;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value.log10() - low) / (high - low);
    let mut svg = begin(title);
    for power in low as i32..=high as i32 {
        let (value, at) = (10f64.powi(power), y(10f64.powi(power)));
        let _ = writeln!(svg, "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>", WIDTH - RIGHT);
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>", LEFT - 6.0, at + 4.0);
    }
    for (place, length) in LENGTHS.iter().enumerate() {
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{length}</text>", x(place), HEIGHT - BOTTOM + 18.0);
    }
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    let _ = writeln!(
        svg,
        "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">events in the stream; {unit}, logarithmic</text>",
        HEIGHT - 8.0
    );
    for (number, line) in lines.iter().enumerate() {
        let (colour, dash) = (colour(line.contestant), if line.dashed { " stroke-dasharray=\"6 4\"" } else { "" });
        let points: Vec<(f64, f64)> =
            line.values.iter().enumerate().filter_map(|(place, value)| Some((x(place), y((*value)?.max(10f64.powf(low)))))).collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>", path.join(" "));
        for (x, y) in points {
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let at = TOP + 18.0 * number as f64;
        let key = WIDTH - RIGHT + 14.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{key}\" y1=\"{at}\" x2=\"{}\" y2=\"{at}\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            key + 22.0
        );
        let name = line.contestant.name();
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{name}</text>", key + 28.0, at + 4.0);
    }
    svg + "</svg>\n"
}

/// Bars, each with its value at its end.
pub fn bars(title: &str, values: &[(String, Contestant, f64)]) -> String {
    let most = values.iter().map(|(.., value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let (left, step) = (230.0, (HEIGHT - TOP - 14.0) / values.len().max(1) as f64);
    let mut svg = begin(title);
    for (number, (name, contestant, value)) in values.iter().enumerate() {
        let (at, width) = (TOP + step * number as f64, (WIDTH - left - 70.0) * value / most);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>", left - 8.0, at + step / 2.0 + 4.0);
        let colour = colour(*contestant);
        let _ =
            writeln!(svg, "<rect x=\"{left}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>", at + 2.0, step - 4.0);
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{value:.2}</text>", left + width + 6.0, at + step / 2.0 + 4.0);
    }
    svg + "</svg>\n"
}
