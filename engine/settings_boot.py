"""The settings of what machines meet before their system runs: TFTP, DHCP, the menu, the first stage."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from engine.settings_fields import Duration, FilePath, Section, Size

_PORTS = re.compile(r"(\d{1,5})(?:\s*-\s*(\d{1,5}))?")


class Tftp(Section):
    """The TFTP server; with no port 69, or 6969 where 69 is not allowed. `root` holds files to serve beside loaders.

    `ports` are those of the transfers: any free one each (`any`), of a range (`40000-40100`), or all over the port it
    listens on (`single`). `max_transfers` may be under way, `max_per_peer` of one address, which gets `max_rate` bytes
    a second at most (0: no bound). `max_blksize` (bytes) and `max_windowsize` (blocks; 1: none) bound what is agreed.
    """

    enabled: bool = True
    host: str = "0.0.0.0"  # noqa: S104 - as for HTTP
    port: int | None = Field(default=None, ge=0, le=65535)
    root: FilePath | None = None
    ports: Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)] = "any"
    max_transfers: int = Field(default=1000, ge=1, le=20_000)
    max_per_peer: int = Field(default=8, ge=1)
    max_rate: Size = Field(default=0, ge=0)
    max_blksize: int = Field(default=1468, ge=512, le=65464)
    max_windowsize: int = Field(default=64, ge=1, le=64)

    @field_validator("ports")
    @classmethod
    def _known_ports(cls, ports: str) -> str:
        if ports not in ("any", "single") and _range(ports) is None:
            raise ValueError("write any, single, or the first and last port of a range such as 40000-40100")
        return ports

    @property
    def port_range(self) -> tuple[int, int] | None:
        """First and last of the ports that transfers may have, if that is bounded."""
        return _range(self.ports)


def _range(ports: str) -> tuple[int, int] | None:
    match = _PORTS.fullmatch(ports.strip())
    if match is None:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    return (first, last) if 1 <= first <= last <= 65535 else None


VENDOR_RULE = "vendor:"
_MAC_BEGINNING = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){0,5}[:-]?")


def _machine_rule(value: object) -> object:
    """A rule for machines, in the form in which it is compared: `52:54:00`, `vendor:PXEClient:Arch:00000`."""
    if not isinstance(value, str):
        raise ValueError("YAML reads this as no text: write it in quotes, such as '52:54:00'")
    rule = value.strip()
    if rule.lower().startswith(VENDOR_RULE):
        if not rule[len(VENDOR_RULE) :].strip():
            raise ValueError("after vendor: write how the vendor class begins, such as vendor:PXEClient:Arch:00000")
        return VENDOR_RULE + rule[len(VENDOR_RULE) :].strip()
    if not _MAC_BEGINNING.fullmatch(rule.lower()):
        raise ValueError("write the beginning of a MAC address, such as 52:54:00, or vendor: and a vendor class")
    return rule.lower().replace("-", ":")


def _listed(value: object) -> object:
    """A list, also where the environment or a flag has it as one text with commas."""
    return [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value


_Machines = Annotated[tuple[Annotated[str, BeforeValidator(_machine_rule)], ...], BeforeValidator(_listed)]


class Dhcp(Section):
    """DHCP is the site's own: it gives the addresses. With `proxy` we say beside it what to boot; with `off` it does.

    `interfaces` are those on which the proxy answers; none named, all. `allow` and `deny` say which machines it
    answers, each by the beginning of its MAC address or, as `vendor:…`, of its vendor class. `path` is how firmware
    learns of its loader: by `bypass` (in the offer), on port `4011`, or `auto`: BIOS by the one, UEFI by the other.
    """

    # YAML reads a bare `off` as false.
    mode: Annotated[Literal["off", "proxy"], BeforeValidator(lambda value: "off" if value is False else value)] = "off"
    interfaces: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    allow: _Machines = ()
    deny: _Machines = ()
    path: Annotated[
        Literal["auto", "bypass", "4011"], BeforeValidator(lambda value: "4011" if value == 4011 else value)
    ] = "auto"

    @field_validator("interfaces")
    @classmethod
    def _names(cls, interfaces: tuple[str, ...]) -> tuple[str, ...]:
        for name in interfaces:
            if not 0 < len(name.encode()) < 16 or not name.isprintable() or "/" in name or " " in name:
                raise ValueError(f"{name!r} is no name of an interface; `ip -br link` lists them")
        return interfaces


class Menu(Section):
    """What is offered on the screen of a machine that is new here, before it boots its disk after `seconds` (0: nothing
    is). `enrol`, `inventory` and `rescue` are the workflows that start when somebody there chooses them; without a name
    `enrol` only says so in the event log, and the others are not offered.
    """

    seconds: Duration = Field(default=10.0, ge=0, le=3600)
    enrol: str = ""
    inventory: str = ""
    rescue: str = ""


class Boot(Section):
    """`loaders` names the first stage for machines by their model, such as `{"ProLiant*": snponly}`; metadata `loader`
    of a node, or of its group, comes before it.
    """

    loaders: dict[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$")]] = Field(default={})
