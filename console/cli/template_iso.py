"""`pureboot template iso`: what is in an ISO template."""

from typing import TYPE_CHECKING

import click

from console.cli.options import command, json_option, principal
from console.cli.session import ask
from console.cli.template_files import FILES

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.blobs.iso import Entry, Tree
    from engine.services.shelving import NewFile, Shelved

_version = click.option("--version", default="latest", show_default=True, help="v1.0, v1 (the newest 1.x) or latest.")


@FILES.group("iso")
def iso() -> None:
    """Look into ISO templates, and take kernels and initrds out of them."""


@command(iso, "ls")
@click.argument("name")
@click.argument("path", default="")
@_version
@click.option("-r", "--recursive", is_flag=True, help="All that is below, too.")
@json_option
def ls(ctx: click.Context, name: str, path: str, version: str, recursive: bool, as_json: bool) -> None:
    """List what is in a folder of ISO template NAME. Its files are served at /files/NAME/tree/PATH."""
    from console.cli import output

    tree = ask(ctx, lambda pureboot: pureboot.files.tree(name, version))
    found = _below(tree, path) if recursive else _at(tree, path)
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        ("name", "size"),
        ((_shown(each), str(each.size) if each.extents or not each.size else "") for each in found),
        empty="nothing is in this folder",
    )


def _at(tree: "Tree", path: str) -> "list[Entry]":
    from engine.blobs.iso import EntryKind

    found = tree.find(path)
    return tree.children(path) if found.kind is EntryKind.FOLDER else [found]


def _below(tree: "Tree", path: str) -> "list[Entry]":
    start = tree.find(path).path
    return sorted(
        (each for name, each in tree.entries.items() if name and (not start or name.startswith(f"{start}/"))),
        key=lambda each: each.path,
    )


def _shown(entry: "Entry") -> str:
    from engine.blobs.iso import EntryKind

    match entry.kind:
        case EntryKind.FOLDER:
            return f"{entry.path}/"
        case EntryKind.LINK:
            return f"{entry.path} -> {entry.target}"
        case EntryKind.FILE:
            return entry.path


@command(iso, "extract")
@click.argument("name")
@click.option("--kernel", metavar="PATH", help="Where the kernel is. [default: where installers have it]")
@click.option("--initrd", metavar="PATH", help="Where the initrd is. [default: where installers have it]")
@click.option("--as", "as_", metavar="NAME", help="What the templates are called. [default: NAME-kernel, NAME-initrd]")
@_version
@json_option
def extract(
    ctx: click.Context,
    name: str,
    kernel: str | None,
    initrd: str | None,
    as_: str | None,
    version: str,
    as_json: bool,
) -> None:
    """Take kernel and initrd out of ISO template NAME, as templates of their own.

    Once more from a newer version of the ISO, they get a new version each; what is the same already stays as it is.
    """
    from console.cli import output

    async def work(pureboot: "PureBoot") -> "list[Shelved | str]":
        return await _extracted(pureboot, name, version, kernel, initrd, as_ or name)

    made = ask(ctx, work)
    if as_json:
        output.show_json([each.version for each in made if not isinstance(each, str)])
        return
    for each in made:
        told = each if isinstance(each, str) else f"template {each.template.name} is at {each.version.version_string}"
        output.say(told)


async def _extracted(
    pureboot: "PureBoot", name: str, version: str, kernel: str | None, initrd: str | None, as_: str
) -> "list[Shelved | str]":
    from engine.services.shelving import NewFile

    wanted = {"kernel": kernel, "initrd": initrd}
    if kernel is None and initrd is None:
        pair = await pureboot.files.boot_pair(name, version)
        wanted = {"kernel": pair.kernel, "initrd": pair.initrd}
    exact = (await pureboot.templates.version(name, version)).version_string
    made: list[Shelved | str] = []
    for kind, path in wanted.items():
        if path is None:
            continue
        inner = path.strip("/")
        filename = inner.rpartition("/")[2]
        message = f"{inner} of {name} {exact}"
        new = NewFile(name=f"{as_}-{kind}", filename=filename, type=kind, commit_message=message)
        made.append(await _one(pureboot, name, exact, inner, new))
    return made


async def _one(pureboot: "PureBoot", name: str, version: str, inner: str, new: "NewFile") -> "Shelved | str":
    from engine.services.shelving import SameFile

    try:
        return await pureboot.files.extract(name, inner, new, by=principal(), version=version)
    except SameFile as error:
        return str(error)
