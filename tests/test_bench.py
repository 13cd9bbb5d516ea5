"""The benches themselves, at a size at which one sees only that they work: how fast we are is not asked here."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tests.bench.__main__ import BENCHES, measured
from tests.bench.sizes import TINY
from tests.bench.table import Aim, Figure, Row, printed

_AT_ONCE = 4  # each starts processes and waits for them


def test_every_bench_finds_a_figure_of_ours_in_each_of_its_rows() -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(BENCHES, pool.map(lambda name: measured(name, TINY, lambda _: None), BENCHES), strict=True))
    assert [name for name, rows in found.items() if not rows] == []
    rows = [row for each in found.values() for row in each]
    assert [row for row in rows if isinstance(row.ours, str) and row.ours and "not installed" not in row.ours] == []
    assert json.loads(json.dumps([row.data() for row in rows]))


def test_a_row_compares_and_judges() -> None:
    row = Row(
        name="workflows/s",
        ours=Figure((900.0, 1200.0, 1100.0)),
        peer="peer",
        other=Figure((100.0,)),
        aim=Aim(at_least=1000, times_at_least=10),
    )
    assert row.cells() == ("workflows/s", "1,100 (900–1,200)", "peer: 100", "11x", "≥ 1,000, ≥ 10x met")
    assert printed([row]).splitlines()[1].startswith("workflows/s | 1,100")


def test_a_miss_is_said() -> None:
    row = Row(name="p99", ours=Figure((70.0,)), peer="peer", other="not installed", aim=Aim(at_most=60))
    assert row.cells() == ("p99", "70", "peer: not installed", "", "≤ 60 MISSED")


def test_a_bench_that_fails_says_so_and_does_not_stop_the_others() -> None:
    [row] = measured("mixed", replace(TINY, waiting=0), lambda _: None)
    assert str(row.ours).startswith("failed: ")
