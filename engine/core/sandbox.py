"""Jinja2's sandbox with a bound on work and memory: whatever a text holds, filling it ends soon and stays small.

Jinja2's own sandbox keeps a template away from Python; it does not keep it from counting to ten to the twelfth. Here
everything that can multiply has a price, paid from one budget for each text (`engine.core.sandbox_budget`):

- every turn of a loop and every call of a macro, by how much text is in its body;
- every filter, test, call, comparison, slice and output, by the size of what it is given and of what it makes;
- every list and mapping that is made, by all that is in it;
- operators, methods and filters that would make something huge in one go are refused before they do (also while Jinja2
  compiles, when it computes what is constant; `engine.core.sandbox_limits`).

The prices are put into the parsed template as filters. Nothing depends on time, so a text that may be filled today may
be filled on any machine.
"""

from collections.abc import Callable, Iterable, Iterator
from types import BuiltinMethodType
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes
from jinja2.filters import make_attrgetter
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context, pass_eval_context
from jinja2.visitor import NodeTransformer

from engine.core.escaping import HELPERS, Helper
from engine.core.sandbox_budget import MAX_LENGTH, bounded, cost, huge, size_of, spend
from engine.core.sandbox_limits import check_method, guarded, is_huge, pay_result, settled
from engine.core.values import as_text

__all__ = ["MAX_LENGTH", "REPORTED", "Reported", "Sandbox", "bounded"]

_HIDDEN = frozenset({"encode", "expandtabs", "format_map", "to_bytes", "translate"})


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
        self.filters.update({name: guarded(name, func) for name, func in self.filters.items()})
        self.filters.update(pureboot_turns=_turns, pureboot_spent=_spent, pureboot_weighed=_weighed)
        self.filters.update(pureboot_made=_made, pureboot_concat=_concat)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed: nodes.Template = _Priced().visit(super()._parse(source, name, filename))
        return parsed

    def from_string(self, source: Any, *args: Any, **kwargs: Any) -> Template:
        """Compile a text, or the one assignment that `compile_expression` makes of an expression."""
        return super().from_string(
            _Priced().visit(source) if isinstance(source, nodes.Template) else source, *args, **kwargs
        )

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may use an attribute."""
        return attr not in _HIDDEN and not isinstance(obj, bytes) and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator, unless its result is out of all proportion."""
        if is_huge(operator, left, right):
            raise huge(operator)
        spend(cost(right) if operator == "%" else 0)
        return pay_result(super().call_binop(context, operator, left, right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as Jinja2 has it
        """Call what a template calls, unless it would make something huge."""
        method = getattr(__obj, "__wrapped__", __obj)  # str.format comes wrapped
        owner = getattr(method, "__self__", None)
        if isinstance(method, BuiltinMethodType) and owner is not None:
            args = settled(method.__name__, args)
            check_method(method.__name__, owner, args, kwargs)
            spend(cost(owner))
        spend(10 + sum(map(cost, (*args, *kwargs.values()))))
        return pay_result(super().call(__context, __obj, *args, **kwargs))


def _paid(finalize: Callable[[object], str]) -> Callable[[object], str]:
    def finalized(value: object) -> str:
        size_of(value)
        text = finalize(value)
        spend(len(text) >> 4)
        return text

    return finalized


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
            raise huge("the filter join")
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
    spend(cost(value))
    return value


def _made(value: Any) -> Any:
    spend(size_of(value) >> 4)
    return value


def _concat(values: list[Any]) -> str:
    texts = [str(value) if size_of(value) else "" for value in values]
    if sum(map(len, texts)) > MAX_LENGTH:
        raise huge("~")
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
        elif not isinstance(node.arg, nodes.Const):
            node.arg = _priced(node.arg, "pureboot_weighed")  # as a key it is gone through
        return node

    def _made(self, node: Any) -> Any:
        """Lists that hold each other twice would double with each turn of a loop, and be gone through for ever."""
        self.generic_visit(node)
        is_constant = all(isinstance(each, nodes.Const) for each in node.iter_child_nodes())
        is_target = getattr(node, "ctx", "load") != "load"
        return node if is_constant or is_target else _priced(node, "pureboot_made")

    visit_List = visit_Tuple = visit_Dict = _made  # noqa: N815

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _priced(nodes.List(node.nodes, lineno=node.lineno), "pureboot_concat")
