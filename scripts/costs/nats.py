"""Measures what players cost NATS: requests that its server has received, and what it stores. Prints the figures of
docs/OPERATIONS.md, "Sizing".

    cargo build --workspace
    python3 scripts/costs/nats.py target/debug target/tools/nats/bin/nats-server [PLAYERS] [DURABILITY] [NODES]

NODES: of each of the three processes.
"""

import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from players import CONNECTED, Players


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Nats:
    """What its server says of itself."""

    def __init__(self, port):
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, path):
        with urllib.request.urlopen(f"{self.address}/{path}", timeout=10) as answer:
            return json.load(answer)

    def counts(self):
        server, store = self.ask("varz"), self.ask("jsz")
        return [server["in_msgs"], server["in_bytes"], store["messages"], store["bytes"], time.monotonic()]

    def during(self, action):
        """What has come since: requests, bytes; more messages stored, more bytes stored; seconds."""
        before = self.counts()
        action()
        return [after - earlier for after, earlier in zip(self.counts(), before)]


def run(built, nats_program, count, durability, nodes):
    with contextlib.ExitStack() as ends, tempfile.TemporaryDirectory() as folder:

        def start(*command, **options):
            process = subprocess.Popen(command, **options)
            ends.callback(process.wait)
            ends.callback(process.kill)
            return process

        port, monitor = free_port(), free_port()
        start(
            nats_program, "--addr", "127.0.0.1", "--port", str(port), "--http_port", str(monitor),
            "--jetstream", "--store_dir", f"{folder}/store", stderr=subprocess.DEVNULL,
        )  # fmt: skip
        nats, admins = Nats(monitor), []
        for name in ("red", "green", "blue"):
            config = pathlib.Path(folder, f"{name}.toml")
            config.write_text(
                f'name = "{name}"\nnodes = {nodes}\nstate_dir = "{folder}/keys"\ntcp_port = 0\nquic_port = 0\npeer_port = 0\n'
                f'admin = "127.0.0.1:0"\nlog = "error"\ndurability = "{durability}"\n'
                f'[engine]\nkind = "nats"\nurls = ["nats://127.0.0.1:{port}"]\n'
            )
            server = start(str(built / "sterna"), "serve", "--config", str(config), stdout=subprocess.PIPE, text=True)
            said = next((line for line in server.stdout if line.startswith("admin: http://")), None)
            if said is None:
                sys.exit(f"{name} has ended")
            admins.append(said.removeprefix("admin: http://").strip())
        measure(nats, Players(next(built.glob("libsterna.so"))), str(built / "sterna"), admins[0], count, nodes)


def measure(nats, players, program, admin, count, nodes):
    def command(*arguments):
        return subprocess.run([program, *arguments, "--admin", admin], check=True, capture_output=True, text=True).stdout

    players.play(3)
    requests, size, _, _, seconds = nats.during(lambda: players.play(12))
    idle = requests / seconds
    print(f"{3 * nodes} nodes by themselves: {idle:.1f} requests a second, {size / requests:.0f} bytes each")

    tokens = [command("token", f"player-{index}").strip() for index in range(count)]
    requests, _, stored, stored_bytes, seconds = nats.during(lambda: players.connect(tokens))
    each = (requests - idle * seconds) / count
    print(f"a log-in: {each:.1f} requests; stored: {stored / count:.1f} messages, {stored_bytes / count:.0f} bytes")

    requests, _, _, _, seconds = nats.during(lambda: players.play(15))
    print(f"a silent player: {(requests / seconds - idle) / count:.2f} requests a second")

    requests, _, _, _, seconds = nats.during(lambda: players.play(20, sends=True))
    print(f"a player with a message a second: {(requests / seconds - idle) / count:.2f} requests a second")

    def drain():
        command("drain", "red-1")
        players.play(1)
        players.each("send_migrate")
        players.play(7)

    before = sum(node["sessions"] for node in json.loads(command("nodes", "--json")))
    requests, _, _, _, seconds = nats.during(drain)
    if any(state != CONNECTED for state in players.each("state")) or not before:
        sys.exit("the players have not moved")
    print(f"a move: {(requests - idle * seconds) / before:.1f} requests ({before} players)")


if __name__ == "__main__":
    run(
        pathlib.Path(sys.argv[1]),
        sys.argv[2],
        int(sys.argv[3]) if len(sys.argv) > 3 else 60,
        sys.argv[4] if len(sys.argv) > 4 else "lazy",
        int(sys.argv[5]) if len(sys.argv) > 5 else 1,
    )
