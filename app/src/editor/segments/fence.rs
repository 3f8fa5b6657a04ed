//! Fenced code: which lines open and close a block, summed so that any line knows whether it stands in one.

/// What a line is to fenced code.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FenceLine(u8);

const FENCE: u8 = 1;
const TILDE: u8 = 2;
const LONG: u8 = 4;
const BARE: u8 = 8;

impl FenceLine {
    /// Reads a line: a fence is at least three backticks or tildes, indented by at most three spaces.
    pub fn of(line: &str) -> Self {
        let content = line.trim_start_matches(' ');
        if line.len() - content.len() > 3 {
            return Self::default();
        }
        let Some(sign) = content.chars().next().filter(|sign| matches!(sign, '`' | '~')) else {
            return Self::default();
        };
        let info = content.trim_start_matches(sign);
        let length = content.len() - info.len();
        if length < 3 || (sign == '`' && info.contains('`')) {
            return Self::default();
        }
        let mut line = FENCE;
        line |= if sign == '~' { TILDE } else { 0 };
        line |= if length > 3 { LONG } else { 0 };
        line |= if info.trim().is_empty() { BARE } else { 0 };
        Self(line)
    }

    /// Whether the line is written as a fence.
    pub const fn is_fence(self) -> bool {
        self.0 & FENCE != 0
    }
}

/// Where lines stand to fenced code: for each state in front of them, the state behind them. Lengths are told apart as three
/// and more than three, which is what blocks within blocks need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fence([u8; 5]);

const OUTSIDE: u8 = 0;

impl Default for Fence {
    fn default() -> Self {
        Self([0, 1, 2, 3, 4])
    }
}

impl Fence {
    /// What one line does.
    pub fn of(line: FenceLine) -> Self {
        let mut after = Self::default();
        if !line.is_fence() {
            return after;
        }
        let tilde = line.0 & TILDE != 0;
        let long = line.0 & LONG != 0;
        let opened = 1 + 2 * u8::from(tilde) + u8::from(long);
        after.0[usize::from(OUTSIDE)] = opened;
        if line.0 & BARE != 0 {
            after.0[usize::from(1 + 2 * u8::from(tilde))] = OUTSIDE;
            if long {
                after.0[usize::from(2 + 2 * u8::from(tilde))] = OUTSIDE;
            }
        }
        after
    }

    /// This, then `next`.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self(self.0.map(|state| next.0[usize::from(state)]))
    }

    /// Whether what follows these lines, from the start of the text, is in a block.
    pub const fn is_inside(self) -> bool {
        self.0[0] != OUTSIDE
    }

    /// A small number for each state that a line can begin in.
    pub const fn state(self) -> u8 {
        self.0[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], inside: &[bool]) {
        let mut fence = Fence::default();
        let found: Vec<bool> = lines
            .iter()
            .map(|line| {
                let before = fence.is_inside();
                fence = fence.then(Fence::of(FenceLine::of(line)));
                before
            })
            .collect();
        assert_eq!(found, inside, "{lines:?}");
    }

    #[test]
    fn a_block_ends_with_a_fence_of_its_own_kind() {
        check(&["a", "```rust", "code", "~~~", "```", "b"], &[false, false, true, true, true, false]);
        check(&["````", "```", "x", "```", "````", "b"], &[false, true, true, true, true, false]);
        check(&["~~~", "``` info", "~~~~", "b"], &[false, true, true, false]);
        check(&["```a`b", "text", "    ```", "text"], &[false, false, false, false]);
    }

    #[test]
    fn sums_may_be_taken_in_any_grouping() {
        let lines = ["```", "a", "````", "~~~", "```", "~~~~ x", "~~~"].map(|line| Fence::of(FenceLine::of(line)));
        let left = lines.iter().fold(Fence::default(), |sum, next| sum.then(*next));
        let right = lines.iter().rev().fold(Fence::default(), |sum, previous| previous.then(sum));
        assert_eq!(left, right);
    }
}
