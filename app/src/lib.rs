//! Quire: the offline-first collaborative text editor, its window and its command line.
//!
//! | module | is |
//! | --- | --- |
//! | `app` | the window: inbox → model → view → commands → effects |
//! | `cli` | the command line, for people, demos, scripts and servers |
//! | [`session`] | the open library: documents, links, and what the user does with them; what `app` and `cli` both stand on |
//! | [`editor`] | pure: commands, motions, selections, the visible page as plain data; no window, network, file or clock |
//! | `view` | plain data → pixels (egui only), returns commands and changes nothing |
//! | [`shell`] | input and output: the store, the network, files, clocks, the second copy of the program; no window |
//!
//! `app`, `cli` and `view` are there with the feature `window`, which is on unless it is refused.
//!
//! Dependencies point one way: `main → cli → app → {view, session} → {editor, shell} → quire_crdt`.

#[cfg(feature = "window")]
pub mod app;
#[cfg(feature = "window")]
pub mod cli;
pub mod editor;
pub mod session;
pub mod shell;
#[cfg(feature = "window")]
pub mod view;
