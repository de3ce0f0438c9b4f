//! Which driver a device node belongs to, by its number (the kernel's `admin-guide/devices.txt`).

/// A device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// `/dev/sg0`.
    Generic,
    /// `/dev/nst0`.
    Tape,
    /// `/dev/st0`.
    AutoRewinding,
    /// `/dev/sch0`.
    Changer,
    /// Anything else.
    Other,
}

/// In the number of an `st` node: it does not rewind when it is closed.
const NO_REWIND: u32 = 0x80;

impl Node {
    /// The node with this number.
    pub(super) fn of(major: u32, minor: u32) -> Self {
        match major {
            21 => Self::Generic,
            9 if minor & NO_REWIND == 0 => Self::AutoRewinding,
            9 => Self::Tape,
            86 => Self::Changer,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_known_by_their_numbers() {
        for (number, node) in [
            ((21, 0), Node::Generic),
            ((21, 130), Node::Generic),
            ((9, 0), Node::AutoRewinding),
            // /dev/st0l: bits 5 and 6 are the mode.
            ((9, 32), Node::AutoRewinding),
            ((9, 128), Node::Tape),
            ((9, 255), Node::Tape),
            // Drive 32 and above: the number goes on above the eight bits.
            ((9, 256), Node::AutoRewinding),
            ((9, 384), Node::Tape),
            ((86, 0), Node::Changer),
            ((8, 0), Node::Other),
        ] {
            assert_eq!(Node::of(number.0, number.1), node, "{number:?}");
        }
    }
}
