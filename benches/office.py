#!/usr/bin/env python3
"""Reelkeep beside others, on the same data, in the same hour, alternating.

    office.py [--scale 1.0] [--rounds 3] [--only NAME,...] [--lab /var/tmp/reelkeep-bench] [--program target/release/reelkeep]

The data is the `office` tree of tests/gen (scale 1: 58 000 files, 4.2 GB), made once. In each round everybody in turn
makes a full dump into a fresh repository, an incremental of the unchanged tree, and brings one file back. Printed are the
medians as tables, wall time also as a ratio to `tar | zstd -3 -T0`; every single measurement is kept in
LAB/office.jsonl.

Run it as root on Debian with `restic borgbackup amanda-server amanda-client libencode-locale-perl zstd` installed; who is
not installed is left out. Amanda runs with `auth "local"`: no daemon, no network.
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys

import measure

ROOT = pathlib.Path(__file__).resolve().parent.parent
BELOW = "home"  # where the one file is chosen


class Tar:
    name, needs = "tar \\| zstd -3 -T0", ["tar", "zstd"]
    base = True

    def __init__(self, lab, data):
        self.data, self.dir = data, lab / "tar"

    def prepare(self):
        fresh(self.dir)

    def full(self):
        return shell(f"tar -cf - -C '{self.data}' . | zstd -q -3 -T0 -f -o '{self.dir}/image.zst'")

    incremental = None

    def one(self, path, to):
        return shell(f"zstd -dc '{self.dir}/image.zst' | tar -xf - -C '{to}' './{path}'")


class Reelkeep:
    name, needs = "Reelkeep", []
    program = ROOT / "target/release/reelkeep"

    def __init__(self, lab, data):
        self.data, self.dir = data, lab / "reelkeep"

    def prepare(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        quiet([self.program, "quickstart", "--no-run", "--dir", self.dir, self.data])

    def full(self):
        return [self.program, "-c", self.dir, "dump"]

    incremental = full

    def one(self, path, to):
        return [self.program, "-c", self.dir, "restore", "--dle", self.data, "--to", to, path]


class Amanda:
    needs = ["amdump"]
    CONF = """
