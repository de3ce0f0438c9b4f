//! In which order to read what is wanted, asked of the drive.
//!
//! ```text
//!  does it order?  ──yes──► GENERATE RECOMMENDED ACCESS ORDER ──► the drive's own order
//!       └──no──► READ END OF WRAP POSITION ──► the model of the wraps ──► `order`
//!                     └──unknown──► by the numbers of the objects
//! ```
//!
//! A recommendation is not worth an error: whatever the drive answers, every segment comes back exactly once.

use types::ObjectNo;

use super::order::{Segment, Wraps, order};
use super::{Problem, TapeDrive};
use crate::drive::{Action, DriveError, Stretch, as_they_stand};
use crate::scsi::cdb::ssc::{
    Ordering, generate_rao, read_end_of_wrap_positions, receive_rao, receive_rao_limits,
};
use crate::scsi::page::{rao, wraps};
use crate::transport::{Data, Transport};

impl<T: Transport> TapeDrive<T> {
    /// The order in which to read these stretches. Where the start of a file is not known, or the drive does not
    /// answer, they are taken as they stand.
    pub(super) fn order_of(&mut self, stretches: &[Stretch]) -> Vec<usize> {
        let segment = |stretch: &Stretch| {
            let object = |place| self.starts.object_at(place);
            object(stretch.first).zip(object(stretch.last))
        };
        let segments: Option<Vec<Segment>> = stretches
            .iter()
            .map(|stretch| segment(stretch).map(|(first, last)| Segment { first, last }))
            .collect();
        match segments.map(|segments| self.order_for_reading(&segments)) {
            Some(Ok(order)) => order,
            None => as_they_stand(stretches),
            Some(Err(error)) => {
                let cause = &error.cause;
                tracing::info!("{error}: {cause}. What is wanted is read as it stands on the tape");
                as_they_stand(stretches)
            }
        }
    }

    /// The order in which to read these segments, as indexes into them.
    pub fn order_for_reading(&mut self, segments: &[Segment]) -> Result<Vec<usize>, DriveError> {
        let here = self.at.map_or(ObjectNo(0), |at| at.object);
        self.inquire(Action::OrderReading, |drive| {
            if let Some(found) = drive.recommended(segments)? {
                return Ok(found);
            }
            let wraps = drive.wraps()?;
            Ok(order(here, segments, &wraps))
        })
    }

    /// The drive's own order; none if it has none.
    fn recommended(&mut self, segments: &[Segment]) -> Result<Option<Vec<usize>>, Problem> {
        let mut room = [0; rao::LIMITS_ROOM as usize];
        let ask = receive_rao_limits(rao::LIMITS_ROOM);
        let limits = match self.ask(ask, Data::In(&mut room)) {
            Ok(done) => rao::limits(room.get(..done.moved).unwrap_or(&room)),
            Err(refusal) if refusal.is_unknown_to_the_drive() => return Ok(None),
            Err(refusal) => return Err(refusal.into()),
        };
        match limits {
            Ok(limits) if segments.len() <= usize::from(limits.segments) => self.generate(segments),
            // More than it orders at once, or an answer that is none.
            _ => Ok(None),
        }
    }

    fn generate(&mut self, segments: &[Segment]) -> Result<Option<Vec<usize>>, Problem> {
        let numbered: Vec<rao::Segment> = (0..).zip(segments).map(numbered).collect();
        let (Some(list), Some(room)) = (rao::request(&numbered), rao::reply_room(segments.len()))
        else {
            return Ok(None);
        };
        let length = u32::try_from(list.len()).unwrap_or(u32::MAX);
        let mut reply = vec![0; usize::try_from(room).unwrap_or(0)];
        let asked = self
            .ask(generate_rao(Ordering::Reorder, length), Data::Out(&list))
            .and_then(|_| self.ask(receive_rao(0, room), Data::In(&mut reply)));
        match asked {
            Ok(done) => {
                let found = rao::reply(reply.get(..done.moved).unwrap_or(&reply))?;
                Ok(complete(segments.len(), found.iter().map(|segment| segment.number)))
            }
            Err(refusal) if refusal.is_unknown_to_the_drive() => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Where the wraps end, as far as the drive tells.
    fn wraps(&mut self) -> Result<Wraps, Problem> {
        let mut reply = vec![0; usize::try_from(wraps::ROOM).unwrap_or(0)];
        let ask = read_end_of_wrap_positions(wraps::ROOM);
        match self.ask(ask, Data::In(&mut reply)) {
            Ok(done) => {
                let found = wraps::decode(reply.get(..done.moved).unwrap_or(&reply));
                let found = found.unwrap_or_default();
                let ours = found.iter().filter(|wrap| wrap.partition == 0);
                Ok(Wraps::new(ours.map(|wrap| wrap.end.0)))
            }
            Err(refusal) if refusal.is_unknown_to_the_drive() => Ok(Wraps::default()),
            Err(refusal) => Err(refusal.into()),
        }
    }
}

fn numbered((number, segment): (u64, &Segment)) -> rao::Segment {
    rao::Segment { number, partition: 0, first: segment.first, last: segment.last }
}

/// The numbers as indexes, if each is there once and no other.
fn complete(count: usize, numbers: impl Iterator<Item = u64>) -> Option<Vec<usize>> {
    let order: Vec<usize> = numbers.map(usize::try_from).collect::<Result<_, _>>().ok()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    (sorted.iter().copied().eq(0..count)).then_some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_leaves_something_out_is_none() {
        let complete = |numbers: &[u64]| complete(3, numbers.iter().copied());
        assert_eq!(complete(&[2, 0, 1]), Some(vec![2, 0, 1]));
        assert_eq!(complete(&[2, 0]), None);
        assert_eq!(complete(&[2, 0, 0]), None);
        assert_eq!(complete(&[2, 0, 1, 1]), None);
        assert_eq!(complete(&[2, 0, 9]), None);
        assert_eq!(complete(&[2, 0, u64::MAX]), None);
    }
}
