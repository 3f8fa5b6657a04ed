//! A picture in black and white, and how much in it looks like the corner of a QR code.

use image::GrayImage;

/// The most places, counted in thousandths of the height of a module, that may look like the middle of a corner. A code has about ten
/// thousand.
const CORNERS_MAX: usize = 96_000;

/// The part of the mean of its surroundings below which a pixel is dark, in percent.
const DARK_BELOW_PERCENT: u64 = 90;

/// A picture in black and white.
#[derive(Clone, Debug)]
pub(super) struct Bitmap {
    width: usize,
    dark: Vec<bool>,
}

impl Bitmap {
    /// Dark is what is nearer to the darkest pixel than to the lightest.
    pub(super) fn by_middle(picture: &GrayImage) -> Self {
        let shades = picture.as_raw();
        let darkest = shades.iter().copied().min().unwrap_or_default();
        let lightest = shades.iter().copied().max().unwrap_or_default();
        let middle = darkest.midpoint(lightest);
        Self { width: picture.width() as usize, dark: shades.iter().map(|shade| *shade < middle).collect() }
    }

    /// Dark is what is darker than the square around it, an eighth of the picture wide.
    pub(super) fn by_surroundings(picture: &GrayImage) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let shades = picture.as_raw();
        // The sums of all above and to the left of a pixel, with a row and a column of nothing before them.
        let mut sums = vec![0_u64; (width + 1) * (height + 1)];
        let sum = |sums: &[u64], x: usize, y: usize| sums.get(y * (width + 1) + x).copied().unwrap_or_default();
        for (y, row) in shades.chunks(width.max(1)).enumerate() {
            let mut in_row = 0;
            for (x, shade) in row.iter().enumerate() {
                in_row += u64::from(*shade);
                let above = sum(&sums, x + 1, y);
                if let Some(place) = sums.get_mut((y + 1) * (width + 1) + x + 1) {
                    *place = above + in_row;
                }
            }
        }
        let reach = (width.max(height) / 16).max(4);
        let is_dark = |(at, shade): (usize, &u8)| {
            let (x, y) = (at % width, at / width);
            let (left, top) = (x.saturating_sub(reach), y.saturating_sub(reach));
            let (right, bottom) = ((x + reach + 1).min(width), (y + reach + 1).min(height));
            let all = sum(&sums, right, bottom) + sum(&sums, left, top);
            let all = all - sum(&sums, right, top) - sum(&sums, left, bottom);
            let count = ((right - left) * (bottom - top)) as u64;
            u64::from(*shade) * count * 100 < all * DARK_BELOW_PERCENT
        };
        Self { width, dark: shades.iter().enumerate().map(is_dark).collect() }
    }

    /// Dark where it was light.
    pub(super) fn inverted(self) -> Self {
        Self { dark: self.dark.into_iter().map(|dark| !dark).collect(), ..self }
    }

    /// Width and height in pixels.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.width, self.dark.len().checked_div(self.width).unwrap_or_default())
    }

    pub(super) fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark.get(y * self.width + x).copied().unwrap_or_default()
    }

    /// Whether so much looks like corners that putting each three of them together would take too long. A line through the middle of
    /// a corner is dark, light, dark, light, dark in the lengths 1, 1, 3, 1, 1; every corner has such a line, and lines of `n` pixels
    /// in a module come at least once in its `n` rows.
    pub(super) fn has_many_corners(&self) -> bool {
        let mut corners = 0;
        for row in self.dark.chunks(self.width.max(1)) {
            // The lengths of the last five runs, the newest last.
            let mut runs = [0_usize; 5];
            let mut count = 0;
            for run in row.chunk_by(|one, other| one == other) {
                runs.rotate_left(1);
                runs[4] = run.len();
                count += 1;
                if count >= 5 && run.first() == Some(&true) {
                    corners += corner(runs).map_or(0, |module| 1000 / module);
                }
            }
        }
        corners > CORNERS_MAX
    }
}

/// How many pixels a module has, if these runs are a line through a corner's middle. As generous as what looks for codes.
fn corner(runs: [usize; 5]) -> Option<usize> {
    let modules = [1, 1, 3, 1, 1];
    let module = (runs.iter().sum::<usize>() - runs[2]) / 4;
    let slack = module * 3 / 4;
    let mut both = runs.iter().zip(modules);
    both.all(|(run, modules)| (modules * module).abs_diff(*run) <= slack).then_some(module)
}