org "bench"
mailto ""
dumpuser "backup"
inparallel 4
maxdumps 4
dumpcycle 7 days
runspercycle 7
tapecycle 30 tapes
bumpsize 1 kb
bumpdays 0
infofile "@/curinfo"
logdir "@/log"
indexdir "@/index"
tapelist "@/tapelist"
tpchanger "chg-disk:@/vtapes"
autolabel "BENCH-%%%" any
labelstr "BENCH-[0-9][0-9][0-9]"
runtapes 3
tapetype VTAPE
device_property "LEOM" "TRUE"
device-output-buffer-size 1280k
send-amreport-on never
define tapetype VTAPE {
  length 8 gbytes
  part-size 1 gbytes
  part-cache-type none
}
define holdingdisk hd1 {
  directory "@/holding"
  use 12 gbytes
  chunksize 1 gbytes
}
holdingdisk hd1
define application-tool app_amgtar {
  plugin "amgtar"
  property "GNUTAR-LISTDIR" "@/gnutar-lists"
  property "XATTRS" "YES"
  property "ACLS" "YES"
}
define dumptype bench {
  auth "local"
  program "APPLICATION"
  application "app_amgtar"
  index yes
  estimate client
  maxpromoteday 0
  allow-split yes
  COMPRESS
}
"""

    def __init__(self, lab, data):
        self.data, self.dir = data, lab / self.conf
        self.etc = pathlib.Path("/etc/amanda", self.conf)

    def prepare(self):
        fresh(self.dir)
        for below in ["vtapes/slot%d" % i for i in range(1, 7)] + ["holding", "curinfo", "index", "log", "gnutar-lists"]:
            (self.dir / below).mkdir(parents=True)
        (self.dir / "tapelist").touch()
        fresh(self.etc)
        conf = self.CONF.replace("@", str(self.dir)).replace("COMPRESS", self.compress)
        (self.etc / "amanda.conf").write_text(conf)
        (self.etc / "disklist").write_text(f"localhost {self.data} bench\n")
        quiet(["chown", "-R", "backup:backup", self.dir, self.etc])

    def full(self):
        return ["runuser", "-u", "backup", "--", "amdump", self.conf]

    incremental = full

    def one(self, path, to):
        fetch = f"runuser -u backup -- amfetchdump -p {self.conf} localhost </dev/null"
        return shell(f"cd /tmp; {fetch} | tar -xf - -C '{to}' './{path}'")

    def drop(self):
        shutil.rmtree(self.etc, ignore_errors=True)


class AmandaZstd(Amanda):
    name, conf = "Amanda, zstd in the client", "reelkeep-bench-zstd"
    compress = 'compress client custom\n  client-custom-compress "/usr/bin/zstd"'


class AmandaGzip(Amanda):
    name, conf, compress = "Amanda, gzip -1 in the client", "reelkeep-bench-gzip", "compress client fast"


class AmandaNone(Amanda):
    name, conf, compress = "Amanda, not compressed", "reelkeep-bench-none", "compress none"


class Restic:
    name, needs = "restic", ["restic"]

    def __init__(self, lab, data):
        self.data, self.dir = data, lab / "restic"

    def prepare(self):
        fresh(self.dir)
        os.environ.update(RESTIC_PASSWORD="bench", RESTIC_REPOSITORY=f"{self.dir}/repository",
                          RESTIC_CACHE_DIR=f"{self.dir}/cache")
        quiet(["restic", "init", "-q", "--repository-version", "2"])

    def full(self):
        return ["restic", "backup", "-q", self.data]

    incremental = full

    def one(self, path, to):
        return ["restic", "restore", "-q", "latest", "--target", to, "--include", self.data / path]


class Borg:
    name, needs = "borg, zstd 3", ["borg"]

    def __init__(self, lab, data):
        self.data, self.dir, self.made = data, lab / "borg", 0

    def prepare(self):
        fresh(self.dir)
        below = {name: f"{self.dir}/{name.lower()}" for name in ("CACHE", "CONFIG", "SECURITY", "KEYS")}
        os.environ.update({f"BORG_{name}_DIR": path for name, path in below.items()}, BORG_PASSPHRASE="bench")
        quiet(["borg", "init", "-e", "repokey-blake2", self.dir / "repository"])
        self.made = 0

    def full(self):
        self.made += 1
        return ["borg", "create", "--compression", "zstd,3", f"{self.dir}/repository::{self.made}", self.data]

    incremental = full

    def one(self, path, to):
        wanted = str(self.data / path).lstrip("/")
        return shell(f"cd '{to}' && borg extract '{self.dir}/repository::{self.made}' '{wanted}'")


ALL = [Tar, Reelkeep, AmandaZstd, AmandaGzip, AmandaNone, Restic, Borg]


def shell(line):
    return ["bash", "-o", "pipefail", "-c", line]


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)


def quiet(command):
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def stored(directory):
    """Bytes of all files, caches and holding disks left out."""
    total = 0
    for where, below, names in os.walk(directory):
        below[:] = [name for name in below if name not in ("cache", "holding")]
        total += sum(os.lstat(os.path.join(where, name)).st_size for name in names)
    return total


class Bench:
    def __init__(self, given):
        self.lab, self.rounds = pathlib.Path(given.lab), given.rounds
        self.data = self.lab / f"office-{given.scale}"
        if not self.data.exists():
            quiet([sys.executable, ROOT / "tests/gen/gentree.py", "office", self.data, "--scale", given.scale])
        wanted = given.only.split(",") if given.only else None
        here = [it for it in ALL if all(shutil.which(need, path=os.environ["PATH"] + ":/usr/sbin") for need in it.needs)]
        self.who = [it(self.lab, self.data) for it in here if not wanted or any(w in it.name for w in wanted)]
        self.rows = []
        names = sorted(p for p in (self.data / BELOW).rglob("*.txt") if p.stat().st_size < 20000)
        self.path = names[len(names) // 2].relative_to(self.data)

    def note(self, who, what, command, cold=()):
        os.sync()
        before = stored(who.dir)
        with open(self.lab / "last.log", "w") as log:
            row = measure.measure([str(word) for word in command], f"{what}: {who.name}", cold, out=log)
        # Amanda and ours say with 1 that there were complaints, borg that a file changed.
        row.update(who=who.name, what=what, stored=stored(who.dir) - before)
        self.rows.append(row)
        with open(self.lab / "office.jsonl", "a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{what:12} {who.name:32} {row['wall']:8.2f} s  cpu {row['cpu']:7.2f} s  rc {row['rc']}", file=sys.stderr)

    def run(self):
        for _ in range(self.rounds):
            for who in self.who:
                who.prepare()
                self.note(who, "full", who.full())
            for who in self.who:
                if who.incremental:
                    self.note(who, "unchanged", who.incremental())
            for who in self.who:
                to = self.lab / "out"
                fresh(to)
                os.chmod(to, 0o777)
                self.note(who, "one file", who.one(self.path, to), cold=[who.dir])
                back = [p for p in to.rglob(self.path.name)]
                same = back and back[0].read_bytes() == (self.data / self.path).read_bytes()
                self.rows[-1]["rc"] = self.rows[-1]["rc"] if same else "not restored"
        for who in self.who:
            getattr(who, "drop", lambda: None)()

    def tables(self):
        for what in ("full", "unchanged", "one file"):
            rows = [row for row in self.rows if row["what"] == what]
            base = self.median([row for row in rows if row["who"] == Tar.name], "wall")
            print(f"\n### {what}\n")
            print("| | wall s | min–max | ratio | CPU s | MB stored | memory MiB | largest process MiB | read() MB |")
            print("|---|--:|--:|--:|--:|--:|--:|---|--:|")
            for who in self.who:
                mine = [row for row in rows if row["who"] == who.name]
                if mine:
                    print(self.line(who, mine, base))

    def line(self, who, rows, base):
        walls = [row["wall"] for row in rows]
        ratio = f"{self.median(rows, 'wall') / base:.2f}" if base else ""
        peak = sorted(rows[-1]["peak"].items(), key=lambda item: -item[1])[:2]
        bad = {row["rc"] for row in rows} - {0}
        name = who.name + (f" (ended with {bad})" if bad else "")
        return (f"| {name} | {self.median(rows, 'wall'):.2f} | {min(walls):.2f}–{max(walls):.2f} | {ratio} "
                f"| {self.median(rows, 'cpu'):.2f} | {self.median(rows, 'stored') / 1e6:.0f} "
                f"| {self.median(rows, 'memory') / 2**20:.0f} "
                f"| {', '.join(f'{name} {size / 2**20:.0f}' for name, size in peak)} "
                f"| {self.median(rows, 'rchar') / 1e6:.0f} |")

    @staticmethod
    def median(rows, key):
        return statistics.median(row[key] for row in rows) if rows else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="1.0")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="some of: " + ", ".join(it.name for it in ALL))
    parser.add_argument("--lab", default="/var/tmp/reelkeep-bench")
    parser.add_argument("--program", default=str(Reelkeep.program))
    given = parser.parse_args()
    Reelkeep.program = pathlib.Path(given.program)
    bench = Bench(given)
    bench.run()
    bench.tables()


if __name__ == "__main__":
    main()
