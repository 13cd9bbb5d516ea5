"""What two versions of one step mean differently, field by field; see `workflow_diff`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.core.workflows import CONTINUE, FAIL, ROLLBACK, Edge, Retry, Route, Step, When
from engine.durations import format_duration

_LONG = 60  # characters of a value that a sentence shows


class Said(NamedTuple):
    """A sentence, the path it is about, and the values there."""

    text: str
    field: str
    before: Any
    after: Any


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same in a file: `1`, `1.0` and `true` are three; the order of keys means nothing."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if _is_list(left) and _is_list(right):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, bool | int | float) and isinstance(right, bool | int | float):
        return type(left) is type(right) and (left == right or (left != left and right != right))
    return bool(left == right)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if _is_list(value):
        return [plain(item) for item in value]
    return value if value is None or type(value) in (str, int, float, bool) else str(value)


def quoted(value: Any) -> str:
    """A value as a sentence shows it: on one line, and not too long."""
    text = value if isinstance(value, str) else _spelt(value)
    text = " ".join(text.split()) if text.strip() else text.replace("\n", " ")
    return f"`{text if len(text) <= _LONG else text[: _LONG - 1] + '…'}`"


def _spelt(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_spelt(item)}" for key, item in value.items()) + "}"
    if _is_list(value):
        return "[" + ", ".join(map(_spelt, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def seconds(value: float | None) -> str:
    """A duration, or that there is none."""
    return "none" if value is None else format_duration(value)


def tree_changes(owner: str, path: str, before: Any, after: Any) -> Iterator[Said]:
    """What is different in two trees of values, at the deepest keys that both have."""
    for key in dict.fromkeys((*before, *after)):
        field = f"{path}.{key}"
        name = f"{owner}: {quoted(field.partition('.')[2])}"
        if key not in after:
            yield Said(f"{name} was taken away (was {quoted(before[key])})", field, before[key], None)
        elif key not in before:
            yield Said(f"{name} was added: {quoted(after[key])}", field, None, after[key])
        elif isinstance(before[key], Mapping) and isinstance(after[key], Mapping) and before[key] and after[key]:
            yield from tree_changes(owner, field, before[key], after[key])
        elif not same(before[key], after[key]):
            yield Said(_changed(name, before[key], after[key]), field, before[key], after[key])


def _changed(name: str, before: Any, after: Any) -> str:
    """Of a text of some lines only how many are other: the rest is for the diff of the texts."""
    if isinstance(before, str) and isinstance(after, str) and "\n" in before.strip() + after.strip():
        return f"{name} is another text now ({_lines(after)}, was {_lines(before)})"
    shown, was = quoted(after), quoted(before)
    if shown == was:  # the difference is where the sentence cuts
        return f"{name} is another value now, {shown}"
    return f"{name} is now {shown} (was {was})"


def _lines(text: str) -> str:
    count = len(text.splitlines())
    return "1 line" if count == 1 else f"{count} lines"


def step_changes(before: Step, after: Step, old_key: str) -> Iterator[Said]:
    """What is different in a step whose key was `old_key`; `before` names other steps by the keys they have now."""
    step = f"step {quoted(after.key)}"
    # a name that nobody gave is the key, and goes with it
    if before.name != after.name and (before.name, after.name) != (old_key, after.key):
        text = f"{step} is now called {quoted(after.name)} (was {quoted(before.name)})"
        yield Said(text, "name", before.name, after.name)
    for field, path, sentence in _FIELDS:
        was, is_ = getattr(before, field), getattr(after, field)
        if not same(was, is_):
            yield Said(f"{step} {sentence(was, is_)}", path, was, is_)
    yield from tree_changes(step, "with", before.with_, after.with_)
    yield from _retry(step, before.retry, after.retry)
    yield from _edges(step, before, after)


def _timed(name: str, never: str) -> Callable[[Any, Any], str]:
    def sentence(was: float | None, is_: float | None) -> str:
        if is_ is None:
            return f"{never} any more (was {seconds(was)})"
        return f"now has a {name} of {seconds(is_)} (was {seconds(was)})"

    return sentence


def _on_failure(was: str, is_: str) -> str:
    return f"now {_reaction(is_)} when it fails (was: {_reaction(was)})"


def _reaction(value: str) -> str:
    words = {FAIL: "lets the execution fail", CONTINUE: "goes on as after a success", ROLLBACK: "rolls back"}
    return words.get(value, f"leads to {quoted(value)}")


def _undone(was: str | None, is_: str | None) -> str:
    old = "nothing" if was is None else quoted(was)
    return f"is now undone by {'nothing' if is_ is None else quoted(is_)} (was {old})"


def _state(was: Any, is_: Any) -> str:
    return f"now leaves the node's state {_or_as_it_is(is_)} (was {_or_as_it_is(was)})"


def _or_as_it_is(state: Any) -> str:
    return "as it is" if state is None else f"at {state}"


def _join(was: Any, is_: Any) -> str:
    return f"now waits for {_branches(is_)} (was {_branches(was)})"


def _branches(join: Any) -> str:
    return f"{join} of the branches" if isinstance(join, int) else f"{join} branches"


def _route(was: Route, is_: Route) -> str:
    words = {Route.ALL: "every edge that holds", Route.FIRST: "only the first edge that holds"}
    return f"now takes {words[is_]} (was {words[was]})"


def _visits(was: int | None, is_: int | None) -> str:
    return f"may now be entered {_times(is_)} (was {_times(was)})"


def _times(value: int | None) -> str:
    return "as often as usual" if value is None else "once" if value == 1 else f"{value} times"


def _letter(_was: bool, is_: bool) -> str:
    return "now becomes a dead letter when its retries are used up" if is_ else "becomes no dead letter any more"


_FIELDS: tuple[tuple[str, str, Callable[[Any, Any], str]], ...] = (
    ("action", "action", lambda was, is_: f"now runs {is_} (was {was})"),
    ("timeout_seconds", "timeout", _timed("timeout", "has no timeout")),
    ("heartbeat_seconds", "heartbeat", _timed("heartbeat limit", "has no heartbeat limit")),
    ("on_failure", "on_failure", _on_failure),
    ("rollback", "rollback", _undone),
    ("next_state", "next_state", _state),
    ("route", "route", _route),
    ("join", "join", _join),
    ("max_visits", "max_visits", _visits),
    ("dead_letter", "dead_letter", _letter),
)


def _retry(step: str, before: Retry, after: Retry) -> Iterator[Said]:
    for field, sentence in _RETRY:
        was, is_ = getattr(before, field), getattr(after, field)
        if not same(was, is_):
            yield Said(f"{step} {sentence(was, is_)}", f"retry.{field}", was, is_)


def _retries(was: int, is_: int) -> str:
    if is_ == 1:
        return f"does not retry any more (was tried {was} times)"
    old = "not at all" if was == 1 else str(was)
    return f"now retries {is_} times (was {old}), counting the first try"


def _jitter(was: float, is_: float) -> str:
    return f"now leaves {is_:g} of the delay between retries to chance (was {was:g})"


def _failures(was: Sequence[Any], is_: Sequence[Any]) -> str:
    return f"now retries after {', '.join(map(str, is_))} (was {', '.join(map(str, was))})"


def _rerender(_was: bool, is_: bool) -> str:
    return f"now {'fills in its parameters anew' if is_ else 'keeps the parameters of the first try'} when it retries"


_RETRY: tuple[tuple[str, Callable[[Any, Any], str]], ...] = (
    ("max_attempts", _retries),
    ("delay", lambda was, is_: f"now waits {seconds(is_)} before a retry (was {seconds(was)})"),
    ("backoff", lambda was, is_: f"now waits with {is_} delays between retries (was {was})"),
    ("max_delay", lambda was, is_: f"now waits {seconds(is_)} at most before a retry (was {seconds(was)})"),
    ("jitter", _jitter),
    ("retry_on", _failures),
    ("rerender", _rerender),
)


def _edges(step: str, before: Step, after: Step) -> Iterator[Said]:
    if before.sequential and after.sequential:
        return  # what it leads to follows from the order of the steps
    lost = [edge for edge in before.edges if edge not in after.edges]
    new = [edge for edge in after.edges if edge not in before.edges]
    for old in list(lost):
        kept = next((edge for edge in new if edge.to == old.to), None)
        if kept is not None:
            lost.remove(old)
            new.remove(kept)
            text = f"{step} now leads to {quoted(old.to)} {_terms(kept)} (was {_terms(old)})"
            yield Said(text, "edges", _edge(old), _edge(kept))
    for edge in lost:
        yield Said(f"{step} does not lead to {quoted(edge.to)} {_terms(edge)} any more", "edges", _edge(edge), None)
    for edge in new:
        yield Said(f"{step} now also leads to {quoted(edge.to)} {_terms(edge)}", "edges", None, _edge(edge))
    if not lost and not new and before.edges != after.edges and set(before.edges) == set(after.edges):
        order = ", ".join(quoted(edge.to) for edge in after.edges)
        yield Said(f"{step} now has its edges in another order: {order}", "edges", _all(before), _all(after))
    elif before.edges == after.edges and before.sequential != after.sequential:
        how = "as for any step without edges" if after.sequential else "written out as its edges"
        yield Said(f"{step} leads where it did, but now {how}", "edges", before.sequential, after.sequential)


def _terms(edge: Edge) -> str:
    words = {When.SUCCESS: "after a success", When.FAILURE: "after a failure", When.ALWAYS: "however it ends"}
    return words[edge.when] + (f" if {quoted(edge.if_)}" if edge.if_ is not None else "")


def _edge(edge: Edge) -> dict[str, Any]:
    return {"to": edge.to, "when": str(edge.when)} | ({} if edge.if_ is None else {"if": edge.if_})


def _all(step: Step) -> list[dict[str, Any]]:
    return [_edge(edge) for edge in step.edges]
