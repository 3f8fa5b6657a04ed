//! What the window remembers between two frames, besides the library itself.

use quire_crdt::DocumentId;

use crate::editor::dialog::{Dialog, FindDraft, PaletteDraft};
use crate::editor::library_view::LibraryQuery;
use crate::editor::request::{Banner, BannerOffer, Notice};

/// How long a notice stays, in microseconds of the monotonic clock.
const NOTICE_STAYS_US: u64 = 8_000_000;

/// How long a notice that can show a place stays, in microseconds.
const NOTICE_WITH_PLACE_STAYS_US: u64 = 30_000_000;

/// The most notices that are shown; older ones give way.
const NOTICES_MAX: usize = 4;

/// The sizes of zoom, in percent.
const ZOOM_PERCENTS: [u32; 13] = [50, 67, 75, 80, 90, 100, 110, 125, 150, 175, 200, 250, 300];

/// The zoom at the start, in percent.
const ZOOM_NORMAL: u32 = 100;

/// A trouble that can end by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    /// The disk refuses.
    Disk,
    /// A relay refuses.
    Refused,
}

/// What the window remembers.
#[derive(Debug)]
pub(super) struct Model {
    /// The document that is shown.
    pub(super) open: Option<DocumentId>,
    /// Whether the library is shown.
    pub(super) library_shown: bool,
    /// Whether people and devices are shown.
    pub(super) people_shown: bool,
    /// What the library is asked for.
    pub(super) query: LibraryQuery,
    /// The title while it is edited.
    pub(super) editing_title: Option<String>,
    /// The find bar while it is open.
    pub(super) find: Option<FindDraft>,
    /// Counts up when the find bar is to take the focus.
    pub(super) find_focus: u64,
    /// The palette while it is open.
    pub(super) palette: Option<PaletteDraft>,
    /// The dialog while there is one.
    pub(super) dialog: Option<Dialog>,
    /// What must be seen.
    pub(super) banners: Vec<Banner>,
    /// The numbers of the banners that speak of a trouble.
    troubles: Vec<(Trouble, u64)>,
    /// The zoom of the text, in percent.
    pub(super) zoom_percent: u32,
    notices: Vec<Shown>,
    last_id: u64,
}

/// A notice that is shown.
#[derive(Debug)]
struct Shown {
    notice: Notice,
    /// The place it speaks of, in chars of a document.
    place: Option<(DocumentId, usize)>,
    /// When it goes, on the monotonic clock in microseconds.
    goes_at_us: u64,
}

impl Model {
    pub(super) fn new(library_shown: bool) -> Self {
        Self {
            open: None,
            library_shown,
            people_shown: false,
            query: LibraryQuery::default(),
            editing_title: None,
            find: None,
            find_focus: 0,
            palette: None,
            dialog: None,
            banners: Vec::new(),
            troubles: Vec::new(),
            zoom_percent: ZOOM_NORMAL,
            notices: Vec::new(),
            last_id: 0,
        }
    }

    /// Whether something stands in front of the window that keys belong to.
    pub(super) const fn is_covered(&self) -> bool {
        self.dialog.is_some() || self.palette.is_some()
    }

    /// Says something in passing.
    pub(super) fn say(&mut self, now_us: u64, text: impl Into<String>) {
        self.show_notice(now_us, text.into(), None);
    }

    /// Says something in passing, with a place in the text to show.
    pub(super) fn say_of_place(&mut self, now_us: u64, text: impl Into<String>, document: DocumentId, at: usize) {
        self.show_notice(now_us, text.into(), Some((document, at)));
    }

    fn show_notice(&mut self, now_us: u64, text: String, place: Option<(DocumentId, usize)>) {
        self.notices.retain(|shown| shown.notice.text != text);
        let stays = if place.is_some() { NOTICE_WITH_PLACE_STAYS_US } else { NOTICE_STAYS_US };
        let notice = Notice { id: self.next_id(), text, show_me: place.is_some() };
        self.notices.push(Shown { notice, place, goes_at_us: now_us.saturating_add(stays) });
        let too_many = self.notices.len().saturating_sub(NOTICES_MAX);
        self.notices.drain(..too_many);
    }

    /// Says something that stays until it is sent away.
    pub(super) fn warn(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.banners.iter().all(|banner| banner.text != text) {
            let id = self.next_id();
            self.banners.push(Banner { id, text, offer: BannerOffer::Dismiss });
        }
    }

