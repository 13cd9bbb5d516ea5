"""What the demo shows: machines, templates and workflows, read from the files beside this module."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from bootsrv.simulator import Firmware, Hardware, Personality
from engine.core.nodes import NodeState

_NAMESPACE = uuid.UUID("4a1c1f3e-8f0b-5d2c-9a77-2f6f0a1b9c3d")  # of the machines' UUIDs; any fixed one does
_FIRST_SPARE_RACK = 7
_MACHINES_A_RACK = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rack:
    """A group of machines."""

    name: str
    description: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A machine of the demo: its hardware, and what is on record about it when the demo starts.

    `since` is None for a machine that nobody knows yet, `days` how long ago it was installed; `adopted` is one whose
    installation is not on record.
    """

    hardware: Hardware
    rack: str
    tags: tuple[str, ...] = ()
    since: NodeState | None = None
    days: int = 0
    adopted: bool = False
    locked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A workflow on a machine: started `at` seconds after the demo has begun, or under way with `done` steps done."""

    workflow: str
    node: str
    at: float = 0.0
    done: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The demo's racks and what happens; `again` is started in turn, every `every` s while fewer than `below` run."""

    racks: tuple[Rack, ...]
    machines: tuple[Planned, ...]
    running: tuple[Start, ...]
    starts: tuple[Start, ...]
    again: tuple[Start, ...]
    every: float
    below: int

    def machine(self, name: str) -> Planned | None:
        """The machine of this hostname."""
        return next((each for each in self.machines if each.hardware.hostname == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVersion:
    """One version of a template, as it was written `days` ago."""

    text: str
    days: float
    by: str
    message: str
    bump: str = "minor"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSource:
    """A template with its versions, oldest first."""

    name: str
    type: str
    description: str = ""
    os_family: str = ""
    tags: tuple[str, ...] = ()
    versions: tuple[TemplateVersion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSource:
    """A workflow file that was taken into use `days` ago."""

    file: str
    text: str
    days: float
    by: str


def _folder() -> Traversable:
    return files("console.demo")


@cache
def _rack_file() -> Any:
    return yaml.safe_load(_folder().joinpath("rack.yaml").read_text(encoding="utf-8"))


def scenario(count: int = 24) -> Scenario:
    """The demo with `count` machines: the first of those in the file, or more of the last rack's kind."""
    tree = _rack_file()
    listed = [_machine(rack, at, tree["machines"]) for rack in tree["racks"] for at in range(1, rack["machines"] + 1)]
    spare = [_spare(tree["racks"][-1], at) for at in range(count - len(listed))]
    machines = (*listed, *spare)[:count]
    names = {each.hardware.hostname for each in machines}
    used = {each.rack for each in machines}
    described = {rack["name"]: rack for rack in tree["racks"]}
    return Scenario(
        racks=tuple(_rack(name, described.get(name)) for name in sorted(used)),
        machines=machines,
        running=tuple(_starts(tree["running"], names)),
        starts=tuple(_starts(tree["starts"], names)),
        again=tuple(_starts(tree["again"]["starts"], names)),
        every=float(tree["again"]["every"]),
        below=int(tree["again"]["below"]),
    )


def _rack(name: str, rack: Any) -> Rack:
    if rack is None:
        return Rack(name=name, description="Spare machines")
    return Rack(name=name, description=rack["description"], metadata=rack["metadata"])


def _starts(listed: Sequence[Mapping[str, Any]], names: set[str]) -> list[Start]:
    return [Start(**each) for each in listed if each["node"] in names]


def _machine(rack: Any, at: int, special: Mapping[str, Any]) -> Planned:
    hostname = f"{rack['prefix']}-{at:02}"
    own = special.get(hostname, {})
    return Planned(
        hardware=_hardware(rack, hostname, at, own),
        rack=rack["name"],
        tags=tuple(own.get("tags", ())),
        since=NodeState(own["since"]) if "since" in own else None,
        days=int(own.get("days", 0)),
        adopted=bool(own.get("adopted", False)),
        locked=bool(own.get("locked", False)),
    )


def _spare(rack: Any, index: int) -> Planned:
    """A machine beyond those of the file, in a rack of its own kind."""
    number, at = divmod(index, _MACHINES_A_RACK)
    name = _FIRST_SPARE_RACK + number
    like = rack | {"network": f"10.{21 + number // 200}.{number % 200}", "prefix": f"r{name}"}
    hostname = f"r{name}-{at + 1:02}"
    return Planned(hardware=_hardware(like, hostname, at + 1, {}), rack=f"rack-{name}")


def _hardware(rack: Any, hostname: str, at: int, own: Mapping[str, Any]) -> Hardware:
    given = rack["hardware"]
    identity = uuid.uuid5(_NAMESPACE, hostname)
    tail = identity.hex[:4]
    return Hardware(
        mac_address=f"{rack['oui']}:{tail[:2]}:{tail[2:]}:{at:02x}",
        hostname=hostname,
        address=f"{rack['network']}.{100 + at}",
        uuid=str(identity),
        serial=given["serial"] % identity.hex[-6:].upper(),
        firmware=Firmware(given["firmware"]),
        installed=own.get("since") in ("installed", "active"),
        personality=Personality(own.get("personality", "steady")),
        **{name: given[name] for name in _PLAIN},
    )


_PLAIN = ("vendor", "model", "processor", "cores", "memory", "disk", "disk_size", "disk_model")


def templates() -> tuple[TemplateSource, ...]:
    """The demo's templates."""
    folder = _folder().joinpath("templates")
    listed = yaml.safe_load(folder.joinpath("templates.yaml").read_text(encoding="utf-8"))
    return tuple(
        TemplateSource(
            **{
                **each,
                "tags": tuple(each.get("tags", ())),
                "versions": tuple(_version(folder, version) for version in each["versions"]),
            }
        )
        for each in listed
    )


def _version(folder: Traversable, version: Mapping[str, Any]) -> TemplateVersion:
    given = {name: value for name, value in version.items() if name != "file"}
    return TemplateVersion(text=folder.joinpath(version["file"]).read_text(encoding="utf-8"), **given)


def workflows() -> tuple[WorkflowSource, ...]:
    """The demo's workflows."""
    folder = _folder().joinpath("workflows")
    return tuple(
        WorkflowSource(text=folder.joinpath(each["file"]).read_text(encoding="utf-8"), **each)
        for each in _rack_file()["workflows"]
    )
