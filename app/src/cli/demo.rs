//! demo
use crate::session::Failure;
pub(super) fn run(_headless: bool) -> Result<String, Failure> {
    Err(Failure::new(1, "not yet"))
}
