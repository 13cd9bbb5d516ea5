"""What Alembic runs: the migrations, on the connection and in the transaction that the caller holds."""

from alembic import context

from engine.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table only by copying it
    transactional_ddl=True,  # the caller holds the transaction, on SQLite as well
    transaction_per_migration=False,
)
context.run_migrations()
