"""pykickstart's parser, made to go on after an error and to read nothing but the text it is given."""

from typing import Any

from pykickstart.parser import KickstartParser, PutBackIterator


class _Counted(PutBackIterator):  # type: ignore[misc]
    """The lines, counted."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines)
        self.count = 0

    def next(self) -> str:
        """The next line."""
        line = str(super().next())
        self.count += 1
        return line

    def put(self, s: str) -> None:
        """Give a line back."""
        self.count -= 1
        super().put(s)


class Reader(KickstartParser):  # type: ignore[misc]
    """Collects what is wrong in `found`, each with the line that was reached."""

    def __init__(self, handler: Any) -> None:
        super().__init__(handler, followIncludes=False)
        self.found: list[tuple[Exception, int]] = []
        self._lines = _Counted([])

    @property
    def reached(self) -> int:
        """The line that was read last."""
        return self._lines.count

    def readKickstartFromString(self, s: str, reset: bool = True) -> None:  # noqa: N802 - pykickstart's name
        """Read a text."""
        self._reset()
        # Not by splitlines, as pykickstart does: that takes form feeds and the like for ends of lines.
        self._lines = _Counted([*(f"{line}\n" for line in s.split("\n")), ""])
        self._stateMachine(self._lines)

    def readKickstart(self, f: str, reset: bool = True) -> None:  # noqa: N802
        """Refuse to read a file."""
        raise AssertionError("a check reads no file")

    def _handleInclude(self, f: str) -> None:  # noqa: N802
        return

    def _tryFunc(self, fn: Any) -> None:  # noqa: N802
        try:
            fn()
        except Exception as wrong:
            self.found.append((wrong, self.reached))
