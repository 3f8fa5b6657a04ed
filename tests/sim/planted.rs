//! Faults to plant, one at a time, so that the judges are judged: each breaks a promise, and something must notice.
//!
//! A fault is a piece of the code and what to put there in its place; a test holds that each piece is still where it is said to be.

/// A fault.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What it is.
    pub name: &'static str,
    /// The file, from the project's folder.
    pub file: &'static str,
    /// A piece of it that is there once.
    pub from: &'static str,
    /// What stands there when the fault is planted.
    pub to: &'static str,
}

const fn fault(name: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Fault {
    Fault { name, file, from, to }
}

const OUTBOX: &str = "crdt/src/sync/replica/outbox.rs";
const FRAMES: &str = "crdt/src/sync/replica/frames.rs";
const LINK: &str = "crdt/src/sync/replica/link.rs";
const RELAY: &str = "crdt/src/sync/relay.rs";
const RELAY_LINK: &str = "crdt/src/sync/relay/link.rs";
const RELAY_LOG: &str = "crdt/src/sync/relay/log.rs";
const APPEND: &str = "crdt/src/sync/relay/append.rs";
const GREET: &str = "crdt/src/sync/relay/greet.rs";
const CAUSAL: &str = "crdt/src/causal.rs";
const DOCUMENT: &str = "crdt/src/document.rs";
const SEALED: &str = "crdt/src/sealed.rs";
const SECURE: &str = "crdt/src/sync/secure.rs";
const GATE: &str = "crdt/src/sync/relay/gate.rs";

/// All of them.
pub const FAULTS: &[Fault] = &[
    fault(
        "the relay acks what it has received",
        RELAY_LINK,
        "Frame::Ack { count: log.durable_version.get(self.replica) }",
        "Frame::Ack { count: log.version.get(self.replica) }",
    ),
    fault(
        "the relay acks before its disk has answered",
        RELAY_LOG,
        "        self.version.observe(entry.replica, entry.end_seq);\n",
        "        self.version.observe(entry.replica, entry.end_seq);\n        self.durable_version.observe(entry.replica, entry.end_seq);\n",
    ),
    fault(
        "a welcome names what is not on disk",
        GREET,
        "version: log.durable_version.clone(),",
        "version: log.version.clone(),",
    ),
    fault("a progress names positions that are not on disk", RELAY_LINK, "self.cursor.min(log.durable)", "self.cursor"),
    fault(
        "a resume is trusted whatever the store",
        GREET,
        "resume.epoch == self.epoch && resume.position",
        "resume.position",
    ),
    fault(
        "a resume is trusted where the log has a gap",
        RELAY_LINK,
        "if self.phase == Phase::Trusting && known < entry.short.first_seq {",
        "if self.phase == Phase::Trusting && known > entry.short.first_seq {",
    ),
    fault(
        "a resume is trusted to the log's end",
        RELAY_LINK,
        "if self.phase == Phase::Trusting && log.version",
        "if self.phase == Phase::Live && log.version",
    ),
    fault(
        "the relay takes what lacks its past",
        APPEND,
        "Ok((envelope, Delivery::Delivered)) => self.append(conn, &envelope),",
        "Ok((envelope, Delivery::Delivered | Delivery::HeldBack)) => self.append(conn, &envelope),",
    ),
    fault("the relay appends behind a gap", APPEND, "let position = log.head();", "let position = log.head() + 1;"),
    fault(
        "the relay forgets that it read",
        APPEND,
        "link.unappended_bytes -= bytes;",
        "link.unappended_bytes += bytes;",
    ),
    fault("the relay goes on after its disk has failed", RELAY, "self.end(RefusalReason::Storage);", ""),
    fault(
        "a subscriber is skipped over",
        RELAY_LINK,
        "self.cursor += 1;",
        "self.cursor += 1 + u64::from(self.cursor % 16 == 9);",
    ),
    fault(
        "what is not on disk leaves the memory",
        RELAY_LOG,
        "match self.ring.drop_oldest_below(self.durable) {",
        "match self.ring.drop_oldest_below(u64::MAX) {",
    ),
    fault(
        "the link whose greeting comes last stays",
        GREET,
        "is_some_and(|other| other.opened > opened)",
        "is_some_and(|other| other.opened == u64::MAX)",
    ),
    fault(
        "a device sends what is not on its disk",
        OUTBOX,
        "while self.cursor < self.durable {",
        "while self.cursor < document.log().len() {",
    ),
    fault(
        "a greeting claims what is not on disk",
        LINK,
        "version: self.outbox.durable_version().clone(),",
        "version: self.document.version().clone(),",
    ),
    fault(
        "a failed write is not tried again",
        OUTBOX,
        "self.asked = self.durable;",
        "self.asked = if self.asked > self.durable { self.asked } else { self.durable };",
    ),
    fault(
        "sent counts as saved",
        FRAMES,
        "self.waiting.set_saved(count, now.monotonic_us);",
        "self.waiting.set_saved(self.outbox.own_sent(), now.monotonic_us);",
    ),
    fault(
        "a relay that lost something is not refilled",
        OUTBOX,
        "self.cursor = if is_up_to_date { self.durable } else { 0 };",
        "self.cursor = self.durable;",
    ),
    fault(
        "a Missing is not answered",
        FRAMES,
        "        self.rewind(version);\n        Ok(())",
        "        drop(version);\n        Ok(())",
    ),
    fault(
        "silence is never suspected",
        LINK,
        "(self.link.detector.tick(now), LinkError::Silent)",
        "(false, LinkError::Silent)",
    ),
    fault("a copy is not noticed", FRAMES, "if there > sent {", "if there > sent && sent == u64::MAX {"),
    fault(
        "one bad author ends the link",
        FRAMES,
        "ReceiveError::Document { .. } | ReceiveError::Causal(CausalError::Full { .. }) = error",
        "_ = error",
    ),
    fault(
        "what is held back is dropped",
        DOCUMENT,
        "self.held.hold(envelope.header().clone(), envelope.bytes().len(), envelope)?;",
        "",
    ),
    fault(
        "what is held back stays so",
        DOCUMENT,
        "                self.deliver(&envelope, received)?;\n                self.deliver_held(received);",
        "                self.deliver(&envelope, received)?;",
    ),
    fault("a double is taken for new", CAUSAL, "if header.end_seq() <= count {", "if header.end_seq() < count {"),
    fault(
        "deps are not looked at",
        CAUSAL,
        "header.first_seq == count && header.deps.iter().all(|(replica, units)| units <= delivered.get(replica))",
        "header.first_seq == count",
    ),
    fault(
        "deps are looked at one too few",
        CAUSAL,
        "units <= delivered.get(replica))",
        "units <= delivered.get(replica) + 1)",
    ),
    fault(
        "deps leave out what has just come",
        DOCUMENT,
        "            self.moved.observe(header.replica, header.end_seq());\n",
        "            self.moved.observe(header.replica, header.first_seq);\n",
    ),
    fault(
        "the version moves before the change is checked",
        DOCUMENT,
        "        let header = envelope.header();\n        let author = self.authors.author(header.replica);\n",
        "        let header = envelope.header();\n        self.version.observe(header.replica, header.end_seq());\n        let author = self.authors.author(header.replica);\n",
    ),
    fault(
        "a delivery does not commit what was typed",
        DOCUMENT,
        "        self.commit();\n        let lamport",
        "        let lamport",
    ),
    fault(
        "ties are broken the wrong way round",
        "crdt/src/text/integrate.rs",
        "known.units.id(sibling).cmp(&id)",
        "id.cmp(&known.units.id(sibling))",
    ),
    fault(
        "siblings stand in the order of arrival",
        "crdt/src/text/integrate.rs",
        "right_position.cmp(&other).then_with(by_id) == Ordering::Less",
        "right_position.cmp(&other).then_with(by_id) != Ordering::Greater || right == right_unit",
    ),
    fault(
        "the last to come wins",
        "crdt/src/map.rs",
        "let at = entries.partition_point(|other| other.rank() > entry.rank());",
        "let at = 0;",
    ),
    fault(
        "a write replaces what its author had not seen",
        "crdt/src/map.rs",
        "entries.retain(|other| !seen(other.id) && other.id != entry.id);",
        "entries.clear();",
    ),
    fault(
        "timestamps forget the past",
        "crdt/src/document/authors.rs",
        "largest.max(previous.unwrap_or_default()).plus(1)",
        "previous.unwrap_or_default().plus(1)",
    ),
    fault(
        "a checkpoint forgets what was deleted last",
        "app/src/shell/loader.rs",
        "let start = document.log().len();\n    for (position, bytes) in (start..).zip(log) {",
        "let start = document.log().len();\n    let kept = log.len().saturating_sub(1);\n    for (position, bytes) in (start..).zip(log).take(kept) {",
    ),
    fault(
        "the library does not wait for its disk",
        "app/src/shell/store/library.rs",
        "transaction.set_durability(Durability::Immediate)?;",
        "transaction.set_durability(Durability::None)?;",
    ),
    fault(
        "the relay's log does not wait for its disk",
        "sync-server/src/log.rs",
        "transaction.set_durability(Durability::Immediate)?;",
        "transaction.set_durability(Durability::None)?;",
    ),
    fault(
        "an undo takes the neighbour's character",
        "crdt/src/document/undoing.rs",
        "self.delete_inside(range, false);",
        "self.delete_inside(range.start..(range.end + 1).min(self.text.len_chars()), false);",
    ),
    fault(
        "sealed: any signature will do",
        SEALED,
        "if keys::verify(&self.author.key, &signed_text(&self.author.hash), signature) {",
        "if keys::verify(&self.author.key, &signed_text(&self.author.hash), signature) || signature.len() > 1 {",
    ),
    fault(
        "sealed: a signature that nobody verified is kept",
        SECURE,
        "sealed.signature().copied().filter(|_| held.len() == 0);",
        "sealed.signature().copied();",
    ),
    fault("sealed: a reader looks at no signature", SECURE, "            last.sealed.verify()?;\n", ""),
    fault(
        "sealed: the relay looks at no signature",
        GATE,
        "let is_whole = sealed.verify().map_err(refused)?;",
        "let is_whole = sealed.signature().is_some();",
    ),
    fault(
        "sealed: the place in the chain is not looked at",
        SEALED,
        "if parts.previous[..] != hash[..PREVIOUS_BYTES] {",
        "if false {",
    ),
    fault(
        "sealed: anybody certifies himself",
        SEALED,
        "                certificate.verify(envelope.document(), write_public, header.replica)?;\n",
        "                let _ = write_public;\n",
    ),
    fault(
        "sealed: one nonce for everything",
        SEALED,
        "    core::array::from_fn(|at| hash.as_bytes()[at])\n",
        "    core::array::from_fn(|at| hash.as_bytes()[at] & 0)\n",
    ),
    fault(
        "sealed: a proof is good at any address",
        GATE,
        "if !door.addresses.iter().chain(&self.policy.names).any(|name| *name == proof.address) {",
        "if false {",
    ),
    fault(
        "sealed: a proof is good for any challenge",
        GATE,
        "verified.map_err(|_| (RefusalReason::Access, 0, 0))?;",
        "let _ = verified;",
    ),
    fault(
        "an anchor forgets the character that it stands behind",
        "crdt/src/text.rs",
        "map(|(position, visible)| position + usize::from(visible))",
        "map(|(position, _)| position)",
    ),
];
