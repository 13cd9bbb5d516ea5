"""How long something that runs will go on, in words: from how long earlier runs took. Pure."""

from console.view.labels import Cell, Role, cell
from engine.core.estimates import Eta

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def short(eta: Eta | None) -> str:
    """For a column: `~12m`, `~3h`; `late` where it takes longer than ever before; empty where nobody can tell."""
    if eta is None:
        return ""
    return "late" if eta.is_late else f"~{_rounded(eta.seconds, ('s', 'm', 'h', 'd'))}"


def long(eta: Eta | None) -> str:
    """For a line: `about 12 min left`."""
    if eta is None:
        return ""
    if eta.is_late:
        return "takes longer than ever before"
    if eta.seconds < _MINUTE / 2:
        return "nearly done"
    return f"about {_rounded(eta.seconds, (' s', ' min', ' h', ' days'))} left"


def _rounded(seconds: float, units: tuple[str, str, str, str]) -> str:
    """About so long, in the largest unit of which there are at least one and a half."""
    for size, unit in ((_DAY, units[3]), (_HOUR, units[2]), (_MINUTE, units[1])):
        if seconds >= 1.5 * size:
            return f"{round(seconds / size)}{unit}"
    return f"{max(5, round(seconds / 5) * 5)}{units[0]}" if seconds < _MINUTE else f"1{units[1]}"


def eta_cell(eta: Eta | None) -> Cell:
    """A cell of the list."""
    return cell(short(eta), Role.WARN if eta is not None and eta.is_late else Role.MUTED)
