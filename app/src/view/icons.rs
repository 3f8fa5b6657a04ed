//! The window's signs, drawn as lines on a grid of 16 by 16: no font has to carry them, and they are sharp at every zoom.

use egui::{Color32, Painter, Pos2, Rect, Stroke, pos2};

/// A sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Icon {
    /// A plus: something new.
    Plus,
    /// Two links of a chain.
    Link,
    /// An arrow into a tray.
    Import,
    /// A window with a side panel.
    Library,
    /// An arrow out of a tray.
    Share,
    /// Three dots.
    More,
    /// A lens.
    Search,
    /// A cross.
    Close,
    /// A chevron up.
    Up,
    /// A chevron down.
    Down,
    /// A tick.
    Check,
    /// A triangle with an exclamation mark.
    Warning,
    /// A head and shoulders.
    Person,
    /// Three sliders.
    Settings,
    /// A box with a lid.
    Archive,
    /// Two sheets.
    Copy,
    /// The corners of a QR code.
    Code,
    /// A house on a network: this computer as a relay.
    Host,
    /// A clock: what was.
    History,
    /// A chevron to the left.
    Left,
    /// Two chevrons to the left.
    FarLeft,
    /// A chevron to the left that ends at a bar.
    First,
    /// A chevron to the right.
    Right,
    /// Two chevrons to the right.
    FarRight,
    /// A chevron to the right that ends at a bar.
    Last,
    /// A triangle that points to the right.
    Play,
    /// Two upright bars.
    Pause,
    /// A flag on its pole: a named version.
    Flag,
}

