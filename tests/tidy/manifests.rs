//! What the manifests and the top of the tree may hold.

use std::collections::BTreeSet;

use crate::tree;

/// The core's dependencies; a new one is a decision.
const CORE_DEPENDENCIES: &[&str] = &[
    "arrayvec",
    "bincode",
    "blake3",
    "bytes",
    "chacha20poly1305",
    "crc32fast",
    "ed25519-dalek",
    "miniz_oxide",
    "serde",
    "thiserror",
    "zeroize",
];
const MEMBERS: &[&str] = &["app", "crdt", "sync-server", "tests"];

const LINTS: &[&str] = &["unwrap_used", "expect_used", "panic", "pedantic", "allow_attributes_without_reason"];

/// The keys of one table of a manifest.
fn keys(manifest: &str, table: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut keys = BTreeSet::new();
    for line in manifest.lines() {
        if let Some(name) = line.trim().strip_prefix('[') {
            inside = name.trim_end_matches(']') == table;
            let deeper = name.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'));
            keys.extend(deeper.map(|key| key.trim_end_matches(']').to_owned()));
        } else if inside && line.contains('=') && !line.trim_start().starts_with('#') {
            let key: String =
                line.trim().chars().take_while(|char| char.is_alphanumeric() || "-_".contains(*char)).collect();
            keys.insert(key);
        }
    }
    keys
}

fn foreign_dependencies(manifest: &str, table: &str, allowed: &[&str]) -> Vec<String> {
    keys(manifest, table).into_iter().filter(|key| !allowed.contains(&key.as_str())).collect()
}

fn is_at_the_top(name: &str) -> bool {
    let files = ["Cargo.toml", "Cargo.lock", "README.md", "CHANGELOG.md", "docs", "target"];
    files.contains(&name) || MEMBERS.contains(&name) || name.starts_with("LICENSE-") || name.starts_with('.')
}

fn read(path: &str) -> String {
    std::fs::read_to_string(tree::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_core_depends_on_its_allow_list_only() {
    let manifest = read("crdt/Cargo.toml");
    crate::assert_none(&foreign_dependencies(&manifest, "dependencies", CORE_DEPENDENCIES));
    assert!(!manifest.contains("[build-dependencies") && !manifest.contains("[target."));
    assert!(read("crdt/src/lib.rs").contains("#![no_std]"), "the core is no_std");
}

#[test]
fn the_relay_does_not_depend_on_the_editor() {
    assert!(!keys(&read("sync-server/Cargo.toml"), "dependencies").contains("quire"));
}

#[test]
fn the_workspace_s_lints_hold_everywhere() {
    let workspace = read("Cargo.toml");
    assert!(keys(&workspace, "workspace.lints.rust").contains("unsafe_code"));
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    for lint in LINTS {
        assert!(keys(&workspace, "workspace.lints.clippy").contains(*lint), "{lint} is watched");
    }
    for member in MEMBERS {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{member} takes the workspace's lints");
    }
}

#[test]
fn the_peers_are_a_workspace_of_their_own_under_the_same_lints() {
    let (workspace, peers) = (read("Cargo.toml"), read("crdt/peers/Cargo.toml"));
    assert!(peers.contains("\n[workspace]\n"), "nobody builds the peers by accident");
    assert_eq!(keys(&peers, "lints.rust"), keys(&workspace, "workspace.lints.rust"));
    assert_eq!(keys(&peers, "lints.clippy"), keys(&workspace, "workspace.lints.clippy"));
    assert!(peers.contains("unsafe_code = \"forbid\""));
}

#[test]
fn the_fuzzer_is_a_workspace_of_its_own_under_the_same_lints() {
    let (workspace, fuzz) = (read("Cargo.toml"), read("tests/fuzz/Cargo.toml"));
    assert!(fuzz.contains("\n[workspace]\n"), "nobody builds the fuzzer by accident");
    assert_eq!(keys(&fuzz, "lints.clippy"), keys(&workspace, "workspace.lints.clippy"));
    // libFuzzer is called by it through C: what is unsafe there is its macro's.
    let mut rust = keys(&workspace, "workspace.lints.rust");
    assert!(rust.remove("unsafe_code"));
    assert_eq!(keys(&fuzz, "lints.rust"), rust);
}

#[test]
fn the_top_of_the_tree_holds_what_the_design_says() {
    let entries = std::fs::read_dir(tree::root()).expect("the root can be read");
    let names = entries.map(|entry| entry.expect("an entry can be read").file_name().to_string_lossy().into_owned());
    crate::assert_none(&names.filter(|name| !is_at_the_top(name)).collect::<Vec<_>>());
}

#[test]
fn a_foreign_dependency_would_be_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nserde.workspace = true\ntokio = \"1\"\n[dependencies.rand]\nversion = \"1\"\n[lints]\nworkspace = true\n";
    assert_eq!(foreign_dependencies(manifest, "dependencies", CORE_DEPENDENCIES), ["rand", "tokio"]);
    assert!(!is_at_the_top("notes.txt") && is_at_the_top("LICENSE-MIT"));
}
