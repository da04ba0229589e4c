"""What Prometheus is given, with and without its operator: rules in two files, and who is asked how often.

Kubernetes' schemas do not have the operator's kinds, so `KEYS` holds what of them is used.
"""

import re

import yaml

from facts import FOLDER, port_of

ALERTS = "examples/monitoring/alerts.yml"
RULES = f"{FOLDER}/monitoring/rules.yaml"
RULES_HEAD = f"""\
# Written from {ALERTS} by `scripts/check-manifests.sh --bless`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: sterna
  labels:
    app.kubernetes.io/name: sterna
spec:
"""
# What Prometheus may be set to, unless these files say: then a rate over a window needs four readings to say something.
SLOWEST_SCRAPE_S = 30
# Names below `*` are the user's own. All values are texts.
KEYS = {
    "PodMonitor": """
        apiVersion kind metadata.name metadata.labels.* spec.jobLabel spec.selector.matchLabels.*
        spec.podMetricsEndpoints[].port spec.podMetricsEndpoints[].path spec.podMetricsEndpoints[].interval
    """.split(),
    "PrometheusRule": """
        apiVersion kind metadata.name metadata.labels.* spec.groups[].name spec.groups[].interval
        spec.groups[].rules[].alert spec.groups[].rules[].expr spec.groups[].rules[].for
        spec.groups[].rules[].labels.* spec.groups[].rules[].annotations.*
    """.split(),
}


def rules_text(files):
    """The operator's rules: the same, two columns to the right."""
    lines = [line for line in files.text(ALERTS).splitlines() if not line.startswith("#")]
    return RULES_HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)


