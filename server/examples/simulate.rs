//! How long it takes to plan: 10 000 DLEs over 365 nights, or as many as are asked for.
//!
//! `cargo run --release -p server --example simulate [DLES [NIGHTS]]` prints the time and what came of it.

#![expect(clippy::print_stdout, reason = "printing figures is what this program is for")]

use std::time::Instant;

use server::described;
use server::planner::simulate::{Rules, simulate};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let dles = arguments.next().transpose()?.unwrap_or(10_000);
    let nights = arguments.next().transpose()?.unwrap_or(365);
    let text = format!(
        "dumpcycle = 14\nvolume = \"18 TiB\"\nruntapes = 20\ninparallel = 50\n\
         [[dle]]\nhost = \"h\"\nhosts = 1000\ncount = {dles}\nsize = \"10 GiB\"\nspread = 2.5\n"
    );
    let site = described::read(&text)?;
    let start = Instant::now();
    let course = simulate(&site, nights, Rules::Ours);
    println!("{dles} DLEs, {nights} nights: {:.1} s", start.elapsed().as_secs_f64());
    println!("{:#?}", course.figures());
    Ok(())
}
