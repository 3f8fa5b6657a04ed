//! What a frame of the text area costs: CPU time of update, layout and tessellation, without a window.
//!
//! `cargo bench -p quire --bench keystroke`, optionally with sizes in MB behind `--`. Prints the median and the 95th percentile in
//! milliseconds of CPU for each thing that a user does, in documents of 1 KB, 1 MB and 10 MB, and in one line of 1 MB.

mod cpu;

use std::time::Instant;

use egui::{Context, Event, Id, Key, Modifiers, Pos2, RawInput, Rect, vec2};
use quire::editor::buffer::{Buffer, LocalBuffer};
use quire::editor::selection::Selection;
use quire::editor::state::EditorState;
use quire::view::text_area::{Guest, PageView, TextArea};
use quire::view::theme;
use quire_crdt::{Bias, ReplicaId};

/// Frames of each kind.
const FRAMES: usize = 200;

/// About as long as the lines of a real text are, in bytes.
const LINE: &str = "The quick brown fox jumps over the *lazy* dog.\n";

struct Editor {
    context: Context,
    buffer: LocalBuffer,
    state: EditorState,
    guests: Vec<Guest>,
    time: f64,
}

impl Editor {
    fn new(text: &str) -> Self {
        let started = Instant::now();
        let buffer = LocalBuffer::new(text);
        let loaded = Instant::now();
        let state = EditorState::new(buffer.text());
        let context = Context::default();
        theme::install(&context);
        println!(
            "{} lines: document {:.0} ms, index {:.1} ms",
            buffer.text().len_lines(),
            (loaded - started).as_secs_f64() * 1e3,
            loaded.elapsed().as_secs_f64() * 1e3
        );
        Self { context, buffer, state, guests: Vec::new(), time: 0.0 }
    }

    fn frame(&mut self, events: Vec<Event>) {
        self.time += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1280.0, 900.0))),
            time: Some(self.time),
            events,
            focused: true,
            ..RawInput::default()
        };
        let (buffer, state, guests) = (&mut self.buffer, &mut self.state, &self.guests);
        let mut output = self.context.run_ui(input, |ui| {
            state.sync(buffer);
            let mut area = TextArea::begin(ui, Id::unique("page"), buffer.text(), state);
            area.response().request_focus();
            for command in std::mem::take(&mut area.commands) {
                if let Err(error) = state.perform(&command, buffer, area.rows()) {
                    println!("{command:?}: {error}");
                }
            }
            area.show(
                ui,
                PageView { text: buffer.text(), guests, label: "", placeholder: "", tints: &(), read_only: false },
                state,
            );
        });
        // No window takes the letters' textures.
        output.textures_delta.clear();
        let meshes = self.context.tessellate(output.shapes, output.pixels_per_point);
        std::hint::black_box(meshes);
    }

    fn go_to_line(&mut self, line: usize) {
        let at = self.buffer.text().line_to_char(line);
        self.state.select(self.buffer.text(), Selection::caret(at));
        self.frame(Vec::new());
        self.frame(Vec::new());
    }

    fn measure(&mut self, name: &str, mut events: impl FnMut(&mut Self, usize) -> Vec<Event>) {
        cpu::print(name, FRAMES, |number| {
            let events = events(self, number);
            cpu::cost_ms(|| self.frame(events))
        });
    }
}

fn key(key: Key, modifiers: Modifiers) -> Vec<Event> {
    vec![Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers }]
}

fn main() {
    let asked: Vec<f64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![0.001, 1.0, 10.0] } else { asked };
    for megabytes in sizes {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size that fits memory")]
        let bytes = (megabytes * 1e6) as usize;
        println!("{megabytes} MB");
        let mut editor = Editor::new(&LINE.repeat((bytes / LINE.len()).max(1)));
        let middle = editor.buffer.text().len_lines() / 2;
        editor.go_to_line(middle);
        editor.measure("keystroke", type_a_letter);
        editor.measure("caret down", |_, _| key(Key::ArrowDown, Modifiers::NONE));
        editor.measure("page down", |_, _| key(Key::PageDown, Modifiers::NONE));
        editor.measure("edit far above", |editor, _| {
            if let Err(error) = editor.buffer.replace(0..0, "remote\n") {
                println!("{error}");
            }
            Vec::new()
        });
        editor.measure("idle", |_, _| Vec::new());
        editor.measure("jump", |editor, number| {
            let line = editor.buffer.text().len_lines() * (number * 37 % 100) / 100;
            let at = editor.buffer.text().line_to_char(line);
            editor.state.select(editor.buffer.text(), Selection::caret(at));
            Vec::new()
        });
        editor.go_to_line(middle);
        editor.measure("20 guests moving", |editor, number| {
            editor.guests = guests(&editor.buffer, editor.state.selection(editor.buffer.text()).head + number % 7);
            Vec::new()
        });
    }
    println!("1 MB in one line");
    let mut editor = Editor::new(&LINE.replace('\n', " ").repeat(1_000_000 / LINE.len()));
    editor.state.select(editor.buffer.text(), Selection::caret(500_000));
    editor.measure("keystroke", type_a_letter);
    editor.measure("caret down", |_, _| key(Key::ArrowDown, Modifiers::NONE));
}

fn type_a_letter(_: &mut Editor, number: usize) -> Vec<Event> {
    vec![Event::Text(["x", "y", " "][number % 3].to_owned())]
}

/// Carets of twenty others, a few lines apart.
fn guests(buffer: &LocalBuffer, at: usize) -> Vec<Guest> {
    let guest = |number: u8| {
        let caret = buffer.text().anchor(at + usize::from(number) * 60, Bias::Left);
        let replica = ReplicaId::from_bytes([number; 16]);
        Guest { replica, name: format!("Guest {number}"), colour: number, caret, tail: caret }
    };
    (0..20).map(guest).collect()
}
