"""`pureboot workflow rehearse`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli.options import command, json_option
from console.cli.session import ask
from console.cli.workflow import workflow
from engine.errors import PureBootError

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.rehearsal import Rehearsed
    from engine.core.rehearsal_file import Written
    from engine.core.workflows import Workflow

_SUFFIXES = (".yaml", ".yml", ".json")

_HELP = """Try workflows against what is expected of them: nothing is performed, and no store is needed.

A FILE holds one rehearsal, or a list of them under rehearsals; a folder stands for all YAML and JSON files below it
that hold any. Each is said in one line; where something came otherwise, expected and got stand side by side, and the
exit code is 1.

\b
workflow: debian-12.yaml        # beside this file; with --store also a
                                # workflow's name; or inline: and the workflow
params: {disk: /dev/sda}
node: {hostname: r4-01, state: discovered}   # or null: it has no node
steps:                          # how steps end; the others succeed
  partition: [failed, {success: {disk: /dev/sda}}]    # one for each try
  probe: {timeout: true}
  verify: {failed: no disk, exit_code: 3, after: 10m}
  sign-off: rejected
expect:
  order: [netboot, partition, partition, [install, watch]]
  status: succeeded
  node_state: installed
  not_run: [rescue]
  error: a part of the error's text

Steps end with success, failed, timeout, lost, approved, rejected or skip; the last of a list holds for all tries that
follow. In the order stand the steps as they begin, each try anew; those that begin together stand in brackets.
"""


@command(workflow, "rehearse", help=_HELP, short_help="Try workflows against what is expected of them.")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE...")
@click.option("--store", is_flag=True, help="Find workflows in the store where there is no such file.")
@json_option
def rehearse(ctx: click.Context, files: Sequence[Path], store: bool, as_json: bool) -> None:
    """Try workflows against what is expected of them."""
    from console.cli import output
    from console.cli.lazy import lines as error_lines
    from console.cli.plan import show, width
    from console.view.rehearsal_lines import lines
    from engine.core.shape import as_data

    trial = _Trial()
    for path, is_named in _files(files):
        trial.read(path, is_named=is_named)
    names = trial.not_files()
    if store and names:
        trial.stored = ask(ctx, lambda pureboot: _stored(pureboot, names))
    trial.run()
    if as_json:
        output.show_json([{"file": where, "ok": not each.differences} | as_data(each) for where, each in trial.went])
    else:
        for where, each in trial.went:
            show(lines(each, where, width(), output.symbols()))
    for line in dict.fromkeys(line for error in trial.errors for line in error_lines(error)):
        click.echo(f"pureboot: {line}", err=True)
    wrong = sum(bool(each.differences) for _, each in trial.went)
    if not as_json and trial.went:
        output.say(f"{len(trial.went)} rehearsed, " + (f"{wrong} differ" if wrong else "all as expected"))
    if wrong or trial.errors:
        ctx.exit(1)


class _Trial:
    """The rehearsals of all files, their workflows, how they went, and what is wrong with the files."""

    def __init__(self) -> None:
        from engine.actions.builtin import BUILTIN
        from engine.actions.registry import Registry

        self.went: list[tuple[str, Rehearsed]] = []
        self.errors: list[PureBootError] = []
        self.stored: Mapping[str, str] = {}
        self._written: list[tuple[Path, Written]] = []
        self._actions = Registry(BUILTIN)
        self._actions.add_installed()

    def read(self, path: Path, *, is_named: bool) -> None:
        """Take up a file; one of a folder only if it holds rehearsals."""
        from engine.core import rehearsal_file

        try:
            text = _text(path)
            if is_named or rehearsal_file.holds_any(text):
                self._written += [(path, written) for written in rehearsal_file.read(text, file=str(path))]
        except PureBootError as error:
            self.errors.append(error)

    def not_files(self) -> list[str]:
        """The names of workflows that are no files beside their rehearsals."""
        named = ((path, written.workflow) for path, written in self._written)
        return [name for path, name in named if name is not None and not (path.parent / name).is_file()]

    def run(self) -> None:
        """Rehearse all."""
        from engine.core import rehearsal_file

        for path, written in self._written:
            try:
                workflow = self._workflow(path, written)
                self.went.append((str(path), rehearsal_file.run(written, workflow, self._actions)))
            except PureBootError as error:
                self.errors.append(error)

    def _workflow(self, path: Path, written: "Written") -> "Workflow":
        from engine.core import sources, workflow_file
        from engine.core.workflow_check import check
        from engine.errors import Invalid

        source = written.inline
        if source is None:
            where, text = self._found(path, written)
            source = sources.read_one(text, file=where)
        workflow = workflow_file.parse(source, name="inline")
        problems = check(workflow, source, actions=self._actions)
        if problems:
            raise Invalid(problems)
        return workflow

    def _found(self, path: Path, written: "Written") -> tuple[str, str]:
        """The name and the text of a rehearsal's workflow."""
        from engine.errors import Invalid

        name = str(written.workflow)
        beside = path.parent / name
        if beside.is_file():
            return str(beside), _text(beside)
        if name in self.stored:
            return name, self.stored[name]
        message = f"there is no file {beside}, and no workflow {name} in the store (which --store looks into)"
        raise Invalid([written.problem(("workflow",), message)])


def _text(path: Path) -> str:
    from engine.errors import Invalid, Problem

    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Invalid([Problem(message="is not text in UTF-8", file=str(path))]) from None
    except OSError as error:
        raise Invalid([Problem(message=f"cannot be read: {error.strerror}", file=str(path))]) from None


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """The files, and whether each was named itself: of those below a folder only some hold rehearsals."""
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue
        for found in sorted(path.rglob("*")):
            if found.suffix in _SUFFIXES and found.is_file():
                yield found, False


async def _stored(pureboot: "PureBoot", names: Sequence[str]) -> "dict[str, str]":
    """The texts of the workflows of these names: their active versions, or else the newest."""
    from engine.errors import NotFound

    texts = {}
    for name in names:
        try:
            texts[name] = (await pureboot.workflows.get(name)).content
        except NotFound:
            continue
    return texts
