//! Replicas and a relay in one thread, with disks that are lists.

mod agreement;
mod disk;
mod harness;
mod linking;
mod nonsense;
mod set_aside;
mod showing;
mod watching;

use crate::sync::frame::Frame;
