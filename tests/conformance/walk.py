"""Reads everything a running Gangway has, and holds each answer against the OpenAPI document.

Schemathesis asks for random ids, which end in 404. This walk takes ids from the lists and asks for the objects that
exist, so that the documented shape of every successful read is checked too. A read that neither key could make succeed
is a failure, unless it is listed below with its reason.

Usage: walk.py BASE_URL, with GANGWAY_TENANT_KEY and GANGWAY_OPERATOR_KEY in the environment.
"""

import os
import sys
from collections import defaultdict

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

# How many objects of a list are tried until one has, say, a picture.
MAX_OBJECTS = 25

# Parameters without which a read is refused.
QUERIES = {"/v1/connections/{id}/proxy": {"path": "/v1/company/employees/attributes"}}

# Reads that may have nothing to find in a fresh demo, each with its reason.
MAY_BE_UNREACHED = {}


class Walk:
    """One identity's way through the API."""

    def __init__(self, schema, name, key):
        self.operations = [
            result.ok() for result in schema.get_all_operations() if result.ok().method.upper() == "GET"
        ]
        self.name = name
        self.headers = {"Authorization": f"Bearer {key}"}
        self.ids_by_list = defaultdict(list)
        self.ids_by_prefix = defaultdict(list)
        self.reached = set()
        self.failures = []
        self.n_requests = 0

    def run(self):
        # A list may be found below an object (runs of a sync), so go round until nothing new is reached.
        before = None
        while before != (len(self.reached), sum(map(len, self.ids_by_list.values()))):
            before = (len(self.reached), sum(map(len, self.ids_by_list.values())))
            for operation in sorted(self.operations, key=lambda o: (o.path.count("{"), o.path)):
                if operation.path not in self.reached:
                    self.visit(operation)

    def visit(self, operation):
        names = [parameter.name for parameter in operation.path_parameters]
        if len(names) > 1:
            return
        for value in self.candidates(operation) if names else [None]:
            query = QUERIES.get(operation.path, {})
            case = operation.Case(path_parameters={name: value for name in names}, query=query)
            if self.ask(operation, case):
                self.reached.add(operation.path)
                return

    def ask(self, operation, case):
        self.n_requests += 1
        response = case.call(headers=self.headers)
        try:
            case.validate_response(response, checks=CHECKS, headers=self.headers)
        except (Failure, FailureGroup) as failure:
            told = getattr(failure, "exceptions", [failure])
            reasons = "; ".join(f"{one.title}: {one.message}".strip() for one in told)
            remember(self.failures, f"GET {case.formatted_path} as {self.name}: {response.status_code}: {reasons}")
        if not 200 <= response.status_code < 300:
            return False
        self.collect(case.formatted_path, response)
        return True

    def collect(self, path, response):
        try:
            body = response.json()
        except ValueError:
            return
        for item in body.get("data", []) if isinstance(body, dict) else []:
            identity = item.get("id") if isinstance(item, dict) else None
            if isinstance(identity, str):
                remember(self.ids_by_list[path], identity)
                remember(self.ids_by_prefix[identity.split("_")[0]], identity)

    def candidates(self, operation):
        """Ids of the list in front of the parameter; without such a list, one known id of each kind."""
        ids = self.ids_by_list.get(operation.path.split("/{")[0])
        return ids[:MAX_OBJECTS] if ids else [known[0] for known in self.ids_by_prefix.values()]


def remember(known, item):
    if item not in known:
        known.append(item)


def main():
    base_url = sys.argv[1].rstrip("/")
    schema = schemathesis.openapi.from_url(f"{base_url}/openapi.json")
    walks = [
        Walk(schema, "tenant", os.environ["GANGWAY_TENANT_KEY"]),
        Walk(schema, "operator", os.environ["GANGWAY_OPERATOR_KEY"]),
    ]
    for walk in walks:
        walk.run()
        print(f"as {walk.name}: {walk.n_requests} requests, {len(walk.reached)} of {len(walk.operations)} reads answered")
    failures = [failure for walk in walks for failure in walk.failures]
    reached = set().union(*(walk.reached for walk in walks))
    for path in sorted({operation.path for operation in walks[0].operations} - reached):
        if path in MAY_BE_UNREACHED:
            print(f"not reached, as expected: GET {path} ({MAY_BE_UNREACHED[path]})")
        else:
            failures.append(f"GET {path}: neither key got an answer of the 200s")
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if failures or not reached else 0


if __name__ == "__main__":
    sys.exit(main())
