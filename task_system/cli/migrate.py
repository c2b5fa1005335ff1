"""`taskq migrate`: database and broker as this version needs them."""

import click

from task_system.broker import policies
from task_system.cli.common import configured
from task_system.store import Database
from task_system.store.migrate import upgrade


@click.command()
def migrate() -> None:
    """Bring database and broker to what this version needs. Harmless when they are there already."""
    settings = configured()
    upgrade(Database(settings.database))
    click.echo("database: up to date")
    if settings.embedded:
        return
    management_url = settings.rabbitmq_management_url.get_secret_value()
    if management_url:
        policies.apply(management_url, settings.broker)
        click.echo("RabbitMQ policies: set")
    else:
        command = policies.command(settings.broker)
        click.echo(f"RabbitMQ policies: set RABBITMQ_MANAGEMENT_URL, or run once\n  {command}")
        click.echo("(RabbitMQ before 3.12 takes it without consumer-timeout.)")
