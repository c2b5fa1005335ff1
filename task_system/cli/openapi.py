"""`taskq openapi`: the API's description."""

import json

import click

from task_system.api.openapi import document
from task_system.api.openapi.postman import collection
from task_system.cli.common import configured
from task_system.wiring.web import create_app


@click.command()
@click.option("--postman", is_flag=True, help="As a Postman collection.")
def openapi(postman: bool) -> None:
    """Print the API's description: OpenAPI 3.1, or a Postman collection. Needs no running service."""
    app = create_app(configured())
    services = app.extensions["task_system"]
    made = document(app, services.registry, services.version)
    click.echo(json.dumps(collection(made) if postman else made, indent=2, ensure_ascii=False))
