"""Measures what players cost a node: processor time of its process and resident memory. Prints the figures of
docs/OPERATIONS.md, "Sizing".

    cargo build --release --workspace
    python3 scripts/costs/node.py target/release [PLAYERS]

Processor time is what the system has counted for the server's process; the players are in another one. So other work
on the machine changes the figures little.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

from players import CONNECTED, TCP, UDP, Players

SECONDS = 10
RATES = (1, 10, 50)
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """What the system says of a process."""

    def __init__(self, number):
        self.folder = pathlib.Path("/proc", str(number))

    def cpu_s(self):
        fields = (self.folder / "stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident(self):
        return int((self.folder / "statm").read_text().split()[1]) * PAGE

    def during(self, action):
        """Seconds of processor time that something takes."""
        before = self.cpu_s()
        action()
        return self.cpu_s() - before


def run(built, count):
    for name, transport in (("tcp", TCP), ("quic", UDP)):
        with contextlib.ExitStack() as ends, tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder, "sterna.toml")
            config.write_text(
                'nodes = 1\ntcp_port = 0\nquic_port = 0\npeer_port = 0\nadmin = "127.0.0.1:0"\nlog = "error"\n'
            )
            program = str(built / "sterna")
            server = subprocess.Popen(
                [program, "serve", "--config", str(config)], stdout=subprocess.PIPE, text=True
            )
            ends.callback(server.wait)
            ends.callback(server.kill)
            said = next((line for line in server.stdout if line.startswith("admin: http://")), None)
            if said is None:
                sys.exit("the server has ended")
            admin = said.removeprefix("admin: http://").strip()
            players = Players(built / "libsterna.so", transport)
            measure(name, Process(server.pid), players, [program, "token", "--admin", admin], count)
            players.leave()


def measure(name, process, players, token, count):
    def token_of(user):
        return subprocess.run([*token, user], check=True, capture_output=True, text=True).stdout.strip()

    players.play(1)
    empty = process.resident()
    tokens = [token_of(f"player-{index}") for index in range(count)]
    before = process.cpu_s()
    players.connect(tokens)
    print(f"{name}: a log-in: {(process.cpu_s() - before) / count * 1e6:.0f} us of processor time")
    each = (process.resident() - empty) / count
    print(f"{name}: {empty / 2**20:.0f} MiB, and {each / 1024:.0f} KiB for each of {count} players")
    silent = process.during(lambda: players.play(SECONDS)) / SECONDS
    print(f"{name}: {count} silent players: {silent * 100:.1f} % of a core")
    for rate in RATES:
        spent = process.during(lambda: players.play(SECONDS, rate)) / SECONDS
        each = spent / (count * rate) * 1e6
        print(
            f"{name}: {rate} messages a second each way: {each:.0f} us for each and its echo, "
            f"{1 / (spent / count):.0f} players on a core"
        )
    if any(state != CONNECTED for state in players.each("state")):
        sys.exit("a player is not connected")


if __name__ == "__main__":
    run(pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
