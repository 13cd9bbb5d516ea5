"""A workflow's graph as lines of text, with what became of each step. Pure.

    [✓ Boot the installer]
              │
              ▾
      [▸ Partition ↑ Boot the installer]
          ╭───┴───────✗╌╌╮

A step stands in brackets behind the symbol of its state. Edges go down; where lines cross, the one that goes down is
drawn over the other, and where they meet they are joined. A failure's edge begins with the symbol of a failure and is
dashed, one with a condition has a question mark at its end (or at its beginning, where others end as well), and one
that leads back is told behind the step it leaves.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.view.graph_layout import Bundle, Layout, Link, layout
from console.view.labels import ATTEMPT_ROLES, Role, Symbols, safe
from console.view.pieces import Piece, cells, fit, joined
from console.view.waiting import is_asking
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus
from engine.core.workflows import Step, When, Workflow

MOST = 30
"""Cells of a step's name."""

_ASIDE = "no edge leads here, a rollback may:"
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
# By the sum of the sides that are joined.
_UNICODE = " │││─╯╮┤─╰╭├─┴┬┼"
_ASCII = " |||-+++-+++-+++"
_DASHED = {"│": "┆", "─": "╌", "|": ":", "-": "."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a step stands in a picture: line and column of its bracket, and its width."""

    line: int
    left: int
    width: int


@dataclass(slots=True)
class _Stroke:
    """What one bundle draws in a cell: which sides it joins, whether for a failure, and its role."""

    sides: int
    dashed: bool
    role: Role


class _Canvas:
    """Strokes and texts by line and column."""

    def __init__(self, glyphs: Sequence[str]) -> None:
        self._glyphs = glyphs
        self._strokes: dict[int, dict[int, dict[int, _Stroke]]] = {}
        self._texts: dict[int, dict[int, Piece]] = {}
        self._made: dict[int, tuple[Piece, ...]] = {}

    def stroke(self, line: int, column: int, owner: int, sides: int, look: tuple[bool, Role]) -> None:
        """Let a line join sides of a cell."""
        here = self._strokes.setdefault(line, {}).setdefault(column, {})
        mine = here.get(owner)
        if mine is None:
            here[owner] = _Stroke(sides, *look)
        else:
            mine.sides |= sides

    def down(self, column: int, first: int, last: int, owner: int, look: tuple[bool, Role]) -> None:
        """A line down through one line after the other."""
        for line in range(first, last + 1):
            self.stroke(line, column, owner, _UP | _DOWN, look)

    def write(self, line: int, column: int, text: str, role: Role) -> None:
        """A text, which covers what is under it."""
        self._texts.setdefault(line, {})[column] = Piece(text, role)

    def line(self, at: int, width: int) -> tuple[Piece, ...]:
        """One line in pieces."""
        if at not in self._made:
            self._made[at] = self._line(at, width)
        return self._made[at]

    def _line(self, at: int, width: int) -> tuple[Piece, ...]:
        texts, strokes = self._texts.get(at, {}), self._strokes.get(at, {})
        found: list[Piece] = []
        column = 0
        for place in sorted({*texts, *strokes}):
            if place < column:
                continue  # under a text
            if place > column:
                found.append(Piece(" " * (place - column), Role.MUTED))
            piece = texts.get(place) or _drawn(strokes[place], self._glyphs)
            found.append(piece)
            column = place + cells(piece.text)
        return tuple(joined([*found, Piece(" " * (width - column), Role.MUTED)]))


def _drawn(strokes: Mapping[int, _Stroke], glyphs: Sequence[str]) -> Piece:
    shown = list(strokes.values())
    across = [each for each in shown if each.sides == _LEFT | _RIGHT]
    upright = [each for each in shown if each.sides == _UP | _DOWN]
    if across and upright:
        shown = [each for each in shown if each not in across]
    sides = 0
    for each in shown:
        sides |= each.sides
    glyph = glyphs[sides]
    if all(each.dashed for each in shown):
        glyph = _DASHED.get(glyph, glyph)
    return Piece(glyph, max((each.role for each in shown), key=_STRENGTH.index))


_STRENGTH = (Role.MUTED, Role.WARN, Role.PLAIN, Role.BAD)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GraphPicture:
    """A drawing of so many lines and columns, and where the steps stand in it by key, in the order of the plan. A line
    is made when it is asked for. `signs` is all that may look otherwise while the workflow is the same.
    """

    workflow: Workflow
    height: int
    width: int
    places: Mapping[str, Place]
    layout: Layout
    signs: tuple[object, ...]
    canvas: "_Canvas"

    def line(self, at: int) -> tuple[Piece, ...]:
        """One line in pieces, as wide as the drawing."""
        return self.canvas.line(at, self.width)

    @property
    def lines(self) -> tuple[tuple[Piece, ...], ...]:
        """All of them."""
        return tuple(map(self.line, range(self.height)))


def draw_graph(
    workflow: Workflow, symbols: Symbols, execution: Execution | None = None, before: GraphPicture | None = None
) -> GraphPicture:
    """Draw a workflow version; with an execution of it, what became of the steps and which edges were taken.

    `before` is what was drawn last: the same workflow is not laid out anew for the same widths.
    """
    newest = _newest(execution)
    labels = {step.key: _label(step, workflow, newest.get(step.key), execution, symbols) for step in workflow.steps}
    graph = workflow.graph
    widths = {key: sum(cells(piece.text) for piece in labels[key]) for key in graph.order}
    signs = (*labels.values(), *((key, each.routes) for key, each in newest.items()))
    if before is not None and before.workflow is workflow and before.signs == signs:
        return before
    found = _known_layout(before, workflow, widths) or layout(workflow, widths)
    canvas = _Canvas(_ASCII if symbols.ellipsis.isascii() else _UNICODE)
    places: dict[str, Place] = {}
    taken = {(key, to) for key, each in newest.items() for to in each.routes or ()}
    gaps = _Gaps(canvas, found, symbols, None if execution is None else taken)
    line = 0
    for at, layer in enumerate(found.layers):
        for item in layer:
            if item not in found.passing:
                places[item] = Place(line=line, left=found.lefts[item], width=widths[item])
                _write(canvas, line, found.lefts[item], labels[item])
        line += 1 + gaps.draw(found.gaps[at] if at < len(found.gaps) else (), line)
    aside = [step for step in workflow.steps if step.key not in graph.index]
    line = _aside(canvas, aside, labels, line, places)
    ends = [place.left + place.width for place in places.values()]
    return GraphPicture(
        workflow=workflow,
        height=line,
        width=max([found.width, *ends, len(_ASIDE) if aside else 0]),
        places={key: places[key] for key in (*graph.order, *(step.key for step in aside))},
        layout=found,
        signs=signs,
        canvas=canvas,
    )


def _known_layout(before: GraphPicture | None, workflow: Workflow, widths: Mapping[str, int]) -> Layout | None:
    """The layout of what was drawn before, if it is one of the same."""
    if before is None or before.workflow is not workflow:
        return None
    is_fitting = all(before.layout.widths[key] == width for key, width in widths.items())
    return before.layout if is_fitting else None


def _guarded(found: Layout) -> frozenset[str]:
    """The steps to which all edges lead under a condition."""
    links = [link for gap in found.gaps for bundle in gap for link in bundle.links]
    return frozenset(link.to for link in links) - {link.to for link in links if not link.guarded}


def _newest(execution: Execution | None) -> dict[str, Attempt]:
    """The newest attempt of each step, but for those of a rollback where there are others."""
    if execution is None:
        return {}
    undone = {each.step_key: each for each in execution.attempts if each.undoes is not None}
    return undone | {each.step_key: each for each in execution.attempts if each.undoes is None}


def _label(
    step: Step, workflow: Workflow, attempt: Attempt | None, execution: Execution | None, symbols: Symbols
) -> tuple[Piece, ...]:
    """A step in brackets, with its state, the number of its attempt, and where it leads back to."""
    name = safe(step.name or step.key)
    name = fit(name, min(cells(name), MOST), symbols.ellipsis)
    again = ""
    if attempt is not None and attempt.undoes is None:
        again += f" x{attempt.visit}" if attempt.visit > 1 else ""
        again += f" {attempt.tries}/{step.retry.max_attempts}" if attempt.tries > 1 else ""
    back = [workflow.by_key[to] for to in workflow.graph.back.get(step.key, ())]
    up = "^" if symbols.ellipsis.isascii() else "↑"
    above = [safe(to.name or to.key) for to in back]
    leads = "".join(f" {up} {fit(name, min(cells(name), MOST // 2), symbols.ellipsis)}" for name in above)
    state, role = _state(attempt, execution, symbols)
    is_dim = execution is not None and (attempt is None or attempt.status is AttemptStatus.SKIPPED)
    return (
        Piece("[", Role.MUTED),
        *((Piece(f"{state} ", role),) if state else ()),
        Piece(name + again, Role.MUTED if is_dim else Role.BAD if role is Role.BAD else Role.PLAIN),
        *((Piece(leads, Role.ACCENT),) if leads else ()),
        Piece("]", Role.MUTED),
    )


def _state(attempt: Attempt | None, execution: Execution | None, symbols: Symbols) -> tuple[str, Role]:
    if execution is None:
        return "", Role.PLAIN
    if attempt is None:
        return symbols.execution[ExecutionStatus.PENDING], Role.MUTED
    if is_asking(attempt):
        return symbols.person, Role.WARN
    return symbols.attempt[attempt.status], ATTEMPT_ROLES[attempt.status]


def _write(canvas: _Canvas, line: int, left: int, pieces: tuple[Piece, ...]) -> None:
    for piece in pieces:
        canvas.write(line, left, piece.text, Role(piece.look))
        left += cells(piece.text)


def _aside(
    canvas: _Canvas, steps: list[Step], labels: Mapping[str, tuple[Piece, ...]], line: int, places: dict[str, Place]
) -> int:
    """The steps that no edge leads to stand below the others; returns the line after them."""
    if not steps:
        return line
    canvas.write(line + 1, 0, _ASIDE, Role.MUTED)
    line += 2
    for step in steps:
        width = sum(cells(piece.text) for piece in labels[step.key])
        places[step.key] = Place(line=line, left=2, width=width)
        _write(canvas, line, 2, labels[step.key])
        line += 1
    return line


class _Gaps:
    """What is drawn between the layers. `taken` are the edges that were taken, by their ends; None if nothing ran."""

    def __init__(
        self, canvas: _Canvas, found: Layout, symbols: Symbols, taken: Collection[tuple[str, str]] | None
    ) -> None:
        self._canvas = canvas
        self._layout = found
        self._failed = symbols.attempt[AttemptStatus.FAILED]
        self._head = "v" if symbols.ellipsis.isascii() else "▾"
        self._taken = taken
        self._guarded = _guarded(found)
        self._top = 0

    def draw(self, bundles: Sequence[Bundle], top: int) -> int:
        """Draw what lies below the layer in the line `top`; gives how many lines it takes."""
        if not bundles:
            return 0
        self._top = top
        tracks = max(each.track for each in bundles) + 1
        first = top + 1 + any(self._signs(each) for each in bundles)
        last = first + tracks  # the line of the arrow heads
        for owner, bundle in enumerate(bundles):
            look = self._fails(bundle), self._role(bundle.links)
            self._sideways(owner, bundle, first, look)
            for at, sign in self._signs(bundle):
                self._canvas.write(first - 1, bundle.start + at, sign, look[1])
            for link in bundle.links:
                self._arrive(owner, bundle, link, first, last)
        return last - top

    def _sideways(self, owner: int, bundle: Bundle, first: int, look: tuple[bool, Role]) -> None:
        begin = self._top if self._passes(bundle) else self._top + 1
        if bundle.track < 0:
            return
        row = first + bundle.track
        self._canvas.down(bundle.start, begin, row - 1, owner, look)
        left, right = bundle.span
        for column in range(left, right + 1):
            sides = (_LEFT if column > left else 0) | (_RIGHT if column < right else 0)
            self._canvas.stroke(row, column, owner, sides, look)
        self._canvas.stroke(row, bundle.start, owner, _UP, look)

    def _arrive(self, owner: int, bundle: Bundle, link: Link, first: int, last: int) -> None:
        column = bundle.ends[link.below]
        look = self._fails(bundle), self._role((link,))
        ends_here = link.below == link.to
        if bundle.track < 0:
            begin = self._top if self._passes(bundle) else self._top + 1
        else:
            begin = first + bundle.track + 1
            self._canvas.stroke(begin - 1, column, owner, _DOWN, look)
        self._canvas.down(column, begin, last if ends_here else last + 1, owner, look)
        if ends_here:
            self._canvas.write(last, column, self._head, look[1])
            if link.to in self._guarded:
                self._canvas.write(last, column + 1, "?", look[1])

    def _signs(self, bundle: Bundle) -> list[tuple[int, str]]:
        """What stands where a bundle leaves its step: that it is for a failure, or under a condition."""
        if self._passes(bundle):
            return []
        failed = [(0, self._failed)] if self._fails(bundle) else []
        guarded = any(link.guarded and link.to not in self._guarded for link in bundle.links)
        return [*failed, *([(1, "?")] if guarded else [])]

    def _passes(self, bundle: Bundle) -> bool:
        return bundle.links[0].above in self._layout.passing

    def _fails(self, bundle: Bundle) -> bool:
        return bundle.links[0].when is When.FAILURE

    def _role(self, links: tuple[Link, ...]) -> Role:
        failed = links[0].when is When.FAILURE
        if self._taken is None:
            return Role.WARN if failed else Role.PLAIN
        taken = any((link.of, link.to) in self._taken for link in links)
        return (Role.BAD if failed else Role.PLAIN) if taken else Role.MUTED


def steps_in_order(picture: GraphPicture) -> Iterator[str]:
    """The keys of the steps from top to bottom, from left to right."""
    yield from sorted(picture.places, key=lambda key: (picture.places[key].line, picture.places[key].left))


def as_text(picture: GraphPicture) -> str:
    """A picture as text."""
    lines = ("".join(piece.text for piece in line).rstrip() for line in picture.lines)
    return "\n".join(lines) + "\n" if picture.lines else ""
