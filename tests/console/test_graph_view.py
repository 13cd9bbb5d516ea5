"""The graph of a workflow as a picture, and on the screens that show it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.screens.execution import ExecutionScreen
from console.screens.graph import GraphScreen
from console.view import labels
from console.view.graph_layout import neighbours
from console.view.graph_picture import as_text, draw_graph, steps_in_order
from console.view.labels import Role
from console.view.pieces import cells
from engine.core.executions import AttemptStatus, Performer
from engine.core.workflows import Edge, Retry, Step, When, Workflow
from tests.console.conftest import Opened
from tests.console.test_timeline_view import attempt, execution
from tests.story import ADA, published

SUCCEEDED, RUNNING, FAILED = AttemptStatus.SUCCEEDED, AttemptStatus.RUNNING, AttemptStatus.FAILED
NARROW = (80, 24)


def graph(**ways: str) -> Workflow:
    """Steps by key; each edge is a key, with `!` before it after a failure, with `?` behind it under a condition."""
    return Workflow(name="w", steps=tuple(_step(at, key, ways[key]) for at, key in enumerate(ways)))


def _step(at: int, key: str, targets: str) -> Step:
    edges = tuple(
        Edge(
            to=to.strip("!?"),
            when=When.FAILURE if to.startswith("!") else When.SUCCESS,
            if_="params.x" if to.endswith("?") else None,
        )
        for to in targets.split()
    )
    retry = Retry(max_attempts=3)
    return Step(id=key, key=key, sequence=at, name=key.replace("_", " "), action="a.b", edges=edges, retry=retry)


INSTALL = graph(boot="partition", partition="install !rescue", install="done", rescue="done?", done="", wipe="")

FORK = graph(begin="left_hand right_hand", left_hand="end", right_hand="end !help", help="end?", end="")

PICTURES = {
    "unicode": """\
          [boot]
             ▾
        [partition]
             │ ✗
       ╭─────╯ ╰╌╌╌╮
       ▾           ▾
   [install]   [rescue]
       │           │?
       ╰─────┬─────╯
             ▾
          [done]

no edge leads here, a rollback may:
  [wipe]
""",
    "ascii": """\
          [boot]
             v
        [partition]
             | X
       +-----+ +...+
       v           v
   [install]   [rescue]
       |           |?
       +-----+-----+
             v
          [done]

no edge leads here, a rollback may:
  [wipe]
