use image::{ImageFormat, Rgba, RgbaImage};

use super::*;
use crate::editor::link::{Link, LinkError};
use crate::editor::qr::QrCode;
use crate::editor::rng::Rng;

/// An editor's link and a viewer's, at a relay with a pin: the longest that there are.
const LINKS: [&str; 2] = [
    include_str!("../../../../tests/golden/links-v2.txt"),
    "quire://relay.example.org:4871/486771058ea8fabffd840c1d591b9590?pin=BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU#2v.VCPKjVWAgYesna8l",
];

fn links() -> impl Iterator<Item = &'static str> {
    LINKS.into_iter().flat_map(str::lines)
}

/// The code as a picture, so many pixels for each module, with `margin` more of light round it.
fn picture_of(text: &str, module: u32, margin: u32) -> RgbaImage {
    let code = QrCode::of(text).unwrap();
    let side = u32::try_from(code.side()).unwrap() * module + 2 * margin;
    RgbaImage::from_fn(side, side, |x, y| {
        let at = |pixel: u32| pixel.checked_sub(margin).map(|pixel| (pixel / module) as usize);
        let dark = at(x).zip(at(y)).is_some_and(|(x, y)| code.is_dark(x, y));
        if dark { Rgba([0, 0, 0, 255]) } else { Rgba([255, 255, 255, 255]) }
    })
}

fn saved(picture: &RgbaImage, format: ImageFormat) -> tempfile::TempPath {
    let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let picture = DynamicImage::ImageRgba8(picture.clone());
    let picture = if format == ImageFormat::Jpeg { picture.to_rgb8().into() } else { picture };
    picture.save_with_format(&file, format).unwrap();
    file
}

fn text(picture: &RgbaImage) -> Result<String, PictureError> {
    text_in(&saved(picture, ImageFormat::Png), "quire://")
}

fn of_bytes(bytes: &[u8]) -> Result<String, PictureError> {
    let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(&file, bytes).unwrap();
    text_in(&file, "quire://")
}

#[test]
fn our_codes_read_back_at_every_size_and_in_both_formats() {
    for link in links() {
        for module in [2, 3, 5, 14, 40] {
            let picture = picture_of(link, module, 3 * module);
            for format in [ImageFormat::Png, ImageFormat::Jpeg] {
                let read = text_in(&saved(&picture, format), "quire://").map_err(|error| error.to_string());
                assert_eq!(read.as_deref(), Ok(link), "{module} pixels a module, {format:?}");
            }
        }
    }
}

#[test]
fn a_photograph_reads_too() {
    let link = links().next().unwrap();
    let flat = picture_of(link, 6, 60);
    // Turned, with a shadow across it, some noise, and grey on grey.
    let mut rng = Rng::new(7);
    let side = i64::from(flat.width());
    let turned = RgbaImage::from_fn(flat.width(), flat.height(), |x, y| {
        let (dx, dy) = (i64::from(x) - side / 2, i64::from(y) - side / 2);
        let from = [(dx * 95 - dy * 20) / 100, (dx * 20 + dy * 95) / 100].map(|from| u32::try_from(from + side / 2));
        let [Ok(from_x), Ok(from_y)] = from else { return Rgba([90, 90, 90, 255]) };
        let is_dark = flat.get_pixel_checked(from_x, from_y).is_some_and(|pixel| pixel.0[0] == 0);
        let light = 60 + 150 * usize::try_from(x).unwrap() / usize::try_from(side).unwrap();
        let shade = u8::try_from(light * if is_dark { 35 } else { 100 } / 100 + rng.below(9)).unwrap();
        Rgba([shade, shade, shade, 255])
    });
    assert_eq!(text(&turned).map_err(|error| error.to_string()).as_deref(), Ok(link));
}

#[test]
fn light_on_dark_and_ink_on_nothing_read_as_well() {
    let link = links().next().unwrap();
    let mut inverted = picture_of(link, 4, 20);
    inverted.pixels_mut().for_each(|pixel| pixel.0 = [255 - pixel.0[0], 255 - pixel.0[1], 255 - pixel.0[2], 255]);
    assert_eq!(text(&inverted).map_err(|error| error.to_string()).as_deref(), Ok(link));
    let mut transparent = picture_of(link, 4, 20);
    transparent.pixels_mut().for_each(|pixel| *pixel = Rgba([0, 0, 0, 255 - pixel.0[0]]));
    assert_eq!(text(&transparent).map_err(|error| error.to_string()).as_deref(), Ok(link));
}

