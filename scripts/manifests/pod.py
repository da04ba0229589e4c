"""Runs a server of this repository as the pod of examples/kubernetes does: with its arguments, its configuration and its
variables; asks it what the probes and Prometheus ask, logs a first user in as README.md says, and tells it to end as Kubernetes
does.

    scripts/with-nats.sh scripts/try-pod.sh

What differs, because this is no pod: addresses are loopback with free ports, NATS is one server without a password, and
files lie in a folder of the test. And once more as with the component public-address, whose script asks a `kubectl` that only answers.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import public_address
from check import read
from facts import FOLDER

# The machine's public address, and what a pod is told of itself.
PUBLIC = "127.0.0.2"
FIELDS = {"metadata.name": "sterna-5d9c7b8f6d-x2x4z", "status.hostIP": "127.0.0.1", "status.podIP": "127.0.0.1"}
PATIENCE_S = 60


def here(folder, nats):
    """Variables for what is not as in a pod."""
    return {
        "STERNA__HOST": "127.0.0.1",
        "STERNA__TCP_PORT": "0",
        "STERNA__QUIC_PORT": "0",
        "STERNA__PEER_PORT": "0",
        "STERNA__ADMIN": "127.0.0.1:0",
        "STERNA__ENDPOINT": "127.0.0.1:0",
        "STERNA__METRICS": "127.0.0.1:0",
        "STERNA__STATE_DIR": str(folder / "keys"),
        "STERNA__ISSUER_PUBLIC_KEY": str(folder / "backend.pem"),
        "STERNA__ENGINE__URLS": json.dumps([nats]),
        "STERNA__ENGINE__REPLICAS": "1",
        "STERNA__ENGINE__PASSWORD_FILE": str(folder / "password"),
    }


class Server:
    """A process of the program, with the addresses that it has printed."""

    def __init__(self, program, arguments, variables):
        environment = {**os.environ, **variables}
        self.process = subprocess.Popen([program, *arguments], env=environment, stdout=subprocess.PIPE, text=True)
        self.addresses = {}

    def wait_for(self, side):
        for line in self.process.stdout:
            if address := re.match(r"(\w+): (http://\S+)$", line):
                self.addresses[address[1]] = address[2]
            if side in self.addresses:
                return
        sys.exit(f"the server ended with {self.process.wait()} before it said where `{side}` is")

    def get(self, side, path, method="GET", **headers):
        """Status and text of an answer."""
        request = urllib.request.Request(self.addresses[side] + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.close()
        return self.process.wait(timeout=PATIENCE_S)

    def kill(self):
        self.process.kill()
        self.process.wait()


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r} instead of {wanted!r}")


def until(what, wanted, look):
    deadline = time.monotonic() + PATIENCE_S
    while (found := look()) != wanted:
        if time.monotonic() > deadline:
            sys.exit(f"{what}: still {found!r} instead of {wanted!r}")
        time.sleep(0.05)


def said(readme, first, last):
    """Lines of README.md, from one that begins so to one that begins so."""
    lines = re.search(rf"^{re.escape(first)}.*?^{re.escape(last)}[^\n]*$", readme, re.M | re.S)
    return lines[0] if lines else sys.exit(f"README.md has no lines from `{first}` to `{last}`")


def run(lines, folder):
    """What a shell prints that does as README.md says."""
    return subprocess.run(["bash", "-euo", "pipefail", "-c", lines], cwd=folder, check=True, capture_output=True, text=True).stdout


def log_in(files, server, folder):
    """As the game's backend does for its first user."""
    lines = said(files.text("README.md"), "url() {", "user_token=")
    user_token = run(lines + '\nprintf %s "$user_token"', folder)
    status, text = server.get("endpoint", "/v1/endpoint", "POST", Authorization=f"Bearer {user_token}")
    expect(f"a connect token for a user of the backend: {text}", status, 200)
    expect("the connect token's beginning", json.loads(text)["token"][:8], "sterna1.")
    forged = user_token[:-8] + ("A" * 8 if user_token[-8:] != "A" * 8 else "B" * 8)
    status, text = server.get("endpoint", "/v1/endpoint", "POST", Authorization=f"Bearer {forged}")
    expect("a signature that is not the backend's", (status, json.loads(text)["error"]), (401, "bad_token"))


