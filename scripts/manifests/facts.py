"""What the manifests of examples/kubernetes say in several places, and what has to agree.

Every check takes the texts of all files (`Files`) and yields a sentence for each thing that is wrong.
"""

import functools
import json
import re
import tomllib

import yaml

FOLDER = "examples/kubernetes"
# Seconds of a pod's grace beyond `preStop` and the drain: for the last forced moves, and the goodbye.
GRACE_TO_SPARE_S = 15
# Characters that a Deployment appends to its name for a pod's, and those that the server's `name` may have.
POD_SUFFIX, NAME_MAX = 17, 40
# Keys of the chart `nats` 2.14.2 that the values rely on; what stands below `*` is not the chart's own.
CHART_KEYS = """
    config.cluster.enabled config.cluster.replicas config.cluster.tls.enabled config.cluster.tls.secretName
    config.nats.tls.enabled config.nats.tls.secretName tlsCA.enabled tlsCA.secretName
    config.jetstream.enabled config.jetstream.fileStore.enabled config.jetstream.fileStore.pvc.enabled
    config.jetstream.fileStore.pvc.size config.jetstream.memoryStore.enabled config.merge.*
    container.env.* container.merge.* podTemplate.topologySpreadConstraints.* podTemplate.merge.*
    podDisruptionBudget.enabled promExporter.enabled natsBox.enabled
""".split()


@functools.cache
def parsed(text):
    """Documents of a text; whoever gets them leaves them as they are."""
    return tuple(document for document in yaml.safe_load_all(text) if document)


class Files:
    """Texts by their path in the repository."""

    def __init__(self, texts):
        self.texts = texts

    def changed(self, path, text):
        return Files({**self.texts, path: text})

    def text(self, name):
        return self.texts.get(name, self.texts.get(f"{FOLDER}/{name}", ""))

    def documents(self, name):
        return parsed(self.text(name))

    def manifests(self):
        """File and document of everything that kustomization.yaml lists."""
        for name in self.documents("kustomization.yaml")[0]["resources"]:
            for document in self.documents(name):
                yield name, document

    def of_kind(self, kind):
        return [document for _, document in self.manifests() if document["kind"] == kind]

    def server(self):
        """Configuration of the nodes."""
        return tomllib.loads(self.text("sterna.toml"))

    def pod(self):
        return self.of_kind("Deployment")[0]["spec"]["template"]

    def container(self):
        return self.pod()["spec"]["containers"][0]


def leaves(value, path=""):
    """Paths of everything in a tree that is not a table itself."""
    if not isinstance(value, dict) or not value:
        yield path
        return
    for key, inner in value.items():
        yield from leaves(inner, f"{path}\0{key}" if path else key)


def known_keys(files):
    """Keys of the server's configuration, as its example names them."""
    keys, section = set(), ""
    for line in files.text("server/sterna.example.toml").splitlines():
        if table := re.fullmatch(r"\[(\w+)\]", line):
            section = table[1] + "."
        elif key := re.match(r"(?:# )?(\w+) = ", line):
            keys.add(section + key[1])
    return keys


def port_of(address):
    return int(address.rpartition(":")[2])


def configuration(files):
    known = known_keys(files)
    for key in leaves(files.server()):
        if (key := key.replace("\0", ".")) not in known:
            yield f"sterna.toml: the server has no key `{key}`"
    for variable in files.container()["env"]:
        key = variable["name"].removeprefix("STERNA__").lower().replace("__", ".")
        if not variable["name"].startswith("STERNA__") or key not in known:
            yield f"deployment.yaml: the server does not know the variable {variable['name']}"
        elif key in files.server():
            yield f"`{key}` is in sterna.toml and in deployment.yaml"
    variables = {variable["name"]: variable.get("value") for variable in files.container()["env"]}
    if not re.fullmatch("[1-9][0-9]*", variables.get("STERNA__APP_VERSION") or ""):
        yield "deployment.yaml: STERNA__APP_VERSION is no number: an update moves players from old pods to old ones"
    name = files.of_kind("Deployment")[0]["metadata"]["name"]
    if len(name) + POD_SUFFIX > NAME_MAX:
        yield f"a pod of `{name}` may have a name that is too long for the server's `name`"


