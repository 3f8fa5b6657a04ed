//! The changes that the writers of a recording send, made before any clock starts.

use std::iter;

use anyhow::Result;
use bytes::Bytes;

use super::verify;
use crate::edits::{Edit, Edits, Unit};
use crate::measure::Deadline;
use crate::peer::{Outbox, Synced};
use crate::trace::{Patch, Trace, Transaction};

/// What the writers of a recording send.
pub struct Changes<P> {
    /// In the order in which they were made.
    pub messages: Vec<Bytes>,
    /// For each edit that types one character: how many bytes are sent for it.
    pub typed_bytes: Vec<usize>,
    /// A writer's replica that has all of them.
    pub finished: P,
}

impl<P: Synced> Changes<P> {
    /// Those of one writer, one for each edit.
    pub(super) fn of_one(agent: usize, edits: &Edits, deadline: &Deadline) -> Result<Self> {
        let mut writer = P::new(agent)?;
        let mut outbox = Outbox::keeping();
        let mut typed_bytes = Vec::new();
        for edit in edits.iter() {
            let before = outbox.sent();
            writer.transact(iter::once(edit), &mut outbox)?;
            if is_typed(edit.deleted, edit.inserted) {
                typed_bytes.push(outbox.sent() - before);
            }
            deadline.check()?;
        }
        Ok(Self { messages: outbox.changes(), typed_bytes, finished: writer })
    }

    /// Those of writers who wrote at once, one for each transaction. Each transaction is made when exactly its past is here.
    /// At the end all of them have everything, and the same text.
    pub(super) fn of_many(trace: &Trace, deadline: &Deadline) -> Result<Self> {
        let mut writers: Vec<Writer<P>> =
            (0..trace.agents).map(|agent| Writer::new(agent, trace.transactions.len())).collect::<Result<_>>()?;
        let mut sent: Vec<Vec<Bytes>> = Vec::new();
        let mut typed_bytes = Vec::new();
        for (at, transaction) in trace.transactions.iter().enumerate() {
            let writer = &mut writers[transaction.agent];
            writer.receive(trace, &transaction.parents, &sent)?;
            let (messages, bytes) = writer.write(trace, transaction)?;
            writer.has[at] = true;
            if let [Patch { deleted, inserted, .. }] = transaction.patches.as_slice()
                && is_typed(*deleted, inserted)
            {
                typed_bytes.push(bytes);
            }
            sent.push(messages);
            deadline.check()?;
        }
        let mut finished: Vec<P> = Vec::new();
        for mut writer in writers {
            for (at, messages) in sent.iter().enumerate() {
                writer.receive_one(at, messages)?;
            }
            finished.push(writer.replica);
        }
        let finished = agree(finished)?;
        Ok(Self { messages: sent.into_iter().flatten().collect(), typed_bytes, finished })
    }
}

/// One replica of several that must hold the same text.
pub(super) fn agree<P: Synced>(replicas: Vec<P>) -> Result<P> {
    let mut replicas = replicas.into_iter();
    let first = replicas.next().map_or_else(|| P::new(0), Ok)?;
    let text = first.text()?;
    for other in replicas {
        verify(&other.text()?, &text)?;
    }
    Ok(first)
}

fn is_typed(deleted: usize, inserted: &str) -> bool {
    deleted == 0 && inserted.chars().count() == 1
}

/// One of several who write at once.
struct Writer<P> {
    replica: P,
    /// Which transactions it has.
    has: Vec<bool>,
}

impl<P: Synced> Writer<P> {
    fn new(agent: usize, transactions: usize) -> Result<Self> {
        Ok(Self { replica: P::new(agent)?, has: vec![false; transactions] })
    }

    /// Receives these transactions and all of their past that is not here yet.
    fn receive(&mut self, trace: &Trace, newest: &[usize], sent: &[Vec<Bytes>]) -> Result<()> {
        let mut missing: Vec<usize> = Vec::new();
        let mut next = newest.to_vec();
        while let Some(at) = next.pop() {
            if !self.has[at] && !missing.contains(&at) {
                missing.push(at);
                next.extend(&trace.transactions[at].parents);
            }
        }
        missing.sort_unstable();
        missing.into_iter().try_for_each(|at| self.receive_one(at, &sent[at]))
    }

    fn receive_one(&mut self, at: usize, messages: &[Bytes]) -> Result<()> {
        if self.has[at] {
            return Ok(());
        }
        self.has[at] = true;
        messages.iter().try_for_each(|message| self.replica.receive(message))
    }

    /// Makes a transaction; what is to be sent, and how many bytes that has on a link.
    fn write(&mut self, trace: &Trace, transaction: &Transaction) -> Result<(Vec<Bytes>, usize)> {
        let mut outbox = Outbox::keeping();
        if trace.is_ascii || P::UNIT == Unit::Chars {
            let edit = |patch| {
                let Patch { at, deleted, inserted }: &Patch = patch;
                Edit { at: *at, deleted: *deleted, inserted }
            };
            self.replica.transact(transaction.patches.iter().map(edit), &mut outbox)?;
        } else {
            let edits = Edits::in_text(&self.replica.text()?, &transaction.patches, P::UNIT)?;
            self.replica.transact(edits.iter(), &mut outbox)?;
        }
        let bytes = outbox.sent();
        Ok((outbox.changes(), bytes))
    }
}
