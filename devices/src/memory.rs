//! A library in memory, for tests: its cartridges behave like tape.
//!
//! Every block has the length that the tape was made for, the last one too. What was written stands in the
//! drive's buffer until it is flushed, and [`MemoryTape::cut_power`] loses it, but for as much as the tape
//! had moved by then. Blocks without a filemark are there to be read, as on tape.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use types::{Blame, BlockSize, Bytes, DriveName, FileNo, ObjectNo, Slot};

use crate::changer::{
    Bay, Cartridge, Changer, ChangerError, Errand, Inventory, Obstacle, Place, PlaceKind,
};
use crate::drive::{Action, Drive, DriveError, LastBlock, Limits, Met, Position, Trouble, Wrote};

/// A cartridge in memory. Clones are the same cartridge.
#[derive(Clone, Debug)]
pub struct MemoryTape(Arc<Mutex<Tape>>);

#[derive(Debug)]
struct Tape {
    objects: Vec<Object>,
    /// How many of them are on the medium; the rest are in the drive's buffer.
    durable: usize,
    block: BlockSize,
    capacity: Bytes,
    early_warning: Bytes,
    /// What the drive was told of where files begin.
    recalled: Vec<(FileNo, ObjectNo)>,
}

#[derive(Debug)]
enum Object {
    Block(Vec<u8>),
    /// A block that cannot be read any more.
    Scratched,
    Filemark,
}

impl MemoryTape {
    /// An empty cartridge.
    pub fn new(block: BlockSize, capacity: Bytes, early_warning: Bytes) -> Self {
        let (objects, recalled) = (Vec::new(), Vec::new());
        let tape = Tape { objects, durable: 0, block, capacity, early_warning, recalled };
        Self(Arc::new(Mutex::new(tape)))
    }

    /// Loses what was not flushed, but for the first `written` blocks and marks of it.
    pub fn cut_power(&self, written: usize) {
        let mut tape = self.tape();
        let keep = tape.durable.saturating_add(written);
        tape.objects.truncate(keep);
        tape.durable = tape.objects.len();
    }

    /// How many blocks and marks stand in the drive's buffer.
    pub fn buffered(&self) -> usize {
        let tape = self.tape();
        tape.objects.len() - tape.durable
    }

    /// What drives were told of where its files begin, in the order in which they were told.
    pub fn recalled(&self) -> Vec<(FileNo, ObjectNo)> {
        self.tape().recalled.clone()
    }

    /// Makes a block unreadable. False if there is none.
    pub fn scratch(&self, place: Position) -> bool {
        self.with_block(place, |object| *object = Object::Scratched)
    }

    /// Changes one bit of a block, unnoticed by the drive. False if there is none.
    pub fn flip_bit(&self, place: Position, byte: usize) -> bool {
        self.with_block(place, |object| {
            if let Object::Block(block) = object
                && let Some(byte) = block.get_mut(byte)
            {
                *byte ^= 1;
            }
        })
    }

    fn with_block(&self, place: Position, change: impl FnOnce(&mut Object)) -> bool {
        let mut tape = self.tape();
        let object = tape.index_of(place).and_then(|at| tape.objects.get_mut(at));
        match object {
            Some(object) => change(object),
            None => return false,
        }
        true
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        locked(&self.0)
    }
}

impl Tape {
    fn position(&self, at: usize) -> Position {
        let before = self.objects.iter().take(at);
        before.fold(Position::BEGINNING, |place, object| match object {
            Object::Filemark => Position::start_of(place.file.next()),
            _ => Position { block: place.block + 1, ..place },
        })
    }

    fn index_of(&self, place: Position) -> Option<usize> {
        (0..=self.objects.len()).find(|&at| self.position(at) == place)
    }

    fn used(&self, at: usize) -> u64 {
        let blocks = self.objects.iter().take(at);
        let blocks = blocks.filter(|object| !matches!(object, Object::Filemark)).count();
        blocks as u64 * self.block.bytes().0
    }

    fn put(&mut self, at: usize, object: Object) {
        self.objects.truncate(at);
        self.durable = self.durable.min(at);
        self.objects.push(object);
    }
}

/// A drive in memory.
#[derive(Debug)]
pub struct MemoryDrive {
    name: DriveName,
    bay: Arc<Mutex<MemoryBay>>,
    moves: Option<u64>,
    at: Option<usize>,
    /// What the writer wants to be left when the end is near.
    kept_free: Bytes,
}

#[derive(Debug, Default)]
struct MemoryBay {
    tape: Option<MemoryTape>,
    home: Option<Slot>,
    moves: u64,
}

