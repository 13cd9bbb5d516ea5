"""What cloud-init is told of a machine: the defaults of NoCloud's files, and the tree of an EC2-like metadata service.

Sources: cloud-init's `DataSourceNoCloud` (what it lacks it asks for again and again, canonical/cloud-init#5064, so what
there is not has to be an empty file), `DataSourceEc2` and AWS's manual of the instance metadata service.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DOCUMENTS = ("user-data", "meta-data", "vendor-data", "network-config")
VERSION = re.compile(r"latest|1\.0|\d{4}-\d{2}-\d{2}")
LONGEST_TTL = 21_600
"""Seconds that a session token may be good for."""

_HOSTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.?)*")

Tree = Mapping[str, Any]
"""Folders are mappings, files are texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What is known of an execution and its node. `templates` are by the name of the document they are for; `keys` are
    the public SSH keys in the metadata (`public_keys`).
    """

    execution_id: str
    mac_address: str = ""
    ip_address: str | None = None
    hostname: str | None = None
    model: str | None = None
    arch: str | None = None
    group: str | None = None
    keys: tuple[str, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict)

    @property
    def local_hostname(self) -> str:
        """A name that a machine can have: its own, or one made of its MAC address."""
        name = (self.hostname or "").rstrip(".")
        if name and len(name) <= 253 and _HOSTNAME.fullmatch(name):
            return name
        return f"node-{self.mac_address.replace(':', '')}" if self.mac_address else f"node-{self.execution_id[:8]}"


def public_keys(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The public SSH keys that metadata names: a list, or one text with a key on each line."""
    given = metadata.get("public_keys") or ()
    lines = given.splitlines() if isinstance(given, str) else given if isinstance(given, list | tuple) else ()
    return tuple(" ".join(line.split()) for line in lines if isinstance(line, str) and line.strip())


def default(name: str, seed: Seed) -> str:
    """One of NoCloud's files where no template is named for it. An installation is an instance of its own."""
    if name != "meta-data":
        return ""
    told: dict[str, Any] = {"instance-id": seed.execution_id, "local-hostname": seed.local_hostname}
    if seed.keys:
        told["public-keys"] = list(seed.keys)
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in told.items())


def tree(seed: Seed) -> Tree:
    """What is below `latest/`, but for `user-data`."""
    meta: dict[str, Any] = {
        "ami-launch-index": "0",
        "hostname": seed.local_hostname,
        "instance-id": seed.execution_id,
        "instance-type": seed.model or "machine",
        "local-hostname": seed.local_hostname,
        "mac": seed.mac_address,
        "placement": {"availability-zone": seed.group or "pureboot", "region": "pureboot"},
    }
    if seed.ip_address:
        meta["local-ipv4"] = seed.ip_address
    if seed.keys:
        meta["public-keys"] = {str(at): {"openssh-key": key} for at, key in enumerate(seed.keys)}
    document = {
        "instanceId": seed.execution_id,
        "instanceType": meta["instance-type"],
        "privateIp": seed.ip_address,
        "architecture": seed.arch,
        "region": "pureboot",
        "availabilityZone": meta["placement"]["availability-zone"],
    }
    identity = {"document": json.dumps(document, indent=2, sort_keys=True)}
    return {"meta-data": meta, "dynamic": {"instance-identity": identity}}


def look_up(below: Tree, path: str) -> str | None:
    """The text of a file, or the list of a folder, each name on a line; None if there is nothing at a path."""
    found: Any = below
    parts = [part for part in path.split("/") if part]
    for part in parts:
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    if isinstance(found, str):
        return found
    if parts[-1:] == ["public-keys"]:
        return "\n".join(f"{name}=key-{name}" for name in found)
    return "\n".join(f"{name}/" if isinstance(each, Mapping) else name for name, each in sorted(found.items()))


def session_token(key: bytes, capability: str, until: int) -> str:
    """The token that `PUT …/latest/api/token` gives, good until a time in seconds since 1970."""
    said = f"{until}".encode()
    mark = hmac.new(key, b"pureboot metadata session\0" + capability.encode() + b"\0" + said, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(said + b"." + mark).decode().rstrip("=")


def is_session(key: bytes, capability: str, token: str, now: int) -> bool:
    """Whether a token is one of this capability that is still good."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        until = int(raw.partition(b".")[0].decode("ascii"))
    except ValueError:
        return False
    expected = session_token(key, capability, until)
    return until > now and hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace"))
