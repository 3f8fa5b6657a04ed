//! A network of one's own: namespaces joined by a bridge, whose cables can be pulled, made lossy and made narrow.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the relay listens, in its namespace.
pub(crate) const RELAY: &str = "10.77.0.2:4870";
/// Where editors find it: behind the wire, in the hub.
pub(crate) const WIRE: &str = "10.77.0.1:4870";

const HUB: &str = "hub";
/// The interface inside every namespace.
const INTERFACE: &str = "eth0";

/// The namespaces; they are gone when this is dropped, with everything in them.
#[derive(Debug)]
pub(crate) struct Net {
    prefix: String,
    names: Vec<String>,
}

impl Net {
    /// A hub with a bridge; nobody is at it yet.
    pub(crate) fn new() -> Result<Self, String> {
        let mut net = Self { prefix: format!("quire{}", std::process::id()), names: Vec::new() };
        net.add_namespace(HUB)?;
        let hub = net.namespace(HUB);
        ip(&["-n", &hub, "link", "add", "bridge", "type", "bridge"])?;
        ip(&["-n", &hub, "address", "add", "10.77.0.1/16", "dev", "bridge"])?;
        ip(&["-n", &hub, "link", "set", "bridge", "up"])?;
        Ok(net)
    }

    /// A namespace of this name, with a cable to the hub and this host number.
    pub(crate) fn join(&mut self, name: &str, host: usize) -> Result<(), String> {
        self.add_namespace(name)?;
        let (hub, own, cable) = (self.namespace(HUB), self.namespace(name), cable(name));
        ip(&["-n", &hub, "link", "add", &cable, "type", "veth", "peer", "name", INTERFACE, "netns", &own])?;
        ip(&["-n", &hub, "link", "set", &cable, "master", "bridge", "up"])?;
        ip(&["-n", &own, "address", "add", &format!("10.77.0.{host}/16"), "dev", INTERFACE])?;
        ip(&["-n", &own, "link", "set", INTERFACE, "up"])
    }

    fn add_namespace(&mut self, name: &str) -> Result<(), String> {
        ip(&["netns", "add", &self.namespace(name)])?;
        self.names.push(name.to_owned());
        ip(&["-n", &self.namespace(name), "link", "set", "lo", "up"])
    }

    fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// A program in the namespace of this name. The process is the program itself.
    pub(crate) fn command(&self, name: &str, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(name)]).arg(program);
        command
    }

    /// A program in the hub.
    pub(crate) fn command_in_hub(&self, program: &Path) -> Command {
        self.command(HUB, program)
    }

    /// Pulls the cable, or plugs it in again. Nobody is told of it.
    pub(crate) fn set_link(&self, name: &str, up: bool) -> Result<(), String> {
        ip(&["-n", &self.namespace(HUB), "link", "set", &cable(name), if up { "up" } else { "down" }])
    }

    /// So many packets in a hundred are lost, each way.
    pub(crate) fn set_loss(&self, name: &str, percent: usize) -> Result<(), String> {
        let drop = format!("numgen random mod 100 < {percent} drop");
        let rules = format!(
            "add table inet soak\ndelete table inet soak\ntable inet soak {{\n\
             chain in {{ type filter hook input priority 0; iifname \"{INTERFACE}\" {drop}; }}\n\
             chain out {{ type filter hook output priority 0; oifname \"{INTERFACE}\" {drop}; }}\n}}\n"
        );
        let mut command = self.command(name, Path::new("nft"));
        let mut nft = command
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("nft: {error}"))?;
        let written = nft.stdin.take().map_or(Ok(()), |mut input| input.write_all(rules.as_bytes()));
        written.map_err(|error| format!("nft: {error}"))?;
        let output = nft.wait_with_output().map_err(|error| format!("nft: {error}"))?;
        check("nft", &output)
    }

    /// So many kilobits a second and no more can leave; `None`: as many as want to.
    pub(crate) fn set_rate(&self, name: &str, kilobits: Option<usize>) -> Result<(), String> {
        let namespace = self.namespace(name);
        let run = |arguments: &[&str]| run("tc", &[&["-n", namespace.as_str(), "qdisc"], arguments].concat());
        match kilobits {
            None => run(&["del", "dev", INTERFACE, "root"]),
            Some(kilobits) => {
                let rate = format!("{kilobits}kbit");
                run(&["replace", "dev", INTERFACE, "root", "tbf", "rate", &rate, "burst", "8kb", "latency", "800ms"])
            }
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in self.names.iter().rev() {
            if let Err(error) = ip(&["netns", "del", &self.namespace(name)]) {
                eprintln!("soak: {error}");
            }
        }
    }
}

fn cable(name: &str) -> String {
    format!("to-{name}")
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    run("ip", arguments)
}

/// Runs a program of the system to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let what = format!("{program} {}", arguments.join(" "));
    check(&what, &output.map_err(|error| format!("{what}: {error}"))?)
}

fn check(what: &str, output: &std::process::Output) -> Result<(), String> {
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{what}: {}: {}", output.status, said())) }
}
