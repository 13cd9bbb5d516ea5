"""What the benches yield: rows, each a figure of ours beside that of a peer or of a limit, and the table they make."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """What some rounds measured."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.rounds)

    def __str__(self) -> str:
        least, most = min(self.rounds), max(self.rounds)
        spread = f" ({_short(least)}–{_short(most)})" if len(self.rounds) > 1 else ""
        return f"{_short(self.median)}{spread}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a figure of ours shall be, alone or as a multiple of the other's."""

    at_least: float | None = None
    at_most: float | None = None
    times_at_least: float | None = None
    times_at_most: float | None = None

    def __str__(self) -> str:
        bounds = (("≥ ", self.at_least, ""), ("≤ ", self.at_most, ""))
        times = (("≥ ", self.times_at_least, "x"), ("≤ ", self.times_at_most, "x"))
        return ", ".join(f"{sign}{_short(value)}{unit}" for sign, value, unit in bounds + times if value is not None)

    def is_met(self, ours: float, ratio: float | None) -> bool:
        """Whether the figures are what they shall be; a comparison with nothing is not judged."""
        return _within(ours, self.at_least, self.at_most) and (
            ratio is None or _within(ratio, self.times_at_least, self.times_at_most)
        )


NO_AIM = Aim()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line. `other` is the peer's or the limit's figure, or says why there is none."""

    name: str
    ours: Figure | str
    peer: str = ""
    other: Figure | str = ""
    aim: Aim = NO_AIM

    @property
    def ratio(self) -> float | None:
        """How many times the other's figure ours is."""
        if isinstance(self.ours, Figure) and isinstance(self.other, Figure) and self.other.median:
            return self.ours.median / self.other.median
        return None

    @property
    def verdict(self) -> str:
        """The aim, and whether it is met."""
        if not str(self.aim) or not isinstance(self.ours, Figure):
            return str(self.aim)
        return f"{self.aim} {'met' if self.aim.is_met(self.ours.median, self.ratio) else 'MISSED'}"

    def cells(self) -> tuple[str, ...]:
        """What stands in the line."""
        ratio = "" if self.ratio is None else f"{_short(self.ratio)}x"
        beside = ": ".join(part for part in (self.peer, str(self.other)) if part)
        return self.name, str(self.ours), beside, ratio, self.verdict

    def data(self) -> dict[str, Any]:
        """The row for a machine."""
        return {
            "name": self.name,
            "ours": _plain(self.ours),
            "peer": self.peer,
            "other": _plain(self.other),
            "ratio": self.ratio,
            "aim": str(self.aim),
        }


HEADS = ("name", "ours", "peer or limit", "ratio", "aim")


def printed(rows: Iterable[Row]) -> str:
    """The table as text."""
    lines = [HEADS, *(row.cells() for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADS))]
    return "\n".join(" | ".join(_padded(line, widths)).rstrip() for line in lines)


def beside(
    name: str, ours: Figure | str, others: Sequence[tuple[str, Figure | str]], aims: Sequence[Aim] = ()
) -> list[Row]:
    """A row for each other; the first aim is for the first of them, and so on."""
    padded = [*aims, *[NO_AIM] * len(others)]
    return [
        Row(name=name, ours=ours, peer=peer, other=other, aim=aim)
        for (peer, other), aim in zip(others, padded, strict=False)
    ]


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [text.ljust(width) for text, width in zip(line, widths, strict=True)]


def _within(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _plain(value: Figure | str) -> Any:
    return list(value.rounds) if isinstance(value, Figure) else value


def _short(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