impl MemoryDrive {
    /// A drive with this cartridge in it, and no changer.
    pub fn with(name: DriveName, tape: MemoryTape) -> Self {
        let bay = MemoryBay { tape: Some(tape), ..MemoryBay::default() };
        Self { name, bay: Arc::new(Mutex::new(bay)), moves: None, at: None, kept_free: Bytes::ZERO }
    }

    fn attempt<T>(
        &mut self,
        action: Action,
        act: impl FnOnce(&mut Option<usize>, &mut Tape) -> Result<T, (Blame, Trouble)>,
    ) -> Result<T, DriveError> {
        let bay = locked(&self.bay);
        if self.moves != Some(bay.moves) {
            self.moves = Some(bay.moves);
            self.at = None;
        }
        let before = self.at;
        let (at, result) = match &bay.tape {
            None => (None, Err((Blame::Medium, Trouble::NoCartridge))),
            Some(tape) => {
                let mut tape = tape.tape();
                let at = before.map(|at| tape.position(at));
                (at, act(&mut self.at, &mut tape))
            }
        };
        result.map_err(|(blame, cause)| {
            self.at = None;
            let (drive, cause) = (self.name.clone(), Box::new(cause));
            DriveError { drive, action, at, blame, cause }
        })
    }
}

fn known(at: Option<usize>) -> Result<usize, (Blame, Trouble)> {
    at.ok_or_else(|| blamed(Trouble::PositionUnknown))
}

fn blamed(trouble: Trouble) -> (Blame, Trouble) {
    (trouble.blame(), trouble)
}

impl Drive for MemoryDrive {
    fn name(&self) -> &DriveName {
        &self.name
    }

    fn limits(&self) -> Limits {
        let bay = locked(&self.bay);
        let block = bay.tape.as_ref().map_or(BlockSize::TAPE, |tape| tape.tape().block);
        let worth_a_locate = block.bytes().times(4);
        Limits { header: block, block, last_block: LastBlock::Filled, worth_a_locate }
    }

    fn object_of(&self, file: FileNo) -> Option<ObjectNo> {
        let bay = locked(&self.bay);
        let at = bay.tape.as_ref()?.tape().index_of(Position::start_of(file))?;
        u64::try_from(at).ok().map(ObjectNo)
    }

    fn recall(&mut self, file: FileNo, object: ObjectNo) {
        if let Some(tape) = &locked(&self.bay).tape {
            tape.tape().recalled.push((file, object));
        }
    }

    fn keep_free(&mut self, room: Bytes) {
        self.kept_free = room;
    }

    fn write_block(&mut self, block: &[u8]) -> Result<Wrote, DriveError> {
        let kept_free = self.kept_free;
        self.attempt(Action::WriteBlock, |position, tape| {
            let at = known(*position)?;
            let (length, wanted) = (block.len(), tape.block.len());
            if length != wanted {
                return Err(blamed(Trouble::BlockLength { length, wanted }));
            }
            let used = tape.used(at) + block.len() as u64;
            if used > tape.capacity.0 {
                return Ok(Wrote::Nothing);
            }
            tape.put(at, Object::Block(block.to_vec()));
            *position = Some(at + 1);
            let near = tape.capacity.0 - used < tape.early_warning.max(kept_free).0;
            Ok(if near { Wrote::BlockNearEnd } else { Wrote::Block })
        })
    }

    fn write_filemark(&mut self) -> Result<(), DriveError> {
        self.attempt(Action::WriteFilemark, |position, tape| {
            let at = known(*position)?;
            tape.put(at, Object::Filemark);
            *position = Some(at + 1);
            Ok(())
        })
    }

    fn flush(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::Flush, |position, tape| {
            let at = known(*position)?;
            tape.durable = tape.objects.len();
            Ok(tape.position(at))
        })
    }

    fn read_block(&mut self, buffer: &mut [u8]) -> Result<Met, DriveError> {
        self.attempt(Action::ReadBlock, |position, tape| {
            let at = known(*position)?;
            tape.durable = tape.objects.len();
            let met = match tape.objects.get(at) {
                None => return Ok(Met::EndOfData),
                Some(Object::Filemark) => Met::Filemark,
                Some(Object::Scratched) => {
                    let text = "the block cannot be read".to_owned();
                    return Err(blamed(Trouble::Damaged(text)));
                }
                Some(Object::Block(block)) => {
                    let room = buffer.len();
                    let Some(buffer) = buffer.get_mut(..block.len()) else {
                        let block = block.len();
                        return Err(blamed(Trouble::BlockTooLong { block, buffer: room }));
                    };
                    buffer.copy_from_slice(block);
                    Met::Block(block.len())
                }
            };
            *position = Some(at + 1);
            Ok(met)
        })
    }

    fn position(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::TellPosition, |position, tape| Ok(tape.position(known(*position)?)))
    }

    fn locate(&mut self, place: Position) -> Result<(), DriveError> {
        self.attempt(Action::Locate(place), |position, tape| {
            tape.durable = tape.objects.len();
            let end = tape.position(tape.objects.len());
            *position =
                Some(tape.index_of(place).ok_or_else(|| blamed(Trouble::NotThere { end }))?);
            Ok(())
        })
    }

    fn to_end_of_data(&mut self) -> Result<Position, DriveError> {
        self.attempt(Action::FindEndOfData, |position, tape| {
            tape.durable = tape.objects.len();
            *position = Some(tape.objects.len());
            Ok(tape.position(tape.objects.len()))
        })
    }
}

