//! Another device holds something else than this one though both received the same: one of the two copies is wrong.

use quire_crdt::DocumentId;
use quire_crdt::sync::{Divergence, Now};

use super::status::NAME_CHARS_MAX;
use super::{Notice, Session};
use crate::editor::report::Report;
use crate::editor::words::cut;
use crate::shell::reports::{REPORTS_MAX, Reported};

impl Session {
    /// Tells the person and the log, and has a report written for whoever looks for the fault.
    pub(super) fn diverged(&mut self, now: Now, document: DocumentId, divergence: Divergence) {
        let Divergence { peer, version, ours, theirs } = divergence;
        tracing::error!(%document, %peer, version = %format_args!("{version:016x}"), %ours, %theirs, "copies differ");
        let device = cut(&self.device_name(document, peer), NAME_CHARS_MAX);
        self.notices.push(Notice::Diverged { document, words: differs(&device) });
        let Some(open) = self.open.get(&document).filter(|_| !self.reported.contains(&document)) else { return };
        // The first is nearest to the fault; a report takes O(history), which a peer that lies must not ask for again and again.
        match self.reports.write(Report::of(open.replica.document(), divergence, now.wall_us)) {
            Ok(true) => {
                self.reported.insert(document);
            }
            Ok(false) => tracing::warn!(%document, "one report is being written already"),
            Err(error) => tracing::error!(%document, %error, "no report can be written"),
        }
    }

    /// Says what became of a report.
    pub(super) fn reported(&mut self, reported: Reported) {
        let Reported { document, file } = reported;
        let words = match file {
            Ok(Some(file)) => {
                tracing::error!(%document, file = %file.display(), "a report of the copies that differ was written");
                format!("What is known of it, without a word of the text, is in {}.", file.display())
            }
            Ok(None) => return tracing::warn!(%document, limit = REPORTS_MAX, "there are reports enough"),
            Err(error) => {
                tracing::error!(%document, %error, "no report was written");
                format!("No report of it was written: {error}.")
            }
        };
        self.notices.push(Notice::Reported { document, words });
    }
}

/// That two copies differ, as sentences.
fn differs(device: &str) -> String {
    format!(
        "{device} and this device have received the same edits, and their copies differ all the same: one of the two is wrong. \
         Compare the texts before you rely on either."
    )
}
