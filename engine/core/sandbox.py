"""Jinja2's sandbox with a bound on work and memory: whatever a text holds, filling it ends soon and stays small.

Jinja2's own sandbox keeps a template away from Python; it does not keep it from counting to ten to the twelfth. Here
everything that can multiply has a price, paid from one budget for each text that is filled:

- every turn of a loop and every call of a macro, by how much text is in its body;
- every filter, test, call, comparison, slice and output, by the size of what it is given and of what it makes;
- operators and methods that would make something huge in one go are refused before they do (also while Jinja2 compiles,
  when it computes what is constant).

The prices are put into the parsed template as filters. Nothing depends on time, so a text that may be filled today may
be filled on any machine.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import BuiltinMethodType, MappingProxyType
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.filters import make_attrgetter
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context, pass_eval_context
from jinja2.visitor import NodeTransformer

from engine.core.escaping import HELPERS, Helper
from engine.core.values import as_text

MAX_LENGTH = 1024 * 1024
"""Characters of what one text may become, and items of what one operator, filter or method may make."""

WORK = 1_000_000
"""How many steps filling one text may take: a turn of a loop is about 3, a call 10, 16 characters or 1 item that are
handled 1."""

_MAX_BITS = 4096
_MAX_NUMBER = 100_000  # as an argument of what makes that much of something
_WIDE = re.compile(r"%[^A-Za-z%]*(?:\d{5}|\*)")
_WIDE_FORMAT = re.compile(r"\d{5}|\{[^{}]*\{")
_LARGE_NUMBERS = frozenset({"default", "d", "sum", "int", "float", "abs", "select", "reject", "max", "min", "in"})
_SLOW = {"map": 4, "select": 4, "reject": 4, "wordwrap": 16, "striptags": 4, "title": 4}
_HIDDEN = frozenset({"encode", "translate", "to_bytes", "format_map"})

_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


class Exhausted(ValueError):
    """A text takes more work than any may."""


@contextmanager
def bounded(work: int = WORK) -> Iterator[None]:
    """Fill a text within a budget of its own."""
    token = _left.set([work])
    try:
        yield
    finally:
        _left.reset(token)


def spend(steps: int) -> None:
    """Pay for so many steps, and one more for doing anything at all.

    Raises:
        Exhausted: the budget is used up.
    """
    left = _left.get()
    if left is None:
        return
    left[0] -= 1 + steps
    if left[0] < 0:
        raise Exhausted(f"takes more than {WORK:,} steps of work: its loops are too long, or its values too large")


def _huge(what: str) -> ValueError:
    return ValueError(f"{what} would make a value that is far too large")


_MAPPINGS = (dict, MappingProxyType)  # no others: what is not known yet, in a dry run, must not be counted
_CONTAINERS = (*_MAPPINGS, list, tuple, set, frozenset)


def size_of(value: Any) -> int:
    """How many characters and items a value has, all that is in it counted as often as it would be written.

    Raises:
        ValueError: more than any text may have.
    """
    if isinstance(value, str | bytes):
        return _characters(value)
    if not isinstance(value, _CONTAINERS):
        return 1
    total = 0
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        total += 1
        if isinstance(item, str | bytes):
            total += _characters(item)
        elif isinstance(item, _MAPPINGS):
            stack += [*item.keys(), *item.values()]
        elif isinstance(item, _CONTAINERS):
            stack += item
        if total + len(stack) > MAX_LENGTH:
            raise _huge("this list or mapping")
    return total


def _length(value: Any) -> int:
    """The size of one value, not of what is in it."""
    if isinstance(value, str | bytes):
        return _characters(value)
    return len(value) if isinstance(value, (range, *_CONTAINERS)) else 1


def _characters(value: str | bytes) -> int:
    """The length also of a text that does not tell it to templates, as a secret in a dry run."""
    return str.__len__(value) if isinstance(value, str) else len(value)


def _cost(value: Any) -> int:
    """How many steps it takes to go through a value.

    Raises:
        ValueError: it is far too large.
    """
    if isinstance(value, str | bytes):
        return _characters(value) >> 4
    return len(value) if isinstance(value, range) else size_of(value)


def is_huge(operator: str, left: Any, right: Any) -> bool:
    """Whether an operator's result is out of all proportion."""
    if operator == "%":
        return isinstance(left, str) and (_WIDE.search(left) is not None or _filled(left, "%", right))
    if isinstance(left, int) and isinstance(right, int):
        if operator == "+":
            return False
        bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
        return bits > _MAX_BITS
    if operator == "+":
        return _length(left) + _length(right) > MAX_LENGTH
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | bytes | list | tuple) and isinstance(times, int):
            return len(many) * times > MAX_LENGTH
    return False


