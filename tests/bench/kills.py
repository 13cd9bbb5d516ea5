"""`kill -9` in the middle, ours and DBOS: what is unfinished then, and what is stuck, lost or done twice in the end.

200 workflows run, each step of which appends a line to a file and takes 5 ms more. When 40 % of the lines are there the
process is killed; another is started on the same store and given time. Then every line that an accepted workflow owes
is looked for. Before the restart our store is asked which attempts it holds for ended and which ran: only those that
ran may have a second line, and we can name them.
"""

import asyncio
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial

from tests.bench.engines import DBOS, DBOS_POSTGRES
from tests.bench.rounds import OURS, Tell
from tests.bench.sizes import STEPS, Sizes
from tests.bench.stores import NO_POSTGRES, Place, postgres_place, server, sqlite_place
from tests.bench.subject import Contender, started
from tests.bench.table import Aim, Figure, Row
from tests.bench.workload import KEYS

_SHARE = 0.4
_PATIENCE = 90.0  # on PostgreSQL the lease of the killed host has to pass first

Step = tuple[str, str]
_ATTEMPTS = "SELECT execution_id, step_key, status FROM attempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one kill. `unfinished` and `stuck` count workflows, `lost` and `doubled` steps; `in_doubt` are the steps that
    our store says were under way, `broken` those that were done twice without being among them.
    """

    unfinished: int
    stuck: int
    lost: int
    doubled: int
    seconds: float
    in_doubt: int = 0
    broken: int = 0


def kill(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """`kill -9` in the middle, on SQLite and on PostgreSQL: what is unfinished, stuck, lost, done twice."""
    yield from _rows("SQLite", DBOS, sqlite_place, sizes, tell)
    if not sizes.everywhere:
        return
    with server() as url:
        if url is None:
            yield Row(name="after kill -9, PostgreSQL", ours=NO_POSTGRES)
        else:
            yield from _rows("PostgreSQL", DBOS_POSTGRES, partial(postgres_place, url), sizes, tell)


def _rows(
    store: str, peer: Contender, place: Callable[[], AbstractContextManager[Place]], sizes: Sizes, tell: Tell
) -> Iterator[Row]:
    ours: list[Outcome] = []
    theirs: list[Outcome] = []
    for number in range(sizes.rounds):
        for contender, outcomes in ((OURS, ours), (peer, theirs)):
            if contender.missing(sizes) is None:
                tell(f"round {number + 1}: kill -9 of {contender.name}")
                with place() as at:
                    outcomes.append(killed(contender, at, sizes.killed))
    none = Aim(at_most=0)
    for name, key, aim in (
        ("workflows unfinished at the kill", "unfinished", Aim()),
        ("workflows stuck for ever", "stuck", none),
        ("steps lost", "lost", none),
        ("steps done twice", "doubled", Aim()),
        ("steps done twice that were not in doubt", "broken", none),
        ("steps in doubt, each named", "in_doubt", Aim()),
        ("seconds to the end of all", "seconds", Aim()),
    ):
        known = key not in ("broken", "in_doubt")
        yield Row(
            name=f"kill -9, {store}: {name}",
            ours=_figure(ours, key),
            peer=peer.name,
            other=peer.missing(sizes) or (_figure(theirs, key) if known else "cannot tell"),
            aim=aim,
        )


def _figure(outcomes: list[Outcome], key: str) -> Figure:
    return Figure(tuple(float(getattr(each, key)) for each in outcomes))


def killed(contender: Contender, at: Place, workflows: int) -> Outcome:
    """Kill one in the middle of its work, start it again, and count."""
    path = at.folder / "lines"
    path.touch()
    arguments = ("--url", at.url, "--folder", at.folder, "--workflows", workflows, *contender.options)
    with started(contender.module, "kill", *arguments) as subject:
        deadline = time.perf_counter() + _PATIENCE
        while path.read_text().count("\n") < workflows * STEPS * _SHARE:
            if time.perf_counter() > deadline or not subject.lives:
                raise RuntimeError(f"{contender.name} does not work: {''.join(subject.complaints[-1:]).strip()}")
            time.sleep(0.002)
        subject.kill()
        accepted = {str(line["accepted"]) for line in subject.lines()}
    before = _lines(path.read_text())
    running, ended = _known(at) if contender is OURS else (set[Step](), set[Step]())
    with started(contender.module, "resume", *arguments, "--patience", _PATIENCE) as subject:
        seconds = float(subject.line(_PATIENCE * 2)["seconds"])
        subject.end()
    after = _lines(path.read_text())
    doubled = {step for step, times in after.items() if times > 1}
    owed = {(workflow, key) for workflow in accepted for key in KEYS}
    return Outcome(
        unfinished=sum(any((each, key) not in before for key in KEYS) for each in accepted),
        stuck=len({workflow for workflow, key in owed if (workflow, key) not in after}),
        lost=len(owed - after.keys()),
        doubled=len(doubled),
        seconds=seconds,
        in_doubt=len(running),
        broken=len((doubled - running) | (doubled & ended)) if contender is OURS else 0,
    )


def _lines(text: str) -> Counter[Step]:
    """How often each step left its line; a line that the kill cut short counts as what it begins."""
    return Counter((parts[0], parts[1]) for line in text.splitlines() if len(parts := line.split()) == 2)


def _known(at: Place) -> tuple[set[Step], set[Step]]:
    """The steps that our store holds for running, and those it holds for ended."""
    rows = _rows_of_sqlite(at) if at.url.startswith("sqlite") else asyncio.run(_rows_of_postgres(at))
    running = {(execution, step) for execution, step, status in rows if status == "running"}
    return running, {(execution, step) for execution, step, _ in rows} - running


def _rows_of_sqlite(at: Place) -> list[tuple[str, str, str]]:
    # a copy: to open the file itself would mend what the kill left, which is for the next process to do
    copy = at.folder / "copy"
    shutil.copytree(at.folder, copy)
    with closing(sqlite3.connect(copy / "store.db")) as connection:
        return [(str(a), str(b), str(c)) for a, b, c in connection.execute(_ATTEMPTS)]


async def _rows_of_postgres(at: Place) -> list[tuple[str, str, str]]:
    import asyncpg

    connection = await asyncpg.connect(at.url.replace("+asyncpg", ""))
    try:
        return [(str(a), str(b), str(c)) for a, b, c in await connection.fetch(_ATTEMPTS)]
    finally:
        await connection.close()
