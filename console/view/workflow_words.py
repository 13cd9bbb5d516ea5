"""The keys of a workflow file, each with what is to be known of it, and the values of which there are few. Pure.

Which keys there are is said by `engine.core.workflow_form`; a test holds this table against it.
"""

from collections.abc import Mapping

from console.view.yaml_place import ITEM
from engine.core.editing import Word
from engine.core.nodes import NodeState
from engine.core.workflows import RETRIED, Backoff, Join, Route, When

Path = tuple[str, ...]

_STEP: Path = ("steps", ITEM)
_EDGE: Path = (*_STEP, "edges", ITEM)
_RETRY: Path = (*_STEP, "retry")


def _words(**hints: str) -> tuple[Word, ...]:
    return tuple(Word(name=name.rstrip("_"), hint=hint) for name, hint in hints.items())


PARAM = _words(
    type="string, integer, number, boolean, array",
    default="what it is if nobody says",
    description="what people are told of it",
    enum="the values there are",
    minimum="a number",
    maximum="a number",
    pattern="a regular expression",
    title="its name for people",
)
KEYS: Mapping[Path, tuple[Word, ...]] = {
    (): _words(
        name="what it is called",
        description="what people are told of it",
        os_family="linux, windows, bsd …",
        architecture="x86_64, arm64, any",
        boot_mode="bios, uefi, any",
        params="inputs",
        concurrency="how many run at once",
        max_parallel="how many branches at once",
        output="what it gives",
        timeout="of the whole execution: 2h",
        state_on_start="the node's state at its start",
        steps="what is done",
    ),
    ("concurrency",): _words(key="those with the same one count together", limit="how many at once"),
    _STEP: _words(
        key="unique in the workflow",
        name="what people call it",
        action="what is done",
        with_="its parameters",
        timeout="10m",
        heartbeat="fails if nothing is heard so long",
        retry="how often, how long between",
        on_failure="fail, continue, rollback or a step",
        rollback="the step that undoes this one",
        next_state="the node's state after it",
        edges="where to go on",
        route="all or first",
        join="all, any or how many",
        max_visits="how often in a circle",
        dead_letter="list for a person when it fails",
    ),
    _EDGE: _words(to="the step", when="success, failure or always", if_="a condition"),
    _RETRY: _words(
        max_attempts="how many tries in all",
        delay="30s",
        backoff="constant, linear, exponential",
        max_delay="10m",
        jitter="0 to 1",
        retry_on="after which failures",
        rerender="fill the parameters anew",
    ),
}

_STATES = tuple(state.value for state in NodeState)
_TRUTH = ("true", "false")
VALUES: Mapping[tuple[Path, str], tuple[str, ...]] = {
    ((), "os_family"): ("linux", "windows", "bsd", "esxi", "other"),
    ((), "architecture"): ("x86_64", "arm64", "any"),
    ((), "boot_mode"): ("bios", "uefi", "any"),
    ((), "state_on_start"): _STATES,
    (_STEP, "next_state"): _STATES,
    (_STEP, "route"): tuple(each.value for each in Route),
    (_STEP, "join"): tuple(each.value for each in Join),
    (_STEP, "dead_letter"): _TRUTH,
    (_EDGE, "when"): tuple(each.value for each in When),
    (_RETRY, "backoff"): tuple(each.value for each in Backoff),
    (_RETRY, "retry_on"): tuple(str(each) for each in RETRIED),
    (_RETRY, "rerender"): _TRUTH,
}
PARAM_VALUES: Mapping[str, tuple[str, ...]] = {
    "type": ("string", "integer", "number", "boolean", "array", "object"),
}

# Where the key of a step can stand, with what else can.
STEPS: Mapping[tuple[Path, str], tuple[tuple[str, str], ...]] = {
    (_EDGE, "to"): (),
    (_STEP, "rollback"): (),
    (_STEP, "on_failure"): (
        ("fail", "the execution fails"),
        ("continue", "go on as after a success"),
        ("rollback", "undo what was done"),
    ),
}
