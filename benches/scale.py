#!/usr/bin/env python3
"""How long whole commands take at a large site, and how much memory.

    benches/scale.py DIRECTORY [--dles N] [--runs N] [--volumes N] [--rounds N] [--only WORD]

Makes the site in DIRECTORY unless it is there (10 000 DLEs, 365 runs, 20 000 volumes: 3.6 million dumps, some 3 GB, minutes),
with the examples `scale` of the taper and `site` of the server, and the newest run tonight. Then each command is run `--rounds`
times in turn, by the program of target/release. Prints a table in Markdown: the median of the wall clock, of the seconds of
processor that the command and its threads had, and the largest resident memory; and how much it printed.

    cargo build --release -p server --bin reelkeep --example site && cargo build --release -p taper --example scale

Remove DIRECTORY afterwards. Only the Python standard library is used.
"""
import argparse, datetime, os, pathlib, statistics, subprocess, sys, tempfile, time

here = pathlib.Path(__file__).resolve().parent
release = here.parent / "target/release"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("directory", type=pathlib.Path)
    ap.add_argument("--dles", type=int, default=10_000)
    ap.add_argument("--runs", type=int, default=365)
    ap.add_argument("--volumes", type=int, default=20_000)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--only", help="only commands that have this word")
    a = ap.parse_args()
    if not (a.directory / "reelkeep.toml").exists():
        make(a)
    middle, newest = (f"V{number:05}" for number in (a.volumes // 2, a.volumes))
    late = f"V{a.volumes - a.volumes * 20 // a.runs:05}"
    commands = [
        ["config", "check"],
        ["plan"],
        ["find", "host0001", "/data1", "file000042.dat"],
        ["find", "host0001", "/data1", "*.dat"],
        ["list", "dumps", "=host0001", "=/data1"],
        ["list", "dles"],
        ["list", "volumes"],
        ["list", "runs"],
        ["volume", "show", newest],
        ["volume", "explain", middle],
        ["volume", "explain", late],
        ["volume", "explain", newest],
        ["report"],
        ["status"],
    ]
    commands = [command for command in commands if not a.only or a.only in command]
    times = {tuple(command): [] for command in commands}
    for _ in range(a.rounds):
        for command in commands:
            times[tuple(command)].append(run([release / "reelkeep", "-c", a.directory, *command]))
    print("| command | wall s | CPU s | memory MiB | printed |")
    print("|---|---|---|---|---|")
    for command, seen in times.items():
        wall, cpu, memory, printed = zip(*seen)
        print(f"| `{' '.join(command)}` | {statistics.median(wall):.2f} | {statistics.median(cpu):.2f} "
              f"| {max(memory) / 1024:.0f} | {printed[0]:,} |".replace(",", " "))


def make(a):
    a.directory.mkdir(parents=True, exist_ok=True)
    first = datetime.date.today() - datetime.timedelta(days=a.runs)
    numbers = [a.dles, a.runs, a.volumes, 1, f"{first:%Y%m%d}010000"]
    file = a.directory / "catalogue.sqlite"
    subprocess.run([release / "examples/scale", "make", file, *map(str, numbers)], check=True)
    subprocess.run([release / "examples/site", a.directory], check=True)


def run(command):
    """Wall and processor seconds, the largest resident memory in KiB, and bytes printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        begun = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            said.seek(0)
            sys.exit(f"{' '.join(map(str, command))}: {said.read().decode()}")
        return wall, used.ru_utime + used.ru_stime, used.ru_maxrss, out.tell()


main()
