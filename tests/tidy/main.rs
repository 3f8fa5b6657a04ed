//! The rules of the tree, as tests. Each rule is a function from text to breaches, and each is shown to fail on a bad example.
#![cfg(test)]

mod layers;
mod links;
mod manifests;
mod paths;
mod size;
mod source;
mod tree;
mod words;

/// Fails with all the breaches of a rule, one a line.
fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}
