//! Tests of the window without a display.
#![cfg(test)]

mod text_area;
mod window;
