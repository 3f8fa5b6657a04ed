//! The cost of an edit in ever longer texts, drawn: both axes logarithmic.

use crate::OURS;
use crate::results::{Outcome, Results};
use crate::row::Row;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 52.0;
const COLOURS: [&str; 9] =
    ["#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"];

/// One library's line: length of the text, nanoseconds for an edit.
struct Line {
    library: &'static str,
    points: Vec<(f64, f64)>,
}

/// The picture, SVG. Without a measurement it has axes only.
pub fn growth(results: &Results) -> String {
    let lines = lines(results);
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let x = Axis::over(points().map(|(len, _)| len), 1e4, 1e6);
    let y = Axis::over(points().map(|(_, cost)| cost), 10.0, 1e3);
    let at = |(len, cost): (f64, f64)| {
        (LEFT + x.part(len) * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y.part(cost) * (HEIGHT - TOP - BOTTOM))
    };
    let mut svg = vec![format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    )];
    for len in x.decades() {
        let ((x, bottom), (_, top)) = (at((len, y.from)), at((len, y.to)));
        rule(&mut svg, (x, bottom), (x, top));
        label(&mut svg, (x, bottom + 18.0), "middle", &power(len));
    }
    for cost in y.decades() {
        let ((left, y), (right, _)) = (at((x.from, cost)), at((x.to, cost)));
        rule(&mut svg, (left, y), (right, y));
        label(&mut svg, (left - 8.0, y + 4.0), "end", &power(cost));
    }
    label(&mut svg, (LEFT, TOP - 16.0), "start", "nanoseconds of processor time for a random edit");
    label(
        &mut svg,
        ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0),
        "middle",
        "characters in the text, each typed at random",
    );
    let mut last_label = f64::NEG_INFINITY;
    let mut ordered: Vec<(&Line, &str)> = lines.iter().zip(COLOURS.iter().copied().cycle()).collect();
    ordered.sort_by(|(a, _), (b, _)| last_cost(b).total_cmp(&last_cost(a)));
    for (line, colour) in ordered {
        let places: Vec<(f64, f64)> = line.points.iter().map(|point| at(*point)).collect();
        draw(&mut svg, &places, colour, if line.library == OURS { 3.0 } else { 1.5 });
        if let Some((x, y)) = places.last() {
            last_label = (last_label + 14.0).max(y + 4.0);
            let text = format!("<tspan fill=\"{colour}\">{}</tspan>", line.library);
            label(&mut svg, (x + 10.0, last_label), "start", &text);
        }
    }
    svg.push("</svg>\n".to_owned());
    svg.concat()
}

fn lines(results: &Results) -> Vec<Line> {
    let traces = results.traces(Row::Growth);
    let libraries = results.libraries(Row::Growth).into_iter();
    let line = |library| {
        let point = |trace: &&str| {
            let cost = results.outcome(Row::Growth, trace, library).and_then(Outcome::figure)?;
            Some((trace.parse().ok()?, cost))
        };
        Line { library, points: traces.iter().filter_map(point).collect() }
    };
    libraries.map(line).filter(|line| !line.points.is_empty()).collect()
}

fn last_cost(line: &Line) -> f64 {
    line.points.last().map_or(0.0, |(_, cost)| *cost)
}

/// From one power of ten to another.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, least: f64, most: f64) -> Self {
        let (low, high) = (values.clone().fold(least, f64::min), values.fold(most, f64::max));
        Self { from: 10_f64.powf(low.log10().floor()), to: 10_f64.powf(high.log10().ceil()) }
    }

    fn part(&self, value: f64) -> f64 {
        (value / self.from).log10() / (self.to / self.from).log10()
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        std::iter::successors(Some(self.from), |value| Some(value * 10.0)).take_while(|value| *value < self.to * 1.5)
    }
}

fn power(value: f64) -> String {
    format!("10<tspan dy=\"-4\" font-size=\"9\">{:.0}</tspan>", value.log10())
}

fn rule(svg: &mut Vec<String>, from: (f64, f64), to: (f64, f64)) {
    draw(svg, &[from, to], "#dddddd", 1.0);
}

fn draw(svg: &mut Vec<String>, places: &[(f64, f64)], colour: &str, width: f64) {
    let places: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let places = places.join(" ");
    svg.push(format!("<polyline points=\"{places}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>\n"));
}

fn label(svg: &mut Vec<String>, (x, y): (f64, f64), anchor: &str, text: &str) {
    svg.push(format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"));
}
