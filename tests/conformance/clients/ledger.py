"""What the sandbox says of itself, and the comparison with what a client made of its answers."""

import json
import os
import urllib.request

BASE = os.environ["GANGWAY_SANDBOX_URL"]
CLIENT_ID = os.environ["GANGWAY_SANDBOX_CLIENT_ID"]
CLIENT_SECRET = os.environ["GANGWAY_SANDBOX_CLIENT_SECRET"]


def ledger(what):
    """One of the sandbox's own lists: people, absences, attendances, attributes, types."""
    with urllib.request.urlopen(f"{BASE}/_sandbox/{what}", timeout=30) as answer:
        return json.load(answer)[what]


class Comparison:
    """Counts what is the same, and names what is not."""

    def __init__(self, client):
        self.client = client
        self.n_same = 0
        self.differences = []

    def same(self, what, shown, told):
        if shown == told and type(shown) in (type(told), int, float):
            self.n_same += 1
        else:
            self.differences.append(f"{what}: the client has {shown!r}, the ledger {told!r}")

    def excepted(self, what, still, why):
        """Something the client cannot do against the vendor either; it is named once that has changed."""
        if still:
            print(f"{self.client}: not compared: {what}: {why}")
        else:
            self.differences.append(f"{what}: this exception is needed no more: {why}")

    def end(self):
        for difference in self.differences[:20]:
            print(f"{self.client}: {difference}")
        if self.differences:
            raise SystemExit(
                f"{self.client}: {len(self.differences)} values are not those of the sandbox's ledger; either the sandbox is wrong"
                " or the client was changed: see tests/conformance/clients"
            )
        assert self.n_same > 0
        print(f"{self.client}: {self.n_same} values are those of the ledger")
