"""What schemathesis needs to know about Gangway: the statuses that are allowed, and bodies that are not refused at once.

Loaded through SCHEMATHESIS_HOOKS. GANGWAY_CONFORMANCE_AS says whose key is used: `tenant` or `operator`. The statuses are in
statuses.txt; an operation that is missing there ends the run with what to add. 401 is not in it: it is right exactly where a request
goes without our key, as some do to see that.
"""

import os
import zlib
from pathlib import Path

import schemathesis

WHO = os.environ["GANGWAY_CONFORMANCE_AS"]
KEY = os.environ["GANGWAY_CONFORMANCE_KEY"]
# The tenant that an operator's key acts for.
TENANT = os.environ.get("GANGWAY_CONFORMANCE_TENANT")
CONNECTION = os.environ["GANGWAY_CONFORMANCE_CONNECTION"]
# What the run itself stands on: our key, our connection, our tenant.
KEPT = os.environ["GANGWAY_CONFORMANCE_KEPT"].split()
CONFIG = {"base_url": os.environ["GANGWAY_CONFORMANCE_VENDOR"]}
STATUSES = Path(__file__).with_name("statuses.txt")

n_names = 0
# Connections that were made; the demo's has a sync of each stream.
connections = [CONNECTION]


def read_statuses():
    allowed = {}
    for line in STATUSES.read_text().splitlines():
        if line and not line.startswith("#"):
            operation, rest = line.split(maxsplit=1)
            tenant, operator = rest.split("|")
            allowed[operation] = {int(status) for status in {"tenant": tenant, "operator": operator}[WHO].split()}
    return allowed


ALLOWED = read_statuses()


def operation_id(operation):
    return operation.definition.raw["operationId"]


@schemathesis.check
def allowed_status(ctx, response, case):
    """The status is one that statuses.txt allows for the operation."""
    name = operation_id(case.operation)
    if name not in ALLOWED:
        raise AssertionError(f"add a line for {name} to tests/conformance/statuses.txt with the statuses it may answer")
    if response.status_code == 401 and response.request.headers.get("Authorization") != f"Bearer {KEY}":
        return
    if response.status_code not in ALLOWED[name]:
        raise AssertionError(
            f"{name} answered {response.status_code} as {WHO}; tests/conformance/statuses.txt allows {sorted(ALLOWED[name])}"
        )


def fresh_name():
    global n_names
    n_names += 1
    return f"schemathesis {os.getpid()} {n_names}"


def good_body(name):
    """A body that is taken, so that chains of requests come to an object."""
    if name == "create_tenant":
        return {"name": fresh_name()}
    if name == "create_key":
        return {"name": fresh_name()}
    if name == "create_connection":
        credential = {"client_id": fresh_name(), "client_secret": "secret"}
        return {"connector": "personio", "name": fresh_name(), "config": CONFIG, "credential": credential}
    if name == "create_sync":
        stream = ["employees", "absences", "attendances"][len(connections) % 3]
        return {"connection_id": connections[-1], "stream": stream, "schedule": None}
    if name == "start_run":
        return {"mode": "incremental"}
    if name == "put_credential":
        return {"client_id": fresh_name(), "client_secret": "secret"}
    return None


@schemathesis.hook
def before_call(ctx, case, kwargs):
    name = operation_id(case.operation)
    parameters = case.path_parameters or {}
    if parameters.get("id") in KEPT and (name.startswith(("delete_", "revoke_")) or name == "update_tenant"):
        parameters["id"] = parameters["id"].split("_")[0] + "_" + "0" * 32
    body = good_body(name)
    # In a chain the first request has to succeed, else nothing follows; elsewhere most requests stay as they were generated.
    phase = getattr(case.meta, "phase", None)
    is_stateful = phase is not None and "stateful" in str(phase.name).lower()
    # Decided by what was generated, so that a run that is repeated with its seed is the same.
    generated = repr((name, parameters, case.query, case.body)).encode()
    is_plain = zlib.crc32(generated) % 100 < (80 if is_stateful else 10)
    if is_plain and is_stateful:
        for header in ("Gangway-Tenant", "If-Match") if WHO == "tenant" else ("If-Match",):
            case.headers.pop(header, None)
        case.query.clear()
        if name == "read_through":
            case.query["path"] = "/v1/company/employees/attributes"
    if body is not None and is_plain:
        case.body = body
        case.media_type = "application/json"


@schemathesis.hook
def after_call(ctx, case, response):
    if operation_id(case.operation) == "create_connection" and response.status_code == 201:
        connections.append(response.json()["id"])


@schemathesis.hook
def after_load_schema(ctx, schema):
    names = {operation_id(result.ok()) for result in schema.get_all_operations()}
    missing, unknown = names - ALLOWED.keys(), ALLOWED.keys() - names
    if missing or unknown:
        raise SystemExit(
            f"tests/conformance/statuses.txt: add a line with the allowed statuses for {sorted(missing)}, "
            f"and take out {sorted(unknown)}"
        )
