//! What is done, as the plan says.

use super::{World, code};
use crate::hostile::Hello;
use crate::network::Way;
use crate::plan::{Act, Deed, Nonsense};

impl World {
    pub(super) fn act(&mut self, act: Act) -> Result<(), String> {
        let number = self.next_act as u64;
        self.story.note(self.now_us, [code::ACT, number], || act.to_string());
        match act {
            Act::Person(at, deed) => self.deed(at, deed),
            Act::Device(at, fate) => self.fate(at, fate),
            Act::Relay(at, fate) => self.relay_fate(at, fate),
            Act::Partition { devices, relays, up, down, for_us } => {
                self.network.part(devices, relays, (up, down), self.now_us + for_us);
                Ok(())
            }
            Act::Tamper { device, up, attack } => {
                if let Some(tamperer) = &mut self.tamperer {
                    tamperer.arm(device, up, attack);
                }
                Ok(())
            }
            Act::Stranger(relay, nonsense) => {
                self.stranger_says(relay, nonsense);
                Ok(())
            }
        }
    }

    /// A person does something at a device that runs.
    fn deed(&mut self, at: usize, deed: Deed) -> Result<(), String> {
        if let Deed::Close(for_us) = deed {
            return self.close(at, for_us);
        }
        let node = &mut self.devices[at];
        let now = node.clock.now(self.now_us);
        let Some(replica) = node.replica.as_mut().filter(|_| node.paused_us.is_none()) else { return Ok(()) };
        match deed {
            Deed::Online => replica.go_online(now),
            Deed::Offline => replica.go_offline(now),
            Deed::UseRelay(relay) => {
                replica.go_offline(now);
                replica.go_online(now);
                node.relay = relay;
            }
            deed => node.perform(self.now_us, deed, &mut self.recording)?,
        }
        self.see(at)
    }

    /// The program is closed, and not started before so much time has passed.
    fn close(&mut self, at: usize, for_us: u64) -> Result<(), String> {
        let node = &mut self.devices[at];
        node.paused_us = None;
        match (&node.replica, node.starts_us) {
            (None, Some(starts_us)) => node.starts_us = Some(starts_us.max(self.now_us + for_us)),
            (None, None) => {}
            (Some(_), _) => {
                node.rest();
                self.see(at)?;
                self.settle()?;
                self.crash_and_wait(at, for_us)?;
                self.devices[at].starts_us = Some(self.now_us + for_us);
            }
        }
        Ok(())
    }

    /// Somebody who keeps to no rules links to a relay, if not linked yet, and says something.
    fn stranger_says(&mut self, at: usize, nonsense: Nonsense) {
        let node = &mut self.relays[at];
        if node.relay.is_none() || node.paused_us.is_some() {
            return;
        }
        let stranger = &mut self.strangers[at];
        if stranger.conn.is_none() || matches!(nonsense, Nonsense::Hello) {
            let conn = self.network.open(None, at);
            node.handle_connected(self.now_us, conn);
            stranger.conn = Some(conn);
            let hello = stranger.hello(if matches!(nonsense, Nonsense::Hello) { Hello::Lying } else { Hello::Plain });
            for frame in stranger.now_or_later(vec![hello]) {
                self.network.send(self.now_us, conn, Way::Up, frame);
            }
        }
        if let Some(conn) = stranger.conn {
            let frames = stranger.say(nonsense);
            for frame in stranger.now_or_later(frames) {
                self.network.send(self.now_us, conn, Way::Up, frame);
            }
        }
    }
}
