"""Stories about the boot traffic: files that go out, whose they are, how they end; the picture beside."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from textual.pilot import Pilot

from console.app import PureBootApp
from console.screens.node import NodeScreen
from console.screens.trace import TraceScreen
from console.screens.traffic import TrafficScreen
from engine.core.traffic import Carrier, Ending, Transfer
from tests.console.conftest import Opened, Set, Setter, Stage, screen_text
from tests.console.test_trace import heard

MIB = 1024 * 1024


@dataclass
class Door:
    """A door of which the test says what goes through it."""

    under_way: list[Transfer] = field(default_factory=list)

    def transfers(self) -> Iterator[Transfer]:
        return iter(self.under_way)

    def sent(self) -> int:
        return sum(each.sent for each in self.under_way)


def transfer(
    app: PureBootApp, number: int, name: str, path: str, size: int | None, sent: int, **more: object
) -> Transfer:
    """A file for a node that began two seconds ago."""
    known = {node.name: node.mac_address for node in app.model.nodes.values()}
    kind = Carrier.HTTP if path.startswith("/") else Carrier.TFTP
    made = Transfer(
        id=f"t{number}",
        kind=kind,
        address=f"10.0.4.{number}",
        path=path,
        size=size,
        sent=sent,
        started_at=app.now() - timedelta(seconds=2),
        mac_address=known.get(name),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def screen(at: Stage) -> TrafficScreen:
    shown = at.app.screen
    assert isinstance(shown, TrafficScreen)
    return shown


async def test_files_are_seen_on_their_way_and_lead_to_their_machines(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("6")
        await at.sees("Another PureBoot serves", "its traffic is on its own screen")
        traffic, tftp, http = at.pureboot.traffic, Door(), Door()
        traffic.serve(Carrier.TFTP, tftp)
        traffic.serve(Carrier.HTTP, http)
        await at.sees("Nothing goes through the boot doors", "TFTP", "HTTP", "idle", "0 bytes in all")

        http.under_way = [transfer(at.app, 1, "r4-06", "/files/debian-12/initrd.gz", 8 * MIB, 2 * MIB)]
        tftp.under_way = [transfer(at.app, 2, "", "ipxe.efi", None, 0)]
        traffic.sample()
        await at.sees("1 file", "25%", "1.0 MB/s", "6s", "2.1 MB in all")
        assert "r4-06" in at.line_with("initrd.gz")
        assert "━━──────  25%" in at.line_with("initrd.gz")
        assert "10.0.4.2" in at.line_with("ipxe.efi")
        assert "opening" in at.line_with("ipxe.efi")
        assert all(len(line) <= 80 for line in at.lines)

        painted = screen(at).table.lines_painted
        for _ in range(3):
            screen(at)._look()
            await at.pilot.pause()
        assert screen(at).table.lines_painted == painted, "what looks as before is not painted"

        http.under_way = []
        sent = {"outcome": Ending.DONE, "ended_at": at.clock.now()}
        broken = {"outcome": Ending.FAILED, "message": "no answer to block 3", "ended_at": at.clock.now()}
        traffic.ended(transfer(at.app, 1, "r4-06", "/files/debian-12/initrd.gz", 8 * MIB, 8 * MIB, **sent))
        traffic.ended(transfer(at.app, 3, "r4-07", "undionly.kpxe", 70_000, 1024, **broken))
        await at.sees("! broken off", "sent", "8.4 MB")
        await at.press("slash", *"state:failed", "enter")
        await at.sees("undionly.kpxe to 10.0.4.3", "no answer to block 3", "1.0 kB of")
        await at.sees_not("initrd.gz")
        await at.press("enter")
        await at.until(lambda: isinstance(at.app.screen, NodeScreen))
        await at.sees("r4-07")
        await at.press("escape", "escape", "home")
        heard(at, "r4-07", "ipxe.efi", "tftp")
        await at.press("enter")
        await at.says("10.0.4.2 is no node that is known here")
        await at.press("j", "t")
        await at.until(lambda: isinstance(at.app.screen, TraceScreen))
        await at.press("escape", "s", "s", "s")
        await at.sees("RATE▾")


def showing(set_: Set) -> Callable[["Pilot[None]"], object]:
    async def run(pilot: "Pilot[None]") -> None:
        app = set_.app
        while not app.is_open:
            await pilot.pause(0.02)
        tftp, http, traffic = Door(), Door(), app.pureboot.traffic
        traffic.serve(Carrier.TFTP, tftp)
        traffic.serve(Carrier.HTTP, http)
        for second in range(40):
            http.under_way = [transfer(app, 9, "r4-06", "/files/x", 10**9, second * (second % 7) * 1000)]
            tftp.under_way = [transfer(app, 8, "", "x", 10**6, second * 5000)]
            traffic.sample()
        http.under_way = [
            transfer(app, 1, "r4-06", "/files/debian-12/initrd.gz", 41 * MIB, 13 * MIB),
            transfer(app, 2, "r5-02", "/files/memtest.img", 2 * MIB, 2 * MIB - 4096),
        ]
        tftp.under_way = [transfer(app, 3, "", "ipxe.efi", 1_050_000, 402_000)]
        ended = {"outcome": Ending.DONE, "ended_at": app.now(), "rate": 9.2e6}
        traffic.ended(transfer(app, 4, "r4-05", "/files/debian-12/linux", 8 * MIB, 8 * MIB, **ended))
        failed = {**ended, "outcome": Ending.FAILED, "message": "no answer to block 12 after 6 repeats", "rate": 0.0}
        traffic.ended(transfer(app, 5, "r4-07", "undionly.kpxe", 70_000, 17_616, **failed))
        traffic.ended(transfer(app, 6, "r4-04", "ipxe.efi", 1_050_000, 0, **{**ended, "outcome": Ending.PROBED}))
        await pilot.press("6")
        while "initrd.gz" not in screen_text(app):
            await pilot.pause(0.02)
        await pilot.pause()

    return run


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_picture(snap_compare: Callable[..., bool], console_on: Setter, size: tuple[int, int]) -> None:
    set_ = console_on("rack")
    assert snap_compare(set_.app, terminal_size=size, run_before=showing(set_))
