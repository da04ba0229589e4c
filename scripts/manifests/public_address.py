"""The component examples/kubernetes/public-address: what it makes of the manifests, rendered as kustomize does, holds to all that they
hold to; and its script is run, with a `kubectl` that only answers.
"""

import functools
import pathlib
import re
import shutil
import subprocess
import tempfile

import yaml

import facts
from facts import FOLDER, parsed

COMPONENT = f"{FOLDER}/public-address"
OVERLAY = "examples/kubernetes-overlay"
# By what kustomize knows an entry of a list again, as Kubernetes' API says; all other lists are replaced as a whole.
KEY_OF = {"volumeMounts": "mountPath"} | dict.fromkeys(("containers", "initContainers", "env", "volumes"), "name")
# Where `kubectl` looks for an account's token.
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# What `kubectl` answers of a machine; what clients are told then, or what the pod's last words have in them.
MACHINES = (
    ("203.0.113.7", "203.0.113.7", None),
    ("2001:db8::7 203.0.113.7", "203.0.113.7", None),
    ("203.0.113.7 203.0.113.8", "203.0.113.7", None),
    ("", None, "found: none"),
    ("2001:db8::7", None, "found: 2001:db8::7"),
)


def merged(base, patch, path=()):
    """A strategic merge patch."""
    if isinstance(base, dict) and isinstance(patch, dict):
        added = {key: merged(base.get(key), value, (*path, key)) for key, value in patch.items()}
        return {**base, **added}
    key = KEY_OF.get(path[-1]) if path else None
    if not isinstance(patch, list) or key is None:
        return patch
    entries = {entry[key]: entry for entry in base or ()}
    for entry in patch:
        if entry.get("$patch") == "delete":
            # kustomize does not mind; here it is a name that is wrong.
            if entries.pop(entry[key], None) is None:
                raise KeyError(entry[key])
        else:
            entries[entry[key]] = merged(entries.get(entry[key]), entry, path)
    return list(entries.values())


def rendered(files):
    """The files as they would have to be without the component."""
    base, component = files.documents("kustomization.yaml")[0], files.documents("public-address/kustomization.yaml")[0]
    patches = [patch for each in component["patches"] for patch in files.documents(f"public-address/{each['path']}")]
    deployment = files.documents("deployment.yaml")[0]
    for patch in patches:
        deployment = merged(deployment, patch)
    resources = [*base["resources"], *(f"public-address/{name}" for name in component["resources"])]
    files = files.changed(f"{FOLDER}/deployment.yaml", yaml.safe_dump(deployment))
    return files.changed(f"{FOLDER}/kustomization.yaml", yaml.safe_dump({**base, "resources": resources}))


def overlay(files):
    base, component = files.documents("kustomization.yaml")[0], files.documents("public-address/kustomization.yaml")[0]
    above = parsed(files.text(f"{OVERLAY}/kustomization.yaml"))[0]
    if component["kind"] != "Component" or base["kind"] != "Kustomization" or above["kind"] != "Kustomization":
        yield f"{COMPONENT} is not a Component, or something else is"
    here = pathlib.Path(OVERLAY).parent
    for key, wanted in (("resources", FOLDER), ("components", COMPONENT)):
        if [str(here / path.removeprefix("../")) for path in above[key]] != [wanted]:
            yield f"{OVERLAY}: `{key}` is not {wanted}"
    if above["namespace"] != base["namespace"]:
        yield f"{OVERLAY}: another namespace than {FOLDER}"
    if f"kubectl apply --kustomize {OVERLAY}\n" not in files.text("README.md"):
        yield f"README.md does not say how {OVERLAY} is applied"


def file_of_the_address(files):
    """The first container writes the file that the server reads, and the server is told of nothing else."""
    variables = {variable["name"]: variable for variable in files.container()["env"]}
    file = variables.get("STERNA__PUBLIC_HOST_FILE", {}).get("value", "")
    if not file or "STERNA__PUBLIC_HOST" in variables:
        yield "the server needs STERNA__PUBLIC_HOST_FILE, and starts only without STERNA__PUBLIC_HOST"
        return
    first = files.pod()["spec"]["initContainers"][0]
    if f">{file}\n" not in first["command"][-1]:
        yield f"the script does not write {file}, which STERNA__PUBLIC_HOST_FILE names"
    folder = file.rpartition("/")[0]
    for container, only_reads in ((first, False), (files.container(), True)):
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        mount = mounts.get(folder, {})
        if mount.get("name") != "public-address" or mount.get("readOnly", False) != only_reads:
            yield f"{container['name']}: {folder} is not mounted as it has to be"
    volumes = {volume["name"]: volume for volume in files.pod()["spec"]["volumes"]}
    if "emptyDir" not in volumes.get("public-address", {}):
        yield "the volume public-address is not the pod's own"


