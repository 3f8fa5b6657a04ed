//! Plain data → pixels. A view returns commands and changes nothing.
//!
//! | module | is |
//! | --- | --- |
//! | [`window`] | where the parts of the window stand |
//! | [`library`], [`title_bar`], [`status_bar`], [`people`], [`history`], [`find_bar`], [`banner`] | the parts |
//! | [`dialogs`], [`share`], [`settings`], [`palette`] | what stands in front of them |
//! | [`text_area`] | the page |
//! | [`keys`] | egui's keys as the editor's |
//! | [`theme`] | every colour, distance and size |
//! | [`icons`] | the signs |

pub mod banner;
pub mod dialogs;
pub mod find_bar;
pub mod history;
pub mod icons;
pub mod keys;
pub mod library;
pub mod palette;
pub mod people;
pub mod settings;
pub mod share;
pub mod status_bar;
pub mod text_area;
pub mod theme;
pub mod title_bar;
mod widgets;
pub mod window;
