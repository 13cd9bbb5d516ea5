"""What a trigger is: what starts executions of a workflow, and when.

One thing that makes a trigger fire is an **occurrence** with a key of its own. The key is in the `request_id` of what
is started, so an occurrence starts one execution however often it is met.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from engine.core import expressions
from engine.core.rendering import MASK
from engine.core.schedule import Schedule, next_times
from engine.core.shape import as_data
from engine.core.trigger_config import Config, TriggerType, Webhook
from engine.errors import Problem

HOOKS = "/hooks/"
SHOWN_TIMES = 5

_REQUEST = re.compile(r"trigger:(?P<trigger>[0-9a-f-]{36}):(?P<key>.+)", re.DOTALL)
_LONGEST_KEY = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What starts executions of `workflow` (its name).

    `node` and each text of `params` are Jinja2, `condition` is a bare expression, all over `trigger` (`name type at`
    and `body` or `event`), `event`, `node` and `meta`. `next_at` is when an enabled schedule fires next, `cursor` the
    last event that an enabled event trigger has seen.
    """

    HIDDEN: ClassVar = frozenset({"cursor"})
    SHOWN: ClassVar = ("next", "url")

    id: str
    name: str
    type: TriggerType
    description: str = ""
    workflow: str
    node: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    config: Config
    condition: str | None = None
    enabled: bool = True
    next_at: datetime | None = None
    cursor: int | None = None
    last_fired_at: datetime | None = None
    last_execution_id: str | None = None
    last_error: str | None = None
    fired: int = 0
    created_at: datetime
    updated_at: datetime

    @property
    def next(self) -> tuple[datetime, ...]:
        """The next five times at which it fires; none if it is disabled or no schedule."""
        if self.next_at is None or not isinstance(self.config, Schedule):
            return ()
        return (self.next_at, *next_times(self.config, self.next_at, SHOWN_TIMES - 1))

    @property
    def url(self) -> str | None:
        """Where a webhook is to be sent, without the server's address."""
        return f"{HOOKS}{self.config.path}" if isinstance(self.config, Webhook) else None

    @property
    def principal(self) -> str:
        """Who does what it starts."""
        return f"trigger:{self.name}"


def veiled(trigger: Trigger) -> Trigger:
    """As it is shown to who may only look: without the path of a webhook that nobody signs, which is all it takes."""
    if isinstance(trigger.config, Webhook) and not trigger.config.is_signed:
        return replace(trigger, config=replace(trigger.config, path=MASK))
    return trigger


def check_texts(node: str | None, params: Mapping[str, Any], condition: str | None) -> list[Problem]:
    """What is wrong with the syntax of a trigger's texts."""
    wrong = expressions.check_condition(condition) if condition else None
    problems = [Problem(path="condition", message=wrong)] if wrong else []
    return problems + _check_tree(node, "node") + _check_tree(params, "params")


def _check_tree(tree: Any, path: str) -> list[Problem]:
    if isinstance(tree, str):
        wrong = expressions.check_text(tree)
        return [Problem(path=path, message=wrong)] if wrong else []
    if isinstance(tree, Mapping):
        return [problem for key, value in tree.items() for problem in _check_tree(value, f"{path}.{key}")]
    if isinstance(tree, list | tuple):
        return [problem for at, value in enumerate(tree) for problem in _check_tree(value, f"{path}[{at}]")]
    return []


def path_digest(path: str) -> str:
    """What webhooks are looked up by: comparing paths themselves would tell by its time how much of one is right."""
    return hashlib.sha256(path.strip("/").encode("utf-8", "surrogatepass")).hexdigest()


def signature(secret: str, body: bytes) -> str:
    """A body's signature as GitHub has it: `sha256=` and the HMAC-SHA256 in hexadecimal."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(secret: str | None, body: bytes, given: str | None) -> bool:
    """Whether a signature is right; without a secret none is needed. Takes as long if it is right as if it is not."""
    right = signature(secret or "", body)
    agrees = hmac.compare_digest(right.encode(), (given or "").strip().lower().encode("utf-8", "replace"))
    return agrees or secret is None


def request_id(trigger_id: str, key: str) -> str:
    """The `request_id` of what an occurrence starts; a long key is cut to its digest."""
    if len(key) > _LONGEST_KEY:
        key = "sha256-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"trigger:{trigger_id}:{key}"


def started_by(request: str | None) -> tuple[str, str] | None:
    """The id of the trigger and the key of the occurrence of a `request_id`; None if it is none of a trigger's."""
    match = _REQUEST.fullmatch(request or "")
    return (match["trigger"], match["key"]) if match else None


def event_key(event_id: int) -> str:
    """The key of the occurrence that is an event."""
    return f"event-{event_id}"


def event_of(key: str) -> int | None:
    """The id of the event whose occurrence has a key; None if it is none of an event."""
    number = key.removeprefix("event-")
    return int(number) if key != number and number.isascii() and number.isdecimal() and len(number) < 19 else None


def time_key(moment: datetime) -> str:
    """The key of an occurrence that is a time of a schedule."""
    text: str = as_data(moment)
    return text
