"""Measures how many snapshots a second NATS stores on this machine, with one replica and with three: writes like those of
Sterna, into a stream like Sterna's. Prints the figures of docs/OPERATIONS.md, "Sizing".

    python3 scripts/costs/store.py target/tools/nats/bin/nats-server [BYTES]
"""

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time

SESSIONS = 5000
UNDER_WAY = 256
SECONDS = 8


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


class Client:
    """As much of the protocol of NATS as is needed here."""

    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.input = self.socket.makefile("rb")
        self.input.readline()
        self.send(b'CONNECT {"verbose":false,"headers":true}\r\nSUB _INBOX.1 1\r\n')

    def send(self, text):
        self.socket.sendall(text)

    def publish(self, subject, payload):
        return f"PUB {subject} _INBOX.1 {len(payload)}\r\n".encode() + payload + b"\r\n"

    def answer(self):
        while True:
            line = self.input.readline()
            if line == b"PING\r\n":
                self.send(b"PONG\r\n")
            elif line.startswith(b"MSG "):
                return json.loads(self.input.read(int(line.split()[-1]) + 2))
            elif line.startswith(b"HMSG "):
                self.input.read(int(line.split()[-1]) + 2)
                return {"error": "nobody answers"}

    def make_stream(self, replicas):
        config = {
            "name": "COST", "subjects": ["cost.>"], "max_msgs_per_subject": 1, "discard": "new",
            "storage": "file", "num_replicas": replicas, "retention": "limits",
        }  # fmt: skip
        self.send(self.publish("$JS.API.STREAM.CREATE.COST", json.dumps(config).encode()))
        return "error" not in self.answer()


def wait_for_stream(port, replicas):
    """Before there is a leader nobody answers."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            if Client(port, timeout=1).make_stream(replicas):
                return
        time.sleep(0.1)
    sys.exit("the stream cannot be made")


def write(client, size):
    """Writes a second, and how long each took on the average."""
    payload, asked, answered = bytes(size), 0, 0
    began = time.monotonic()
    while time.monotonic() < began + SECONDS or answered < asked:
        more = UNDER_WAY - (asked - answered) if time.monotonic() < began + SECONDS else 0
        if more > 0:
            subjects = (f"cost.{(asked + index) % SESSIONS}" for index in range(more))
            client.send(b"".join(client.publish(subject, payload) for subject in subjects))
            asked += more
        if "error" in client.answer():
            sys.exit("a write was refused")
        answered += 1
    rate = answered / (time.monotonic() - began)
    return rate, UNDER_WAY / rate


def run(program, size):
    for replicas in (1, 3):
        with contextlib.ExitStack() as ends, tempfile.TemporaryDirectory() as folder:
            ports, routes = free_ports(replicas), free_ports(replicas)
            for index in range(replicas):
                command = [
                    program, "--addr", "127.0.0.1", "--port", str(ports[index]), "--jetstream",
                    "--store_dir", f"{folder}/{index}", "--name", f"n{index}",
                ]  # fmt: skip
                if replicas > 1:
                    others = ",".join(f"nats://127.0.0.1:{route}" for route in routes)
                    command += ["--cluster_name", "c", "--cluster", f"nats://127.0.0.1:{routes[index]}", "--routes", others]
                server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
                ends.callback(server.wait)
                ends.callback(server.kill)
            wait_for_stream(ports[0], replicas)
            rate, each = write(Client(ports[0]), size)
            print(
                f"{replicas} replicas: {rate:.0f} writes of {size} bytes a second, "
                f"{each * 1000:.1f} ms each with {UNDER_WAY} under way"
            )


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1024)
