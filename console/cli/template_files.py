"""`pureboot template add-file` and what else is done with templates that are files."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli.options import command, json_option, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.blobs import Checked, StoredFile
    from engine.services.shelving import NewFile, Shelved

FILE_TYPES = ("kernel", "initrd", "iso", "image", "file")
FILES = click.Group("files")
"""These commands, for the group `template`."""

_URL = ("http://", "https://", "ftp://", "file://")

_sha256 = click.option("--sha256", metavar="HEX", help="What the file must have; for a URL it has to be given.")
_unverified = click.option(
    "--unverified",
    is_flag=True,
    help="Take whatever a URL gives, without a checksum. Anybody on the way may change it.",
)
_bump = click.option(
    "--bump", type=click.Choice(("minor", "major")), default="minor", show_default=True, help="Which number is raised."
)
_message = click.option("-m", "--commit-message", default="", help="What changed and why.")
_filename = click.option("--filename", help="What it is called when it is served, if not as it is here.")


@command(FILES, "add-file")
@click.argument("name")
@click.argument("source", metavar="FILE|URL")
@click.option(
    "--type", "type_", type=click.Choice(FILE_TYPES), help="What it is, for a new template. [default: by name]"
)
@_sha256
@_unverified
@_filename
@click.option("--description", default="")
@click.option("--os-family", default="")
@click.option("--tag", multiple=True)
@_bump
@_message
@json_option
def add_file(
    ctx: click.Context,
    name: str,
    source: str,
    type_: str | None,
    sha256: str | None,
    unverified: bool,
    filename: str | None,
    description: str,
    os_family: str,
    tag: Sequence[str],
    bump: str,
    commit_message: str,
    as_json: bool,
) -> None:
    """Take a file in as the next version of template NAME, which is made if it is new.

    It is copied under files.dir, summed up and served at /files/NAME. The same bytes are kept once.
    """
    from engine.core.documents import Bump
    from engine.errors import NotFound
    from engine.services.shelving import NewFile

    _require_checksum(source, sha256, unverified)
    called = filename or _name_of(source)

    async def new(pureboot: "PureBoot") -> NewFile:
        kind = type_
        if kind is None:
            try:
                await pureboot.templates.get(name)
            except NotFound:
                kind = guessed_type(called)
        return NewFile(
            name=name,
            filename=called,
            type=kind,
            sha256=sha256,
            description=description,
            os_family=os_family,
            tags=tag,
            commit_message=commit_message,
            bump=Bump(bump),
        )

    _take(ctx, source, new, as_json)


@command(FILES, "new-version-file")
@click.argument("name")
@click.argument("source", metavar="FILE|URL")
@_sha256
@_unverified
@_filename
@_bump
@_message
@json_option
def new_version_file(
    ctx: click.Context,
    name: str,
    source: str,
    sha256: str | None,
    unverified: bool,
    filename: str | None,
    bump: str,
    commit_message: str,
    as_json: bool,
) -> None:
    """Take a file in as the next version of template NAME, which must be there."""
    from engine.core.documents import Bump
    from engine.services.shelving import NewFile

    _require_checksum(source, sha256, unverified)

    async def new(_pureboot: "PureBoot") -> NewFile:
        return NewFile(
            name=name,
            filename=filename or _name_of(source),
            sha256=sha256,
            commit_message=commit_message,
            bump=Bump(bump),
        )

    _take(ctx, source, new, as_json)


def guessed_type(filename: str) -> str:
    """What a file is, by its name."""
    name = filename.lower()
    if name.endswith(".iso"):
        return "iso"
    if name.startswith(("vmlinuz", "linux", "bzimage", "kernel")):
        return "kernel"
    if name.startswith(("initrd", "initramfs", "initrd.img")):
        return "initrd"
    return "image" if name.endswith((".img", ".qcow2", ".raw", ".wim", ".squashfs", ".vhd", ".vmdk")) else "file"


def _require_checksum(source: str, sha256: str | None, unverified: bool) -> None:
    if source.startswith(("http://", "https://")) and sha256 is None and not unverified:
        raise click.UsageError(
            "a file from a URL needs --sha256 HEX, so that nobody on the way can change it; "
            "if there is none to be had, say --unverified"
        )


def _name_of(source: str) -> str:
    if source.startswith(_URL):
        from engine.blobs.download import filename_of

        return filename_of(source) or "download"
    return Path(source).name


def _take(ctx: click.Context, source: str, new: "Callable[[PureBoot], Awaitable[NewFile]]", as_json: bool) -> None:
    from console.cli.meter import Meter

    async def work(pureboot: "PureBoot") -> "Shelved":
        wanted = await new(pureboot)
        if source.startswith(_URL):
            return await pureboot.files.fetch(source, wanted, by=principal(), progress=meter)
        return await pureboot.files.add(Path(source), wanted, by=principal(), progress=meter)

    with Meter(_name_of(source)) as meter:
        shelved = ask(ctx, work)
    _told(shelved, as_json)


def _told(shelved: "Shelved", as_json: bool) -> None:
    from console.cli import output
    from engine.sizes import shown_size

    template, version = shelved.template, shelved.version
    what = f"template {template.name} is at {version.version_string}"
    if shelved.repaired:
        what = f"the file of template {template.name} {version.version_string} is whole again"
    size = shown_size(version.size_bytes)
    output.done(version, f"{what}: {version.filename}, {size}, sha256 {version.blob}", as_json=as_json)


@command(FILES, "files")
@click.argument("name", required=False)
@json_option
def files(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """List the files of templates, or of template NAME, and how each was found when it was verified last."""
    from console.cli import output

    found = ask(ctx, lambda pureboot: pureboot.files.listed(name))
    if as_json:
        output.show_json(found)
        return
    _show_files(found)


def _show_files(found: "Sequence[StoredFile]") -> None:
    from console.cli import output
    from console.view.labels import Role, ago, cell
    from engine.core.blobs import BlobState
    from engine.sizes import shown_size

    now = output.now()
    output.show_table(
        ("template", "version", "type", "file", "size", "sha256", "state", "verified"),
        (
            (
                each.template,
                each.version + (" (current)" if each.is_current else ""),
                each.type,
                each.filename,
                shown_size(each.size),
                each.sha256[:12],
                cell(each.state.value, Role.PLAIN if each.state is BlobState.OK else Role.BAD),
                ago(each.verified_at, now) if each.verified_at else "never",
            )
            for each in found
        ),
        empty="no template is a file",
    )


@command(FILES, "verify")
@click.argument("name", required=False)
@json_option
def verify(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Read all files of templates, or of template NAME, and compare them with their checksums.

    Exit code 1 if one is damaged or missing.
    """
    from console.cli import output
    from console.cli.meter import Meter

    async def work(pureboot: "PureBoot") -> "tuple[Checked, list[StoredFile]]":
        checked = await pureboot.blob_care.verify(name, by=principal(), progress=meter)
        return checked, await pureboot.files.listed(name)

    with Meter("verifying") as meter:
        checked, found = ask(ctx, work)
    lost = set(checked.damaged) | set(checked.missing)
    if as_json:
        output.show_json(checked)
    else:
        _tell_checked(checked, [each for each in found if each.sha256 in lost])
    if lost:
        ctx.exit(1)


