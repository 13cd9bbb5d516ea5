"""A transaction as the store's functions see it, and what it shares with the others of its batch."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, CursorResult, Executable

from engine.core.kept import Shelf

T = TypeVar("T")


class Deferred(Protocol):
    """Rows that wait until the units of a batch are all done, to be written by few statements."""

    def flush(self, connection: Connection) -> None:
        """Write them."""


D = TypeVar("D", bound=Deferred)


class Memory:
    """What the writer knows without asking the store: what it has read and written itself, by noun and key.

    It holds only while no other process writes; the writer sees to that. Whatever goes wrong in a batch empties it.
    """

    MOST = 20_000  # values of a noun

    def __init__(self) -> None:
        self._nouns: dict[str, dict[Any, Any]] = {}

    def of(self, noun: str) -> dict[Any, Any]:
        """The values of a noun by key; to be read and written."""
        values = self._nouns.get(noun)
        if values is None:
            values = self._nouns[noun] = {}
        elif len(values) > self.MOST:
            for key in list(values)[: self.MOST // 2]:  # the oldest
                del values[key]
        return values

    def has(self, noun: str, key: Any) -> bool:
        """Whether a value is known; may be asked from another thread."""
        return key in self._nouns.get(noun, ())

    def clear(self) -> None:
        """Forget everything."""
        self._nouns.clear()


class Marked:
    """What is known of something as long as its mark in the store stays the same, which whoever changes it changes too.

    Whoever asks reads the mark in its own transaction first: so what it is given is what it would read.
    """

    MOST = 5_000

    def __init__(self) -> None:
        self._mark: str | None = None
        self._values: dict[Any, Any] = {}

    def at(self, mark: str | None) -> dict[Any, Any]:
        """What is known at a mark, by key; to be read and written."""
        if mark != self._mark or len(self._values) > self.MOST:
            self._mark, self._values = mark, {}
        return self._values


class Batch:
    """What the units of one transaction share: the writer's memory, and the rows that are still to be written."""

    ORDER = ("nodes", "executions", "heard", "log", "events")  # later ones refer to earlier ones

    def __init__(self, connection: Connection, memory: Memory, shelf: Shelf[Any]) -> None:
        self.connection = connection
        self.memory = memory
        self.shelf = shelf
        self._deferred: dict[str, Any] = {}

    def deferred(self, noun: str, make: Callable[[], D]) -> D:
        """The rows of a noun that wait."""
        found: D | None = self._deferred.get(noun)
        if found is None:
            found = self._deferred[noun] = make()
        return found

    def waiting(self, noun: str) -> Any:
        """The rows of a noun that wait; None if there are none."""
        return self._deferred.get(noun)

    def flush(self) -> None:
        """Write all that waits."""
        if self._deferred:
            waiting, self._deferred = self._deferred, {}
            for noun in self.ORDER:
                if noun in waiting:
                    waiting[noun].flush(self.connection)


class Tx:
    """A transaction as the store's functions see it; it knows whether anything was written.

    One that writes shares its batch with others: `memory` saves questions, `defer` statements. `tell` leaves word for
    this process, which gets it once the transaction is durable.
    """

    __slots__ = ("_batch", "_connection", "library", "marked", "open_runs", "shelf", "told", "wrote")

    def __init__(
        self, connection: Connection, shelf: Shelf[Any], batch: Batch | None = None, marked: Marked | None = None
    ) -> None:
        self._connection = connection
        self._batch = batch
        self.shelf = shelf
        """What never changes in this store once it is there, by id: reads and writes of all threads share it."""
        self.marked = marked or Marked()
        """What reads of this process know of the library."""
        self.library: dict[Any, Any] | None = None
        """That part of it which is true in this transaction, once it was asked for."""
        self.wrote = False
        self.told: list[Any] = []
        self.open_runs: dict[str, Any] = {}
        """Executions that are being changed, by id: whoever needs one of them takes it from here."""

    def memory(self, noun: str) -> dict[Any, Any] | None:
        """What the writer knows of a noun, by key; None in a transaction that only reads."""
        return None if self._batch is None else self._batch.memory.of(noun)

    def defer(self, noun: str, make: Callable[[], D]) -> D:
        """The rows of a noun that are written when the batch ends, or when somebody asks for them."""
        if self._batch is None:
            raise TypeError("a transaction that only reads was asked to write")
        self.wrote = True
        return self._batch.deferred(noun, make)

    def waiting(self, noun: str) -> Any:
        """The rows of a noun that are still to be written; None if there are none."""
        return None if self._batch is None else self._batch.waiting(noun)

    def flush(self) -> None:
        """Write what was deferred: to be called before rows of such nouns are read or changed otherwise."""
        if self._batch is not None:
            self._batch.flush()

    def tell(self, notice: Any) -> None:
        """Leave word for this process."""
        self.told.append(notice)

    @property
    def connection(self) -> Connection:
        """The connection itself, for migrations; who writes through it says so by asking for it."""
        self.wrote = True
        return self._connection

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run one statement of SQLAlchemy Core."""
        if getattr(statement, "is_dml", False):
            self.wrote = True
        return self._connection.execute(statement, parameters)

    def rows(self, statement: Executable, parameters: Any = None) -> list[dict[str, Any]]:
        """All rows of a statement, by column."""
        result = self.execute(statement, parameters)
        names = [str(key) for key in result.keys()]  # noqa: SIM118 - it is no mapping
        return [dict(zip(names, row, strict=True)) for row in result]

    def row(self, statement: Executable, parameters: Any = None) -> dict[str, Any] | None:
        """The first row of a statement, by column."""
        found = self.execute(statement, parameters).mappings().first()
        return None if found is None else {str(key): value for key, value in found.items()}

    def number(self, statement: Executable) -> int:
        """The one number a statement yields."""
        return int(self.execute(statement).scalar_one())


Work = Callable[[Tx], T]
