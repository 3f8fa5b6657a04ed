//! Whole histories: received at once, loaded, counted.

use std::iter;

use anyhow::Result;
use bytes::Bytes;

use super::{Session, verify};
use crate::edits::Edit;
use crate::measure::{Limits, Timing, measure};
use crate::peer::{Outbox, Stored};

/// A replica that starts with nothing receives everything at once, and shows its text.
pub(super) fn receive_whole<P: Stored>(limits: Limits, session: &mut Session<'_, P>) -> Result<Timing> {
    let whole = session.finished()?.whole()?;
    let (timing, (_, text)) = measure(
        limits,
        || P::new(session.trace.agents),
        |mut reader, _| {
            reader.receive_whole(&whole)?;
            let text = reader.text()?;
            Ok((reader, text))
        },
    )?;
    verify(&text, &session.end()?)?;
    Ok(timing)
}

/// A saved document is loaded, and shows its text.
pub(super) fn load<P: Stored>(limits: Limits, session: &mut Session<'_, P>) -> Result<Timing> {
    let saved = session.finished()?.save()?;
    let agent = session.trace.agents;
    let (timing, (_, text)) = measure(
        limits,
        || Ok(()),
        |(), _| {
            let loaded = P::load(&saved, agent)?;
            let text = loaded.text()?;
            Ok((loaded, text))
        },
    )?;
    verify(&text, &session.end()?)?;
    Ok(timing)
}

/// A saved document is loaded, shows its text, is edited here and receives a change of somebody else who had loaded it.
pub(super) fn load_edit<P: Stored>(limits: Limits, session: &mut Session<'_, P>) -> Result<Timing> {
    let saved = session.finished()?.save()?;
    let end = session.end()?;
    let agent = session.trace.agents;
    let (third, two_thirds) = (boundary(&end, end.len() / 3), boundary(&end, end.len() / 3 * 2));
    let place = |byte: usize| P::UNIT.len(&end[..byte]);
    let remote = change_after_load::<P>(&saved, agent + 1, place(two_thirds))?;
    let edit = Edit { at: place(third), deleted: 0, inserted: "L" };
    let (timing, loaded) = measure(
        limits,
        || Ok(()),
        |(), _| {
            let mut loaded = P::load(&saved, agent)?;
            let text = loaded.text()?;
            loaded.edit(edit)?;
            loaded.settle()?;
            remote.iter().try_for_each(|change| loaded.receive(change))?;
            Ok((loaded, text))
        },
    )?;
    let expected = format!("{}L{}R{}", &end[..third], &end[third..two_thirds], &end[two_thirds..]);
    verify(&loaded.0.text()?, &expected)?;
    Ok(timing)
}

fn change_after_load<P: Stored>(saved: &Bytes, agent: usize, at: usize) -> Result<Vec<Bytes>> {
    let mut outbox = Outbox::keeping();
    let edit = Edit { at, deleted: 0, inserted: "R" };
    P::load(saved, agent)?.transact(iter::once(edit), &mut outbox)?;
    Ok(outbox.changes())
}

/// The start of the character that this byte is part of.
fn boundary(text: &str, byte: usize) -> usize {
    (0..=byte).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The bytes of the whole history.
pub(super) fn size<P: Stored>(session: &mut Session<'_, P>) -> Result<Timing> {
    Ok(Timing::exactly(session.finished()?.smallest()?))
}