def grace(files):
    spec = files.pod()["spec"]
    pause = files.container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = files.server()["times"]["drain_ms"] / 1000
    needed = pause + drain + GRACE_TO_SPARE_S
    if spec["terminationGracePeriodSeconds"] != needed:
        yield f"terminationGracePeriodSeconds is not preStop + times.drain_ms + {GRACE_TO_SPARE_S} s = {needed:g}"
    scaler = files.of_kind("HorizontalPodAutoscaler")[0]["spec"]
    for policy in scaler["behavior"]["scaleDown"]["policies"]:
        if policy["type"] != "Pods" or policy["value"] != 1 or policy["periodSeconds"] < needed:
            yield f"the autoscaler takes more than one node away within {needed:g} s"
    if files.of_kind("Deployment")[0]["spec"]["progressDeadlineSeconds"] < 3 * needed:
        yield "an update is given up while nodes drain as they should"


def ports(files):
    server = files.server()
    wanted = {
        "game-tcp": (server["tcp_port"], "TCP", server["tcp_port"]),
        "game-quic": (server["quic_port"], "UDP", server["quic_port"]),
        "peer": (server["peer_port"], "TCP", None),
        "endpoint": (port_of(server["endpoint"]), "TCP", None),
        "metrics": (port_of(server["metrics"]), "TCP", None),
    }
    found = {p["name"]: (p["containerPort"], p["protocol"], p.get("hostPort")) for p in files.container()["ports"]}
    if found != wanted:
        yield f"ports: sterna.toml says {wanted}, deployment.yaml {found}"
    exposed = re.search(r"^EXPOSE (.*)$", files.text("Dockerfile"), re.M)[1].split()
    if sorted(exposed) != sorted(f"{port}/{protocol.lower()}" for port, protocol, _ in wanted.values()):
        yield f"Dockerfile: exposes {exposed}"
    if files.pod()["metadata"]["annotations"]["prometheus.io/port"] != str(wanted["metrics"][0]):
        yield "deployment.yaml: Prometheus is told another port than that of figures"
    for service in files.of_kind("Service"):
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in wanted:
                yield f"services.yaml: no port is called {port['targetPort']}"
    rules = files.of_kind("NetworkPolicy")[0]["spec"]["ingress"]
    opened = {(port["port"], port["protocol"]): rule.get("from") for rule in rules for port in rule["ports"]}
    if set(opened) != {(port, protocol) for port, protocol, _ in wanted.values()}:
        yield f"network.yaml: opens {sorted(opened)}"
    for (port, _), sources in opened.items():
        if (sources is None) != (port in (server["tcp_port"], server["quic_port"])):
            yield f"network.yaml: port {port} is open to the wrong side"


def paths(files):
    api = json.loads(files.text("docs/openapi.json") or '{"paths": {}}')["paths"]
    asked = [(files.pod()["metadata"]["annotations"]["prometheus.io/path"], "metrics")]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        get = files.container()[probe]["httpGet"]
        if get["port"] != "endpoint":
            yield f"{probe} asks at another port than the one for probes"
        asked.append((get["path"], "public"))
    for path, side in asked:
        if side not in api.get(path, {}).get("get", {}).get("x-sides", []):
            yield f"deployment.yaml: nothing answers {path}: see docs/openapi.json"