/// A stroke of a sign, in units of the grid.
enum Line {
    /// A polyline.
    Path(&'static [(f32, f32)]),
    /// A circle: middle and radius.
    Circle((f32, f32), f32),
    /// A dot: middle and radius.
    Dot((f32, f32), f32),
}

/// How many units a sign is wide and high.
const GRID: f32 = 16.0;

/// How thick its strokes are, in points at 16 points.
const STROKE: f32 = 1.35;

/// Paints a sign into the middle of `rect`, as large as fits.
pub fn paint(painter: &Painter, icon: Icon, rect: Rect, color: Color32) {
    let scale = rect.width().min(rect.height()) / GRID;
    let corner = rect.center() - egui::Vec2::splat(GRID / 2.0 * scale);
    let place = |(x, y): (f32, f32)| -> Pos2 { corner + egui::vec2(x, y) * scale };
    let stroke = Stroke::new(STROKE * scale, color);
    for line in strokes(icon) {
        match line {
            Line::Path(points) => {
                painter.line(points.iter().copied().map(place).collect(), stroke);
            }
            Line::Circle(middle, radius) => {
                painter.circle_stroke(place(*middle), radius * scale, stroke);
            }
            Line::Dot(middle, radius) => {
                painter.circle_filled(place(*middle), radius * scale, color);
            }
        }
    }
}

/// Paints a half disc with a ring around it.
pub fn paint_half_disc(painter: &Painter, middle: Pos2, radius: f32, color: Color32) {
    let steps = 12_u8;
    let points = (0..=steps).map(|step| {
        let angle = std::f32::consts::PI * (0.5 + f32::from(step) / f32::from(steps));
        pos2(middle.x + radius * angle.cos(), middle.y + radius * angle.sin())
    });
    painter.add(egui::Shape::convex_polygon(points.collect(), color, Stroke::NONE));
    painter.circle_stroke(middle, radius, Stroke::new(STROKE, color));
}

const LINK: &[Line] = &[
    Line::Path(&[(6.5, 4.5), (5.0, 4.5), (3.0, 5.5), (2.0, 8.0), (3.0, 10.5), (5.0, 11.5), (6.5, 11.5)]),
    Line::Path(&[(9.5, 4.5), (11.0, 4.5), (13.0, 5.5), (14.0, 8.0), (13.0, 10.5), (11.0, 11.5), (9.5, 11.5)]),
    Line::Path(&[(5.5, 8.0), (10.5, 8.0)]),
];
const CODE: &[Line] = &[
    Line::Path(&[(2.5, 2.5), (6.5, 2.5), (6.5, 6.5), (2.5, 6.5), (2.5, 1.85)]),
    Line::Path(&[(9.5, 2.5), (13.5, 2.5), (13.5, 6.5), (9.5, 6.5), (9.5, 1.85)]),
    Line::Path(&[(2.5, 9.5), (6.5, 9.5), (6.5, 13.5), (2.5, 13.5), (2.5, 8.85)]),
    Line::Path(&[(9.5, 9.5), (11.5, 9.5), (11.5, 11.5)]),
    Line::Path(&[(13.5, 11.0), (13.5, 13.5), (9.5, 13.5)]),
];
const HOST: &[Line] = &[
    Line::Path(&[(2.5, 3.0), (13.5, 3.0), (13.5, 10.0), (2.5, 10.0), (2.5, 2.35)]),
    Line::Path(&[(8.0, 10.0), (8.0, 13.0)]),
    Line::Path(&[(4.5, 13.2), (11.5, 13.2)]),
];
const LEFT: &[Line] = &[Line::Path(&[(10.0, 4.0), (6.0, 8.0), (10.0, 12.0)])];
const FAR_LEFT: &[Line] =
    &[Line::Path(&[(8.0, 4.0), (4.0, 8.0), (8.0, 12.0)]), Line::Path(&[(12.5, 4.0), (8.5, 8.0), (12.5, 12.0)])];
const FIRST: &[Line] = &[Line::Path(&[(4.0, 3.5), (4.0, 12.5)]), Line::Path(&[(11.5, 4.0), (7.5, 8.0), (11.5, 12.0)])];
const RIGHT: &[Line] = &[Line::Path(&[(6.0, 4.0), (10.0, 8.0), (6.0, 12.0)])];
const FAR_RIGHT: &[Line] =
    &[Line::Path(&[(3.5, 4.0), (7.5, 8.0), (3.5, 12.0)]), Line::Path(&[(8.0, 4.0), (12.0, 8.0), (8.0, 12.0)])];
const LAST: &[Line] = &[Line::Path(&[(12.0, 3.5), (12.0, 12.5)]), Line::Path(&[(4.5, 4.0), (8.5, 8.0), (4.5, 12.0)])];

const PAUSE: &[Line] = &[Line::Path(&[(5.5, 3.5), (5.5, 12.5)]), Line::Path(&[(10.5, 3.5), (10.5, 12.5)])];
const FLAG: &[Line] = &[Line::Path(&[(4.0, 14.0), (4.0, 2.5), (12.5, 2.5), (10.5, 5.5), (12.5, 8.5), (4.0, 8.5)])];

fn strokes(icon: Icon) -> &'static [Line] {
    use Line::{Circle, Dot, Path};
    match icon {
        Icon::Plus => &[Path(&[(8.0, 3.0), (8.0, 13.0)]), Path(&[(3.0, 8.0), (13.0, 8.0)])],
        Icon::Link => LINK,
        Icon::Import => &[
            Path(&[(8.0, 2.0), (8.0, 10.0)]),
            Path(&[(5.0, 7.2), (8.0, 10.2), (11.0, 7.2)]),
            Path(&[(2.5, 10.5), (2.5, 13.5), (13.5, 13.5), (13.5, 10.5)]),
        ],
        Icon::Library => &[
            Path(&[(2.5, 3.0), (13.5, 3.0), (13.5, 13.0), (2.5, 13.0), (2.5, 2.35)]),
            Path(&[(6.5, 3.0), (6.5, 13.0)]),
        ],
        Icon::Share => &[
            Path(&[(8.0, 10.0), (8.0, 2.0)]),
            Path(&[(5.0, 4.8), (8.0, 1.8), (11.0, 4.8)]),
            Path(&[(5.0, 7.0), (3.0, 7.0), (3.0, 13.5), (13.0, 13.5), (13.0, 7.0), (11.0, 7.0)]),
        ],
        Icon::More => &[Dot((3.5, 8.0), 1.25), Dot((8.0, 8.0), 1.25), Dot((12.5, 8.0), 1.25)],
        Icon::Search => &[Circle((7.0, 7.0), 4.5), Path(&[(10.3, 10.3), (14.0, 14.0)])],
        Icon::Close => &[Path(&[(4.0, 4.0), (12.0, 12.0)]), Path(&[(12.0, 4.0), (4.0, 12.0)])],
        Icon::Up => &[Path(&[(4.0, 10.0), (8.0, 6.0), (12.0, 10.0)])],
        Icon::Down => &[Path(&[(4.0, 6.0), (8.0, 10.0), (12.0, 6.0)])],
        Icon::Check => &[Path(&[(3.0, 8.5), (6.5, 12.0), (13.0, 4.5)])],
        Icon::Warning => &[
            Path(&[(8.0, 2.0), (14.5, 13.5), (1.5, 13.5), (8.0, 2.0), (8.5, 2.9)]),
            Path(&[(8.0, 6.3), (8.0, 9.7)]),
            Dot((8.0, 11.7), 0.9),
        ],
        Icon::Person => &[
            Circle((8.0, 5.0), 2.8),
            Path(&[(2.5, 14.0), (3.2, 11.6), (5.2, 10.0), (8.0, 9.5), (10.8, 10.0), (12.8, 11.6), (13.5, 14.0)]),
        ],
        Icon::Settings => &[
            Path(&[(2.0, 4.0), (8.3, 4.0)]),
            Circle((10.0, 4.0), 1.7),
            Path(&[(11.7, 4.0), (14.0, 4.0)]),
            Path(&[(2.0, 8.0), (3.8, 8.0)]),
            Circle((5.5, 8.0), 1.7),
            Path(&[(7.2, 8.0), (14.0, 8.0)]),
            Path(&[(2.0, 12.0), (8.3, 12.0)]),
            Circle((10.0, 12.0), 1.7),
            Path(&[(11.7, 12.0), (14.0, 12.0)]),
        ],
        Icon::Archive => &[
            Path(&[(2.0, 3.0), (14.0, 3.0), (14.0, 6.0), (2.0, 6.0), (2.0, 2.35)]),
            Path(&[(3.0, 6.0), (3.0, 13.0), (13.0, 13.0), (13.0, 6.0)]),
            Path(&[(6.5, 9.0), (9.5, 9.0)]),
        ],
        Icon::Copy => &[
            Path(&[(5.5, 5.5), (13.5, 5.5), (13.5, 13.5), (5.5, 13.5), (5.5, 4.85)]),
            Path(&[(3.5, 10.5), (2.5, 10.5), (2.5, 2.5), (10.5, 2.5), (10.5, 3.5)]),
        ],
        Icon::Code => CODE,
        Icon::Host => HOST,
        Icon::History => &[Circle((8.0, 8.0), 6.0), Path(&[(8.0, 4.5), (8.0, 8.2), (10.6, 9.8)])],
        Icon::Left => LEFT,
        Icon::FarLeft => FAR_LEFT,
        Icon::First => FIRST,
        Icon::Right => RIGHT,
        Icon::FarRight => FAR_RIGHT,
        Icon::Last => LAST,
        Icon::Play => &[Path(&[(5.0, 3.5), (12.5, 8.0), (5.0, 12.5), (5.0, 3.0)])],
        Icon::Pause => PAUSE,
        Icon::Flag => FLAG,
    }
}
