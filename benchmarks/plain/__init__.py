"""The peer: what Flask's and Celery's documentation lead a careful reader to write. It shares no code with ours."""
