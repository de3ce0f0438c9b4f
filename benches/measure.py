#!/usr/bin/env python3
"""Measure a command and everything that it starts.

    measure.py [--tag TAG] [--out FILE.jsonl] [--cold PATH] -- COMMAND [ARGUMENT ...]

Prints one JSON line: wall, user, sys and cpu seconds of the command and all its descendants; peak memory by program
(the largest resident set of any one process of that name) and `memory`, the largest sum of proportional set sizes
seen at one moment (ten looks a second); rchar, the bytes that went through read(); rc.

Orphans are adopted (PR_SET_CHILD_SUBREAPER) and waited for, so a program that forks into the background is counted
too. Nothing but Linux and Python is needed; root only to look at other users' processes, which Amanda's are.
`--cold` drops a tree from the page cache first.
"""
import argparse, ctypes, json, os, resource, subprocess, sys, threading, time

PR_SET_CHILD_SUBREAPER = 36


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


class Watch(threading.Thread):
    """Looks at the tree of processes below this one."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ended = False
        self.memory = 0
        self.peak = {}
        self.read = {}

    def run(self):
        while not self.ended:
            self.look()
            time.sleep(0.1)

    def look(self):
        total = 0
        for pid in descendants(os.getpid()):
            status = dict(line.split(":", 1) for line in read(f"/proc/{pid}/status").splitlines() if ":" in line)
            name = status.get("Name", "").strip()
            if not name:
                continue
            self.peak[name] = max(self.peak.get(name, 0), kib(status.get("VmHWM")))
            rollup = dict(line.split(":", 1) for line in read(f"/proc/{pid}/smaps_rollup").splitlines()[1:])
            total += kib(rollup.get("Pss"))
            for line in read(f"/proc/{pid}/io").splitlines():
                if line.startswith("rchar"):
                    self.read[pid] = int(line.split()[1])
        self.memory = max(self.memory, total)


def kib(value):
    return int(value.split()[0]) if value else 0


def descendants(root):
    found, wave = [], [root]
    while wave:
        children = []
        for pid in wave:
            try:
                tasks = os.listdir(f"/proc/{pid}/task")
            except OSError:
                continue
            for task in tasks:
                children += map(int, read(f"/proc/{pid}/task/{task}/children").split())
        found += children
        wave = children
    return found


def drop_from_cache(tree):
    for directory, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(directory, name)
            if os.path.isfile(path) and not os.path.islink(path):
                file = os.open(path, os.O_RDONLY)
                os.fdatasync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(file)


def measure(command, tag="", cold=(), out=None, **how):
    """Runs it and gives the figures as a dict. `how` goes to subprocess: cwd, env."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for tree in cold:
        drop_from_cache(tree)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    watch = Watch()
    watch.start()
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **how)
    code = process.wait()
    wall = time.monotonic() - start
    reap()
    watch.ended = True
    watch.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return dict(tag=tag, wall=round(wall, 3), user=round(user, 2), sys=round(system, 2), cpu=round(user + system, 2),
                memory=watch.memory * 1024, peak={name: kib * 1024 for name, kib in sorted(watch.peak.items())},
                rchar=sum(watch.read.values()), rc=code)


def reap():
    """Waits for what was left behind; its time counts with ours then."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", default="")
    parser.add_argument("--out")
    parser.add_argument("--cold", action="append", default=[])
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    line = json.dumps(measure(command, given.tag, given.cold))
    print(line, file=sys.stderr)
    if given.out:
        with open(given.out, "a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
