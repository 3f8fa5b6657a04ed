//! What stands in the QR codes of a picture: a photograph, or a piece of a screen.
//!
//! Pictures come from strangers. Their size is looked at before they are decoded, and what looks for codes in them gets a small copy,
//! in which few enough places look like the corner of a code: what it does grows with the third power of their number. It works on a
//! thread of its own, which may fail or be left behind.

mod bitmap;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use image::{DynamicImage, GrayImage, ImageReader, Limits};
use thiserror::Error;

use self::bitmap::Bitmap;

/// The most bytes that a picture's file may have.
pub const PICTURE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The most pixels that a picture may have.
pub const PICTURE_PIXELS_MAX: u64 = 50_000_000;

/// The most bytes that decoding it may take.
const DECODED_BYTES_MAX: u64 = 8 * PICTURE_PIXELS_MAX;

/// The longer side of what is searched, in pixels.
const SEARCHED_SIDE_MAX: u32 = 1024;

/// How long a picture is searched.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(10);

/// Why no text came of a picture.
#[derive(Debug, Error)]
pub enum PictureError {
    /// The system refused to read it.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is longer than [`PICTURE_BYTES_MAX`].
    #[error("{} has more than {PICTURE_BYTES_MAX} bytes: cut the picture to the QR code", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It has more than [`PICTURE_PIXELS_MAX`] pixels.
    #[error("{} has {width} × {height} pixels; at most {PICTURE_PIXELS_MAX} are looked at: cut the picture to the QR code", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// It is no PNG or JPEG, or a damaged one.
    #[error("{} is no picture that can be read (PNG or JPEG): {words}", path.display())]
    NoPicture {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        words: String,
    },
    /// There is no QR code in it.
    #[error("there is no QR code in {}, or it is too small, blurred or cut: take the picture again, nearer", path.display())]
    NoCode {
        /// The file.
        path: PathBuf,
    },
    /// There is one that cannot be read.
    #[error("the QR code in {} cannot be read: take the picture again, sharper and straighter", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// Too much in it looks like a code, or it took too long.
    #[error("too much in {} looks like a QR code: cut the picture to the one that is meant", path.display())]
    TooMuch {
        /// The file.
        path: PathBuf,
    },
}

/// What searching a picture came to.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Found {
    Texts(Vec<String>),
    NoCode,
    Unreadable,
    TooMuch,
}

/// The text of the QR code in a picture; of several, of the first that starts with `wanted`, else of the first. Takes some seconds at
/// most.
///
/// # Errors
/// A [`PictureError`] when the file cannot be read, is no picture, is too large, or has no QR code that can be read.
pub fn text_in(path: &Path, wanted: &str) -> Result<String, PictureError> {
    let path = path.to_owned();
    let picture = small_copy(&path, &read(&path)?)?;
    match search_apart(picture) {
        Found::Texts(texts) => {
            let best = texts.iter().position(|text| text.starts_with(wanted)).unwrap_or(0);
            texts.into_iter().nth(best).ok_or(PictureError::NoCode { path })
        }
        Found::NoCode => Err(PictureError::NoCode { path }),
        Found::Unreadable => Err(PictureError::Unreadable { path }),
        Found::TooMuch => Err(PictureError::TooMuch { path }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PictureError> {
    let unreadable = |error| PictureError::Read { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(PICTURE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > PICTURE_BYTES_MAX {
        return Err(PictureError::TooLong { path: path.to_owned() });
    }
    Ok(bytes)
}

/// The picture in shades of grey on white, with sides of at most [`SEARCHED_SIDE_MAX`].
fn small_copy(path: &Path, bytes: &[u8]) -> Result<GrayImage, PictureError> {
    let none = |words: String| PictureError::NoPicture { path: path.to_owned(), words };
    let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let sized = reader().map_err(|error| none(error.to_string()))?;
    let (width, height) = sized.into_dimensions().map_err(|error| none(error.to_string()))?;
    if u64::from(width) * u64::from(height) > PICTURE_PIXELS_MAX {
        return Err(PictureError::TooLarge { path: path.to_owned(), width, height });
    }
    let mut reader = reader().map_err(|error| none(error.to_string()))?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| none(error.to_string()))?;
    let picture = if width.max(height) > SEARCHED_SIDE_MAX {
        picture.thumbnail(SEARCHED_SIDE_MAX, SEARCHED_SIDE_MAX)
    } else {
        picture
    };
    Ok(on_white(&picture))
}

/// What is transparent shows white, as in most programs.
fn on_white(picture: &DynamicImage) -> GrayImage {
    let picture = picture.to_luma_alpha8();
    let shade = |[luma, alpha]: [u8; 2]| {
        let (luma, alpha) = (u32::from(luma), u32::from(alpha));
        u8::try_from((luma * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
    };
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| image::Luma([shade(picture.get_pixel(x, y).0)]))
}

/// Searches on a thread of its own: one that fails has found nothing that can be read, and one that does not end is left behind.
fn search_apart(picture: GrayImage) -> Found {
    let (sender, found) = sync_channel(1);
    let searched = thread::Builder::new().name("QR code".to_owned()).spawn(move || {
        // Nobody waits any more if it took too long.
        drop(sender.send(search(&picture)));
    });
    match (searched, found.recv_timeout(SEARCH_TIME_MAX)) {
        (Ok(_), Ok(found)) => found,
        (Ok(_), Err(RecvTimeoutError::Disconnected)) => Found::Unreadable,
        (Ok(_), Err(RecvTimeoutError::Timeout)) | (Err(_), _) => Found::TooMuch,
    }
}

/// Searches as what is on a screen, as what is in a photograph with shadows, and as what is light on dark.
fn search(picture: &GrayImage) -> Found {
    let mut end = Found::NoCode;
    for bitmap in [Bitmap::by_middle(picture), Bitmap::by_surroundings(picture), Bitmap::by_middle(picture).inverted()]
    {
        match search_in(&bitmap) {
            Found::NoCode => {}
            Found::Texts(texts) => return Found::Texts(texts),
            other => end = other,
        }
    }
    end
}

fn search_in(bitmap: &Bitmap) -> Found {
    if bitmap.has_many_corners() {
        return Found::TooMuch;
    }
    let (width, height) = bitmap.size();
    let mut prepared = rqrr::PreparedImage::prepare_from_bitmap(width, height, |x, y| bitmap.is_dark(x, y));
    let grids = prepared.detect_grids();
    let texts: Vec<String> = grids.iter().filter_map(|grid| Some(grid.decode().ok()?.1)).collect();
    match (texts.is_empty(), grids.is_empty()) {
        (false, _) => Found::Texts(texts),
        (true, false) => Found::Unreadable,
        (true, true) => Found::NoCode,
    }
}
