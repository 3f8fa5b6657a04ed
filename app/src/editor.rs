//! The editor without a window: everything here is data in, data out.
//!
//! | module | is |
//! | --- | --- |
//! | [`command`] | everything a user can do, in one table |
//! | [`link`] | the links that people share |

pub mod checksum;
pub mod command;
pub mod link;
pub mod settings;
