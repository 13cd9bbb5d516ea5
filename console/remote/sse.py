"""Server-sent events out of bytes as they come (HTML standard, section 9.2.6). Pure."""

from dataclasses import dataclass

from engine.errors import Unavailable

LONGEST = 32 * 1024 * 1024  # bytes of one event


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event, or a comment (`comment` is its text then)."""

    event: str = ""
    id: str = ""
    data: str = ""
    comment: str | None = None


class Parser:
    """Takes the pieces in which a stream comes."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._fields: dict[str, str] = {}

    def feed(self, piece: bytes) -> list[Told]:
        """What is whole now.

        Raises:
            Unavailable: one event is too large to be one.
        """
        self._rest += piece
        if b"\n" not in piece:
            self._check(len(self._rest))
            return []
        *lines, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest)
        return [told for line in lines if (told := self._line(line.decode("utf-8", "replace"))) is not None]

    def _line(self, line: str) -> Told | None:
        line = line.removesuffix("\r")
        if not line:
            fields, self._fields = self._fields, {}
            if "data" not in fields:
                return None
            return Told(event=fields.get("event", "message"), id=fields.get("id", ""), data=fields["data"])
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name:
            return Told(comment=value)
        if name == "data" and "data" in self._fields:
            value = f"{self._fields['data']}\n{value}"
        self._fields[name] = value
        self._check(len(value))
        return None

    def _check(self, size: int) -> None:
        if size > LONGEST:
            raise Unavailable(f"the other side sends an event of more than {LONGEST} bytes")
