"""Where values are kept: the only package that imports SQLAlchemy."""
