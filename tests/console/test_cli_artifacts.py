"""`workflow new`, `execution artifacts`, and texts that pass through the command line byte for byte."""

import asyncio
from pathlib import Path

from tests.conftest import Opener
from tests.console.cli_support import Commands
from tests.story import ADA, ended, published

FLOW = "name: reported\nsteps:\n  - {key: a, action: core.render, with: {template: page, as: page.txt}}\n"
ROLE = """\
params: {disks: {type: array, items: {type: string}}, n: {type: integer, default: 1}}
---
name: {{ name }}
steps:
{% for disk in params.disks %}
  - {key: "s{{ loop.index }}", action: core.echo, with: {message: {{ (disk ~ params.n) | yaml }}}}
{% endfor %}
"""
BYTES = b"\xef\xbb\xbfa\r\n\tb\x0c\r\nlast"


async def test_artifacts_are_listed_printed_and_saved(store_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.templates.create("page", BYTES.decode(), by=ADA)
        execution = await ended(pureboot, await pureboot.executions.start(await published(pureboot, FLOW), by=ADA))
    await asyncio.to_thread(_look, store_url, tmp_path, execution.id)


def _look(url: str, tmp_path: Path, id_: str) -> None:
    run = Commands(url, tmp_path)
    assert "page.txt" in run.ok("execution", "artifacts", id_[:8])
    [made] = run.json("execution", "artifacts", id_)
    assert (made["name"], made["size"], "content" in made) == ("page.txt", len(BYTES), False)
    assert run("execution", "artifacts", id_, "page.txt").stdout_bytes == BYTES
    saved = tmp_path / "saved"
    assert "saved to" in run.ok("execution", "artifacts", id_, "page.txt", "--output", str(saved))
    assert saved.read_bytes() == BYTES
    assert run("execution", "artifacts", id_, "none").exit_code == 3
    assert run("execution", "artifacts", id_, "--output", "x").exit_code == 2


def test_a_draft_is_made_from_a_template(tmp_path: Path) -> None:
    run = Commands(f"sqlite:///{tmp_path}/s.db", tmp_path)
    (tmp_path / "role.yaml").write_text(ROLE)
    run.ok("template", "add", "role", str(tmp_path / "role.yaml"), "--type", "workflow")
    given = ("--set", "disks=[/dev/sda, b]", "--set", "n=2")
    assert "s2" in run.ok("workflow", "new", "web", "--from", "role", *given, "--dry-run")
    assert run.json("workflow", "list") == []
    assert "made as v1.0 (draft)" in run.ok("workflow", "new", "web", "--from", "role", *given)
    assert run.json("workflow", "show", "web")["steps"][0]["with"] == {"message": "/dev/sda2"}
    assert run("workflow", "new", "web", "--from", "role", *given).exit_code == 4
    wrong = run("workflow", "new", "db", "--from", "role", "--set", "n=x", "--set", "y=1")
    assert wrong.exit_code == 1
    for part in ("params.y: there is no such input", "params.disks: is missing", "params.n: 'x' is not of type"):
        assert part in wrong.stderr
    assert run("workflow", "new", "db", "--from", "none").exit_code == 3
    assert run("workflow", "new", "db").exit_code == 2


def test_a_templates_bytes_pass_unharmed(tmp_path: Path) -> None:
    run = Commands(f"sqlite:///{tmp_path}/s.db", tmp_path)
    file = tmp_path / "t.txt"
    file.write_bytes(BYTES)
    run.ok("template", "add", "t", str(file))
    assert run("template", "show", "t").stdout_bytes == BYTES
    assert run("template", "render", "t").stdout_bytes == BYTES
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf more >> "$1"\n')
    editor.chmod(0o755)
    edited = Commands(run.url, tmp_path)
    edited._environment = {**edited._environment, "EDITOR": str(editor), "VISUAL": str(editor)}
    edited.ok("template", "edit", "t")
    assert run("template", "show", "t").stdout_bytes == BYTES + b"more"
    file.write_bytes(b"ok\nab\xff")
    for words in (("template", "new-version", "t"), ("workflow", "import"), ("workflow", "validate")):
        refused = run(*words, str(file))
        assert refused.exit_code == 1
        assert f"{file}:2:3: is not text in UTF-8: byte 5 (0xff) is wrong" in refused.stderr
    file.write_bytes("ü".encode("utf-16"))
    assert "it looks like UTF-16" in run("template", "add", "u", str(file)).stderr
    file.write_bytes(b"x" * (1024 * 1024 + 1))
    assert "1048576" in run("template", "add", "u", str(file)).stderr
