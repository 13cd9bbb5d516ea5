"""A new version says which version it was made from, so that nobody's change is undone; on both databases."""

import asyncio

import pytest

from engine.errors import Conflict
from tests.conftest import Opener
from tests.story import ADA


async def test_a_text_that_was_made_from_an_older_version_is_refused(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        templates = pureboot.templates
        await templates.create("t", "one\n", by=ADA)
        await templates.add_version("t", "one\ntheirs\n", by=ADA, based_on="v1.0")
        with pytest.raises(Conflict, match=r"t is v1\.1 by now, and this text was made from v1\.0"):
            await templates.add_version("t", "one\nmine\n", by=ADA, based_on="v1.0")
        await templates.add_version("t", "one\ndraft\n", by=ADA, based_on="v1.1", draft=True)
        await templates.add_version("t", "one\ntheirs\nmine\n", by=ADA, based_on="v1.1")
        assert (await templates.version("t")).version_string == "v1.3"
        await templates.add_version("t", "anything\n", by=ADA)


async def test_of_many_at_once_one_wins(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.templates.create("t", "one\n", by=ADA)
        done = await asyncio.gather(
            *(pureboot.templates.add_version("t", f"{n}\n", by=ADA, based_on="v1.0") for n in range(5)),
            return_exceptions=True,
        )
        assert sum(isinstance(each, Conflict) for each in done) == 4
        assert (await pureboot.templates.versions("t"))[1] == 2
