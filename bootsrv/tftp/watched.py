"""The TFTP server as whoever looks at the traffic sees it."""

from collections.abc import Iterator
from datetime import datetime

from bootsrv.tftp.server import LiveTransfer, TftpServer, TransferReport
from engine.core.traffic import Carrier, Ending, Transfer, mean_rate


class WatchedTftp:
    """Its transfers under way."""

    def __init__(self, server: TftpServer) -> None:
        self._server = server

    def transfers(self) -> Iterator[Transfer]:
        """The transfers under way, oldest first."""
        return map(of_live, self._server.transfers)

    def sent(self) -> int:
        """How many bytes of them were acknowledged, together."""
        return self._server.sent


def of_live(live: LiveTransfer) -> Transfer:
    """One under way."""
    return _transfer(live)


def of_report(report: TransferReport, mac: str | None) -> Transfer:
    """One that has ended, of the machine with a MAC address if that is known."""
    return _transfer(report, mac, report.finished_at, Ending(report.outcome), report.message)


def _transfer(
    live: LiveTransfer,
    mac: str | None = None,
    ended_at: datetime | None = None,
    outcome: Ending | None = None,
    message: str = "",
) -> Transfer:
    rate = 0.0 if ended_at is None else mean_rate(live.sent, (ended_at - live.started_at).total_seconds())
    return Transfer(
        id=f"tftp-{live.peer}-{live.port}-{live.started_at.timestamp():.6f}",
        kind=Carrier.TFTP,
        address=live.peer,
        port=live.port,
        path=live.name,
        size=live.size,
        sent=live.sent,
        rate=rate,
        started_at=live.started_at,
        ended_at=ended_at,
        outcome=outcome,
        message=message,
        mac_address=mac,
    )
