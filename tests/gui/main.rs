//! Tests of the window without a display.
#![cfg(test)]

mod history;
mod text_area;
mod window;
