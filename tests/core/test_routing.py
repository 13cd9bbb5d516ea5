"""Which edges an outcome takes, and what is told of each."""

from dataclasses import replace

from engine.core import routing
from engine.core.executions import Attempt, AttemptStatus
from engine.core.routing import Decision
from engine.core.workflows import CONTINUE, Edge, Route, When
from tests.core.planning import a_step, begun

EDGES = (
    Edge(to="a", if_="disks > 1"),
    Edge(to="b", if_="disks > 0"),
    Edge(to="b"),
    Edge(to="c", when=When.FAILURE, if_="no_such_name"),
    Edge(to="d", when=When.ALWAYS),
)


def ended(status: AttemptStatus) -> Attempt:
    return replace(begun(a_step("s")).latest("s"), status=status)


def told(decisions: tuple[Decision, ...]) -> list[tuple[str, bool | None, bool]]:
    return [(each.to, each.held, each.taken) for each in decisions]


def test_every_edge_that_holds_is_taken_once_and_only_open_conditions_are_looked_at() -> None:
    taken, decisions = routing.decide(a_step("s", edges=EDGES), ended(AttemptStatus.SUCCEEDED), {"disks": 1})
    assert taken == ("b", "d")
    assert told(decisions) == [
        ("a", False, False),
        ("b", True, True),
        ("b", None, False),
        ("c", None, False),
        ("d", None, True),
    ]
    assert decisions[0] == Decision(to="a", when=When.SUCCESS, if_="disks > 1", held=False, taken=False)


def test_with_route_first_nothing_is_looked_at_behind_the_edge_that_is_taken() -> None:
    step = a_step("s", edges=EDGES, route=Route.FIRST)
    taken, decisions = routing.decide(step, ended(AttemptStatus.SUCCEEDED), {"disks": 2})
    assert taken == ("a",)
    assert [each.held for each in decisions] == [True, None, None, None, None]


def test_a_failure_that_no_edge_takes_care_of_leads_nowhere() -> None:
    failed, skipped = ended(AttemptStatus.TIMED_OUT), ended(AttemptStatus.SKIPPED)
    step = a_step("s", edges=(Edge(to="a"),))
    assert routing.routes(step, failed, {}) is None
    assert routing.routes(replace(step, on_failure=CONTINUE), failed, {}) == ("a",)
    assert routing.routes(replace(step, on_failure="rescue"), failed, {}) == ("rescue",)
    assert routing.routes(step, skipped, {}) == ("a",)
    assert routing.routes(a_step("s"), skipped, {}) == ()
