//! What looking into the history of a real document costs: CPU time of the step, of update, layout and tessellation of the whole
//! window, without a window.
//!
//! `QUIRE_TRACES=FOLDER cargo bench -p quire --bench history`, optionally with names of recordings behind `--`; else that of
//! `automerge-paper`, each of whose edits is a change. Prints the median and the 95th percentile in milliseconds of CPU.

mod cpu;

use std::error::Error;
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;

use egui::{Context, Id, Pos2, RawInput, Rect, vec2};
use flate2::read::GzDecoder;
use quire::editor::buffer::Buffer as _;
use quire::editor::command::Travel;
use quire::editor::history::{
    Author, History, HistoryView, Mark, NAMED_VERSIONS_MAX, Past, STEP_US, Trait, VERSION_KEY_PREFIX,
    encode_named_version,
};
use quire::editor::people::{SidePanel, TitleBarView};
use quire::editor::state::EditorState;
use quire::view::text_area::{PageView, TextArea, Tint, TintKind, Tints};
use quire::view::theme;
use quire::view::window::{self, WindowView};
use quire_crdt::{Document, DocumentId, ReplicaId};
use serde_json::Value;

/// Steps of each kind.
const STEPS: usize = 200;

/// How often the panel is opened.
const OPENINGS: usize = 20;

/// Passages of a text that was.
#[derive(Debug)]
struct Marked<'a>(&'a [Mark]);

impl Tints for Marked<'_> {
    fn within(&self, chars: Range<usize>) -> Vec<Tint> {
        let first = self.0.partition_point(|mark| mark.chars.end <= chars.start);
        let marks = self.0[first..].iter().take_while(|mark| mark.chars.start < chars.end);
        let kind = |is| match is {
            Trait::By(_) => TintKind::Author(1),
            Trait::Gone => TintKind::Gone,
            Trait::New => TintKind::New,
        };
        marks.map(|mark| Tint { chars: mark.chars.clone(), kind: kind(mark.is) }).collect()
    }
}

struct Window {
    context: Context,
    document: Document,
    /// Carets and window of the text of now.
    state: EditorState,
    history: History,
    time: f64,
}

impl Window {
    fn new(document: Document) -> Self {
        let (state, history) = (EditorState::new(document.text()), History::new(&document));
        let context = Context::default();
        theme::install(&context);
        Self { context, document, state, history, time: 0.0 }
    }

    fn frame(&mut self) {
        self.time += 1.0 / 60.0;
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(1280.0, 800.0)));
        let input = RawInput { screen_rect, time: Some(self.time), focused: true, ..RawInput::default() };
        let author = |_| Author { name: "Ana".to_owned(), device: "laptop".to_owned(), colour: 1 };
        let title = TitleBarView { has_document: true, side: Some(SidePanel::History), ..TitleBarView::default() };
        let history = Some(HistoryView::new(&self.history, author));
        let view = WindowView { title, history, ..WindowView::default() };
        let (history, document, state) = (&mut self.history, &self.document, &mut self.state);
        let mut output = self.context.run_ui(input, |ui| {
            window::show(ui, &view, |ui| {
                let (text, state, marks) = match history.past_mut().map(Past::page) {
                    Some((buffer, state, marks)) => (buffer.text(), state, marks.as_slice()),
                    None => (document.text(), &mut *state, &[][..]),
                };
                let area = TextArea::begin(ui, Id::unique("page"), text, state);
                area.response().request_focus();
                let tints = &Marked(marks);
                let page = PageView { text, guests: &[], label: "", placeholder: "", tints, read_only: true };
                area.show(ui, page, state);
            });
        });
        // No window takes the letters' textures.
        output.textures_delta.clear();
        std::hint::black_box(self.context.tessellate(output.shapes, output.pixels_per_point));
    }

    fn travel(&mut self, travel: Travel) {
        self.history.travel(&self.document, &self.state, travel);
        self.frame();
    }

    /// Plays from the start.
    fn play(&mut self, step: u64) {
        if !self.history.is_playing() {
            self.history.go_to(&self.document, &self.state, 0);
            self.history.play_or_pause(&self.document, &self.state, step * STEP_US);
        }
        self.history.play_on(&self.document, &self.state, (step + 1) * STEP_US);
        self.frame();
    }

    /// Names so many versions.
    fn name(&mut self, count: usize) {
        let total = self.document.log().len();
        for at in 0..count {
            let version = self.document.log().version_after(total * at / count).unwrap_or_default();
            let value = encode_named_version("A version with a name of a common length", &version);
            let key = format!("{VERSION_KEY_PREFIX}{at}");
            assert!(self.document.set(&key, value).is_ok(), "a name fits into the map");
        }
        self.document.commit();
    }

    fn go_to(&mut self, shown: usize) {
        self.history.go_to(&self.document, &self.state, shown);
        self.frame();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let names = if asked.is_empty() { vec!["automerge-paper".to_owned()] } else { asked };
    for name in names {
        measure(&name, document(&name)?);
    }
    Ok(())
}

