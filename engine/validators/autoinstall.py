"""Ubuntu's autoinstall: its own keys and their shapes, what its storage refers to, and the user-data in it.

Ubuntu's schema is under the AGPL, so this one is our own, written from the published reference. A key that is not known
and is not near to one that is may be of a newer release: it is only warned of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.core.findings import Finding, error, warning
from engine.core.sources import Path as Way
from engine.core.sources import Source
from engine.validators import cloud_init, structure, yaml_text
from engine.validators.facts import Facts
from engine.validators.schema_files import checker, schema

NAME = "autoinstall"
_COMMANDS = ("early-commands", "late-commands", "error-commands")
_REFERENCES = ("device", "volume", "volgroup", "backing_device", "cache_device", "pool")


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """An autoinstall, as user-data (`#cloud-config` with `autoinstall:`) or as a file of its own."""
    first = text.partition("\n")[0]
    has_header = first.rstrip() == cloud_init.HEADER
    if not has_header and cloud_init._FIRST.match(first.lstrip("\ufeff")):
        yield error(f"the first line must be exactly {cloud_init.HEADER}, not {first[:40]!r}", 1, 1)
    source, found = yaml_text.read(text)
    yield from found
    if source is None:
        return
    if not isinstance(source.tree, Mapping) or not source.tree:
        yield error("must be a mapping with version, identity, storage … below autoinstall:", 1)
        return
    if "autoinstall" not in source.tree:
        yield from _bare(source, has_header)
        return
    if not has_header:
        message = f"without {cloud_init.HEADER} as its first line cloud-init passes over it when it is served"
        yield warning(message, 1, 1)
    yield from _install(source, ("autoinstall",))
    if has_header:
        yield from cloud_init.config(source, without=("autoinstall",))


def _bare(source: Source, has_header: bool) -> Iterator[Finding]:
    known = set(schema(NAME)["properties"])
    if has_header and not known & set(source.tree):
        yield error("there is no autoinstall: in it, so the installer asks everything", 1)
        return
    if has_header:
        yield error("in user-data the keys stand below autoinstall:, indented by two", 2)
    yield from _install(source, ())


def _install(source: Source, way: Way) -> Iterator[Finding]:
    tree: Any = source.tree
    for part in way:
        tree = tree[part]
    if not isinstance(tree, Mapping):
        problem = source.problem(way, "must be a mapping with version, identity, storage …", at_key=True)
        yield error(problem.message, problem.line, problem.column, path=problem.path)
        return
    for finding in structure.check(source, checker(NAME), way):
        yield _milder(_hinted(source, finding))
    yield from _identity(source, way, tree)
    yield from _storage(source, way, tree)
    below = tree.get("user-data")
    if isinstance(below, Mapping):
        yield from _user_data(source, (*way, "user-data"), below)


def _milder(finding: Finding) -> Finding:
    unknown = finding.message.startswith("there is no key") and "did you mean" not in finding.message
    return finding.as_warning() if unknown and "there are" not in finding.message else finding


def _hinted(source: Source, finding: Finding) -> Finding:
    """A command with `: ` in it becomes a mapping by YAML, which is not what its message says."""
    if any(f"{name}[" in finding.path for name in _COMMANDS) and "not a mapping" in finding.message:
        message = f"{finding.message}: put the command into quotes, its `: ` makes a mapping of it"
        return replace(finding, message=message)
    return finding


def _at(source: Source, way: Way, message: str, *, at_key: bool = False) -> Finding:
    problem = source.problem(way, message, at_key=at_key)
    return error(problem.message, problem.line, problem.column, path=problem.path)


def _identity(source: Source, way: Way, tree: Mapping[str, Any]) -> Iterator[Finding]:
    identity, asked = tree.get("identity"), tree.get("interactive-sections") or ()
    if isinstance(identity, Mapping):
        password = identity.get("password")
        if isinstance(password, str) and not password.startswith(("$", "!", "*")):
            message = (
                "is no hash (they begin with $6$ or $y$), so nobody could log in; make one with `openssl passwd -6`"
            )
            yield _at(source, (*way, "identity", "password"), message)
        return
    if "identity" not in tree and "user-data" not in tree and not {"*", "identity"} & set(map(str, asked)):
        yield _at(source, way, "lacks identity or user-data: there would be no user").as_warning()


def _storage(source: Source, way: Way, tree: Mapping[str, Any]) -> Iterator[Finding]:
    """What the actions of `config` name must be the id of one before."""
    storage = tree.get("storage")
    actions = storage.get("config") if isinstance(storage, Mapping) else None
    if isinstance(storage, Mapping) and storage and not {"layout", "config"} & set(storage) and "swap" not in storage:
        yield _at(source, (*way, "storage"), "has neither layout nor config", at_key=True)
    if not isinstance(actions, list):
        return
    ids: set[str] = set()
    for at, action in enumerate(actions):
        if not isinstance(action, Mapping):
            continue
        here = (*way, "storage", "config", at)
        for key in _REFERENCES:
            wanted = action.get(key)
            if isinstance(wanted, str) and not wanted.startswith("/") and wanted not in ids:
                yield _at(source, (*here, key), f"there is no action with the id {wanted!r} before this one")
        name = str(action.get("id", ""))
        if name and name in ids:
            yield _at(source, (*here, "id"), f"the id {name!r} is taken by an action before this one")
        ids.add(name)


def _user_data(source: Source, way: Way, tree: Mapping[str, Any]) -> Iterator[Finding]:
    values = {path[len(way) :]: place for path, place in source.values.items() if path[: len(way)] == way}
    keys = {path[len(way) :]: place for path, place in source.keys.items() if path[: len(way)] == way}
    for found in cloud_init.config(Source(tree=tree, keys=keys, values=values)):
        yield replace(
            found, path=".".join(filter(None, ("autoinstall.user-data" if len(way) > 1 else "user-data", found.path)))
        )
