//! The night: plan, dispatch, dump, hold, place, index, report; and the way back.

pub mod dispatcher;
pub mod planner;
