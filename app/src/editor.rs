//! The editor without a window: everything here is data in, data out.
//!
//! | module | is |
//! | --- | --- |
//! | [`buffer`] | the document as the editor sees it |
//! | [`checksum`] | CRC-32 |
//! | [`command`] | everything a user can do, in one table |
//! | [`dialog`] | dialogs, find bar and palette |
//! | [`edit`] | edits as plain lists |
//! | [`find`] | find and replace |
//! | [`history`] | what was: a place in a document's history, and the text there |
//! | [`library_view`] | the library's rows |
//! | [`link`] | the links that people share |
//! | [`markdown`] | Markdown as it is typed, in spans of style |
//! | [`motion`] | where motions lead |
//! | [`people`] | who is here, and the title bar |
//! | [`presence`] | what replicas say of themselves while they are here |
//! | [`qr`] | QR codes of links |
//! | [`recovery`] | the recovery file: all links, sealed by a passphrase |
//! | [`report`] | what is kept when two copies differ, without a word of the text |
//! | [`request`] | what the window's views ask for |
//! | [`secret`] | texts that are keys |
//! | [`segments`] | where every line is, without laying it out |
//! | [`selection`] | carets and selections, as anchors |
//! | [`returned`] | what others wrote meanwhile, in words |
//! | [`settings`] | what a person has chosen |
//! | [`state`] | all of one editor but the document |
//! | [`status`] | where the last edit is, in words |
//! | [`utc`] | wall-clock time as people write it |
//! | [`word_count`] | how many words a text has |
//! | [`words`] | numbers and times as people say them |

pub mod buffer;
pub mod checksum;
pub mod command;
pub mod dialog;
pub mod edit;
pub mod find;
pub mod history;
pub mod library_view;
pub mod link;
pub mod listing;
pub mod markdown;
pub mod motion;
pub mod people;
pub mod presence;
pub mod qr;
pub mod recovery;
pub mod report;
pub mod request;
pub mod returned;
#[cfg(test)]
pub(crate) mod rng;
pub mod secret;
pub mod segments;
pub mod selection;
pub mod settings;
pub mod state;
pub mod status;
pub mod utc;
pub mod word_count;
pub mod words;
