"""Follows every link of a running Gangway's OpenAPI document once, from an answer that succeeded to one that does.

Schemathesis follows links too, at random and with random requests around them; here none is left out. A link whose source
or target does not succeed is a failure, unless it is listed below with its reason.

Usage: links.py BASE_URL, with the variables of hooks.py in the environment.
"""

import sys

import schemathesis
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import hooks

CHECKS = [hooks.allowed_status, status_code_conformance, content_type_conformance, response_schema_conformance]

# Links whose target may refuse, each with the reason.
MAY_REFUSE = {
    ("create_connection", "check_connection"): "the credential is made up",
    ("create_connection", "discover_attributes"): "the credential is made up",
    ("list_syncs", "start_run"): "a run may be under way",
    ("list_connections", "read_through"): "an operator's key does not have the scope unasked",
    ("list_employees", "get_employee_picture"): "not everybody has a picture",
}
# Sources that need something which a fresh demo may not have.
MAY_BE_UNREACHED = {"retry_job": "no job has failed"}


class Links:
    """One identity's way along the links."""

    def __init__(self, schema, base_url):
        self.base_url = base_url
        self.operations = {hooks.operation_id(result.ok()): result.ok() for result in schema.get_all_operations()}
        self.headers = {"Authorization": f"Bearer {hooks.KEY}"}
        if hooks.TENANT:
            self.headers["Gangway-Tenant"] = hooks.TENANT
        self.failures = []
        self.n_followed = 0

    def follow_all(self):
        for name, operation in self.operations.items():
            for status, answer in operation.definition.raw["responses"].items():
                # A fresh source for each link: the target before it may have changed or deleted the object.
                for link in (answer.get("links") or {}).values():
                    self.follow(name, status, link)

    def follow(self, source, status, link):
        target = link["operationId"]
        answer = self.ask(source, self.parameters_of(source))
        if answer.status_code != int(status):
            is_operators = hooks.WHO == "tenant" and source in ("create_tenant", "list_tenants")
            if not is_operators and source not in MAY_BE_UNREACHED:
                self.failures.append(f"{source}, which leads to {target}, answered {answer.status_code}, not {status}")
            return
        identity = resolve(link["parameters"]["id"], answer.json())
        if identity is None:
            self.failures.append(f"{source} has nothing at {link['parameters']['id']} for {target}")
            return
        followed = self.ask(target, {"id": identity})
        self.n_followed += 1
        if followed.status_code >= 300 and (source, target) not in MAY_REFUSE:
            self.failures.append(f"{source} to {target}: {followed.status_code}: {followed.text}")

    def parameters_of(self, name):
        if not self.operations[name].path_parameters:
            return {}
        if name not in ("start_run", "list_runs"):
            return {"id": "job_" + "0" * 32}
        identity = self.new("create_sync")
        if name == "list_runs":
            self.ask("start_run", {"id": identity})
        return {"id": identity}

    def new(self, name):
        return self.ask(name, {}).json()["id"]

    def ask(self, name, parameters, body=None):
        operation = self.operations[name]
        if name == "create_sync" and body is None:
            body = {"connection_id": self.new("create_connection"), "stream": "employees", "schedule": None}
        body = body or hooks.good_body(name)
        if body is None and "requestBody" in operation.definition.raw:
            body = {"update_sync": {"schedule": "every 1h"}}.get(name, {"name": hooks.fresh_name()})
        more = {"body": body, "media_type": "application/json"} if body is not None else {}
        case = operation.Case(path_parameters=parameters, **more)
        response = case.call(base_url=self.base_url, headers=self.headers)
        try:
            case.validate_response(response, checks=CHECKS, headers=self.headers)
        except (Failure, FailureGroup, AssertionError) as failure:
            self.failures.append(f"{name}: {response.status_code}: {failure}")
        return response


def resolve(expression, body):
    """The value that `$response.body#/…` names; none where there is none."""
    for part in expression.split("#/")[1].split("/"):
        try:
            body = body[int(part)] if isinstance(body, list) else body[part]
        except (LookupError, ValueError):
            return None
    return body


def main():
    base_url = sys.argv[1].rstrip("/")
    links = Links(schemathesis.openapi.from_url(f"{base_url}/openapi.json"), base_url)
    links.follow_all()
    print(f"as {hooks.WHO}: {links.n_followed} links followed")
    for failure in links.failures:
        print(f"failed: {failure}")
    return 1 if links.failures or not links.n_followed else 0


if __name__ == "__main__":
    sys.exit(main())
