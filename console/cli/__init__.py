"""The command line: one noun a file, each imported only when it is used, so that help answers at once."""
