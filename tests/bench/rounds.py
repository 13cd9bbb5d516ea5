"""Rounds: every contender once, then every one again, so that a machine that is busy for a while is so for all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from tests.bench.sizes import Sizes
from tests.bench.stores import Place
from tests.bench.subject import Contender, result_of
from tests.bench.table import Figure

Tell = Callable[[str], None]
Results = dict[str, "list[dict[str, float]] | str"]

OURS = Contender(name="PureBoot", module="tests.bench.ours_program")


def rounds(
    contenders: Sequence[tuple[Contender, Sequence[object]]],
    place: Callable[[], AbstractContextManager[Place]],
    sizes: Sizes,
    tell: Tell,
    env: Mapping[str, str] | None = None,
) -> Results:
    """What each contender finds in each round with its arguments, the first of which is the mode; or why it cannot."""
    found: Results = {each.name: each.missing(sizes) or [] for each, _ in contenders}
    for number in range(sizes.rounds):
        for contender, arguments in contenders:
            results = found[contender.name]
            if isinstance(results, str):
                continue
            tell(f"round {number + 1}: {contender.name}, {' '.join(map(str, arguments))}")
            with place() as at:
                results.append(_once(contender, arguments, at, env))
    return found


def _once(
    contender: Contender, arguments: Sequence[object], at: Place, env: Mapping[str, str] | None
) -> dict[str, float]:
    mode, *rest = arguments
    return result_of(contender.module, mode, "--url", at.url, "--folder", at.folder, *contender.options, *rest, env=env)


def figure(results: Results, name: str, key: str) -> Figure | str:
    """One contender's figure; why there is none, if there is none."""
    found = results[name]
    return found if isinstance(found, str) else Figure(tuple(each[key] for each in found))


def others(results: Results, key: str, *names: str) -> Iterator[tuple[str, Figure | str]]:
    """The figures of some contenders, with their names."""
    return ((name, figure(results, name, key)) for name in names)
