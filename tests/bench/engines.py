"""The benches of whole engines: workflows of 5 steps that do nothing but are durable, ours beside others'."""

import functools
from collections.abc import Iterator, Sequence

from tests.bench.rounds import OURS, Results, Tell, figure, others, rounds
from tests.bench.sizes import Sizes
from tests.bench.slow_disk import slow_disk
from tests.bench.stores import NO_POSTGRES, postgres_place, server, sqlite_place
from tests.bench.subject import Contender, started
from tests.bench.table import Aim, Figure, Row, beside

DBOS = Contender(name="DBOS, as shipped", module="tests.bench.peer_dbos", needs="dbos")
DBOS_WAL = Contender(name="DBOS, WAL", module="tests.bench.peer_dbos", options=("--wal",), needs="dbos")
DBOS_POSTGRES = Contender(name="DBOS, PostgreSQL", module="tests.bench.peer_dbos", needs="dbos")
HUEY = Contender(name="Huey", module="tests.bench.peer_huey", needs="huey")
GROUP = Contender(name="floor: group commit, no engine", module="tests.bench.floor", options=("--commit", "group"))
EACH = Contender(name="floor: commit a transition", module="tests.bench.floor", options=("--commit", "each"))

PEERS = (DBOS, DBOS_WAL, HUEY, EACH, GROUP)
_CPU = "processor ms a workflow"
_RATE, _LATE, _MEMORY = "workflows/s, all at once", "p99 ms, closed loop", "peak memory MiB (PSS)"


def throughput(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """All at once and a closed loop, on SQLite; with processor time and memory."""
    fast, slow = _work(sizes.workflows, sizes), _work(sizes.workflows, sizes, looped=sizes.looped_by_peers)
    who = [(OURS, fast), *((each, slow) for each in PEERS)]
    found = rounds(who, sqlite_place, sizes, tell)
    names = [each.name for each in PEERS]
    enough = [Aim(at_least=1000, times_at_least=10), Aim(times_at_least=10)]
    yield from _rows(found, f"{_RATE} ({sizes.workflows}), SQLite", "rate", names, enough)
    yield from _rows(found, f"{_LATE} ({sizes.clients} clients), SQLite", "p99", names, [Aim(at_most=60)])
    yield from _rows(found, f"{_CPU}, SQLite", "cpu_ms", names, [])
    yield from _rows(found, _MEMORY, "peak_mib", names[:3], [Aim(at_most=80)])


def postgres(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """All at once and a closed loop, on PostgreSQL."""
    name = f"{_RATE} ({sizes.workflows}), PostgreSQL"
    with server() as url:
        if url is None:
            yield Row(name=name, ours=NO_POSTGRES)
            return
        slow = _work(sizes.workflows, sizes, looped=sizes.looped_by_peers)
        who = [(OURS, _work(sizes.workflows, sizes)), (DBOS_POSTGRES, slow)]
        found = rounds(who, functools.partial(postgres_place, url), sizes, tell)
    names = [DBOS_POSTGRES.name]
    yield from _rows(found, name, "rate", names, [Aim(at_least=1000, times_at_least=10)])
    yield from _rows(found, f"{_LATE} ({sizes.clients} clients), PostgreSQL", "p99", names, [Aim(at_most=60)])
    yield from _rows(found, f"{_CPU}, PostgreSQL, without the server's", "cpu_ms", names, [])
    yield from _rows(found, f"{_MEMORY}, PostgreSQL", "peak_mib", names, [Aim(at_most=80)])


def flush(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """All at once with 2 ms more for each flush, on both databases."""
    with slow_disk() as env:
        if env is None:
            yield Row(name=f"{_RATE}, 2 ms a flush", ours="no C compiler (cc) to build the shim with")
            return
        yield from _flush_sqlite(sizes, tell, env)
        if sizes.everywhere:
            yield from _flush_postgres(sizes, tell, env)


def _flush_sqlite(sizes: Sizes, tell: Tell, env: dict[str, str]) -> Iterator[Row]:
    ours, some = _work(sizes.workflows, sizes), _work(sizes.slow_workflows, sizes)
    slow = _work(sizes.slow_peers, sizes)
    who = [(OURS, ours), (DBOS, slow), (DBOS_WAL, slow), (HUEY, slow), (EACH, some), (GROUP, ours)]
    found = rounds(who, sqlite_place, sizes, tell, env)
    names = [each.name for each, _ in who[1:]]
    aims = [Aim(at_least=700, times_at_least=10), Aim(times_at_least=10)]
    yield from _rows(found, f"{_RATE}, SQLite, 2 ms a flush", "rate", names, aims)


def _flush_postgres(sizes: Sizes, tell: Tell, env: dict[str, str]) -> Iterator[Row]:
    name = f"{_RATE}, PostgreSQL, 2 ms a flush"
    with server(env) as url:
        if url is None:
            yield Row(name=name, ours=NO_POSTGRES)
            return
        who = [(OURS, _work(sizes.workflows, sizes)), (DBOS_POSTGRES, _work(sizes.slow_workflows, sizes))]
        found = rounds(who, functools.partial(postgres_place, url), sizes, tell)
    yield from _rows(found, name, "rate", [DBOS_POSTGRES.name], [Aim(at_least=700)])


def cold(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """From the start of the process in an empty folder to the end of the first workflow."""
    contenders = (OURS, DBOS, DBOS_WAL, HUEY)
    taking_part = [each for each in contenders if each.missing(sizes) is None]
    for contender in taking_part:
        _cold(contender)  # not counted: it may have to write its bytecode
    seconds: dict[str, list[float]] = {each.name: [] for each in taking_part}
    for number in range(sizes.rounds):
        for contender in taking_part:
            tell(f"round {number + 1}: cold start, {contender.name}")
            seconds[contender.name].append(_cold(contender))
    found = {each.name: each.missing(sizes) or Figure(tuple(seconds[each.name])) for each in contenders}
    peers = [(each.name, found[each.name]) for each in contenders[1:]]
    yield from beside("cold start s", found[OURS.name], peers, [Aim(at_most=0.5)])


def _cold(contender: Contender) -> float:
    with sqlite_place() as at:
        arguments = ("cold", "--url", at.url, "--folder", at.folder, *contender.options)
        with started(contender.module, *arguments) as subject:
            subject.line()
            return subject.seconds


def loop(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """The longest turn of our event loop under the first load."""
    found = rounds([(OURS, ("turns", "--workflows", sizes.workflows))], sqlite_place, sizes, tell)
    name = f"longest turn of the event loop ms ({sizes.workflows} at once)"
    yield Row(name=name, ours=figure(found, OURS.name, "longest_ms"), aim=Aim(at_most=10))


def _work(workflows: int, sizes: Sizes, *, looped: int | None = None) -> tuple[object, ...]:
    """What a contender is told: so many at once, then so many by some clients, as many if nothing else is said."""
    return "work", "--workflows", workflows, "--looped", looped or workflows, "--clients", sizes.clients


def _rows(found: Results, name: str, key: str, names: Sequence[str], aims: Sequence[Aim]) -> list[Row]:
    return beside(name, figure(found, OURS.name, key), list(others(found, key, *names)), aims)