def seconds(time):
    number, unit = re.fullmatch(r"(\d+)([smh])", time).groups()
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def leaves(value, path=""):
    """Path and value of everything in a document that is neither a table nor a list itself."""
    if isinstance(value, dict):
        for key, inner in value.items():
            # What a key has in it is no step of the path.
            yield from leaves(inner, f"{path}.{key.replace('.', '_')}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, value


def documents(files):
    """File and document of what monitoring/kustomization.yaml lists."""
    for name in yaml.safe_load(files.text("monitoring/kustomization.yaml"))["resources"]:
        for document in files.documents(f"monitoring/{name}"):
            yield name, document


def of_kind(files, kind):
    return next(document for _, document in documents(files) if document["kind"] == kind)


def shapes(files):
    for name, document in documents(files):
        known = KEYS.get(document["kind"])
        if known is None or document["apiVersion"] != "monitoring.coreos.com/v1":
            yield f"{name}: the kind {document['kind']} is not known here"
            continue
        for path, value in leaves(document):
            if path not in known and path.rpartition(".")[0] + ".*" not in known:
                yield f"{name}: {document['kind']} has no `{path}` that is known here"
            elif not isinstance(value, str):
                yield f"{name}: `{path}` is no text"
    spaces = [yaml.safe_load(files.text(f"{part}kustomization.yaml"))["namespace"] for part in ("", "monitoring/")]
    if len(set(spaces)) != 1:
        yield f"pods and what watches them are in different namespaces: {spaces}"


def rules(files):
    if files.text(RULES) != rules_text(files):
        yield f"{RULES} has other rules than {ALERTS}: scripts/check-manifests.sh --bless"
    # A tenth of a drain is soon enough, and half of it is left to do something.
    drain = files.server()["times"]["drain_ms"] / 1000
    jobs = {name: seconds(job["scrape_interval"]) for name, job in scraped(files, "prometheus.yml")}
    for group in yaml.safe_load(files.text(ALERTS))["groups"]:
        every = seconds(group.get("interval", "1m"))
        if every > drain / 10:
            yield f"{ALERTS}: rules are looked at every {every} s, which is too late for a drain of {drain:g} s"
        for rule in group["rules"]:
            late = every + jobs["sterna"] + seconds(rule["for"])
            if "sterna_drain_" in rule["expr"] and late > drain / 2:
                yield f"{rule['alert']}: comes {late} s after the fact, which is too late for a drain of {drain:g} s"
            for window in re.findall(r"\[(\w+)\]", rule["expr"]):
                if seconds(window) < 4 * SLOWEST_SCRAPE_S:
                    yield f"{rule['alert']}: {window} is too short for figures that come every {SLOWEST_SCRAPE_S} s"
            for job in re.findall(r'job=~"([^"]+)"', rule["expr"]):
                if not any(re.fullmatch(job, name) for name in jobs):
                    yield f"{rule['alert']}: asks for the job {job}, which prometheus.yml does not have"
            for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"]):
                if not {"job", "namespace"} <= set(labels.split(", ")):
                    yield f"{rule['alert']}: by ({labels}) mixes clusters of one Prometheus"
            if re.search(r"\b(?:sum|max|min|avg|count)\b(?! by \()", rule["expr"]):
                yield f"{rule['alert']}: an aggregation without `by` mixes clusters of one Prometheus"


def scraped(files, name):
    for job in yaml.safe_load(files.text(f"examples/monitoring/{name}"))["scrape_configs"]:
        yield job["job_name"], job


def scrapes(files):
    drain = files.server()["times"]["drain_ms"] / 1000
    own = files.pod()["metadata"]["labels"]
    port = next(port["name"] for port in files.container()["ports"] if port["name"] == "metrics")
    monitor = of_kind(files, "PodMonitor")["spec"]
    endpoint = monitor["podMetricsEndpoints"][0]
    if monitor["selector"]["matchLabels"] != own or own[monitor["jobLabel"]] != "sterna":
        yield "PodMonitor: selects other pods, or gives them another job than the rules ask for"
    if endpoint["port"] != port or endpoint["path"] != files.pod()["metadata"]["annotations"]["prometheus.io/path"]:
        yield "PodMonitor: asks elsewhere for figures than where the pods have them"
    static, found = dict(scraped(files, "prometheus.yml")), dict(scraped(files, "prometheus-kubernetes.yml"))
    for every in (endpoint["interval"], static["sterna"]["scrape_interval"], found["sterna"]["scrape_interval"]):
        if seconds(every) > drain / 10:
            yield f"figures every {every} say too little of a drain of {drain:g} s"
    metrics = port_of(files.server()["metrics"])
    if any(port_of(target) != metrics for target in static["sterna"]["static_configs"][0]["targets"]):
        yield f"prometheus.yml: nodes have their figures on port {metrics}"
    if set(static) != set(found):
        yield "prometheus.yml and prometheus-kubernetes.yml have different jobs"
    space = yaml.safe_load(files.text("kustomization.yaml"))["namespace"]
    for name, label_and_port in (("sterna", f"{own['app.kubernetes.io/name']};{port}"), ("nats", "nats;prom-metrics")):
        steps = found[name]["relabel_configs"]
        if found[name]["kubernetes_sd_configs"][0]["namespaces"]["names"] != [space]:
            yield "prometheus-kubernetes.yml: looks in another namespace"
        if steps[0]["regex"] != label_and_port:
            yield f"prometheus-kubernetes.yml: the job {name} keeps other pods than those of {label_and_port}"
        # The adapter's query counts by both.
        missing = {"namespace", "pod"} - {step.get("target_label") for step in steps}
        if missing:
            yield f"prometheus-kubernetes.yml: the job {name} does not keep {sorted(missing)}"


def network(files):
    """Who asks for figures has to come through."""
    spaces = {
        source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for policy in files.of_kind("NetworkPolicy")
        for rule in policy["spec"]["ingress"]
        for source in rule.get("from", ())
        if source.get("namespaceSelector")
    }
    if len(spaces) != 1 or f"namespace `{min(spaces)}`" not in files.text("README.md"):
        yield f"network.yaml lets figures out to {sorted(spaces)}, and README.md does not say so"


ALL = (shapes, rules, scrapes, network)
