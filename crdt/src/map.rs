//! stub map (owner: core)
use alloc::string::String;
use alloc::vec::Vec;
use crate::change::Value;
use crate::clock::Lamport;
use crate::id::OpId;
/// One value of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry { /// id
    pub id: OpId, /// stamp
    pub lamport: Lamport, /// value
    pub value: Option<Value> }
/// A map.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LwwMap {}
#[allow(unused_variables, reason = "stub")]
impl LwwMap {
    /// the value that wins
    pub fn get(&self, key: &str) -> Option<&Value> { None }
    /// all concurrent values, winner first (more than one: a conflict)
    pub fn entries(&self, key: &str) -> &[Entry] { &[] }
    /// keys with a value
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> + '_ { core::iter::empty() }
    /// keys in conflict
    pub fn conflicts(&self) -> Vec<String> { Vec::new() }
}
