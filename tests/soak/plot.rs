//! The pictures of a soak: memory, descriptors and the crowd's links over time, and below them what went wrong.

use std::time::Duration;

use crate::samples::{Sample, Series};
use crate::world::World;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 40.0;
const PANEL: f64 = 190.0;
const GAP: f64 = 44.0;
const ROW: f64 = 16.0;
const CROWD_COLOUR: &str = "#7f7f7f";
const COLOURS: [&str; 5] = ["#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b"];
const FAULT_COLOUR: &str = "#e08a3c";
const KINDS: [&str; 8] = ["cut", "loss", "delay", "narrow", "disk full", "editor killed", "relay killed", "crowd cut"];

/// One panel: where it stands, and up to where its axis goes.
struct Panel {
    top: f64,
    to: f64,
    length_ms: f64,
}

type Point = (f64, f64);

/// The picture, SVG.
pub(crate) fn svg(world: &World, length: Duration) -> String {
    let length_ms = length.as_secs_f64() * 1000.0;
    let panel = |number: u8, values: &[f64]| Panel {
        top: TOP + f64::from(number) * (PANEL + GAP),
        to: above(values.iter().copied().fold(1.0, f64::max)),
        length_ms,
    };
    let height = TOP + 3.0 * (PANEL + GAP) + ROW * 8.0 + 24.0;
    let mut svg = vec![format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    )];
    // What the crowd takes says nothing about the programs.
    let programs: Vec<&Series> = world.series.iter().filter(|series| series.is_judged()).collect();
    let memory: fn(&Sample) -> f64 = |sample| number(sample.memory_kib) / 1024.0;
    let descriptors: fn(&Sample) -> f64 = |sample| number(sample.descriptors);
    for (row, of, title) in [
        (0, memory, "resident memory, MiB: a line for each process; a new one begins after a kill"),
        (1, descriptors, "open descriptors"),
    ] {
        let all = programs.iter().flat_map(|series| series.samples.iter().map(of));
        let panel = panel(row, &all.collect::<Vec<_>>());
        panel.frame(&mut svg, title);
        panel.lives(&mut svg, &programs, of);
    }
    let points: Vec<Point> = world.crowd_states.iter().map(|state| (number(state.at_ms), number(state.live))).collect();
    let links = panel(2, &points.iter().map(|(_, live)| *live).collect::<Vec<_>>());
    links.frame(&mut svg, "live links of the crowd");
    links.line(&mut svg, &points, CROWD_COLOUR);
    faults(&mut svg, world, &panel(3, &[]));
    svg.push("</svg>\n".to_owned());
    svg.concat()
}

impl Panel {
    fn at(&self, (at_ms, value): Point) -> Point {
        (self.x(at_ms), self.top + PANEL * (1.0 - value / self.to))
    }

    fn x(&self, at_ms: f64) -> f64 {
        LEFT + (at_ms / self.length_ms).min(1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Lines at quarters of the axis and at tenths of the time.
    fn frame(&self, svg: &mut Vec<String>, title: &str) {
        label(svg, (LEFT, self.top - 10.0), "start", title);
        for quarter in 0..=4 {
            let value = self.to * f64::from(quarter) / 4.0;
            let y = self.at((0.0, value)).1;
            draw(svg, &[(LEFT, y), (WIDTH - RIGHT, y)], "#dddddd", 1.0);
            label(svg, (LEFT - 8.0, y + 4.0), "end", &format!("{value:.0}"));
        }
        for tenth in 0..=10 {
            let at_ms = self.length_ms * f64::from(tenth) / 10.0;
            let x = self.x(at_ms);
            draw(svg, &[(x, self.top), (x, self.top + PANEL)], "#eeeeee", 1.0);
            label(svg, (x, self.top + PANEL + 14.0), "middle", &format!("{:.1} min", at_ms / 60_000.0));
        }
    }

    /// A line for each life, and the name at the last one's end.
    fn lives(&self, svg: &mut Vec<String>, all: &[&Series], of: impl Fn(&Sample) -> f64) {
        let mut names: Vec<(f64, &str, &str)> = Vec::new();
        for (series, colour) in all.iter().zip(COLOURS) {
            for life in series.lives() {
                let points: Vec<Point> = life.iter().map(|sample| (number(sample.at_ms), of(sample))).collect();
                self.line(svg, &points, colour);
            }
            if let Some(last) = series.samples.last() {
                names.push((self.at((0.0, of(last))).1 + 4.0, &series.name, colour));
            }
        }
        // From the bottom up, so that none stands below the panel.
        names.sort_by(|one, other| other.0.total_cmp(&one.0));
        let mut below = f64::INFINITY;
        for (y, name, colour) in names {
            below = y.min(below - 13.0);
            label(svg, (WIDTH - RIGHT + 6.0, below), "start", &format!("<tspan fill=\"{colour}\">{name}</tspan>"));
        }
    }

    fn line(&self, svg: &mut Vec<String>, points: &[Point], colour: &str) {
        let places: Vec<Point> = points.iter().map(|point| self.at(*point)).collect();
        draw(svg, &places, colour, 1.5);
    }
}

/// The next round number that quarters are round of, too.
fn above(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0].map(|step| step * decade).into_iter().find(|step| *step >= value).unwrap_or(10.0 * decade)
}

/// A row for each kind of fault, with a bar for each time.
fn faults(svg: &mut Vec<String>, world: &World, panel: &Panel) {
    for (row, kind) in (0_u8..).zip(KINDS) {
        let y = panel.top + f64::from(row) * ROW;
        label(svg, (LEFT - 8.0, y + 4.0), "end", kind);
        for one in world.planned.iter().filter(|one| one.fault.kind() == kind) {
            let (from, to) = (panel.x(number(one.begins_ms)), panel.x(number(one.ends_ms)));
            draw(svg, &[(from, y), (to.max(from + 1.0), y)], FAULT_COLOUR, 8.0);
        }
    }
}

/// A number for a picture: nothing there is beyond 2³².
fn number(value: u64) -> f64 {
    u32::try_from(value).map_or(f64::from(u32::MAX), f64::from)
}

fn draw(svg: &mut Vec<String>, places: &[Point], colour: &str, width: f64) {
    let places: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let places = places.join(" ");
    svg.push(format!("<polyline points=\"{places}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>\n"));
}

fn label(svg: &mut Vec<String>, (x, y): Point, anchor: &str, text: &str) {
    svg.push(format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"));
}
