"""What a person can do with dead letters: look, replay one or many, discard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.core.dead_letters import DeadLetter, LetterKind, Resolution
from engine.core.page import EVERYTHING, Page
from engine.errors import Conflict, Invalid, Problem, PureBootError
from engine.services.context import Context
from engine.services.control import Control
from engine.services.letters import resolve
from engine.services.starts import Start, start
from engine.store import dead_letters as store
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of one letter of many: the execution that goes on or was started, or why there is none."""

    id: str
    execution_id: str | None = None
    error: str | None = None


class DeadLetters:
    """Dead letters. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._control = Control(context)

    async def find(self, page: Page) -> tuple[list[DeadLetter], int]:
        """A page of the letters, newest first; only open ones unless the filter `resolved` has `true`, or both.

        Further filters: `kind`, `execution_id`, `trigger_id`, `node_id`, `step_key`, `resolution`.
        """
        return await self._context.database.read(lambda tx: store.find(tx, page))

    async def get(self, letter_id: str) -> DeadLetter:
        """The letter with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._context.database.read(lambda tx: store.get(tx, letter_id))

    async def count_open(self) -> int:
        """How many letters wait for a person."""
        return await self._context.database.read(store.count_open)

    async def replay(self, letter_id: str, *, by: str) -> DeadLetter:
        """Try again: an execution goes on from what failed, a start is asked for anew. That resolves the letter.

        Raises:
            NotFound: there is no such letter, or what it is about is gone.
            Conflict: it is resolved already, or what it is about cannot go on now.
            Invalid: the start does not fit the workflow as it is now.
        """
        return await self._context.database.write(lambda tx: self._replay(tx, letter_id, by))

    def _replay(self, tx: Tx, letter_id: str, by: str) -> DeadLetter:
        letter = _open(tx, letter_id, "replay")
        if letter.kind is LetterKind.EXECUTION:
            execution = self._control.retry_in(tx, str(letter.execution_id), by=by)
        else:
            execution = start(self._context, tx, _wanted(letter), by=by)
        now = store.get(tx, letter_id)  # an execution that goes on settles its letters itself
        if not now.is_open:
            return now
        at = self._context.now()
        return resolve(tx, letter, Resolution.REPLAYED, at=at, by=by, execution_id=execution.id)

    async def replay_many(
        self, ids: Sequence[str] = (), *, by: str, filters: Mapping[str, Sequence[str]] | None = None
    ) -> list[Replayed]:
        """Replay several letters: those named, or all open ones that a filter finds (an empty one finds all), oldest
        first. Each has a transaction and an answer of its own: one that cannot go on does not stand in the way.
        """
        if filters is not None:
            page = replace(
                EVERYTHING,
                sort="created_at,id",
                filters={name: tuple(values) for name, values in filters.items() if name != "resolved"},
            )
            found, _ = await self.find(page)
            ids = [*ids, *(letter.id for letter in found)]
        return [await self._try(letter_id, by) for letter_id in dict.fromkeys(ids)]

    async def _try(self, letter_id: str, by: str) -> Replayed:
        try:
            letter = await self.replay(letter_id, by=by)
        except PureBootError as error:
            return Replayed(id=letter_id, error=error.message)
        return Replayed(id=letter_id, execution_id=letter.execution_id)

    async def discard(self, letter_id: str, *, by: str, reason: str) -> DeadLetter:
        """Resolve a letter without trying again.

        Raises:
            NotFound: there is no such letter.
            Conflict: it is resolved already.
            Invalid: no reason is given.
        """
        if not reason.strip():
            raise Invalid([Problem(path="reason", message="is missing: say why nothing is to be done")])

        def work(tx: Tx) -> DeadLetter:
            letter = _open(tx, letter_id, "discard")
            at = self._context.now()
            return resolve(tx, letter, Resolution.DISCARDED, at=at, by=by, comment=reason)

        return await self._context.database.write(work)


def _open(tx: Tx, letter_id: str, what: str) -> DeadLetter:
    letter = store.get(tx, letter_id)
    if letter.resolved_at is not None:
        raise Conflict(
            f"dead letter {letter.id} was {letter.resolution} by {letter.resolved_by} "
            f"at {letter.resolved_at:%Y-%m-%d %H:%M:%S} UTC: there is nothing to {what}"
        )
    return letter


def _wanted(letter: DeadLetter) -> Start:
    payload = letter.payload
    return Start(
        workflow=str(payload["workflow"]),
        node=payload.get("node"),
        params=payload.get("params") or {},
        trigger=str(payload.get("trigger") or "manual"),
        request_id=payload.get("request_id"),
        draft=bool(payload.get("draft")),
    )
