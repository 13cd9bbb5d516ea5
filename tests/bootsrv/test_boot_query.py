"""What a machine says in its question for the script is read as the standard library reads it."""

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from bootsrv.http.boot import pairs_of

_TEXTS = st.text(st.sampled_from("abc=&%+4f0C3zé\x00 ;"), max_size=40)


@given(_TEXTS)
def test_as_the_standard_library(query: str) -> None:
    expected = parse_qsl(query, errors="replace")
    assert [(name, value) for name, value in pairs_of(query) if value] == expected
