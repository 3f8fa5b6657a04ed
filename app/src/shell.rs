//! Input and output: the only modules that know a disk, a network, a clock or another process.
//!
//! | module | is |
//! | --- | --- |
//! | [`carrier`] | makes and reads bundles, each on a thread of its own |
//! | [`clock`] | the two clocks |
//! | [`control`] | the second copy of the program asks the first |
//! | [`files`] | text files, read and written as a whole |
//! | [`host`] | a relay inside this process |
//! | [`inbox`] | the one place where everything that happened outside arrives |
//! | [`lines`] | a script on the standard streams |
//! | [`loader`] | reads documents of the library, on a thread of its own |
//! | [`net`] | links to relays, on a thread of their own |
//! | `picture` | the QR codes in a picture; with the feature `window` |
//! | [`preferences`] | the file that holds a person's settings |
//! | [`recovery`] | recovery files |
//! | [`reports`] | reports of copies that differ, each on a thread of its own |
//! | [`store`] | the library on disk, with a thread that writes |

pub mod carrier;
pub mod clock;
pub mod control;
pub mod files;
pub mod host;
pub mod inbox;
pub mod lines;
pub mod loader;
pub mod net;
#[cfg(feature = "window")]
pub mod picture;
pub mod preferences;
pub mod recovery;
pub mod reports;
pub mod store;
