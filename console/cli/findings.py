"""What checks of templates found, as commands show it; and `pureboot template validate`'s own work."""

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.findings import Finding, Findings

T = TypeVar("T")


def warn(found: "Sequence[Finding]") -> None:
    """Tell of warnings on standard error; of errors too if they did not stop it."""
    from console.view.labels import safe

    for each in found:
        click.echo(safe(f"pureboot: {each.severity}: {each}"), err=True)


def save(ctx: click.Context, work: "Callable[[PureBoot], Awaitable[T]]") -> "T":
    """Save a template; one whose check finds errors is refused with what can be done about it."""
    from engine.core.findings import Finding
    from engine.errors import Invalid

    try:
        return ask(ctx, work)
    except Invalid as refusal:
        if any(isinstance(each, Finding) for each in refusal.problems):
            click.echo("pureboot: it is not saved; correct it, or save it all the same with --force", err=True)
        raise


def check(
    ctx: click.Context,
    name_or_file: str,
    *,
    type_: str | None,
    node: str | None,
    version: str,
    params: Mapping[str, Any] | None,
) -> "Findings":
    """Check a template, or a file."""
    path = None if node is not None else _file(ctx, name_or_file, type_)
    if path is None:
        if type_ is not None:
            raise click.UsageError(f"--type is for a FILE; there is no file {name_or_file}")
        return ask(
            ctx,
            lambda pureboot: pureboot.validation.template(name_or_file, version=version, node=node, params=params),
        )
    from engine.validators.registry import guess_type

    content = _read(path)
    name = "" if name_or_file == "-" else path.name
    kind = type_ or guess_type(name, content)
    found = ask(ctx, lambda pureboot: pureboot.validation.text(kind, content, name=name))
    return tuple(replace(each, file=name_or_file if each.file in (None, name) else each.file) for each in found)


def _file(ctx: click.Context, name_or_file: str, type_: str | None) -> Path | None:
    """The file that is meant; None where a template is: of its name, and nothing says otherwise."""
    path = Path(name_or_file)
    if name_or_file == "-" or path.is_file():
        return path
    if "/" in name_or_file:
        raise click.ClickException(f"there is no file {name_or_file}")
    return None


def _read(path: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        line = wrong.object.count(b"\n", 0, wrong.start) + 1
        raise click.ClickException(f"{path}:{line}: is not text in UTF-8") from None
    except OSError as wrong:
        raise click.ClickException(f"{path} cannot be read: {wrong.strerror}") from None


def show(found: "Findings", name: str, *, as_json: bool) -> None:
    """Print findings, a line each as compilers do: file:line:column: severity: message."""
    from console.cli import output
    from console.view.labels import Role, safe

    wrong = sum(each.is_error for each in found)
    if as_json:
        data = {"valid": not wrong, "error_count": wrong, "warning_count": len(found) - wrong, "findings": found}
        output.show_json(data)
        return
    for each in found:
        place = ":".join(str(part) for part in (each.file or name, each.line, each.column) if part is not None)
        role = Role.BAD if each.is_error else Role.WARN
        message = f"{each.path}: {each.message}" if each.path else each.message
        said = output.styled(each.severity.value, role)
        click.echo(f"{safe(place)}: {said}: {safe(message)} [{each.validator}]")
    if not found:
        output.say(f"{name}: no errors, no warnings")