def make_keys(files, program, folder):
    """As README.md says, once for all pods."""
    run(said(files.text("README.md"), "openssl genpkey", "openssl pkey"), folder)
    arguments = ["serve", "--cluster", "game", "--state-dir", str(folder / "keys"), "--admin", "127.0.0.1:0"]
    ports = [argument for port in ("tcp", "quic", "peer") for argument in (f"--{port}-port", "0")]
    server = Server(program, arguments + ports, {})
    server.wait_for("admin")
    expect("the server that makes the keys ends with", server.end(), 0)
    (folder / "password").write_text("nothing-is-checked-here")


def play(files, program, server, folder, public):
    """Everything that is asked of a pod whose clients are told `public`."""
    container = files.container()
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        until(f"{probe} {path}", 200, lambda path=path: server.get("endpoint", path)[0])
    status, text = server.get("metrics", files.pod()["metadata"]["annotations"]["prometheus.io/path"])
    expect("figures", status, 200)
    for metric in files.of_kind("HorizontalPodAutoscaler")[0]["spec"]["metrics"]:
        name = metric.get("pods", {}).get("metric", {}).get("name", "sterna_build_info")
        if f"\n{name}{{" not in text:
            sys.exit(f"the server does not show {name}")
    node = FIELDS["metadata.name"] + "-1"
    expect("the node's name is in the figures", f'node="{node}"' in text, True)
    log_in(files, server, folder)
    admin = server.addresses["admin"].removeprefix("http://")
    listed = subprocess.run([program, "nodes", "--admin", admin, "--json"], check=True, capture_output=True, text=True).stdout
    told = [json.loads(listed)[0][transport].rpartition(":")[0] for transport in ("tcp", "quic")]
    expect("the address that clients are told", told, [public, public])
    subprocess.run([program, "cordon", node, "--admin", admin], check=True, stdout=subprocess.DEVNULL)
    ready = container["readinessProbe"]["httpGet"]["path"]
    alive = container["livenessProbe"]["httpGet"]["path"]
    until("readiness of a cordoned node", 503, lambda: server.get("endpoint", ready)[0])
    expect("liveness of a cordoned node", server.get("endpoint", alive)[0], 200)
    expect("SIGTERM ends it with", server.end(), 0)


def try_pod(files, program, nats, root, folder, public):
    container = files.container()
    variables = {
        one["name"]: one.get("value") or FIELDS[one["valueFrom"]["fieldRef"]["fieldPath"]] for one in container["env"]
    }
    if "STERNA__PUBLIC_HOST_FILE" in variables:
        variables["STERNA__PUBLIC_HOST_FILE"] = str(folder / "public_host")
    file = str(root / FOLDER / "sterna.toml")
    arguments = [file if argument.endswith("/sterna.toml") else argument for argument in container["args"]]
    server = Server(program, arguments, {**variables, **here(folder, nats)})
    try:
        # The last one that it prints.
        server.wait_for("metrics")
        play(files, program, server, folder, public)
    finally:
        server.kill()


def main():
    program, nats = sys.argv[1], os.environ["STERNA_E2E_NATS"]
    root = pathlib.Path(__file__).resolve().parents[2]
    files = read(root)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_keys(files, program, folder)
        try_pod(files, program, nats, root, folder, FIELDS["status.hostIP"])
        files = public_address.rendered(files)
        code, words, _ = public_address.run(files.pod()["spec"]["initContainers"][0], PUBLIC, folder)
        expect(f"the script of public-address ends ({words})", code, 0)
        try_pod(files, program, nats, root, folder, PUBLIC)
    print("the pod's server starts, is alive and ready, shows what the autoscaler counts by, lets a user of the backend in, is not ready")
    print("when cordoned, and ends; and tells clients the machine's address, or with the component public-address its public one")


if __name__ == "__main__":
    main()