#[test]
fn of_several_codes_the_link_is_taken_and_a_foreign_one_says_what_it_is() {
    let link = links().next().unwrap();
    let (foreign, ours) = (picture_of("https://example.org/?a=1", 4, 24), picture_of(link, 4, 24));
    let mut both = RgbaImage::from_pixel(foreign.width() + ours.width(), ours.height(), Rgba([255; 4]));
    image::imageops::overlay(&mut both, &foreign, 0, 0);
    image::imageops::overlay(&mut both, &ours, i64::from(foreign.width()), 0);
    assert_eq!(text(&both).map_err(|error| error.to_string()).as_deref(), Ok(link));
    let read = text(&foreign).map_err(|error| error.to_string());
    assert_eq!(read.as_deref(), Ok("https://example.org/?a=1"));
    assert_eq!(read.unwrap().parse::<Link>(), Err(LinkError::Foreign { scheme: "https://".into() }));
}

#[test]
fn what_is_no_code_says_so() {
    let white = RgbaImage::from_pixel(300, 200, Rgba([255; 4]));
    assert!(matches!(text(&white), Err(PictureError::NoCode { .. })));
    assert!(matches!(text(&RgbaImage::from_pixel(1, 1, Rgba([0; 4]))), Err(PictureError::NoCode { .. })));
    let mut half = picture_of(links().next().unwrap(), 4, 20);
    half = image::imageops::crop(&mut half, 0, 0, 300, 90).to_image();
    assert!(matches!(text(&half), Err(PictureError::NoCode { .. })));
    let mut spoilt = picture_of(links().next().unwrap(), 4, 20);
    let side = spoilt.width();
    for (x, y) in (side / 3..side * 2 / 3).flat_map(|x| (side / 3..side * 2 / 3).map(move |y| (x, y))) {
        spoilt.put_pixel(x, y, Rgba([255; 4]));
    }
    assert!(matches!(text(&spoilt), Err(PictureError::Unreadable { .. })));
}

#[test]
fn what_is_no_picture_or_too_large_is_refused_before_it_is_decoded() {
    assert!(matches!(text_in(Path::new("/nowhere/at/all.png"), ""), Err(PictureError::Read { .. })));
    for bytes in [&b""[..], b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a\x01\0\x01\0\0\0\0"] {
        assert!(matches!(of_bytes(bytes), Err(PictureError::NoPicture { .. })), "{bytes:?}");
    }
    // A header that promises 60,000 × 60,000 pixels, in 57 bytes.
    let mut header = b"IHDR\0\0\xea\x60\0\0\xea\x60\x08\x06\0\0\0".to_vec();
    let check = crate::editor::checksum::crc32(&header);
    header.extend(check.to_be_bytes());
    let bomb = [&b"\x89PNG\r\n\x1a\n\0\0\0\x0d"[..], &header, b"\0\0\0\0IDAT\x35\xaf\x06\x1e"].concat();
    assert!(matches!(of_bytes(&bomb), Err(PictureError::TooLarge { width: 60_000, height: 60_000, .. })));
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(PICTURE_BYTES_MAX + 1).unwrap();
    assert!(matches!(text_in(file.path(), ""), Err(PictureError::TooLong { .. })));
}

#[test]
fn a_picture_full_of_corners_is_refused_at_once() {
    const CORNER: [&str; 9] = [
        "         ",
        " ####### ",
        " #     # ",
        " # ### # ",
        " # ### # ",
        " # ### # ",
        " #     # ",
        " ####### ",
        "         ",
    ];
    let full = RgbaImage::from_fn(900, 900, |x, y| {
        let dark = CORNER[(y % 9) as usize].as_bytes()[(x % 9) as usize] == b'#';
        if dark { Rgba([0, 0, 0, 255]) } else { Rgba([255; 4]) }
    });
    let is_full = |picture: &RgbaImage| {
        Bitmap::by_middle(&on_white(&DynamicImage::ImageRgba8(picture.clone()))).has_many_corners()
    };
    assert!(is_full(&full) && !is_full(&picture_of(links().next().unwrap(), 14, 60)));
    assert!(matches!(text(&full), Err(PictureError::TooMuch { .. })));
}

#[test]
fn damaged_pictures_give_errors_or_texts_and_nothing_else() {
    let link = links().next().unwrap();
    let mut rng = Rng::new(11);
    for round in 0..60 {
        let mut picture = picture_of(link, 2, 10);
        let (width, height) = (picture.width(), picture.height());
        for _ in 0..rng.below(1 + 40 * round) {
            let shade = u8::try_from(rng.below(256)).unwrap();
            let [x, y] = [width, height].map(|side| u32::try_from(rng.below(side as usize)).unwrap());
            picture.put_pixel(x, y, Rgba([shade, shade, shade, 255]));
        }
        if let Ok(read) = text(&picture) {
            assert_eq!(read, link, "what is read is what was written");
        }
        let mut bytes = std::fs::read(saved(&picture, ImageFormat::Png)).unwrap();
        let at = rng.below(bytes.len());
        bytes[at] ^= 0x55;
        drop(of_bytes(&bytes));
        bytes.truncate(at);
        drop(of_bytes(&bytes));
    }
}
