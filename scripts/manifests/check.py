"""Checks examples/kubernetes: manifests by Kubernetes' own schemas, the Dockerfile by hadolint, and by `facts`, `monitoring` and
`public_address` what has to agree. Then each check is shown something broken, which it has to notice.

    scripts/check-manifests.sh            check
    scripts/check-manifests.sh --bless    write anew what is made of other files
"""

import functools
import pathlib
import subprocess
import sys

import kubernetes_validate
import yaml

import facts
import monitoring
import public_address
from broken import BROKEN

# The oldest that has all that is used (`preStop.sleep`, `matchLabelKeys`) without an option, and the newest schema.
VERSIONS = ("1.34", "1.37")
CHECKS = facts.ALL + monitoring.ALL
READ = (
    "server/sterna.example.toml",
    "server/src/metrics/mod.rs",
    "server/src/metrics/gauges.rs",
    "docs/OPERATIONS.md",
    "docs/openapi.json",
    f"{public_address.OVERLAY}/kustomization.yaml",
    "examples/monitoring/alerts.yml",
    "examples/monitoring/prometheus.yml",
    "examples/monitoring/prometheus-kubernetes.yml",
    "Cargo.toml",
)


def read(root):
    paths = [path for path in (root / facts.FOLDER).rglob("*") if path.is_file()]
    paths += [root / name for name in READ if (root / name).exists()]
    return facts.Files({str(path.relative_to(root)): path.read_text() for path in paths})


@functools.cache
def schema_problems(text):
    """Of one document; unknown keys count."""
    document = yaml.safe_load(text)
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = ".".join(map(str, error.path))
            found.append(f"Kubernetes {version}: {document['kind']}: {where}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            found.append(error.message)
    return tuple(found)


@functools.cache
def dockerfile_problems(text):
    hadolint = pathlib.Path(sys.executable).with_name("hadolint")
    run = subprocess.run([hadolint, "-"], input=text, capture_output=True, text=True, check=False)
    return tuple(f"Dockerfile: {line}" for line in (run.stdout + run.stderr).splitlines())


def problems(files):
    found = []
    for name, document in [*files.manifests(), *added(files)]:
        found += [f"{name}: {problem}" for problem in schema_problems(yaml.safe_dump(document))]
    found += dockerfile_problems(files.text("Dockerfile"))
    for check in CHECKS:
        # A check relies on the shapes and keys that those before it have found right.
        if not found:
            found += check(files)
    return found or public_address.problems(files)


def added(files):
    """What the component adds and changes."""
    try:
        files = public_address.rendered(files)
    except (KeyError, TypeError):
        # `public_address.problems` says so.
        return
    for name, document in files.manifests():
        if name == "deployment.yaml" or name.startswith("public-address/"):
            yield f"{name} with public-address", document


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    files = read(root)
    if "--bless" in sys.argv[1:]:
        (root / monitoring.RULES).write_text(monitoring.rules_text(files))
        return 0
    found = problems(files)
    for problem in found:
        print(problem)
    if found:
        return 1
    same = public_address.as_kustomize_does(root, files)
    if same is False:
        print(f"{public_address.OVERLAY}: kustomize makes something else of it than scripts/manifests/public_address.py")
        return 1
    for name, before, after, expected in BROKEN:
        path = name if name in files.texts else f"{facts.FOLDER}/{name}"
        text = files.texts[path]
        if before not in text:
            print(f"{path} does not have `{before}` any more: change scripts/manifests/broken.py")
            return 1
        noticed = problems(files.changed(path, text.replace(before, after)))
        if not any(expected in problem for problem in noticed):
            print(f"{path}: `{after}` instead of `{before}` was not noticed as `{expected}`, only {noticed}")
            return 1
    manifests, watching = [*files.manifests(), *added(files)], list(monitoring.documents(files))
    print(f"{len(manifests)} manifests pass the schemas of Kubernetes {' and '.join(VERSIONS)}, {len(watching)} of the operator of")
    print("Prometheus have keys that are known here, the Dockerfile passes hadolint,")
    if same is None:
        print("(no kubectl here: what kustomize makes of the overlay is not compared)")
    checks = len(CHECKS) + len(public_address.ALL) + 1
    print(f"and {checks} checks of what has to agree; {len(BROKEN)} things broken on purpose were all noticed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
