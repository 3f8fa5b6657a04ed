//! A document that the relay's operator closes: what its devices make of it.

use super::*;

#[test]
fn who_is_refused_a_closed_document_keeps_everything_and_does_not_try_again_by_itself() {
    let mut world = World::online(2);
    world.write(0, "open");
    let document = keys().document();
    world.gate.close_documents([document].into());
    world.settle();
    assert_eq!(world.refused, [RefusalReason::Closed, RefusalReason::Closed]);
    world.write(0, ", closed");
    assert_eq!(world.text(0), "open, closed");
    for device in &world.devices {
        assert_eq!(*device.replica.link(), LinkState::Off);
        assert_eq!(device.replica.refusal().map(|refusal| refusal.reason), Some(RefusalReason::Closed));
        assert!(device.replica.poll_timeout().is_none(), "until somebody asks for it");
    }
    world.go_online(0);
    assert_eq!(world.refused.len(), 3, "it is asked for, and still closed");
    assert_eq!(world.store.log.len(), 4, "nothing is taken, and nothing deleted");
    world.gate.close_documents([].into());
    world.go_online(0);
    world.go_online(1);
    world.assert_equal();
    assert_eq!(world.text(1), "open, closed");
}
