"""Tables and properties of everything that turns values into words, without a screen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import keys
from console.view import execution_rows, forms, labels, node_lines, rows
from console.view.execution_rows import ExecutionView
from console.view.labels import ASCII, UNICODE, Symbols, plain
from console.view.pieces import cells
from console.view.rows import NodeView
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.nodes import Node, NodeState
from engine.errors import Invalid

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def node(**values: Any) -> Node:
    made = {"id": "n1", "mac_address": "52:54:00:00:00:01", "state_changed_at": NOW, "created_at": NOW}
    return Node(**{**made, "updated_at": NOW, **values})


def execution(**values: Any) -> Execution:
    made = {"id": "e1", "workflow_id": "w", "workflow_name": "debian-12", "workflow_version": "v1.0"}
    return Execution(**{**made, "version_id": "v", "created_at": NOW, "started_at": NOW, **values})


def attempt(**values: Any) -> Attempt:
    made: dict[str, Any] = {"id": "a", "execution_id": "e1", "step_id": "s", "step_key": "partition", "attempt": 1}
    made |= {"step_name": "Partition the disk", "action": "node.script", "status": AttemptStatus.RUNNING}
    return Attempt(**{**made, "performer": Performer.NODE, "created_at": NOW, "started_at": NOW, **values})


# Words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "now"), (0, "now"), (59, "now"), (60, "1m"), (3599, "59m"), (3600, "1h"), (172_799, "47h"), (172_800, "2d")],
)
def test_how_long_ago(seconds: int, said: str) -> None:
    assert labels.ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_never_is_empty() -> None:
    assert labels.ago(None, NOW) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0s"), (0.9, "0s"), (59, "59s"), (60, "1m 00s"), (125, "2m 05s"), (3600, "1h 00m"), (273_600, "3d 4h")],
)
def test_how_long(seconds: float, said: str) -> None:
    assert labels.duration(seconds) == said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("r4-01", "r4-01"),
        ("two\nlines\tof  text", "two lines of text"),
        ("\x1b[2Jgone", "^[[2Jgone"),
        ("name\u202egnp.exe", "name<U+202E>gnp.exe"),
        ("c1\x9bcontrol", "c1<U+009B>control"),
        ("Bölük", "Bölük"),
    ],
)
def test_what_comes_from_elsewhere_is_made_safe(text: str, shown: str) -> None:
    assert labels.safe(text) == shown


@given(st.text())
def test_nothing_unprintable_reaches_the_screen(text: str) -> None:
    assert labels.safe(text).isprintable()
    assert all(piece.text.isprintable() for piece in labels.cell(text))


@pytest.mark.parametrize(
    ("environ", "encoding", "symbols"),
    [
        ({"TERM": "xterm-256color"}, "utf-8", UNICODE),
        ({"TERM": "xterm-256color"}, "UTF8", UNICODE),
        ({"TERM": "xterm-256color"}, "ANSI_X3.4-1968", ASCII),
        ({"TERM": "linux"}, "utf-8", ASCII),
        ({"TERM": "vt220"}, "utf-8", ASCII),
        ({}, "latin-1", ASCII),
    ],
)
def test_symbols_are_chosen_by_the_terminal(environ: dict[str, str], encoding: str, symbols: Symbols) -> None:
    assert labels.symbols_for(environ, encoding) is symbols


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_every_state_has_a_symbol_of_one_cell_that_no_other_has(symbols: Symbols) -> None:
    for known in (symbols.node, symbols.execution, symbols.attempt):
        assert len(set(known.values())) == len(known)
        assert all(cells(symbol) == 1 for symbol in known.values())
    assert set(symbols.node) == set(NodeState)
    assert set(symbols.execution) == set(ExecutionStatus)
    assert set(symbols.attempt) == set(AttemptStatus)


def test_ascii_is_ascii() -> None:
    for symbol in (*ASCII.node.values(), *ASCII.attempt.values(), ASCII.done, ASCII.rest, ASCII.arrow, ASCII.ellipsis):
        assert symbol.isascii()


@given(st.integers(-10, 200), st.integers(1, 40))
def test_a_bar_is_as_wide_as_it_should_be(percent: int, width: int) -> None:
    assert cells(plain(labels.bar(percent, width, UNICODE))) == width


def texts(row: labels.Row) -> list[str]:
    return [plain(cell) for cell in row]


def test_the_row_of_a_node_at_work() -> None:
    at_work = execution(
        status=ExecutionStatus.RUNNING,
        progress_percent=50,
        attempts=(attempt(attempt=2, status=AttemptStatus.RETRYING),),
    )
    shown = NodeView(
        node=node(state=NodeState.INSTALLING, hostname="r4-05", ip_address="10.0.4.5", vendor="HPE", model="DL360"),
        group="r4",
        execution=at_work,
    )
    row = rows.node_row(shown, NOW + timedelta(minutes=3), UNICODE)
    assert texts(row) == [
        "▸ installing",
        "r4-05",
        "52:54:00:00:00:01",
        "10.0.4.5",
        "r4",
        "debian-12",
        "↻ Partition the disk (try 2)━━━───  50%",
        "HPE DL360",
        "",
        "3m",
    ]


FAILED = execution(
    status=ExecutionStatus.FAILED,
    completed_at=NOW,
    error="step Partition failed: no disk",
    attempts=(attempt(status=AttemptStatus.FAILED, error="no disk"),),
)


@pytest.mark.parametrize(
    ("shown", "trouble"),
    [
        (NodeView(node=node()), ""),
        (NodeView(node=node(state=NodeState.INSTALL_FAILED, last_install_error="no disk")), "no disk"),
        (NodeView(node=node(state=NodeState.INSTALL_FAILED)), "the installation failed"),
        (NodeView(node=node(), execution=FAILED), "step Partition failed: no disk"),
        (NodeView(node=node(state_changed_at=NOW + timedelta(hours=1)), execution=FAILED), ""),
        (NodeView(node=node(last_install_error="no disk")), "no disk"),
        (NodeView(node=node(last_install_error="no disk"), execution=execution()), ""),
    ],
)
def test_what_needs_a_person(shown: NodeView, trouble: str) -> None:
    assert shown.trouble == trouble
    assert (shown.rank < 0) is bool(trouble)


def test_the_row_says_why_in_few_words() -> None:
    row = rows.node_row(NodeView(node=node(), execution=FAILED), NOW, UNICODE)
    assert "no disk" in texts(row)
    assert "no disk" in texts(execution_rows.execution_row(ExecutionView(execution=FAILED, node="n"), NOW, UNICODE))


def test_nodes_that_need_a_person_come_first() -> None:
    shown = [
        NodeView(node=node(id="active", state=NodeState.ACTIVE)),
        NodeView(node=node(id="new")),
        NodeView(node=node(id="install", state=NodeState.INSTALLING)),
        NodeView(node=node(id="run failed", state=NodeState.ACTIVE), execution=FAILED),
        NodeView(node=node(id="failed", state=NodeState.INSTALL_FAILED)),
    ]
    ordered = sorted(shown, key=lambda each: rows.node_sort_key(each, "attention"))
    assert [each.node.id for each in ordered] == ["failed", "run failed", "install", "new", "active"]


@pytest.mark.parametrize("sort", rows.NODE_SORTS)
def test_nodes_sort_by_everything_that_is_offered(sort: str) -> None:
    shown = [NodeView(node=node(id=str(n), hostname=f"n{n}", last_seen_at=NOW if n else None)) for n in range(3)]
    assert len(sorted(shown, key=lambda each: rows.node_sort_key(each, sort))) == 3


@pytest.mark.parametrize("sort", execution_rows.EXECUTION_SORTS)
def test_executions_sort_by_everything_that_is_offered(sort: str) -> None:
    shown = [ExecutionView(execution=execution(id=str(n), status=status)) for n, status in enumerate(ExecutionStatus)]
    assert len(sorted(shown, key=lambda each: execution_rows.execution_sort_key(each, sort))) == len(shown)


def test_all_fields_of_a_node_are_known_to_the_filter() -> None:
    full = node(
        hostname="h",
        ip_address="i",
        vendor="v",
        model="m",
        serial_number="s",
        arch="a",
        boot_mode="b",
        tags=("t",),
        last_install_error="e",
        metadata={"site": "ams"},
    )
    fields = rows.node_fields(NodeView(node=full, group="g", execution=FAILED))
    live = rows.node_fields(NodeView(node=full, execution=execution(attempts=(attempt(),))))
    assert (set(fields) | set(live)) - {"meta.site"} == set(rows.NODE_FIELDS)


# Node


def test_facts_that_are_not_known_are_left_out() -> None:
    lines = [plain(line) for line in node_lines.facts(NodeView(node=node()), NOW, 3)]
    assert lines == [" MAC          52:54:00:00:00:01", " last seen    never", " known since  12:00:00"]


def test_a_long_error_is_wrapped() -> None:
    broken = node(state=NodeState.INSTALL_FAILED, last_install_error="the disk is broken " * 10)
    lines = [plain(line) for line in node_lines.title(NodeView(node=broken), NOW, UNICODE, 60)]
    assert len(lines) > 3
    assert all(cells(line) <= 60 for line in lines)


# Forms

PARAMS: dict[str, dict[str, Any]] = {
    "disk": {"type": "string", "default": "/dev/sda"},
    "count": {"type": "integer"},
    "fast": {"type": "boolean", "default": False},
    "extra": {"type": "object", "default": {}},
}


def test_a_form_begins_with_the_defaults() -> None:
    fields = {field.name: (field.text, field.required) for field in forms.fields_of(PARAMS)}
    assert fields == {
        "disk": ("/dev/sda", False),
        "count": ("", True),
        "fast": ("false", False),
        "extra": ("{}", False),
    }


def test_a_form_is_read_by_its_schema() -> None:
    given = {"disk": "/dev/vda", "count": " 7 ", "fast": "yes", "extra": '{"a": 1}'}
    assert forms.read(PARAMS, given) == {"disk": "/dev/vda", "count": 7, "fast": True, "extra": {"a": 1}}
    assert forms.read(PARAMS, {"count": "1"}) == {"count": 1}


def test_nothing_is_offered_where_nothing_can_be_started() -> None:
    free, locked, busy = node(id="n1"), node(id="n2", locked=True), node(id="n3")
    live = {"n3": execution(node_id="n3", status=ExecutionStatus.RUNNING)}
    assert forms.none_free([free, locked, busy], live) is None
    said = forms.none_free([locked], {}) or ""
    assert f"{locked.name}: it is locked; `pureboot node set NAME locked=false` unlocks" in said
    said = forms.none_free([locked, busy], live) or ""
    assert "it is busy with debian-12; c cancels what runs; `pureboot node set" in said
    ended = {"n3": execution(node_id="n3", status=ExecutionStatus.FAILED)}
    assert forms.none_free([busy], ended) is None


def test_everything_that_is_wrong_in_a_form_is_named() -> None:
    with pytest.raises(Invalid) as error:
        forms.read(PARAMS, {"count": "many", "fast": "perhaps", "extra": "{"})
    assert [problem.path for problem in error.value.problems] == ["count", "fast", "extra"]
    with pytest.raises(Invalid, match="count: must be filled in"):
        forms.read(PARAMS, {})


# Keys


def test_no_key_means_two_things_on_a_screen() -> None:
    for context in ("nodes", "node", "executions", "execution", "templates", "template", "workflows", "log"):
        assert keys.clashes([context, "everywhere"]) == []


@pytest.mark.parametrize("context", [name for name in keys.KEYS if name not in ("everywhere", "list", "marks")])
def test_the_footer_has_five_keys_at_most_and_help_last(context: str) -> None:
    shown = keys.footer(context)
    assert len(shown) <= 6
    assert shown[-1].label == "help"
    assert sum(cells(key.first) + cells(key.label) + 4 for key in shown) <= 80
