"""How Alembic runs our migrations: on the connection that `migrate` hands over, one transaction for all."""

from alembic import context

from task_system.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
