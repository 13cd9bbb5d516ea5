"""Ids: what they look like, in what order they come, and by what people tell them."""

import os
import time
import uuid
from collections.abc import Callable

import pytest

from engine.clock import counted_id, growing_id, new_id


@pytest.mark.parametrize(("make", "version"), [(new_id, 4), (growing_id, 7), (counted_id, 8)])
def test_an_id_is_a_uuid_that_nobody_else_has(make: Callable[[], str], version: int) -> None:
    made = [make() for _ in range(1000)]  # more than random bytes are asked for at once
    assert len(set(made)) == 1000
    for each in made:
        read = uuid.UUID(each)
        assert (str(read), read.version, read.variant) == (each, version, uuid.RFC_4122)


def test_counted_ids_grow_and_differ_in_their_first_eight_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [counted_id() for _ in range(1000)]
    assert made == sorted(made)
    assert len({each[:8] for each in made}) == 1000
    later = time.time() + 86_400
    monkeypatch.setattr("engine.clock.time.time", lambda: later)
    assert int(counted_id()[:8], 16) == int(later * 16) & 0xFFFFFFFF  # the time has caught up with what ran ahead


def test_a_process_that_was_forked_makes_ids_of_its_own() -> None:
    new_id()  # some random bytes are kept now
    end, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(into, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(into)
    with os.fdopen(end) as told:
        assert told.read() != new_id()