def _filled(form: str, sign: str, values: Any) -> bool:
    return len(form) + form.count(sign) * size_of(values) > MAX_LENGTH


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 as described above."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, finalize: Callable[[object], str]) -> None:
        super().__init__(
            undefined=StrictUndefined,
            finalize=_paid(finalize),
            autoescape=False,  # what is made here is shell, kickstart, YAML: never HTML
            keep_trailing_newline=True,
        )
        del self.globals["lipsum"]  # random, and as long as one likes
        for name in ("urlize", "random"):  # slow on a large text; never twice the same
            del self.filters[name]
        self.filters.update({name: _helper(name, helper) for name, helper in HELPERS.items()}, join=_join)
        self.filters.update({name: _guarded(name, func) for name, func in self.filters.items()})
        self.filters.update(pureboot_turns=_turns, pureboot_spent=_spent, pureboot_weighed=_weighed)
        self.filters["pureboot_concat"] = _concat

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed: nodes.Template = _Priced().visit(super()._parse(source, name, filename))
        return parsed

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may use an attribute."""
        return attr not in _HIDDEN and not isinstance(obj, bytes) and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator, unless its result is out of all proportion."""
        if is_huge(operator, left, right):
            raise _huge(operator)
        result = super().call_binop(context, operator, left, right)
        spend(_length(result) >> 4)
        return result

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as Jinja2 has it
        """Call what a template calls, unless it would make something huge."""
        method = getattr(__obj, "__wrapped__", __obj)  # str.format comes wrapped
        owner = getattr(method, "__self__", None)
        if isinstance(method, BuiltinMethodType) and owner is not None:
            _check_method(method.__name__, owner, args, kwargs)
            spend(_cost(owner))
        spend(10 + sum(map(_cost, args)))
        result = super().call(__context, __obj, *args, **kwargs)
        spend(0 if isinstance(result, range) else _length(result) >> 4)
        return result


