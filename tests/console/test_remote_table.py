"""What the console calls is what can be called from afar: a new screen cannot silently miss a remote PureBoot.

Read from the source: every `….pureboot.SERVICE.METHOD` of the console, also where the service has a name of its own for
a moment (`service = pureboot.templates if … else pureboot.workflows`). Whoever calls something new adds its name to
`engine/seam/table.py`, under the permission that it needs.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import console
from console.guarded import CHANGING, is_refused
from console.keys import KEYS
from console.pureboot import PureBoot, Services
from engine.core.permissions import Permission
from engine.seam.methods import check, find
from engine.seam.table import ITSELF, PERMISSIONS

_HERE_ONLY = ("cli", "demo", "remote")  # commands open a store themselves; the rest is the other side of the seam
_SERVICES = frozenset(name for name in vars(Services) if not name.startswith("_"))
_VALUES = frozenset({"feed", "settings", "server", "is_host", "replacements", "trouble", "now"})

Call = tuple[str, str]


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    folder = Path(console.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        if path.relative_to(folder).parts[0] not in _HERE_ONLY:
            yield path.relative_to(folder), ast.parse(path.read_text())


def _is_pureboot(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.lstrip("_") == "pureboot"


def _is_service(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in _SERVICES and _is_pureboot(node.value)


def calls_in(tree: ast.AST) -> tuple[set[Call], list[int]]:
    """What a module calls of a PureBoot; and the lines where a service is taken to where nobody can follow it."""
    found: set[Call] = set()
    followed: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_service(node.value):
            assert isinstance(node.value, ast.Attribute)
            found.add((node.value.attr, node.attr))
            followed.add(node.value)
        elif isinstance(node, ast.Attribute) and _is_pureboot(node.value) and node.attr not in _SERVICES | _VALUES:
            found.add((ITSELF, node.attr))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named = _named(node)
            followed |= {each for services in named.values() for each in services}
            found |= {
                (service.attr, use.attr)
                for use in ast.walk(node)
                if isinstance(use, ast.Attribute) and isinstance(use.value, ast.Name)
                for service in named.get(use.value.id, ())
            }
    lost = [node.lineno for node in ast.walk(tree) if _is_service(node) and node not in followed]  # type: ignore[attr-defined]
    return found, lost


def _named(function: ast.AST) -> dict[str, list[ast.Attribute]]:
    """The names of a function that are services for a moment."""
    named: dict[str, list[ast.Attribute]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            services = [each for each in choices if isinstance(each, ast.Attribute) and _is_service(each)]
            if services:
                named.setdefault(node.targets[0].id, []).extend(services)
    return named


def test_the_reader_of_the_source_sees_what_is_there() -> None:
    source = """
async def f(self):
    service = self.app.pureboot.templates if x else self.app.pureboot.workflows
    await service.set_current(1)
    await self.console.pureboot.nodes.find(2)
    await pureboot.snapshot()
    self.app.perform(lambda pureboot: pureboot.control.retry(1))
    do(pureboot.packs)
    pureboot.settings.install
"""
    found, lost = calls_in(ast.parse(source))
    assert found == {
        ("templates", "set_current"),
        ("workflows", "set_current"),
        ("nodes", "find"),
        (ITSELF, "snapshot"),
        ("control", "retry"),
    }
    assert lost == [8]


@pytest.mark.parametrize(("path", "tree"), _sources(), ids=lambda each: str(each) if isinstance(each, Path) else "")
def test_what_a_screen_calls_can_be_called_from_afar(path: Path, tree: ast.Module) -> None:
    found, lost = calls_in(tree)
    missing = sorted(".".join(call) for call in found - set(PERMISSIONS))
    assert not missing, f"console/{path} calls {missing}: add them to engine/seam/table.py"
    assert not lost, f"console/{path}, lines {lost}: call methods of the service there, so that this test sees them"


def test_there_is_something_to_see() -> None:
    found = {call for _, tree in _sources() for call in calls_in(tree)[0]}
    assert len(found) > 35
    assert {("nodes", "move"), ("templates", "set_current"), (ITSELF, "snapshot"), ("consoles", "renew")} <= found


@pytest.mark.parametrize("call", PERMISSIONS, ids=".".join)
def test_all_of_the_table_exists_and_can_go_over_the_wire(call: Call) -> None:
    method = find(*call)
    check(method)
    assert "by" not in method.parameters
    if method.takes_by and call[0] != "consoles":
        assert method.needs is not Permission.READ, "who has a principal noted changes something"


def test_the_table_and_what_the_console_knows_of_a_pureboot_agree() -> None:
    assert {service for service, _ in PERMISSIONS} - {ITSELF} <= _SERVICES
    assert all(hasattr(PureBoot, name) for service, name in PERMISSIONS if service == ITSELF)


def test_the_actions_that_a_read_only_console_has_not_are_keys_of_ours() -> None:
    known = {key.action.partition("(")[0].rpartition(".")[2] for keys in KEYS.values() for key in keys}
    assert {each for each in CHANGING if each not in known} <= {"edit"}
    assert is_refused("screen.run('x')")
    assert not is_refused("app.show('nodes')")
