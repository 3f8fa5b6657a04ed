//! Every link of every page leads somewhere.

use std::path::{Component, Path, PathBuf};

use crate::tree::{self, File};

/// The targets of a page's links and images, outside fenced code.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let target: String = line[at + 2..].chars().take_while(|char| *char != ')').collect();
            found.push((number, target));
        }
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            found.push((number, target.to_owned()));
        }
    }
    found
}

fn is_elsewhere(target: &str) -> bool {
    target.starts_with("https://")
        || target.starts_with("http://")
        || target.starts_with("mailto:")
        || target.contains("::")
}

/// The anchors of a page: its headings, as the usual renderers name them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
        kept.map(|char| if char == ' ' { '-' } else { char }).collect()
    };
    headings.map(anchor).collect()
}

/// The path without `.` and `..`.
fn tidy_path(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                tidy.pop();
            }
            Component::CurDir => {}
            other => tidy.push(other),
        }
    }
    tidy
}

fn dead_links(page: &File, exists: impl Fn(&Path) -> bool, read: impl Fn(&Path) -> Option<String>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (number, target) in targets(&page.text) {
        if is_elsewhere(&target) {
            continue;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target.as_str(), ""));
        let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
        let path = if file.is_empty() { PathBuf::from(&page.path) } else { tidy_path(&folder.join(file)) };
        let text = if file.is_empty() { Some(page.text.clone()) } else { read(&path) };
        let has_anchor =
            anchor.is_empty() || text.is_some_and(|text| anchors(&text).iter().any(|found| found == anchor));
        if !exists(&path) || !has_anchor {
            breaches.push(format!("{}:{number}: {target}", page.path));
        }
    }
    breaches
}

/// Paths of this repository that a page names in backticks, outside fenced code.
fn named_paths(text: &str) -> Vec<(usize, String)> {
    const FOLDERS: [&str; 5] = ["app/", "crdt/", "docs/", "sync-server/", "tests/"];
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let quoted = line.split('`').skip(1).step_by(2).filter(|_| !fenced);
        let is_path = |quoted: &&str| {
            let is_plain = quoted.chars().all(|char| char.is_alphanumeric() || "/._-".contains(char));
            is_plain && FOLDERS.iter().any(|folder| quoted.starts_with(folder))
        };
        found.extend(quoted.filter(is_path).map(|path| (number, path.to_owned())));
    }
    found
}

fn dead_paths(page: &File, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let dead = |(number, path): (usize, String)| {
        // A module is named without its ending where its folder is not meant.
        let is_there = exists(Path::new(&path)) || exists(&Path::new(&path).with_extension("rs"));
        (!is_there).then(|| format!("{}:{number}: {path}", page.path))
    };
    named_paths(&page.text).into_iter().filter_map(dead).collect()
}

#[test]
fn every_path_that_a_page_names_exists() {
    let root = tree::root();
    let pages = tree::files().into_iter().filter(|file| file.path == "README.md" || file.path.starts_with("docs/"));
    let pages = pages.filter(File::is_markdown);
    let breaches: Vec<String> = pages.flat_map(|page| dead_paths(&page, |path| root.join(path).exists())).collect();
    crate::assert_none(&breaches);
}

#[test]
fn a_dead_path_would_be_found() {
    let check = |text: &str, expected: usize| {
        let page = File { path: "docs/A.md".to_owned(), text: text.to_owned() };
        let exists = |path: &Path| path == Path::new("app/src/cli.rs");
        assert_eq!(dead_paths(&page, exists).len(), expected, "{text}");
    };
    check("in `app/src/cli.rs` and `app/src/cli`, by `cargo test`, with `app/*`", 0);
    check("in `app/src/none.rs` and `tests/none/`", 2);
    check("```\n`app/src/none.rs`\n```", 0);
}

#[test]
fn every_link_leads_somewhere() {
    let root = tree::root();
    let exists = |path: &Path| root.join(path).exists();
    let read = |path: &Path| std::fs::read_to_string(root.join(path)).ok();
    let pages = tree::files().into_iter().filter(File::is_markdown);
    let breaches: Vec<String> = pages.flat_map(|page| dead_links(&page, exists, read)).collect();
    crate::assert_none(&breaches);
}

#[test]
fn a_dead_link_would_be_found() {
    let page = |text: &str| File { path: "docs/A.md".to_owned(), text: text.to_owned() };
    let exists = |path: &Path| [Path::new("docs/A.md"), Path::new("README.md")].contains(&path);
    let read = |_: &Path| Some("# The page\n".to_owned());
    let check = |text, expected: usize| assert_eq!(dead_links(&page(text), exists, read).len(), expected, "{text}");
    check("[a](../README.md), [b](https://example.org)", 0);
    check("[a](../README.md#the-page)", 0);
    check("[a](../README.md#no-such)", 1);
    check("[a](B.md) and ![b](images/none.png)", 2);
    check("[a]: B.md", 1);
    check("```\n[a](B.md)\n```", 0);
    check("# Own words, here\n[a](#own-words-here)", 0);
}
