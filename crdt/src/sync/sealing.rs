//! Seals what a replica gives away: its own changes, and those of others with the proofs that came with them. The same bytes each time,
//! whether they go to a relay or into a [bundle](super::Bundle).

use super::replica::LinkError;
use super::seals::Seal;
use crate::envelope::Envelope;
use crate::keys::{Certificate, DocumentKeys, ReplicaKey};
use crate::sealed::{self, Author, Before, Proof};

/// Seals an own change behind so much of the own chain, and signs it if there is a `signer`.
pub(super) fn seal_own(
    keys: &DocumentKeys,
    certificate: Option<&Certificate>,
    before: Option<&Author>,
    envelope: &Envelope,
    signer: Option<&ReplicaKey>,
) -> Result<(Envelope, Author), LinkError> {
    let header = envelope.header();
    let before = match (before, certificate) {
        (Some(author), _) if author.count == header.first_seq => Before::Author(author),
        (None, Some(certificate)) if header.first_seq == 0 => Before::Nothing(certificate),
        _ => return Err(LinkError::Unproved { replica: header.replica }),
    };
    Ok(sealed::seal(envelope, keys, before, signer.map_or(Proof::None, Proof::Sign))?)
}

/// Seals what another replica made behind so much of its chain, with the proof that came with it.
pub(super) fn seal_known(
    keys: &DocumentKeys,
    before: Option<&Author>,
    envelope: &Envelope,
    seal: Option<&Seal>,
) -> Result<(Envelope, Author), LinkError> {
    let header = envelope.header();
    let unproved = LinkError::Unproved { replica: header.replica };
    let seal = seal.ok_or(unproved)?;
    let before = match (before, &seal.certificate) {
        (Some(before), _) if before.count == header.first_seq => Before::Author(before),
        (None, Some(certificate)) => Before::Nothing(certificate),
        _ => return Err(unproved),
    };
    Ok(sealed::seal(envelope, keys, before, seal.signature.as_ref().map_or(Proof::None, Proof::Known))?)
}
