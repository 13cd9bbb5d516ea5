"""Where the bytes of file templates lie, below `files.dir`. Nothing here knows the store; all of it is for threads."""
