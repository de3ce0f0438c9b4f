#!/usr/bin/env python3
"""An agent with something wrong: stands where reelkeep-agent would, and talks through the healthy one beside it.

The name of the tree that it is asked about says what is wrong:
    hangs        nothing more comes after the first 64 KiB of a dump
    hangs-once   the same, but only the first time
    slow         what comes of a dump comes in small pieces, each a while after the other
    estimate     nothing comes in answer to a request for estimates
and everything else goes through as it is.  What has happened is noted beside the tree, in NAME.note.
"""
import json, os, struct, subprocess, sys, threading, time

PIECE = 16 << 10
PAUSE = 0.2


def main():
    healthy = os.path.join(os.path.dirname(os.path.realpath(__file__)), "healthy-agent")
    agent = subprocess.Popen([healthy] + sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    wrong = Wrong()
    threading.Thread(target=requests, args=(agent.stdin, wrong), daemon=True).start()
    while data := os.read(agent.stdout.fileno(), PIECE):
        wrong.delay()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    sys.exit(agent.wait())


class Wrong:
    """What is wrong with the conversation that goes on."""

    def __init__(self):
        self.what = None
        self.passed = 0

    def asked(self, request):
        dle = request.get("dle")
        if request.get("request") not in ("dump", "estimate") or not isinstance(dle, dict):
            return
        note = dle["path"] + ".note"
        name = os.path.basename(dle["path"])
        if request["request"] == "estimate":
            self.what = "hangs" if name == "estimate" else None
        elif name == "hangs-once":
            self.what = None if os.path.exists(note) else "hangs"
        elif name in ("hangs", "slow"):
            self.what = name
        if self.what:
            with open(note, "a") as file:
                file.write(f"{request['request']} {self.what}\n")
        self.passed = 1 << 16 if request["request"] == "estimate" else 0

    def delay(self):
        self.passed += PIECE
        if self.what == "slow":
            time.sleep(PAUSE)
        elif self.what == "hangs" and self.passed > 1 << 16:
            threading.Event().wait()


def requests(agent, wrong):
    """Hands on what the server says, and looks at what it asks."""
    server = sys.stdin.buffer
    while len(head := server.read(5)) == 5:
        length, kind = struct.unpack("<IB", head)
        payload = server.read(length)
        if kind == 2:
            wrong.asked(json.loads(payload))
        agent.write(head + payload)
        agent.flush()
    agent.close()


if __name__ == "__main__":
    main()
