"""Reading the tree of an ISO image: where in the image each of its files is, so that they can be served out of it.

The image comes from anywhere, so every number in it is checked before it is used, and everything that is walked has a
bound. (pycdlib, which the tests compare this with, makes an object of every record before it can be asked anything,
and is stricter than the images that people have: its own issues 3, 81 and 130.)
"""

from engine.blobs.iso.image import Image
from engine.blobs.iso.reading import read_tree
from engine.blobs.iso.tree import Entry, EntryKind, Tree

__all__ = ["Entry", "EntryKind", "Image", "Tree", "read_tree"]
