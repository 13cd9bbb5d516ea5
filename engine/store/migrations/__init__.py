"""The steps from an empty database to the tables of `schema`, carried out by Alembic when a store is opened."""
