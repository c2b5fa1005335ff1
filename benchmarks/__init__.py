"""Measurements of the service beside a plain Flask + Celery service. See README.md."""
