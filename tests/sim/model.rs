//! The model: the sync protocol and causal broadcast as small abstract machines, looked through exhaustively within bounds, and the
//! judge of what the programs do.
//!
//! [`rules`] says what may happen and [`mod@take`] what comes of it; [`search`] has [`stateright`] try every order, and asks the
//! [`properties`] in every state. `docs/MODEL.md` is the page about it.

pub mod broadcast;
pub mod conform;
pub mod heal;
pub mod properties;
pub mod rules;
pub mod search;
pub mod state;
pub mod take;

pub use conform::{Conformance, Observed};
pub use rules::{Action, Mutant, allowed};
pub use search::{Bounds, Search};
pub use state::{ChangeId, State, Version};
pub use take::take;
