"""What two versions of a workflow mean differently, as sentences: "step `wipe` now retries 5 times (was 3)".

Steps are the same if they have the same key; one that went away and one that came, with the same action and nearly the
same parameters, are one that was renamed. Of what follows from something else that is said nothing is said: an edge to
the step below, where none is written, changes with the order of the steps, and an edge to a renamed step is the same.

Two workflows give no change exactly if they are equal in every field (what is left out of a file and what is written at
its default are equal; `1`, `1.0` and `true` are not).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.core.matching import longest_rise
from engine.core.step_diff import Said, plain, quoted, same, seconds, step_changes, tree_changes
from engine.core.workflows import CONTINUE, FAIL, ROLLBACK, Step, Workflow

ALIKE = 0.5
"""From this resemblance of their parameters on (0 to 1) a step that went and one that came are the same, renamed."""

_MOST_GUESSES = 10_000  # pairs of steps that are looked at for that


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is different. `field` is the path in the file (`timeout`, `with.kernel`, `params.disk.default`);
    `step` is the key of the step as it is called now (or was, if it is gone), None for the workflow itself. `before`
    and `after` are values as JSON has them, None where there is none.
    """

    text: str
    field: str
    step: str | None = None
    before: Any = None
    after: Any = None


def changes(before: Workflow, after: Workflow) -> tuple[Change, ...]:
    """Everything that is different: first the workflow itself, then its steps in their order."""
    found = [*_whole(before, after), *_steps(before, after)]
    return tuple(found) or tuple(_numbers(before, after))


def _whole(before: Workflow, after: Workflow) -> Iterator[Change]:
    for field, name, spelt in _FIELDS:
        was, is_ = getattr(before, field), getattr(after, field)
        if not same(was, is_):
            text = f"the {name} is now {spelt(is_)} (was {spelt(was)})"
            yield Change(text=text, field=_SPELLING.get(field, field), before=plain(was), after=plain(is_))
    for each in _params(before.params, after.params):
        yield _change(each)
    for each in tree_changes("the output", "output", before.output, after.output):
        yield _change(each)


def _change(said: Said, step: str | None = None) -> Change:
    return Change(text=said.text, field=said.field, step=step, before=plain(said.before), after=plain(said.after))


def _limit(value: Any) -> str:
    return "none" if value is None else f"{value['limit']} at once for {quoted(value['key'])}"


def _or_none(value: Any) -> str:
    return "none" if value is None else str(value)


_FIELDS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("name", "name", quoted),
    ("description", "description", quoted),
    ("os_family", "family of systems", str),
    ("architecture", "architecture", str),
    ("boot_mode", "boot mode", str),
    ("concurrency", "concurrency", _limit),
    ("max_parallel", "most steps at once", _or_none),
    ("timeout_seconds", "timeout of the whole", seconds),
    ("state_on_start", "state that the node starts in", _or_none),
)
_SPELLING = {"timeout_seconds": "timeout"}