    /// Says something of a trouble, in the place of what was said of it before; until [`Model::unwarn`].
    pub(super) fn warn_of(&mut self, trouble: Trouble, text: impl Into<String>) {
        self.unwarn(trouble);
        let offer = match trouble {
            Trouble::Disk => BannerOffer::Retry,
            Trouble::Refused => BannerOffer::Dismiss,
        };
        let id = self.next_id();
        self.banners.push(Banner { id, text: text.into(), offer });
        self.troubles.push((trouble, id));
    }

    /// Takes away what was said of a trouble; whether there was something.
    pub(super) fn unwarn(&mut self, trouble: Trouble) -> bool {
        let shown = self.banners.len();
        let of_it = |id| self.troubles.iter().any(|(of, banner)| *of == trouble && *banner == id);
        self.banners.retain(|banner| !of_it(banner.id));
        self.troubles.retain(|(of, _)| *of != trouble);
        self.banners.len() < shown
    }

    /// Takes a notice or banner away.
    pub(super) fn dismiss(&mut self, id: u64) {
        self.banners.retain(|banner| banner.id != id);
        self.troubles.retain(|(_, banner)| *banner != id);
        self.notices.retain(|shown| shown.notice.id != id);
    }

    /// The place that a notice speaks of.
    pub(super) fn place_of(&self, id: u64) -> Option<(DocumentId, usize)> {
        self.notices.iter().find(|shown| shown.notice.id == id).and_then(|shown| shown.place)
    }

    /// The notices to show, after those have gone whose time is over.
    pub(super) fn notices(&mut self, now_us: u64) -> Vec<Notice> {
        self.notices.retain(|shown| shown.goes_at_us > now_us);
        self.notices.iter().map(|shown| shown.notice.clone()).collect()
    }

    /// When the next notice goes, on the monotonic clock in microseconds.
    pub(super) fn next_timer_us(&self) -> Option<u64> {
        self.notices.iter().map(|shown| shown.goes_at_us).min()
    }

    /// Larger (or smaller) text.
    pub(super) fn zoom(&mut self, larger: bool) {
        let now = self.zoom_percent;
        let next = if larger {
            ZOOM_PERCENTS.iter().copied().find(|&percent| percent > now)
        } else {
            ZOOM_PERCENTS.iter().rev().copied().find(|&percent| percent < now)
        };
        self.zoom_percent = next.unwrap_or(now);
    }

    /// Text in its own size.
    pub(super) const fn zoom_reset(&mut self) {
        self.zoom_percent = ZOOM_NORMAL;
    }

    /// The zoom when it is worth showing.
    pub(super) fn zoom_shown(&self) -> Option<u32> {
        (self.zoom_percent != ZOOM_NORMAL).then_some(self.zoom_percent)
    }

    const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_go_by_themselves_and_say_nothing_twice() {
        let mut model = Model::new(true);
        model.say(0, "Exported");
        model.say(1, "Exported");
        model.say_of_place(2, "Ana added 3 paragraphs", DocumentId::from_bytes([1; 16]), 7);
        let notices = model.notices(3);
        assert_eq!(notices.iter().map(|notice| notice.show_me).collect::<Vec<_>>(), [false, true]);
        assert_eq!(model.place_of(notices[1].id), Some((DocumentId::from_bytes([1; 16]), 7)));
        assert_eq!(model.notices(model.next_timer_us().expect("one goes")).len(), 1);
    }

    #[test]
    fn a_failed_write_is_one_banner_however_often_it_fails() {
        let mut model = Model::new(true);
        model.warn_of(Trouble::Disk, "full");
        model.warn_of(Trouble::Disk, "fuller");
        model.warn_of(Trouble::Refused, "refused");
        let texts = |model: &Model| model.banners.iter().map(|banner| banner.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&model), ["fuller", "refused"]);
        assert!(model.unwarn(Trouble::Disk) && !model.unwarn(Trouble::Disk));
        assert_eq!(texts(&model), ["refused"]);
    }

    #[test]
    fn zoom_has_steps_and_ends() {
        let mut model = Model::new(true);
        model.zoom(true);
        assert_eq!(model.zoom_shown(), Some(110));
        (0..20).for_each(|_| model.zoom(false));
        assert_eq!(model.zoom_shown(), Some(50));
        model.zoom_reset();
        assert_eq!(model.zoom_shown(), None);
    }
}
