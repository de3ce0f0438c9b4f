#!/usr/bin/env python3
"""The taper beside dd: on a file, and on the tape drives of the tape machine.

    cargo build --release -p taper --example throughput; cargo build --release --bin reelkeep-emulator
    buildbot/tapevm/tapevm build
    benches/tape.py [--mebibytes N] [--only file,tgt,emulator]

In each place the same image goes to the same medium in turn by `dd bs=512k` and by the scribe, and comes back by dd and
by the clerk, three rounds. The table says the median of each and the ratio of the medians. What is measured in the
machine is one processor's user-mode Linux with the library in it: only the ratios mean anything.
"""

import argparse
import pathlib
import re
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "target/release/examples/throughput"
TAPEVM = ROOT / "buildbot/tapevm/tapevm"
PAIRS = [("writing", "dd write", "scribe"), ("reading", "dd read", "clerk")]


def on_file(mebibytes):
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as lab:
        return run([EXAMPLE, lab, str(mebibytes)])


def in_machine(options, mebibytes):
    """The image lies in the memory of the machine, and the cartridges too: it gets enough for both."""
    memory = 1024 + 3 * mebibytes
    inside = (
        "mtx -f /dev/tapevm/changer load 1 0 >&2 && mt -f /dev/tapevm/drive0 weof 2 && "
        f"mkdir /dev/shm/lab && '{EXAMPLE}' /dev/shm/lab {mebibytes} /dev/tapevm/drive0"
    )
    library = ["--mem", str(memory), "--tape-mb", str(2 * mebibytes), *options]
    return run([TAPEVM, "run", *library, "--", "sh", "-c", inside])


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rates = {}
    for what, rate in re.findall(r"^\d+ (.*?) +(\d+) MiB/s", done.stdout, re.MULTILINE):
        rates.setdefault(what, []).append(int(rate))
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=256)
    parser.add_argument("--emulator", default=ROOT / "target/release/reelkeep-emulator", type=pathlib.Path)
    parser.add_argument("--only", default="file,tgt,emulator")
    arguments = parser.parse_args()
    places = {
        "file": ("a vtape, beside a file", lambda: on_file(arguments.mebibytes)),
        "tgt": ("st on tgt", lambda: in_machine([], arguments.mebibytes)),
        "emulator": (
            "st on reelkeep-emulator",
            lambda: in_machine(["--emulator", str(arguments.emulator)], arguments.mebibytes),
        ),
    }
    with open("/proc/loadavg") as load:
        print(f"{arguments.mebibytes} MiB, load {load.read().split()[0]} at the beginning\n")
    print("| where | | `dd` MiB/s | taper MiB/s | taper / `dd` |\n|---|---|---|---|---|")
    for place in arguments.only.split(","):
        name, measure = places[place]
        rates = measure()
        for what, dd, ours in PAIRS:
            medians = [statistics.median(rates[key]) for key in (dd, ours)]
            cells = [", ".join(map(str, rates[key])) for key in (dd, ours)]
            print(f"| {name} | {what} | {cells[0]} | {cells[1]} | {medians[1] / medians[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
