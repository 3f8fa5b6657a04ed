//! Dependencies point one way: `main → app → {view, shell} → editor → crdt ← sync-server`, and inside the core
//! `id ← clock ← change ← causal ← {text, map} ← document ← sync`. The simulator stands on the core and the two stores.

use crate::paths::{has, named};
use crate::source::Source;
use crate::tree::{self, File};

/// Paths that the files under one of these prefixes do not name outside their unit tests.
struct Absence {
    files: &'static [&'static str],
    but: &'static [&'static str],
    names: &'static [&'static str],
}

const ABSENCES: &[Absence] = &[
    // The core cannot even name a socket, a file, a thread, a clock or chance.
    Absence { files: &["crdt/src/"], but: &[], names: &["std"] },
    // The relay's half of the protocol knows envelopes, not content.
    Absence {
        files: &["crdt/src/sync/relay.rs", "crdt/src/sync/relay/"],
        but: &[],
        names: &[
            "crate::text",
            "crate::map",
            "crate::document",
            "crate::undo",
            "crate::sync::replica",
            "crate::envelope::open",
            "envelope::open",
            "crate::change::Op",
            "crate::change::Change",
            "crate::change::Value",
        ],
    },
    Absence {
        files: &["sync-server/src/"],
        but: &[],
        names: &[
            "quire",
            "quire_crdt::open",
            "quire_crdt::Document",
            "quire_crdt::LwwMap",
            "quire_crdt::Op",
            "quire_crdt::Change",
            "quire_crdt::Text",
            "quire_crdt::text",
            "quire_crdt::sync::Replica",
        ],
    },
    // What the editor knows is data.
    Absence {
        files: &["app/src/editor.rs", "app/src/editor/"],
        but: &[],
        names: &[
            "egui",
            "eframe",
            "tokio",
            "redb",
            "rfd",
            "std::fs",
            "std::net",
            "std::thread",
            "std::time",
            "std::env",
            "Instant",
            "SystemTime",
            "crate::view",
            "crate::shell",
            "crate::app",
            "crate::session",
            "crate::cli",
        ],
    },
    // A view draws.
    Absence {
        files: &["app/src/view.rs", "app/src/view/"],
        but: &[],
        names: &[
            "crate::shell",
            "crate::session",
            "crate::app",
            "crate::cli",
            "tokio",
            "tokio_tungstenite",
            "redb",
            "std::fs",
            "std::net",
        ],
    },
    // The shell does.
    Absence {
        files: &["app/src/shell.rs", "app/src/shell/"],
        but: &[],
        names: &["egui", "eframe", "crate::view", "crate::session", "crate::app", "crate::cli"],
    },
    // The session is the same with a window and without one.
    Absence {
        files: &["app/src/session.rs", "app/src/session/"],
        but: &[],
        names: &["egui", "eframe", "rfd", "crate::view", "crate::app", "crate::cli"],
    },
    // The command line opens the window, and draws nothing.
    Absence { files: &["app/src/cli.rs", "app/src/cli/"], but: &[], names: &["egui", "eframe", "rfd", "crate::view"] },
    // An error that is everything is for a program's last lines.
    Absence { files: &["app/src/", "sync-server/src/"], but: &["sync-server/src/main.rs"], names: &["anyhow"] },
    // The app knows a relay only where it starts one.
    Absence { files: &["app/src/"], but: RELAY_STARTERS, names: &["quire_server"] },
    // The simulator makes its own time, network and disk.
    Absence {
        files: &["tests/sim/"],
        but: &[],
        names: &["tokio", "tokio_tungstenite", "egui", "std::net", "std::thread", "std::time", "Instant", "SystemTime"],
    },
    // Of the programs, it knows the stores, and those in one file, and the reports of the editor in another.
    Absence {
        files: &["tests/sim/"],
        but: &["tests/sim/report.rs", "tests/sim/stores.rs"],
        names: &["quire", "quire_server"],
    },
    Absence {
        files: &["tests/sim/report.rs"],
        but: &[],
        names: &["quire::app", "quire::cli", "quire::session", "quire::shell", "quire::view", "quire_server"],
    },
    Absence {
        files: &["tests/sim/stores.rs"],
        but: &[],
        names: &[
            "quire::app",
            "quire::cli",
            "quire::editor",
            "quire::session",
            "quire::view",
            "quire::shell::clock",
            "quire::shell::control",
            "quire::shell::host",
            "quire::shell::inbox",
            "quire::shell::net",
            "Store",
            "Loader",
            "quire_server::Server",
            "quire_server::run",
        ],
    },
    // The bench beside the peers knows our engine in one file, as it knows each of theirs.
    Absence { files: &["crdt/peers/src/"], but: &["crdt/peers/src/peer/ours.rs"], names: &["quire_crdt"] },
];

