//! The editor without a window: everything here is data in, data out.

pub mod link;
