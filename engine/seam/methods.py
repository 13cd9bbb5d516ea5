"""How a method of the table goes over the wire: its arguments by name, its result, what it tells on the way.

Who asks (`by`), and whether it is on this machine (`local`), is never an argument: the door knows that itself. A
function that is to be told something (`tell`) stays with the caller: what it was to be told comes back beside the
result.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin, get_type_hints

from engine.core.codec import codec_of, decode, encode
from engine.core.permissions import Permission
from engine.errors import Invalid, NotFound, Problem
from engine.seam.table import ITSELF, PERMISSIONS

if TYPE_CHECKING:
    from engine.app import PureBoot

_LEFT_OUT = frozenset({"self", "by", "local"})

# The services whose modules are loaded when they are first asked for.
_LATER = {
    "accounts": "engine.services.accounts:Accounts",
    "edits": "engine.services.edits:Edits",
    "estimates": "engine.services.estimates:Estimates",
    "files": "engine.services.files:Files",
    "library": "engine.services.library:Library",
    "plans": "engine.services.plans:Plans",
    "trends": "engine.services.trends:Trends",
    "uploads": "engine.services.uploads:Uploads",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method. `parameters` are the hints of those that go over the wire, `told` those of functions that are told
    something (a tuple of what they are told).
    """

    service: str
    name: str
    needs: Permission
    signature: inspect.Signature
    parameters: Mapping[str, Any]
    told: Mapping[str, Any]
    result: Any
    takes_by: bool

    def outgoing(self, args: tuple[Any, ...], given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call, encoded.

        Raises:
            Invalid: one is not of its type.
            TypeError: they do not fit the method, as in any call.
        """
        bound = self.signature.bind(None, *args, **given).arguments
        return {name: encode(hint, bound[name]) for name, hint in self.parameters.items() if name in bound}

    def hearers(self, given: Mapping[str, Any]) -> dict[str, Callable[..., object]]:
        """The functions of a call that are to be told something."""
        return {name: given[name] for name in self.told if given.get(name) is not None}

    def incoming(self, data: Any) -> dict[str, Any]:
        """The arguments of a call that came over the wire.

        Raises:
            Invalid: one is unknown, missing or not of its type.
        """
        if not isinstance(data, dict):
            raise Invalid([Problem(message="must be an object with the arguments by name")])
        wrong = [Problem(path=name[:60], message=self._no(name)) for name in data if name not in self.parameters]
        wrong += [Problem(path=name, message="is missing") for name in self._needed() if name not in data]
        if wrong:
            raise Invalid(wrong)
        return {name: self._decoded(name, value) for name, value in data.items()}

    def _no(self, name: str) -> str:
        if name in _LEFT_OUT:
            return "is not the caller's to say"
        return f"is no argument of {self.service}.{self.name}, which takes {', '.join(self.parameters) or 'none'}"

    def _needed(self) -> list[str]:
        return [name for name in self.parameters if self.signature.parameters[name].default is inspect.Parameter.empty]

    def _decoded(self, name: str, value: Any) -> Any:
        try:
            return decode(self.parameters[name], value)
        except Invalid as error:
            raise Invalid([_below(name, each) for each in error.problems]) from None


def _below(name: str, problem: Problem) -> Problem:
    inner = problem.path
    separator = "" if inner.startswith("[") or not inner else "."
    return Problem(path=f"{name}{separator}{inner}", message=problem.message)


async def call(pureboot: "PureBoot", method: Method, data: Any, *, by: str) -> tuple[Any, dict[str, list[Any]]]:
    """Call a method with arguments that came over the wire, in the name of a principal; gives the result and what was
    told on the way, neither of them encoded yet.

    Raises:
        Invalid: an argument is wrong; or whatever the method raises.
    """
    arguments = method.incoming(data)
    told: dict[str, list[Any]] = {name: [] for name in method.told}
    for name, heard in told.items():
        arguments[name] = lambda *values, heard=heard: heard.append(values)
    if method.takes_by:
        arguments["by"] = by
    owner = pureboot if method.service == ITSELF else getattr(pureboot, method.service)
    function = cast("Callable[..., Awaitable[Any]]", getattr(owner, method.name))
    return await function(**arguments), {name: heard for name, heard in told.items() if heard}


def returned(method: Method, result: Any, told: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The answer to a call, encoded.

    Raises:
        Invalid: the result is not of the type that the method says it gives.
    """
    data: dict[str, Any] = {"result": encode(method.result, result)}
    if told:
        data["told"] = {name: [encode(method.told[name], each) for each in heard] for name, heard in told.items()}
    return data


def received(method: Method, data: Any, hearers: Mapping[str, Callable[..., object]]) -> Any:
    """The result of a call that was answered; `hearers` are told what they were to be told.

    Raises:
        Invalid: the answer is not of the type that the method says it gives.
    """
    if not isinstance(data, dict) or not {"result"} <= set(data) <= {"result", "told"}:
        raise Invalid([Problem(message="must be an object with `result`")])
    for name, heard in data.get("told", {}).items():
        for each in heard if name in hearers else ():
            hearers[name](*decode(method.told[name], each))
    return decode(method.result, data["result"])


@lru_cache(maxsize=1024)
def find(service: str, name: str) -> Method:
    """A method of the table.

    Raises:
        NotFound: there is none of this name.
    """
    needs = PERMISSIONS.get((service, name))
    if needs is None:
        raise NotFound(f"a console cannot call {service[:60]}.{name[:60]} from afar")
    function = getattr(_class_of(service), name)
    signature, hints = inspect.signature(function), get_type_hints(function)
    wanted = {each: hints[each] for each in signature.parameters if each not in _LEFT_OUT}
    told = {each: heard for each, hint in wanted.items() if (heard := _hears(hint)) is not None}
    return Method(
        service=service,
        name=name,
        needs=needs,
        signature=signature,
        parameters={each: hint for each, hint in wanted.items() if each not in told},
        told=told,
        result=hints["return"],
        takes_by="by" in signature.parameters,
    )


def check(method: Method) -> None:
    """See that all of a method can go over the wire.

    Raises:
        TypeError: something in it cannot.
    """
    for hint in (*method.parameters.values(), *method.told.values(), method.result):
        codec_of(hint)


def _class_of(service: str) -> type:
    from engine.app import PureBoot
    from engine.service_set import Services

    if service == ITSELF:
        return PureBoot
    if service in _LATER:
        module, _, name = _LATER[service].partition(":")
        return cast("type", getattr(import_module(module), name))
    return cast("type", Services.__annotations__[service])


def _hears(hint: Any) -> Any:
    """What a function that is a parameter is told, as a tuple; None if the parameter is no function."""
    for each in (hint, *get_args(hint)):
        if get_origin(each) is Callable:
            return tuple[tuple(get_args(each)[0])]  # type: ignore[misc]
    return None
