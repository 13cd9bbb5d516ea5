"""/api/v1/dead-letters."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from bootsrv.http.answers import listed, ok
from bootsrv.http.bodies import Body, Line, Prose
from bootsrv.http.call import Call
from bootsrv.http.queries import one_of, text, truth_word
from engine.core.dead_letters import LetterKind, Resolution
from engine.core.page import MAX_LIMIT

FILTERS = {
    "kind": one_of(LetterKind),
    "resolution": one_of(Resolution),
    "resolved": truth_word,
    **dict.fromkeys(("execution_id", "trigger_id", "node_id", "step_key"), text),
}
DISCARD_QUERY = {"reason": text}


class Many(Body):
    """The letters to replay."""

    ids: Annotated[list[Line], Field(min_length=1, max_length=MAX_LIMIT)]


class Discard(Body):
    """Why nothing is to be done."""

    reason: Prose | None = None


async def list_(call: Call) -> web.Response:
    """A page of the letters, newest first; only open ones unless `resolved` is given."""
    found, total = await call.pureboot.dead_letters.find(call.page())
    return listed(found, total)


async def get(call: Call) -> web.Response:
    """A letter."""
    return ok(await call.pureboot.dead_letters.get(call.part("id")))


async def replay(call: Call) -> web.Response:
    """A letter whose execution goes on."""
    letter = await call.pureboot.dead_letters.replay(call.part("id"), by=call.by)
    return ok(letter, f"execution {letter.execution_id} goes on")


async def replay_many(call: Call) -> web.Response:
    """What became of each of several letters."""
    wanted = await call.body(Many)
    done = await call.pureboot.dead_letters.replay_many(wanted.ids, by=call.by)
    failed = sum(each.error is not None for each in done)
    return listed(done, len(done), f"{len(done) - failed} go on, {failed} cannot")


async def discard(call: Call) -> web.Response:
    """A letter that is resolved without trying again; the reason stands in the body or in the query."""
    why = await call.body(Discard)
    reason = why.reason or call.query().get("reason") or ""
    letter = await call.pureboot.dead_letters.discard(call.part("id"), by=call.by, reason=reason)
    return ok(letter, f"dead letter {letter.id} is discarded")
