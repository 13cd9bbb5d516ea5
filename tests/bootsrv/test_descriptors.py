"""A service raises its own limit of open files."""

import json
import subprocess
import sys

import pytest

from tests.console.cli_support import ROOT

PROGRAM = """
import json, resource, sys
from bootsrv.descriptors import allow_many
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
told = allow_many(wanted)
print(json.dumps([told, *resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "then"),
    [(64, 512, 256, 256), (64, 512, 4096, 512), (400, 512, 256, 400), (512, 512, 4096, 512)],
)
def test_the_soft_limit_is_raised_and_never_lowered(soft: int, hard: int, wanted: int, then: int) -> None:
    words = [sys.executable, "-c", PROGRAM, str(soft), str(hard), str(wanted)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [then, then, hard]
