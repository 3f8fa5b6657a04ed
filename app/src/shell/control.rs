//! stub
/// stub
#[derive(Debug)]
pub struct Call {}
