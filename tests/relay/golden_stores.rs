//! The stores of every version ever released open for ever: files as version 1 of both programs wrote them.

use std::fs::File;
use std::io;
use std::path::Path;

use flate2::read::GzDecoder;
use quire_crdt::{Document, DocumentId, Envelope, Received, ReplicaId, Value};
use quire_server::Log;

use crate::processes::Device;

/// The document that both files hold: two people wrote in it at once.
const DOCUMENT: &str = include_str!("../golden/stores-v1.txt");

/// The document's id, and its text.
fn document() -> (&'static str, &'static str) {
    let (id, text) = DOCUMENT.split_once('\n').expect("a line with the id, then the text");
    (id, text)
}

fn unzip(name: &str, to: &Path) {
    let zipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    let mut bytes = GzDecoder::new(File::open(&zipped).unwrap_or_else(|error| panic!("{}: {error}", zipped.display())));
    io::copy(&mut bytes, &mut File::create(to).expect("a temporary file")).expect("a golden file can be unzipped");
}

#[test]
fn golden_library_opens() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    unzip("library-v1.redb.gz", &folder.path().join("library.redb"));
    let device = Device::new(folder.path().to_owned());
    let (id, text) = document();
    assert_eq!(device.run(&["cat", id]), text);
    let bundle = device.command(&["bundle", id, "none"]).output().expect("the program starts");
    let said = String::from_utf8_lossy(&bundle.stderr);
    assert!(!bundle.status.success() && said.contains("was made before documents had keys"), "{said}");
    let list = device.ask(&["list", "--json"]).to_string();
    assert!(list.contains(id) && list.contains("Golden"), "{list}");
}

#[test]
fn golden_relay_store_opens() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    unzip("relay-v1.redb.gz", &folder.path().join("relay.redb"));
    let log = Log::open_existing(folder.path(), 1 << 20, u64::MAX).expect("a store of version 1 opens");
    log.verify().expect("it is whole");
    let (id, text) = document();
    let id: DocumentId = id.parse().expect("an id");
    let mut document = Document::new(id, ReplicaId::from_bytes([1; 16]));
    for bytes in log.read(id, 0, usize::MAX).expect("its log can be read") {
        let envelope = Envelope::decode(bytes).expect("an envelope of version 1");
        document.receive(envelope, &mut Received::default()).expect("a sound change");
    }
    assert_eq!(document.text().slice(0..document.text().len_chars()), text);
    assert_eq!(document.map().get("title"), Some(&Value::Text("Golden".to_owned())));
}