fn measure(name: &str, document: Document) {
    println!("{name}: {} changes, {} characters now", document.log().len(), document.text().len_chars());
    let mut window = Window::new(document);
    let total = window.document.log().len();
    window.frame();
    cpu::print("open the panel", OPENINGS, |_| {
        cpu::cost_ms(|| {
            window.history = History::new(&window.document);
            window.frame();
        })
    });
    cpu::print("first step into the past", OPENINGS, |_| {
        window.travel(Travel::Now);
        cpu::cost_ms(|| window.travel(Travel::Back))
    });
    for (at, words) in [(total, "near now"), (total / 2, "in the middle"), (total / 50, "near the start")] {
        window.go_to(at);
        cpu::print(&format!("a step, {words}"), STEPS, |_| cpu::cost_ms(|| window.travel(Travel::Back)));
    }
    cpu::print("the slider, dragged", STEPS, |step| cpu::cost_ms(|| window.go_to(total * step / STEPS)));
    cpu::print("the slider, jumping", STEPS, |step| cpu::cost_ms(|| window.go_to(total * (step * 37 % STEPS) / STEPS)));
    window.go_to(total / 2);
    cpu::print("a frame without a step", STEPS, |_| cpu::cost_ms(|| window.frame()));
    window.history.compare(&window.document, &window.state, true);
    cpu::print("a step, beside now", STEPS, |_| cpu::cost_ms(|| window.travel(Travel::Back)));
    window.history.compare_from(&window.document, &window.state, total / 4);
    cpu::print("a step, beside another", STEPS, |_| cpu::cost_ms(|| window.travel(Travel::Back)));
    window.history.compare(&window.document, &window.state, false);
    cpu::print("played, a step", STEPS, |step| cpu::cost_ms(|| window.play(step as u64)));
    window.name(NAMED_VERSIONS_MAX);
    cpu::print(&format!("open the panel, {NAMED_VERSIONS_MAX} names"), OPENINGS, |_| {
        cpu::cost_ms(|| {
            window.history = History::new(&window.document);
            window.frame();
        })
    });
    cpu::print(&format!("a frame, {NAMED_VERSIONS_MAX} names"), STEPS, |_| cpu::cost_ms(|| window.frame()));
}

/// A document that was written as the recording says, by one replica.
fn document(name: &str) -> Result<Document, Box<dyn Error>> {
    let folder = std::env::var_os("QUIRE_TRACES").ok_or("QUIRE_TRACES names the folder of recordings")?;
    let file = File::open(PathBuf::from(folder).join(format!("{name}.json.gz")))?;
    let trace: Value = serde_json::from_reader(std::io::BufReader::new(GzDecoder::new(file)))?;
    let mut document = Document::new(DocumentId::from_bytes([1; 16]), ReplicaId::from_bytes([1; 16]));
    let odd = "this is no recording";
    let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok()).ok_or(odd);
    for transaction in trace["txns"].as_array().ok_or(odd)? {
        for patch in transaction["patches"].as_array().ok_or(odd)? {
            let at = number(&patch[0])?;
            document.delete(at..at + number(&patch[1])?)?;
            document.insert(at, patch[2].as_str().ok_or(odd)?)?;
        }
        document.commit();
    }
    Ok(document)
}
