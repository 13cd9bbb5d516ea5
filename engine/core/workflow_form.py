"""The form of a workflow file: which keys it may have, older spellings included, and what may stand under each."""

import json
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from engine.core.executions import Failure
from engine.core.nodes import NodeState
from engine.core.workflows import FAIL, RETRIED, Backoff, Join, Route, When
from engine.durations import parse_duration

KEY_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"
_NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,127}$"

_Duration = Annotated[float, BeforeValidator(parse_duration)]
_Config = Annotated[
    dict[str, Any], BeforeValidator(lambda value: json.loads(value or "{}") if isinstance(value, str) else value or {})
]


def _join(value: object) -> Join | int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, str) and value in tuple(Join):
        return Join(value)
    raise ValueError(f"{value!r} is neither all nor any, nor a number of branches from 1")


def _retry_on(value: object) -> tuple[Failure, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of {', '.join(RETRIED)}")
    if not value:
        raise ValueError("must not be empty; for no retry at all leave out max_attempts")
    for each in value:
        if each != "timed_out" and each not in RETRIED:
            raise ValueError(f"{each!r} is none of {', '.join(RETRIED)}")
    return tuple(dict.fromkeys(Failure.TIMEOUT if each == "timed_out" else Failure(each) for each in value))


def _jitter(value: object) -> object:
    return 0.5 if value is True else 0.0 if value is False else value


def _either(*names: str) -> Any:
    return AliasChoices(*names)


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, loc_by_alias=True, defer_build=True)


class EdgeForm(_Form):
    """An edge of a step."""

    to: str = Field(validation_alias=_either("to", "targetNode", "target"))
    when: When = When.SUCCESS
    if_: str | None = Field(default=None, validation_alias=_either("if", "condition"))


class RetryForm(_Form):
    """What a step says of its retries."""

    max_attempts: int = Field(default=1, ge=1, le=1000)
    delay: _Duration = 0.0
    backoff: Backoff = Backoff.CONSTANT
    max_delay: _Duration | None = None
    jitter: Annotated[float, BeforeValidator(_jitter)] = Field(default=0.0, ge=0, le=1)
    retry_on: Annotated[tuple[Failure, ...], PlainValidator(_retry_on)] = RETRIED
    rerender: bool = True


class StepForm(_Form):
    """A step in a file, or a node of the graph form."""

    key: str | None = Field(default=None, validation_alias=_either("key", "id"), pattern=KEY_PATTERN)
    sequence: int | None = None
    name: str | None = None
    action: str = Field(validation_alias=_either("action", "type", "actionType"))
    with_: _Config = Field(default={}, validation_alias=_either("with", "config", "config_json", "parameters"))
    timeout: _Duration | None = Field(default=None, validation_alias=_either("timeout", "timeout_seconds"))
    heartbeat: _Duration | None = Field(default=None, validation_alias=_either("heartbeat", "heartbeat_seconds"))
    retry: RetryForm | None = None
    max_retries: int | None = Field(default=None, ge=0, le=999)
    retry_delay_seconds: _Duration | None = None
    on_failure: str = FAIL
    rollback: str | None = Field(default=None, validation_alias=_either("rollback", "rollback_step_id"))
    next_state: NodeState | None = None
    edges: list[EdgeForm] | None = None
    route: Route = Route.ALL
    join: Annotated[Join | int, PlainValidator(_join)] = Join.ALL
    max_visits: int | None = Field(default=None, ge=1)
    dead_letter: bool = False

    @model_validator(mode="after")
    def _one_retry(self) -> "StepForm":
        if self.retry is not None and (self.max_retries is not None or self.retry_delay_seconds is not None):
            raise ValueError("says its retries twice: write retry, or max_retries and retry_delay_seconds")
        return self


class _Concurrency(_Form):
    key: str
    limit: int = Field(ge=1)


class WorkflowForm(_Form):
    """A whole file."""

    name: str = Field(pattern=_NAME_PATTERN)
    description: str = ""
    os_family: Literal["linux", "windows", "bsd", "esxi", "other"] = "linux"
    architecture: Literal["x86_64", "arm64", "any"] = "any"
    boot_mode: Literal["bios", "uefi", "any"] = "any"
    params: dict[str, dict[str, Any]] = {}
    concurrency: _Concurrency | None = None
    max_parallel: int | None = Field(default=None, ge=1)
    output: dict[str, Any] = {}
    timeout: _Duration | None = Field(default=None, validation_alias=_either("timeout", "timeout_seconds"))
    state_on_start: NodeState | None = None
    start: str | None = Field(default=None, validation_alias=_either("startNode", "start"))
    steps: list[StepForm] = Field(min_length=1, max_length=1000, validation_alias=_either("steps", "nodes"))
