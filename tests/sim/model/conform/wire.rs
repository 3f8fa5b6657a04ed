//! Frames as they travel, in the model's words.

use quire_crdt::sync::frame::{ChangeReader, Frame as RealFrame, Refusal, RefusalReason, Welcome};
use quire_crdt::{DocumentId, ReplicaId};

use super::super::state::{Frame, Resume, Version};
use super::REPLICAS_MAX;
use super::names::Names;
use crate::network::Way;

/// What a frame says.
pub(super) enum Said {
    /// Something that the model knows.
    Frame(Frame<REPLICAS_MAX>),
    /// A replica has this on its disk.
    Held(Version<REPLICAS_MAX>),
    /// Something that is best effort.
    Other,
}

/// Both directions of a link.
#[derive(Debug)]
pub(super) struct Wire {
    up: ChangeReader,
    down: ChangeReader,
}

impl Wire {
    pub(super) fn new(document: DocumentId, replica: ReplicaId) -> Self {
        Self { up: ChangeReader::new(document, replica), down: ChangeReader::new(document, replica) }
    }

    /// The next frame of one direction; `of` is the replica, the relay and the number of its store.
    pub(super) fn read(
        &mut self,
        names: &mut Names,
        frame: &[u8],
        way: Way,
        of: (usize, usize, u32),
    ) -> Result<Said, String> {
        let (replica, relay, store) = of;
        let said = match RealFrame::decode(frame).map_err(|error| error.to_string())? {
            RealFrame::Change(body) => {
                let reader = if way == Way::Up { &mut self.up } else { &mut self.down };
                let envelope = reader.read(body).map_err(|error| error.to_string())?;
                Frame::Change(names.change(envelope.header())?)
            }
            RealFrame::Hello(hello) => {
                let version = names.version(&hello.version)?;
                let place = |resume: quire_crdt::sync::frame::Resume| {
                    let (relay, epoch) =
                        names.place_of(&resume.epoch).ok_or("it names an epoch that no relay named")?;
                    let position = usize::try_from(resume.position).map_err(|error| error.to_string())?;
                    Ok::<_, String>(Resume { relay, epoch, position, losses: 0 })
                };
                Frame::Hello(version, hello.resume.map(place).transpose()?)
            }
            RealFrame::Welcome(Welcome { epoch, version, durable, head, .. }) => {
                names.name_epoch(relay, store, epoch)?;
                let version = names.version(&version)?;
                if names.count(replica, durable)? != version.get(replica) {
                    return Err(format!("durable is {durable}, and not what the version says"));
                }
                Frame::Welcome { epoch: store, head: super::position(head), version }
            }
            RealFrame::Ack { count } => Frame::Ack(names.count(replica, count)?),
            RealFrame::Progress { position, .. } => Frame::Progress(super::position(position)),
            RealFrame::Missing { version } => Frame::Missing(names.version(&version)?),
            RealFrame::Refused(refusal) => Frame::Refused { stop: is_for_good(refusal)? },
            RealFrame::Held { version, .. } => return Ok(Said::Held(names.version(&version)?)),
            RealFrame::Challenge { .. } | RealFrame::Proof(_) | RealFrame::Chains(_) => {
                return Err("a frame of a sealed link".to_owned());
            }
            RealFrame::Presence { .. } | RealFrame::Digest { .. } | RealFrame::Ping { .. } | RealFrame::Pong { .. } => {
                return Ok(Said::Other);
            }
        };
        Ok(Said::Frame(said))
    }
}

/// Whether a relay refuses for good; in a run where nobody is at fault there are few reasons to refuse.
fn is_for_good(refusal: Refusal) -> Result<bool, String> {
    match refusal.reason {
        RefusalReason::Malformed
        | RefusalReason::Protocol
        | RefusalReason::FrameBytes
        | RefusalReason::Replicas
        | RefusalReason::Missing => Err(format!("the model knows no reason to refuse like this: {refusal:?}")),
        _ => Ok(refusal.retry_after_ms == 0),
    }
}

/// The first byte of a frame.
pub(super) const fn tag<const N: usize>(frame: &Frame<N>) -> u8 {
    match frame {
        Frame::Hello(..) => 0,
        Frame::Welcome { .. } => 1,
        Frame::Change(_) => 2,
        Frame::Ack(_) => 3,
        Frame::Progress(_) => 4,
        Frame::Missing(_) => 5,
        Frame::Refused { .. } => 10,
    }
}

/// Whether the model knows frames of this kind.
pub(super) fn is_modelled(frame: &[u8]) -> bool {
    matches!(frame.first(), Some(0..=5 | 10))
}
