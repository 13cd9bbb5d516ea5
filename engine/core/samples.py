"""Sample values for variables, each right for the syntax it is usually written in: templates are checked with them.

What PureBoot knows itself (`node.mac`, `server.url`) has one sample. What a site puts in (`meta`, `secret`, `params`)
is guessed from the key's name, and a default that the author wrote is better than any guess. A guess can be wrong, so
whoever checks a text tries other `PALETTES` before it calls a line with a guess wrong.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from engine.core.placeholders import Fault, Variable
from engine.core.rendering import written

_ID = "0192d2a4-6c1e-7f3a-9b5d-2f6f0a1b9c3d"
_URL = "http://192.0.2.1:8080"
_TOKEN = "c2FtcGxlLXNhbXBsZS1zYW1wbGUtc2FtcGxlLXNhbXA"  # noqa: S105 - no secret, only its shape

KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "node.id": _ID,
        "node.mac": "52:54:00:12:34:56",
        "node.ip": "192.0.2.10",
        "node.hostname": "node-01",
        "node.uuid": "4c4c4544-0042-3510-8052-b4c04f4b4d31",
        "node.serial": "SN0123456",
        "node.vendor": "Example",
        "node.model": "Server-1",
        "node.architecture": "x86_64",
        "node.boot_mode": "uefi",
        "node.state": "installing",
        "group.id": _ID,
        "group.name": "rack-1",
        "group.description": "machines",
        "workflow.id": _ID,
        "workflow.name": "install",
        "workflow.description": "installs",
        "workflow.version": "v1.0",
        "server.url": _URL,
        "server.http_url": _URL,
        "server.tftp_url": "tftp://192.0.2.1",
        "template.id": _ID,
        "template.name": "template",
        "template.version": "v1.0",
        "execution.id": _ID,
        "execution.step_id": _ID,
        "execution.step_name": "install",
        "execution.attempt": "1",
        "execution.callback_url": f"{_URL}/api/v1/callback/{_ID}",
        "execution.token": _TOKEN,
    }
)

_HASH = "$6$sample$" + "a" * 86
_GUESSES: tuple[tuple[str, str], ...] = (
    (r"mac(_?addr(ess)?)?", "52:54:00:12:34:57"),
    (r"(.*_)?uuid|guid", "4c4c4544-0042-3510-8052-b4c04f4b4d31"),
    (r".*(hash|crypted|shadow).*", _HASH),
    (r".*(passw|passphrase|pwd|root_?pw|secret|token).*", _HASH),
    (r".*(ssh|pub|authorized).*key.*|.*key.*ssh.*", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFsample admin@example.org"),
    (r".*(url|mirror|repo|proxy|endpoint|webhook).*", "http://192.0.2.1/sample"),
    (r".*(netmask|subnet_?mask).*", "255.255.255.0"),
    (r".*(gateway|gw|router).*", "192.0.2.1"),
    (r".*(dns|nameserver|resolver).*", "192.0.2.53"),
    (r".*(prefix|cidr|vlan|port|count|number|num|mtu|size|_mb|_gb|cores|index|level|timeout|seconds).*", "24"),
    (r"(.*[_-])?ip(v4)?([_-].*)?|.*address.*", "192.0.2.20"),
    (r".*(disk|drive|device|dev|bootdev).*", "sda"),
    (r".*(interface|nic|iface|ifname).*", "eth0"),
    (r".*(hostname|fqdn|node_?name).*", "node-01"),
    (r".*(domain|search).*", "example.org"),
    (r".*(timezone|time_?zone|tz).*", "Etc/UTC"),
    (r".*(locale|lang).*", "en_US.UTF-8"),
    (r".*(keymap|keyboard|layout|xkb).*", "us"),
    (r".*country.*", "US"),
    (r".*(suite|release|codename|dist).*", "stable"),
    (r".*(enable|disable|use_|is_|allow|force).*", "true"),
    (r".*(email|mail).*", "admin@example.org"),
    (r".*(user|login|admin|owner).*", "admin"),
    (r".*version.*", "1"),
    (r".*(path|dir|folder|file).*", "/srv/sample"),
)
_PATTERNS = tuple((re.compile(pattern), sample) for pattern, sample in _GUESSES)

PALETTES: tuple[object, ...] = (
    "sample",
    1,
    True,
    "192.0.2.20",
    "http://192.0.2.1/sample",
    "/dev/sda",
    "en_US.UTF-8",
    [],
    ["sample"],
    {},
    "",
)
"""What else a value that was guessed could be. Lists, mappings and numbers are such, for a helper (`${json:meta.keys}`)
writes them otherwise than a text that looks like one.
"""


def is_guess(variable: Variable) -> bool:
    """Whether the sample of a variable says nothing of what its values will be."""
    return variable.fault is None and variable.name not in KNOWN and variable.default is None


def sample(variable: Variable, palette: object = None) -> str:
    """A value for a variable, as it is written there: the one that is known, its default, or a guess; the placeholder
    as it is if it will never have one. `palette` stands for every guess.
    """
    value: object = None if variable.fault is Fault.UNKNOWN_NAMESPACE else KNOWN.get(variable.name, variable.default)
    if value is None and variable.fault is None:
        value = guess(variable.key) if palette is None else palette
    return variable.text if value is None else written(variable, value)


def guess(key: str) -> str:
    """A value that fits a key's name."""
    name = key.rpartition(".")[2].lower().replace("-", "_")
    if name.isdecimal():
        name = key.split(".")[0].lower().replace("-", "_")
    return next((value for pattern, value in _PATTERNS if pattern.fullmatch(name)), "sample")


def with_palette(palette: object) -> Callable[[Variable], str]:
    """The samples with another value for every guess."""
    return lambda variable: sample(variable, palette)


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_LONG = re.compile(r"[A-Za-z0-9_-]{32,64}")
_HOST = re.compile(r"[a-z](?=[a-z.-]*[0-9])[a-z0-9]*(?:[.-][a-z0-9]+)*")
_SERIAL = re.compile(r"[A-Z](?=[A-Z]*[0-9])[A-Z0-9]*")
_NAMED: Mapping[str, tuple[re.Pattern[str], str]] = MappingProxyType(
    {
        "node.hostname": (_HOST, "node-01"),
        "node.serial": (_SERIAL, "SN0123456"),
        "execution.token": (_LONG, _TOKEN),
    }
)
_ANYWHERE = ((_UUID, _ID), (_MAC, "52:54:00:12:34:56"), (_IPV4, "192.0.2.10"))
_CALLBACK = re.compile(r"(https?://[A-Za-z0-9.:\[\]-]+/api/v1/callback/)" + _UUID.pattern)


def neutral(name: str, value: object) -> object:
    """A value as it is, or another of exactly its form, where every value of this form means the same to any syntax.

    Those are what tells machines apart in a storm: ids, MAC addresses, IPv4 addresses, tokens and ordinary hostnames
    and serial numbers. Two texts that differ in nothing else are right or wrong together, and are checked once.
    """
    if isinstance(value, Mapping):
        return {key: neutral(f"{name}.{key}", item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [neutral(f"{name}.{at}", item) for at, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    own = _NAMED.get(name)
    if own is not None:
        return own[1] if own[0].fullmatch(value) else value
    for pattern, other in _ANYWHERE:
        if pattern.fullmatch(value):
            return other
    return _CALLBACK.sub(rf"\g<1>{_ID}", value) if name == "execution.callback_url" else value
