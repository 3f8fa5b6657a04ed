//! Tests of the window without a display.
mod text_area;
mod window;
