"""`pureboot pack`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli.options import command, json_option, principal
from console.cli.session import ask

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.pack_reports import Preview, Report, Validation
    from engine.core.packs import Pack
    from engine.errors import PureBootError

_revision = click.option("--revision", metavar="REV", help="A branch, tag or whole commit id of a git repository.")
_sums = click.option(
    "--manifest-sha256", metavar="HEX", help="The SHA-256 that the pack's MANIFEST.sha256 must have; empty for none."
)
_adopt = click.option("--adopt", is_flag=True, help="Take over documents of the same names that are not the pack's.")
_yes = click.option("--yes", is_flag=True, help="Do it without the question.")


@click.group()
def pack() -> None:
    """Packs: folders or git repositories of workflows and templates, loaded as one."""


@command(pack, "list")
@json_option
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the packs, and on standard error the folders of packs.dir that nobody has added."""
    from console.cli import output, pack_lines

    async def look(pureboot: "PureBoot") -> "tuple[list[Pack], list[str]]":
        return (await pureboot.packs.find())[0], await pureboot.packs.unknown()

    found, unknown = ask(ctx, look)
    if as_json:
        output.show_json(found)
    else:
        pack_lines.show_all(found, unknown)


@command(pack, "show")
@click.argument("ref")
@json_option
def show(ctx: click.Context, ref: str, as_json: bool) -> None:
    """Show a pack and the documents that came from it."""
    from console.cli import output, pack_lines
    from engine.core.shape import as_data

    async def look(pureboot: "PureBoot") -> Any:
        return await pureboot.packs.get(ref), await pureboot.packs.documents(ref)

    found, documents = ask(ctx, look)
    if as_json:
        output.show_json({**as_data(found), "documents": documents})
    else:
        pack_lines.show(found, documents)


@command(pack, "add")
@click.argument("sources", nargs=-1, required=True, metavar="PATH|URL...")
@_revision
@click.option("--ref", help="What the pack is called, if its manifest does not say.")
@_sums
@_adopt
@json_option
def add(
    ctx: click.Context,
    sources: Sequence[str],
    revision: str | None,
    ref: str | None,
    manifest_sha256: str | None,
    adopt: bool,
    as_json: bool,
) -> None:
    """Add packs and sync them: a folder (or the name of one in packs.dir), or a git repository.

    Nothing is copied: what lies outside packs.dir is read where it is. With --revision a PATH is a git repository.
    """
    from engine.core.shape import as_data

    if len(sources) > 1 and (ref or revision or manifest_sha256):
        raise click.UsageError("--ref, --revision and --manifest-sha256 are one pack's; add one at a time")

    async def work(pureboot: "PureBoot") -> "list[tuple[Pack, Report]]":
        return [
            await pureboot.packs.add(
                _source(each, pureboot.packs.places.root),
                by=principal(),
                ref=ref,
                revision=revision,
                manifest_sha256=manifest_sha256,
                local=True,
                adopt=adopt,
            )
            for each in sources
        ]

    done = ask(ctx, work)
    reports = {added.ref: report for added, report in done}
    data = [{**as_data(added), "sync": report} for added, report in done]
    _tell(ctx, reports, data if len(data) > 1 else data[0], "added", as_json=as_json)


def _source(given: str, root: Path) -> str:
    """What somebody at a terminal means: a folder here, or else one of packs.dir."""
    here = Path(given).expanduser()
    is_name = "/" not in given and not here.exists() and (root / given).exists()
    return str(root / given) if is_name else given


@command(pack, "sync")
@click.argument("refs", nargs=-1, metavar="[REF]...")
@_adopt
@json_option
def sync(ctx: click.Context, refs: Sequence[str], adopt: bool, as_json: bool) -> None:
    """Let documents be as the files of packs have them; without REF, of all packs, each after those it needs."""

    async def work(pureboot: "PureBoot") -> "Mapping[str, Report | PureBootError]":
        if not refs:
            return await pureboot.packs.sync_all(by=principal())
        return {ref: await pureboot.packs.sync(ref, by=principal(), adopt=adopt) for ref in refs}

    done = ask(ctx, work)
    reports = list(done.values())
    _tell(ctx, done, reports[0] if len(refs) == 1 else reports, "synced", as_json=as_json)


