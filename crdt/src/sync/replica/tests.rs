//! The replica against a scripted relay.