def _tell_checked(checked: "Checked", lost: "Sequence[StoredFile]") -> None:
    from console.cli import output
    from engine.sizes import shown_size

    for each in lost:
        click.echo(f"pureboot: template {each.template} {each.version}: {each.filename} is {each.state}", err=True)
    if lost:
        click.echo("pureboot: add the same file again, or make another version the current one", err=True)
    bad = len(checked.damaged) + len(checked.missing)
    repaired = f", {len(checked.repaired)} of them whole again" if checked.repaired else ""
    output.say(
        f"{checked.seen} file{'' if checked.seen == 1 else 's'} of {shown_size(checked.bytes_read)} verified: "
        f"{checked.seen - bad} right{repaired}, {len(checked.damaged)} damaged, {len(checked.missing)} missing"
    )


@command(FILES, "gc")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--older-than", metavar="AGE", help="Only what is older than this, such as 1h. [default: files.gc_grace]")
@json_option
def gc(ctx: click.Context, dry_run: bool, older_than: str | None, as_json: bool) -> None:
    """Take away what no version of a template points at, and what is left of broken imports and uploads.

    No version is ever deleted, and so no file of one. What is being added now stays.
    """
    from console.cli import output
    from engine.durations import parse_duration
    from engine.sizes import shown_size

    try:
        grace = None if older_than is None else parse_duration(older_than)
    except ValueError as error:
        raise click.UsageError(f"--older-than: {error}") from None
    found = ask(ctx, lambda pureboot: pureboot.blob_care.collect(dry_run=dry_run, by=principal(), grace=grace))
    if as_json:
        output.show_json(found)
        return
    for digest in found.blobs:
        output.say(f"{'would go' if dry_run else 'went'}: {digest}")
    went = "would be freed" if dry_run else "freed"
    count = len(found.blobs)
    output.say(
        f"{count} file{'' if count == 1 else 's'} that no version points at, {found.uploads} abandoned uploads, "
        f"{found.leftovers} broken imports: {shown_size(found.bytes_freed)} {went}"
    )
