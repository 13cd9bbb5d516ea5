"""Durations as people write them: `30s`, `10m`, `2h`, `1h30m`, `1d`, or a number of seconds."""

import re

_PARTS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_UNITS = (86400.0, 3600.0, 60.0, 1.0)
MAX_SECONDS = 366 * 86400.0


def parse_duration(value: object) -> float:
    """Read a duration; gives seconds.

    Raises:
        ValueError: it is none, it is negative, or it is longer than a year; the text says what to write.
    """
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value.strip()):
        value = float(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    seconds = float(value) if is_number else _sum(value)  # type: ignore[arg-type]
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"{value!r} is not between 0 seconds and a year")
    return seconds


def _sum(value: object) -> float:
    match = _PARTS.fullmatch(value.strip().lower()) if isinstance(value, str) and value.strip() else None
    if match is None or not any(match.groups()):
        raise ValueError(f"{value!r} is no duration; write 30s, 10m, 2h or a number of seconds")
    return sum(float(part) * unit for part, unit in zip(match.groups(), _UNITS, strict=True) if part)


def format_duration(seconds: float) -> str:
    """Write a duration so that `parse_duration` reads the same back: `90` is `1m30s`."""
    if seconds != int(seconds) or seconds == 0:
        return f"{seconds:g}s"
    parts = []
    rest = int(seconds)
    for unit, letter in zip((86400, 3600, 60, 1), "dhms", strict=True):
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts)
