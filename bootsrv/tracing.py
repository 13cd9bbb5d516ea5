"""What the doors of TFTP and DHCP know of a machine, as lines of its boot trace."""

from collections.abc import Mapping
from datetime import datetime

from bootsrv.tftp.server import TransferReport
from engine.core.boot_trace import Contact, ContactKind, Outcome

_OUTCOMES = {"done": Outcome.OK, "probed": Outcome.PROBED, "refused": Outcome.REFUSED, "failed": Outcome.FAILED}


def of_transfer(report: TransferReport) -> Contact:
    """A transfer that has ended, or a request that was refused."""
    return Contact(
        at=report.started_at,
        until=report.finished_at,
        kind=ContactKind.TFTP,
        what=report.name,
        outcome=_OUTCOMES.get(report.outcome, Outcome.FAILED),
        message=report.message,
        bytes=report.sent,
        size=report.size,
        seconds=round((report.finished_at - report.started_at).total_seconds(), 3),
        facts={"address": report.peer},
    )


def of_dhcp(kind: str, facts: Mapping[str, object], at: datetime) -> Contact:
    """What a machine asked the proxy, and what it was answered; or the answer of another boot server."""
    said = {
        "arch": facts.get("arch"),
        "vendor": facts.get("vendor_class"),
        "reason": facts.get("reason"),
        "server": facts.get("server"),
        "file": facts.get("file"),
    }
    is_answered = facts.get("answer") is not None or facts.get("reason") == "address" or kind == "dhcp.other_offer"
    return Contact(
        at=at,
        kind=ContactKind.DHCP,
        what=kind.removeprefix("dhcp."),
        outcome=Outcome.OK if is_answered else Outcome.IGNORED,
        message=str(facts.get("message") or facts.get("file") or ""),
        facts={name: str(value) for name, value in said.items() if value},
    )
