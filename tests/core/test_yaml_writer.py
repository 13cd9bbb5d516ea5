"""What is written as YAML reads back the same, whatever a text is made of."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.core.yaml_writer import written

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
_PIECES = st.sampled_from([*" \n\r\t\x85\u2028\ufeff#|'\"~aé", "  ", ": ", " #", "- ", "yes", "12"])
_ANY = _TEXTS | st.lists(_PIECES, max_size=12).map("".join)


@given(st.dictionaries(st.sampled_from("abc"), _ANY), st.integers(20, 200))
def test_any_text_comes_back(texts: dict[str, str], width: int) -> None:
    assert yaml.safe_load(written(texts, width=width)) == texts


@pytest.mark.parametrize("text", ["\x85a", "a\r\nb", "\ufeffa", "one\x85two\n", "a\u2028b"])
def test_a_line_break_that_is_no_line_feed_is_written_by_its_name(text: str) -> None:
    assert written({"a": text}).startswith('a: "')


def test_a_script_is_a_block_as_a_person_writes_it() -> None:
    assert written({"run": "set -e\necho hello\n", "b": ["x"]}) == "run: |\n  set -e\n  echo hello\nb:\n- x\n"