def labels(files):
    deployment = files.of_kind("Deployment")[0]
    own = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = {
        "Deployment": deployment["spec"]["selector"]["matchLabels"],
        "PodDisruptionBudget": files.of_kind("PodDisruptionBudget")[0]["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": files.of_kind("NetworkPolicy")[0]["spec"]["podSelector"]["matchLabels"],
        "Service": files.of_kind("Service")[0]["spec"]["selector"],
    }
    for spread in files.pod()["spec"]["topologySpreadConstraints"]:
        selectors["topologySpreadConstraints"] = spread["labelSelector"]["matchLabels"]
    for kind, selector in selectors.items():
        if selector != own:
            yield f"{kind}: its selector is not the pods' labels"
    target = files.of_kind("HorizontalPodAutoscaler")[0]["spec"]["scaleTargetRef"]
    if (target["kind"], target["name"]) != ("Deployment", deployment["metadata"]["name"]):
        yield "the autoscaler scales something else"


def rights(files):
    pod, own = files.pod()["spec"]["securityContext"], files.container()["securityContext"]
    user = re.findall(r"^USER (\d+):(\d+)$", files.text("Dockerfile"), re.M)
    if not pod["runAsNonRoot"] or [(str(pod["runAsUser"]), str(pod["runAsGroup"]))] != user:
        yield f"the pod's user is not the image's, {user}"
    if own != {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }:
        yield "the container may do more than it needs"


def sizes(files):
    sessions = files.server()["limits"]["sessions_max"]
    scaler = files.of_kind("HorizontalPodAutoscaler")[0]["spec"]
    least = scaler["minReplicas"]
    metric = scaler["metrics"][0]["pods"]
    if least * int(metric["target"]["averageValue"]) > (least - 1) * sessions:
        yield f"the players of {least} nodes do not fit on {least - 1}: the autoscaler's averageValue is too high"
    if metric["metric"]["name"] not in measured(files):
        yield f"the autoscaler counts by {metric['metric']['name']}, which the server does not have"
    adapter = yaml.safe_load(files.text("adapter-values.yaml"))["rules"]["custom"]
    if [rule["name"]["as"] for rule in adapter] != [metric["metric"]["name"]]:
        yield "adapter-values.yaml names another metric than autoscaler.yaml"
    strategy = files.of_kind("Deployment")[0]["spec"]["strategy"]["rollingUpdate"]
    if strategy["maxUnavailable"] != 0 or strategy["maxSurge"] < 1:
        yield "an update does not start a new node before an old one drains"


def measured(files):
    """Names of the server's metrics, with what is appended to them in the text that Prometheus reads."""
    names = set()
    for path in ("server/src/metrics/mod.rs", "server/src/metrics/gauges.rs"):
        for call in re.finditer(r'(?:registry\.register|gauge|seconds)\(\s*"(\w+)"', files.text(path)):
            names |= {f"sterna_{call[1]}{suffix}" for suffix in ("", "_total", "_bucket", "_sum", "_count")}
    return names


def alarms(files):
    described = re.findall(r"^\| `(Sterna\w+)` \|", files.text("docs/OPERATIONS.md"), re.M)
    groups = yaml.safe_load(files.text("examples/monitoring/alerts.yml"))["groups"]
    rules = [rule["alert"] for group in groups for rule in group["rules"]]
    if rules != described:
        yield f"docs/OPERATIONS.md describes the alarms {described}, alerts.yml has {rules}"


def given(files):
    """What is not in the manifests: README.md makes it by hand."""
    readme = files.text("README.md")
    for volume in files.pod()["spec"]["volumes"]:
        if "secret" in volume:
            kind, name = "secret generic", volume["secret"]["secretName"]
        elif "configMap" in volume:
            kind, name = "configmap", volume["configMap"]["name"]
        else:
            # Made with the pod: public_address.py.
            continue
        generated = [one["name"] for one in yaml.safe_load(files.text("kustomization.yaml"))["configMapGenerator"]]
        if name not in generated and f"create {kind} {name} " not in readme:
            yield f"README.md does not say how {name} is made"
    mounts = {mount["name"]: mount["mountPath"] for mount in files.container()["volumeMounts"]}
    server = files.server()
    for key, inside in (
        (server["state_dir"] + "/", mounts["keys"] + "/"),
        (server["issuer_public_key"], mounts["backend"] + "/"),
        (server["engine"]["password_file"], mounts["nats"] + "/"),
    ):
        if not key.startswith(inside):
            yield f"{key} is not in {inside}"
    if f"{mounts['config']}/sterna.toml" not in files.container()["args"]:
        yield "the server is given another file than the ConfigMap's"


def nats(files):
    for name in ("nats-values.yaml", "nats-tls-values.yaml"):
        for path in leaves(yaml.safe_load(files.text(name))):
            parts = path.split("\0")
            starts = {".".join(parts[:length]) + ".*" for length in range(1, len(parts))}
            if ".".join(parts) not in CHART_KEYS and not starts & set(CHART_KEYS):
                yield f"{name}: {'.'.join(parts)} is not among the chart's keys that are known here"
    values = yaml.safe_load(files.text("nats-values.yaml"))
    config, engine = values["config"], files.server()["engine"]
    replicas = config["cluster"]["replicas"]
    space = yaml.safe_load(files.text("kustomization.yaml"))["namespace"]
    urls = [f"nats://nats-{index}.nats-headless.{space}.svc:4222" for index in range(replicas)]
    if engine["urls"] != urls or engine["replicas"] != replicas or replicas != 3:
        yield "sterna.toml and nats-values.yaml do not agree on the servers of NATS"
    if not (config["jetstream"]["fileStore"]["enabled"] and config["jetstream"]["fileStore"]["pvc"]["enabled"]):
        yield "NATS does not keep its data on disks of its own"
    login = config["merge"]["authorization"]
    reference = values["container"]["env"]["STERNA_PASSWORD"]["valueFrom"]["secretKeyRef"]
    file = engine["password_file"].rpartition("/")[2]
    if login != {"user": engine["user"], "password": "<< $STERNA_PASSWORD >>"} or reference["key"] != file:
        yield "nodes log in to NATS otherwise than NATS expects"
    merged = values["podTemplate"]["merge"]["spec"]
    seconds = [int(config["merge"][f"lame_duck_{key}"].removesuffix("s")) for key in ("grace_period", "duration")]
    if merged["terminationGracePeriodSeconds"] < sum(seconds) + 20:
        yield "a server of NATS is killed before its lame-duck time is over"


def nats_by_hand(files):
    """The pod in which OPERATIONS.md has operators ask NATS comes through, and asks for the stream that there is."""
    ingress = files.of_kind("NetworkPolicy")[1]["spec"]["ingress"]
    opened = [source["podSelector"]["matchLabels"] for source in ingress[0]["from"]]
    command = re.search(r"^kubectl run nats-box(?:.*\\\n)*.*$", files.text("docs/OPERATIONS.md"), re.M)
    command = command[0] if command else ""
    labels = dict(pair.split("=") for pair in "".join(re.findall(r"--labels=(\S+)", command)).split(",") if pair)
    if labels not in opened[1:]:
        yield f"docs/OPERATIONS.md: network.yaml does not let pods with the labels {labels} reach NATS"
    if not command.endswith(f" STERNA_{files.server()['cluster']}"):
        yield "docs/OPERATIONS.md asks NATS for the stream of another cluster"


def tls(files):
    """What README.md says of TLS to NATS fits the values, and the nodes' configuration."""
    values, readme = yaml.safe_load(files.text("nats-tls-values.yaml")), files.text("README.md")
    names = {values["tlsCA"]["secretName"]} | {values["config"][of]["tls"]["secretName"] for of in ("nats", "cluster")}
    if len(names) != 1 or f"create secret generic {min(names)} --from-file=tls.crt --from-file=tls.key --from-file=ca.crt" not in readme:
        yield f"README.md does not say how {sorted(names)} is made"
    shown = re.search(r"```toml\n(.*?)```", readme, re.S)
    engine = tomllib.loads(shown[1])["engine"] if shown else {}
    if engine.get("urls") != [url.replace("nats://", "tls://") for url in files.server()["engine"]["urls"]]:
        yield "README.md names other servers for TLS than sterna.toml without"
    folder = files.server()["engine"]["password_file"].rpartition("/")[0]
    if engine.get("ca") != f"{folder}/ca.crt" or "password=\"$password\" --from-file=ca.crt" not in readme:
        yield "README.md does not put the CA where the nodes look for it"


def order(files):
    """README.md makes things before it uses them, and asks for what the manifests make."""
    readme = files.text("README.md")
    deployment, service = (files.of_kind(kind)[0]["metadata"]["name"] for kind in ("Deployment", "Service"))
    port = files.of_kind("Service")[0]["spec"]["ports"][0]["port"]
    steps = (
        "openssl genpkey -algorithm ed25519 -out backend.key",
        "-out backend.pem",
        "--from-file=backend.pem",
        "kubectl apply --kustomize examples/kubernetes\n",
        f"kubectl rollout status deployment {deployment}\n",
        f"kubectl port-forward service/{service} 7980:{port} ",
        "http://127.0.0.1:7980/v1/endpoint",
    )
    at = 0
    for step in steps:
        at = readme.find(step, at)
        if at < 0:
            yield f"README.md: `{step.strip()}` is missing, or comes too early"
            return


def image(files):
    dockerfile = files.text("Dockerfile")
    base = re.search(r"^FROM rust:([\d.]+)-slim-(\w+) AS", dockerfile, re.M)
    if not base:
        yield "Dockerfile: does not say with which Rust, on which Debian"
        return
    rust, debian = base.groups()
    minimum = re.search(r'rust-version = "([\d.]+)"', files.text("Cargo.toml"))[1]
    if tuple(map(int, rust.split("."))) < tuple(map(int, minimum.split("."))):
        yield f"Dockerfile: Rust {rust} is older than {minimum}"
    release = {"bookworm": "12", "trixie": "13"}[debian]
    if f"gcr.io/distroless/cc-debian{release}:nonroot" not in dockerfile:
        yield "Dockerfile: the program is linked against another Debian's C library than it runs with"
    if list(files.container()["args"]) != json.loads(re.search(r"^CMD (.*)$", dockerfile, re.M)[1]):
        yield "the pod's arguments are not the image's"
    images = yaml.safe_load(files.text("kustomization.yaml"))["images"]
    if files.container()["image"] != f"{images[0]['name']}:{images[0]['newTag']}":
        yield "kustomization.yaml and deployment.yaml name different images"


ALL = (configuration, grace, ports, paths, labels, rights, sizes, alarms, given, nats, nats_by_hand, tls, order, image)
