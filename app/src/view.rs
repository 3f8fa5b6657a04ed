//! Plain data → pixels. A view returns commands and changes nothing.

pub mod theme;