/// A changer in memory. Clones are the same changer.
#[derive(Clone, Debug)]
pub struct MemoryLibrary {
    name: String,
    drives: BTreeMap<DriveName, Arc<Mutex<MemoryBay>>>,
    slots: Arc<Mutex<Vec<Option<MemoryTape>>>>,
}

impl MemoryLibrary {
    /// A library with these drives, all empty, and these cartridges in slots 1, 2, ….
    pub fn new(drives: &[DriveName], tapes: Vec<Option<MemoryTape>>) -> Self {
        let drives = drives.iter().map(|name| (name.clone(), Arc::default())).collect();
        Self { name: "memory".to_owned(), drives, slots: Arc::new(Mutex::new(tapes)) }
    }

    /// A drive. Opened twice, it has one cartridge and two positions; don't.
    pub fn drive(&self, name: &DriveName) -> Option<MemoryDrive> {
        let bay = Arc::clone(self.drives.get(name)?);
        Some(MemoryDrive { name: name.clone(), bay, moves: None, at: None, kept_free: Bytes::ZERO })
    }

    fn carry(
        &self,
        errand: Errand,
        drive: &DriveName,
        slot: Slot,
        act: impl FnOnce(&mut MemoryBay, &mut Option<MemoryTape>) -> Result<(), Obstacle>,
    ) -> Result<(), ChangerError> {
        let mut slots = locked(&self.slots);
        let index = (slot.0 as usize).wrapping_sub(1);
        let place = slots.get_mut(index).ok_or(Obstacle::NoSlot(slot));
        let bay = self.drives.get(drive).ok_or_else(|| Obstacle::NoDrive(drive.clone()));
        let done = place.and_then(|place| bay.and_then(|bay| act(&mut locked(bay), place)));
        done.map_err(|cause| {
            let (changer, blame) = (self.name.clone(), cause.blame());
            ChangerError { changer, errand, blame, cause: Box::new(cause) }
        })
    }
}

impl Changer for MemoryLibrary {
    fn name(&self) -> &str {
        &self.name
    }

    fn inventory(&mut self) -> Result<Inventory, ChangerError> {
        let cartridge = |tape: &Option<MemoryTape>| tape.as_ref().map(|_| Cartridge::default());
        let bay = |(drive, bay): (&DriveName, &Arc<Mutex<MemoryBay>>)| {
            let bay = locked(bay);
            Bay::well(drive.clone(), cartridge(&bay.tape), bay.home)
        };
        let place = |(slot, tape): (u32, &Option<MemoryTape>)| {
            Place::well(Slot(slot), PlaceKind::Storage, cartridge(tape))
        };
        Ok(Inventory {
            drives: self.drives.iter().map(bay).collect(),
            slots: (1..).zip(locked(&self.slots).iter()).map(place).collect(),
        })
    }

    fn load(&mut self, slot: Slot, drive: &DriveName) -> Result<(), ChangerError> {
        self.carry(Errand::Load(slot, drive.clone()), drive, slot, |bay, place| {
            if bay.tape.is_some() {
                return Err(Obstacle::DriveFull(drive.clone()));
            }
            bay.tape = Some(place.take().ok_or(Obstacle::SlotEmpty(slot))?);
            bay.home = Some(slot);
            bay.moves += 1;
            Ok(())
        })
    }

    fn unload(&mut self, drive: &DriveName, slot: Slot) -> Result<(), ChangerError> {
        self.carry(Errand::Unload(drive.clone(), slot), drive, slot, |bay, place| {
            if place.is_some() {
                return Err(Obstacle::SlotFull(slot));
            }
            let tape = bay.tape.take().ok_or_else(|| Obstacle::DriveEmpty(drive.clone()))?;
            // A drive writes out its buffer before it lets a cartridge go.
            let written = tape.buffered();
            tape.cut_power(written);
            *place = Some(tape);
            bay.home = None;
            bay.moves += 1;
            Ok(())
        })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryTape {
    /// How many filemarks there are.
    pub fn files(&self) -> FileNo {
        let tape = self.tape();
        tape.position(tape.objects.len()).file
    }
}