def _params(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    for name in before:
        if name not in after:
            yield Said(f"the input {quoted(name)} was taken away", f"params.{name}", before[name], None)
    for name, schema in after.items():
        if name not in before:
            default = f", {quoted(schema['default'])} if not given" if "default" in schema else ", which must be given"
            yield Said(f"the input {quoted(name)} was added{default}", f"params.{name}", None, schema)
        else:
            yield from _schema(name, before[name], schema)


def _schema(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    for key in dict.fromkeys((*before, *after)):
        was, is_ = before.get(key), after.get(key)
        field = f"params.{name}.{key}"
        if key not in after:
            more = ", so it must be given" if key == "default" else ""
            yield Said(f"the input {quoted(name)} has no {key} any more (was {quoted(was)}){more}", field, was, None)
        elif key not in before:
            yield Said(f"the input {quoted(name)} now has the {key} {quoted(is_)}", field, None, is_)
        elif not same(was, is_):
            text = f"the {key} of the input {quoted(name)} is now {quoted(is_)} (was {quoted(was)})"
            yield Said(text, field, was, is_)


# Steps


def _steps(before: Workflow, after: Workflow) -> Iterator[Change]:
    renamed = _renamed(before, after)
    olds = {renamed.get(step.key, step.key): step for step in before.steps}
    gone = [step for key, step in olds.items() if key not in after.by_key]
    order = [key for key in olds if key in after.by_key]
    moved = _moved(order, [step.key for step in after.steps if step.key in olds])
    for step in gone:
        text = f"step {quoted(step.key)} ({step.action}) was taken away"
        yield Change(text=text, field="steps", step=step.key, before=step.key)
    for at, step in enumerate(after.steps):
        place = _place(after.steps, at)
        old = olds.get(step.key)
        if old is None:
            text = f"step {quoted(step.key)} ({step.action}) was added {place}"
            yield Change(text=text, field="steps", step=step.key, after=step.key)
            continue
        if old.key != step.key:
            text = f"step {quoted(old.key)} was renamed: it is now {quoted(step.key)}"
            yield Change(text=text, field="key", step=step.key, before=old.key, after=step.key)
        if step.key in moved:
            was = _place(before.steps, before.steps.index(old))
            text = f"step {quoted(step.key)} now stands {place} (was {was})"
            yield Change(text=text, field="steps", step=step.key, before=was, after=place)
        for each in step_changes(_in_new_words(old, renamed), step, old.key):
            yield _change(each, step.key)


def _in_new_words(step: Step, renamed: Mapping[str, str]) -> Step:
    """The old step with the keys that steps have now, where it names others."""
    if not renamed:
        return step
    edges = tuple(replace(edge, to=renamed.get(edge.to, edge.to)) for edge in step.edges)
    rollback = renamed.get(step.rollback, step.rollback) if step.rollback is not None else None
    on_failure = step.on_failure if step.on_failure in (FAIL, CONTINUE, ROLLBACK) else renamed.get(step.on_failure)
    return replace(step, edges=edges, rollback=rollback, on_failure=on_failure or step.on_failure)


def _place(steps: Sequence[Step], at: int) -> str:
    return f"after {quoted(steps[at - 1].key)}" if at else "at the beginning"


def _moved(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """The fewest steps whose moving explains the new order: all but the longest run that kept theirs."""
    place = {key: at for at, key in enumerate(before)}
    kept = longest_rise([(at, place[key]) for at, key in enumerate(after)])
    return set(after) - {after[at] for at, _ in kept}


def _renamed(before: Workflow, after: Workflow) -> dict[str, str]:
    """Old keys to new ones, of steps that went and came with the same action and much the same in them."""
    came = [step for step in after.steps if step.key not in before.by_key]
    went = [step for step in before.steps if step.key not in after.by_key]
    found: dict[str, str] = {}
    for old in went if len(went) * len(came) <= _MOST_GUESSES else ():
        alike = [(_alike(old, new), -abs(old.sequence - new.sequence), new.key) for new in came]
        likeness, _, key = max(alike, default=(0.0, 0, ""))
        if likeness >= ALIKE:
            found[old.key] = key
            came = [step for step in came if step.key != key]
    return found


def _alike(old: Step, new: Step) -> float:
    if old.action != new.action:
        return 0.0
    if not old.with_ and not new.with_:
        has_name = old.name != old.key
        return 1.0 if has_name and old.name == new.name else 0.4 + 0.2 * (old.sequence == new.sequence)
    keys = {*old.with_, *new.with_}
    shared = sum(key in old.with_ and key in new.with_ and same(old.with_[key], new.with_[key]) for key in keys)
    return max(shared / len(keys), 0.6 if old.name == new.name and old.name != old.key else 0.0)


def _numbers(before: Workflow, after: Workflow) -> Iterator[Change]:
    """Where nothing else is different: the numbers of the steps, which `sequence` or another first step give them."""
    for old, new in zip(before.steps, after.steps, strict=True):
        if old.sequence != new.sequence:
            text = f"step {quoted(new.key)} is now numbered {new.sequence} (was {old.sequence})"
            yield Change(text=text, field="sequence", step=new.key, before=old.sequence, after=new.sequence)
