"""Going on in $EDITOR, in a real terminal: the servers go on serving meanwhile, and the terminal is taken back."""

import sys
from pathlib import Path

import pytest

from console.editing.external import command as editor_command
from engine.errors import Unavailable
from tests.console.cli_support import Commands, Terminal, environment
from tests.ports import free_port

GREET = "name: greet\nsteps:\n  - key: hello\n    action: core.echo\n"

# What a person's editor does: it draws, it is told to stop by keys that are not for it, it saves; meanwhile somebody
# asks the server for its health.
EDITOR = """\
#!/bin/sh
trap '' INT
printf 'an editor has the terminal\\n'
kill -INT 0
kill -TSTP 0
{python} -c "import urllib.request as r
print('served:', r.urlopen('http://127.0.0.1:{port}/health', timeout=20).status)"
printf '# from outside\\n' >> "$2"
exit {code}
"""


def test_the_editor_that_a_person_wants() -> None:
    assert editor_command({}) == ["vi"]
    assert editor_command({"EDITOR": "nano -w"}) == ["nano", "-w"]
    assert editor_command({"VISUAL": "code --wait", "EDITOR": "ed"}) == ["code", "--wait"]
    assert editor_command({"VISUAL": " ", "EDITOR": "'my ed'"}) == ["my ed"]
    with pytest.raises(Unavailable, match="EDITOR is no command"):
        editor_command({"EDITOR": "ed 'x"})


def test_the_text_goes_to_the_editor_and_comes_back_while_the_servers_serve(
    pureboot_command: Commands, tmp_path: Path
) -> None:
    port, script, workflow = free_port(), tmp_path / "ed.sh", tmp_path / "greet.yaml"
    workflow.write_text(GREET)
    pureboot_command.ok("workflow", "import", str(workflow), "--publish")
    python = sys.executable
    script.write_text(EDITOR.format(python=python, port=port, code=0))
    script.chmod(0o755)
    env = environment(pureboot_command.url, tmp_path) | {
        "PUREBOOT_HTTP__PORT": str(port),
        "VISUAL": "",
        "EDITOR": f"{script} --wait",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    with Terminal(env=env) as terminal:
        terminal.until("no nodes yet")
        terminal.press("4")
        terminal.until("greet")
        terminal.press("e")
        terminal.until("nothing is wrong")
        terminal.press("\x05")
        terminal.until("served: 200")
        assert b"an editor has the terminal" in terminal.shown
        terminal.until("# from outside")
        terminal.until("changed")
        terminal.press("\x1b")
        terminal.until("keep for later")
        terminal.press("x")
        script.write_text(EDITOR.format(python=python, port=port, code=3))
        terminal.shown = b""
        terminal.until("versions")
        terminal.press("e")
        terminal.until("nothing is wrong")
        terminal.press("\x05")
        terminal.until("ended with 3;")
        terminal.press("\x11")
        assert terminal.end() == 0
    assert list((tmp_path / "state" / "pureboot" / "edits").rglob("*.*")) == []
