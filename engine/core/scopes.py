"""What templates, parameters and conditions can name: the scopes of CONTRACT section 3, made from values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.executions import Attempt, AttemptStatus, Execution, Performer
from engine.core.groups import Group
from engine.core.nodes import Node
from engine.core.rendering import Scopes
from engine.core.sandbox import Reported
from engine.core.workflows import Workflow

CALLBACK = "/api/v1/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What nodes are told of this server; URLs without a slash at the end."""

    url: str = ""
    tftp_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Everything that may be named while one execution is served; what is not there has no values."""

    node: Node | None = None
    group: Group | None = None
    workflow: Workflow | None = None
    execution: Execution | None = None
    attempt: Attempt | None = None
    server: Server = field(default_factory=Server)
    token: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)


def variables(around: Surroundings, template: Mapping[str, object] | None = None) -> Scopes:
    """The namespaces of `${…}`."""
    return {
        "node": _node(around.node),
        "group": _group(around.group),
        "workflow": _workflow(around),
        "server": _server(around.server),
        "template": template or {},
        "execution": _execution(around),
        "meta": metadata(around.node, around.group),
        "secret": around.secrets,
        "params": dict(around.execution.params) if around.execution else {},
    }


def names(around: Surroundings) -> Mapping[str, object]:
    """The names of Jinja2 expressions."""
    execution = around.execution
    return {
        "trigger": {"name": execution.trigger} if execution else {},
        "params": dict(execution.params) if execution else {},
        "node": _reported(_node(around.node)) | _more(around.node, around.group),
        "group": _group(around.group),
        "steps": _steps(execution) if execution else {},
        "execution": _execution(around) | {"status": execution.status.value if execution else None},
        "workflow": _workflow(around),
        "server": _server(around.server),
        "meta": metadata(around.node, around.group),
        "secret": around.secrets,
    }


def metadata(node: Node | None, group: Group | None) -> dict[str, Any]:
    """A node's own metadata over its group's."""
    return {**(group.metadata if group else {}), **(node.metadata if node else {})}


def _node(node: Node | None) -> dict[str, object]:
    if node is None:
        return {}
    return {
        "id": node.id,
        "mac": node.mac_address,
        "ip": node.ip_address,
        "hostname": node.hostname,
        "uuid": node.system_uuid,
        "serial": node.serial_number,
        "vendor": node.vendor,
        "model": node.model,
        "architecture": node.arch,
        "boot_mode": node.boot_mode,
        "state": node.state.value,
    }


def _reported(values: Mapping[str, object]) -> dict[str, object]:
    """What a machine says of itself, marked where it is not on one line of printable text."""
    return {
        key: Reported(value) if isinstance(value, str) and not value.isprintable() else value
        for key, value in values.items()
    }


def _more(node: Node | None, group: Group | None) -> dict[str, object]:
    if node is None:
        return {}
    known = {"name": node.name, "mac_address": node.mac_address, "tags": list(node.tags)}
    return {**known, "group": group.name if group else None}


def _group(group: Group | None) -> dict[str, object]:
    return {} if group is None else {"id": group.id, "name": group.name, "description": group.description}


def _workflow(around: Surroundings) -> dict[str, object]:
    execution, workflow = around.execution, around.workflow
    return {
        "id": execution.workflow_id if execution else None,
        "name": workflow.name if workflow else execution.workflow_name if execution else None,
        "description": workflow.description if workflow else None,
        "version": execution.workflow_version if execution else None,
    }


def _server(server: Server) -> dict[str, object]:
    return {"url": server.url or None, "http_url": server.url or None, "tftp_url": server.tftp_url or None}


def _execution(around: Surroundings) -> dict[str, object]:
    execution, attempt = around.execution, around.attempt
    if execution is None:
        return {}
    url = f"{around.server.url}{CALLBACK}/{execution.id}" if around.server.url else None
    return {
        "id": execution.id,
        "step_id": attempt.step_id if attempt else None,
        "step_name": attempt.step_name if attempt else None,
        "attempt": attempt.attempt if attempt else None,
        "callback_url": url,
        "token": around.token,
    }


def _steps(execution: Execution) -> dict[str, object]:
    newest = {attempt.step_key: attempt for attempt in execution.attempts if _has_run(attempt)}
    return {key: _step(attempt) for key, attempt in newest.items()}


def _has_run(attempt: Attempt) -> bool:
    """Whether it says anything of its step: one that a branch left out does not, one that a person skipped does."""
    return attempt.status is not AttemptStatus.SKIPPED or attempt.performer is Performer.PERSON


def _step(attempt: Attempt) -> dict[str, object]:
    return {
        "status": attempt.status.value,
        "output": dict(attempt.output),
        "error": attempt.error,
        "message": attempt.message,
        "exit_code": attempt.exit_code,
        "attempt": attempt.attempt,
    }
