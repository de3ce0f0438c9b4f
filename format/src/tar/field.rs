//! Where the fields of a ustar header are.

/// Where a field begins, and how long it is.
pub(super) type Field = (usize, usize);

pub(super) const NAME: Field = (0, 100);
pub(super) const MODE: Field = (100, 8);
pub(super) const UID: Field = (108, 8);
pub(super) const GID: Field = (116, 8);
pub(super) const SIZE: Field = (124, 12);
pub(super) const MTIME: Field = (136, 12);
pub(super) const CHECKSUM: Field = (148, 8);
pub(super) const TYPE: usize = 156;
pub(super) const LINK: Field = (157, 100);
/// `ustar`, a zero byte and two digits; GNU tar's own format has `ustar`, two spaces and a zero byte.
pub(super) const MAGIC: Field = (257, 8);
pub(super) const USER: Field = (265, 32);
pub(super) const GROUP: Field = (297, 32);
pub(super) const MAJOR: Field = (329, 8);
pub(super) const MINOR: Field = (337, 8);
/// The first part of a long name. GNU tar's own format keeps other things here.
pub(super) const PREFIX: Field = (345, 155);

/// In GNU tar's own format, a sparse file has four of its extents in the header …
pub(super) const GNU_EXTENTS: Field = (386, 4 * 24);
/// … then whether a block with more follows …
pub(super) const GNU_EXTENDED: usize = 482;
/// … and the length of the file.
pub(super) const GNU_REAL_SIZE: Field = (483, 12);
/// Such a block has 21 extents …
pub(super) const GNU_MORE_EXTENTS: Field = (0, 21 * 24);
/// … and whether one more block follows.
pub(super) const GNU_MORE_EXTENDED: usize = 504;