def _check_method(name: str, owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    given = (*args, *kwargs.values())
    if any(isinstance(each, int) and abs(each) > _MAX_NUMBER for each in given):
        raise _huge(f".{name}()")
    if not isinstance(owner, str):
        return
    if name == "replace" and len(given) > 1:
        _check_replace(owner, *given[:2])
    elif name == "join" and given:
        items = given[0] if isinstance(given[0], list | tuple) else ()
        if size_of(items) + len(owner) * len(items) > MAX_LENGTH:
            raise _huge(".join()")
    elif name == "format" and (_WIDE_FORMAT.search(owner) or _filled(owner, "{", given)):
        raise _huge(".format()")


def _check_replace(text: str, old: Any, new: Any) -> None:
    old, new = str(old), str(new)
    times = text.count(old) if old else len(text) + 1
    if len(text) + times * len(new) > MAX_LENGTH:
        raise _huge("replace")


def _paid(finalize: Callable[[object], str]) -> Callable[[object], str]:
    def finalized(value: object) -> str:
        size_of(value)
        text = finalize(value)
        spend(len(text) >> 4)
        return text

    return finalized


def _guarded(name: str, func: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is paid for, and refused what would make it huge."""
    first = 1 if hasattr(func, "jinja_pass_arg") else 0

    @wraps(func)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        value = args[first] if len(args) > first else None
        spend(_cost(value) * _SLOW.get(name, 1))
        given = (*args[first + 1 :], *kwargs.values())
        if name not in _LARGE_NUMBERS and any(_is_large(each) for each in given):
            raise _huge(f"the filter {name}")
        if name == "replace" and len(given) > 1:
            _check_replace(as_text(value), *given[:2])
        elif name == "format" and (_WIDE.search(str(value)) or _filled(str(value), "%", given)):
            raise _huge("the filter format")
        result = func(*args, **kwargs)
        spend(_length(result) >> 4)
        return result

    return guarded


def _is_large(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > _MAX_NUMBER
    return isinstance(value, int | float) and abs(value) > _MAX_NUMBER


@pass_eval_context
def _join(eval_ctx: nodes.EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    """The texts of a list with another between them, or of an attribute of each."""
    if attribute is not None:
        value = map(make_attrgetter(eval_ctx.environment, attribute), value)
    texts: list[str] = []
    size = 0
    for item in value:
        text = as_text(item) if size_of(item) else ""
        size += len(text) + len(d)
        if size > MAX_LENGTH:
            raise _huge("the filter join")
        spend(len(text) >> 4)
        texts.append(text)
    return str(d).join(texts)


def _helper(name: str, helper: Helper) -> Callable[[Any], str]:
    def escaped(value: Any) -> str:
        if isinstance(value, Undefined):
            str(value)  # it says which name does not exist
        written = helper(value)
        if written.lost is not None:
            raise ValueError(f"a value has {written.lost}, which {name} cannot write")
        if isinstance(value, Reported) and not written.text.isprintable():
            raise ValueError(REPORTED)
        return written.text

    return escaped


REPORTED = (
    "a value that a machine reports of itself has a line break or control character; change it, or write it with "
    "yaml, json, xml or url, as in {{ node.hostname | json }}"
)


class Reported(str):
    """What a machine says of itself and is not on one line of printable text: it may only be written with a helper."""

    __slots__ = ()


@pass_context
def _turns(_context: Context, items: Iterable[Any]) -> Iterator[Any]:
    """The items a loop goes over, each paid for."""
    for item in items:
        spend(0)
        yield item


@pass_context  # with that, Jinja2 does not take its result for a constant
def _spent(_context: Context, weight: int) -> str:
    spend(weight >> 4)
    return ""


def _weighed(value: Any) -> Any:
    spend(_cost(value))
    return value


def _concat(values: list[Any]) -> str:
    texts = [str(value) if size_of(value) else "" for value in values]
    if sum(map(len, texts)) > MAX_LENGTH:
        raise _huge("~")
    spend(sum(map(len, texts)) >> 4)
    return "".join(texts)


def _priced(node: Any, filter_: str, *args: Any) -> nodes.Filter:
    constants = [nodes.Const(arg, lineno=node.lineno) for arg in args]
    return nodes.Filter(node, filter_, constants, [], None, None, lineno=node.lineno)


def _text_in(body: Iterable[nodes.Node]) -> int:
    return sum(len(data.data) for node in body for data in node.find_all(nodes.TemplateData))


class _Priced(NodeTransformer):
    """Puts the prices into a template."""

    def _block(self, node: Any) -> Any:
        weight = _text_in(node.body)
        self.generic_visit(node)
        price = _priced(nodes.Const(weight, lineno=node.lineno), "pureboot_spent")
        node.body.insert(0, nodes.Output([price], lineno=node.lineno))
        return node

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - as Jinja2 names them
        loop: nodes.For = self._block(node)
        loop.iter = _priced(loop.iter, "pureboot_turns")  # a turn costs also where an `if` skips the body
        return loop

    visit_Macro = visit_CallBlock = visit_FilterBlock = visit_AssignBlock = _block  # noqa: N815

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802
        self.generic_visit(node)
        node.expr = _priced(node.expr, "pureboot_weighed")
        for operand in node.ops:
            operand.expr = _priced(operand.expr, "pureboot_weighed")
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Test:  # noqa: N802
        self.generic_visit(node)
        if node.name not in ("defined", "undefined"):  # these look at the name itself
            node.node = _priced(node.node, "pureboot_weighed")
            node.args = [_priced(arg, "pureboot_weighed") for arg in node.args]
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Getitem:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _priced(node.node, "pureboot_weighed")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _priced(nodes.List(node.nodes, lineno=node.lineno), "pureboot_concat")
