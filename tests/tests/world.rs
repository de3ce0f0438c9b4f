//! Months of nights in a simulated site, and worlds with a rule broken on purpose.

use tests::world::{Settings, Troubles, World};

#[test]
fn a_plain_site_lives_a_month() {
    let mut world = World::new(1, Settings::plain(), Troubles::none());
    world.live(30).unwrap_or_else(|wrong| panic!("{wrong}"));
    eprintln!("{}", world.tally());
    assert!(world.tally().overwritten > 0, "{}", world.tally());
}
