//! The editor without a window: everything here is data in, data out.
//!
//! | module | is |
//! | --- | --- |
//! | [`checksum`] | CRC-32 |
//! | [`command`] | everything a user can do, in one table |
//! | [`dialog`] | dialogs, find bar and palette |
//! | [`library_view`] | the library's rows |
//! | [`link`] | the links that people share |
//! | [`people`] | who is here, and the title bar |
//! | [`request`] | what the window's views ask for |
//! | [`settings`] | what a person has chosen |
//! | [`status`] | where the last edit is, in words |
//! | [`words`] | numbers and times as people say them |

pub mod checksum;
pub mod command;
pub mod dialog;
pub mod library_view;
pub mod link;
pub mod people;
pub mod request;
pub mod settings;
pub mod status;
pub mod words;
