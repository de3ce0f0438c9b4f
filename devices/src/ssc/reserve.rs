//! A drive for this host alone (SPC-4, 5.12: persistent reservations).
//!
//! A host registers a key with the drive, and then reserves it for exclusive access: whatever another host sends,
//! a harmless look included, is refused. So no monitor can rewind a tape that is being written.
//!
//! A reservation outlives the program. One that this host left behind, perhaps over another path, is known by its
//! key and is taken over; that of another host is respected, and the error says whose it is.

use super::{Problem, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::cdb::spc::{
    Holding, Reservations, ReserveAction, persistent_reserve_in, persistent_reserve_out,
};
use crate::scsi::page::reservation::{ReservationKey, holder, list};
use crate::transport::{Data, Transport};

/// Whether the drive is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reserved {
    /// For this host.
    ForUs,
    /// The drive knows no reservations: nothing keeps others away.
    NotOffered,
}

impl<T: Transport> TapeDrive<T> {
    /// Reserves the drive for this host alone.
    pub fn reserve(&mut self, key: ReservationKey) -> Result<Reserved, DriveError> {
        self.inquire(Action::Reserve, |drive| {
            match drive.reservation(ReserveAction::RegisterAndIgnore, ReservationKey(0), key) {
                Err(Problem::Refused(refusal)) if refusal.is_unknown_to_the_drive() => {
                    return Ok(Reserved::NotOffered);
                }
                other => other?,
            }
            match drive.reservation(ReserveAction::Reserve, key, ReservationKey(0)) {
                Err(Problem::Refused(refusal)) if refusal.is_reservation_conflict() => {
                    drive.take_over(key)?;
                }
                other => other?,
            }
            Ok(Reserved::ForUs)
        })
    }

    /// Gives the drive back to all. A reservation that is not there is no error.
    pub fn release(&mut self, key: ReservationKey) -> Result<(), DriveError> {
        self.inquire(Action::Reserve, |drive| {
            for (action, service) in [(ReserveAction::Release, key), (ReserveAction::Register, key)]
            {
                match drive.reservation(action, service, ReservationKey(0)) {
                    Err(Problem::Refused(refusal))
                        if refusal.is_unknown_to_the_drive()
                            || refusal.is_reservation_conflict() => {}
                    other => other?,
                }
            }
            Ok(())
        })
    }

    /// If the reservation in the way is our own, from before.
    fn take_over(&mut self, key: ReservationKey) -> Result<(), Problem> {
        match self.holder()? {
            Some(holder) if holder == key => self.reservation(ReserveAction::Preempt, key, key),
            Some(holder) => Err(Problem::ReservedBy(holder)),
            // It has gone in the meantime.
            None => self.reservation(ReserveAction::Reserve, key, ReservationKey(0)),
        }
    }

    /// Whose reservation it is.
    fn holder(&mut self) -> Result<Option<ReservationKey>, Problem> {
        let mut reply = [0; 24];
        let moved =
            self.ask(persistent_reserve_in(Reservations::Holder, 24), Data::In(&mut reply))?.moved;
        Ok(holder(reply.get(..moved).unwrap_or(&reply))?.map(|held| held.by))
    }

    fn reservation(
        &mut self,
        action: ReserveAction,
        key: ReservationKey,
        service: ReservationKey,
    ) -> Result<(), Problem> {
        let list = list(key, service);
        self.ask(persistent_reserve_out(action, Holding::ExclusiveAccess), Data::Out(&list))?;
        Ok(())
    }
}