def _tell(
    ctx: click.Context, done: "Mapping[str, Report | PureBootError]", data: object, verb: str, *, as_json: bool
) -> None:
    """Say what became of packs; exit code 1 if anything is wrong."""
    from console.cli import output, pack_lines
    from console.cli.lazy import lines
    from engine.errors import PureBootError

    failed = {ref: each for ref, each in done.items() if isinstance(each, PureBootError)}
    reports = {ref: each for ref, each in done.items() if not isinstance(each, PureBootError)}
    if as_json:
        output.show_json(list(reports.values()) if failed else data)
    for ref, report in reports.items():
        if not as_json:
            pack_lines.show_report(ref, report, verb)
    for ref, error in failed.items():
        for line in lines(error):
            click.echo(f"pureboot: {ref}: {line}", err=True)
    if failed or any(report.errors for report in reports.values()):
        ctx.exit(1)


@command(pack, "validate")
@click.argument("what", metavar="REF|PATH")
@json_option
def validate(ctx: click.Context, what: str, as_json: bool) -> None:
    """Say everything that is wrong with a pack, or with a folder that is to be one; changes nothing."""
    from console.cli import output, pack_lines
    from engine.errors import NotFound

    is_folder = Path(what).is_dir()

    async def look(pureboot: "PureBoot") -> "Validation":
        try:
            return await pureboot.packs.validate(what)
        except NotFound:
            if not is_folder:
                raise
            return await pureboot.packs.validate_source(what)

    found = ask(ctx, look)
    if as_json:
        output.show_json(found)
    else:
        pack_lines.show_validation(found)
    if found.error_count:
        ctx.exit(1)


