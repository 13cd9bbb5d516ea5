"""The inputs of a workflow as a form, and what a start will do to which nodes. Pure."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.view import effects, labels
from engine.core.executions import Execution
from engine.core.nodes import BOOTS_ITS_DISK, Node, NodeState
from engine.core.workflows import PublishedWorkflow
from engine.errors import Invalid, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One input: its name, what may be written, and the text it begins with."""

    name: str
    hint: str
    text: str
    required: bool


def fields_of(params: Mapping[str, Mapping[str, Any]]) -> list[FormField]:
    """The fields for a workflow's inputs."""
    return [
        FormField(
            name=name,
            hint=_hint(schema),
            text=_text(schema["default"]) if "default" in schema else "",
            required="default" not in schema,
        )
        for name, schema in params.items()
    ]


def _hint(schema: Mapping[str, Any]) -> str:
    kind = str(schema.get("type", ""))
    if "enum" in schema:
        kind = "one of " + ", ".join(_text(value) for value in schema["enum"])
    if kind == "string":
        kind = ""
    told = str(schema.get("description") or schema.get("title") or "")
    return labels.safe(", ".join(part for part in (told, kind) if part))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read(params: Mapping[str, Mapping[str, Any]], texts: Mapping[str, str]) -> dict[str, Any]:
    """The values of a filled form; an empty field is not given, so that its default holds.

    Raises:
        Invalid: a text is not what its field takes; every such field is named.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, schema in params.items():
        text = texts.get(name, "").strip()
        if not text:
            if "default" not in schema:
                problems.append(Problem(path=name, message="must be filled in"))
            continue
        try:
            values[name] = _value(text, schema)
        except ValueError as error:
            problems.append(Problem(path=name, message=str(error)))
    if problems:
        raise Invalid(problems)
    return values


_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "integer":
            return _number(text, int, "a whole number")
        case "number":
            return _number(text, float, "a number")
        case "boolean":
            if text.lower() not in _BOOLEANS:
                raise ValueError(f"{text!r} is neither true nor false")
            return _BOOLEANS[text.lower()]
        case "object" | "array":
            return _json(text)
        case "string":
            return text
        case _:
            return _json(text) if text[0] in '[{"' else text


def _number(text: str, kind: type[int] | type[float], name: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{text!r} is not {name}") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None


def preview(
    workflow: PublishedWorkflow, nodes: Sequence[Node], live: Mapping[str, Execution]
) -> list[tuple[str, bool]]:
    """What starting a workflow on nodes will do, a sentence a line; True with those that warn."""
    going = startable(workflow, nodes, live)
    left = [node for node in nodes if node not in going]
    lines = [(f"{node.name} is left out: {refusal(workflow, node, live.get(node.id))}.", True) for node in left]
    if len(lines) > 3:
        lines = [*lines[:3], (f"{len(left) - 3} more are left out for such reasons.", True)]
    if not going:
        return [*lines, (f"There is nothing to start.{_way_out(left, live)}", True)]
    count = "1 node" if len(going) == 1 else f"{len(going)} nodes"
    names = labels.names([node.name for node in going], 4)
    said = [(f"Starts {workflow.name} {workflow.version} on {count}: {names}.", False)]
    if len(going) > 1:
        said.append((f"They are {_states(going)}.", False))
    if wipes(workflow):
        lost = "what is on its disk is lost" if len(going) == 1 else "what is on their disks is lost"
        said.append((f"This will wipe {effects.machines(len(going))}: {lost}.", True))
    elif installs(workflow):
        whose = "its disk" if len(going) == 1 else "their disks"
        said.append((f"It installs: what is on {whose} may be overwritten.", True))
    return [*said, *lines]


def startable(workflow: PublishedWorkflow, nodes: Sequence[Node], live: Mapping[str, Execution]) -> list[Node]:
    """The nodes a workflow can be started on now."""
    return [node for node in nodes if refusal(workflow, node, live.get(node.id)) is None]


def refusal(workflow: PublishedWorkflow, node: Node, live: Execution | None) -> str | None:
    """Why a workflow cannot be started on a node now; None if it can."""
    if (reason := held(node, live)) is not None:
        return reason
    if node.state in BOOTS_ITS_DISK and any(step.action == "node.boot" for step in workflow.steps):
        return f"it is {labels.words(node.state)}, so it boots its disk"
    return None


def held(node: Node, live: Execution | None) -> str | None:
    """Why no workflow at all can be started on a node now; None if one can."""
    if node.locked:
        return "it is locked"
    if live is not None and not live.ended:
        return f"it is busy with {live.workflow_name}"
    return None


def none_free(nodes: Sequence[Node], live: Mapping[str, Execution]) -> str | None:
    """What to say instead of asking for a workflow, where none can be started on any of the nodes; None if one can."""
    reasons = [(node.name, held(node, live.get(node.id))) for node in nodes]
    if not all(reason for _, reason in reasons):
        return None
    told = labels.names([f"{name}: {reason}" for name, reason in reasons])
    ways = [
        *(["c cancels what runs"] if any(not each.ended for each in live.values()) else []),
        *(["`pureboot node set NAME locked=false` unlocks"] if any(node.locked for node in nodes) else []),
    ]
    return f"no workflow can be started here now: {told}; {'; '.join(ways)}"


def _way_out(left: Sequence[Node], live: Mapping[str, Execution]) -> str:
    """How a node that boots its disk can be installed anew, if that is what keeps one of these from it."""
    states = {node.state for node in left if held(node, live.get(node.id)) is None}
    if NodeState.ACTIVE in states:
        return " To install an active node anew, leave and move it (m) to reprovision first."
    if NodeState.INSTALLED in states:
        return " To install it anew, leave and move it (m) to active, then to reprovision."
    return ""


def _states(nodes: Sequence[Node]) -> str:
    """How many stand in each state."""
    counted = Counter(labels.words(node.state) for node in nodes)
    return ", ".join(f"{count} {state}" for state, count in counted.most_common())


def challenge(workflow: PublishedWorkflow, count: int) -> tuple[str, ...]:
    """What (any of these) has to be typed before it is started on so many machines; empty where `y` is enough."""
    word = "wipe" if wipes(workflow) else "install" if installs(workflow) else ""
    return effects.typed_answers(word, count) if word and count else ()


def wipes(workflow: PublishedWorkflow) -> bool:
    """Whether a workflow gives machines up: it wipes them, or brings them out of service."""
    goals = {workflow.state_on_start, *(step.next_state for step in workflow.steps)}
    given_up = goals & {NodeState.DEPROVISIONING, NodeState.RETIRED}
    return bool(given_up) or any(step.action == "node.wipe" for step in workflow.steps)


def installs(workflow: PublishedWorkflow) -> bool:
    """Whether a workflow brings a node to `installing` or beyond."""
    goals = {workflow.state_on_start, *(step.next_state for step in workflow.steps)}
    return bool(goals & {NodeState.PENDING, NodeState.INSTALLING, NodeState.INSTALLED})
