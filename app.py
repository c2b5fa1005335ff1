"""The HTTP door: what `flask run` and every WSGI server look for."""

from task_system.wiring.web import create_app

app = create_app()
