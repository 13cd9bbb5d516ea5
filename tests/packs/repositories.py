"""Packs on the disk, and git repositories that hold them."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.programs import program

MANIFEST = "ref: my_pack\nlabel: My pack\nversion: 1.0.0\ndescription: For tests\n"
HELLO = "steps:\n  - {key: a, action: core.echo, with: {message: hi}}\n"
SMALL: Mapping[str, str] = {"pack.yaml": MANIFEST, "templates/motd": "welcome\n", "workflows/hello.yaml": HELLO}


def lay(root: Path, files: Mapping[str, str | bytes] = SMALL) -> Path:
    """Write files below a folder."""
    for name, content in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def git(root: Path, *words: str) -> str:
    """Run git in a repository."""
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        [program("git"), *who, "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def commit(root: Path, files: Mapping[str, str | bytes] = SMALL, *, gone: tuple[str, ...] = ()) -> str:
    """Commit files to a repository, which is made if it is not there; gives the commit."""
    root.mkdir(parents=True, exist_ok=True)
    if not (root / ".git").exists():
        git(root, "init", "--quiet", "--initial-branch=main", ".")
    lay(root, files)
    for name in gone:
        (root / name).unlink()
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "a change")
    return git(root, "rev-parse", "HEAD")