/// The files of the app that may start a relay as a library.
const RELAY_STARTERS: &[&str] = &["app/src/cli/host.rs", "app/src/shell/host.rs"];

/// The core's modules, and what each may name.
const CORE: &[(&str, &[&str])] = &[
    ("id", &[]),
    ("digest", &[]),
    ("clock", &["id", "digest"]),
    ("change", &["id", "clock"]),
    ("codec", &["id", "clock", "change", "envelope"]),
    ("envelope", &["id", "clock", "change", "codec"]),
    ("causal", &["id", "clock", "change"]),
    ("units", &["id", "clock"]),
    ("text", &["id", "digest", "units"]),
    ("map", &["id", "digest", "clock", "change"]),
    ("undo", &["units"]),
    ("document", &["id", "digest", "clock", "change", "codec", "envelope", "causal", "units", "text", "map", "undo"]),
    ("keys", &["id"]),
    ("sealed", &["id", "codec", "envelope", "keys"]),
    (
        "sync",
        &[
            "id", "digest", "clock", "change", "codec", "envelope", "causal", "text", "map", "document", "keys",
            "sealed",
        ],
    ),
];

/// The module that a file is, from its crate's root.
fn module(path: &str) -> Vec<&str> {
    let inside = path.split_once("src/").map_or(path, |(_, inside)| inside);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    inside.split('/').filter(|name| !matches!(*name, "lib" | "main")).collect()
}

/// The path as seen from the crate's root, if it begins with `super` or `self`.
fn absolute(file: &str, path: &str) -> String {
    let mut module = module(file);
    let mut words = path.split("::").peekable();
    if !matches!(words.peek(), Some(&("super" | "self"))) {
        return path.to_owned();
    }
    while let Some(word) = words.next_if(|word| matches!(*word, "super" | "self")) {
        if word == "super" {
            module.pop();
        }
    }
    let all: Vec<&str> = std::iter::once("crate").chain(module).chain(words).collect();
    all.join("::")
}

fn paths(file: &File) -> Vec<String> {
    let source = Source::read(&file.text);
    named(source.outside_tests()).iter().map(|path| absolute(&file.path, path)).collect()
}

fn is_unit_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn forbidden_names(file: &File, rule: &Absence) -> Vec<String> {
    let applies = rule.files.iter().any(|prefix| file.path.starts_with(prefix));
    if !applies || rule.but.contains(&file.path.as_str()) || is_unit_test(&file.path) {
        return Vec::new();
    }
    let is_forbidden = |path: &&String| {
        let whole =
            |name: &str| if name.contains("::") || is_type(name) { has(path, name) } else { begins(path, name) };
        rule.names.iter().any(|name| whole(name))
    };
    paths(file).iter().filter(is_forbidden).map(|path| format!("{} names {path}", file.path)).collect()
}

