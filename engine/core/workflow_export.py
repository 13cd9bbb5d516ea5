"""How a workflow is written as a file: in the contract's form, without what is left at its default."""

from collections.abc import Mapping
from typing import Any

from engine.core.workflows import FAIL, RETRIED, Backoff, Edge, Join, Retry, Route, Step, Workflow
from engine.core.yaml_writer import written
from engine.durations import format_duration


def as_file(workflow: Workflow) -> dict[str, Any]:
    """The tree of a workflow in the contract's form, without what is left at its default."""
    tree: dict[str, Any] = {"name": workflow.name}
    for key in ("description", "os_family", "architecture", "boot_mode"):
        tree[key] = getattr(workflow, key)
    tree |= _given(
        params=_plain(workflow.params),
        concurrency=_plain(workflow.concurrency),
        max_parallel=workflow.max_parallel,
        output=_plain(workflow.output),
        timeout=_duration(workflow.timeout_seconds),
        state_on_start=workflow.state_on_start and str(workflow.state_on_start),
    )
    tree["steps"] = [_step_file(step) for step in workflow.steps]
    return tree


def _step_file(step: Step) -> dict[str, Any]:
    tree: dict[str, Any] = {"key": step.key}
    tree |= _given(name=step.name if step.name != step.key else None)
    tree["action"] = step.action
    return (
        tree
        | _given(
            **{"with": _plain(step.with_)},
            timeout=_duration(step.timeout_seconds),
            heartbeat=_duration(step.heartbeat_seconds),
            retry=_retry_file(step.retry),
            next_state=step.next_state and str(step.next_state),
            on_failure=step.on_failure if step.on_failure != FAIL else None,
            rollback=step.rollback,
            route=str(step.route) if step.route is not Route.ALL else None,
            join=_join_file(step.join),
            max_visits=step.max_visits,
            dead_letter=step.dead_letter or None,
        )
        | ({} if step.sequential else {"edges": [_edge_file(edge) for edge in step.edges]})
    )


def _retry_file(retry: Retry) -> dict[str, Any] | None:
    if retry == Retry():
        return None
    return {"max_attempts": retry.max_attempts} | _given(
        delay=_duration(retry.delay or None),
        backoff=str(retry.backoff) if retry.backoff is not Backoff.CONSTANT else None,
        max_delay=_duration(retry.max_delay),
        jitter=retry.jitter or None,
        retry_on=[str(failure) for failure in retry.retry_on] if retry.retry_on != RETRIED else None,
        rerender=None if retry.rerender else False,
    )


def _join_file(join: Join | int) -> str | int | None:
    if isinstance(join, int):
        return join
    return None if join is Join.ALL else str(join)


def _edge_file(edge: Edge) -> dict[str, Any]:
    return {"to": edge.to, "when": str(edge.when)} | _given(**{"if": edge.if_})


def _duration(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _given(**items: Any) -> dict[str, Any]:
    return {key: value for key, value in items.items() if value not in (None, {}, [])}


def export(workflow: Workflow) -> str:
    """A workflow as YAML in the contract's form; reading it gives the same workflow."""
    return written(as_file(workflow))
