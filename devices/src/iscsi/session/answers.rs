//! What goes back for a task: its data in segments and bursts, its status, and how much of what was expected moved.

use super::super::Answer;
use super::super::pdu::{Direction, Residual, Response};
use super::tasks::Task;
use super::{Session, number, size};

impl Session {
    /// Sends a task's data and status.
    pub(super) fn finish(&mut self, task: &Task, answer: Answer) {
        let (moved, residual) = moved(task, &answer);
        let mut data = answer.data;
        data.truncate(moved);
        let status = answer.status.code();
        let in_data = answer.sense.is_empty() && !data.is_empty();
        let data_sn = self.send_data(task.tag, data, in_data.then_some((status, residual)));
        if !in_data {
            let (tag, sense) = (task.tag, answer.sense);
            self.send(Response::Command { tag, status, residual, data_sn, sense });
        }
    }

    /// Sends data in segments and bursts, and says in how many pieces.
    fn send_data(&mut self, tag: u32, mut data: Vec<u8>, end: Option<(u8, Residual)>) -> u32 {
        let (segment, burst) = (size(self.terms.segment), size(self.terms.burst));
        let whole = data.len();
        let (mut offset, mut data_sn) = (0, 0);
        while offset < whole {
            let burst_end = (offset / burst + 1) * burst;
            let upto = whole.min(burst_end).min(offset + segment);
            let piece = if upto - offset == whole {
                std::mem::take(&mut data)
            } else {
                data.get(offset..upto).unwrap_or_default().to_vec()
            };
            let over = upto == whole;
            self.send(Response::Data {
                tag,
                last: over || upto == burst_end,
                end: if over { end } else { None },
                data_sn,
                offset: number(offset),
                data: piece,
            });
            offset = upto;
            data_sn += 1;
        }
        data_sn
    }
}

/// How much reaches the initiator, and what it is told about the rest.
fn moved(task: &Task, answer: &Answer) -> (usize, Residual) {
    let expected = size(task.length);
    match task.direction {
        Direction::Out => {
            let taken = task.wanted().saturating_sub(answer.refused);
            (0, residual(expected, taken))
        }
        Direction::In => (expected.min(answer.data.len()), residual(expected, answer.data.len())),
        Direction::None | Direction::Both => (0, residual(0, answer.data.len())),
    }
}

fn residual(expected: usize, there: usize) -> Residual {
    if there > expected {
        Residual::Over(number(there - expected))
    } else if there < expected {
        Residual::Under(number(expected - there))
    } else {
        Residual::None
    }
}