fn is_type(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

fn begins(path: &str, word: &str) -> bool {
    path.split("::").next() == Some(word)
}

fn wrong_way_in_the_core(file: &File) -> Vec<String> {
    let module = module(&file.path);
    let Some(own) = module.first().filter(|_| file.path.starts_with("crdt/src/") && !is_unit_test(&file.path)) else {
        return Vec::new();
    };
    let Some((_, may)) = CORE.iter().find(|(name, _)| name == own) else {
        return vec![format!("{}: the module {own} has no layer; give it one in tests/tidy/layers.rs", file.path)];
    };
    let is_wrong = |path: &&String| {
        let mut words = path.split("::");
        let in_core = words.next() == Some("crate");
        in_core && words.next().is_some_and(|other| other != *own && !may.contains(&other))
    };
    paths(file).iter().filter(is_wrong).map(|path| format!("{} names {path}", file.path)).collect()
}

#[test]
fn nothing_names_what_it_must_not_know() {
    let breaches: Vec<String> = tree::rust_files()
        .flat_map(|file| ABSENCES.iter().flat_map(|rule| forbidden_names(&file, rule)).collect::<Vec<_>>())
        .collect();
    crate::assert_none(&breaches);
}

#[test]
fn the_core_s_modules_point_one_way() {
    let breaches: Vec<String> = tree::rust_files().flat_map(|file| wrong_way_in_the_core(&file)).collect();
    crate::assert_none(&breaches);
}

#[test]
fn every_folder_with_a_rule_exists() {
    let files = tree::files();
    for prefix in ABSENCES.iter().flat_map(|rule| rule.files.iter().chain(rule.but)) {
        assert!(files.iter().any(|file| file.path.starts_with(prefix)), "{prefix} has a rule but no file");
    }
}

#[test]
fn a_name_that_must_not_be_known_would_be_found() {
    let breaches = |path: &str, text: &str| {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        ABSENCES.iter().map(|rule| forbidden_names(&file, rule).len()).sum::<usize>()
            + wrong_way_in_the_core(&file).len()
    };
    let check = |path, text, expected| assert_eq!(breaches(path, text), expected, "{path}: {text}");
    check("crdt/src/map.rs", "use std::fs;", 1);
    check("crdt/src/map.rs", "use core::fmt; use crate::id::OpId;", 0);
    check("crdt/src/map.rs", "use crate::text::Text;", 1);
    check("crdt/src/text/tree.rs", "use super::super::document;", 1);
    check("crdt/src/text/tree.rs", "use super::span::Span;", 0);
    check("crdt/src/new.rs", "", 1);
    check("crdt/src/sync/relay/log.rs", "use crate::{id::OpId, document::Document};", 1);
    check("crdt/src/sync/relay/log.rs", "use crate::change::{Header, Op};", 1);
    check("crdt/src/sync/relay/log.rs", "#[cfg(test)]\nmod tests { use crate::document::Document; }", 0);
    check("sync-server/src/hub.rs", "use quire_crdt::{Envelope, sync::Relay, DocumentId};", 0);
    check("sync-server/src/hub.rs", "use quire_crdt::{Envelope, open};", 1);
    check("app/src/editor/find.rs", "fn f(at: std::time::Instant) {}", 1);
    check("app/src/editor/find.rs", "use egui::Key;", 1);
    check("app/src/editor/find.rs", "// egui\nlet s = \"std::fs\";", 0);
    check("app/src/view/library.rs", "use crate::{editor, shell::Store};", 1);
    check("app/src/shell/net.rs", "use egui::Context;", 1);
    check("app/src/shell/net.rs", "use crate::session::Session;", 1);
    check("app/src/session/edit.rs", "use egui::Context;", 1);
    check("app/src/session/edit.rs", "use crate::{shell::store, cli::say};", 1);
    check("app/src/cli/run.rs", "use crate::view::theme;", 1);
    check("app/src/cli/run.rs", "use crate::app;", 0);
    check("app/src/app.rs", "fn run() -> anyhow::Result<()> {}", 1);
    check("app/src/cli/list.rs", "quire_server::run();", 1);
    check(RELAY_STARTERS[0], "quire_server::run();", 0);
    check("tests/sim/world.rs", "use std::time::Instant;", 1);
    check("tests/sim/world.rs", "use quire_crdt::Document; use crate::stores::RelayStore;", 0);
    check("tests/sim/world.rs", "use quire::shell::store::Library;", 1);
    check("tests/sim/stores.rs", "use quire::shell::store::{Library, Stored}; use quire_server::Log;", 0);
    check("tests/sim/stores.rs", "use quire::{session::Session, shell::store::Store};", 2);
    check("tests/sim/stores.rs", "quire_server::run();", 1);
    check("tests/sim/report.rs", "use quire::editor::report::Report;", 0);
    check("tests/sim/report.rs", "use quire::session::Session;", 1);
    check("crdt/peers/src/bench.rs", "use quire_crdt::Document;", 1);
}
