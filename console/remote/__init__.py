"""A PureBoot far away, as the console sees it: its API, its live events, and what to say when the line is cut."""
