//! A recording replayed: by its writer, and by somebody who receives it.

use std::iter;

use anyhow::{Context, Result};

use super::{Session, verify};
use crate::OURS;
use crate::edits::Edits;
use crate::measure::{Deadline, Limits, Timing, measure};
use crate::peer::{Outbox, Peer, Synced};
use crate::trace::Trace;

/// A writer's replica at the end of its edits.
///
/// # Errors
/// What the library says; when it takes too long.
pub fn finish<P: Peer>(edits: &Edits, deadline: &Deadline) -> Result<P> {
    let mut writer = P::new(0)?;
    replay(&mut writer, edits, deadline)?;
    Ok(writer)
}

pub(super) fn replay<P: Peer>(writer: &mut P, edits: &Edits, deadline: &Deadline) -> Result<()> {
    let mut in_time = Ok(());
    let row = edits.iter().map_while(|edit| {
        in_time = deadline.check();
        in_time.is_ok().then_some(edit)
    });
    writer.edit_all(row)?;
    in_time?;
    writer.settle()
}

/// An edit at a time.
pub(super) fn local<P: Peer>(limits: Limits, edits: &Edits, trace: &Trace) -> Result<Timing> {
    let (timing, writer) = measure(
        limits,
        || P::new(0),
        |mut writer, deadline| {
            replay(&mut writer, edits, deadline)?;
            Ok(writer)
        },
    )?;
    verify(&writer.text()?, &trace.end)?;
    Ok(timing)
}

/// An edit at a time, and a change to be sent for each.
pub(super) fn local_encoded<P: Synced>(limits: Limits, edits: &Edits, trace: &Trace) -> Result<Timing> {
    let (timing, (writer, _)) = measure(
        limits,
        || Ok((P::new(0)?, Outbox::sending())),
        |(mut writer, mut outbox), deadline| {
            for edit in edits.iter() {
                writer.transact(iter::once(edit), &mut outbox)?;
                deadline.check()?;
            }
            Ok((writer, outbox))
        },
    )?;
    verify(&writer.text()?, &trace.end)?;
    Ok(timing)
}

/// A replica that starts with nothing receives every change, in the order in which they were made.
pub(super) fn remote<P: Synced>(limits: Limits, session: &mut Session<'_, P>) -> Result<Timing> {
    let changes = session.changes()?;
    let (timing, reader) = measure(
        limits,
        || P::new(session.trace.agents),
        |mut reader, deadline| {
            for change in &changes.messages {
                reader.receive(change)?;
                deadline.check()?;
            }
            Ok(reader)
        },
    )?;
    let text = reader.text()?;
    verify(&text, &session.end()?)?;
    if P::NAME == OURS && text != session.trace.end {
        eprintln!("{}: our replicas agree, but on another text than the recording's", session.trace.name);
    }
    Ok(timing)
}

/// The bytes of a change that types one character, the one in the middle of all of the recording's.
pub(super) fn wire<P: Synced>(session: &mut Session<'_, P>) -> Result<Timing> {
    let mut typed = session.changes()?.typed_bytes.clone();
    typed.sort_unstable();
    let middle = *typed.get(typed.len() / 2).context("nobody types a single character")?;
    Ok(Timing::exactly(middle))
}
