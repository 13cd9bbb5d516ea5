"""What the TFTP door knows of a machine, as a line of its boot trace."""

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