@command(pack, "update")
@click.argument("ref")
@_revision
@click.option("--source", metavar="PATH|URL", help="Where the pack is from now on.")
@_sums
@_adopt
@_yes
@json_option
def update(
    ctx: click.Context,
    ref: str,
    revision: str | None,
    source: str | None,
    manifest_sha256: str | None,
    adopt: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what has changed in a pack and, after a question, sync it.

    A repository is taken at the commit that its revision means now, or at another revision.
    """
    from console.cli import pack_lines
    from engine.core.shape import as_data

    given = {"revision": revision, "source": source, "manifest_sha256": manifest_sha256}
    values = {name: value for name, value in given.items() if value is not None}
    preview = ask(ctx, lambda pureboot: pureboot.packs.preview(ref, values, local=True, adopt=adopt))
    if not as_json:
        pack_lines.show_preview(preview)
    if not yes and not _agreed(preview):
        click.echo("pureboot: nothing was changed", err=True)
        ctx.exit(1)
    if preview.pack.commit_id is not None:
        values["commit_id"] = preview.pack.commit_id  # what was shown, and nothing newer
    found, report = ask(
        ctx, lambda pureboot: pureboot.packs.update(ref, values, by=principal(), local=True, adopt=adopt)
    )
    _tell(ctx, {found.ref: report}, {**as_data(found), "sync": report}, "updated", as_json=as_json)


def _agreed(preview: "Preview") -> bool:
    if not preview.changes and preview.pack == preview.before:
        return True
    return click.confirm(f"Take over these {len(preview.changes)} changes?", default=False, err=True)


@command(pack, "remove")
@click.argument("ref")
@click.option("--force", is_flag=True, help="Also if executions run its workflows or other packs need it.")
@_yes
@json_option
def remove(ctx: click.Context, ref: str, force: bool, yes: bool, as_json: bool) -> None:
    """Forget a pack and archive its documents; their versions stay."""
    from console.cli import output

    going = ask(ctx, lambda pureboot: pureboot.packs.removal(ref))
    if not yes:
        for name in going.documents:
            running = f", which {going.live[name]} executions run now" if name in going.live else ""
            click.echo(f"archives {name}{running}", err=True)
        for name in going.needed_by:
            click.echo(f"pack {name} needs it", err=True)
        if not click.confirm(f"Remove the pack {ref} and archive {len(going.documents)} documents?", err=True):
            click.echo("pureboot: nothing was changed", err=True)
            ctx.exit(1)
    gone = ask(ctx, lambda pureboot: pureboot.packs.remove(ref, by=principal(), force=force))
    output.done(gone, f"pack {gone.ref} removed; {len(going.documents)} documents archived", as_json=as_json)


@command(pack, "export")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--ref", required=True, help="What the pack is to be called.")
@click.option("--tag", multiple=True, help="Only documents with this tag; may be given several times.")
@click.option("--name", multiple=True, help="Only this document; may be given several times.")
@click.option("--label", default="")
@click.option("--description", default="")
@json_option
def export(
    ctx: click.Context,
    folder: Path,
    ref: str,
    tag: Sequence[str],
    name: Sequence[str],
    label: str,
    description: str,
    as_json: bool,
) -> None:
    """Write the library as a pack to DIR: all templates and workflows in use, or those with a tag or name.

    Synced on an empty PureBoot it gives the same library: `pureboot pack add DIR`. Files are left out, and said.
    """
    from console.cli import output
    from engine.packs.folder import write_folder

    async def read(pureboot: "PureBoot") -> "tuple[dict[str, bytes], dict[str, str]]":
        packs = pureboot.packs
        files = await packs.export(ref, names=name, tags=tag, label=label, description=description)
        return files, {} if name or tag else await packs.not_exported()

    files, left_out = ask(ctx, read)
    write_folder(folder, files)
    for each, why in sorted(left_out.items()):
        click.echo(f"pureboot: template {each} is left out: {why}", err=True)
    counts = {kind: sum(path.startswith(f"{kind}/") for path in files) for kind in ("templates", "workflows")}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    output.done(
        {"ref": ref, "folder": str(folder), **counts, "left_out": left_out},
        f"{told} written to {folder}",
        as_json=as_json,
    )


@command(pack, "manifest")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="PATH")
@click.option("--check", is_flag=True, help="Compare the files with the MANIFEST.sha256 there is, and write nothing.")
@json_option
def manifest(ctx: click.Context, folder: Path, check: bool, as_json: bool) -> None:
    """Write MANIFEST.sha256, the digests of all files of a pack, and print its own digest to pin."""
    from console.cli import output
    from engine.core import pack_sums
    from engine.core.packs import SUMS
    from engine.packs.folder import read_folder

    files = read_folder(folder, all_files=True)
    if check:
        _check_sums(ctx, files, as_json)
        return
    for problem in files.refused:
        click.echo(f"pureboot: {folder}/{problem}", err=True)
    if files.refused:
        ctx.exit(1)
    text = pack_sums.write(pack_sums.sums(files))
    (folder / SUMS).write_text(text, encoding="utf-8")
    digest = pack_sums.digest_of(text.encode())
    count = text.count("\n")
    output.done({"files": count, "sha256": digest}, f"{SUMS} of {count} files: {digest}", as_json=as_json)


def _check_sums(ctx: click.Context, files: Any, as_json: bool) -> None:
    from console.cli import output
    from engine.core import pack_sums
    from engine.core.packs import SUMS

    if SUMS not in files.files:
        raise click.ClickException(f"there is no {SUMS}; write it with pureboot pack manifest")
    problems = pack_sums.differences(files, None)
    if as_json:
        output.show_json(problems)
    for problem in () if as_json else problems:
        click.echo(f"pureboot: {problem}", err=True)
    if problems:
        ctx.exit(1)
    if not as_json:
        output.say(f"all {len(pack_sums.sums(files))} files are as {SUMS} says")
