//! The words of the trade, one meaning each.
//!
//! A **dump** is one backup of one **DLE** (disk list entry: one tree, or database, on one host) at one
//! **level**: level 0 is all, level n is what changed since the newest dump of a lower level. Its **image**
//! is the sequence of **frames** that the client made, first to last. The image waits on the **holding**
//! disk, and the *scribe* writes it to **volumes** as **parts**, each in one **file** of a volume. The
//! *clerk* reads it back.
//!
//! A **volume** is a labelled medium as the **catalogue** knows it: the catalogue knows dumps, parts,
//! volumes and copies, and the **index** of a dump knows its paths. The **label** is the name written in
//! file 0, the **barcode** is what the sticker claims. Volumes used alike form a **pool**; a pool with the
//! changer, policy and taper settings that use it is a **storage**.
//!
//! A changer has **slots**, **mail slots** and **drives**, and an **arm** that carries **cartridges**
//! between them. A cartridge that is in a drive is *loaded*; when its label was read and is right, the
//! volume is *mounted*.
//!
//! One night's work is a **run**. A dump that finished with complaints is **strange**. A volume that some
//! restore wants is **needed**; one that none does is **reusable**.
//!
//! This crate holds these words as types, so that two of them cannot be exchanged. It does no I/O.

mod as_text;
mod blame;
mod digest;
mod dle;
mod dump;
mod place;
mod script;
mod size;
mod template;
mod time;
mod volume;

pub use blame::Blame;
pub use digest::{BadDigest, Digest};
pub use dle::{BadName, DleName, DleRef, HostName};
pub use dump::{BadDumpId, BadLevel, DumpId, Level};
pub use place::{ChangerName, DriveId, DriveName, Slot};
pub use script::{ScriptPlace, ScriptPoint, ScriptScope};
pub use size::{BlockSize, Bytes};
pub use template::{BadTemplate, LabelTemplate, TemplatePiece};
pub use time::{BadStamp, FileTime, Stamp};
pub use volume::{BadLabel, Barcode, FileNo, Label, ObjectNo, PartNo, PoolName, StorageName};
