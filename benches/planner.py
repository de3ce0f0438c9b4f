#!/usr/bin/env python3
"""How level the nights are: our planner beside Amanda's rules, on the described sites in benches/sites.

    benches/planner.py [--reelkeep PROGRAM] [--nights N] [--seeds N] [SITE.toml...]

Prints a table in Markdown: for each site and either planner the mean over the seeds of what a night writes and takes,
its peak, the largest or longest single dump (no peak can be lower), and its variation (standard deviation from the trend,
by the mean), how many volumes were used, how many clients were asked for an estimate a night, and the longest time between
two fulls of a DLE. Only the Python standard library is used.
"""
import argparse, json, pathlib, statistics, subprocess

here = pathlib.Path(__file__).parent


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--reelkeep", default=here.parent / "target/release/reelkeep")
    ap.add_argument("--nights", type=int, default=180)
    ap.add_argument("--seeds", type=int, default=10)
    ap.add_argument("sites", nargs="*", type=pathlib.Path)
    a = ap.parse_args()
    print("| site | rules | GiB a night | largest dump | peak | varies | minutes | longest dump | peak | varies "
          "| volumes | asked | longest |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for site in a.sites or sorted((here / "sites").glob("*.toml")):
        runs = [simulate(a.reelkeep, site, a.nights, seed) for seed in range(1, a.seeds + 1)]
        for number in range(2):
            print(row(site.stem, [run[number] for run in runs]))


def simulate(program, site, nights, seed):
    command = [program, "--json", "plan", "--simulate", str(nights), "--described", site, "--seed", str(seed)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def row(site, courses):
    mean = lambda key: statistics.mean(course[key] for course in courses)
    gib = lambda key: f"{mean(key) / (1 << 30):.0f}"
    minutes = lambda key: f"{mean(key) / 60:.0f}"
    percent = lambda key: f"{mean(key) * 100:.1f} %"
    cells = [
        site, courses[0]["rules"], gib("mean_bytes"), gib("largest_dump_bytes"), gib("peak_bytes"), percent("variation_bytes"),
        minutes("mean_seconds"), minutes("longest_dump_seconds"), minutes("peak_seconds"),
        percent("variation_seconds"),
        f"{mean('volumes'):.0f}", f"{mean('asked'):.1f}", f"{max(c['longest_between_fulls'] for c in courses)} d",
    ]
    return "| " + " | ".join(cells) + " |"


main()