def least_rights(files):
    """Only the first container may ask Kubernetes, only for a machine; and it comes through."""
    spec = files.pod()["spec"]
    first = spec["initContainers"][0]
    if first["securityContext"] != files.container()["securityContext"]:
        yield "public-address may do more than the server"
    if spec["automountServiceAccountToken"] or any(m["mountPath"] == ACCOUNT for m in files.container()["volumeMounts"]):
        yield "the server has a token for Kubernetes that it does not need"
    token = {mount["mountPath"]: mount["name"] for mount in first["volumeMounts"]}.get(ACCOUNT)
    sources = next((v["projected"]["sources"] for v in spec["volumes"] if v["name"] == token and "projected" in v), [])
    if {source_file for source in sources for source_file in files_of(source)} != {"token", "ca.crt"}:
        yield f"public-address has no token and CA in {ACCOUNT}"
    account, role, binding = (files.of_kind(k)[0] for k in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding"))
    if role["rules"] != [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]:
        yield "the ClusterRole allows something else than to get a machine"
    space = files.documents("kustomization.yaml")[0]["namespace"]
    subject = {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": space}
    if binding["subjects"] != [subject] or binding["roleRef"]["name"] != role["metadata"]["name"]:
        yield "the ClusterRoleBinding gives something else to somebody else"
    if spec["serviceAccountName"] != account["metadata"]["name"]:
        yield "the pod's account is not the one with the right"
    for policy in files.of_kind("NetworkPolicy"):
        # Then it has to open the way to the API server, and this check has to look for it.
        if "Egress" in policy["spec"]["policyTypes"]:
            yield "network.yaml: public-address may not reach Kubernetes' API any more"


def files_of(source):
    """What a source of a projected volume puts there."""
    if "serviceAccountToken" in source:
        return [source["serviceAccountToken"]["path"]]
    return [item["path"] for item in source["configMap"]["items"]]


def run(container, answer, folder):
    """Runs the script, with a file in `folder` in the place of its own: exit code, last words, and what the file has in it."""
    written = folder / "public_host"
    written.unlink(missing_ok=True)
    script = re.sub(r">/\S+/public_host$", f">{written}", container["command"][-1], flags=re.M)
    kubectl = folder / "kubectl"
    kubectl.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "get node machine-1" ] && printf %s "{answer}"\n')
    kubectl.chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "NODE": "machine-1"}
    ran = subprocess.run([*container["command"][:-1], script], env=environment, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stderr, written.read_text() if written.exists() else None


@functools.cache
def wrong_answers(text):
    container, found = parsed(text)[0], []
    with tempfile.TemporaryDirectory() as name:
        for answer, address, words in MACHINES:
            code, stderr, file = run(container, answer, pathlib.Path(name))
            good = (code, file) == (0, f"{address}\n") if address else code == 1 and file is None and words in stderr
            if not good:
                found.append(f"for a machine with `{answer}` the script ends with {code}, `{stderr}`, and writes {file!r}")
    return found


def script(files):
    yield from wrong_answers(yaml.safe_dump(files.pod()["spec"]["initContainers"][0]))


ALL = (file_of_the_address, least_rights, script)


def problems(files):
    """`files` have been found right without the component."""
    try:
        with_it = rendered(files)
    except (KeyError, TypeError) as error:
        return [f"{COMPONENT} does not fit deployment.yaml: {error!r}"]
    found = list(overlay(files))
    for check in ALL + facts.ALL:
        if not found:
            found += [f"with public-address: {problem}" for problem in check(with_it)]
    return found


def as_kustomize_does(root, files):
    """Whether what is rendered here is what kustomize renders; None where there is no kubectl."""
    if not shutil.which("kubectl"):
        return None
    command = ["kubectl", "kustomize", str(root / OVERLAY)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # Generated ConfigMaps are named by their content.
    theirs = list(yaml.safe_load_all(re.sub(r"\bsterna-config-\w{10}\b", "sterna-config", text)))
    ours = [document for _, document in rendered(files).manifests()]

    def by_name(documents):
        found = {}
        for document in documents:
            metadata = {key: value for key, value in document["metadata"].items() if key != "namespace"}
            found[document["kind"], metadata["name"]] = in_order({**document, "metadata": metadata})
        return found

    theirs, ours = by_name(theirs), by_name(ours)
    theirs.pop(("ConfigMap", "sterna-config"))
    return theirs == ours


def in_order(value, key=None):
    """The same, with lists in an order of their own that have none."""
    if isinstance(value, dict):
        return {name: in_order(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        inner = [in_order(one) for one in value]
        return sorted(inner, key=lambda entry: entry[KEY_OF[key]]) if key in KEY_OF else inner
    return value
