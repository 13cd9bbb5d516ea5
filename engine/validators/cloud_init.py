"""cloud-init user-data: what its first line says it is, and cloud-config against cloud-init's own schema.

The schema is cloud-init's, taken over under its Apache-2.0 licence (see schemas/README.md), so nothing has to be
installed. NoCloud's other files (meta-data, network-config, vendor-data) are templates of this type as well.
"""

import re
from collections.abc import Iterator, Mapping

from engine.core import expressions
from engine.core.findings import Finding, error, warning
from engine.core.sources import Source
from engine.validators import json_text, script, structure, yaml_text
from engine.validators.facts import Facts
from engine.validators.schema_files import checker

NAME = "cloud-init"
HEADER = "#cloud-config"
_OTHERS = ("#include", "#part-handler", "#cloud-boothook", "#upstart-job")
_META_KEYS = """
    instance-id local-hostname hostname public-keys network-interfaces cloud-name dsmode seedfrom placement
    local-ipv4 availability-zone region platform ami-id launch-index
    """
_META_DATA = frozenset(_META_KEYS.split())
_NETWORK_KEYS = """
    version renderer config ethernets bonds bridges vlans wifis tunnels modems vrfs nm-devices dummy-devices
    virtual-ethernets openvswitch sriov
    """
_NETWORK = frozenset(_NETWORK_KEYS.split())
_FIRST = re.compile(r"\s*#\s*cloud[-_ ]?config\b", re.IGNORECASE)


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """User-data, or another of NoCloud's files."""
    if not text.strip():
        return
    first, _, rest = text.partition("\n")
    if first.lower().replace(" ", "").startswith("##template:jinja"):
        yield from _jinja(text, rest)
    elif first.startswith("#cloud-config-archive"):
        yield from yaml_text.check(text, facts)
    elif first.startswith("#cloud-config-jsonp"):
        yield from json_text.check("\n" + rest, facts)
    elif first.startswith(HEADER):
        yield from _config(text, first)
    elif first.startswith("#!"):
        yield from script.check(text, facts)
    elif not first.startswith(_OTHERS) and not _is_mime(text):
        yield from _headless(text, first)


def _is_mime(text: str) -> bool:
    """Whether cloud-init takes it for a message of several parts, as `cloud-init devel make-mime` and
    write-mime-multipart write one (cloudinit/user_data.py, convert_string).
    """
    return "mime-version:" in text[:4096].lower() or re.match(r"(?i)content-type: *multipart", text) is not None


def _jinja(text: str, rest: str) -> Iterator[Finding]:
    wrong = expressions.check_text(text)
    if wrong is not None:
        yield error(f"its Jinja2 {wrong}")
    first = rest.partition("\n")[0]
    if not first.startswith(("#cloud-config", "#!", "#cloud-boothook", "#include")):
        yield error(f"after `## template: jinja` the second line must be {HEADER}, not {first[:40]!r}", 2, 1)
    elif first.startswith(HEADER) and "{{" not in text and "{%" not in text:
        yield from _config(text, first)


def _headless(text: str, first: str) -> Iterator[Finding]:
    """A text whose first line says nothing: one of NoCloud's other files, or user-data that will be passed over."""
    source, _ = yaml_text.read(text)
    keys = {key for key in source.tree if isinstance(key, str)} if source and isinstance(source.tree, dict) else set()
    if keys and keys <= _META_DATA:
        return
    if source is not None and (keys == {"network"} or (keys and keys <= _NETWORK)):
        yield from _network(source, bool(keys == {"network"}))
        return
    if text.startswith("\ufeff"):
        message = "begins with a byte order mark; save it as UTF-8 without"
    elif _FIRST.match(first):
        message = f"the first line must be exactly {HEADER}, from the first character on, not {first[:40]!r}"
    elif any(line.startswith(HEADER) for line in text.split("\n")[1:20]):
        message = f"{HEADER} must be the first line: nothing may stand before it, no comment and no blank line"
    else:
        message = (
            f"the first line must say what it is ({HEADER}, #! and a program, #include …): cloud-init passes over it"
        )
    yield error(message, 1, 1)


def _network(source: Source, wrapped: bool) -> Iterator[Finding]:
    tree = source.tree["network"] if wrapped else source.tree
    path = ("network",) if wrapped else ()
    version = tree.get("version") if isinstance(tree, dict) else None
    if version not in (1, 2):
        problem = source.problem((*path, "version"), f"the version of a network configuration is 1 or 2, not {version}")
        yield error(problem.message, problem.line, problem.column, path=problem.path)


def _config(text: str, first: str) -> Iterator[Finding]:
    if first.rstrip() != HEADER and not re.match(rf"{HEADER}\s", first):
        yield error(f"the first line must be {HEADER} and nothing else, not {first[:40]!r}", 1, 1)
        return
    source, found = yaml_text.read(text)
    yield from found
    if source is None:
        if "\t" in text and any("tab" in each.message or "\\t" in each.message for each in found):
            yield warning("YAML is indented with spaces, never with tabs")
        return
    if not isinstance(source.tree, Mapping):
        yield error("must be a mapping of cloud-init's keys", 2)
        return
    yield from config(source)


def config(source: Source, *, without: tuple[str, ...] = ()) -> Iterator[Finding]:
    """A cloud-config that was read, against cloud-init's schema; `without` are keys that others look after."""
    tree = {key: value for key, value in source.tree.items() if key not in without}
    source = Source(tree=tree, keys=source.keys, values=source.values, file=source.file)
    yield from map(_milder, structure.check(source, checker("cloud-config-v1")))


def _milder(finding: Finding) -> Finding:
    """A key of its own that is like none there is may be a site's or another release's: cloud-init passes over it."""
    is_own = finding.message.startswith("there is no key") and "did you mean" not in finding.message
    return finding.as_warning() if is_own and not set(".[") & set(finding.path) else finding
