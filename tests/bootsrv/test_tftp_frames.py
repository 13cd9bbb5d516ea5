"""A file as datagrams: each as it would be alone, made once for all, and never more of them than there is room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootsrv.tftp.frames import PART_BLOCKS, PART_BYTES, Frames, Part, Shelf
from bootsrv.tftp.packet import encode_data
from bootsrv.tftp.source import FileContent


def all_of(frames: Frames, blocks: int) -> Part:
    found: Part = []
    while len(found) < blocks:
        first, part = frames.part(len(found) + 1)
        assert first == len(found) + 1
        found += part
    return found


@given(data=st.binary(max_size=3000), blksize=st.integers(8, 600), shared=st.booleans())
def test_they_are_the_blocks_in_order(data: bytes, blksize: int, shared: bool) -> None:
    blocks = len(data) // blksize + 1
    content = FileContent(data) if shared else data
    expected = [encode_data(at + 1, data[at * blksize : (at + 1) * blksize]) for at in range(blocks)]
    assert all_of(Frames(content, blksize, Shelf()), blocks) == expected


@given(size=st.integers(0, 300_000), blksize=st.integers(8, 65464), block=st.integers(1, 40_000))
def test_a_part_has_its_block_and_no_more_than_it_may(size: int, blksize: int, block: int) -> None:
    block = min(block, size // blksize + 1)
    first, part = Frames(bytes(size), blksize).part(block)
    assert first <= block < first + len(part)
    assert len(part) <= PART_BLOCKS
    assert sum(len(each) - 4 for each in part) <= max(PART_BYTES, blksize)


def test_block_numbers_begin_anew_after_65535() -> None:
    first, part = Frames(bytes(8 * 70_000), 8).part(65_536)
    assert part[65_536 - first] == encode_data(0, bytes(8))
    assert part[65_535 - first] == encode_data(65_535, bytes(8))


def test_transfers_of_one_file_and_block_size_share_them() -> None:
    shelf, content = Shelf(), FileContent(bytes(100_000))
    one, other = Frames(content, 1428, shelf), Frames(content, 1428, shelf)
    assert one.part(5)[1] is other.part(7)[1]
    assert Frames(content, 1024, shelf).part(5)[1] is not one.part(5)[1]
    assert Frames(FileContent(bytes(100_000)), 1428, shelf).part(5)[1] is not one.part(5)[1]


def test_what_is_kept_is_bounded_and_what_was_used_last_stays() -> None:
    shelf, content = Shelf(200_000), FileContent(bytes(10_000_000))
    frames = Frames(content, 1428, shelf)
    first = frames.part(1)[1]
    for block in range(1, 5000, PART_BLOCKS):
        frames.part(block)
        assert frames.part(1)[1] is first
        assert shelf.bytes <= 200_000
    seldom = frames.part(PART_BLOCKS + 1)[1]
    for block in range(1000, 2000, PART_BLOCKS):
        frames.part(block)
    assert frames.part(PART_BLOCKS + 1)[1] is not seldom


class _Dear:
    """Content that is no bytes: it says what was read of it."""

    def __init__(self) -> None:
        self.read: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, part: slice) -> bytes:
        self.read.append((part.start, part.stop))
        return bytes(min(part.stop, 1000) - part.start)


@pytest.mark.parametrize("block", [1, 3, 10])
def test_what_is_no_bytes_is_not_read_in_advance(block: int) -> None:
    content = _Dear()
    assert Frames(content, 100, Shelf()).part(block)[0] == block
    assert content.read == [((block - 1) * 100, block * 100)]
