//! Who takes part in a run.

use quire_crdt::keys::DocumentKeys;

use super::{World, document_id, replica_id};
use crate::backing::Backing;
use crate::checker::Checker;
use crate::hostile::Stranger;
use crate::keyring::{self, Documents, Keys};
use crate::node::Node;
use crate::plan::{Act, Holds, Plan};
use crate::relay_node::RelayNode;
use crate::rng::Rng;
use crate::tamper::Tamperer;

/// Everybody.
pub(super) struct Cast {
    pub(super) documents: Documents,
    pub(super) devices: Vec<Node>,
    pub(super) relays: Vec<RelayNode>,
    pub(super) strangers: Vec<Stranger>,
    pub(super) tamperer: Option<Tamperer>,
    pub(super) checker: Checker,
}

/// The keys of the documents of a run whose links are sealed.
type DocumentsKeys = [DocumentKeys; 2];

impl Cast {
    /// Those of a plan.
    pub(super) fn of(plan: &Plan) -> Result<Self, String> {
        let keys: Option<DocumentsKeys> =
            plan.sealed.map(|_| [0, 1].map(|number| keyring::document_keys(&mut World::chance(plan, 5, number))));
        let documents = keys.as_ref().map_or([0, 1].map(document_id), |keys| [keys[0].document(), keys[1].document()]);
        let devices = devices(plan, documents, keys.as_ref())?;
        let relay = |(at, relay)| {
            let policy = plan.sealed.map(|_| keyring::policy(at));
            RelayNode::new(relay, &plan.knobs, policy, World::chance(plan, 2, at))
        };
        let relays = plan.relays.iter().enumerate().map(relay).collect::<Result<_, String>>()?;
        let strangers = strangers(plan, documents, keys.as_ref());
        let mut checker = Checker::new(plan.devices.len(), plan.has_silence(), plan.has_clones());
        let known = devices.iter().filter_map(|node| Some((node.id, node.keys.clone()?))).collect();
        checker.expect_seals(keys.as_ref().map(|_| known));
        strangers.iter().filter_map(Stranger::author).for_each(|author| checker.expect_author(author));
        let tamperer = keys.map(|keys| tamperer(plan, &keys[0], &devices));
        let tampers = |plan: &Plan| plan.acts.iter().any(|timed| matches!(timed.act, Act::Tamper { .. }));
        let tamperer = tamperer.filter(|_| tampers(plan));
        Ok(Self { documents, devices, relays, strangers, tamperer, checker })
    }
}

fn devices(plan: &Plan, documents: Documents, keys: Option<&DocumentsKeys>) -> Result<Vec<Node>, String> {
    let device = |(at, device): (usize, &crate::plan::DevicePlan)| {
        let mut chance = World::chance(plan, 1, at);
        let (id, number) = (replica_id(&mut chance, at), usize::from(device.document));
        let own = || keyring::replica_key(&mut World::chance(plan, 6, at));
        let keys = keys.map(|keys| Keys { document: keys[number].clone(), own: own() });
        let is_viewer = plan.sealed.is_some_and(|sealed| sealed.viewers >> (at % 64) & 1 == 1);
        let keys = if is_viewer { keys.as_ref().map(Keys::as_viewer) } else { keys };
        let id = keys.as_ref().map_or(id, |keys| keys.own.id());
        let mut node = Node::new(documents[number], id, device, chance);
        node.keys = keys;
        node.backing = plan.knobs.real_stores.then(|| Backing::of_editor(id)).transpose()?;
        Ok(node)
    };
    plan.devices.iter().enumerate().map(device).collect()
}

fn strangers(plan: &Plan, documents: Documents, keys: Option<&DocumentsKeys>) -> Vec<Stranger> {
    let stranger = |relay| {
        let holds = plan.sealed.map_or(Holds::Id, |sealed| sealed.strangers);
        let own = || keyring::replica_key(&mut World::chance(plan, 7, relay));
        let keys = keys.map(|keys| Keys { document: keys[0].clone(), own: own() });
        let keys = match holds {
            Holds::Id => None,
            Holds::Viewer => keys.as_ref().map(Keys::as_viewer),
            Holds::Editor => keys,
        };
        Stranger::new(documents[0], relay, keys, World::chance(plan, 3, relay))
    };
    (0..plan.relays.len()).map(stranger).collect()
}

fn tamperer(plan: &Plan, document: &DocumentKeys, devices: &[Node]) -> Tamperer {
    let mut rng: Rng = World::chance(plan, 8, 0);
    let keys = Keys { document: document.clone(), own: keyring::replica_key(&mut rng) };
    Tamperer::new(keys.as_viewer(), devices.iter().map(|node| node.id).collect(), rng)
}