""",
}


@pytest.mark.parametrize("name", PICTURES)
def test_branches_failures_conditions_and_joins(name: str) -> None:
    picture = draw_graph(INSTALL, labels.ASCII if name == "ascii" else labels.UNICODE)
    wanted = PICTURES[name].split("\n")
    indent = next(len(line) - len(line.lstrip()) for line in wanted) - picture.places["boot"].left
    text = as_text(picture).split("\n")
    assert [line[indent:] if at < len(wanted) - 4 else line for at, line in enumerate(wanted)] == text


def test_a_line_that_goes_past_others_and_one_that_crosses() -> None:
    picture = draw_graph(graph(a="b z", b="c", c="z a", z=""), labels.UNICODE)
    text = as_text(picture)
    assert "[c ↑ a]" in text, "what leads back is told where it leaves"
    assert text.split("\n")[2].rstrip().endswith("│"), "the edge past b and c goes beside them"
    crossing = as_text(draw_graph(FORK, labels.UNICODE))
    assert "│╌" in crossing, "where they cross, the line that goes down is drawn over the other"


def test_the_state_of_each_step_is_told() -> None:
    ran = execution(
        attempt("boot", SUCCEEDED, 0, 5),
        attempt("partition", FAILED, 5, 9),
        replace(attempt("partition", FAILED, 9, 12, number=2), tries=2, routes=("rescue",)),
        replace(attempt("install", AttemptStatus.SKIPPED), routes=()),
        replace(attempt("rescue", RUNNING, 12), performer=Performer.PERSON),
    )
    picture = draw_graph(INSTALL, labels.UNICODE, ran)
    text = as_text(picture)
    for label in ("[✓ boot]", "[✗ partition 2/3]", "[· install]", "[● rescue]", "[◌ done]", "[◌ wipe]"):
        assert label in text
    roles = {piece.text.strip(): piece.look for line in picture.lines for piece in line}
    assert roles["✗ partition 2/3"] == Role.BAD
    assert next(look for text, look in roles.items() if "install" in text) == Role.MUTED
    assert roles["✗"] == Role.BAD, "the edge that was taken"


def test_names_from_elsewhere_are_harmless_and_cut() -> None:
    steps = replace(INSTALL, steps=(replace(INSTALL.steps[0], name="x\x1b[2J" + "y" * 99, edges=()),))
    [line] = draw_graph(steps, labels.ASCII).lines
    text = "".join(piece.text for piece in line)
    assert text.isprintable()
    assert cells(text) <= 34


EDGES = st.lists(
    st.tuples(st.integers(0, 14), st.integers(0, 14), st.sampled_from(["", "!"]), st.sampled_from(["", "?"])),
    max_size=40,
)


@settings(max_examples=60)
@given(EDGES)
def test_any_graph_can_be_drawn(edges: list[tuple[int, int, str, str]]) -> None:
    ways = {f"s{n}": " ".join(f"{fails}s{to}{when}" for of, to, fails, when in edges if of == n) for n in range(15)}
    steps = graph(**ways)
    for symbols in (labels.UNICODE, labels.ASCII):
        picture = draw_graph(steps, symbols)
        assert {sum(cells(piece.text) for piece in line) for line in picture.lines} == {picture.width}
        text = as_text(picture)
        assert symbols is labels.UNICODE or text.isascii()
        lines = text.split("\n")
        for key, place in picture.places.items():
            assert lines[place.line][place.left :].startswith(f"[{key}"), "a step is where it is said to be"
        assert sorted(steps_in_order(picture)) == sorted(ways)
        for source in steps.graph.order:
            for to in steps.graph.forward[source]:
                assert picture.places[source].line < picture.places[to].line


def test_the_steps_beside_one() -> None:
    found = draw_graph(graph(a="b c d", b="", c="", d=""), labels.UNICODE).layout
    assert [neighbours(found, "b", step) for step in (-1, 1)] == [None, "c"]
    assert neighbours(found, "d", 1) is None


FORKED = """
name: forked
steps:
  - {key: begin, name: Begin, action: core.echo, with: {message: x}, edges: [{to: left}, {to: right}]}
  - {key: left, name: Left hand, action: node.script, with: {script: x}, edges: [{to: end}]}
  - {key: right, name: Right hand, action: node.script, with: {script: x}, on_failure: help, edges: [{to: end}]}
  - {key: help, name: Help, action: core.echo, with: {message: x}, edges: [{to: end, if: "1 > 2"}]}
  - {key: end, name: The end, action: core.echo, with: {message: x}}
"""


async def test_the_graph_shares_its_selection_with_the_timeline(stage: Opened) -> None:
    async with stage(size=NARROW, scene="nothing") as at:
        await published(at.pureboot, FORKED)
        node = await at.pureboot.nodes.create("52:54:00:00:00:01", {"hostname": "r4-01"}, by=ADA)
        execution = await at.pureboot.executions.start("forked", by=ADA, node=node.id)
        at.app.open_execution(execution.id)
        await at.sees("LOG  Right hand", "│ o─╮ Right hand")
        await at.press("v")
        await at.sees("›[▸ Right hand]", "[◌ Help]", "│?")
        screen = at.app.screen
        assert isinstance(screen, ExecutionScreen)
        assert screen.graph.has_focus
        await at.press("left")
        await at.sees("›[▸ Left hand]", "LOG  Left hand")
        await at.press("k")
        await at.sees("›[✓ Begin]", "LOG  Begin")
        await at.press("v")
        assert screen.timeline.has_focus
        assert at.line_with("Begin").startswith("›"), "the timeline has followed"
        await at.press("j", "v", "enter")
        assert screen.is_zoomed
        await at.press("escape", "v")
        await at.sees("│ o─╮ Right hand")


async def test_a_workflow_is_drawn_without_an_execution(stage: Opened) -> None:
    async with stage(size=NARROW, scene="nothing") as at:
        await published(at.pureboot, FORKED)
        await at.press("4")
        await at.sees("forked")
        await at.press("v")
        await at.sees("forked@v1.0   5 steps", "›[Begin]", "→ Left hand  on success")
        await at.press("G", "k")
        await at.sees("→ The end  on success  if 1 > 2")
        await at.pilot.click("#graph", offset=(4 + 30, 0))
        await at.press("y")
        await at.says("copied")
        assert "[Right hand]" in at.app.clipboard
        await at.press("escape")
        assert not isinstance(at.app.screen, GraphScreen)
