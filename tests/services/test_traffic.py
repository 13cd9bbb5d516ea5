"""How the traffic is added up: rates, totals, and what is remembered."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from engine.app import PureBoot
from engine.core.traffic import Carrier, Ending, Transfer
from engine.services.traffic import MOST_ENDED
from tests.clock import ManualClock
from tests.conftest import Opener


@dataclass
class Door:
    """A door of which the test says what goes through it."""

    under_way: list[Transfer] = field(default_factory=list)

    def transfers(self) -> Iterator[Transfer]:
        return iter(self.under_way)

    def sent(self) -> int:
        return sum(each.sent for each in self.under_way)


def transfer(clock: ManualClock, number: int, **values: object) -> Transfer:
    made = Transfer(
        id=f"t{number}", kind=Carrier.TFTP, address="192.0.2.1", path="linux", size=1000, started_at=clock.now()
    )
    return replace(made, **values)  # type: ignore[arg-type]


async def test_a_rate_is_that_of_lately_and_a_total_never_goes_back(
    sqlite_url: str, opener: Opener, clock: ManualClock
) -> None:
    door = Door()
    async with opener(sqlite_url, clock=clock, host=False) as pureboot:
        traffic = pureboot.traffic
        assert not traffic.look().is_served
        traffic.serve(Carrier.TFTP, door)
        door.under_way = [transfer(clock, 1, sent=0)]
        assert traffic.look().transfers[0].rate == 0
        for sent, rate, left in ((200, 200, 4.0), (300, 160, 4.4), (300, 96, 7.3)):
            clock.advance(1)
            door.under_way = [replace(door.under_way[0], sent=sent)]
            traffic.sample()
            [found] = traffic.look().transfers
            assert found.rate == pytest.approx(rate)
            assert found.left_seconds == left
        door.under_way = []  # it has ended, but nobody has been told yet
        traffic.sample()
        assert traffic.look().totals[Carrier.TFTP].bytes == 300
        traffic.ended(transfer(clock, 1, sent=400, outcome=Ending.DONE, ended_at=clock.now()))
        traffic.sample()
        total = traffic.look().totals[Carrier.TFTP]
        assert (total.bytes, total.series, total.ended) == (400, (80,), {Ending.DONE: 1})
        assert total.rate == 80
        traffic.withdraw(Carrier.TFTP, Door())
        assert traffic.is_served
        traffic.withdraw(Carrier.TFTP, door)
        assert not traffic.is_served


async def test_what_is_remembered_is_bounded_and_the_newest_comes_first(pureboot: PureBoot, clock: ManualClock) -> None:
    for number in range(MOST_ENDED + 5):
        pureboot.traffic.ended(transfer(clock, number, outcome=Ending.DONE, ended_at=clock.now()))
    found = pureboot.traffic.look().ended
    assert (len(found), found[0].id, found[-1].id) == (MOST_ENDED, f"t{MOST_ENDED + 4}", "t5")
