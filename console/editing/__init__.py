"""Writing workflows and templates: where it begins, what is kept of it, and going on in another editor."""
