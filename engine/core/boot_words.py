"""What the sentences of causes may name. Pure."""

from collections.abc import Callable, Iterable, Mapping

from engine.core.boot_case import Case, clock
from engine.core.boot_trace import Contact
from engine.sizes import shown_size

Words = Mapping[str, object]
Sign = Callable[[Case], Words | None]


def words(case: Case, contact: Contact | None = None, **more: object) -> Words:
    """What a sentence may name of a case and of the contact that gave it away."""
    attempt = case.boot_attempt or case.agent_attempt
    found: dict[str, object] = {
        "node": case.node.name if case.node is not None else "this machine",
        "silent": case.silent_for if case.life else "",
        "step": attempt.step_name if attempt is not None else "",
        "workflow": case.execution.workflow_name if case.execution is not None else "",
    }
    if contact is not None:
        found |= {
            "at": clock(contact.last_at),
            "file": contact.what,
            "message": contact.message or (f"status {contact.status}" if contact.status else "no reason given"),
            "count": contact.count,
            "sent": shown_size(contact.bytes or 0),
            "size": shown_size(contact.size) if contact.size is not None else "an unknown size",
        }
    return {**found, **more}


def newest(contacts: Iterable[Contact]) -> Contact | None:
    """What was heard last."""
    return max(contacts, key=lambda each: each.last_at, default=None)
