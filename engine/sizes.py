"""Sizes as people write them: `512MiB`, `20G`, `4.7GB`, or a number of bytes."""

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b|bytes)?", re.IGNORECASE)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}
LARGEST = 2**62


def parse_size(value: object) -> int:
    """Read a size; gives bytes. `GB` is 1000 to the third, `G` and `GiB` are 1024 to the third.

    Raises:
        ValueError: it is none; the text says what to write.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is no size; write 512MiB, 20G or a number of bytes")
    number, letter, binary = match.groups()
    base = 1000 if letter and not binary and value.strip().lower().endswith("b") else 1024  # type: ignore[attr-defined]
    size = int(float(number) * base ** _POWERS[letter.lower()]) if letter else int(float(number))
    if size > LARGEST:
        raise ValueError(f"{value!r} is more than there can be")
    return size


def shown_size(size: int) -> str:
    """A number of bytes for people: `4.7 GB`, in powers of 1000 as disks and downloads have it."""
    if size < 1000:
        return f"{size} byte{'' if size == 1 else 's'}"
    value = size / 1000
    for unit in ("kB", "MB", "GB"):
        if value < 999.95:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
