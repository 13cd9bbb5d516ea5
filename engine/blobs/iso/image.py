"""The bytes of an image, handed out only where there are some."""

import os

from engine.errors import Invalid

SECTOR = 2048
LONGEST_READ = 16 * 1024 * 1024


class BadImage(Invalid):
    """An image that is none, is cut off, or tries to mislead whoever reads it."""


class Image:
    """An open image of `size` bytes. What is read of it is counted: nobody makes it be read without end."""

    def __init__(self, descriptor: int, size: int, *, most_bytes: int = 256 * 1024 * 1024) -> None:
        self._descriptor = descriptor
        self.size = size
        self._left = most_bytes

    def check(self, offset: int, length: int, what: str) -> None:
        """Refuse what is not within the image.

        Raises:
            BadImage: it is not.
        """
        if offset < 0 or length < 0 or offset + length > self.size:
            raise BadImage(
                f"{what} is said to be at bytes {offset} to {offset + length}, but the image ends at {self.size}: "
                "it is cut off or damaged"
            )

    def read(self, offset: int, length: int, what: str) -> bytes:
        """Bytes of the image.

        Raises:
            BadImage: they are not within it, or too much was read already.
        """
        self.check(offset, length, what)
        self._left -= length
        if length > LONGEST_READ or self._left < 0:
            raise BadImage(f"{what} is larger than the folders of an image can be")
        data = os.pread(self._descriptor, length, offset)
        if len(data) != length:
            raise BadImage(f"{what} cannot be read: the image ends too soon")
        return data

    def sector(self, number: int, what: str) -> bytes:
        """A sector of 2048 bytes."""
        return self.read(number * SECTOR, SECTOR, what)
