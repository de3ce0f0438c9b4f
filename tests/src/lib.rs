//! What the stories share: the World, a simulated site that lives months of nights in seconds.

pub mod world;
